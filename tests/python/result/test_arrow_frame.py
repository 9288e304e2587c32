"""Frames and series of polars come back as they were, over the entry's own memory."""

import datetime
import decimal
import gc
import threading

import locache
import pytest

pl = pytest.importorskip("polars")

pytestmark = pytest.mark.once

DAY = datetime.date(2020, 1, 1)
LONG = "a text that is too long for a view"


def series(values, dtype=None):
    return pl.DataFrame({"x": pl.Series(values, dtype=dtype)})


def dated():
    times = pl.DataFrame({"x": [datetime.datetime(2020, 1, 1, 2), None]})
    return times.with_columns(
        zoned=pl.col("x").dt.replace_time_zone("Europe/Berlin"),
        nanoseconds=pl.col("x").cast(pl.Datetime("ns")),
        date=pl.col("x").dt.date(),
        time=pl.col("x").dt.time(),
        duration=pl.col("x") - pl.col("x"),
    )


def large():
    return pl.DataFrame({"a": range(100000), "b": [LONG + str(i) for i in range(100000)]})


FRAMES = {
    "ints": lambda: pl.DataFrame(
        {
            str(t): pl.Series([1, None, 3], dtype=t)
            for t in (pl.Int8, pl.UInt16, pl.Int64, pl.UInt64)
        }
    ),
    "wide ints": lambda: series([1 << 100, None], pl.Int128),
    "floats": lambda: series([0.5, float("nan"), -0.0, None], pl.Float32),
    "booleans": lambda: series([True, False, None] * 1000).slice(5, 2000),
    "texts": lambda: series(["", "short", None, LONG, "\U0001f600" * 20] * 500),
    "texts of one buffer": lambda: series([LONG + str(i) for i in range(9000)])[::2],
    "byte strings": lambda: series([b"\x00\xff", None, b"x" * 50]),
    "times": dated,
    "decimals": lambda: series([decimal.Decimal("1.23"), None]),
    "categories": lambda: series(["b", "a", None, "b"], pl.Categorical),
    "enums": lambda: series(["b", "a", None, "b"], pl.Enum(["b", "z", "a"])),
    "lists": lambda: series([[1, 2], None, []] * 900),
    "lists of texts": lambda: series([["a", LONG], [], None] * 900),
    "lists of lists": lambda: series([[[1], []], None, [[2, 3]]]),
    "arrays": lambda: series([[1, 2], None], pl.Array(pl.Int64, 2)),
    "structs": lambda: series([{"a": 1, "b": "x"}, None, {"a": None, "b": LONG}]),
    "structs of categories": lambda: series(
        [{"a": "u"}, {"a": "v"}], pl.Struct({"a": pl.Categorical})
    ),
    "nulls": lambda: series([None, None]),
    "no columns": pl.DataFrame,
    "no rows": lambda: series([], pl.String),
    "no rows of lists": lambda: series([], pl.List(pl.String)),
    "chunks": lambda: pl.concat([series([1, 2]), series([3])], rechunk=False),
    "a slice": lambda: series(list(range(100000))).slice(70, 9),
    "a filter of texts": lambda: series([LONG * 9 + str(i) for i in range(9000)]).filter(
        pl.int_range(9000) < 9
    ),
    "odd names": lambda: pl.DataFrame({"": [1], "\u00e4 b": [2], "a" * 300: [3]}),
    "large": lambda: pl.DataFrame(
        {"a": range(100000), "b": [LONG + str(i) for i in range(100000)]}
    ),
}


def made_and_given(kept, make):
    """What the function returned, what a hit gives, and the function."""

    def frame():
        return make()

    function = kept(frame)
    made = function()
    return made, function(), function


@pytest.mark.parametrize("name", FRAMES)
def test_frames_come_back(kept, name):
    made, given, function = made_and_given(kept, FRAMES[name])
    assert function.cache_info().hits == 1
    assert type(given) is pl.DataFrame
    assert given.schema == made.schema
    assert given.shape == made.shape
    assert given.equals(made, null_equal=True)
    for before, after in zip(made.get_columns(), given.get_columns(), strict=True):
        assert before.name == after.name
        assert repr(before.to_list()) == repr(after.to_list())
        if before.dtype in (pl.Categorical, pl.Enum):
            assert before.to_physical().to_list() == after.to_physical().to_list()
            assert before.sort().to_list() == after.sort().to_list()


def test_series_and_frames_within_others_come_back(kept):
    def make():
        both = pl.Series("n", [LONG, None])
        return {"frame": pl.DataFrame({"a": range(5000)}), "series": [both, both]}

    made, given, _ = made_and_given(kept, make)
    assert given["frame"].equals(made["frame"])
    assert given["series"][0].name == "n"
    assert given["series"][0].to_list() == [LONG, None]
    assert given["series"][0] is given["series"][1]


@pytest.mark.parametrize("descending", [False, True])
def test_what_is_known_to_be_sorted_is_known_again(kept, descending):
    def make():
        frame = pl.DataFrame({"a": [2, 1, 3], "b": [1, 2, 3]})
        return frame.sort("a", descending=descending)

    made, given, _ = made_and_given(kept, make)
    for name in made.columns:
        for flag in ("SORTED_ASC", "SORTED_DESC"):
            assert given[name].flags[flag] == made[name].flags[flag]
    assert given["a"].flags["SORTED_DESC" if descending else "SORTED_ASC"]


def test_objects_are_not_stored(kept):
    def make():
        return series([object()], pl.Object)

    function = kept(make)
    with pytest.warns(locache.CacheWarning):
        function()
    assert function().shape == (1, 1)


def test_a_frame_outlives_its_entry_and_its_thread(kept):
    made, given, function = made_and_given(kept, large)
    function.cache_clear()
    parts = [given.slice(i * 1000, 1000) for i in range(100)]
    del given
    gc.collect()
    thread = threading.Thread(target=lambda: [parts.pop() for _ in range(50)])
    thread.start()
    thread.join()
    assert pl.concat(parts).equals(made.slice(0, 50000))
    assert parts[0].group_by("b").len().height == 1000


def test_two_results_are_two(kept):
    def make():
        return pl.DataFrame({"a": range(100000)})

    _, given, function = made_and_given(kept, make)
    other = function()
    given[5, "a"] = -1
    assert given["a"][5] == -1
    assert other["a"][5] == 5
    assert function()["a"][5] == 5


def test_is_a_pickle_for_those_who_forbid_these(kept):
    def make():
        return pl.DataFrame({"a": [1]})

    function = kept(make, pickle=False)
    with pytest.warns(locache.CacheWarning, match="pickle"):
        function()
