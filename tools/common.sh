# Sourced by the scripts beside it, from the project's root. POSIX sh.
set -eu
LC_ALL=C
export LC_ALL

# What users keep in their environment must not change what is built and tested here.
unset LOCACHE_DIR PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE DESTDIR CFLAGS LDFLAGS CC \
    2>/dev/null || :
# Only where a newer one is there already does it get used: nothing here needs the newest pip.
PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export PIP_DISABLE_PIP_VERSION_CHECK PIP_ROOT_USER_ACTION

logs=build/logs
mkdir -p "$logs"

say() {
    printf '%s\n' "$*"
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# quietly NAME COMMAND...: the output goes to a log, shown only where the command fails.
quietly() {
    quiet_log=$logs/$1.log
    shift
    if ! "$@" >"$quiet_log" 2>&1 </dev/null; then
        tail -n 60 "$quiet_log" >&2
        fail "failed: $*  (all of it: $quiet_log)"
    fi
}

# The installed library, not the interpreter, is what a name like python3.12 says; pyenv leaves
# names that run nothing.
python_usable() {
    "$1" - 2>/dev/null <<'PROBE'
import sys, sysconfig, os, platform
import ensurepip, venv
ok = platform.python_implementation() == "CPython" and (3, 10) <= sys.version_info[:2] <= (3, 14)
ok = ok and not sysconfig.get_config_var("Py_GIL_DISABLED")
sys.exit(not (ok and os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h"))))
PROBE
}

python_version() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'
}

# One candidate a line, the preferred first: what `python3` is, then newer ones before older ones.
python_candidates() {
    say python3
    for minor in 14 13 12 11 10; do
        say "python3.$minor"
        for found in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.$minor.*/bin/python; do
            if [ -x "$found" ]; then say "$found"; fi
        done
    done
}

best_python() {
    python_candidates | while read -r candidate; do
        if python_usable "$candidate"; then
            say "$candidate"
            break
        fi
    done
}

# "3.11 /path/to/python", one line for each version found, oldest first.
all_pythons() {
    python_candidates | while read -r candidate; do
        if python_usable "$candidate"; then
            path=$("$candidate" -c 'import sys; print(sys.executable)')
            say "$(python_version "$candidate") $path"
        fi
    done | sort -t. -k2n -u -s | awk '!seen[$1]++'
}

digest() {
    sha256sum | cut -c1-32
}

# What the package is built from.
sources_digest() {
    find include src cli python subprojects/*.wrap subprojects/packagefiles meson.build \
        meson_options.txt pyproject.toml -type f ! -name '*.pyc' -print |
        sort | xargs sha256sum | digest
}

# The pip that fills all environments, made once: those that come with the Pythons take twice as
# long, and longer still to be unpacked into each.
shared_pip() {
    wanted=$(grep '^pip==' tools/requirements-build.txt)
    if [ "$(cat .venv-pip/stamp 2>/dev/null)" = "$wanted" ] &&
        .venv-pip/bin/python -c '' 2>/dev/null; then return; fi
    rm -rf .venv-pip
    quietly venv-pip "$(best_python)" -m venv .venv-pip
    quietly pip-pip .venv-pip/bin/python -m pip install --quiet --no-compile "$wanted"
    say "$wanted" >.venv-pip/stamp
}

# pip_for DIR ARGUMENT...: pip, run by the environment's own interpreter.
pip_for() {
    pip_venv=$1
    shift
    .venv-pip/bin/python -m pip --python "$pip_venv/bin/python" "$@"
}

# make_venv PYTHON DIR REQUIREMENTS...: created once, and again when the requirements or the
# interpreter change.
make_venv() {
    venv_python=$1 venv=$2
    shift 2
    stamp=$({ "$venv_python" -VV; cat "$@"; } | digest)
    if [ "$(cat "$venv/stamp" 2>/dev/null)" = "$stamp" ] &&
        "$venv/bin/python" -c '' 2>/dev/null; then return; fi
    shared_pip
    rm -rf "$venv"
    quietly "venv-${venv#.venv}" "$venv_python" -m venv --without-pip "$venv"
    for requirements; do
        shift
        set -- "$@" -r "$requirements"
    done
    quietly "pip-${venv#.venv}" pip_for "$venv" install --quiet --prefer-binary --no-compile "$@"
    say "$stamp" >"$venv/stamp"
}

# whole_venv PYTHON DIR: with what every Python test uses.
whole_venv() {
    make_venv "$1" "$2" tests/python/requirements.txt tests/python/requirements-once.txt \
        tools/requirements-build.txt
}

# install_package DIR [PIP OPTION...]: this tree's package, by the build tools that the venv holds.
install_package() {
    venv=$1
    shift
    stamp="$(sources_digest) $*"
    if [ "$(cat "$venv/package-stamp" 2>/dev/null)" = "$stamp" ]; then return; fi
    rm -f "$venv/package-stamp"
    mkdir -p "build/package${venv#.venv}"
    quietly "package${venv#.venv}" env "PATH=$PWD/$venv/bin:$PATH" \
        "$venv/bin/python" -m pip install --no-deps --no-build-isolation --force-reinstall \
        "-Cbuild-dir=build/package${venv#.venv}" "$@" .
    say "$stamp" >"$venv/package-stamp"
}
