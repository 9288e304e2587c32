"""Keys: two calls have one name exactly where their arguments are equal, type by type, in every
process."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import gc
import io
import json
import math
import mmap
import os
import pathlib
import pickle
import random
import socket
import struct
import subprocess
import sys
import textwrap
import threading
import types
import uuid
import warnings
import weakref
import zoneinfo

import locache
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

DIGEST_FROM = 4096  # bytes from which a string goes in as its digest


# ------------------------------------------------------------------------------ equal, type by type


def typed_equal(a, b):
    """Equality as keys have it: of types, at every depth; order matters but in sets; zeros have
    their sign."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    if isinstance(a, complex):
        return typed_equal(a.real, b.real) and typed_equal(a.imag, b.imag)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(typed_equal, a, b))
    if isinstance(a, (set, frozenset)):
        return len(a) == len(b) and all(any(typed_equal(x, y) for y in b) for x in a)
    if isinstance(a, dict):
        return len(a) == len(b) and all(map(typed_equal, a.items(), b.items()))
    return a == b


text = st.text(st.characters(exclude_categories=()), max_size=6)
atoms = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2),
    st.integers(),
    st.sampled_from([0.0, -0.0, 1.0, 2.0, math.inf, 5e-324]),
    st.floats(allow_nan=False),
    st.sampled_from(["", "0", "1", "1.0", "None", "True", "a", "\ud800"]),
    text,
    st.sampled_from([b"", b"0", b"1", b"a"]),
    st.sampled_from([0j, 1j, complex(-0.0, 0), complex(1, 0)]),
    st.dates(),
    st.decimals(allow_nan=False).map(lambda d: d + 0),
)
hashable = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.frozensets(inner, max_size=3)
    ),
    max_leaves=4,
)
values = st.recursive(
    st.one_of(atoms, hashable),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.sets(hashable, max_size=3),
        st.dictionaries(hashable, inner, max_size=3),
        st.binary(max_size=3).map(bytearray),
    ),
    max_leaves=6,
)


WORKER = """
    import pickle, pathlib, struct, sys
    from locache import persist

    @persist(dir=sys.argv[1])
    def call(x):
        return x

    while head := sys.stdin.buffer.read(4):
        value = pickle.loads(sys.stdin.buffer.read(struct.unpack("<I", head)[0]))
        answer = pathlib.Path(call.cache_path(value)).name.encode()
        sys.stdout.buffer.write(struct.pack("<I", len(answer)) + answer)
        sys.stdout.buffer.flush()
"""


class Worker:
    """Another process, with a hash seed of its own, that says names."""

    def __init__(self, place, seed):
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(WORKER), str(place / f"{seed}.cache")],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def name(self, value):
        data = pickle.dumps(value)
        self.process.stdin.write(struct.pack("<I", len(data)) + data)
        self.process.stdin.flush()
        (size,) = struct.unpack("<I", self.process.stdout.read(4))
        return self.process.stdout.read(size).decode()

    def close(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0
        self.process.stdout.close()


@pytest.fixture(scope="module")
def workers(tmp_path_factory):
    place = tmp_path_factory.mktemp("workers")
    pair = [Worker(place, 1), Worker(place, 2)]
    yield pair
    for worker in pair:
        worker.close()


@given(values, values)
@example(1, 1.0)
@example(1, True)
@example("1", 1)
@example(b"1", "1")
@example(b"1", bytearray(b"1"))
@example([0.0], [-0.0])
@example({1: 0.0}, {1.0: 0.0})
@example((1,), [1])
@example({1}, frozenset({1}))
@example({"a": 1, "b": 2}, {"b": 2, "a": 1})
def test_two_processes_agree_on_which_calls_are_equal(workers, a, b):
    first, second = workers
    assert (first.name(a) == second.name(b)) == typed_equal(a, b)


@given(values)
def test_name_is_the_same_in_every_process(workers, value):
    first, second = workers
    assert first.name(value) == second.name(value)
    assert len(first.name(value).encode()) <= 140


# ------------------------------------------------------------------- every kind of value, by itself


class Point:
    def __init__(self, x=1):
        self.x = x

    def method(self):
        return self.x

    @classmethod
    def made(cls):
        return cls()


class Slotted:
    __slots__ = ("x", "y")

    def __init__(self, x):
        self.x = x


@dataclasses.dataclass
class Record:
    x: int
    y: list


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Flags(enum.Flag):
    A = 1
    B = 2


class Int(int):
    pass


class List(list):
    pass


class Set(set):
    pass


class Bytes(bytes):
    pass


class Custom:
    def __init__(self, value):
        self.value = value
        self.lock = threading.Lock()

    def __locache_key__(self):
        return self.value


Pair = collections.namedtuple("Pair", "a b")


def plus_one(x):
    return x + 1


def plus_two(x):
    return x + 2


def adder(n):
    def add(x):
        return x + n

    return add


def local_class(n):
    class Local:
        number = n

    return Local


def knot():
    value = []
    value.append(value)
    return value


D = decimal.Decimal
UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2020, 1, 2, 3, 4, 5)

