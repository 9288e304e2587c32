"""Results in memory: the same object again where nobody can change it, another one otherwise, and
never what its file no longer says."""

from __future__ import annotations

import array
import asyncio
import collections
import copy
import datetime
import decimal
import enum
import fractions
import gc
import logging
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
import types
import uuid
import weakref
import zoneinfo
from pathlib import Path

import locache
import numpy as np
import pytest
from hypothesis import given
from locache import persist, reset_cache, verbose
from valuecache import assert_same
from valuestrategies import graphs, values

RUNS = []  # globals: what a function captures would be part of its key
RESULTS = {}
LONG = 3600  # seconds of recheck that no test lasts
GRAIN = 0.05  # seconds after which what is read of a young file proves something


@pytest.fixture(autouse=True)
def nothing_run():
    RUNS.clear()
    RESULTS.clear()


def given_result(x):
    RUNS.append(x)
    return RESULTS[x]


def text(x):
    """A str that is another object each time."""
    RUNS.append(x)
    return f"{x} " * 3


def numbers(x):
    RUNS.append(x)
    return [x, [x, x]]


class Point:
    def __init__(self, x):
        self.x = x

    def __eq__(self, other):
        return type(other) is Point and self.x == other.x

    __hash__ = None


class Named(collections.namedtuple("Named", "a b")):
    __slots__ = ()


class Text(str):
    pass


class Whole(int):
    pass


class Colour(enum.Enum):
    RED = 1


UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))

IMMUTABLE = [
    None,
    True,
    10**40,
    -(2**63),
    0.1,
    1 + 2j,
    "text of some length",
    "\u00fc\U0001f600" * 10,
    "\ud800",
    "long" * 5000,
    b"bytes",
    b"long" * 5000,
    (),
    (1, "two", (3.0, None), frozenset({4, (5, 6)})),
    tuple(range(1000, 3000)),
    frozenset({b"a", "b"}),
    datetime.date(2000, 1, 2),
    datetime.datetime(2000, 1, 2, 3, 4, 5, 6),
    datetime.datetime(2000, 1, 2, 3, tzinfo=UTC),
    datetime.datetime(2000, 1, 2, 3, tzinfo=EAST),
    datetime.time(1, 2, 3),
    datetime.timedelta(days=1, microseconds=3),
    decimal.Decimal("1.50"),
    decimal.Decimal("NaN"),
    np.float64(0.1),
    np.int8(-3),
    np.bool_(True),
    np.complex64(1j),
    (np.float32(0.5), decimal.Decimal(3)),
]

# With what is done to one of them.
MUTABLE = [
    ([1, [2]], lambda r: r[1].append(3)),
    ({"a": [1]}, lambda r: r["a"].clear()),
    ({1, 2}, set.clear),
    (bytearray(b"abc"), bytearray.clear),
    ((1, [2]), lambda r: r[1].append(3)),
    ((1, (2, (3, {}))), lambda r: r[1][1][1].update(a=1)),
    (array.array("d", [1, 2]), array.array.pop),
    (np.arange(3), lambda r: r.fill(9)),
    (np.arange(3000.0).reshape(3, 1000), lambda r: r.fill(9)),
    ([np.zeros(1000), np.ones(1000)], lambda r: r[1].fill(9)),
    (Point([1]), lambda r: r.x.append(2)),
    ((1, Point(2)), lambda r: setattr(r[1], "x", 3)),
    (Point(np.arange(3000)), lambda r: r.x.fill(9)),
]


