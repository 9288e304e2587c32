"""Hypothesis strategies for results."""

from __future__ import annotations

import array
import datetime

import numpy as np
from hypothesis import strategies as st

zones = st.timedeltas(datetime.timedelta(hours=-23), datetime.timedelta(hours=23)).map(
    datetime.timezone
)
hashable_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from(
        [
            2**63 - 1,
            2**63,
            2**64 - 1,
            2**64,
            -(2**63),
            -(2**63) - 1,
            -(2**64),
            -(2**64) - 1,
            10**400,
        ]
    )
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.text(st.characters(), max_size=100)
    | st.text(st.characters(categories=["Cs", "Ll"]), max_size=5)
    | st.binary(max_size=100)
    | st.datetimes(timezones=st.none() | zones)
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.uuids()
)
leaves = (
    hashable_leaves
    | st.floats()
    | st.complex_numbers()
    | st.decimals()
    | st.binary(max_size=100).map(bytearray)
    | st.builds(
        array.array, st.sampled_from("bBhHiIlLqQ"), st.lists(st.integers(0, 100), max_size=9)
    )
    | st.lists(st.floats(), max_size=9).map(np.array)
    | st.sampled_from(
        ["<i4", ">i4", "|u1", "<f2", ">f8", "<c16", "|b1", "<U3", "|S2", "<M8[ns]"]
    ).map(lambda dtype: np.zeros((2, 3), dtype))
    | st.floats().map(np.float32)
    | st.integers(-128, 127).map(np.int8)
    | st.integers(4000, 4200).map(bytes)
    | st.integers(4000, 4200).map(bytearray)
    | st.integers(500, 520).map(lambda n: np.arange(float(n)))
)
hashables = st.recursive(
    hashable_leaves,
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.sets(hashables, max_size=4)
        | st.frozensets(hashables, max_size=4)
    ),
    max_leaves=20,
)


@st.composite
def graphs(draw):
    """Containers that hold one another in any way, cycles included."""
    kinds = draw(st.lists(st.sampled_from("ldtsy"), min_size=1, max_size=8))
    nodes = []
    for kind in kinds:
        if kind == "l":
            nodes.append([])
        elif kind == "d":
            nodes.append({})
        elif kind == "y":
            nodes.append(bytearray(b"shared"))
        elif kind == "t":
            nodes.append(
                tuple(
                    nodes[i]
                    for i in draw(st.lists(st.integers(0, 9), max_size=3))
                    if i < len(nodes)
                )
            )
        else:
            nodes.append(
                "a string as long as it takes to be shared, which is not very long at all: "
                + str(len(nodes))
            )
    for node in nodes:
        for i in draw(st.lists(st.integers(0, len(nodes) - 1), max_size=3)):
            if type(node) is list:
                node.append(nodes[i])
            elif type(node) is dict:
                node[len(node)] = nodes[i]
    return draw(st.sampled_from([nodes, nodes[-1], nodes[0]]))


# What CBOR has forms for that others know too.
plain_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(max_size=100)
)
plain_keys = st.integers() | st.text() | st.binary(max_size=10)
plain_values = st.recursive(
    plain_leaves
    | st.fractions()
    | st.uuids()
    | st.dates()
    | st.datetimes(timezones=st.just(datetime.timezone.utc)).map(
        lambda moment: moment.replace(fold=0)
    )
    | st.decimals(allow_nan=False, allow_infinity=False, places=3).filter(bool)
    | st.sets(st.integers(), max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain_keys, inner, max_size=4),
    max_leaves=20,
)
