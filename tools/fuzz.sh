#!/bin/sh
# tools/fuzz.sh SECONDS: every libFuzzer target for so long, all beside each other, starting from
# the corpus that is kept.
# tools/fuzz.sh coverage: what of src/format the targets reach by their corpora alone, and by what
# they found here before.
. tools/common.sh

again=
coverage() {
    sh tools/dependencies.sh build meson test coverage
    dir=build/fuzz-coverage
    if [ -d "$dir" ]; then again=--reconfigure; fi
    quietly configure-fuzz-coverage env CC=gcc meson setup "$dir" $again -Dpython=disabled \
        -Dlibrary=disabled -Dcommand=disabled -Dtests=enabled -Dbuildtype=debug -Db_coverage=true
    targets=$(cd tests/fuzz && for source in fuzz_*.c; do echo "${source%.c}"; done)
    # shellcheck disable=SC2086
    quietly compile-fuzz-coverage meson compile -C "$dir" $targets
    find "$dir" -name '*.gcda' -exec rm -f {} +
    for target in $targets; do
        set -- "tests/fuzz/corpus/${target#fuzz_}"
        if [ -d "build/fuzz/corpus/$target" ]; then set -- "$@" "build/fuzz/corpus/$target"; fi
        quietly "replay-$target" "$dir/tests/$target" "$@"
        say "$target: $(sed -n 's/ passed.*//p' "$logs/replay-$target.log") inputs"
    done
    gcovr --root . --filter src/format/ --txt "$dir/lines.txt" --html-details "$dir/format.html" \
        --print-summary "$dir" >"$logs/gcovr-fuzz.log" 2>&1 || {
        tail -n 20 "$logs/gcovr-fuzz.log" >&2
        exit 1
    }
    cut -c1-100 "$dir/lines.txt"
    grep -E '^(lines|functions|branches):' "$logs/gcovr-fuzz.log"
    say "line by line: $dir/format.html"
}
if [ "${1:-}" = coverage ]; then
    coverage
    exit
fi

seconds=${1:-60}
sh tools/dependencies.sh build meson fuzz

dir=build/fuzz
if [ -d "$dir" ]; then again=--reconfigure; fi
quietly configure-fuzz env CC=clang meson setup "$dir" $again -Dpython=disabled \
    -Dlibrary=disabled -Dcommand=disabled -Dtests=disabled -Dfuzzers=enabled \
    -Dbuildtype=debugoptimized -Doptimization=1 \
    -Db_sanitize=address,undefined -Db_lundef=false -Dc_args=-fsanitize=fuzzer-no-link
quietly compile-fuzz meson compile -C "$dir"

fuzz() {
    corpus=$dir/corpus/$1
    mkdir -p "$corpus"
    # The bound of memory is held by tests/fuzz/bounded.c, where the core asks for it; this is for
    # what others ask for.
    "$dir/tests/$1" -max_total_time="$seconds" -timeout=10 -malloc_limit_mb=64 \
        -print_final_stats=1 -artifact_prefix="$dir/$1-" "$corpus" \
        "tests/fuzz/corpus/${1#fuzz_}" >"$logs/$1.log" 2>&1 </dev/null
}

report() {
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$1.log")
    if [ "$2" != 0 ] || [ "${runs:-0}" = 0 ]; then
        tail -n 40 "$logs/$1.log"
        say "$1: failed (what it found: $dir/$1-*)"
        failed=$((failed + 1))
    else
        say "$1: $runs inputs in $seconds s"
        passed=$((passed + 1))
    fi
}

passed=0 failed=0
targets=$(cd "$dir/tests" && find . -maxdepth 1 -type f -name 'fuzz_*' ! -name '*.*' |
    sed 's,^\./,,' | sort)
beside=
for target in $targets; do
    fuzz "$target" &
    beside="$beside $target:$!"
done
for target in $beside; do
    status=0
    wait "${target#*:}" || status=$?
    report "${target%:*}" "$status"
done
say "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
