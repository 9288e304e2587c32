"""Results: what a call returned is what the file gives back, in value, type, order and sharing, at
every depth."""

from __future__ import annotations

import array
import collections
import datetime
import enum
import fractions
import gc
import os
import struct
import subprocess
import sys
import threading
import warnings

import entryfile
import locache
import numpy as np
import pytest
from hypothesis import example, given
from valuecache import Box, assert_same, result
from valuestrategies import graphs, values

OUT_OF_LINE = 4096
DEPTH_MAX = 500

# ----------------------------------------------------------------------------------- there and back


@given(values)
@example(
    [-0.0, 0.0, 5e-324, float("inf"), struct.unpack("<d", bytes.fromhex("010203040506f87f"))[0]]
)
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


def turned_arrays():
    box = np.arange(24.0).reshape(2, 3, 4)
    large = np.arange(60_000.0).reshape(20, 60, 50)
    yield "axes", box.transpose(1, 2, 0)
    yield "large", large.transpose(1, 0, 2)
    yield "backwards", np.arange(5)[::-1]
    yield "one axis backwards", box[:, ::-1]
    yield "axes and directions", box[::-1, :, ::-1].transpose(2, 0, 1)
    yield "copied in that order", box.transpose(1, 2, 0).copy("K")
    yield "part of Fortran's order", np.asfortranarray(box)[:, 1:]
    yield "one of one item", box[:, :1].transpose(2, 1, 0)[:, :, ::-1]
    yield "dates", np.arange(5).astype("M8[D]")[::-1]
    yield "records", np.zeros((2, 3, 4), "i4,f8").transpose(1, 2, 0)
    yield "objects", np.array([None, 1, "a"], object)[::-1]
    yield "read-only", np.broadcast_to(box, box.shape)[::-1]


def lies(array):
    """The order of the axes and their directions, as far as they count; and is it writeable?"""
    axes = [i for i in range(array.ndim) if array.shape[i] > 1]
    steps = [array.strides[i] for i in axes]
    order = sorted(axes, key=lambda i: -abs(array.strides[i]))
    return order, [step > 0 for step in steps], array.flags.writeable


@pytest.mark.parametrize(
    ("what", "value"), [pytest.param(*row, id=row[0]) for row in turned_arrays()]
)
def test_array_with_turned_axes_comes_back_so(cache, what, value):
    for back in [cache.through(value), cache.through([value, 1j])[0]]:
        assert lies(back) == lies(value)
        assert back.dtype == value.dtype and (back == value).all()


def test_array_with_turned_axes_is_the_same_argument_after_a_hit(tmp_path):
    @locache.persist(dir=tmp_path)
    def make():
        return np.arange(24.0).reshape(2, 3, 4).transpose(1, 2, 0)[::-1]

    @locache.persist(dir=tmp_path)
    def use(array):
        return array.ravel("K")

    computed = make()
    assert (use(make()) == use(computed)).all()
    assert use.cache_info().misses == 1


def test_array_with_turned_axes_is_stored_without_pickle(tmp_path):
    @locache.persist(dir=tmp_path, pickle=False)
    def make():
        return np.arange(5)[::-1]

    make()
    assert make().tolist() == [4, 3, 2, 1, 0] and make.cache_info().hits == 1


def test_strided_array_comes_back(cache):
    value = np.arange(20_000).reshape(100, 200)[::-3, ::7]
    assert (cache.through(value) == value).all()


@pytest.mark.parametrize("size", [OUT_OF_LINE - 1, OUT_OF_LINE])
def test_large_buffers_lie_out_of_line(cache, size):
    value = [
        b"a" * size,
        bytearray(b"b" * size),
        np.full(size, 7, np.uint8),
        array.array("b", bytes(size)),
    ]
    entry = cache.store(value)
    assert entry.codec == entryfile.CBOR
    assert [len(buffer) for buffer in entry.buffers] == ([size] * 4 if size >= OUT_OF_LINE else [])
    assert_same(value, cache.load())


def test_shared_buffer_is_stored_once(cache):
    buffer = np.arange(1000.0)
    assert len(cache.store([buffer, buffer, {"again": buffer}]).buffers) == 1
    back = cache.load()
    assert back[0] is back[1] is back[2]["again"]


# -------------------------------------------------------------------------------------- which codec


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
        datetime.datetime(
            2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1), "named")
        ),
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
    for value in (
        {nan: 1},
        {nan},
        {(1, (nan,)): 2},
        frozenset({complex(0, nan)}),
        {np.float64("nan")},
    ):
        assert cache.store(value).codec == entryfile.PICKLE
        assert repr(cache.load()) == repr(value)
    assert cache.store({1: nan, (2,): [nan]}).codec == entryfile.CBOR


@pytest.mark.parametrize("enabled", [True, False])
def test_many_objects_are_decoded_without_a_collection(cache, enabled):
    """They are all in use: to look at them again and again would take most of the time."""
    made = [{"n": n} for n in range(20_000)]
    cache.store(made)
    seen = []
    gc.collect()
    if not enabled:
        gc.disable()
    gc.callbacks.append(lambda phase, info: seen.append(phase))
    try:
        again = cache.load()
        still = gc.isenabled()
    finally:
        gc.callbacks.pop()
        gc.enable()
    assert again == made and still == enabled
    assert len(seen) <= 2  # one at its end


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


@pytest.mark.parametrize("size", [0, 3, 3000, 3_000_000])
def test_pickles_have_the_documented_mac(cache, home, size):
    cache.store(Plain(data=np.arange(float(size)), more=np.arange(size // 2)))
    data = cache.entry.read_bytes()
    key = (home / "state" / "locache" / "key").read_bytes()
    assert entryfile.parse(data).mac == entryfile.mac(data, key)


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


# ------------------------------------------------------------------------------------------ threads


def test_value_changed_by_another_thread_does_no_harm(cache):
    """Fractions are written by Python code, which other threads may run between."""
    done = threading.Event()
    inner = [fractions.Fraction(i, 7) for i in range(50)]
    value = {"list": inner, "dict": dict.fromkeys(range(20), inner), "bytes": bytearray(6000)}

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


@pytest.mark.parametrize("name", ["fractions.Fraction", "numpy.ndarray"])
def test_value_interrupted_while_it_is_read_interrupts_the_program(cache, monkeypatch, name):
    """Ctrl-C may come in any Python code that makes an object of an entry."""

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    box = Box()
    box.value = [fractions.Fraction(1, 3), np.arange(3)]
    cache.function()(box)
    monkeypatch.setattr(name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        cache.function()(box)
    assert box.calls == 1


def test_results_of_a_script_whose_name_is_no_text(tmp_path):
    """What only pickle can store, of a file that is called by bytes that are no UTF-8."""
    path = os.fsencode(tmp_path) + b"/caf\xe9.py"
    with open(path, "wb") as file:
        file.write(
            b"import re\nfrom locache import persist\n"
            b"@persist\ndef f(x): return re.compile(x)\n"
            b"f('a'); print(f('a').pattern, f.cache_info().misses)\n"
        )
    for misses in ("1", "0"):
        done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
        assert (done.stdout.split(), done.stderr) == (["a", misses], "")
