#!/bin/sh
# Measure locache beside other caches: from Python, from C, then from the shell. QUICK=1: two
# rounds, and nothing that is large. PART=shell: commands alone.
. tools/common.sh
sh tools/dependencies.sh build meson bench
if [ "${PART:-}" != shell ]; then
    make_venv "$(best_python)" .venv-bench bench/requirements.txt tools/requirements-build.txt
    install_package .venv-bench
fi

dir=build/bench
again=
if [ -d "$dir" ]; then again=--reconfigure; fi
quietly configure-bench meson setup "$dir" $again -Dpython=disabled -Dtests=disabled \
    -Dbuildtype=release
quietly compile-bench meson compile -C "$dir"
quick=
if [ "${QUICK:-0}" != 0 ]; then quick=--quick; fi

# What `locache run` is held against, from crates.io, where there is a cargo that builds it.
PATH=$PATH:$PWD/build/bkt/bin
if ! command -v bkt >/dev/null 2>&1 && command -v cargo >/dev/null 2>&1; then
    say "installing bkt"
    cargo install --locked --root build/bkt bkt >"$logs/bkt.log" 2>&1 </dev/null ||
        say "bkt could not be installed: $logs/bkt.log"
fi
shell() {
    say
    "$(best_python)" bench/shell.py "$dir/cli/locache" $quick
}
if [ "${PART:-}" = shell ]; then
    shell
    exit
fi

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
shell
say
.venv-bench/bin/python bench/compress.py $quick
