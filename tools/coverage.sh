#!/bin/sh
# Which lines of src/, and which of python/ext/, do the tests of the core and of one Python together
# reach? Fails where either is below what it must be, in percent, and where a line of src/ that none
# reaches is not in tests/uncovered.txt, which says why.
. tools/common.sh
sh tools/dependencies.sh build meson test coverage
python=$(best_python)

core=build/coverage
again=
if [ -d "$core" ]; then again=--reconfigure; fi
# Without optimisation, which makes one line of several; counts that threads may share.
quietly configure-coverage env CC=gcc meson setup "$core" $again -Dpython=disabled \
    -Dtests=enabled -Dbuildtype=debug -Db_coverage=true -Dc_args=-fprofile-update=atomic
quietly compile-coverage meson compile -C "$core"

venv=.venv-coverage package=build/package-coverage
whole_venv "$python" "$venv"
install_package "$venv" -Csetup-args=-Db_lto=false -Csetup-args=-Db_coverage=true \
    -Csetup-args=-Dbuildtype=debug -Csetup-args=-Dc_args=-fprofile-update=atomic

# Counts of earlier runs, whose lines may be others by now.
find "$core" "$package" -name '*.gcda' -exec rm -f {} +
# Threads that count together are slow.
quietly coverage-core meson test -C "$core" --no-rebuild --suite unit --suite fuzz -t 4
# Programs as users compile them know nothing of coverage: they take the shared library, which does.
for programs in macro options; do
    quietly "coverage-$programs" env "LD_LIBRARY_PATH=$PWD/$core" \
        "$python" "tests/c/test_$programs.py" "$PWD/$core/liblocache.so" "$PWD/include" gcc
done
quietly coverage-python "$venv/bin/python" -m pytest -q -p no:cacheprovider -n 2 \
    tests/python tests/fault
quietly coverage-cli env "LOCACHE_TEST_COMMAND=$PWD/$core/cli/locache" \
    "$venv/bin/python" -m pytest -q -p no:cacheprovider -n 2 tests/cli

low=
# reached FOLDER LINES BRANCHES: its report, file by file, and line by line for a browser
reached() {
    report=$core/$(printf %s "$1" | tr / -)
    rm -f "$report.txt"
    status=0
    gcovr --root . --filter "$1/" --txt "$report.txt" --html-details "$report.html" \
        --json "$report.json" --print-summary --fail-under-line "$2" --fail-under-branch "$3" \
        "$core" "$package" >"$logs/gcovr.log" 2>&1 || status=$?
    # Without the report, the reason.
    if [ ! -s "$report.txt" ]; then tail -n 20 "$logs/gcovr.log" >&2; fi
    cut -c1-100 "$report.txt"
    grep -E '^(lines|functions|branches):' "$logs/gcovr.log"
    say "line by line: $report.html"
    if [ "$status" != 0 ]; then low="$low $1"; fi
}

# Each has a floor of its own: the core's many lines must not make up for the extension's.
reached src 95 85
reached python/ext 90 0
"$python" tools/uncovered.py "$core/src.json" tests/uncovered.txt || low="$low uncovered.txt"
for folder in src python/ext; do
    say "$folder: $(awk '$1 == "TOTAL" { print $4 " of " $2 " lines" }' \
        "$core/$(printf %s "$folder" | tr / -).txt")"
done
if [ -n "$low" ]; then fail "too little is reached, no report, or lines not listed:$low"; fi
