#!/bin/sh
# Measure locache beside other caches: from Python, then from C.
. tools/common.sh
sh tools/dependencies.sh build meson bench
make_venv "$(best_python)" .venv-bench bench/requirements.txt tools/requirements-build.txt
install_package .venv-bench

dir=build/bench
again=
if [ -d "$dir" ]; then again=--reconfigure; fi
quietly configure-bench meson setup "$dir" $again -Dpython=disabled -Dtests=disabled -Dbuildtype=release
quietly compile-bench meson compile -C "$dir"
# As a program of a user's is built: with the header and the shared library alone.
# shellcheck disable=SC2046
quietly compile-bench-c gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -Iinclude \
    bench/c/bench.c -o "$dir/bench" -L"$dir" -llocache "-Wl,-rpath,$PWD/$dir" $(pkg-config --cflags --libs sqlite3) -llmdb

.venv-bench/bin/python bench/run.py "$@"
say
scratch=$(mktemp -d "$PWD/$dir/scratch.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
"$dir/bench" "$scratch" build/bench-c.json
