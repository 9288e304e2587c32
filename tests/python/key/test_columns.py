"""Columns of Arrow, polars and pandas as arguments: their values count, not how buffers hold
them."""

from __future__ import annotations

import datetime
import decimal
import itertools
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# -------------------------------------------------------------------------------------------- Arrow

pytestmark = pytest.mark.once

DAY = datetime.datetime(2024, 5, 6, 7, 8, 9)
TYPES = [
    (pa.int8(), [1, 2, -3]),
    (pa.uint16(), [1, 2, 65535]),
    (pa.int64(), [1, 0, -(2**62)]),
    (pa.float16(), [np.float16(1.5), np.float16(0), np.float16(-1)]),
    (pa.float64(), [1.5, 0.0, -0.0]),
    (pa.bool_(), [True, False]),
    (pa.string(), ["", "a", "b", "a longer text than twelve bytes"]),
    (pa.large_string(), ["", "a", "ab"]),
    (
        pa.string_view(),
        [
            "",
            "a",
            "exactly 12 b",
            "a longer text than twelve bytes",
            "a longer text that ends otherwise",
        ],
    ),
    (pa.binary(), [b"", b"\0", b"\0\0"]),
    (pa.large_binary(), [b"", b"\0", b"a"]),
    (pa.binary(3), [b"abc", b"\0\0\0", b"abd"]),
    (pa.decimal128(19, 2), [decimal.Decimal("1.50"), decimal.Decimal(0), decimal.Decimal("-1.50")]),
    (pa.decimal256(50, 2), [decimal.Decimal("1.50"), decimal.Decimal(0), decimal.Decimal("-1.50")]),
    (pa.date32(), [DAY.date(), datetime.date(1970, 1, 1)]),
    (pa.date64(), [DAY.date(), datetime.date(1970, 1, 1)]),
    (pa.time32("ms"), [DAY.time(), datetime.time()]),
    (pa.time64("us"), [DAY.time(), datetime.time()]),
    (pa.timestamp("ns", "Europe/Paris"), [DAY, datetime.datetime(1970, 1, 1)]),
    (pa.duration("us"), [datetime.timedelta(1), datetime.timedelta(0)]),
    (pa.month_day_nano_interval(), [pa.MonthDayNano([1, 2, 3]), pa.MonthDayNano([0, 0, 0])]),
    (pa.null(), []),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "", "b"]),
    (pa.dictionary(pa.int64(), pa.int32()), [1, 0, 2]),
    (pa.list_(pa.int32()), [[1], [], [1, 2]]),
    (pa.struct([("a", pa.int8()), ("b", pa.string())]), [{"a": 1, "b": "x"}, {"a": None, "b": ""}]),
]
FLAT = [pair for pair in TYPES if not pa.types.is_nested(pair[0])]


def in_chunks(values, kind, cuts, shifts):
    """The values in chunks, each cut out of a longer array, at any bit."""
    places = [0, *sorted(cut % (len(values) + 1) for cut in cuts), len(values)]
    chunks = []
    for i, (start, end) in enumerate(itertools.pairwise(places)):
        shift = shifts[i % len(shifts)]
        filler = (values * shift)[:shift] + [None] * (shift - len(values * shift))
        chunks.append(
            pa.array([*filler, *values[start:end], *filler], kind).slice(shift, end - start)
        )
    return pa.chunked_array(chunks, kind)


@st.composite
def pairs(draw):
    kind, values = draw(st.sampled_from(FLAT))
    column = st.lists(st.sampled_from([None, *values]), max_size=draw(st.sampled_from([4, 30])))
    layout = st.tuples(
        st.lists(st.integers(0, 40), max_size=4),
        st.lists(st.integers(0, 19), min_size=1, max_size=5),
    )
    one = draw(column)
    other = draw(st.just(one) | st.permutations(one) | column)
    return kind, one, draw(layout), other, draw(layout)


def shown(values):
    """Zeros have a sign."""
    return [repr(value) for value in values]