def same(a, b):
    """Equality that knows arrays, and objects of the class above."""
    if isinstance(a, Point):
        return type(b) is Point and same(a.x, b.x)
    if isinstance(a, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def serves_without_file(f, *args):
    """Has f this result in memory? Asked of an f that asks no file."""
    path = f.cache_path(*args)
    aside = path.with_name("aside")
    path.rename(aside)
    before = len(RUNS)
    try:
        result = f(*args)
    finally:
        aside.rename(path)
    return len(RUNS) == before, result


# ----------------------------------------------------------------------- which object is handed out


@pytest.mark.parametrize("result", IMMUTABLE, ids=lambda result: type(result).__name__)
def test_immutable_result_is_the_same_object_at_each_hit(kept, result):
    RESULTS[1] = result
    stored = kept(given_result, auto_invalidate="self")
    assert stored(1) is result
    assert stored(1) is result
    read = kept(given_result, auto_invalidate="self")
    time.sleep(GRAIN)
    first = read(1)
    assert_same(first, result)
    assert read(1) is first
    assert RUNS == [1]


@pytest.mark.parametrize(
    ("result", "change"), MUTABLE, ids=[type(result).__name__ for result, _ in MUTABLE]
)
def test_what_a_caller_changes_is_not_handed_out(kept, result, change):
    RESULTS[1] = result
    f = kept(given_result, auto_invalidate="self", recheck=LONG)
    f(1)
    first = f(1)
    assert same(first, result) and first is not result
    for _ in range(3):
        from_memory, second = serves_without_file(f, 1)
        assert from_memory and same(second, result) and second is not first
        change(second)
        assert not same(second, result)
    change(first)
    assert same(f(1), result)
    assert RUNS == [1]


@pytest.mark.parametrize(
    "result",
    [
        Text("a"),
        Whole(3),
        Named(1, 2),
        (1, Text("a")),
        frozenset({Named(1, 2)}),
        Colour.RED,
        fractions.Fraction(1, 3),
        uuid.UUID(int=5),
        Path("a"),
        datetime.datetime(2000, 1, 2, tzinfo=zoneinfo.ZoneInfo("UTC")),
        range(3),
        np.array([(1, 2.0)], dtype="i4,f8")[0],
        np.str_("a"),
    ],
    ids=lambda result: type(result).__name__,
)
def test_results_of_other_classes_are_made_afresh(kept, result):
    RESULTS[1] = (
        result,
    )  # what is found by its name alone, an enum's member, is itself again: the tuple is not
    f = kept(given_result, auto_invalidate="self", recheck=LONG)
    f(1)
    first = f(1)
    from_memory, second = serves_without_file(f, 1)
    assert from_memory
    assert first == second == (result,) and type(second[0]) is type(result)
    assert first is not second and second is not RESULTS[1]


class Span(datetime.timedelta):
    """With attributes, as any subclass written in Python."""


def test_an_offset_of_another_class_is_not_shared(kept):
    RESULTS[1] = datetime.datetime(2000, 1, 2, tzinfo=datetime.timezone(Span(hours=1)))
    f = kept(given_result, auto_invalidate="self", recheck=LONG)
    f(1)
    result = f(1)
    assert result == RESULTS[1] and result is not RESULTS[1]
    assert type(result.utcoffset()) is datetime.timedelta


def test_sharing_within_a_result_is_kept(kept):
    inner = [1]
    RESULTS[1] = [inner, inner, ("x" * 100,) * 2]
    f = kept(given_result, auto_invalidate="self", recheck=LONG)
    f(1), f(1)
    from_memory, result = serves_without_file(f, 1)
    assert from_memory
    assert_same(result, RESULTS[1])
    result[0].append(2)
    assert result[1] == [1, 2]


IMMUTABLE_TYPES = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    decimal.Decimal,
    datetime.date,
    datetime.datetime,
    datetime.timedelta,
    np.number,
    np.bool_,
)


def is_immutable(value):
    """As the documentation has it, in other words than the extension's."""
    if type(value) in (tuple, frozenset):
        return all(map(is_immutable, value))
    if type(value) in (datetime.datetime, datetime.time):
        return value.tzinfo is None or (type(value), type(value.tzinfo)) == (
            datetime.datetime,
            datetime.timezone,
        )
    return type(value) in IMMUTABLE_TYPES or isinstance(value, np.number | np.bool_)


