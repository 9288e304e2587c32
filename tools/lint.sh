#!/bin/sh
# Formatting, warnings as errors with two compilers, static analysis, types. Changes nothing.
. tools/common.sh
sh tools/dependencies.sh build meson test lint
python=$(best_python)
make_venv "$python" .venv-lint tools/requirements-lint.txt

failed=0
check() { # check NAME COMMAND...
    check_name=$1
    shift
    if "$@" >"$logs/lint.log" 2>&1 </dev/null; then
        say "ok      $check_name"
    else
        cat "$logs/lint.log"
        say "FAILED  $check_name"
        failed=$((failed + 1))
    fi
}

c_files() {
    find include src python/ext tests bench examples -type f \( -name '*.c' -o -name '*.h' \) | sort
}

compiles_clean() { # with COMPILER: everything there is to compile
    again=
    if [ -d "build/lint-$1" ]; then again=--reconfigure; fi
    env "CC=$1" meson setup "build/lint-$1" $again --werror -Dpython=enabled "-Dinterpreter=$(command -v "$python")" \
        -Dtests=enabled -Dbuildtype=debugoptimized && meson compile -C "build/lint-$1"
}

headers_alone() {
    for header in include/locache.h src/*.h; do
        printf '#include "%s"\n' "${header#*/}" |
            gcc -std=c11 -D_GNU_SOURCE -pedantic -Wall -Wextra -Werror -Iinclude -Isrc -fsyntax-only -x c - || return 1
    done
    for compiler in gcc clang; do
        printf '#include "locache.h"\n' |
            $compiler -std=c11 -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c - || return 1
        printf '#include "locache.h"\n' |
            $compiler -std=c++17 -pedantic -Wall -Wextra -Werror -Iinclude -fsyntax-only -x c++ - || return 1
    done
}

symbols_have_prefix() {
    ! { nm -D --defined-only --format=posix build/lint-gcc/liblocache.so | awk '$1 !~ /^locache_/'
        nm -D --defined-only --format=posix build/lint-gcc/python/_core*.so | awk '$1 != "PyInit__core"'; } | grep .
}

no_long_file() {
    # The one header that is installed stays one, and is mostly comments.
    ! c_files | grep -v '^include/locache\.h$' | xargs wc -l | awk '$2 != "total" && $1 > 800' | grep .
}

tidy() {
    # One file a process: clang-tidy 14 takes a va_list of the second file for uninitialised.
    find src python/ext -name '*.c' | sort | xargs -P 2 -n 1 clang-tidy -p build/lint-clang --quiet
}

check 'clang-format' sh -c 'find include src python/ext tests bench examples -type f \( -name "*.[ch]" \) |
    xargs clang-format --dry-run -Werror'
check 'gcc' compiles_clean gcc
check 'clang' compiles_clean clang
check 'clang-tidy' tidy
check 'headers compile alone, as C11 and C++17' headers_alone
check 'exported symbols' symbols_have_prefix
check 'no file past 800 lines' no_long_file
check 'ruff check' .venv-lint/bin/ruff check python tests bench examples tools
check 'ruff format' .venv-lint/bin/ruff format --check --quiet python tests bench examples tools
check 'mypy' .venv-lint/bin/mypy
check 'links of the README' "$python" tools/links.py
[ "$failed" = 0 ]
