"""Results: what a call returned is what the file gives back, in value, type, order and sharing, at every depth."""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import os
import random
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import uuid
import warnings
from pathlib import Path

import cbor2
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

import entryfile  # noqa: E402

import locache  # noqa: E402

GOLDEN = Path(__file__).parents[1] / "golden"
OUT_OF_LINE = 4096
SHARED_STRING = 65
DEPTH_MAX = 500
settings.register_profile("values", deadline=None, max_examples=int(os.environ.get("LOCACHE_TEST_EXAMPLES", "150")),
                          suppress_health_check=[HealthCheck.too_slow])  # fmt: skip
settings.load_profile("values")


# ------------------------------------------------------------------------------------------------------- a file and back


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
        return locache.persist(dir=str(self.directory), ignore=("box",))(result)

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


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    monkeypatch.delenv("LOCACHE_DIR", raising=False)


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path)


@pytest.fixture(scope="module")
def shared_cache():
    """For tests of many examples."""
    with tempfile.TemporaryDirectory() as directory:
        yield Cache(directory)


# -------------------------------------------------------------------------------------------------------------- sameness


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
    elif isinstance(a, np.ndarray):
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


# ------------------------------------------------------------------------------------------------------------ strategies

zones = st.timedeltas(datetime.timedelta(hours=-23), datetime.timedelta(hours=23)).map(datetime.timezone)
hashable_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, -(2**64), -(2**64) - 1, 10**400])
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
    | st.builds(array.array, st.sampled_from("bBhHiIlLqQ"), st.lists(st.integers(0, 100), max_size=9))
    | st.lists(st.floats(), max_size=9).map(np.array)
    | st.sampled_from(["<i4", ">i4", "|u1", "<f2", ">f8", "<c16", "|b1", "<U3", "|S2", "<M8[ns]"]).map(
        lambda dtype: np.zeros((2, 3), dtype)
    )
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
            nodes.append(tuple(nodes[i] for i in draw(st.lists(st.integers(0, 9), max_size=3)) if i < len(nodes)))
        else:
            nodes.append("a string as long as it takes to be shared, which is not very long at all: " + str(len(nodes)))
    for node in nodes:
        for i in draw(st.lists(st.integers(0, len(nodes) - 1), max_size=3)):
            if type(node) is list:
                node.append(nodes[i])
            elif type(node) is dict:
                node[len(node)] = nodes[i]
    return draw(st.sampled_from([nodes, nodes[-1], nodes[0]]))


# ------------------------------------------------------------------------------------------------------------ there and back


@given(values)
@example([-0.0, 0.0, 5e-324, float("inf"), struct.unpack("<d", bytes.fromhex("010203040506f87f"))[0]])
@example({"b": 1, "a": 2})
@example({1: "a", (1,): "b", frozenset({1}): "c", b"1": "d", "1": "e"})
@example([(), [], {}, set(), frozenset(), b"", bytearray(), ""])
@example("\ud800\udc00 \udfff")
@example([True, 1, 1.0, "1", b"1", None, 1j])
def test_result_comes_back_as_it_was(shared_cache, value):
    assert_same(value, shared_cache.through(value))


@given(graphs())
def test_sharing_and_cycles_come_back(shared_cache, value):
    assert_same(value, shared_cache.through(value))


def test_doubled_pairs_stay_small(cache):
    value = (1, 2)
    for _ in range(100):
        value = (value, value)
    assert len(cache.store(value).body) < 2000
    back = cache.load()
    for _ in range(100):
        assert back[0] is back[1]
        back = back[0]
    assert back == (1, 2)


def test_cycle_through_list_and_dict_is_plain(cache):
    value = {"list": [1]}
    value["list"].append(value)
    assert cache.store(value).codec == entryfile.CBOR
    back = cache.load()
    assert back["list"][1] is back


def test_cycle_through_tuple_is_kept(cache):
    value = ([],)
    value[0].append(value)
    assert cache.store(value).codec == entryfile.PICKLE
    back = cache.load()
    assert type(back) is tuple and back[0][0] is back


