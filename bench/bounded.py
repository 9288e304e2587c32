"""What a store takes under a bound in bytes, and what it takes to forget all results.

usage: bounded.py ENTRIES-PROGRAM DIRECTORY COUNT...

`DIRECTORY` is best in memory: a disk takes longer for a file than a bound does, and the ratio is
largest where files cost least. Prints a JSON object of figures by row: nanoseconds of a store where
so many results are, without a bound, under one that does not bite, and under one that evicts at
each; and of forgetting them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path
from statistics import median

from locache import persist
from workload import work

# A bound is only met by what lies in the directory of the function that has it: one for each.
WITHOUT, WITH = "without", "with"
BOUND = 1 << 40  # bytes: one that does not bite
BATCHES = 32
STORES = 64  # of each kind in a batch, the kinds in turn; of those that evict one in 32 does


def fill(program, place, count, *bound):
    """As `persist(work, version="bench")` would."""
    command = [program, str(place / "locache.cache"), "0", str(count), *map(str, bound)]
    subprocess.run(command, check=True)


def opened(place, **options):
    place = place / "locache.cache"
    return persist(work, dir=place, version="bench", memory=False, **options)


def batch(function, first):
    """Nanoseconds of one of so many stores."""
    start = time.perf_counter_ns()
    for x in range(first, first + STORES):
        function.put(x * 3, x)
    return (time.perf_counter_ns() - start) / STORES


def in_turn(functions, first):
    """Medians, by the functions' names."""
    taken = {name: [] for name in functions}
    for number in range(BATCHES):
        for name, function in functions.items():
            taken[name].append(batch(function, first + number * STORES))
    return {name: median(times) for name, times in taken.items()}


def figures(program, top, count):
    places = {name: top / f"{name}-{count}" for name in (WITHOUT, WITH)}
    for place in places.values():
        place.mkdir()
    fill(program, places[WITHOUT], count)
    fill(program, places[WITH], count, BOUND)
    free = opened(places[WITHOUT])
    found = in_turn({"free": free, "bounded": opened(places[WITH], max_bytes=BOUND)}, count)
    bytes_there = opened(places[WITH]).cache_info().bytes
    evicting = opened(places[WITH], max_bytes=bytes_there)
    again = in_turn({"free": free, "evicting": evicting}, count + BATCHES * STORES)
    # Over the free stores that it was measured beside.
    found["evicting"] = again["evicting"] / again["free"] * found["free"]
    start = time.perf_counter_ns()
    free.cache_clear()
    cleared = time.perf_counter_ns() - start
    for place in places.values():
        shutil.rmtree(place)
    rows = {f"store {what} at {count}": taken for what, taken in found.items()}
    return rows | {f"clear at {count}": cleared}


def main() -> None:
    program, top = sys.argv[1], Path(sys.argv[2])
    warnings.simplefilter("ignore")  # that a bound is small, which it is meant to be
    found = {}
    for count in sys.argv[3:]:
        found.update(figures(program, top, int(count)))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
