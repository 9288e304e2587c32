"""Large results of zeros take no memory where they are read and not mapped, as they took none when
they were computed."""

from __future__ import annotations

import os

import locache
import numpy as np
import pytest

ELEMENTS = 400_000  # of 8 bytes: 3.2 MB
KEPT = 20

# What is computed, and that it is.
LARGE = {
    "zeros": np.zeros(ELEMENTS),
    "zeros of times": np.zeros(ELEMENTS, "M8[s]"),
    "zeros in columns": np.zeros((ELEMENTS // 1000, 1000), order="F"),
    "bytes": bytes(8 * ELEMENTS),
    "zeros within": [np.zeros(ELEMENTS), {"more": np.zeros(ELEMENTS, "u1")}],
}


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.once
@pytest.mark.parametrize("what", LARGE)
def test_large_results_of_zeros_take_no_memory(tmp_path, what):
    runs = []

    def compute():
        runs.append(1)
        return LARGE[what]

    hit = locache.persist(compute, dir=tmp_path, mapped=False, memory=False)
    hit()
    kept = [hit() for _ in range(3)]
    before = resident()
    kept += [hit() for _ in range(KEPT)]
    grown = resident() - before
    assert len(runs) == 1
    assert grown < KEPT * 8 * ELEMENTS / 4, f"{grown / 1e6:.0f} MB"


# Zeros but for some pages, for the ends, for a byte on each side of a page's bound.
MARKS = [
    (),
    (0,),
    (-1,),
    (4095,),
    (4096,),
    (1_000_000, 1_000_001),
    tuple(range(0, 4_000_000, 9000)),
]


@pytest.mark.parametrize("marks", MARKS, ids=str)
@pytest.mark.parametrize("kind", [bytes, np.frombuffer])
def test_what_is_not_zero_comes_back(tmp_path, kind, marks):
    content = bytearray(4_000_003)
    for at in marks:
        content[at] = 7
    value = content if kind is bytes else np.frombuffer(content, "u1").copy()
    value = bytes(value) if kind is bytes else value

    def compute():
        return value

    for _ in range(2):
        got = locache.persist(compute, dir=tmp_path, mapped=False, memory=False)()
        assert type(got) is type(value)
        # Without the difference, which takes a minute to show.
        same = bytes(got) == bytes(content)
        assert same
    if kind is not bytes:
        got[5] = 1  # it is the caller's own
        assert got.flags.owndata