@settings(max_examples=settings.default.max_examples * 8 // 3, deadline=None)
@given(pair=pairs())
def test_columns_have_one_key_exactly_where_their_values_are_equal(name, pair):
    kind, one, one_layout, other, other_layout = pair
    one_column, other_column = (
        in_chunks(one, kind, *one_layout),
        in_chunks(other, kind, *other_layout),
    )
    same = shown(one) == shown(other)
    if pa.types.is_dictionary(kind):  # which dictionaries pyarrow makes of the layout counts, too
        same = one_column.equals(other_column)
    assert (name(one_column) == name(other_column)) == same


@pytest.mark.parametrize(("kind", "values"), TYPES, ids=str)
def test_every_value_and_null_counts(name, kind, values):
    values = [*values, None] * 5
    seen = {name(pa.array(values, kind))}
    for i, value in enumerate(values):
        changed = list(values)
        changed[i] = values[0] if value is None else None
        seen.add(name(pa.array(changed, kind)))
    seen.add(name(pa.array(values[:-1], kind)))
    assert len(seen) == (2 if values[0] is None else len(values) + 2)


def test_types_count(name):
    alike = [
        pa.array([0, 1], kind)
        for kind in (pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.int64(), pa.float64())
    ]
    alike += [
        pa.array([0, 1], pa.int64()).cast(kind)
        for kind in (pa.timestamp("s"), pa.timestamp("ms"), pa.date64())
    ]
    alike += [pa.array([0, 1], pa.timestamp("s", zone)) for zone in ("UTC", "Europe/Paris")]
    alike += [
        pa.array(["0", "1"], kind)
        for kind in (pa.string(), pa.large_string(), pa.binary(), pa.string_view())
    ]
    alike += [
        pa.chunked_array([pa.array([0, 1])]),
        pa.table({"a": [0, 1]}),
        pa.record_batch({"a": [0, 1]}),
        np.arange(2),
    ]
    assert len({name(value) for value in alike}) == len(alike)


def test_what_lies_under_a_null_does_not_count(name):
    valid = pa.py_buffer(b"\x05")
    one = pa.Array.from_buffers(pa.int32(), 3, [valid, pa.py_buffer(np.array([1, 99, 3], "i4"))])
    other = pa.Array.from_buffers(pa.int32(), 3, [valid, pa.py_buffer(np.array([1, -7, 3], "i4"))])
    assert name(one) == name(other) == name(pa.array([1, None, 3], pa.int32()))
    ends = pa.py_buffer(np.array([0, 1, 5, 6], "i4"))
    text = pa.Array.from_buffers(pa.string(), 3, [valid, ends, pa.py_buffer(b"aXXXXb")])
    assert text.to_pylist() == ["a", None, "b"]
    assert name(text) == name(pa.array(["a", None, "b"]))
    bits = pa.Array.from_buffers(pa.bool_(), 3, [valid, pa.py_buffer(b"\xff")])
    assert name(bits) == name(pa.array([True, None, True]))


def test_a_bitmap_without_nulls_is_none(name):
    full = pa.Array.from_buffers(
        pa.int32(), 3, [pa.py_buffer(b"\xff"), pa.py_buffer(np.array([1, 2, 3], "i4"))]
    )
    assert name(full) == name(pa.array([1, 2, 3], pa.int32()))


def within_list(array):
    return pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), array)


def within_struct(array):
    return pa.StructArray.from_arrays([array], ["a"])


@pytest.mark.parametrize("within", [lambda array: array, within_list, within_struct])
def test_dictionaries_count_as_equals_compares_them(name, within):
    def column(indices, values, **more):
        return pa.DictionaryArray.from_arrays(
            pa.array(indices, pa.int8()), pa.array(values), **more
        )

    columns = [
        column([0, 1, 0, None], ["a", "b"]),
        column([1, 0, 1, None], ["b", "a"]),
        column([0, 1, 0, None], ["a", "b", "unused"]),
        column([0, 1, 0, None], ["a", "b"], ordered=True),
    ]
    nested = [within(array) for array in columns]
    for kind in (lambda array: array, lambda array: pa.table({"x": array})):
        assert not any(one.equals(other) for one, other in itertools.combinations(nested, 2))
        assert len({name(kind(array)) for array in nested}) == len(nested)
    assert name(columns[0]) != name(pa.array(["a", "b", "a", None]))


