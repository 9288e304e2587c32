"""Results that cannot come back as they were are not stored; the others come back just so."""

from __future__ import annotations

import collections
import dataclasses
import decimal
import functools
import sys
import typing
import warnings

import locache
import pytest
from subclasses import Bag, Money, Place, Stamp


class Table(collections.defaultdict):
    pass


class Slotted(decimal.Decimal):
    __slots__ = ("unit",)


class Computed(collections.Counter):
    """What __init__ makes is made again."""

    def __init__(self, *args):
        super().__init__(*args)
        self.unit = "metre"


class Complete(decimal.Decimal):
    """It says itself how it is pickled."""

    def __reduce__(self):
        return make_complete, (str(self), self.unit)


def make_complete(text, unit):
    made = Complete(text)
    made.unit = unit
    return made


class Kept(collections.OrderedDict):
    """A class in C that takes attributes along."""


class Failure(ValueError):
    pass


class Sized(decimal.Decimal):
    """Its state is not a dict."""

    __module__ = "sizes"  # of another library than its subclass

    def __reduce__(self):
        return type(self), (str(self),), (self.size,)

    def __setstate__(self, state):
        (self.size,) = state


class Further(Sized):
    def __init__(self, value):
        self.size = int(value)


LOSES = {
    "Decimal": lambda: Money("5"),
    "datetime": lambda: Stamp(2024, 1, 1),
    "Path": lambda: Place("a"),
    "Counter": lambda: Bag("ab"),
    "defaultdict": lambda: Table(int, a=1),
    "slots": lambda: Slotted("5"),
}
KEEPS = {
    "own reduction": lambda: Complete("5"),
    "made by __init__": lambda: Computed("ab"),
    "OrderedDict": lambda: Kept(a=1),
    "exception": lambda: Failure("no"),
}


def of(kept, value):
    """A function that returns the value, and how often it ran."""
    runs = []

    @kept(ignore=("runs", "value"))
    def result():
        runs.append(1)
        return value

    return result, runs


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("name", LOSES)
def test_attributes_that_pickle_drops(kept, name, within):
    value = LOSES[name]()
    value.unit = "metre"
    f, runs = of(kept, [value] if within else value)
    with pytest.warns(locache.CacheWarning, match=r"cannot be stored: TypeError: .*'unit'") as said:
        found = [f() for _ in range(3)]
    assert len(said) == 1
    assert len(runs) == 3
    assert {(x[0] if within else x).unit for x in found} == {"metre"}


@pytest.mark.parametrize("name", LOSES)
def test_instances_without_attributes_are_stored(kept, name):
    value = LOSES[name]()
    f, runs = of(kept, value)
    assert f() == f() == value
    assert type(f()) is type(value)
    assert len(runs) == 1


@pytest.mark.parametrize("name", KEEPS)
def test_attributes_that_pickle_keeps(kept, name):
    value = KEEPS[name]()
    value.unit = "metre"
    f, runs = of(kept, value)
    assert f().unit == f().unit == "metre"
    assert len(runs) == 1


def test_an_attribute_like_something_in_the_reduction_is_lost_all_the_same(kept):
    value = Bag("ab")
    value.a = 1  # as the item 'a', which the reduction has
    f, runs = of(kept, value)
    with pytest.warns(locache.CacheWarning, match="'a'"):
        assert f().a == f().a == 1
    assert len(runs) == 2


def test_attributes_in_an_inherited_state_that_is_no_dict(kept):
    f, runs = of(kept, Further(3))
    assert f().size == f().size == 3
    assert len(runs) == 1


@pytest.mark.parametrize("unit", ["metre", 3])  # 3 as the length is in the array's state
def test_attributes_of_a_subclass_of_ndarray(kept, unit):
    numpy = pytest.importorskip("numpy")

    class Units(numpy.ndarray):
        pass

    Units.__qualname__ = "Units"
    globals()["Units"] = Units
    try:
        plain = numpy.arange(3).view(Units)
        f, runs = of(kept, plain)
        assert type(f()) is type(f()) is Units
        assert len(runs) == 1
        plain.unit = unit
        f, runs = of(functools.partial(kept, dir=kept.dir / "other"), plain)
        with pytest.warns(locache.CacheWarning, match="'unit'"):
            assert f().unit == f().unit == unit
    finally:
        del globals()["Units"]


@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"a": (1, x)}])
def test_bare_object_is_itself_and_not_stored(kept, wrap):
    value = wrap(object())
    f, runs = of(kept, value)
    with pytest.warns(locache.CacheWarning, match=r"a bare object\(\)"):
        assert f() is f() is value
    assert len(runs) == 2


# --------------------------------------------------------------------------------------- arrays


@dataclasses.dataclass
class Holder:
    array: object


