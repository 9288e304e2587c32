"""Row "bounds of the process: memory": with little address space left (`RLIMIT_AS`) a call gives
the right result, from the cache or computed, or raises MemoryError. Nothing is damaged by it, and
the same process goes on when there is space again."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

LONG = os.environ.get("LOCACHE_TEST_LONG") == "1"
# Address space beyond what a process has that imported everything: none, a page, and all sizes
# between the smallest allocation that the interpreter asks the system for and more than it needs.
KIB = [0, 4, 64, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536, 262144]
SPACES = [1024 * kib for kib in KIB]
if LONG:
    SPACES = sorted({*SPACES, *(1024 * 48 * n for n in range(1, 200))})

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(sys.platform != "linux", reason="address space: /proc is Linux's"),
    pytest.mark.skipif(
        "LOCACHE_TEST_SANITIZED" in os.environ, reason="a sanitizer takes terabytes of addresses"
    ),
]

# Functions whose results are stored and read in each way that there is: plain data in one piece, of
# many small objects, a pickle, a string apart, an array that is read, and one that is mapped.
FUNCTIONS = """
import numpy as np

class Point:
    def __init__(self, x):
        self.x = x
    def __eq__(self, other):
        return type(other) is Point and other.x == self.x

def small(x):
    return {"x": x, "list": [1.5, None, "text"]}

def many(x):
    return [[x, str(n), (n, 0.5)] for n in range(20_000)]

def pickled(x):
    return [Point(n + x) for n in range(2_000)]

def text(x):
    return "\\u00e9" * 300_000 + str(x)

def array(x):
    return np.arange(x, x + 2_000)

def mapped(x):
    return np.arange(x, x + 400_000)

ALL = (small, many, pickled, text, array, mapped)

def same(a, b):
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b

import locache

def persisted(directory, memory=True):
    return [
        locache.persist(function, dir=directory, name=function.__name__, memory=memory)
        for function in ALL
    ]
"""
# In a process with so much space: what is stored already (x = 1) and what is not (x = 2), from
# files, again from memory, and by a second decoration that knows of nothing. Prints how many calls
# gave a result, and how many raised MemoryError.
CHILD = """
import resource, sys, warnings
from functions import *
import functions

def said(message, *rest):
    if "damaged" in str(message):
        raise SystemExit(f"no damage was done: {message}")
warnings.showwarning = said
warnings.simplefilter("always")

directory, space = sys.argv[1], int(sys.argv[2])
expected = [[function(x) for x in (1, 2)] for function in ALL]
calls = [persisted(directory), persisted(directory), persisted(directory, memory=False)]
given = [0, 0]

def size():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()

def ask(call, x, right):
    try:
        result = call(x)
    except MemoryError:
        given[1] += 1
        return
    given[0] += 1
    # What is compared may need memory itself.
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert same(result, right), call.__name__
    del result
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))

limit = size() + space
resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
for of_all in calls:
    for call, rights in zip(of_all, expected):
        for _ in range(2):
            for x, right in zip((1, 2), rights):
                ask(call, x, right)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for of_all in calls:
    for call, rights in zip(of_all, expected):
        for x, right in zip((1, 2), rights):
            assert same(call(x), right), f"{call.__name__} afterwards"
print(*given)
"""
# In a process with all the space there is: results are right, and nothing is computed again.
AFTERWARDS = """
import sys, warnings
from functions import *
warnings.simplefilter("error")
for function, call in zip(ALL, persisted(sys.argv[1])):
    for x in map(int, sys.argv[2:]):
        assert same(call(x), function(x)), function.__name__
    assert call.cache_info().misses == 0, function.__name__
print("right")
"""


@pytest.fixture
def python(tmp_path):
    (tmp_path / "functions.py").write_text(FUNCTIONS)
    # Threads of a library for matrices would take address space by the processor.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1"}

    def run(source, *arguments):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
        return done.stdout.split()

    return run


def test_calls_with_little_address_space(python, tmp_path, injected):
    cache = tmp_path / "space.cache"
    store = "from functions import *\nimport sys\n[f(1) for f in persisted(sys.argv[1])]"
    refused = []
    for space in SPACES:
        subprocess.run(["rm", "-rf", cache], check=True)
        python(store, cache)
        right, lacking = map(int, python(CHILD, cache, space))
        assert right + lacking == 6 * 3 * 2 * 2
        injected(right + lacking)
        refused.append(lacking)
        # The child's last round stored what it could not before; nobody has to repair anything.
        assert python(AFTERWARDS, cache, 1, 2) == ["right"]
    print("calls that raised MemoryError:", dict(zip(SPACES, refused, strict=True)))
    assert refused[0] > 0 and refused[-1] == 0, "the limits are around what the calls need"