# Pairwise different; each row makes a value anew.
DIFFERENT = {
    "builtins": lambda: [
        None, True, False, 0, 1, -1, 2**63, -(2**63) - 1, 2**64, -(2**64), 10**700, 0.0, -0.0,
        1.0, math.inf, -math.inf,
        math.nan, 0j, 1j, complex(-0.0, 0.0), complex(0.0, -0.0), "", "1", "None", "\ud800", b"",
        b"1", bytearray(),
        bytearray(b"1"), (), [], {}, set(), frozenset(), (1,), [1], [1.0], [True], ["1"], [b"1"],
        {1}, {1.0},
        frozenset([1]), {1: 2}, {1: 2.0}, {1.0: 2}, [[]], [()], ([],), ((),), ..., NotImplemented,
        range(3),
        range(0, 3, 2), slice(1), slice(1, None), slice(None, None, 1), knot(), [knot()],
    ],
    "long strings": lambda: [
        kind(b"a" * size) if kind is not str else "a" * size
        for size in (DIGEST_FROM - 1, DIGEST_FROM, DIGEST_FROM + 1, 10**6)
        for kind in (bytes, bytearray, str, memoryview)
    ] + ["é" * 2047, "é" * 2048, "\ud800" * 1365, "\ud800" * 1366, "\udc00" * 1366],
    "dates": lambda: [
        MOMENT, MOMENT.replace(tzinfo=UTC), MOMENT.replace(fold=1), MOMENT.replace(microsecond=1),
        MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
        MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(seconds=1))),
        MOMENT.replace(tzinfo=datetime.timezone(datetime.timedelta(0), "name")),
        MOMENT.replace(tzinfo=zoneinfo.ZoneInfo("UTC")),
        MOMENT.date(), MOMENT.time(), MOMENT.time().replace(tzinfo=UTC), datetime.timedelta(1),
        datetime.timedelta(-1),
        datetime.timedelta(0, 0, 1), UTC,
    ],
    "numbers": lambda: [
        D("1"), D("1.0"), D("-0"), D("0"), D("0E+5"), D("NaN"), D("sNaN"), D("NaN1"),
        D("Infinity"), D("-Infinity"),
        D("1E+500"), D("9" * 640), D("9" * 641), fractions.Fraction(1, 3), fractions.Fraction(1),
        Int(1), 1,
        uuid.UUID(int=1), uuid.UUID(int=2),
    ],
    "paths": lambda: [
        pathlib.Path("a"), pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a"),
        pathlib.Path("a/b"),
        pathlib.Path("\udc80"), "a",
    ],
    "objects": lambda: [
        Point(), Point(1.0), Point("1"), Slotted(1), Slotted(2), Record(1, [2]), Record(1, [2.0]),
        Pair(1, 2), (1, 2),
        Pair(1, 2.0), Colour.RED, Colour.BLUE, Flags.A, Flags.B, Flags.A | Flags.B, Flags(0),
        Colour, Point, int, type,
        List([1]), [1], Set({1}), {1}, Bytes(b"1"), b"1", Custom(1), Custom(1.0), 1,
        Custom([Custom(1)]), list[int],
        collections.OrderedDict(a=1, b=2), collections.OrderedDict(b=2, a=1), {"a": 1, "b": 2},
        collections.defaultdict(list, a=1), collections.defaultdict(set, a=1),
        collections.Counter("ab"),
        collections.deque([1]), collections.deque([1], 3), types.SimpleNamespace(a=1),
        types.MappingProxyType({"a": 1, "b": 2}), random.Random(1), random.Random(2),
        local_class(1), local_class(2),
        local_class(1)(), local_class(2)(),
    ],
    "callables": lambda: [
        plus_one, plus_two, adder(1), adder(2), adder(1.0), lambda x: x, lambda x: x + 1, len,
        math.sin, dict.fromkeys,
        [1].append, [2].append, str.upper, Point.method, Point(1).method, Point(2).method,
        Point.made,
        functools.partial(plus_one, 1), functools.partial(plus_one, x=1),
        functools.partial(plus_two, 1),
        functools.lru_cache(plus_one), functools.lru_cache(plus_two),
    ],
    "buffers": lambda: [
        memoryview(b"abcd"), memoryview(b"abce"), memoryview(b"abcd").cast("H"),
        memoryview(b"aXbXcXdX")[::2][:2],
        pickle.PickleBuffer(b"abcd"), mmap.mmap(-1, 4096), array.array("i", [1]),
        array.array("I", [1]),
        array.array("d", [1]), array.array("i"), b"abcd",
    ],
    "arrays": lambda: [
        *(np.arange(6).astype(t) for t in "i1 u1 i2 >i2 i4 u4 i8 u8 f2 f4 >f4 f8 c8 c16".split()),
        *(np.arange(6).astype(t) for t in "M8[s] M8[ns] m8[s] U2 S2".split()),
        np.arange(6) % 2 == 0, np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2),
        np.array(1), np.array([1]), [1],
        np.zeros((0, 3)), np.zeros((3, 0)), np.zeros(1), -np.zeros(1), np.zeros(10**4),
        np.ones(10**4),
        np.array([1, "a"], object), np.array([1.0, "a"], object), np.zeros(2, "i4,f8"),
        np.zeros(2, "i4,f4"),
        np.zeros(2, [("a", "i4"), ("b", "f8")]), np.int64(1), np.int32(1), np.float64(1),
        np.float32(1), np.bool_(True),
        np.str_("1"), np.bytes_(b"1"), np.str_("1\0"), np.datetime64("2020"),
        np.datetime64("2020-01-01"),
        np.dtype("f8"), np.dtype(">f8"), np.dtype("i4,f8"), np.arange(2).view(np.recarray),
        np.ma.array([1, 2], mask=[0, 1]), 1, 1.0,
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", DIFFERENT)
def test_different_values_have_different_names(name, kind):
    seen = {}
    for value in DIFFERENT[kind]():
        assert name(value) not in seen, (value, seen[name(value)])
        seen[name(value)] = value
    assert len({name([v]) for v in DIFFERENT[kind]()}) == len(seen), "one level deeper"


