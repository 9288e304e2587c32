#!/bin/sh
# Every test, in its short form (LOCACHE_TEST_LONG=1: the long one). Fails where a test fails and
# where none ran.
. tools/common.sh
sh tools/dependencies.sh build meson test
python=$(best_python)
results=$logs/results
began=$(date +%s)
: >"$results"

# Sanitizers stop at what they find; a program that a sanitizer stops has failed.
ASAN_OPTIONS=abort_on_error=0:detect_stack_use_after_return=1:allocator_may_return_null=1
UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export ASAN_OPTIONS UBSAN_OPTIONS

# record NAME STATUS REPORT: count a report; a runner that ended badly or ran nothing is a failure
# of its own.
record() {
    counts='0 0 0'
    if [ -f "$3" ]; then counts=$("$python" tools/count.py "$3"); fi
    # shellcheck disable=SC2086
    set -- "$1" "$2" $counts
    if [ "$(($3 + $4))" = 0 ]; then
        say "$1: no test ran"
        set -- "$1" "$2" 0 1 0
    elif [ "$2" != 0 ] && [ "$4" = 0 ]; then
        say "$1: ended with status $2"
        set -- "$1" "$2" "$3" 1 "$5"
    fi
    say "$1: $3 passed, $4 failed, $5 skipped, at $(($(date +%s) - began)) s"
    say "$3 $4 $5" >>"$results"
}

build() { # build NAME DIRECTORY "TARGET" SETUP OPTION...: "": all targets
    name=$1 dir=$2 target=$3
    shift 3
    if [ -d "$dir" ]; then set -- --reconfigure "$@"; fi
    quietly "configure-$name" meson setup "$dir" -Dpython=disabled -Dtests=enabled "$@"
    # shellcheck disable=SC2086
    quietly "compile-$name" meson compile -C "$dir" $target
}

core() { # core NAME DIRECTORY TEST OPTION...
    name=$1 dir=$2
    shift 2
    rm -f "$dir/meson-logs/$name"*.json
    status=0
    meson test -C "$dir" --no-rebuild --num-processes 3 --print-errorlogs --logbase "$name" "$@" \
        >"$logs/$name.log" 2>&1 </dev/null || status=$?
    if [ "$status" != 0 ]; then cat "$logs/$name.log"; fi
    report=$(find "$dir/meson-logs" -name "$name*.json" | head -n 1)
    record "core $name" "$status" "$report"
}

# What is started with & cannot be interrupted, and tests interrupt themselves. The last two are
# what Python itself ignores.
interruptible='import os, signal, sys
for number in signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ:
    signal.signal(number, signal.SIG_DFL)
os.execvp(sys.argv[1], sys.argv[1:])'

examples=150 # that hypothesis tries of each property
preload= # libraries for the interpreter alone, not for what runs it
# pytest_with NAME PYTHON ARGUMENT...
pytest_with() {
    name=$1 interpreter=$2
    shift 2
    rm -f "$logs/$name.xml"
    status=0
    "$interpreter" -c "$interruptible" \
        env LD_PRELOAD="$preload" LOCACHE_TEST_EXAMPLES="$examples" \
        "$interpreter" -m pytest -q -p no:cacheprovider --dist worksteal \
        --junitxml="$logs/$name.xml" "$@" >"$logs/$name.log" 2>&1 </dev/null || status=$?
    if [ "$status" != 0 ]; then cat "$logs/$name.log"; else tail -n 1 "$logs/$name.log"; fi
    record "$name" "$status" "$logs/$name.xml"
}

plain=build/test-plain sanitized=build/test-sanitized
core_builds() {
    build plain "$plain" '' -Dbuildtype=debugoptimized
    # What is installed, and how, is the plain build's to test. What the sanitizers add takes twice
    # as long to compile at -O2 as at -O1, and runs as fast; of what -g says they tell lines.
    set -- -Dbuildtype=debugoptimized -Doptimization=1 -Dlibrary=disabled -Db_lundef=false \
        -Dc_args=-g1
    build sanitized "$sanitized" '' "$@" -Db_sanitize=address,undefined
    build threads build/test-threads threads-tests "$@" -Db_sanitize=thread
}

