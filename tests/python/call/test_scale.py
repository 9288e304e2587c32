"""Many entries in one function: the same results, the same memory, and the same system calls as
with ten."""

from __future__ import annotations

import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

# How many entries there are is seen by the core alone.
pytestmark = pytest.mark.once

LONG = os.environ.get("LOCACHE_TEST_LONG") == "1"
SANITIZED = os.environ.get("LOCACHE_TEST_SANITIZED") == "1"
MANY = 1_000_000 if LONG else 20_000
PAGES = 512  # 2 MB

PRELUDE = """
    import gc, os, pathlib, sys
    from locache import persist

    RAN = []

    @persist
    def f(x):
        RAN.append(x)
        return (x, "text")

    def resident():
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1])
"""


def in_memory():
    """Where files cost no disk: some 5 KB each, a quarter of an hour less when a million are
    deleted."""
    there = shutil.disk_usage("/dev/shm").free if os.access("/dev/shm", os.W_OK) else 0
    return "/dev/shm" if there > MANY * 8_000 else None


@pytest.fixture(scope="module")
def place():
    """A directory for all these files."""
    with tempfile.TemporaryDirectory(dir=in_memory()) as directory:
        yield Path(directory)


def run(place, program, *wrapper):
    """Run a program after the prelude, as the same file each time: what it prints, as numbers."""
    path = place / "scale.py"
    path.write_text(textwrap.dedent(PRELUDE) + textwrap.dedent(program))
    done = subprocess.run(
        [*wrapper, sys.executable, str(path)],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    # A result that was not stored is warned of.
    assert (done.returncode, done.stderr) == (0, "")
    return [int(number) for number in done.stdout.split()]


@pytest.fixture(scope="module")
def full(place):
    """A cache of MANY entries, and what the process that stored them said of its memory."""
    numbers = run(
        place,
        f"""
        for x in range(2_000):
            f(x)
        before = resident()
        RAN = type("Nothing", (), dict(append=lambda self, x: None))()
        for x in range(2_000, {MANY}):
            f(x)
        for x in range(2_000, 40_000): # more than memory keeps
            f(x % {MANY})
        print(before, resident())
        """,
    )
    assert (place / "scale.cache" / "f").is_dir()
    return place, numbers


def assert_flat(before, after):
    # What the table keeps by default, at about 400 bytes with all that is in them; sanitizers keep
    # what is freed.
    kept = min(MANY, 32_768) * 400 // os.sysconf("SC_PAGE_SIZE")
    assert SANITIZED or after - before < PAGES + kept * 2


@pytest.mark.skipif(SANITIZED, reason="sanitizers keep what was freed")
def test_storing_and_looking_up_leave_memory_flat(full):
    _, (before, after) = full
    assert_flat(before, after)


def test_every_result_is_right_and_there(full):
    place, _ = full
    ran, wrong, before, after = run(
        place,
        f"""
        def wrong(keys):
            return sum(f(x) != (x, "text") for x in keys)

        before = resident()
        first = wrong(range({MANY})) + wrong(range({MANY} - 1, -1, -7))
        print(len(RAN), first, before, resident())
        """,
    )
    assert (ran, wrong) == (0, 0)
    assert len(list((place / "scale.cache" / "f").iterdir())) == MANY + 1
    assert_flat(before, after)


def system_calls(place, program):
    """How often each system call is made between two markers, by a process that has the function
    open."""
    trace = place / "trace"
    # The first store looks for what dead writers left: not among the entries.
    marked = "f.refresh(0), f(0)\nos.getppid()\n" + program + "os.getppid()\n"
    run(place, marked, "strace", "-o", str(trace))
    calls = re.findall(r"^(\w+)\(", trace.read_text(), re.MULTILINE)
    first, last = (i for i, call in enumerate(calls) if call == "getppid")
    counts = collections.Counter(calls[first + 1 : last])
    trace.unlink()
    # How the interpreter gets its memory is its own business.
    for own in ("brk", "mmap", "munmap", "mremap", "madvise"):
        counts.pop(own, None)
    return counts


ROUTES = {
    "a hit on the file": "for x in range(1, 9): f(x)\n",
    "a hit in memory": "for x in range(1, 9): f(x), f(x), f(x)\n",
    "a miss": "for x in range(-9, -1): f(x)\n",
    "a store in place of another": "for x in range(1, 9): f.refresh(x)\n",
    "a removal": "for x in range(-9, -1): f.forget(x)\n",
    "a question": "for x in range(-9, 9): f.is_cached(x), f.cache_path(x)\n",
}


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is missing")
@pytest.mark.skipif(SANITIZED, reason="sanitizers make calls of their own")
def test_system_calls_of_a_call_do_not_depend_on_how_many_entries_there_are(full, tmp_path):
    place, _ = full
    run(tmp_path, "for x in range(10): f(x)\n")
    for route, program in ROUTES.items():
        few, many = system_calls(tmp_path, program), system_calls(place, program)
        assert few == many, route
        assert "getdents64" not in many, route
        assert sum(many.values()) > 0, route