def test_results_are_writable_and_isolated(cache):
    value = [np.arange(1000.0), np.arange(1000.0), bytearray(5000), array.array("d", range(1000))]
    cache.store(value)
    first, second = cache.load(), cache.load()
    for item in first:
        item[0] = 77
    assert [item[0] for item in second] == [0, 0, 0, 0]
    assert second[1].flags.writeable and not np.shares_memory(second[0], second[1])
    assert [item[0] for item in cache.load()] == [0, 0, 0, 0]


def test_array_outlives_the_rest_of_its_result(cache):
    cache.store([np.arange(100_000), np.arange(100_000)])
    kept = cache.load()[1]
    assert kept.sum() == sum(range(100_000))


@pytest.mark.parametrize("order", ["C", "F"])
def test_array_keeps_its_layout(cache, order):
    value = np.array(np.arange(6000).reshape(2, 3000), order=order)
    back = cache.through(value)
    assert back.flags.c_contiguous == value.flags.c_contiguous and (back == value).all()


def test_strided_array_comes_back(cache):
    value = np.arange(20_000).reshape(100, 200)[::-3, ::7]
    assert (cache.through(value) == value).all()


@pytest.mark.parametrize("size", [OUT_OF_LINE - 1, OUT_OF_LINE])
def test_large_buffers_lie_out_of_line(cache, size):
    value = [b"a" * size, bytearray(b"b" * size), np.full(size, 7, np.uint8), array.array("b", bytes(size))]
    entry = cache.store(value)
    assert entry.codec == entryfile.CBOR
    assert [len(buffer) for buffer in entry.buffers] == ([size] * 4 if size >= OUT_OF_LINE else [])
    assert_same(value, cache.load())


def test_shared_buffer_is_stored_once(cache):
    buffer = np.arange(1000.0)
    assert len(cache.store([buffer, buffer, {"again": buffer}]).buffers) == 1
    back = cache.load()
    assert back[0] is back[1] is back[2]["again"]


# ------------------------------------------------------------------------------------------------------------ which codec


class Number(int):
    pass


class Names(dict):
    pass


class Colour(enum.Enum):
    RED = 1


Point = collections.namedtuple("Point", "x y")


class Plain:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)

    def __eq__(self, other):
        return type(other) is Plain and self.__dict__ == other.__dict__

    __hash__ = None


@pytest.mark.parametrize(
    "value",
    [
        Number(3),
        Names(a=1),
        Colour.RED,
        Point(1, 2),
        Plain(a=[1, 2]),
        [1, {"deep": (Plain(),)}],
        collections.OrderedDict(a=1),
        collections.Counter("abc"),
        collections.deque([1, 2]),
        range(3),
        slice(1, 2),
        datetime.datetime(2020, 1, 1, fold=1),
        datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1), "named")),
        len,
        Plain,
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_what_cbor_cannot_hold_is_pickled(cache, value):
    assert cache.store(value).codec == entryfile.PICKLE
    back = cache.load()
    assert type(back) is type(value) and back == value


def test_nan_as_key_or_member_is_pickled(cache):
    nan = float("nan")
    for value in ({nan: 1}, {nan}, {(1, (nan,)): 2}, frozenset({complex(0, nan)}), {np.float64("nan")}):
        assert cache.store(value).codec == entryfile.PICKLE
        assert repr(cache.load()) == repr(value)
    assert cache.store({1: nan, (2,): [nan]}).codec == entryfile.CBOR


def test_object_array_is_pickled(cache):
    value = np.array([1, "a", None, {"b": 2}], object)
    assert cache.store(value).codec == entryfile.PICKLE
    assert (cache.load() == value).all()


def test_array_subclass_keeps_its_class(cache):
    value = np.rec.array([(1, 2.0)] * 1000, dtype=[("a", int), ("b", float)])
    back = cache.through(value)
    assert type(back) is np.recarray and (back == value).all()
    back.a[0] = 9


def test_pickled_arrays_lie_out_of_line_and_are_writable(cache):
    value = Plain(data=np.arange(10_000.0), small=np.arange(3))
    entry = cache.store(value)
    assert entry.codec == entryfile.PICKLE and [len(buffer) for buffer in entry.buffers] == [80_000]
    back = cache.load()
    assert (back.data == value.data).all() and back.data.flags.writeable
    back.data[0] = 5
    assert cache.load().data[0] == 0


