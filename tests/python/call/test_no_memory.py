"""An allocation of the interpreter's fails, the first, the second and so on until none is left: the
call returns what it should or raises MemoryError, nothing crashes, the next call is right, and
nothing is left behind. Those of the core fail in tests/unit/cache/test_cache.c."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap

import pytest

pytest.importorskip("_testcapi", reason="this interpreter cannot make its allocations fail")

# Some of the Python code of a first call is generator expressions, and CPython 3.12 and 3.13 crash
# where one is made and there is no memory, in a program without locache, too: what is in here.
GENERATORS = """
import _testcapi

def chosen(rows):
    return [row for row in rows if any(one == 2 for one in row)]

kept = []
for n in range(4000):
    kept.append((one for one in ()))
    _testcapi.set_nomemory(n % 20 + 1, 0)
    try:
        chosen([(0, 1), (1, 2)])
    except MemoryError:
        pass
    finally:
        _testcapi.remove_mem_hooks()
"""
STEP = 1 if os.environ.get("LOCACHE_TEST_LONG") == "1" else 13  # of the many of a first call
PROGRAM = """
import faulthandler, gc, itertools, sys, warnings
import _testcapi
import numpy as np
from locache import persist

faulthandler.enable()
warnings.simplefilter("ignore")
place, step, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3]
numbers = itertools.count()


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Point and other.x == self.x

    __hash__ = None


def plain(x):
    return [x, "text", 1.5]

def sized(x):
    return [len(x), "sized"]

def moved(x):
    return x + 1

def pickled(x):
    return Point(x)

GRAPH = [{"a": (1, 2.5, "x" * 300)}, Point([1, 2]), {1, 2, 3}, frozenset("ab"), b"x" * 500]
ARRAY = np.arange(1000.0)
kept, read = (
    {f: persist(f, dir=place, memory=memory) for f in (plain, sized, moved, pickled)}
    for memory in (True, False)
)
# Which function, of what, every how manieth allocation; whether it leaves nothing.
CASES = {
    "hit": (lambda: kept[plain], lambda: 1, 1, True),
    "hit of a file": (lambda: read[plain], lambda: 1, 1, True),
    "miss": (lambda: kept[plain], lambda: next(numbers), 1, False),
    "objects": (lambda: kept[sized], lambda: GRAPH, 1, True),
    "array": (lambda: read[moved], lambda: ARRAY, 1, True),
    "miss of an array": (lambda: kept[moved], lambda: np.arange(next(numbers), 2000.0), 1, False),
    "pickle": (lambda: read[pickled], lambda: 1, 1, True),
    "miss of a pickle": (lambda: kept[pickled], lambda: next(numbers), 1, False),
    "first call": (lambda: persist(plain, dir=f"{place}{next(numbers)}"), lambda: 1, step, False),
}


def same(a, b):
    return type(a) is type(b) and (bool((a == b).all()) if isinstance(a, np.ndarray) else a == b)


def fails(f, x, first, last):
    '''One call, of whose allocations those from first to last fail (0: all later ones).'''
    true, result, failed = f.__wrapped__(x), None, False
    _testcapi.set_nomemory(first, last)
    try:
        try:
            result = f(x)
            [None] * 50  # fails, too, where the call needed fewer
        except MemoryError:
            failed = True
    finally:
        _testcapi.remove_mem_hooks()
    assert result is None and failed or same(result, true), (first, last, result)
    assert same(f(x), true), (first, last)
    return failed


injections = 0
for name, (function, argument, by, leaves_nothing) in CASES.items():
    if (name == "first call") != (wanted == "first call"):
        continue
    f, x = function(), argument()
    assert same(f(x), f.__wrapped__(x)) and same(f(x), f.__wrapped__(x))
    most = 0
    while fails(function(), argument(), most, 0):
        most += by
    assert most > 0, name
    # What the interpreter keeps for later comes in some passes; what is lost at each in every one.
    grown = []
    while not grown or (leaves_nothing and grown[-1] > 0 and len(grown) < 60):
        gc.collect()
        before = sys.getallocatedblocks()
        for first in range(0, most, by):
            fails(function(), argument(), first, first + 1)
        gc.collect()
        grown.append(sys.getallocatedblocks() - before)
    assert not leaves_nothing or grown[-1] <= 0, (name, grown)
    injections += most // by * (len(grown) + 1)
print(injections)
"""


def injected(tmp_path, wanted):
    """How many allocations failed in the cases that are wanted."""
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))
    # Where files cost no disk.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path
    with tempfile.TemporaryDirectory(dir=memory) as place:
        done = subprocess.run(
            [sys.executable, path, f"{place}/memory.cache", str(STEP), wanted],
            capture_output=True,
            text=True,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout)


def test_no_memory_is_no_crash_and_no_wrong_result(tmp_path, record_property):
    injections = injected(tmp_path, "later calls")
    record_property("injections", injections)
    assert injections > 300


def test_no_memory_in_a_first_call(tmp_path, record_property):
    alone = subprocess.run([sys.executable, "-c", GENERATORS], capture_output=True)
    if alone.returncode < 0:
        pytest.skip("this interpreter crashes where a generator has no memory, whoever makes it")
    injections = injected(tmp_path, "first call")
    record_property("injections", injections)
    assert injections > 300 // STEP