@given(values | graphs())
def test_memory_gives_what_the_file_gives_and_shares_only_what_is_immutable(box, value):
    box.value = value
    box.f.refresh()
    first, second, third = box.f(), box.f(), box.f()
    for got in (first, second, third):
        assert_same(value, got)
    if is_immutable(value):
        assert second is third
    else:
        assert not (first is value or second is first or third is second)
    assert box.runs == 1
    box.runs = 0


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """What a function returns that asks no file, how often it ran, and the function."""
    box = types.SimpleNamespace(value=None, runs=0)

    def result():
        box.runs += 1
        return box.value

    box.f = persist(
        result, dir=tmp_path_factory.mktemp("box") / "box.cache", recheck=LONG, ignore="box"
    )
    return box


def test_tuples_too_deep_or_too_long_are_made_afresh(kept):
    deep = ()
    for _ in range(100):
        deep = (deep,)
    RESULTS.update({1: deep, 2: tuple(range(1000, 100000))})
    f = kept(given_result, auto_invalidate="self", recheck=LONG)
    for x in (1, 2):
        f(x), f(x)
        from_memory, result = serves_without_file(f, x)
        assert from_memory and result == RESULTS[x] and result is not RESULTS[x]


def test_large_arrays_are_not_kept(kept):
    RESULTS[1] = np.arange(100_000.0)
    f = kept(given_result, auto_invalidate="self", recheck=LONG)
    f(1), f(1)
    from_memory, _ = serves_without_file(f, 1)
    assert not from_memory


# ------------------------------------------------------------------------------- what the files say


@pytest.mark.parametrize("function", [text, numbers])
def test_deleted_and_replaced_files_are_seen_at_once(kept, function):
    f, other = kept(function), kept(function)
    expected = function(1)
    for _ in range(20):
        f(1), f(1)
        RUNS.clear()
        f.cache_path(1).unlink()
        assert f(1) == expected and RUNS == [1]
        assert f(1) == expected and RUNS == [1]
        other.forget(1)
        assert f(1) == expected and RUNS == [1, 1]


def test_a_result_that_another_handle_replaces_is_seen_at_once(kept):
    f, other = (
        kept(given_result, auto_invalidate="self"),
        kept(given_result, auto_invalidate="self"),
    )
    for n in range(200):
        RESULTS[1] = (n, "of a certain length") if n % 2 else [n]
        other.refresh(1)
        assert f(1) == f(1) == RESULTS[1]


def test_moved_and_restored_files_count(kept):
    f = kept(text)
    f(1), f(1)
    path = f.cache_path(1)
    path.rename(path.with_name("aside"))
    assert not f.is_cached(1)
    path.with_name("aside").rename(path)
    assert f(1) == text(2).replace("2", "1")
    assert RUNS == [1, 2]


def test_damaged_file_is_not_served_from_memory(kept):
    f = kept(text)
    f(1), f(1)
    data = f.cache_path(1).read_bytes()
    f.cache_path(1).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.warns(locache.CacheWarning):
        assert f(1) == "1 1 1 "
    assert RUNS == [1, 1]


@pytest.mark.parametrize("function", [text, numbers])
def test_recheck_asks_once_in_its_interval(kept, function):
    f = kept(function, recheck=LONG)
    f(1), f(1)
    from_memory, _ = serves_without_file(f, 1)
    assert from_memory
    g = kept(function, recheck=0.001)
    g(1), g(1)
    RUNS.clear()
    g.cache_path(1).unlink()
    time.sleep(0.01)
    g(1)
    assert RUNS == [1]


@pytest.mark.parametrize("function", [text, numbers])
@pytest.mark.parametrize(
    "forget",
    [
        lambda f: f.forget(1),
        lambda f: f.cache_clear(),
        reset_cache,
        lambda f: reset_cache(f, name=None),
    ],
    ids=["forget", "cache_clear", "reset_cache", "reset_cache-none"],
)
def test_what_this_process_forgets_is_gone_at_once_whatever_recheck_says(kept, function, forget):
    f = kept(function, recheck=LONG)
    f(1), f(1)
    forget(f)
    RUNS.clear()
    f(1)
    assert RUNS == [1]