def test_deep_value_is_kept(cache):
    value = []
    for _ in range(480):
        value = [value]
    assert cache.store(value).codec == entryfile.CBOR
    assert cache.load() == value


def test_deeper_than_a_reader_follows_is_not_cbor(cache):
    value = []
    for _ in range(DEPTH_MAX + 50):
        value = (value,)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        assert cache.store(value).codec == entryfile.PICKLE
        assert cache.load() == value
    finally:
        sys.setrecursionlimit(limit)


def test_unpicklable_result_is_returned_and_warned_about(cache):
    box = Box()
    box.value = lambda: 1
    with pytest.warns(locache.CacheWarning):
        assert cache.function()(box) is box.value
    assert not cache.entry.exists()


def test_without_pickle_what_cbor_cannot_hold_is_warned_about(cache):
    box = Box()
    box.value = [Plain()]
    function = locache.persist(dir=str(cache.directory), ignore=("box",), pickle=False)(result)
    with pytest.warns(locache.CacheWarning, match="Plain"):
        assert function(box) is box.value
    assert not cache.entry.exists()


# ------------------------------------------------------------------------------------------------------------- with cbor2

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
    | st.datetimes(timezones=st.just(datetime.timezone.utc))
    | st.decimals(allow_nan=False, allow_infinity=False, places=3).filter(bool)
    | st.sets(st.integers(), max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain_keys, inner, max_size=4),
    max_leaves=20,
)


@given(plain_values)
def test_body_is_the_same_value_to_cbor2(shared_cache, value):
    entry = shared_cache.store(value)
    assert entry.codec == entryfile.CBOR and entry.mac == bytes(32)
    assert_same(value, cbor2.loads(entry.body))


def without_strings_and_tuples(value, seen):
    """Do the shared objects have a form that cbor2 knows?"""
    if id(value) in seen:
        return True
    seen.add(id(value))
    if type(value) in (tuple, bytearray):
        return False
    if type(value) is list:
        return all(without_strings_and_tuples(item, seen) for item in value)
    return type(value) is not dict or all(without_strings_and_tuples(item, seen) for item in value.values())


@given(graphs().filter(lambda value: without_strings_and_tuples(value, set())))
def test_shared_references_are_the_same_to_cbor2(shared_cache, value):
    assert_same(value, cbor2.loads(shared_cache.store(value).body))


@given(plain_values)
def test_entry_written_by_cbor2_is_a_hit(shared_cache, value):
    shared_cache.store(None)
    body = cbor2.dumps(value, canonical=True)
    shared_cache.replace(body=body)
    assert shared_cache.load() == value
    assert_same(cbor2.loads(body), shared_cache.load())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ((1, 2), cbor2.CBORTag(49600, [1, 2])),
        (frozenset({1}), cbor2.CBORTag(49601, [1])),
        (bytearray(b"a"), cbor2.CBORTag(49602, b"a")),
        ("\ud800", cbor2.CBORTag(49603, b"\xed\xa0\x80")),
        (1 + 2j, cbor2.CBORTag(43000, [1.0, 2.0])),
        (datetime.datetime(2020, 1, 2, 3, 4, 5, 6), cbor2.CBORTag(49604, "2020-01-02T03:04:05.000006")),
        (datetime.time(1, 2, 3), cbor2.CBORTag(49605, "01:02:03")),
        (datetime.timedelta(1, 2, 3), cbor2.CBORTag(49606, [1, 2, 3])),
        (decimal.Decimal("-0"), cbor2.CBORTag(49607, "-0")),
        (bytes(5000), cbor2.CBORTag(49608, 0)),
        (array.array("B", b"ab"), cbor2.CBORTag(49612, ["B", b"ab"])),
        (np.array([1, 2], "<u2"), cbor2.CBORTag(40, [[2], cbor2.CBORTag(69, b"\1\0\2\0")])),
        (np.int8(-1), cbor2.CBORTag(49611, ["|i1", b"\xff"])),
    ],
)
def test_private_tags_are_as_documented(cache, value, shown):
    assert cache.store(value).body == cbor2.dumps(shown, canonical=True)
    assert_same(value, cache.load())


# ------------------------------------------------------------------------------------------------------------- RFC 8949


