"""verify=: hits that are computed again, and what is said where the result is another."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import datetime
import decimal
import enum
import pickle
import random
import sys
import threading
import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple

import locache
import pytest
from locache import CacheWarning, _verify

NAN = float("nan")
Point = namedtuple("Point", "x y")


@dataclasses.dataclass
class Data:
    a: object
    b: object = 0


class Slots:
    __slots__ = ("a",)

    def __init__(self, a):
        self.a = a


class Plain:
    def __init__(self, a):
        self.a = a


class Named:
    """Its key says less than it is."""

    def __init__(self, name, weight):
        self.name, self.weight = name, weight

    def __locache_key__(self):
        return self.name


class Shade(enum.Enum):
    RED = 1
    BLUE = 2


class Answers:
    """A function whose results are told from outside, which nothing can see."""

    def __init__(self, kept, **options):
        self.now = 0
        self.calls = 0
        answers = self

        @kept(ignore=("answers",), **options)
        def f(x, num=3, answers=answers):
            answers.calls += 1
            if isinstance(answers.now, BaseException):
                raise answers.now
            return answers.now

        self.f = f

    def __call__(self, now, *args):
        self.now = now
        return self.f(*args)


@pytest.fixture
def answers(kept):
    return Answers(kept, verify=1)


@pytest.fixture
def warned():
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield found


def counts(f):
    info = f.cache_info()
    return info.hits, info.misses, info.verified, info.mismatches


def test_equal_results_say_nothing(answers, warned):
    given = [answers([1, NAN], 1) for _ in range(4)]
    assert repr(given) == "[[1, nan], [1, nan], [1, nan], [1, nan]]"
    assert warned == [] and answers.calls == 4
    assert counts(answers.f) == (3, 1, 3, 0)
    assert answers.f.cache_info().errors == 0


def test_another_result_is_said_given_and_stored(answers, warned):
    answers(3, 1)
    assert answers(4, 1) == 4
    (one,) = warned
    assert one.category is CacheWarning and one.filename == __file__
    text = str(one.message)
    assert "f()" in text and "x=1, num=3" in text and "was 3" in text and "is 4" in text
    assert "depends=" in text
    assert counts(answers.f) == (1, 1, 1, 1)
    assert answers(4, 1) == 4
    assert counts(answers.f) == (2, 1, 2, 1) and len(warned) == 1


def test_the_place_of_the_difference(answers, warned):
    answers({"loss": [0.5, 1.0]}, 1)
    answers({"loss": [0.5, 2.0]}, 1)
    assert "at ['loss'][1]: 1.0, now 2.0" in str(warned[0].message)


def test_an_exception_is_a_difference_and_the_stored_result_is_given(answers, warned):
    answers(3, 1)
    assert answers(ValueError("no"), 1) == 3
    assert "now raises ValueError: no" in str(warned[0].message)
    assert counts(answers.f) == (1, 1, 1, 1)
    assert answers(3, 1) == 3 and counts(answers.f) == (2, 1, 2, 1)


def test_an_exception_that_is_none_of_the_functions_goes_on(answers):
    answers(3, 1)
    with pytest.raises(KeyboardInterrupt):
        answers(KeyboardInterrupt(), 1)
    assert answers(3, 1) == 3
    assert counts(answers.f) == (2, 1, 1, 0)


def test_each_call_that_differs_is_said_a_few_times(answers, warned):
    for x in range(20):
        answers(x, x)
    for x in range(20):
        answers(x + 1, x)
    assert counts(answers.f)[2:] == (20, 20)
    assert 1 < len(warned) <= 8


def test_a_warning_made_an_error_stops_nothing(answers, monkeypatch):
    unraisable = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: unraisable.append(told.exc_value))
    answers(3, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert answers(4, 1) == 4
    assert [type(one) for one in unraisable] == [CacheWarning]


@pytest.mark.parametrize("result", [None, 1, [1], "x" * 5000, b"x" * 10**6])
def test_results_of_every_way(kept, result, warned):
    """In memory as they are, decoded at each hit, mapped, and from the file."""
    for options in ({}, {"memory": False}, {"recheck": 9}):
        answers = Answers(kept, verify=1.0, name=f"f{len(options)}{list(options)[:1]}", **options)
        assert [answers(result, 1) for _ in range(3)] == [result] * 3
        assert counts(answers.f) == (2, 1, 2, 0)
        assert answers([0], 1) == [0] and answers.f.get(1) == [0]
    assert len(warned) == 3


# ---------------------------------------------------------------------------------------- equality


EQUAL = [
    NAN,
    complex(NAN, 1),
    decimal.Decimal("NaN"),
    [NAN, (NAN, {"a": NAN})],
    {NAN: 1, "a": 2},
    {NAN, 1},
    frozenset("abc"),
    Point(NAN, 1),
    Data(NAN, [1]),
    Data([NAN]),
    Slots(NAN),
    Plain([NAN]),
    Plain(Plain(1)),
    OrderedDict(a=NAN),
    defaultdict(list, a=[NAN]),
    deque([NAN]),
    Shade.RED,
    datetime.datetime(2020, 1, 1),
    range(3),
    Named("a", [NAN]),
    "x" * 10000,
    -5,
    0.0,
]
UNEQUAL = [
    (1, 1.0),
    (True, 1),
    (0, None),
    ([1], (1,)),
    ([1], [1, 1]),
    ({"a": 1}, {"a": 2}),
    ({"a": 1}, {"b": 1}),
    ({NAN: 1}, {NAN: 2}),
    (Point(1, 2), Point(1, 3)),
    (Data(NAN, 1), Data(NAN, 2)),
    (Data([NAN, 1]), Data([NAN, 2])),
    (Slots(1), Slots(2)),
    (Plain([1]), Plain([2])),
    (Shade.RED, Shade.BLUE),
    (OrderedDict(a=1), OrderedDict(a=2)),
    (deque([1]), deque([2])),
    ({1, 2}, {1, 3}),
    (Named("a", 1), Named("a", 2)),
    ("a" * 10000, "a" * 9999 + "b"),
    (NAN, 1.0),
    (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)),
]


def again(value):
    """The same value, and no object of it."""
    return float("nan") if value is NAN else copy.deepcopy(value)


def kind(value):
    return type(value).__name__


@pytest.mark.parametrize("value", EQUAL, ids=kind)
def test_equal(answers, value, warned):
    answers(value, 1)
    answers(again(value), 1)
    assert warned == [] and counts(answers.f) == (1, 1, 1, 0)


@pytest.mark.parametrize(("stored", "computed"), UNEQUAL, ids=kind)
def test_unequal(answers, stored, computed, warned):
    answers(stored, 1)
    given = answers(computed, 1)
    assert given is computed
    assert len(warned) == 1 and counts(answers.f) == (1, 1, 1, 1)


def test_what_refers_to_itself():
    one, other = [1], [1]
    one.append(one)
    other.append(other)
    assert _verify.difference(one, other) is None
    assert _verify.difference([one, 2], [other, 3]) is not None


def test_what_cannot_be_compared_is_no_difference():
    class Closed:
        def __reduce_ex__(self, protocol):
            raise TypeError

    assert _verify.difference(Closed(), Closed()) is None

    class Odd(Closed):
        def __eq__(self, other):
            raise ValueError

    assert _verify.difference(Odd(), Odd()) is None

    class Other(Closed):
        def __eq__(self, other):
            return False

    assert _verify.difference(Other(), Other()) is not None


def test_arrays(answers, warned):
    numpy = pytest.importorskip("numpy")
    equal = [
        numpy.array([1.0, NAN]),
        numpy.array(NAN),
        numpy.float64(NAN),
        numpy.float32(1),
        numpy.array(["NaT", "2020-01-01"], "M8[D]"),
        numpy.array([(1, NAN)], [("a", int), ("b", float)]),
        numpy.array([[1], NAN, None], dtype=object),
        numpy.zeros((0, 3)),
        numpy.ma.array([1.0, NAN], mask=[False, True]),
        {"a": [numpy.arange(3)]},
        Data(numpy.arange(3), numpy.array([NAN])),
        numpy.arange(10**5, dtype=float),
    ]
    for x, value in enumerate(equal):
        answers(value, x)
        answers(again(value), x)
    assert [str(one.message) for one in warned] == []
    assert counts(answers.f)[2:] == (len(equal), 0)
    unequal = [
        (numpy.arange(3), numpy.arange(4)),
        (numpy.arange(3), numpy.arange(3.0)),
        (numpy.array([1.0, NAN]), numpy.array([NAN, 1.0])),
        (numpy.float32(1), numpy.float32(2)),
        (Data(numpy.arange(3)), Data(numpy.arange(1, 4))),
        (numpy.array([[1], 2], dtype=object), numpy.array([[3], 2], dtype=object)),
    ]
    for x, (stored, computed) in enumerate(unequal, 100):
        answers(stored, x)
        assert answers(computed, x) is computed
    assert counts(answers.f)[3] == len(unequal)


def test_an_arrays_summary(answers, warned):
    numpy = pytest.importorskip("numpy")
    one = numpy.zeros((300, 400))
    other = one.copy()
    other[2, 3] = 7.5
    answers(one, 1)
    answers(other, 1)
    text = str(warned[0].message)
    assert "ndarray 300x400 float64" in text and "at [2, 3]: " in text and "7.5" in text
    assert len(text) < 1000


@pytest.mark.once
@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames(answers, library, warned):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    answers(make({"a": [1.0, NAN], "b": ["x", None]}), 1)
    answers(make({"a": [1.0, NAN], "b": ["x", None]}), 1)
    assert warned == [] and counts(answers.f)[2:] == (1, 0)
    answers(make({"a": [1.0, 2.0], "b": ["x", None]}), 1)
    assert counts(answers.f)[2:] == (2, 1)
    assert "2x2" in str(warned[0].message) or "(2, 2)" in str(warned[0].message)


def test_values_that_cannot_be_shown(answers, warned):
    class Shy:
        def __repr__(self):
            raise ValueError

        def __reduce__(self):
            return int, ("7",)

    answers("\udc80" * 500, 1)
    answers([Shy()], 1)
    text = str(warned[0].message)
    assert len(text) < 1000 and "depends=" in text


# ------------------------------------------------------------------------------------ which hits


@pytest.mark.parametrize("share", [0, 0.0, False])
def test_none(kept, share):
    answers = Answers(kept, verify=share)
    for _ in range(50):
        answers(1, 1)
    assert answers.calls == 1 and counts(answers.f) == (49, 1, 0, 0)


@pytest.mark.parametrize(("share", "low", "high"), [(0.5, 700, 1300), (0.02, 5, 120)])
def test_a_share(kept, share, low, high):
    """Ten standard deviations from what is expected are no chance."""
    answers = Answers(kept, verify=share)
    state = random.getstate()
    for _ in range(2001):
        answers(1, 1)
    assert random.getstate() == state
    assert low < counts(answers.f)[2] < high
    assert answers.calls == counts(answers.f)[2] + 1


def test_functions_have_numbers_of_their_own(kept):
    found = []
    for name in "ab":
        answers = Answers(kept, verify=0.5, name=name)
        answers(1, 1)
        drawn = []
        for _ in range(64):
            before = answers.calls
            answers(1, 1)
            drawn.append(answers.calls - before)
        found.append(drawn)
    assert found[0] != found[1]


@pytest.mark.parametrize("share", [-0.01, 1.5, NAN, float("inf"), -1, 2])
def test_what_is_no_share(share):
    with pytest.raises(ValueError, match=r"verify=.* must be a share of the hits, from 0 to 1"):
        locache.persist(verify=share)


@pytest.mark.parametrize("share", [None, "0.5", [1], 1j])
def test_what_is_no_number(share):
    with pytest.raises(TypeError, match="verify must be a number from 0 to 1"):
        locache.persist(verify=share)


def test_as_a_programs_default(kept):
    locache.configure(verify=1)
    try:
        answers = Answers(kept)
        answers(1, 1)
        with pytest.warns(CacheWarning, match="was 1, and is 2"):
            assert answers(2, 1) == 2
    finally:
        locache.configure(verify=0)
    assert counts(answers.f)[3] == 1
    with pytest.raises(ValueError, match="share of the hits"):
        locache.configure(verify=7)


# ------------------------------------------------------------------------------- ways of calling


def test_methods(kept, warned):
    class Model:
        def __locache_key__(self):
            return "m"

        @kept(verify=1)
        def total(self, x):
            return x + int(path.read_text())

        @classmethod
        @kept(verify=1)
        def of(cls, x):
            return x + int(path.read_text())

    path = kept.dir.parent / "n"
    path.write_text("1")
    model = Model()
    assert (model.total(1), Model.of(1)) == (2, 2)
    path.write_text("2")
    assert (model.total(1), Model.of(1)) == (3, 3)
    assert model.total.cache_info().mismatches == 1 == Model.of.cache_info().mismatches
    assert len(warned) == 2


def test_coroutines(kept, tmp_path, warned):
    path = tmp_path / "n"
    calls = []

    @kept(verify=1, ignore=("calls", "path"))
    async def later(x):
        calls.append(x)
        await asyncio.sleep(0)
        text = path.read_text()
        if text == "raise":
            raise ValueError(text)
        return [x, text]

    path.write_text("a")
    assert asyncio.run(later(1)) == [1, "a"]
    assert asyncio.run(later(1)) == [1, "a"]
    assert len(calls) == 2 and warned == []
    path.write_text("b")
    assert asyncio.run(later(1)) == [1, "b"] and later.get(1) == [1, "b"]
    path.write_text("raise")
    assert asyncio.run(later(1)) == [1, "b"]
    assert counts(later)[1:] == (1, 3, 2)
    assert ["raises" in str(one.message) for one in warned] == [False, True]
    assert {one.category for one in warned} == {CacheWarning}


def test_a_coroutine_that_is_cancelled(kept):
    @kept(verify=1)
    async def later(x):
        await asyncio.sleep(0 if x is None else 60)
        return x

    async def main():
        later.put(1, 1)
        task = asyncio.ensure_future(later(1))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert counts(later)[2:] == (0, 0) and later.get(1) == 1


def test_a_recursion_is_no_explosion(kept):
    """What was spared once is not computed 2**40 times."""
    calls = []

    @kept(verify=1, ignore=("calls", "fib"))
    def fib(n):
        calls.append(n)
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    assert fib(40) == 102334155
    before = len(calls)
    assert fib(40) == 102334155
    assert len(calls) == before + 1
    assert fib.cache_info().mismatches == 0

    @kept(verify=1, ignore=("fib2",))
    async def fib2(n):
        return n if n < 2 else await fib2(n - 1) + await fib2(n - 2)

    assert asyncio.run(fib2(30)) == asyncio.run(fib2(30)) == 832040


def test_other_functions_within_are_verified_too(kept, tmp_path, warned):
    path = tmp_path / "n"
    path.write_text("1")
    inner = kept(lambda: path.read_text(), verify=1, ignore="path", name="inner")
    outer = kept(lambda: inner() + "!", verify=1, ignore="inner", name="outer")
    assert outer() == "1!"
    path.write_text("2")
    assert outer() == "2!"
    assert inner.cache_info().mismatches == outer.cache_info().mismatches == 1


def test_state_that_the_function_keeps_is_none_of_its_result(kept, warned):
    count = {"n": 0}

    @kept(verify=1)
    def f(x):
        count["n"] += 1
        return x

    assert [f(1) for _ in range(5)] == [1] * 5
    assert f.cache_info().misses == 1 and count["n"] == 5 and warned == []


def test_a_call_that_changes_its_argument_is_not_compared(kept, warned):
    grows = [False]

    @kept(verify=1, ignore="grows")
    def f(x):
        if grows[0]:
            x.append(1)
        return len(x)

    assert f([1]) == 1
    grows[0] = True
    assert f([1]) == 1
    assert counts(f)[2:] == (0, 0)


def test_threads(kept):
    answers = Answers(kept, verify=1)
    answers(1, 1)
    threads = [threading.Thread(target=lambda: [answers.f(1) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(answers.f) == (200, 1, 200, 0)


def test_what_is_asked_of_a_call_computes_nothing(answers):
    answers(1, 1)
    assert answers.f.get(1) == 1 and answers.f.is_cached(1) and answers.f.explain(1).hit
    assert answers.calls == 1


def test_a_cache_for_reading_is_left_as_it_is(answers, monkeypatch, warned):
    answers(1, 1)
    monkeypatch.setenv("LOCACHE", "readonly")
    assert answers(2, 1) == 2
    assert answers.f.get(1) == 1 and counts(answers.f)[3] == 1


def test_the_counts_begin_again(answers, warned):
    answers(1, 1)
    answers(2, 1)
    assert "verified=1, mismatches=1, " in repr(answers.f.cache_info())
    assert answers.f.cache_info()._asdict()["mismatches"] == 1
    assert answers.f.cache_info()._replace(hits=7).mismatches == 1
    answers.f.cache_clear()
    assert counts(answers.f) == (0, 0, 0, 0)
    info = answers.f.cache_info()
    assert info._asdict()["mismatches"] == 0 and "verified=0" in repr(info)
    assert len(info) == 4 and info._replace(hits=7).mismatches == 0


def test_it_goes_to_other_processes(answers):
    cloudpickle = pytest.importorskip("cloudpickle")
    other = pickle.loads(cloudpickle.dumps(answers.f))
    assert other._made[4] == answers.f._made[4] and 2**53 in other._made[4]
