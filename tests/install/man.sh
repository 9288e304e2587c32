#!/bin/sh
# man.sh PAGE: does the manual page format without a warning? Exit 77: nothing here can tell.
set -eu
if command -v mandoc >/dev/null 2>&1; then
    mandoc -Tlint -Wwarning "$1"
elif command -v groff >/dev/null 2>&1; then
    said=$(groff -mandoc -Tutf8 -Kutf8 -ww -z "$1" 2>&1)
    printf '%s\n' "$said"
    [ -z "$said" ]
else
    exit 77
fi
