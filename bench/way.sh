#!/bin/sh
# The way of a call through the source files: bench/way.py says what is counted. From the project's
# root; --list names the files too, --help says more.
. tools/common.sh
sh tools/dependencies.sh build
python=$(best_python)
venv=.venv-way
make_venv "$python" "$venv" tools/requirements-build.txt
# Without optimisation, so that each call that the source spells is one.
install_package "$venv" -Csetup-args=-Db_lto=false -Csetup-args=-Dbuildtype=debug \
    -Csetup-args=-Dc_args=-finstrument-functions
mkdir -p build/way
strict='-std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror'
# shellcheck disable=SC2086
quietly compile-way gcc $strict -shared -fPIC bench/c/way.c -o build/way/way.so
"$venv/bin/python" bench/way.py build/way/way.so "$@"
