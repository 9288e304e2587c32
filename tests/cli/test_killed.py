"""Row "killed at each system call" of what `locache gc` does: what it leaves is a cache that counts
right, holds its bounds, and has nothing in it that is not whole or not its own."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from .conftest import COMMAND, SANITIZED, clean_environment

LONG = bool(os.environ.get("LOCACHE_TEST_LONG"))
PROGRAM = """\
import sys
import locache
from locache import persist

@persist(max_bytes="20K")
def bytes_of(n):
    return b"x" * 1000

@persist(max_entries=30)
def few(n):
    return n

@persist
def plain(n):
    return n

if __name__ == "__main__":
    first, last = map(int, sys.argv[1:])
    for n in range(first, last):
        assert (bytes_of(n), few(n), plain(n)) == (b"x" * 1000, n, n)
"""
# To a size, as a bound of the cache that is written down, as one of all caches together.
COLLECTIONS = {
    "size": ["gc", "--max-size", "80K", "foo.cache"],
    "cache": ["gc", "--set-max-size", "12K", "foo.cache"],
    "all": ["gc", "--all", "--set-max-size", "12K"],
}
# Calls that change something, which are those of the short form.
CALLS = ["unlinkat", "pwrite64", "renameat", "writev"]
# Of the others it makes hundreds, which differ little.
MOST = 40


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A home and a program's cache in it that were made by the program: 20 KiB and some."""
    root = tmp_path_factory.mktemp("stored")
    (root / "home").mkdir()
    (root / "foo.py").write_text(PROGRAM)
    return root


def store(at, first, last):
    command = [sys.executable, "foo.py", str(first), str(last)]
    subprocess.run(command, cwd=at, env=clean_environment(at / "home"), check=True)


def entries(at):
    found = (at / "foo.cache").glob("*/n=*")
    return {path.relative_to(at): path.read_bytes() for path in found}


def calls_of(at, words):
    """How often it makes each of its calls, by their names."""
    trace = at / "trace"
    command = ["strace", "-f", "-o", trace, COMMAND, *words]
    done = subprocess.run(
        command, cwd=at, env=clean_environment(at / "home"), capture_output=True, text=True
    )
    if "PTRACE" in done.stderr:
        pytest.skip("strace is not allowed here")
    assert done.returncode == 0, done.stderr
    made = {}
    for name in re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE):
        made[name] = made.get(name, 0) + 1
    return made


def points(made):
    """Which of its calls it is killed at: all of them, or one in the middle of each kind."""
    for call, count in made.items():
        step = 1 if call in CALLS or count < MOST else count // MOST
        if LONG:
            yield from ((call, n) for n in range(1, count + 1, step))
        elif call in CALLS:
            yield call, (count + 1) // 2


def begin(at):
    for path in (at / "foo.cache", at / "home"):
        shutil.rmtree(path, ignore_errors=True)
    (at / "home").mkdir()
    store(at, 0, 25)


def litter(at):
    """Temporaries, wherever they may be."""
    return [path for where in ("foo.cache", "home") for path in (at / where).rglob("tmp-*")]


def assert_right(at, before, run):
    """Nothing is damaged or foreign; what is listed is there."""
    left = entries(at)
    assert {path: data for path, data in left.items() if before[path] != data} == {}
    told = run("verify", "--json", "foo.cache", cwd=at, home=at / "home").json()
    assert told["problems"] == [] and told["sound"] == len(left)
    rows = run("ls", "--json", "foo.cache", cwd=at, home=at / "home").json()
    assert sum(row["entries"] for row in rows) == len(left)
    assert sum(row["bytes"] for row in rows) == sum(map(len, left.values()))
    assert {row["misses"] for row in rows} == {25}


def assert_bounds(at, words):
    """Who stores keeps to the bounds, and no more than a batch below them."""
    store(at, 100, 160)
    sizes = {}
    for path, data in entries(at).items():
        sizes.setdefault(path.parent.name, []).append(len(data))
    total = sum(map(sum, sizes.values()))
    if "--max-size" in words:
        assert 18 << 10 <= sum(sizes["bytes_of"]) <= 20 << 10
        assert len(sizes["few"]) == 30
    else:
        assert 9 << 10 <= total <= (12 << 10) * 1.01 + 1200


@pytest.mark.skipif(SANITIZED, reason="a sanitizer's own calls would count")
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("how", COLLECTIONS)
def test_gc__killed_at_each_call(stored, run, how, record_property):
    words = COLLECTIONS[how]
    begin(stored)
    made = calls_of(stored, words)
    assert made["unlinkat"] > 10
    killed = 0
    for call, n in points(made):
        begin(stored)
        before = entries(stored)
        inject = f"inject={call}:signal=SIGKILL:when={n}"
        command = ["strace", "-f", "-o", os.devnull, "-e", inject, COMMAND, *words]
        done = subprocess.run(
            command, cwd=stored, env=clean_environment(stored / "home"), capture_output=True
        )
        killed += done.returncode != 0
        assert_right(stored, before, run)
        run(*words, cwd=stored, home=stored / "home")
        assert_right(stored, before, run)
        assert litter(stored) == [], (call, n)
        assert_bounds(stored, words)
    record_property("injections", killed)
    assert killed >= 2
