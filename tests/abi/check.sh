#!/bin/sh
# check.sh LIBRARY ARCHIVE LISTER LISTING NM: is the binary interface what LISTING says? With
# UPDATE=1 in the environment, write it. A change of a line, but for new ones, breaks programs that
# were compiled before: it needs another soname. And does the ARCHIVE (-: it cannot be asked) give
# no other name to a program?
set -eu
LC_ALL=C
export LC_ALL
library=$1 archive=$2 lister=$3 listing=$4 nm=$5

now=$(mktemp)
trap 'rm -f "$now"' EXIT
{
    # Names with two underscores are a sanitizer's; that of type A is the version's own.
    $nm -D --defined-only --format=posix "$library" |
        awk '$1 !~ /^__/ && $2 != "A" { print "symbol", $1 }' | sort
    "$lister"
} >"$now"

if grep '^symbol ' "$now" | grep -v '^symbol locache_'; then
    echo 'exported without the prefix' >&2
    exit 1
fi
if [ "$archive" != - ] && $nm -g --defined-only --format=posix "$archive" | grep -v ':$' |
    grep -v -e '^locache_' -e '^__'; then
    echo 'a name of the archive that a program may have itself' >&2
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