def arrays(numpy):
    big = numpy.arange(2000.0)
    yield numpy.arange(5)
    yield big
    yield numpy.zeros((3, 4), order="F")
    yield numpy.array(7.5)
    yield numpy.array(["2024-01-01", "2024-02-01"], "M8[D]")
    yield numpy.array(["ab", "c"])
    yield big[::3]
    yield big.reshape(40, 50)[:, ::2]
    yield numpy.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])
    yield numpy.array([{}, None], dtype=object)
    yield numpy.zeros((0, 3))


@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("writeable", [False, True])
def test_arrays_keep_their_flags_and_own_their_memory(kept, held, writeable, memory):
    numpy = pytest.importorskip("numpy")
    for n, array in enumerate(arrays(numpy)):
        given = array.copy() if writeable else array.view()
        given.flags.writeable = writeable
        f, runs = of(
            functools.partial(kept, memory=memory, dir=kept.dir / f"a{n}"),
            Holder(given) if held else given,
        )
        for _ in range(3):
            found = f().array if held else f()
            assert type(found) is numpy.ndarray
            assert found.dtype == given.dtype
            assert numpy.array_equal(found, given)
            assert found.flags.writeable is writeable
        assert len(runs) == 1
        if writeable and given.flags.forc and not given.dtype.hasobject and given.ndim == 1:
            assert found.flags.owndata
            found.resize(found.size + 2, refcheck=False)
            assert numpy.array_equal((f().array if held else f()), given)


@pytest.mark.once
def test_very_large_array_that_is_read_is_not_copied_once_more(kept):
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(1_000_000)
    f, runs = of(functools.partial(kept, mapped=False), (array, array[:10].copy()))
    f()
    one, two = f(), f()
    assert len(runs) == 1
    for large, small in (one, two):
        assert numpy.array_equal(large, array)
        assert not large.flags.owndata
        assert small.flags.owndata
        large[5] = -1
    assert f()[0][5] == 5


def test_read_only_array_that_is_mapped(kept):
    numpy = pytest.importorskip("numpy")
    array = numpy.arange(100_000)
    array.flags.writeable = False
    f, runs = of(kept, (array, array))
    for _ in range(2):
        one, two = f()
        assert one is two
        assert not one.flags.writeable
    assert len(runs) == 1


@pytest.mark.parametrize("held", [False, True])
def test_view_that_repeats_its_memory(kept, held):
    numpy = pytest.importorskip("numpy")
    window = numpy.lib.stride_tricks.sliding_window_view
    small, large = window(numpy.arange(1000.0), 8), window(numpy.arange(1000.0), 256)
    f, runs = of(kept, Holder(small) if held else small)
    assert numpy.array_equal(f().array if held else f(), small)
    f()
    assert len(runs) == 1
    f, runs = of(functools.partial(kept, dir=kept.dir / "large"), Holder(large) if held else large)
    with pytest.warns(locache.CacheWarning, match="many times over"):
        f(), f()
    assert len(runs) == 2
    assert not f.is_cached()


# ---------------------------------------------------------------------------------------- nesting


def test_nesting_of_any_depth(script):
    found = script(
        """
        import sys, threading, warnings
        from locache import persist
        warnings.simplefilter("ignore")
        sys.setrecursionlimit(10**6)

        class Node:
            next = None

        @persist
        def nested(n):
            inner = None
            for _ in range(n):
                inner = [inner]
            return inner

        @persist
        def linked(n):
            node = None
            for _ in range(n):
                outer = Node()
                outer.next = node
                node = outer
            return node

        def go(n):
            print(type(nested(300_000)).__name__, type(linked(n)).__name__)

        go(100_000)
        threading.stack_size(1 << 20)
        thread = threading.Thread(target=go, args=(3_000,))  # 3.13 cannot free more
        thread.start()
        thread.join()
        """
    )
    assert found.out == "list Node\n" * 2


def test_nesting_that_pickle_copes_with_is_stored(kept):
    depth = 650 if sys.version_info >= (3, 12) else 5_000
    value = None
    for _ in range(depth):
        value = [value]
    f, runs = of(kept, value)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            f(), f()
    finally:
        sys.setrecursionlimit(limit)
    assert len(runs) == 1


class Missing:
    pass


class Bare:
    __slots__ = ()


class Nothing:
    def __bool__(self):
        return False

    def __repr__(self):
        return "NOTHING"


class Config:
    def __init__(self):
        self.level = 1


class Equal:
    def __eq__(self, other):
        return type(other) is Equal

    __hash__ = None


MISSING, OTHER, BARE, NOTHING, CONFIG, EQUAL = (
    Missing(),
    Missing(),
    Bare(),
    Nothing(),
    Config(),
    Equal(),
)


@pytest.mark.parametrize(
    "sentinel", [MISSING, OTHER, BARE, NOTHING], ids=lambda s: type(s).__name__
)
def test_a_sentinel_comes_back_as_itself(kept, sentinel):
    @kept
    def call(n):
        return {"found": [sentinel, n]}

    first = call(1)
    assert call(1)["found"][0] is first["found"][0] is sentinel
    assert call.cache_info().hits == 1