@pytest.mark.parametrize("kind", DIFFERENT)
def test_equal_values_made_twice_have_one_name(name, kind):
    for first, second in zip(DIFFERENT[kind](), DIFFERENT[kind](), strict=True):
        assert name(first) == name(second), first


@pytest.mark.once
def test_names_are_the_same_whatever_the_hash_seed(tmp_path):
    (tmp_path / "show.py").write_text(
        textwrap.dedent(
            f"""
            import json, sys
            sys.path.insert(0, {str(pathlib.Path(__file__).parent)!r})
            import test_keys
            from locache import persist

            @persist(dir={str(tmp_path / "seeds.cache")!r})
            def call(x):
                return x

            made = [value for make in test_keys.DIFFERENT.values() for value in make()]
            print(json.dumps([str(call.cache_path(value)) for value in made]))
            """
        )
    )
    outputs = [
        subprocess.run([sys.executable, tmp_path / "show.py"],
                       env={**os.environ, "PYTHONHASHSEED": seed},
                       capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    ]  # fmt: skip
    assert outputs[0] == outputs[1]
    assert len(json.loads(outputs[0])) > 200


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ({"a", "b"}, {"b", "a"}),
        ([[1], [1]], [[1]] * 2),
        (np.arange(24).reshape(4, 6)[:, ::2], np.arange(24).reshape(4, 6)[:, ::2].copy()),
        (np.arange(3), np.arange(6)[::2] // 2),
        (float("nan"), float("nan")),
    ],
)
def test_what_does_not_matter_is_not_in_the_name(name, a, b):
    assert name(a) == name(b)


