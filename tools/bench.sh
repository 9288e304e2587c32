#!/bin/sh
# Measure locache beside other caches: from Python, then from C. QUICK=1: two rounds, and nothing
# that is large.
. tools/common.sh
sh tools/dependencies.sh build meson bench
make_venv "$(best_python)" .venv-bench bench/requirements.txt tools/requirements-build.txt
install_package .venv-bench

dir=build/bench
again=
if [ -d "$dir" ]; then again=--reconfigure; fi
quietly configure-bench meson setup "$dir" $again -Dpython=disabled -Dtests=disabled \
    -Dbuildtype=release
quietly compile-bench meson compile -C "$dir"
# As a program of a user's is built: with the header and the shared library alone.
compile() { # compile PROGRAM SOURCE [LIBRARY OPTION...]
    program=$1 source=$2
    shift 2
    quietly "compile-$program" gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wpedantic -Wshadow \
        -Wconversion -Werror -Iinclude "$source" -o "$dir/$program" -L"$dir" -llocache \
        "-Wl,-rpath,$PWD/$dir" "$@"
}
compile entries bench/entries.c
compile once bench/c/once.c
# shellcheck disable=SC2046
compile bench bench/c/bench.c $(pkg-config --cflags --libs sqlite3) -llmdb

quick=
if [ "${QUICK:-0}" != 0 ]; then quick=--quick; fi
.venv-bench/bin/python bench/run.py $quick "$@"
say
scratch=$(mktemp -d "$PWD/$dir/scratch.XXXXXX")
memory=$scratch
trap 'rm -rf "$scratch" "$memory"' EXIT
trap 'exit 130' INT TERM
if [ -w /dev/shm ]; then memory=$(mktemp -d /dev/shm/locache-bench.XXXXXX); fi
mkdir "$memory/put"
"$dir/bench" "$scratch" build/bench-c.json "$memory/put"
# Where files are slow their times differ by more than a turn takes.
"$dir/once" "$memory"
say
.venv-bench/bin/python bench/shell.py "$dir/cli/locache" $quick
