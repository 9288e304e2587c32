"""One result in one file: to put a value in, to get it back, to rewrite it; and what it means to be
the same value."""

from __future__ import annotations

import array
import datetime
import decimal
import struct
import sys
import warnings
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import entryfile
import locache

SHARED_STRING = 65  # from this length, two places that held one string hold one string again


class Box:
    """What the persisted function below returns, and how often it was asked."""

    def __init__(self):
        self.value = None
        self.calls = 0


def result(box):
    box.calls += 1
    return box.value


class Cache:
    """The one entry of result(), in a directory of its own."""

    def __init__(self, directory):
        self.directory = Path(directory) / "values.cache"
        self.entry = self.directory / "result" / "_"

    def function(self):
        """As a new process would have it: nothing open, nothing remembered."""
        return locache.persist(dir=str(self.directory), name="result", ignore=("box",))(result)

    def store(self, value):
        """Put a value into the file; returns the entry."""
        box = Box()
        box.value = value
        self.entry.unlink(missing_ok=True)
        self.function()(box)
        assert box.calls == 1
        return entryfile.parse(self.entry.read_bytes())

    def load(self):
        """What the file gives; AssertionError where it is a miss."""
        box = Box()
        value = self.function()(box)
        assert box.calls == 0
        return value

    def through(self, value):
        self.store(value)
        return self.load()

    def replace(self, **parts):
        """Rewrite parts of the entry, checksum made good."""
        entry = entryfile.parse(self.entry.read_bytes())
        for name, part in parts.items():
            setattr(entry, name, part)
        self.entry.write_bytes(entryfile.build(entry))

    def is_miss(self):
        """Does the function run again, whatever the file holds?"""
        box = Box()
        box.value = "computed"
        before = self.entry.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", locache.CacheWarning)
            value = self.function()(box)
        self.entry.write_bytes(before)
        assert (value == "computed") == (box.calls == 1)
        return box.calls == 1


def is_shareable(value):
    """Is it to be one object in two places, where it was?"""
    if isinstance(value, (str, bytes)):
        return len(value) >= SHARED_STRING
    if isinstance(value, (tuple, frozenset)):
        return len(value) > 0
    return isinstance(value, (list, dict, set, bytearray, array.array, np.ndarray))


def bits(value):
    return struct.pack("<d", value)


def assert_same(a, b, there=None, back=None):
    """Equal in value, type, order and sharing, at every depth."""
    there = {} if there is None else there
    back = {} if back is None else back
    assert type(a) is type(b)
    if is_shareable(a):
        assert there.get(id(a), id(b)) == id(b) and back.get(id(b), id(a)) == id(a)
        if id(a) in there:
            return
        there[id(a)], back[id(b)] = id(b), id(a)
    if isinstance(a, float):
        assert bits(a) == bits(b)
    elif isinstance(a, complex):
        assert (bits(a.real), bits(a.imag)) == (bits(b.real), bits(b.imag))
    elif isinstance(a, decimal.Decimal):
        assert a.as_tuple() == b.as_tuple()
    elif isinstance(a, (np.ndarray, np.inexact)):  # a NaN equals nothing, not even itself
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    elif isinstance(a, array.array):
        assert a.typecode == b.typecode and a.tobytes() == b.tobytes()
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y, there, back)
    elif isinstance(a, dict):
        assert len(a) == len(b)
        for (k, x), (m, y) in zip(a.items(), b.items(), strict=True):
            assert_same(k, m, there, back)
            assert_same(x, y, there, back)
    elif isinstance(a, (set, frozenset)):
        assert a == b
        theirs = {member: member for member in b}
        for member in a:
            assert_same(member, theirs[member], there, back)
    elif isinstance(a, (datetime.datetime, datetime.time)):
        assert a == b and a.tzinfo == b.tzinfo and a.fold == b.fold
    else:
        assert a == b
