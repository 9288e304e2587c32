#!/bin/sh
# man.sh LISTING HEADER PAGE...: do the manual pages say every function of the binary interface's
# listing, and every macro of the header, and do they format without a warning? Exit 77: nothing
# here can tell the last.
set -eu
listing=$1 header=$2
shift 2

# But those that the macros call, which are no interface.
functions=$(sed -n 's/^symbol \(locache_[a-z0-9_]*\).*/\1/p' "$listing" |
    grep -v -E '^locache_(call_.*|function_(begin|end|reset))$')
# Of one word of capitals, without those that they are made of.
macros=$(sed -n 's/^#define \(LOCACHE_[A-Z_]*[A-Z]\)(.*/\1/p' "$header" |
    grep -v -E '_(OK|MANY|IF|EACH)$|_AS_TYPE|^LOCACHE_VERSION$' | sort -u)
missing=
for name in $functions $macros; do
    if ! cat "$@" | grep -q -E "^\.Fn $name( |\$)"; then missing="$missing $name"; fi
done
[ "$(printf '%s\n' "$functions" | wc -l)" -gt 90 ] && [ "$(printf '%s\n' "$macros" | wc -l)" -gt 8 ]
if [ -n "$missing" ]; then
    printf '%s\n' "no manual page says:$missing"
    exit 1
fi

if command -v mandoc >/dev/null 2>&1; then
    mandoc -Tlint -Wwarning "$@"
elif command -v groff >/dev/null 2>&1; then
    for page; do
        said=$(groff -mandoc -Tutf8 -Kutf8 -ww -z "$page" 2>&1)
        printf '%s' "$said"
        [ -z "$said" ]
    done
else
    exit 77
fi
