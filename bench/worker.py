"""Measure one contender in a process of its own: `worker.py CONTENDER PHASE DIRECTORY`; prints one JSON object.

Phase `cold`: decoration, misses, repeated hits, on an empty directory. Phase `warm`: the same cache in a new process:
its very first call, then the first hit of each key. Figures are nanoseconds per operation, the median of batches.
"""

from __future__ import annotations

import json
import sys
import time

now = time.perf_counter_ns

HITS = 2_000  # calls in a batch of repeated hits; slow contenders get fewer (see `batch_size`)
KEYS = 400  # distinct keys that are stored and later hit for the first time
DECORATIONS = 50
BATCHES = 7
BATCH_NANOSECONDS = 50_000_000  # a batch should not take longer than so much


def median(values):
    return sorted(values)[len(values) // 2]


def batch_size(call) -> int:
    """How many calls fit a batch, judged by a few."""
    start = now()
    for _ in range(3):
        call()
    return max(3, min(HITS, BATCH_NANOSECONDS // max(1, (now() - start) // 3)))


def repeated(call) -> float:
    """Nanoseconds per call."""
    count = batch_size(call)
    batches = []
    for _ in range(BATCHES):
        start = now()
        for _ in range(count):
            call()
        batches.append((now() - start) / count)
    return median(batches)


def each_once(function, first: int) -> float:
    """Nanoseconds per call over KEYS different arguments."""
    batches = []
    step = KEYS // BATCHES
    for at in range(first, first + step * BATCHES, step):
        start = now()
        for x in range(at, at + step):
            function(x)
        batches.append((now() - start) / step)
    return median(batches)


def load_workload(directory):
    """The function to memoize, from a real source file (some contenders read it)."""
    sys.path.insert(0, str(directory))
    import workload

    return workload


def cold(name, memoize, directory) -> dict:
    workload = load_workload(directory)
    function = memoize(workload.work, directory)
    decorated = []
    for other in workload.OTHERS[:DECORATIONS]:
        start = now()
        memoize(other, directory)
        decorated.append(now() - start)
    function(-1)
    results = {"decorate": median(decorated)}
    if name != "lru_cache":
        results["miss"] = each_once(function, 0)
    else:
        function(0)
    results["hit"] = repeated(lambda: function(0))
    results["hit_keyword"] = repeated(lambda: function(x=0, num=3))
    return results


def warm(name, memoize, directory) -> dict:
    workload = load_workload(directory)
    function = memoize(workload.work, directory)
    start = now()
    function(-1)
    first_call = now() - start
    return {"first_call": first_call, "first_hit": each_once(function, 0)}


def bare(directory, phase) -> dict:
    from contenders import Bare

    library = Bare(directory)
    files = directory / "bare"
    files.mkdir(exist_ok=True)
    step = KEYS // BATCHES
    starts = range(0, step * BATCHES, step)
    if phase == "cold":
        return {
            "miss": median([library.run("put", files, at, step) for at in starts]),
            "hit": median([library.run("stat", files, 0, HITS) for _ in range(BATCHES)]),
        }
    return {"first_hit": median([library.run("get", files, at, step) for at in starts])}


def main():
    from pathlib import Path

    from contenders import BARE, MEMOIZE

    name, phase, directory = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    if name == BARE:
        results = bare(directory, phase)
    else:
        results = {"cold": cold, "warm": warm}[phase](name, MEMOIZE[name], directory)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
