"""Functions to memoize, one per codec, and a count of their real computations.

They live in a real source file, are persisted by each test with `dir=`, and compute from no global
that changes.
"""

from __future__ import annotations

import numpy as np

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


VARIANT = [0]  # read by the functions below, which return one thing after the other for one call


def frozen(x):
    COMPUTED.append(x)
    return ("frozen", x, VARIANT[0])


def mutable(x):
    COMPUTED.append(x)
    return ["mutable", x, VARIANT[0]]


def unpickled(x):
    COMPUTED.append(x)
    return [Point(x), VARIANT[0]]


def array(x):
    COMPUTED.append(x)
    return np.array([x, VARIANT[0]] * 500)


def large_array(x):
    """One that is mapped."""
    COMPUTED.append(x)
    return np.array([x, VARIANT[0]] * 17_000)


VARYING = {
    "immutable": frozen,
    "mutable": mutable,
    "pickle": unpickled,
    "array": array,
    "mapped": large_array,
}


def variant_of(result):
    """Which variant a result of one of VARYING is."""
    return int(result[-1])


def ramp(count):
    COMPUTED.append(count)
    return np.arange(count, dtype="f8")
