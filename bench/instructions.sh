#!/bin/sh
# The guard of the hit path: bench/instructions.py says what is counted. From the project's root;
# --update records.
. tools/common.sh
sh tools/dependencies.sh build meson test
python=$(best_python)
# The environment that the tests make for this version.
venv=.venv-$(python_version "$python")
whole_venv "$python" "$venv"
install_package "$venv"

dir=build/instructions
again=
if [ -d "$dir" ]; then again=--reconfigure; fi
quietly configure-instructions env CC=gcc meson setup "$dir" $again -Dpython=disabled \
    -Dtests=disabled \
    -Dbuildtype=release
quietly compile-instructions meson compile -C "$dir"
strict='-std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -Iinclude'
# shellcheck disable=SC2086
quietly compile-marks gcc $strict -shared -fPIC bench/c/marks.c -o "$dir/marks.so"
# shellcheck disable=SC2086
quietly compile-counted gcc $strict bench/c/counted.c bench/c/marks.c -o "$dir/counted" \
    -L"$dir" -llocache \
    "-Wl,-rpath,$PWD/$dir"
"$venv/bin/python" bench/instructions.py "$dir" "$@"
