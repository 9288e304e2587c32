#!/bin/sh
# The model of the protocol, checked by spin: as it is nothing is found, and every fault that is
# planted in it is. From anywhere; a directory to work in is the argument. LOCACHE_TEST_LONG=1: two
# processes may die, not one.
set -eu
model=$(cd "$(dirname "$0")" && pwd)/flight.pml
mkdir -p "$1"
cd "$1"
deaths=1
if [ "${LOCACHE_TEST_LONG:-}" = 1 ]; then deaths=2; fi

# check NAME OPTIMISATION OPTION...: 0 where spin found nothing, 1 where it found something
check() {
    name=$1 optimisation=$2
    shift 2
    mkdir -p "$name"
    (
        cd "$name"
        spin -a "$@" "$model" >spin.log
        cc "$optimisation" -w -DSAFETY -DCOLLAPSE -DVECTORSZ=2048 -DMEMLIM=4096 -o pan pan.c
        ./pan -m1000000 >pan.log 2>&1
        if ! grep -q '^State-vector' pan.log ||
            grep -q 'max search depth too small\|out of memory' pan.log; then
            cat pan.log
            exit 2
        fi
        grep -q 'errors: 0' pan.log
    )
}

check sound -O2 "-DDEATHS=$deaths" || {
    cat sound/pan.log
    echo "spin found a fault in the model"
    exit 1
}
sed -n 's/^ *\([0-9.e+]*\) states, stored.*/sound: \1 states, nothing found/p' sound/pan.log
for fault in LOCK_STAYS NO_CIRCLES UNVALIDATED NO_SECOND_LOOK SWEEP_OF_THE_LIVING; do
    status=0
    # Found at once, most of them: the compiler would take longer.
    check "$fault" -O0 "-DFAULT_$fault" || status=$?
    if [ "$status" != 1 ]; then
        echo "the planted fault $fault was not found"
        exit 1
    fi
    echo "$fault: found, $(sed -n 's/^pan:1: \(.*\) (at depth.*/\1/p' "$fault/pan.log")"
done
