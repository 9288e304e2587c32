"""Row "out of memory": a process that may have no more address space (RLIMIT_AS). A call returns
what it should or raises MemoryError, nothing crashes, and what is stored stays sound."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

LONG = os.environ.get("LOCACHE_TEST_LONG") == "1"
SANITIZED = os.environ.get("LOCACHE_TEST_SANITIZED") == "1"
# Kilobytes beyond what the process has: from too little for a key up to enough for the largest.
LIMITS = [0, 64, 256, 1_000, 4_000, 16_000, 64_000, 256_000]
PROGRAM = """
    import resource, sys, warnings
    import numpy as np
    from locache import persist

    warnings.simplefilter("ignore")
    cache, what = sys.argv[1:]

    def array(n): return np.arange(n, dtype="f8")
    def rows(n): return [{"n": i, "text": "x" * 20} for i in range(n)]
    def text(n): return "word " * n

    FUNCTIONS = [persist(one, dir=cache, name=one.__name__, version="1")
                 for one in (array, rows, text)]
    CALLS = [(f, n) for f in FUNCTIONS for n in (10, 3_000_000 if f is FUNCTIONS[0] else 40_000)]

    def right(f, n, found):
        true = f.__wrapped__(n)
        return type(found) is type(true) and (
            bool((found == true).all()) if isinstance(true, np.ndarray) else found == true)

    def size():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * resource.getpagesize()

    if what in ("fill", "verify"):
        for f, n in CALLS:
            assert what == "fill" or f.is_cached(n), (f.__name__, n)
            assert right(f, n, f(n)), (f.__name__, n)
        sys.exit()
    limit = int(what) << 10
    for f, n in CALLS: # what imports and the first call of each need is there
        f(n % 100)
    free = resource.getrlimit(resource.RLIMIT_AS)
    failed = 0
    for f, n in CALLS:
        for call in (f, f.refresh):
            resource.setrlimit(resource.RLIMIT_AS, (size() + limit, free[1]))
            try:
                found = call(n)
            except MemoryError:
                found, failed = None, failed + 1
            finally:
                resource.setrlimit(resource.RLIMIT_AS, free)
            assert found is None or right(f, n, found), (f.__name__, n)
            del found
            assert right(f, n, f(n)), "and the next call is right"
    print(len(CALLS) * 2, failed)
"""


def run(tmp_path, cache, what):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))
    done = subprocess.run(
        [sys.executable, str(path), str(cache), str(what)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.skipif(SANITIZED, reason="sanitizers take terabytes of address space")
@pytest.mark.parametrize("limit", LIMITS if LONG else LIMITS[::3])
def test_address_space(tmp_path, cache, injected, limit):
    run(tmp_path, cache, "fill")
    calls, failed = map(int, run(tmp_path, cache, limit).split())
    injected(calls)
    assert failed < calls if limit > 100_000 else failed > 0 or limit > 1_000
    run(tmp_path, cache, "verify")