@pytest.mark.parametrize("within", [lambda array: array, within_list, within_struct])
def test_slices_and_chunks_of_dictionaries_do_not_count(name, within):
    one = pa.array(["a", "b", "a", None]).dictionary_encode()
    other = pa.array(["b", "a"]).dictionary_encode()
    whole = pa.chunked_array([within(one), within(other)])
    repeated = pa.concat_arrays([within(one)] * 3)
    size = len(within(one))
    assert name(repeated[size : 2 * size]) == name(within(one))
    cut = pa.chunked_array([repeated[:size], within(other)[:0], within(other)])
    assert whole.equals(cut)
    assert name(whole) == name(cut)
    assert name(pa.table({"x": whole})) == name(pa.table({"x": cut}))
    assert name(pa.chunked_array([repeated[:1], repeated[1:]])) == name(
        pa.chunked_array([repeated])
    )


def test_the_schema_of_a_table_counts(name):
    table = pa.table({"a": pa.array([1, 2]), "b": pa.array(["x", "y"])})
    others = [
        table.rename_columns(["a", "c"]),
        table.select(["b", "a"]),
        table.select(["a"]),
        table.replace_schema_metadata({"unit": "m"}),
        table.replace_schema_metadata({"unit": "s"}),
        table.cast(
            pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.string())])
        ),
        table.cast(
            pa.schema([pa.field("a", pa.int64(), metadata={"k": "v"}), pa.field("b", pa.string())])
        ),
        table.slice(0, 1),
        table.slice(0, 0),
        pa.table({}),
        pa.concat_tables([table, table]),
    ]
    assert len({name(value) for value in [table, *others]}) == len(others) + 1


def test_the_chunks_of_a_table_do_not_count(name):
    table = pa.table(
        {"a": range(5000), "b": [str(i) for i in range(5000)], "c": [None, 1.5] * 2500}
    )
    cut = pa.concat_tables([table.slice(0, 17), table.slice(17, 1000), table.slice(1017)])
    assert cut.column(0).num_chunks == 3
    uneven = table.set_column(1, "b", cut.column(1))
    assert name(table) == name(cut) == name(uneven) == name(cut.combine_chunks())
    assert name(table.slice(5, 100)) == name(pa.table(table.slice(5, 100).to_pydict()))


def test_nested_columns_have_keys_too(name):
    one = pa.table({"a": [[1, 2], [], None]})
    assert name(one) == name(pa.table({"a": [[1, 2], [], None]}))
    assert name(one) != name(pa.table({"a": [[1], [2], None]}))


@pytest.mark.parametrize("nulls", [False, True])
def test_large_columns_in_one_piece_and_in_many(name, nulls):
    """Over the sizes at which data goes in as digests, and these over several threads."""
    rng = np.random.default_rng(1)
    mask = rng.random(1_200_000) < 0.1 if nulls else None
    numbers = pa.array(rng.random(1_200_000), mask=mask)
    texts = pa.array(rng.integers(0, 10**9, 1_200_000), mask=mask).cast(pa.string())
    flags = pa.array(rng.random(1_200_000) < 0.5, mask=mask)
    decimals = numbers.cast(pa.decimal128(20, 10))
    for column in (numbers, texts, texts.cast(pa.string_view()), flags, decimals):
        whole = pa.chunked_array([column])
        sizes = [1, 8191, 500_003, 7, 1_200_000]
        cut, at = [], 0
        for size in sizes:
            cut.append(column.slice(at, size))
            at += size
        assert name(whole) == name(pa.chunked_array(cut))
        assert name(whole) != name(pa.chunked_array([column.slice(0, 1_199_999)]))
        assert name(whole) != name(pa.chunked_array([column.slice(1), column.slice(0, 1)]))