# ------------------------------------------------------------------------------------------- frames


@pytest.mark.once
def test_pandas_frames_by_column(name):
    pd = pytest.importorskip("pandas")
    made = pd.DataFrame({"a": [1, 2], "b": [3, 4], "c": ["x", None]})
    grown = pd.DataFrame({"a": [1, 2]})
    grown["b"] = [3, 4]
    grown["c"] = ["x", None]
    assert name(made) == name(grown) == name(made.copy())
    frames = [
        made, made.astype({"a": "float64"}), made[["b", "a", "c"]],
        made.rename(columns={"a": "z"}), made.iloc[::-1],
        made.set_index("a"), made.assign(c=["x", "y"]), made["a"], made["b"],
        made["a"].rename("q"), made.index,
        made["a"].astype("Int64"), made["c"].astype("category"), pd.DataFrame(),
        pd.Series([1, None], dtype="Int64"),
        pd.Series([0, None], dtype="Int64"), pd.date_range("2020", periods=2),
        pd.date_range("2020", periods=2, tz="UTC"),
        pd.MultiIndex.from_tuples([(1, "a"), (2, "b")]), pd.Timestamp("2020"), pd.NaT, pd.NA,
    ]  # fmt: skip
    assert len({name(frame) for frame in frames}) == len(frames)


@pytest.mark.once
def test_polars_frames_by_column(name):
    pl = pytest.importorskip("polars")
    made = pl.DataFrame({"a": [1, None], "b": ["x", None]})
    chunked = pl.concat([made[:1], made[1:]], rechunk=False)
    assert name(made) == name(chunked)
    frames = [
        made, made[:1], made.rename({"a": "z"}), made.with_columns(pl.col("a").cast(pl.Float64)),
        made["a"], made["b"],
        pl.Series("a", [1, 0]), pl.Series([datetime.date(2020, 1, 1)]), pl.Series([MOMENT]),
        pl.Series([[1], [2]]),
        pl.Series([True, None]), pl.Series([True, False]), pl.DataFrame(),
    ]  # fmt: skip
    assert len({name(frame) for frame in frames}) == len(frames)


# ---------------------------------------------------------------------------------- what has no key


def generator():
    yield 1


class Own:
    def __reduce_ex__(self, protocol):
        raise TypeError("no")


@pytest.mark.parametrize(
    ("make", "advice"),
    [
        (object, "an enum's member"),
        (threading.Lock, "pass what counts of it"),
        (generator, "pass a list"),
        (lambda: iter([1]), "pass a list"),
        (lambda: map(int, []), "pass a list"),
        (lambda: {}.keys(), "pass a list"),
        (lambda: {}.items(), "pass a list"),
        (lambda: open(os.devnull), "pass its path"),
        (lambda: open(os.devnull, "rb"), "pass its path"),
        (lambda: io.BytesIO(b"x"), "pass its bytes"),
        (lambda: io.StringIO("x"), "pass its text"),
        (lambda: weakref.ref(Point), "pass what counts of it"),
        (lambda: socket.socket(), "pass what counts of it"),
        (Own, "give its class a __locache_key__ method"),
    ],
)
def test_unkeyable_argument_is_computed_and_said_once(kept, make, advice):
    calls = []

    @kept(ignore="calls")
    def call(x):
        calls.append(x)
        return 1

    value = make()
    with pytest.warns(
        locache.CacheWarning,
        match=f"{type(value).__name__}.*{advice}.*or leave it out with ignore=",
    ) as told:
        assert call(value) == 1
    assert ("__locache_key__" in str(told[0].message)) == (make is Own)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert call(value) == 1
    assert len(calls) == 2


def test_another_argument_that_has_no_key_is_told_too(kept):
    @kept
    def call(x, y=0):
        return 1

    def repeated():
        for _ in range(3):
            call(threading.Lock()), call(0, threading.Lock()), call(generator())

    with pytest.warns(locache.CacheWarning) as told:
        repeated()
    assert [str(one.message).split(": ")[3] for one in told] == ["'x'", "'y'", "'x'"]
    call.cache_clear()
    with pytest.warns(locache.CacheWarning, match="'x'"):
        call(generator())


