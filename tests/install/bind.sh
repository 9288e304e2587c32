#!/bin/sh
# bind.sh LIBRARY INCLUDE EXAMPLE PYTHON: does another language read the headers' own text, and use
# the library by it? With that Python, or another that has cffi. Exit 77: none has.
set -eu
python=
for candidate in "$4" python3 /usr/bin/python3; do
    if "$candidate" -c 'import cffi' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || exit 77
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
HOME=$scratch
export HOME
[ "$("$python" "$3" "$1" "$2" "$scratch/bind.cache")" = 'computed 144' ]
[ "$("$python" "$3" "$1" "$2" "$scratch/bind.cache")" = 'read 144' ]
test -f "$scratch/bind.cache/square/x=12"