def vectors():
    for line in (GOLDEN / "rfc8949" / "appendix_a.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split("\t")[:2]


NOT_RESULTS = {1, 23, 24, 32}  # tags that the writer never writes: epoch times, expected conversions, URIs


@pytest.mark.parametrize(("verdict", "encoded"), list(vectors()))
def test_appendix_a(cache, verdict, encoded):
    cache.store(None)
    body = bytes.fromhex(encoded)
    cache.replace(body=body)
    tag = body[0] & 31 if body[0] & 31 < 24 else body[1]
    if verdict != "accept" or (body[0] >> 5 == 6 and tag in NOT_RESULTS):
        assert cache.is_miss()
        return
    expected = cbor2.loads(body)
    assert_same(expected, cache.load())


# ---------------------------------------------------------------------------------------------------------- hostile bodies

SHARED, REFERENCE, SET, TUPLE, FROZENSET, BUFFER = "d81c", "d81d", "d90102", "d9c1c0", "d9c1c1", "d9c1c8"
PAIR_OF_ITSELF = SHARED + TUPLE + "82"


def doubling(depth):
    """A key that stands for 2**depth items."""
    pairs = PAIR_OF_ITSELF + "0102"
    for n in range(depth):
        pairs = PAIR_OF_ITSELF + pairs + REFERENCE + (f"{depth - n:02x}" if depth - n < 24 else f"18{depth - n:02x}")
    return pairs


@pytest.mark.parametrize(
    "body",
    [
        "",
        "01 01",
        "81",
        "8201",
        "a101",
        "a2 0101 0102",
        "a2 01f6 f93c00f6",
        "a1 80 01",
        "a1 a0 01",
        SET + "82 01 01",
        SET + "81 80",
        SET + "81" + SET + "80",
        SET + "a0",
        SET + "01",
        TUPLE + "01",
        TUPLE + "a0",
        "d9c1c2 6161",
        BUFFER + "00",
        REFERENCE + "00",
        SHARED + REFERENCE + "00",
        SHARED + SHARED + "80",
        SHARED + TUPLE + "81" + REFERENCE + "00",
        SHARED + SET + "81" + REFERENCE + "00",
        SHARED + FROZENSET + "81" + REFERENCE + "00",
        "82" + SHARED + "80" + REFERENCE + "01",
        "82" + SHARED + "80" + REFERENCE + "20",
        "82" + REFERENCE + "00" + SHARED + "80",
        "a1" + SHARED + "80" + "01",
        "d9ffff 01",
        "c0 01",
        "fa 3f800000",
        "1801",
        "62 c328",
        "81" * (DEPTH_MAX + 1) + "80",
        "81" * 100_000,
        "d81c" * 100_000,
        "9a00100000" * 300,
        "9bffffffffffffffff",
        "bbffffffffffffffff",
        "9b7fffffffffffffff",
        "5b7fffffffffffffff",
        # Each array has bytes enough for itself, but not for those around it.
        "9a00080000" * 400 + "00" * 0x80000,
        "a1" + doubling(40) + "01",
        SET + "81" + doubling(40),
    ],
    ids=lambda body: body[:24],
)
def test_hostile_body_is_a_miss(cache, body):
    cache.store(None)
    cache.replace(body=bytes.fromhex(body))
    started = time.monotonic()
    assert cache.is_miss()
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("numbers", [[1], [0, 0], [1, 0], [0, 2], [0], []])
def test_each_buffer_is_used_once_in_order(cache, numbers):
    cache.store([bytes(5000), bytes(6000)])
    items = b"".join(cbor2.dumps(cbor2.CBORTag(49608, n)) for n in numbers)
    cache.replace(body=bytes([0x80 + len(numbers)]) + items)
    assert cache.is_miss()


def test_array_that_does_not_fit_its_buffer_is_a_miss(cache):
    body = cache.store(np.arange(1000)).body
    for size in (0, 1, 7992, 8001, 8008):
        cache.replace(buffers=[bytes(size)])
        assert cache.is_miss()
    cache.replace(buffers=[bytes(8000)], body=body)
    assert not cache.load().any()


def test_body_of_another_codec_is_a_miss(cache):
    cache.store(1)
    cache.replace(codec=entryfile.RAW)
    assert cache.is_miss()


def test_damaged_bodies_are_misses_or_values(cache, record_property):
    """Under a good checksum: whatever the bytes say, the call returns."""
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    record_property("seed", seed)
    rng = random.Random(seed)
    shared = [1, "a", {2.5: None}]
    shared.append(shared)
    value = [shared, shared, (1, (2,)), {"set": {1, (2, 3)}, b"k": frozenset({4})}, np.arange(4), np.arange(600.0), 1j,
             uuid.UUID(int=5), decimal.Decimal("1.5"), fractions.Fraction(1, 3), datetime.date(2020, 1, 1), b"x" * 5000,
             "\ud800", "s" * 80, 2**80, bytearray(b"yz"), array.array("d", [1.5]), np.float32(2)]  # fmt: skip
    original = cache.store(value)
    for _ in range(int(os.environ.get("LOCACHE_TEST_EXAMPLES", "1500"))):
        body = bytearray(original.body)
        for _ in range(rng.choice([1, 1, 2, 4])):
            at = rng.randrange(len(body))
            change = rng.randrange(4)
            if change == 0:
                body[at] ^= 1 << rng.randrange(8)
            elif change == 1:
                body[at] = rng.randrange(256)
            elif change == 2:
                del body[at : at + rng.randrange(1, 5)]
            else:
                body[at:at] = body[rng.randrange(len(body)) :][: rng.randrange(1, 9)]
        entry = entryfile.Entry(**{**vars(original), "body": bytes(body)})
        cache.entry.write_bytes(entryfile.build(entry))
        box = Box()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cache.function()(box)


# ------------------------------------------------------------------------------------------------------------------ threads


def test_value_changed_by_another_thread_does_no_harm(cache):
    """Fractions are written by Python code, which other threads may run between."""
    done = threading.Event()
    inner = [fractions.Fraction(i, 7) for i in range(50)]
    value = {"list": inner, "dict": {i: inner for i in range(20)}, "bytes": bytearray(6000)}

    def change():
        while not done.is_set():
            inner.append([fractions.Fraction(1, 3)])
            value["dict"][len(value["dict"])] = [value]
            del inner[40:]
            value["dict"] = {i: list(inner) for i in range(20)}

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=change)
    thread.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", locache.CacheWarning)
            for _ in range(100):
                box = Box()
                box.value = value
                assert cache.function()(box) is value or box.calls == 0
                cache.entry.unlink(missing_ok=True)
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)


