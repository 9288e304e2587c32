#!/bin/sh
# From nothing to results that stay: what is missing is installed, then examples/ run, cold and
# warm.
. tools/common.sh
sh tools/dependencies.sh build

python=$(best_python)
version=$(python_version "$python")
if ! { [ -x .venv/bin/python ] && [ "$(python_version .venv/bin/python)" = "$version" ]; }; then
    rm -rf .venv
    quietly venv "$python" -m venv .venv
fi
if [ "$(cat .venv/package-stamp 2>/dev/null)" != "$(sources_digest)" ]; then
    say "building locache for CPython $version into .venv ..."
    quietly install .venv/bin/python -m pip install --force-reinstall .
    sources_digest >.venv/package-stamp
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/locache-demo.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
python=$PWD/.venv/bin/python
say 'building the C library ...'
sh tools/install.sh "$scratch/prefix" >"$logs/demo-library.log"
mkdir "$scratch/c"
cp examples/foo.py examples/ising.py "$scratch"
cp examples/foo.c "$scratch/c"
cd "$scratch"

shown() { # shown COMMAND LINE: as typed, then what it prints
    printf '\n$ %s\n' "$1"
    PATH="${python%/*}:$PATH" PKG_CONFIG_PATH="$scratch/prefix/lib/pkgconfig" \
        LD_LIBRARY_PATH="$scratch/prefix/lib" sh -c "$1"
}

shown 'cat foo.py'
shown 'python foo.py'
printf '\n%s\n' 'Once more, in a new process:'
shown 'python foo.py'
shown 'ls foo.cache/my_func'
printf '\n%s\n' 'The same in C.'
cd c
shown 'cat foo.c'
shown 'cc foo.c $(pkg-config --cflags --libs locache) -o foo'
shown './foo'
printf '\n%s\n' 'Once more, in a new process:'
shown './foo'
shown 'ls foo.cache/my_func'
cd ..
printf '\n%s\n' 'Something slow: an Ising magnet through its phase transition, in pure Python.'
shown 'python ising.py'
printf '\n%s\n' 'Once more: the results are files now.'
shown 'python ising.py'
shown 'ls ising.cache/magnetisation'