def test_which_sentinel_is_an_argument_counts(kept):
    @kept
    def call(x):
        return x is MISSING, x is BARE

    assert [call(x) for x in (MISSING, OTHER, BARE, Missing())] == [
        (True, False),
        (False, False),
        (False, True),
        (False, False),
    ]
    assert call([MISSING]) == (False, False)
    assert call.cache_path(Missing()) == call.cache_path(Missing()) != call.cache_path(MISSING)
    assert call.cache_path(EQUAL) == call.cache_path(Equal())
    assert call.cache_path(CONFIG) == call.cache_path(Config())


@pytest.mark.parametrize("value", [CONFIG, EQUAL], ids=lambda s: type(s).__name__)
def test_what_has_a_state_or_is_compared_comes_back_as_its_value(kept, value):
    @kept
    def call():
        return value

    call()
    assert call() is not value
    assert type(call()) is type(value) and vars(call()) == vars(value)


# ------------------------------------------------------------------------------- lists and dicts


class Shown(dict):
    def items(self):
        return [pair for pair in super().items() if pair[0] != "_secret"]


class Once(list):
    def __iter__(self):
        return iter(sorted(set(super().__iter__())))


class Quiet(set):
    def __iter__(self):
        return iter([x for x in super().__iter__() if x > 0])


class QuietFrozen(frozenset):
    def __iter__(self):
        return iter([x for x in super().__iter__() if x > 0])


class Doubling(dict):
    def __setitem__(self, key, value):
        super().__setitem__(key, 2 * value)


class Growing(list):
    def extend(self, items):
        super().extend([*items, 0] if 1 in items else items)


class Named(set):
    """It is not made of the list that set.__reduce__() gives it."""

    def __new__(cls, name, items):
        return super().__new__(cls)

    def __init__(self, name, items):
        super().__init__(items)
        self.name = name


class Positive(set):
    def __init__(self, items=()):
        super().__init__([x for x in items if x > 0])


class Late(collections.deque):
    def __iter__(self):
        return iter(list(super().__iter__())[1:]) if self[0] else super().__iter__()


class Count(collections.Counter):
    def __iter__(self):
        return iter([key for key in super().__iter__() if key != "_secret"])

    def keys(self):
        return list(self)


class Ordered(collections.OrderedDict):
    def items(self):
        return sorted(super().items())


class Fields(typing.NamedTuple):
    x: int
    y: int = 0

    def __iter__(self):
        return iter((self.x,))


class Pair(tuple):
    def __new__(cls, a, b=None):
        return super().__new__(cls, (a, b) if b else tuple(a))


class Quick(list):
    """It says itself how it is made again."""

    def __iter__(self):
        return iter(())

    def __reduce__(self):
        return Quick, (self[:],)


def positive(*items):
    made = Positive(items)
    set.update(made, items)
    return made


def doubling(value):
    made = Doubling()
    dict.__setitem__(made, "a", value)
    return made


@pytest.mark.parametrize(
    ("whole", "partly"),
    [
        (Shown(a=1), Shown(a=1, _secret=2)),
        (Once([1, 2]), Once([1, 1, 2])),
        (Quiet([1, 2]), Quiet([0, 1])),
        (QuietFrozen([1, 2]), QuietFrozen([0, 1])),
        (doubling(0), doubling(1)),
        (Growing([2]), Growing([1])),
        (positive(1, 2), positive(-1, 2)),
        (Late([0, 1]), Late([1, 2])),
        (Count(a=1), Count(a=1, _secret=2)),
        (Ordered(a=1, b=2), Ordered(b=2, a=1)),
        (Fields(1), Fields(1, 2)),
        (Pair([1, 2]), Named("a", [1])),
        (Quick([1, 2]), Named("a", [])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_container_does_not_show_or_take_is_not_lost(tmp_path, whole, partly):
    made = []

    @locache.persist(dir=tmp_path)
    def make(which):
        made.append(which)
        return [whole] if which else [partly]

    assert len(make(True)[0]) == len(make(True)[0]) and made == [True]
    with pytest.warns(locache.CacheWarning, match="not what it holds") as said:
        make(False)
    assert make(False)[0] is partly
    assert len(said) == 1


def make_masked(hard):
    return pytest.importorskip("numpy.ma").array([1, 2], mask=[False, True], hard_mask=hard)


def test_a_hard_mask_is_not_lost(tmp_path):
    make = locache.persist(make_masked, dir=tmp_path)
    assert not make(False).hardmask and not make(False).hardmask
    assert make.cache_info()[:2] == (1, 1)
    with pytest.warns(locache.CacheWarning, match="hard mask"):
        make(True)
    assert make(True).hardmask


def test_what_an_exception_was_raised_from_is_not_lost(kept):
    caused = ValueError("a")
    caused.__cause__ = KeyError("b")
    f, runs = of(kept, [caused])
    with pytest.warns(locache.CacheWarning, match="__cause__"):
        found = [f() for _ in range(2)]
    assert [x[0].__cause__.args for x in found] == [("b",)] * 2 and len(runs) == 2
