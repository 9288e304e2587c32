"""Row "odd file systems": vfat, exFAT and NTFS by programs (FUSE), with times of 2 s, without modes
of their own, and those that fold case. Hits or uncached, never wrong, and no false damage."""

from __future__ import annotations

import subprocess
import sys

import pytest
from images import ODD, Images, Missing

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
CALLS = [("paris", 1), ("Paris", 1), ("PARIS", 1), ("x" * 200, 2), ("\\u00e9", 3), ("large", 70000)]
for _ in range(2):
    for call in CALLS:
        name, size, numbers = first(*call)
        assert (name, size) == call and (numbers == np.arange(size)).all(), call
        assert second(*call) == call, call
first.forget("paris", 1)
assert first("paris", 1)[:2] == ["paris", 1]
print(len(runs), *said, sep="\\n")
"""
CALLS = 12


@pytest.mark.parametrize("kind", ODD)
def test_results_are_right_on_an_odd_file_system(tmp_path, injected, kind):
    with Images(tmp_path) as images:
        try:
            place = images.odd(kind)
        except Missing as missing:
            pytest.skip(f"odd file systems: {kind}: {missing}")
        (tmp_path / "program.py").write_text(SOURCE)
        for most in (CALLS + 1, 1):
            done = subprocess.run(
                [sys.executable, str(tmp_path / "program.py"), str(place)],
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, done.stderr[-2000:]
            ran, *said = done.stdout.split("\n")[:-1]
            assert int(ran) <= most or said, "computed again, and no reason given"
            assert not [line for line in said if "damaged" in line], said
            injected(CALLS)
