"""Row "address space": under RLIMIT_AS, from nothing left up to enough, what is called returns what
it should or raises MemoryError; nothing crashes, and what is stored stays as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

# How much the process may grow, by factors; the last, in KiB, is enough for all that is done.
FACTOR = 2**0.125 if os.environ.get("LOCACHE_TEST_LONG") == "1" else 2
ENOUGH = 128 << 10

# Each thing that is done has a process of its own at each limit, whose end is that of the thing.
PROGRAM = """
import os, resource, sys, traceback, warnings
from pathlib import Path
import numpy as np
import locache

warnings.simplefilter("ignore")
place, factor, enough = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
HIT, COMPUTED, NO_MEMORY, WRONG = range(4)
runs = []

class Point:
    def __init__(self, x):
        self.x = x
    def __eq__(self, other):
        return type(other) is Point and other.x == self.x
    __hash__ = None

def plain(x):
    runs.append(x)
    return {"x": x, "list": [1.5, None, "text"]}

def long(x):
    runs.append(x)
    return [x + n / 2 for n in range(100_000)]

def points(x):
    runs.append(x)
    return [Point(n) for n in range(x, x + 5_000)]

def data(x):
    runs.append(x)
    return bytes([x % 256]) * (3 << 20)

def array(x):
    runs.append(x)
    return np.arange(x, x + (1 << 20), dtype="f8")

FUNCTIONS = [plain, long, points, data, array]

def same(result, right):
    return np.array_equal(result, right) if isinstance(right, np.ndarray) else result == right

def persisted(function):
    return locache.persist(function, dir=str(place / "space.cache"), name=function.__name__)

def eat():
    '''What malloc() has at hand, so that whatever is taken from now on is new.'''
    eaten = []
    for size in (1 << 16, 1 << 12, 1 << 10):
        try:
            while True:
                eaten.append(bytearray(size))
        except MemoryError:
            pass
    return eaten

def limited(call, x, right, more):
    '''How call(x) ends where the process may grow by so much.'''
    child = os.fork()
    if child == 0:
        end = WRONG
        try:
            pages = int(open("/proc/self/statm").read().split()[0])
            limit = pages * resource.getpagesize() + more
            resource.setrlimit(resource.RLIMIT_AS, (limit - more, resource.RLIM_INFINITY))
            eaten = eat()
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
            try:
                before = len(runs)
                result = call(x)
                end = HIT if len(runs) == before else COMPUTED
            except MemoryError:
                end = NO_MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
            if end != NO_MEMORY and not same(result, right):
                end = WRONG
            if end != HIT and x == KEPT:  # it is there, and what failed did not last
                before = len(runs)
                assert same(call(x), right) and len(runs) == before
        except BaseException:
            traceback.print_exc()
            end = WRONG
        os._exit(end)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

KEPT = 7
replaced = set()  # what could not be read was computed, and stored again
for function in FUNCTIONS:
    persisted(function)(KEPT)
files = {path: path.read_bytes() for path in place.rglob("x=7")}
assert len(files) == len(FUNCTIONS)
more, asked = 0, KEPT
while more <= enough << 10:
    for function in FUNCTIONS:
        opened = persisted(function)
        opened(asked)  # of another moment: what is in memory is another's
        asked += 1
        right, new = function(KEPT), function(asked)
        first = lambda x: persisted(function)(x)
        for how, call in (("open", opened), ("first", first)):
            end = limited(call, KEPT, right, more)
            print(function.__name__, more, how, "hit", end)
            if end == COMPUTED:
                replaced.add(function.__name__)
        print(function.__name__, more, "open", "store", limited(opened, asked, new, more))
        assert same(persisted(function)(asked), new)
        # What an end of memory left behind would stay here until another process sweeps.
        assert [path for path in place.rglob("tmp-*") if path.is_file()] == []
        for path in place.rglob(f"x={asked}"):
            path.unlink()
    more = int(more * factor) if more else 1 << 14
for path, was in files.items():
    stored = path.read_bytes()
    assert stored == was or path.parent.name in replaced and len(stored) == len(was), path
runs.clear()
for function in FUNCTIONS:
    assert same(persisted(function)(KEPT), function(KEPT))
assert len(runs) == len(FUNCTIONS), "only what it was compared with was computed"
"""
HIT, COMPUTED, NO_MEMORY = range(3)


def test_a_limit_of_the_address_space(tmp_path, injected):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path), str(FACTOR), str(ENOUGH)],
        capture_output=True,
        text=True,
        timeout=600,
        # What is large goes back when it is freed.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    ends = [line.rsplit(" ", 1) for line in done.stdout.splitlines()]
    wrong = [end for end in ends if int(end[1]) not in (HIT, COMPUTED, NO_MEMORY)]
    assert not wrong, (wrong, done.stderr[-3000:])
    injected(len(ends))
    # Enough is enough; and nothing left is not, for what is large.
    last = ends[-15:]
    assert [int(end) for _, end in last] == [HIT, HIT, COMPUTED] * 5, last
    failed = Counter(end for _, end in ends if int(end) == NO_MEMORY)
    assert sum(failed.values()) >= 5, ends