# ------------------------------------------------------------------------------------------- polars

SERIES = [
    ([1, None, 3], pl.Int64),
    ([1, None, 3], pl.UInt8),
    ([1.5, None, -0.0], pl.Float32),
    ([True, None, False], pl.Boolean),
    (["a", None, "a longer text than twelve bytes"], pl.String),
    ([b"a", None, b"\0"], pl.Binary),
    (["a", None, "b"], pl.Categorical),
    (["a", None, "b"], pl.Enum(["a", "b", "c"])),
    ([DAY, None, DAY + datetime.timedelta(1)], pl.Datetime("us", "UTC")),
    ([DAY.date(), None, datetime.date(1970, 1, 1)], pl.Date),
    ([DAY.time(), None, datetime.time()], pl.Time),
    ([datetime.timedelta(1), None, datetime.timedelta(0)], pl.Duration("ms")),
    ([decimal.Decimal("1.5"), None, decimal.Decimal(0)], pl.Decimal(10, 2)),
    ([None, None, None], pl.Null),
    ([[1], None, []], pl.List(pl.Int8)),
    ([[1, None], None, [2, 3]], pl.Array(pl.Int8, 2)),
    ([[[1], []], None, [None]], pl.List(pl.List(pl.Int8))),
    ([["a"], None, ["b"]], pl.List(pl.Categorical)),
    ([{"a": 1}, None, {"a": 2}], pl.Struct({"a": pl.Int8})),
    ([{"a": [DAY]}, None, {"a": None}], pl.Struct({"a": pl.List(pl.Datetime("ms"))})),
    ([1, None, (2, 3)], pl.Object),
]


@pytest.mark.parametrize(("values", "kind"), SERIES, ids=lambda x: str(x).replace(" ", ""))
def test_polars_series_by_value(name, values, kind):
    whole = pl.Series("s", values, kind)
    assert name(whole) == name(pl.Series("s", list(values), kind))
    if kind != pl.Object:
        cut = pl.concat([whole.slice(0, 1), whole.slice(1, 2)], rechunk=False)
        assert cut.n_chunks() == 2
        assert name(cut) == name(whole)
        assert name(pl.concat([whole, whole]).slice(3, 3)) == name(whole)
    assert name(whole.rename("t")) != name(whole)
    assert name(whole.slice(0, 2)) != name(whole)
    if kind != pl.Null:
        assert name(pl.Series("s", [values[2], None, values[0]], kind)) != name(whole)


def test_polars_types_count(name):
    values = [pl.Series("s", values, kind) for values, kind in SERIES]
    values += [
        pl.Series("s", ["a", None, "b"], kind) for kind in (pl.String, pl.Enum(["b", "a", "c"]))
    ]
    assert len({name(value) for value in values}) == len(values)


@pytest.mark.parametrize("kind", [pl.Datetime("ns"), pl.Duration("ns"), pl.Time], ids=str)
def test_nanoseconds_count_within_nested_polars_types(name, kind):
    """Python's own times, which to_list() gives, have none."""
    flat = [pl.Series("s", [number]).cast(kind) for number in (1, 2)]
    assert len({name(series.implode()) for series in flat}) == 2
    assert len({name(series.reshape((1, 1))) for series in flat}) == 2
    assert len({name(series.to_frame().to_struct("s")) for series in flat}) == 2
    own = pl.Extension("own", pl.List(kind))
    assert len({name(series.implode().ext.to(own)) for series in flat}) == 2


def test_nulls_and_emptiness_count_within_nested_polars_types(name):
    kind = pl.List(pl.Int8)
    values = [
        [],
        [None],
        [[]],
        [[None]],
        [[], None],
        [None, []],
        [[1], [2]],
        [[1, 2]],
        [[1, 2], []],
        [[], [1, 2]],
    ]
    assert len({name(pl.Series("s", value, kind)) for value in values}) == len(values)
    fields = pl.Struct({"a": pl.Int8})
    assert name(pl.Series("s", [None], fields)) != name(pl.Series("s", [{"a": None}], fields))


