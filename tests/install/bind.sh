#!/bin/sh
# bind.sh LIBRARY INCLUDE EXAMPLE PYTHON: does another language read the headers' own text, and use
# the library by it? Exit 77: no cffi.
set -eu
"$4" -c 'import cffi' 2>/dev/null || exit 77
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
HOME=$scratch
export HOME
[ "$("$4" "$3" "$1" "$2" "$scratch/bind.cache")" = 'computed 144' ]
[ "$("$4" "$3" "$1" "$2" "$scratch/bind.cache")" = 'read 144' ]
test -f "$scratch/bind.cache/square/x=12"
