#!/bin/sh
# header.sh INCLUDE: does each header compile alone, without a warning, with every compiler and
# standard there is?
# Those that are missing are named.
set -u
include=$1
failed=0 tried=0
program=$(mktemp)
trap 'rm -f "$program"' EXIT

try() { # try COMPILER LANGUAGE STANDARD HEADER
    if ! echo 'int main(void);' | "$1" "-std=$3" -x "$2" -fsyntax-only - 2>/dev/null; then
        echo "skipped: $1 -std=$3"
        return
    fi
    tried=$((tried + 1))
    # Twice: the guard counts. Used: unused static functions and macros would show.
    printf '%s\n' "#include <$4>" "#include <$4>" '#include <locache.h>' \
        'int main(void) { return locache_version() == 0; }' >"$program"
    # What is made of the macros is the program's, which no compiler takes for a header's.
    if [ "$2" = c ]; then
        printf '%s\n' 'LOCACHE_SHARE("a");' 'LOCACHE_VERSION("1");' \
            'LOCACHE_PERSIST(int, twice, (int, x)) { return 2 * x; }' >>"$program"
    fi
    # In a file: GCC 16 says of what it reads from a pipe that its name is empty.
    "$1" "-std=$3" -x "$2" -pedantic -Wall -Wextra -Werror -I"$include" -fsyntax-only \
        "$program" || {
        echo "FAILED: $1 -std=$3 $4"
        failed=$((failed + 1))
    }
}

# Newer ones by their numbers: they warn of more.
for compiler in gcc clang clang-19 clang-22; do
    for standard in c11 c17 c2x gnu11; do try "$compiler" c "$standard" locache.h; done
    for standard in c++11 c++17 c++20; do try "$compiler" c++ "$standard" locache.h; done
    for part in locache/cbor.h locache/inspect.h locache/persist.h; do
        try "$compiler" c c11 "$part"
        try "$compiler" c++ c++11 "$part"
    done
done
[ "$failed" = 0 ] && [ "$tried" -gt 0 ]