@pytest.mark.parametrize("first", [(1, "a"), [1]], ids=["immutable", "mutable"])
@pytest.mark.parametrize("second", [(2, "b"), [2]], ids=["immutable", "mutable"])
def test_refresh_replaces_what_is_in_memory_whatever_recheck_says(kept, first, second):
    f = kept(given_result, auto_invalidate="self", recheck=LONG)
    RESULTS[1] = first
    f(1), f(1)
    RESULTS[1] = second
    assert f.refresh(1) == second
    assert f(1) == f(1) == second


def test_refresh_of_a_coroutine_replaces_what_is_in_memory(kept):
    @kept(recheck=LONG)
    async def f(x):
        return RESULTS[x]

    async def all_of_it():
        RESULTS[1] = [1]
        await f(1), await f(1)
        RESULTS[1] = [2]
        await f.refresh(1)
        return await f(1)

    assert asyncio.run(all_of_it()) == [2]


class Meddler(logging.Handler):
    """Forgets everything in the midst of a call: when the file was read or written, and before that
    is remembered."""

    def __init__(self, function, event):
        super().__init__()
        self.function = function
        self.event = event

    def emit(self, record):
        if record.getMessage().split()[0] == self.event:
            self.event = None
            self.function.cache_clear()


@pytest.mark.parametrize("function", [text, numbers])
@pytest.mark.parametrize("event", ["store", "hit"])
def test_what_is_forgotten_while_a_call_runs_is_not_remembered(kept, function, event):
    f = kept(function, recheck=LONG)
    if event == "hit":
        kept(function)(1)
    handler = Meddler(f, event)
    logger = logging.getLogger("locache")
    logger.addHandler(handler)
    verbose()
    try:
        f(1)
    finally:
        verbose(False)
        logger.removeHandler(handler)
    assert handler.event is None
    assert not f.is_cached(1)
    RUNS.clear()
    f(1)
    assert RUNS == [1]


# ------------------------------------------------------------------------------------------ options


@pytest.mark.parametrize(
    "options", [{"memory": False}, {"memory": 0}, {"memory": (0, 10**6)}, {"memory": (10, 0)}]
)
def test_without_memory_each_call_reads_the_file(kept, options):
    f = kept(text, recheck=LONG, **options)
    f(1)
    assert f(1) == f(1) and f(1) is not f(1)
    f.cache_path(1).unlink()
    f(1)
    assert RUNS == [1, 1]


def test_max_entries_keeps_what_is_used_in_memory(kept):
    f = kept(text, recheck=LONG, max_entries=3)
    for x in (1, 2, 3):
        f(x)
    # 1 is the oldest file, and 2 the oldest use, which are hits in memory.
    assert f(1) is f(1)
    f(4)
    assert [f.is_cached(x) for x in (1, 2, 3, 4)] == [True, False, True, True]


def test_max_entries_goes_by_uses_that_are_read_each_time(kept):
    f = kept(text, memory=False, max_entries=3)
    for x in (1, 2, 3, 1):
        f(x)
    f(4)
    assert [f.is_cached(x) for x in (1, 2, 3, 4)] == [True, False, True, True]


@pytest.mark.parametrize(
    ("memory", "most", "least"),
    [(True, 300, 300), (4, 4, 1), (100, 100, 50), ((1000, 200_000), 50, 10), ((10, 10**6), 10, 1)],
)
def test_memory_is_limited_in_entries_and_bytes(kept, memory, most, least):
    f = kept(given_result, auto_invalidate="self", memory=memory)
    alive = []
    for x in range(300):
        RESULTS[x] = frozenset({"x" * 4000 + str(x)})
        alive.append(weakref.ref(f(x)))
        del RESULTS[x]
        assert sum(reference() is not None for reference in alive) <= most
    assert sum(reference() is not None for reference in alive) >= least


