"""What compression saves and costs: results of five kinds, stored and read back, beside joblib and
diskcache.

usage: compress.py [--quick]

Every round stores and reads each kind once with each contender, in turn. A hit reads the file, with
nothing in memory, and touches all of the result. Shown are the medians of the ratios to locache
without compression, of the same round.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import contenders

ROUNDS = 5
QUICK = 2
COUNT = 1_000_000  # numbers
ROWS = 100_000
RECORDS = 20_000

PLAIN = "locache"


def kinds() -> dict[str, object]:
    import numpy
    import workload

    places = numpy.arange(COUNT)
    records = [
        {"id": n, "name": f"user {n % 977}", "tags": ["a", "b"], "score": n / 7}
        for n in range(RECORDS)
    ]
    words = "it was the best of times it was the worst of times".split()
    order = numpy.random.default_rng(1).integers(0, len(words), COUNT // 4)
    return {
        "random floats": numpy.random.default_rng(1).random(COUNT),
        "smooth floats": numpy.round(numpy.sin(places / 1e4), 4),
        "frame": workload.make_frame(ROWS),
        "text": " ".join(words[n] for n in order),
        "JSON": json.dumps(records),
    }


def joblib_by(method: str) -> Callable:
    def memoize(function, directory):
        return contenders.joblib(function, directory, compress=(method, 3))

    return memoize


def locache_by(**options) -> Callable:
    def memoize(function, directory):
        return contenders.locache(function, directory, memory=False, **options)

    return memoize


KNOWN = {
    PLAIN: locache_by(),
    "locache, auto": locache_by(compress="auto"),
    "locache, auto, mapped=False": locache_by(compress="auto", mapped=False),
    "locache, 3": locache_by(compress=3),
    "joblib": contenders.joblib,
    "joblib, zlib": joblib_by("zlib"),
    "joblib, lz4": joblib_by("lz4"),
    "diskcache": contenders.diskcache,
}


def touched(result) -> float:
    """All of it, once."""
    if isinstance(result, str):
        return len(result) + result.count("a")
    if hasattr(result, "select_dtypes"):
        return float(result.select_dtypes("number").sum().sum())
    return float(result.sum())


def bytes_in(directory: Path) -> int:
    """Of the blocks that its files take."""
    return sum(path.lstat().st_blocks * 512 for path in directory.rglob("*") if path.is_file())


def one(memoize: Callable, kind: str, result: object) -> tuple[float, float, float]:
    """What it takes on disk, to store and to hit."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)

        def give(kind):
            return result

        memoized = memoize(give, directory)
        began = time.perf_counter()
        memoized(kind)
        stored = time.perf_counter()
        before = time.perf_counter()
        touched(memoized(kind))
        hit = time.perf_counter()
        return bytes_in(directory), stored - began, hit - before


def measure(rounds: int) -> tuple[dict, dict[str, str]]:
    found: dict[tuple[str, str], list[tuple[float, float, float]]] = {}
    missing: dict[str, str] = {}
    for _ in range(rounds):
        for kind, result in kinds().items():
            for name, memoize in KNOWN.items():
                if name in missing:
                    continue
                try:
                    figures = one(memoize, kind, result)
                except (ImportError, ValueError) as error:
                    missing[name] = str(error).splitlines()[0]
                    continue
                found.setdefault((kind, name), []).append(figures)
    return found, missing


def ratio(own: list, plain: list, at: int) -> str:
    return f"{statistics.median(a[at] / b[at] for a, b in zip(own, plain, strict=True)):9.2f}"


def main() -> None:
    found, missing = measure(QUICK if "--quick" in sys.argv else ROUNDS)
    print("Compression: ratios to locache without it; below 1 is less\n")
    for kind in dict.fromkeys(kind for kind, _ in found):
        plain = found[kind, PLAIN]
        size, store, hit = (statistics.median(column) for column in zip(*plain, strict=True))
        print(
            f"  {kind}: {size / 1e6:.1f} MB, stored in {store * 1e3:.1f} ms,"
            f" read in {hit * 1e3:.1f} ms"
        )
        print(f"    {'':30}{'size':>9}{'store':>9}{'hit':>9}")
        for (of, name), own in found.items():
            if of == kind and name != PLAIN:
                columns = "".join(ratio(own, plain, at) for at in range(3))
                print(f"    {name:30}{columns}")
        print()
    for name, why in missing.items():
        print(f"  {name}: left out: {why}")


if __name__ == "__main__":
    main()