core_tests() {
    # A program under ThreadSanitizer takes the core that was built so.
    LOCACHE_TEST_THREADS=$PWD/build/test-threads/liblocache_core.a
    export LOCACHE_TEST_THREADS
    core plain "$plain"
    core sanitized "$sanitized" -t 4
    core threads build/test-threads --suite threads
    LOCACHE_TEST_VALGRIND=1 # what it makes slow goes fewer rounds
    export LOCACHE_TEST_VALGRIND
    core valgrind "$plain" --suite valgrind -t 10 \
        --wrapper='valgrind -q --leak-check=full --error-exitcode=9 --track-fds=no'
}

# One interpreter runs every test and has the package as users build it. The others run those that
# are not marked `once`, with the core of the plain tests.
whole=$(python_version "$python")
package=build/sanitized-package
# lean DIRECTORY LEVEL: for a package that is built soon, with the core that was built there. Most
# of what a test of Python takes is Python's: what is not optimised is built in three quarters of
# the time and tested in no more. What a sanitizer adds has to be optimised.
lean() {
    printf -- '-Csetup-args=%s ' "-Dcore=$1/liblocache_core.a" -Dcommand=disabled -Db_lto=false \
        -Db_pch=true "-Doptimization=$2"
}

prepare() {
    while read -r version interpreter; do
        venv=.venv-$version
        modules='cbor2, hypothesis.extra.numpy, pytest, xdist'
        if [ "$version" = "$whole" ]; then
            whole_venv "$interpreter" "$venv"
            install_package "$venv"
            modules="$modules, pandas, polars, pyarrow"
        else
            make_venv "$interpreter" "$venv" tests/python/requirements.txt \
                tools/requirements-build.txt
            # shellcheck disable=SC2046
            install_package "$venv" $(lean "$plain" 0)
        fi
        # Compiles them to bytecode, which each process of the tests would do for itself else.
        quietly "import-$version" "$venv/bin/python" -c "import $modules"
    done <"$logs/pythons"
    # The extension under the sanitizers.
    if [ "$(cat "$package/stamp" 2>/dev/null)" != "$(sources_digest)" ]; then
        rm -rf "$package"
        # shellcheck disable=SC2046
        quietly package-sanitized env "PATH=$PWD/.venv-$whole/bin:$PATH" \
            ".venv-$whole/bin/python" -m pip install --no-deps --no-build-isolation \
            --target "$package" -Cbuild-dir=build/package-sanitized $(lean "$sanitized" 1) \
            -Csetup-args=-Db_sanitize=address,undefined -Csetup-args=-Db_lundef=false \
            -Csetup-args=-Dbuildtype=debug -Csetup-args=-Dc_args=-g1 .
        sources_digest >"$package/stamp"
    fi
}

# The core is tested while the Pythons are prepared, and beside them: both wait for files and for
# other processes.
all_pythons >"$logs/pythons"
core_builds
core_tests &
testing=$!
commanding=
# shellcheck disable=SC2086
trap 'kill "$testing" $commanding 2>/dev/null || :' EXIT
trap 'exit 130' INT TERM
prepare

# For what is the same in every version: each has the package.
LOCACHE_TEST_PYTHONS=$(awk -v here="$PWD" \
    '{ printf "%s%s/.venv-%s/bin/python", sep, here, $1; sep = ":" }' "$logs/pythons")
# And the core, for programs of C that share caches with Python.
LOCACHE_TEST_CORE=$PWD/$plain/liblocache_core.a
export LOCACHE_TEST_PYTHONS LOCACHE_TEST_CORE

finish() { # finish PROCESS...
    for process; do
        if ! wait "$process"; then fail "not all could be tested"; fi
    done
}