def test_a_result_larger_than_its_memory_is_read_each_time(kept):
    RESULTS[1] = "x" * 10_000
    f = kept(given_result, auto_invalidate="self", memory=(10, 5000))
    f(1)
    assert f(1) == RESULTS[1] and f(1) is not f(1)


# --------------------------------------------------------------------------- all kinds of functions


def test_coroutines_have_results_in_memory(kept):
    @kept
    async def f(x):
        return text(x)

    async def twice():
        return await f(1), await f(1)

    first, second = asyncio.run(twice())
    assert first is second
    assert asyncio.run(twice())[0] is first
    assert f.cache_info()[:2] == (3, 1)


class Model:
    def __init__(self, size):
        self.size = size

    @persist
    def run(self, x):
        return text((self.size, x))

    @persist
    @classmethod
    def make(cls, x):
        return text(x)

    @persist
    @staticmethod
    def help(x):
        return text(x)


def test_methods_have_results_in_memory(kept):
    class Local(Model):
        run = kept(Model.run.__wrapped__)
        make = classmethod(kept(Model.__dict__["make"].__func__.__wrapped__))
        help = staticmethod(kept(Model.__dict__["help"].__func__.__wrapped__))

    first = Local(1).run(2)
    assert Local(1).run(2) is first
    assert Local(2).run(2) is not first
    assert Local.make(1) is Local(3).make(1)
    assert Local.help(1) is Local(3).help(x=1)
    assert RUNS == [(1, 2), (2, 2), 1, 1]


def test_captured_variables_and_open_signatures_have_results_in_memory(kept):
    factor = 3

    @kept
    def f(x, *rest, **more):
        return text((x, factor, rest, more))

    assert f(1, 2, a=3) is f(1, 2, a=3)
    assert f(1, 2, a=4) is not f(1, 2, a=3)


def test_defaults_that_are_assigned_anew_are_other_arguments(kept):
    @kept
    def f(a, b=2, *, c=3):
        return (a, b, c)

    assert f(1) is f(1, 2) is f(1, c=3) is f(b=2, c=3, a=1)
    f.__defaults__ = (5,)
    f.__kwdefaults__ = {"c": 6}
    assert f(1) == (1, 5, 6) and f(1) is f(1, 5, c=6)
    f.__defaults__ = None
    with pytest.raises(TypeError):
        f(1)


def test_ignored_arguments_may_be_anything(kept):
    @kept(ignore=("log", "jobs"))
    def f(log, x, jobs=1, *, y=2):
        return text((x, y))

    assert (
        f(object(), 1) is f([], 1, {}) is f(log=threading.Lock(), x=1, jobs=gc) is f(None, y=2, x=1)
    )
    assert f.cache_path(None, 1).name == "x=1_y=2"
    with pytest.raises(TypeError):
        f(x=1)


def test_copies_are_the_function_itself_and_pickles_find_it():
    assert copy.copy(Model.run) is copy.deepcopy(Model.run) is Model.run
    assert pickle.loads(pickle.dumps(persist_at_top)) is persist_at_top


@persist
def persist_at_top(x):
    return x


# ---------------------------------------------------------------------------------- what is counted


def test_hits_in_memory_are_counted_and_logged(kept, caplog):
    f = kept(text)
    verbose()
    try:
        for _ in range(4):
            f(1)
    finally:
        verbose(False)
    assert f.cache_info()[:2] == (3, 1)
    lines = [record.message for record in caplog.records]
    assert [line.split()[0] for line in lines] == ["miss", "store", "hit", "hit", "hit"]
    assert all(line.endswith("x=1") for line in lines[1:])
    assert lines[0].endswith("x=1 (nothing is stored yet)")
    f.cache_clear()
    assert f.cache_info()[:2] == (0, 0)


# ---------------------------------------------------------------------- threads, forks, destructors