def test_polars_categories_are_the_same_in_every_process(name, tmp_path):
    """Their physical numbers depend on what a process has met before."""
    script = f"""
        import pathlib, polars as pl
        from locache import persist

        met = pl.Series(["b", "z", "a"], dtype=pl.Categorical)

        @persist(dir={str(tmp_path / "c.cache")!r})
        def call(x):
            return x

        column = pl.Series("s", ["a", "b", None], dtype=pl.Categorical)
        print(pathlib.Path(call.cache_path(column)).name)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == name(pl.Series("s", ["a", "b", None], dtype=pl.Categorical))


# ------------------------------------------------------------------------------------------- pandas


@pytest.mark.parametrize(
    "kind",
    ["string[pyarrow]", pd.ArrowDtype(pa.string()), pd.ArrowDtype(pa.large_string())],
    ids=str,
)
def test_pandas_strings_of_arrow(name, kind):
    one = pd.Series(["a", None, "longer"] * 1000, dtype=kind)
    cut = pd.concat([one[:7], one[7:]])
    assert name(one) == name(cut) == name(one.copy())
    assert name(one) != name(one[::-1].reset_index(drop=True))
    assert name(one) != name(one.fillna(""))
    assert name(one) != name(one.astype(object))


def test_pandas_numbers_of_arrow(name):
    kinds = [
        pd.ArrowDtype(kind) for kind in (pa.int32(), pa.int64(), pa.float64(), pa.timestamp("ns"))
    ]
    series = [pd.Series([1, None, 3], dtype=kind) for kind in [*kinds, "Int64", "Int32"]]
    assert len({name(value) for value in series}) == len(series)
    nested = pd.Series([[1], None, []], dtype=pd.ArrowDtype(pa.list_(pa.int8())))
    assert name(nested) == name(nested.copy()) != name(nested[:2])


def test_the_order_of_a_pandas_dictionary_of_arrow_counts(name):
    def series(values, indices, ordered):
        column = pa.DictionaryArray.from_arrays(
            pa.array(indices, pa.int8()), pa.array(values), ordered=ordered
        )
        return pd.Series(pd.arrays.ArrowExtensionArray(column))

    for ordered in (False, True):
        one, other = series(["a", "b"], [0, 1], ordered), series(["b", "a"], [1, 0], ordered)
        assert name(one) == name(series(["a", "b"], [0, 1], ordered)) != name(other)


def test_pandas_frames_by_column_and_not_by_block(name):
    block = pd.DataFrame(np.arange(60_000.0).reshape(-1, 3), columns=list("abc"))
    apart = pd.DataFrame({c: block[c].to_numpy().copy() for c in "abc"})
    assert name(block) == name(apart) == name(block[list("abc")])
    assert name(block) != name(block[list("acb")])
    assert name(block.iloc[::2]) == name(apart.iloc[::2])
    assert name(block.iloc[::2]) != name(apart.iloc[1::2])


# Of each kind that pandas has blocks for, two values.
KINDS = {
    "f": [1.0, 2.0],
    "g": [3.0, 4.0],
    "i": [1, 2],
    "b": [True, False],
    "small": np.array([1, 2], "i1"),
    "long": np.array([1, 2], np.longdouble),
    "when": pd.to_datetime(["2024-01-01", "2024-01-02"]),
    "zoned": pd.to_datetime(["2024-01-01", "2024-01-02"]).tz_localize("UTC"),
    "for": pd.to_timedelta([1, 2], unit="s"),
    "object": [[1], {"a": 2}],
    "text": ["x", "y"],
    "nullable": pd.array([1, None], dtype="Int64"),
    "category": pd.Categorical(["a", "b"]),
    "period": pd.period_range("2020", periods=2, freq="D"),
    "interval": pd.interval_range(0, 2),
    "sparse": pd.arrays.SparseArray([0, 1]),
}


def test_pandas_frames_of_many_blocks(name):
    frame = pd.DataFrame(KINDS)
    grown = frame[["f"]].copy()
    for column in list(frame)[1:]:
        grown[column] = frame[column]
    assert name(frame) == name(grown) == name(frame.copy())
    both = pd.concat([frame, frame], axis=1)
    assert name(both) == name(pd.concat([grown, frame], axis=1))
    turned = frame.iloc[::-1].reset_index(drop=True)  # as it lies in memory, backwards
    assert name(turned[["f", "g", "i"]]) == name(turned[["f", "g", "i"]].copy())


def test_every_cell_of_every_block_counts(name):
    frame = pd.DataFrame(KINDS)
    names = {name(frame)}
    for column in frame:
        for row in range(2):
            other = frame.copy()
            other[column] = frame[column].take([1 - row] * 2).array
            names.add(name(other))
    swapped = frame.copy()
    swapped["f"], swapped["g"] = frame["g"], frame["f"]
    names |= {name(swapped), name(frame.astype({"f": "f4"})), name(frame.iloc[:, :-1])}
    assert len(names) == 2 * len(KINDS) + 4


@pytest.mark.parametrize("rows", [0, 1, 31, 32, 511, 512])
def test_pandas_frames_of_columns_of_any_size(name, rows):
    """Short columns as they are, others by their digests."""
    block = pd.DataFrame(np.arange(5.0 * rows).reshape(rows, 5), columns=list("abcde"))
    apart = pd.DataFrame({c: block[c].to_numpy().copy() for c in block})
    assert name(block) == name(apart)
    assert name(block) != name(block.astype({"c": "f4"}))
    assert rows == 0 or name(block) != name(block + np.eye(rows, 5, k=4))


class Manager:
    """One that hides how it keeps columns, as that of a pandas to come may."""

    def __init__(self, manager):
        self.manager = manager

    def __getattr__(self, name):
        if name == "blocks":
            raise AttributeError(name)
        return getattr(self.manager, name)


def test_pandas_frames_whose_blocks_are_not_known(name):
    names = []
    for values in (KINDS, {**KINDS, "i": [1, 3]}):
        frame = pd.DataFrame(values)
        frame._mgr = Manager(frame._mgr)
        names += [name(frame), name(frame)]
    assert names[0] == names[1] != names[2] == names[3]


class Zone(datetime.tzinfo):
    def __init__(self, hours=0):
        self.hours = hours

    def utcoffset(self, when):
        return datetime.timedelta(hours=self.hours)

    def dst(self, when):
        return datetime.timedelta(0)

    def __repr__(self):
        return "UTC"


def test_zones_of_one_name_are_different(name):
    """A dtype shows only what a zone calls itself."""
    hours = [datetime.timedelta(hours=n) for n in (1, 2)]
    zones = [
        "UTC",
        *(datetime.timezone(n, "UTC") for n in hours),
        *(datetime.timezone(n) for n in hours),
        Zone(1),
        Zone(2),
    ]
    times = pd.to_datetime([0, 10**18]).tz_localize("UTC")
    series = [pd.Series(times.tz_convert(zone)) for zone in zones]
    assert len({name(value) for value in series}) == len(series)
    assert len({name(pd.Index(value)) for value in series}) == len(series)
    assert name(pd.Series(times.tz_convert(zones[1]))) == name(series[1])
    assert name(pd.Series(times.tz_convert(datetime.timezone.utc))) == name(series[0])


def test_the_order_of_polars_categories_counts_where_it_sorts_by_it(name):
    kind = pl.Categorical("physical")
    if repr(kind) != "Categorical(ordering='physical')":
        pytest.skip("this polars sorts by the text")
    one = pl.Series(["b", "a"], dtype=kind)
    other = pl.Series(["a", "b", "a"], dtype=kind)[1:]
    assert one.to_list() == other.to_list()
    assert name(one) == name(pl.Series(["b", "a"], dtype=kind)) != name(other)
