#!/bin/sh
# Formatting, warnings as errors with two compilers, static analysis, the house's order, types.
# Changes nothing.
. tools/common.sh
sh tools/dependencies.sh build meson test lint
python=$(best_python)
make_venv "$python" .venv-lint tools/requirements-lint.txt

failed=0
tells= # yes: what the command says where it finds nothing wrong is worth a look
check() { # check NAME COMMAND...
    check_name=$1
    shift
    if "$@" >"$logs/lint.log" 2>&1 </dev/null; then
        say "ok      $check_name${tells:+: $(cat "$logs/lint.log")}"
    else
        cat "$logs/lint.log"
        say "FAILED  $check_name"
        failed=$((failed + 1))
    fi
}

house() { # house CHECK ARGUMENT...: by tools/house/CHECK.py, which says what it looked at
    house_check=$1
    shift
    tells=yes
    check "$house_check" "$python" "tools/house/$house_check.py" "$@"
    tells=
}

formatted() {
    find include src cli python/ext tests bench examples -type f -name '*.[ch]' -exec \
        clang-format --dry-run -Werror {} +
}

# What gcc warns of beside the text's own faults it sees as it optimises; clang does not.
compiles_clean() { # with COMPILER, optimising by LEVEL: everything there is to compile
    again=
    if [ -d "build/lint-$1" ]; then again=--reconfigure; fi
    env "CC=$1" meson setup "build/lint-$1" $again --werror -Dpython=enabled \
        "-Dinterpreter=$(command -v "$python")" -Dtests=enabled -Ddebug=false \
        "-Doptimization=$2" &&
        meson compile -C "build/lint-$1"
}

public_header() { # what programs include, as their compilers may read it
    for compiler in gcc clang; do
        for language in c11:c c++17:c++; do
            printf '#include "locache.h"\n' |
                $compiler "-std=${language%:*}" -pedantic -Wall -Wextra -Werror -Iinclude \
                    -fsyntax-only -x "${language#*:}" - || return 1
        done
    done
}

symbols_have_prefix() {
    ! {
        nm -D --defined-only --format=posix build/lint-gcc/liblocache.so |
            awk '$1 !~ /^locache_/ && $2 != "A"'
        nm -D --defined-only --format=posix build/lint-gcc/python/_core*.so |
            awk '$1 != "PyInit__core"'
    } | grep .
}

tidy() {
    # One file a process: clang-tidy 14 takes a va_list of the second file for uninitialised.
    find src cli python/ext -name '*.c' | sort |
        xargs -P 2 -n 1 clang-tidy -p build/lint-clang --quiet
}

check 'clang-format' formatted
check 'gcc' compiles_clean gcc 2
check 'clang' compiles_clean clang 0
check 'clang-tidy' tidy
check 'locache.h compiles alone, as C11 and C++17' public_header
check 'exported symbols' symbols_have_prefix
house headers
house floors
house circles build/lint-gcc
house names
house form
house places
check 'ruff check' .venv-lint/bin/ruff check python tests bench examples tools
check 'ruff format' .venv-lint/bin/ruff format --check --quiet python tests bench examples tools
check 'mypy' .venv-lint/bin/mypy
check 'links of the README' "$python" tools/links.py
[ "$failed" = 0 ]
