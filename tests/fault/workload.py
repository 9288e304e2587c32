"""Functions to memoize, one per codec, and a count of their real computations.

They live in a real source file, are persisted by each test with `dir=`, and compute from no global that changes.
"""

from __future__ import annotations

COMPUTED: list = []


class Point:
    """Not plain data: its results are stored by the pickle codec."""

    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Point and other.x == self.x

    __hash__ = None


def plain(x):
    COMPUTED.append(x)
    return {"x": x, "list": [1.5, None, "text"]}


def other(x):
    COMPUTED.append(x)
    return {"other": x}


def pickled(x):
    COMPUTED.append(x)
    return [Point(x)]


def buffered(x):
    COMPUTED.append(x)
    return bytearray(range(256)) * 20 + bytes([x])


BY_CODEC = {"cbor": plain, "pickle": pickled, "buffer": buffered}