# ---------------------------------------------------------------------------------------------------- scripts and modules

SHAPES = """
    from locache import persist
    print("running as", __name__)

    class Shape:
        def __init__(self, sides):
            self.sides = sides

    @persist
    def make(sides):
        print("computing")
        return Shape(sides)

    if __name__ == "__main__":
        shape = make(3)
        assert type(shape) is Shape and shape.sides == 3
"""
USER = """
    import shapes
    shape = shapes.make(3)
    assert type(shape) is shapes.Shape and shape.sides == 3
"""


@pytest.fixture
def run(tmp_path):
    def run(*command):
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr, done.stderr
        return done.stdout

    (tmp_path / "shapes.py").write_text(textwrap.dedent(SHAPES))
    (tmp_path / "user.py").write_text(textwrap.dedent(USER))
    return run


def test_class_of_a_script_is_found_when_it_is_imported(run):
    assert run("shapes.py") == "running as __main__\ncomputing\n"
    assert run("shapes.py") == "running as __main__\n"
    assert run("user.py") == "running as shapes\n"


def test_script_is_not_imported_a_second_time_for_its_class(run):
    assert run("user.py") == "running as shapes\ncomputing\n"
    assert run("shapes.py") == "running as __main__\n"
    assert run("-m", "shapes") == "running as __main__\n"


def test_class_of_the_calling_script_comes_back(run, tmp_path):
    (tmp_path / "library.py").write_text(
        "from locache import persist\n@persist(ignore='make')\ndef call(make):\n    print('computing')\n    return make()\n"
    )
    script = "import library\nclass Own: pass\nassert type(library.call(Own)) is Own\n"
    (tmp_path / "one.py").write_text(script)
    (tmp_path / "two.py").write_text(script.replace("assert", "print('two runs'); assert"))
    assert run("one.py") == "computing\n"
    assert run("one.py") == ""
    done = subprocess.run([sys.executable, "two.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and done.stdout == "two runs\ncomputing\n"
