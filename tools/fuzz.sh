#!/bin/sh
# tools/fuzz.sh SECONDS: every libFuzzer target for so long, all beside each other, starting from
# the corpus that is kept.
. tools/common.sh
seconds=${1:-60}
sh tools/dependencies.sh build meson fuzz

dir=build/fuzz
again=
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