def test_so_many_kinds_of_trouble_are_told(kept):
    @kept
    def call(**names):
        return 1

    def repeated():
        for i in range(20):
            call(**{f"x{i}": generator()})

    with pytest.warns(locache.CacheWarning) as told:
        repeated()
    assert len(told) == 8


def test_a_captured_variable_is_not_called_an_argument(kept):
    lock = threading.Lock()

    @kept
    def call(x):
        return lock and x

    with pytest.warns(locache.CacheWarning, match="a variable that the function captures.*'lock'"):
        call(1)


def test_refusal_says_where_in_the_argument(kept):
    @kept
    def call(x):
        return 1

    with pytest.warns(locache.CacheWarning, match=r"\['conn'\]\[0\]\.x"):
        call({"conn": [Point(threading.Lock())]})


def test_dict_that_grows_meanwhile_is_no_crash(kept):
    class Growing:
        def __locache_key__(self):
            for n in range(1000):
                target[n] = n
            gc.collect()
            return 1

    target = {"a": Growing(), "b": 2}

    @kept
    def call(x):
        return 1

    assert call(target) == 1


def test_list_that_shrinks_meanwhile_is_no_crash(kept):
    class Shrinking:
        def __locache_key__(self):
            target.clear()
            return 1

    target = [Shrinking(), *map(Point, range(10))]

    @kept
    def call(x):
        return 1

    assert call(target) == 1


@pytest.mark.parametrize(
    ("make", "change", "told"),
    [
        (lambda path: {"a": path, "b": 1}, lambda x: x.update(c=2), "a dict changed size"),
        (lambda path: {"a": path, "b": 1}, lambda x: x.pop("b"), "a dict changed size"),
        (lambda path: [path, 1], lambda x: x.append(2), "a list changed size"),
        (lambda path: [path, 1], lambda x: x.pop(), "a list changed size"),
        (lambda path: {path, 1}, lambda x: x.add(2), None),
        (lambda path: {path, 1}, lambda x: x.discard(1), None),
    ],
)
def test_container_that_changes_while_it_is_walked(kept, monkeypatch, make, change, told):
    """By what a path of the standard library runs to say its text, in the midst of the walk."""
    path = pathlib.PurePosixPath("a")
    whole = make(path)
    as_text = pathlib.PurePosixPath.__str__

    @kept
    def call(x):
        return 1

    def text(self):
        change(whole)
        return as_text(self)

    before = call.cache_path(whole)
    monkeypatch.setattr(pathlib.PurePosixPath, "__str__", text)
    if told is None:  # a set is written as it was when it was met
        assert call.cache_path(whole) == before
        return
    with pytest.raises(RuntimeError, match=told):
        call.cache_path(whole)
    whole = make(path)
    with pytest.warns(locache.CacheWarning, match=told):
        assert call(whole) == 1


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def test_a_deep_list_is_an_argument(name):
    assert name(nested(100_000)) == name(nested(100_000)) != name(nested(99_999))


def test_too_deep_is_no_crash(kept):
    @kept
    def call(x):
        return 1

    with pytest.warns(locache.CacheWarning, match="nested too deep"):
        assert call(nested(300_000)) == 1


def test_comparison_of_a_class_decides_nothing(name):
    class Sly(int):
        def __eq__(self, other):
            return True

        def __hash__(self):
            return 1

    assert name(Sly(1)) != name(Sly(2))


def test_exception_from_a_key_method_does_not_reach_the_caller(kept):
    class Broken:
        def __locache_key__(self):
            raise ZeroDivisionError

    @kept
    def call(x):
        return 1

    with pytest.warns(locache.CacheWarning):
        assert call(Broken()) == 1


KEPT: list = []


class Keeping(set):
    """A set that reduces to a list which it keeps."""

    def __reduce_ex__(self, protocol):
        return Keeping, (KEPT,)


class Emptying:
    """Takes what the list holds away while its own key is made."""

    def __locache_key__(self):
        KEPT.clear()
        return 1


def test_a_list_that_a_set_keeps_may_change_while_its_key_is_made(kept):
    KEPT[:] = [Emptying(), *map(str, range(10_000))]
    assert kept(lambda x: 1)(Keeping()) == 1
