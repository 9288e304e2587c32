"""Rows "killed at each system call" and "each system call fails", and what a hit asks of the
system."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LONG = bool(os.environ.get("LOCACHE_TEST_LONG"))
CALLS = ["openat", "mkdirat", "renameat", "linkat", "writev", "fcntl", "newfstatat"]
FAULTS = ["signal=SIGKILL", "error=ENOSPC", "error=EMFILE", "error=EINTR", "error=EACCES"]
# With an error strace would leave the descriptor open, as no kernel does.
INJECTIONS = [
    ("close", "signal=SIGKILL"),
    ("linkat", "error=ENOENT"),  # as kernels before 6.10 refuse to link by a descriptor alone
    *((call, fault) for call in CALLS for fault in FAULTS),
]
# What the imports do is not of interest: everything between two calls of getppid is.
PROGRAM = """
import ast, os, pickle, sys, warnings
import locache
warnings.simplefilter("ignore")

class Point:
    def __init__(self, x):
        self.x = x

def plain(x):
    return [x, "plain"]

def pickled(x):
    return Point(x)

f = locache.persist(plain, dir=sys.argv[1], name="plain")
g = locache.persist(pickled, dir=sys.argv[1], name="pickled")
os.getppid()
assert f(1) == [1, "plain"] and g(1).x == 1
os.getppid()
assert f(1) == [1, "plain"] and g(1).x == 1
os.getppid()
"""


@pytest.fixture
def program(tmp_path):
    """Run the program on an empty cache, under strace with these options or without it."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    place = tmp_path / "program.cache"

    def run(*strace, fresh=True):
        if fresh:
            shutil.rmtree(place, ignore_errors=True)
            shutil.rmtree(os.environ["XDG_STATE_HOME"], ignore_errors=True)
        # A sanitizer's own calls would be counted.
        command = ["strace", "-f", "-o", str(tmp_path / "trace"), *strace] if strace else []
        done = subprocess.run(
            [*command, sys.executable, str(path), str(place)], capture_output=True, text=True
        )
        if "PTRACE" in done.stderr:
            pytest.skip(f"strace is not allowed here: {done.stderr.strip()}")
        return done

    run.place = place
    run.trace = tmp_path / "trace"
    return run


def phases(trace: Path):
    """The names of the system calls between the program's marks: before, the first calls, the hits,
    after."""
    names = [
        line.split("(")[0].split()[-1] for line in trace.read_text().splitlines() if "(" in line
    ]
    found = [[]]
    for name in names:
        if name == "getppid":
            found.append([])
        else:
            found[-1].append(name)
    return found


def test_a_hit_is_four_system_calls(program):
    if os.environ.get("LOCACHE_TEST_SANITIZED"):
        pytest.skip("sanitizers make calls of their own")
    assert program("-e", "trace=all").returncode == 0
    hits = [name.replace("newfstatat", "fstat") for name in phases(program.trace)[2]]
    of_one = ["openat", "fstat", "read", "close"]
    assert [name for name in hits if name not in ("brk", "mmap", "munmap")] == 2 * of_one


def litter(directory):
    return [str(p) for p in directory.rglob("*") if p.name.startswith(("tmp-", "new-", "trash-"))]


@pytest.mark.parametrize(("call", "fault"), INJECTIONS)
def test_a_first_call_survives_each_system_call(program, injected, call, fault):
    assert program("-e", f"trace={call},getppid").returncode == 0
    before, first, *_ = (len(phase) for phase in phases(program.trace))
    assert first > 0
    for n in range(before + 1, before + first + 1, 1 if LONG else max(1, first // 4)):
        done = program("-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={n}")
        assert fault == "signal=SIGKILL" or done.returncode == 0, (n, done.stderr)
        after = program(fresh=False)
        assert after.returncode == 0, (n, after.stderr)
        assert litter(program.place) == [], n
        injected()


# What asks for memory changes no file.
MEMORY = {"brk", "mmap", "munmap", "mprotect", "madvise", "mremap"}


def test_a_first_call_survives_death_at_any_other_call(program, injected):
    assert program("-e", "trace=all").returncode == 0
    before, first, *_ = phases(program.trace)
    others = sorted(set(first) - {*CALLS, "close", *MEMORY})
    assert "read" in others
    for call in others:
        count = first.count(call)
        for n in range(1 if LONG else count, count + 1):
            at = before.count(call) + n
            done = program("-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={at}")
            assert done.returncode != 0, (call, n)
            after = program(fresh=False)
            assert after.returncode == 0, (call, n, after.stderr)
            assert litter(program.place) == [], (call, n)
            injected()
