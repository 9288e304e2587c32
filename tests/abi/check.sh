#!/bin/sh
# check.sh LIBRARY LISTER LISTING NM: is the binary interface what LISTING says? With UPDATE=1 in
# the environment, write it. A change of a line, but for new ones, breaks programs that were
# compiled before: it needs another soname.
set -eu
LC_ALL=C
export LC_ALL
library=$1 lister=$2 listing=$3 nm=$4

now=$(mktemp)
trap 'rm -f "$now"' EXIT
{
    # Names with two underscores are a sanitizer's.
    $nm -D --defined-only --format=posix "$library" |
        awk '$1 !~ /^__/ { print "symbol", $1 }' | sort
    "$lister"
} >"$now"

if grep '^symbol ' "$now" | grep -v '^symbol locache_'; then
    echo 'exported without the prefix' >&2
    exit 1
fi
if [ "${UPDATE-}" = 1 ]; then
    cp "$now" "$listing"
fi
if ! "$lister" | grep -q '^struct '; then
    grep -v -e '^struct ' -e '^member ' "$listing" | diff -u - "$now"
    exit
fi
diff -u "$listing" "$now" || {
    echo "The binary interface is not that of $listing." \
        "If it was meant to grow: UPDATE=1 meson test abi" >&2
    exit 1
}
