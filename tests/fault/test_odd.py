"""Row "odd file systems": exFAT and NTFS by programs (FUSE), vfat, and ext4 that folds case: times
of 2 s, no links, no modes of their own, names that differ in case alone. Hits or uncached, never
wrong, and no false damage."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from images import ODD, Images, Missing

LONG = os.environ.get("LOCACHE_TEST_LONG") == "1"
WITHOUT_MODES = [kind for kind in ODD if "ext4" not in kind]

# Each call twice, in an order in which names that differ in case follow each other; then once more
# in a process of its own.
SOURCE = """
import sys, warnings
import numpy as np
import locache

runs = []

def city(name, size):
    runs.append(name)
    return [name, size, np.arange(size)]

def City(name, size):
    runs.append(name)
    return (name, size)

said = []
warnings.showwarning = lambda message, *rest: said.append(str(message))
directory = sys.argv[1] + "/odd.cache"
first = locache.persist(city, dir=directory)
second = locache.persist(City, dir=directory)
CALLS = [
    ("paris", 1), ("Paris", 1), ("PARIS", 1), ("x" * 200, 2), ("\\u00e9", 3), ("large", 70000),
    ("a:b*c?<d>|\\\\", 4), ("dot.", 5), ("blank ", 6), ("con", 7),
]
for _ in range(2):
    for call in CALLS:
        name, size, numbers = first(*call)
        assert (name, size) == call and (numbers == np.arange(size)).all(), call
        assert second(*call) == call, call
first.forget("paris", 1)
assert first("paris", 1)[:2] == ["paris", 1]
print(len(runs), *said, sep="\\n")
"""
CALLS = 20

# What one process replaces, another that has it in memory gives at once, within the 2 s for which
# the times of both files are the same. A line in, a line out.
CHANGING = """
import sys, warnings
import locache

warnings.simplefilter("error")

@locache.persist(dir=sys.argv[1] + "/odd.cache", name="answer", ignore=("source",))
def answer(x, source):
    with open(source) as file:
        return file.read()

for line in sys.stdin:
    if line.strip() == "forget":
        answer.forget(1, sys.argv[2])
    print(answer(1, sys.argv[2]), flush=True)
"""
PAIRS = 500 if LONG else 20


@pytest.fixture
def odd(tmp_path):
    """odd(kind): a directory on such a file system; skips where this machine cannot have it."""
    with Images(tmp_path) as images:

        def make(kind, **options):
            try:
                return images.odd(kind, **options)
            except Missing as missing:
                pytest.skip(f"odd file systems: {kind}: {missing}")

        yield make


def run_calls(tmp_path, place):
    """How many were computed, and the warnings."""
    (tmp_path / "program.py").write_text(SOURCE)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "program.py"), str(place)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ran, *said = done.stdout.split("\n")[:-1]
    return int(ran), said


@pytest.mark.parametrize("kind", ODD)
def test_results_are_right_on_an_odd_file_system(tmp_path, odd, injected, kind):
    place = odd(kind)
    for most in (CALLS + 1, 1):
        # Names that the file system takes for one would be computed again and again.
        assert run_calls(tmp_path, place) == (most, [])
        injected(CALLS)


@pytest.mark.parametrize("kind", ODD)
def test_what_another_process_replaced_is_seen_whatever_the_times_say(
    tmp_path, odd, injected, kind
):
    place, source = odd(kind), tmp_path / "says"
    program = [sys.executable, "-c", CHANGING, str(place), str(source)]
    both = [
        subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    def ask(process, command="call"):
        process.stdin.write(command + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    source.write_text("0000")
    assert [ask(process) for process in both] == ["0000", "0000"]
    for n in range(1, PAIRS + 1):
        # Of one size, so that neither size nor times tell them apart.
        source.write_text(f"{n:04d}")
        changes, asks = both[n % 2], both[(n + 1) % 2]
        assert ask(changes, "forget") == f"{n:04d}"
        assert [ask(asks), ask(asks), ask(changes)] == [f"{n:04d}"] * 3
        injected()
    for process in both:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(60) == 0


@pytest.mark.parametrize("kind", WITHOUT_MODES)
def test_what_everybody_may_write_to_by_the_mount_is_bypassed(tmp_path, odd, injected, kind):
    """Modes are the mount's, and cannot be changed: one warning for each function, no files."""
    place = odd(kind, umask="000")
    if place.stat().st_mode & 0o777 != 0o777:
        pytest.skip(f"odd file systems: {kind}: modes are not the mount's")
    ran, said = run_calls(tmp_path, place)
    assert ran == 2 * CALLS + 1
    assert len(said) == 1 or len(said) == 2, said
    assert all("others" in line or "write" in line for line in said), said
    injected()


@pytest.mark.parametrize("kind", WITHOUT_MODES)
def test_nothing_that_is_stored_needs_links_or_modes(tmp_path, odd, injected, kind):
    """Where there are no links of either kind, results are hits all the same."""
    place = odd(kind)
    (place / "file").write_text("text")
    lacking = 0
    for make in (os.link, os.symlink):
        try:
            make(place / "file", place / make.__name__)
        except OSError:
            lacking += 1
    if not lacking:
        pytest.skip(f"odd file systems: {kind}: has links")
    assert [run_calls(tmp_path, place)[0] for _ in range(2)] == [CALLS + 1, 1]
    injected(lacking)
