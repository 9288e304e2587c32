#!/bin/sh
# Which lines of src/, and which of python/ext/, do the tests of the core and of one Python together
# reach? Fails where either is below LEAST percent.
. tools/common.sh
LEAST=90
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
quietly coverage-macro env "LD_LIBRARY_PATH=$PWD/$core" \
    "$python" tests/c/test_macro.py "$PWD/$core/liblocache.so" "$PWD/include" gcc
quietly coverage-python "$venv/bin/python" -m pytest -q -p no:cacheprovider -n 2 \
    tests/python tests/fault

low=
reached() { # reached FOLDER: its report, file by file, and line by line for a browser
    report=$core/$(printf %s "$1" | tr / -)
    rm -f "$report.txt"
    status=0
    gcovr --root . --filter "$1/" --txt "$report.txt" --html-details "$report.html" \
        --fail-under-line "$LEAST" "$core" "$package" >"$logs/gcovr.log" 2>&1 || status=$?
    # Without the report, the reason.
    if [ ! -s "$report.txt" ]; then tail -n 20 "$logs/gcovr.log" >&2; fi
    cut -c1-100 "$report.txt"
    say "line by line: $report.html"
    if [ "$status" != 0 ]; then low="$low $1"; fi
}

# Each has a floor of its own: the core's many lines must not make up for the extension's.
reached src
reached python/ext
for folder in src python/ext; do
    say "$folder: $(awk '$1 == "TOTAL" { print $4 " of " $2 " lines" }' \
        "$core/$(printf %s "$folder" | tr / -).txt")"
done
if [ -n "$low" ]; then fail "lines: below $LEAST%, or no report:$low"; fi
