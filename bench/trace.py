"""What bounds keep, on a trace: how much computation each way of evicting saves.

usage: trace.py DIRECTORY

The trace is made here, the same each time. Its parameters are ours, of no recorded program: calls
are as popular as Zipf's law has it, results as large and as dear as two lognormal laws have it,
independent of each other, so that some are large and cheap, some small and dear. `DIRECTORY` is on
the disk that is measured. Prints a JSON object of figures by row and contender.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
from collections import OrderedDict
from pathlib import Path

KEYS = 3_000
REQUESTS = 20_000
POPULARITY = 0.9  # exponent of Zipf's law
SIZE = (2_048, 1.5)  # bytes: median, and sigma of the logarithm
COST = (50e6, 2.0)  # nanoseconds, likewise
SIZE_MAX = 1 << 20
BOUND_PART = 10  # of the bytes of all results
OVERHEAD = 176  # bytes of an entry beside its result, about
SEED = 20260101
POLICIES = ("least-recently-stored", "least-recently-used", "least-frequently-used")


def make_trace():
    """Sizes and costs by key, and the keys that are asked for."""
    draw = random.Random(SEED)
    sizes = [min(int(SIZE[0] * draw.lognormvariate(0, SIZE[1])) + 1, SIZE_MAX) for _ in range(KEYS)]
    costs = [int(COST[0] * draw.lognormvariate(0, COST[1])) for _ in range(KEYS)]
    weights = list(itertools.accumulate((rank + 1) ** -POPULARITY for rank in range(KEYS)))
    return sizes, costs, draw.choices(range(KEYS), cum_weights=weights, k=REQUESTS)


def replay(trace, get, put):
    """The share of all computation that is done again or for the first time, in percent."""
    sizes, costs, asked = trace
    computed = 0
    for key in asked:
        if not get(key):
            computed += costs[key]
            put(key, sizes[key], costs[key])
    return 100 * computed / sum(costs[key] for key in asked)


def by_locache(trace, bound, place):
    """Through the extension, as a call that misses does, but that nobody sleeps so long."""
    from locache import persist

    function = persist(
        lambda key: b"", dir=place / "locache.cache", name="f", version="1", max_bytes=bound
    )
    body = bytes(SIZE_MAX)

    def put(key, size, cost):
        bytes_of_key = function._key_of((key,), {})
        run = function._others(), b"", (key,), {}
        request = function._request(bytes_of_key, 1)
        function._store(request, bytes_of_key, body[:size], cost, 1, True, run)

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is small, which it is meant to be
        return replay(trace, lambda key: function.get(key) is not None, put)


def by_lru(trace, bound):
    """The least recently used goes: exactly, and without any cost of its own."""
    kept: OrderedDict = OrderedDict()
    total = 0

    def get(key):
        if key in kept:
            kept.move_to_end(key)
            return True
        return False

    def put(key, size, cost):
        nonlocal total
        if size + OVERHEAD > bound:
            return
        kept[key] = size + OVERHEAD
        total += kept[key]
        while total > bound:
            total -= kept.popitem(last=False)[1]

    return replay(trace, get, put)


def by_diskcache(trace, bound, place, policy):
    import diskcache

    # It counts the pages of its database, too, and evicts as long as these are over the bound.
    kept = diskcache.Cache(
        str(place / policy),
        size_limit=bound,
        eviction_policy=policy,
        disk_min_file_size=0,
        sqlite_synchronous=0,
    )
    body = bytes(SIZE_MAX)
    with kept:
        return replay(
            trace,
            lambda key: kept.get(key) is not None,
            lambda key, size, cost: kept.set(key, body[:size]),
        )


def trace_figures(place):
    trace = make_trace()
    bound = sum(size + OVERHEAD for size in trace[0]) // BOUND_PART
    figures = {
        "trace computed": {"locache": by_locache(trace, bound, place)},
        "trace computed, LRU": {"locache": by_lru(trace, bound)},
        "trace computed, no bound": {"locache": by_lru(trace, 1 << 60)},
    }
    try:
        import diskcache  # noqa: F401
    except ModuleNotFoundError:
        return figures
    for policy in POLICIES:
        figures[f"trace computed, {policy}"] = {
            "diskcache": by_diskcache(trace, bound, place, policy)
        }
    return figures


def main() -> None:
    print(json.dumps(trace_figures(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