@pytest.mark.parametrize("function", [text, numbers])
def test_threads_that_share_a_small_memory_get_their_own_results(kept, function):
    f = kept(function, memory=16)
    expected = {x: function(x) for x in range(64)}
    wrong = []

    def work(seed):
        for n in range(2000):
            x = (n * seed + n // 7) % 64
            if f(x) != expected[x]:
                wrong.append(x)
            if n % 500 == 499:
                f.forget(x)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 3, 5, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.filterwarnings(
    "ignore:.*fork:DeprecationWarning"
)  # the child does no more than this, and ends
def test_a_child_has_what_its_parent_remembered_and_is_seen_to_forget(kept):
    f = kept(text)
    mine = f(1)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if f(1) is mine and f.forget(1) and len(RUNS) == 1 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    f(1)
    assert RUNS == [1, 1]


def test_memory_lets_go_of_what_it_held(kept):
    f = kept(given_result, auto_invalidate="self", recheck=LONG)
    RESULTS[1] = frozenset({"alone"})
    alive = weakref.ref(f(1))
    RESULTS.clear()
    gc.collect()
    assert alive() is f(1)
    f.forget(1)
    assert alive() is None
    RESULTS[1] = frozenset({"alone"})
    alive = weakref.ref(f(1))
    RESULTS.clear()
    del f
    gc.collect()
    assert alive() is None


def test_what_runs_when_a_result_goes_may_call_the_function(kept):
    f = kept(given_result, auto_invalidate="self", memory=2)
    seen = []
    references = []

    def gone(_):
        seen.append(f(0))

    RESULTS[0] = "zero"
    for x in range(1, 50):
        RESULTS[x] = frozenset({x})
        references.append(weakref.ref(f(x), gone))
        del RESULTS[x]
    assert len(seen) > 40 and set(seen) == {"zero"}
    f.cache_clear()
    assert len(seen) == 49


class Loud:
    """An object that says when it goes."""

    def __init__(self, x):
        self.x = x

    def __del__(self):
        RUNS.append("gone")


def test_results_with_destructors_come_and_go(kept):
    f = kept(given_result, auto_invalidate="self", recheck=LONG)
    RESULTS[1] = Loud(1)
    f(1)
    RUNS.clear()
    assert [f(1).x for _ in range(5)] == [1] * 5
    assert RUNS == ["gone"] * 5


def test_memory_is_there_when_the_interpreter_ends(script):
    source = """
        import sys
        from locache import persist

        @persist
        def f(x):
            return (x, "text"), frozenset({x})

        @persist
        def g(x):
            return [x]

        class Last:
            def __del__(self):
                assert f(1) and g(1)

        for x in range(100):
            f(x), g(x), f(x), g(x)
        last = Last()
        sys.modules["keeps"] = f
    """
    assert script(source).err == ""
    assert script().err == ""


def test_hits_leave_no_memory_behind(kept):
    f, g = kept(text), kept(numbers)

    def blocks():
        gc.collect()
        return sys.getallocatedblocks()

    for _ in range(3):
        f(1), g(1), f(x=1)
    before = blocks()
    for _ in range(10_000):
        f(1), g(1), f(x=1)
    assert abs(blocks() - before) < 100


def test_nothing_is_opened_before_the_first_call(tmp_path):
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    file = tmp_path / "module.py"
    file.write_text(
        "from locache import persist\n\n@persist\ndef f(x):\n    return x\n\n"
        "if CALL:\n    f(1), f(1)\n"
    )
    seen = {}
    for call in (False, True):
        trace = tmp_path / "trace"
        code = (
            f"import builtins, sys; builtins.CALL = {call}; "
            f"sys.path.insert(0, {str(tmp_path)!r}); import module"
        )
        command = ["strace", "-f", "-o", str(trace), sys.executable, "-B", "-c", code]
        env = {**os.environ, "PYTHONPATH": str(Path(locache.__file__).parents[1])}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        if "ptrace" in done.stderr.lower():
            pytest.skip(f"strace is not allowed here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        seen[call] = [line for line in trace.read_text().splitlines() if "module.cache" in line]
    assert seen[False] == []
    assert seen[True] != []