commands() {
    pytest_with cli ".venv-$whole/bin/python" -n 1 tests/cli
    pytest_with tools ".venv-$whole/bin/python" -n 1 tests/tools
    # The command under the sanitizers, which look into each of its runs.
    LOCACHE_TEST_COMMAND=$PWD/$sanitized/cli/locache
    export LOCACHE_TEST_COMMAND
    pytest_with cli-sanitized ".venv-$whole/bin/python" -n 1 tests/cli
}
# Beside all others: most of it waits for processes that the tests start.
commands &
commanding=$!

long=${LOCACHE_TEST_LONG:-0}
# One interpreter runs all rows of a table, each of the others a third. Many tests wait for other
# processes, so that the others run beside each other; a worker each, which imports what tests use.
one_of_many() { # one_of_many VERSION PART
    LOCACHE_TEST_PART=$2
    # Hypothesis tries fewer examples where they are not the first to be tried.
    examples=20
    if [ "$long" = 1 ]; then examples=150 LOCACHE_TEST_PART=1/1; fi
    export LOCACHE_TEST_PART
    # The file's tests are marked `once`, and it imports what only one has.
    pytest_with "python-$1" ".venv-$1/bin/python" -n 1 -m 'not once' \
        --ignore tests/python/key/test_columns.py tests/python
}
turn=0
beside= # by their numbers, what runs beside this
while read -r version _; do
    if [ "$version" = "$whole" ]; then continue; fi
    one_of_many "$version" "$((turn % 3 + 1))/3" &
    beside="$beside $!"
    turn=$((turn + 1))
done <"$logs/pythons"
# shellcheck disable=SC2086
finish $beside
# Three workers for two processors: each begins with a third of the files, since what a file's tests
# share is made once.
LOCACHE_TEST_PART=1/1
export LOCACHE_TEST_PART
pytest_with "python-$whole" ".venv-$whole/bin/python" -n 3 tests/python

pytest_with faults ".venv-$whole/bin/python" -n 2 tests/fault

# Under the sanitizers: CPython itself leaks at its end, so that leaks are the core tests' to find.
ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0
# The other interpreters would load this one's extension.
unset LOCACHE_TEST_PYTHONS
LOCACHE_TEST_PART=1/3
if [ "$long" = 1 ]; then LOCACHE_TEST_PART=1/1; fi
export LOCACHE_TEST_PART
export PYTHONPATH="$PWD/$package" PYTHONMALLOC=malloc LOCACHE_TEST_SANITIZED=1
preload="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)"
# Not what other programs do: kernels, type checkers, compilers, pools, what runs tests; not what a
# function's source or its place says, which Python alone reads; and of a table of edits a third of
# the rows, as with the other interpreters. Nor that many processes agree: each would take the same
# ways through the extension.
examples=30
pytest_with python-sanitized ".venv-$whole/bin/python" -n 3 tests/python \
    --ignore tests/python/call/test_flight_shared.py \
    --ignore tests/python/call/test_never_pays.py --ignore tests/python/call/test_notebook.py \
    --ignore tests/python/call/test_sending.py --ignore tests/python/call/test_shared.py \
    --ignore tests/python/call/test_testing.py --ignore tests/python/call/test_typing.py \
    --ignore tests/python/call/test_where.py --ignore tests/python/identity \
    --ignore tests/python/reach/test_cells.py --ignore tests/python/reach/test_compiled.py \
    --ignore tests/python/test_package.py \
    -k 'not autoreload and not every_process and not hash_seed and not two_processes_agree' \
    --ignore tests/python/reach/test_everywhere.py --ignore tests/python/reach/test_programs.py

finish "$testing" "$commanding"
trap - EXIT

# The table of faults says what the long form injected.
if [ "$long" = 1 ]; then
    "$python" tools/faults.py docs/reliability.md \
        "$(find build/test-plain/meson-logs -name 'plain*.json' | head -n 1)" \
        "$logs/python-$whole.xml" "$logs/faults.xml" "$logs/cli.xml"
fi

awk '{ passed += $1; failed += $2; skipped += $3 }
    END {
        printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
        exit failed > 0
    }' "$results"
