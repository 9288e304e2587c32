"""A call that changes its arguments is not stored, and says which and where; what it only fills in
is."""

from __future__ import annotations

import asyncio
import logging
import random
import warnings

import locache
import pytest


class Model:
    coefficient = None

    def __init__(self):
        self.calls = 0
        self.cache = None
        self.parts = [1, {"a": 1}]


def count(model):
    model.calls += 1


def append(model):
    model.parts.append(2)


def item(model):
    model.parts[1]["a"] = 2


def remove(model):
    del model.cache


def fill(model):
    model.cache = [1, 2]


def add(model):
    model.coefficient = 1.5


def new_item(model):
    model.parts[1]["b"] = 2


CHANGES = {
    count: "model.calls",
    append: "model.parts",
    item: "model.parts[1]['a']",
    remove: "model.cache",
}


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_change_is_not_stored_and_its_place_is_named(kept, change, awaited):
    if awaited:

        async def run(change, model):
            change(model)
            return 1

        function = kept(run)

        def f(change, model):
            return asyncio.run(function(change, model))

    else:

        @kept
        def f(change, model):
            change(model)
            return 1

        function = f
    with pytest.warns(locache.CacheWarning, match="ignore=.*key=.*__locache_key__") as said:
        assert [f(change, Model()), f(change, Model())] == [1, 1]
    assert len(said) == 1
    assert f": {CHANGES[change]} is another afterwards" in str(said[0].message)
    assert function.cache_info()[:2] == (0, 2)
    assert not function.is_cached(change, Model())


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("change", [fill, add, new_item])
def test_what_is_filled_in_is_stored(kept, change, awaited, caplog):
    @kept
    def f(change, model):
        change(model)
        return model

    if awaited:

        @kept
        async def later(change, model):
            change(model)
            return model

    def call():
        return asyncio.run(later(change, Model())) if awaited else f(change, Model())

    locache.verbose(True)
    try:
        with warnings.catch_warnings(), caplog.at_level(logging.INFO, "locache"):
            warnings.simplefilter("error")
            first, second = call(), call()
    finally:
        locache.verbose(False)
    assert vars(first) == vars(second)
    assert (later if awaited else f).cache_info()[:2] == (1, 1)
    assert sum("filled in model." in record.message for record in caplog.records) == 1


class Step:
    """More than a few bytes of state, so that it stands in a key as its digest."""

    def __init__(self, n, parent=None):
        self.parameters = {f"parameter number {i}": f"value {n} {i}" for i in range(20)}
        self.calls = 0
        self.parent = parent


class Pipeline:
    def __init__(self):
        self.steps = [("one", Step(1)), ("two", Step(2))]
        self.shared = [self.steps[1][1]] * 2
        self.deep = {"a": [Step(3)]}
        for _ in range(30):
            self.deep = {"a": [Step(3), self.deep], "b": self.deep}


class Family(Pipeline):
    """The same with a cycle."""

    def __init__(self):
        super().__init__()
        for _, step in self.steps:
            step.parent = self


def fit(pipeline):
    for n, (_, step) in enumerate(pipeline.steps):
        step.coefficients_ = [float(n)] * 100
        step.child_ = Step(7, step)
    pipeline.deep["a"][0].fitted_ = "yes" * 100
    pipeline.fitted_ = True


def fit_and_count(pipeline):
    fit(pipeline)
    pipeline.steps[1][1].calls += 1


def replace_in_depth(pipeline):
    pipeline.deep["a"][1]["a"][0].parameters["parameter number 7"] = "another"


def reorder(pipeline):
    parameters = pipeline.steps[0][1].parameters
    parameters["parameter number 0"] = parameters.pop("parameter number 0")


def swap(pipeline):
    pipeline.steps.reverse()


@pytest.mark.parametrize("kind", [Pipeline, Family])
@pytest.mark.parametrize("awaited", [False, True])
def test_graph_that_is_filled_in_is_stored(kept, kind, awaited, caplog):
    run = kept(lambda pipeline: fit(pipeline) or pipeline)
    if awaited:

        @kept
        async def later(pipeline):
            fit(pipeline)
            return pipeline

        def run(pipeline):
            return asyncio.run(later(pipeline))

    locache.verbose(True)
    try:
        with warnings.catch_warnings(), caplog.at_level(logging.INFO, "locache"):
            warnings.simplefilter("error")
            run(kind())
            assert run(kind()).steps[1][1].coefficients_ == [1.0] * 100
    finally:
        locache.verbose(False)
    assert (later if awaited else run).cache_info()[:2] == (1, 1)
    assert sum("filled in pipeline." in record.message for record in caplog.records) == 1


@pytest.mark.parametrize("kind", [Pipeline, Family])
@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize(
    ("change", "place"),
    [
        (fit_and_count, ["steps[1][1].calls", "shared[0].calls"]),
        (replace_in_depth, ["deep['a'][1]['a'][0].parameters['parameter number 7']"]),
        (reorder, ["steps[0][1].parameters"]),
        (swap, ["steps[0][0]"]),
    ],
)
def test_change_within_a_graph_is_named(kept, kind, awaited, change, place):
    if awaited:

        @kept
        async def later(pipeline):
            change(pipeline)

        def run(pipeline):
            asyncio.run(later(pipeline))
    else:

        @kept
        def run(pipeline):
            change(pipeline)

    with pytest.warns(locache.CacheWarning, match="is another afterwards") as said:
        run(kind())
    found = str(said[0].message).split(": pipeline.")[1].split(" is another")[0]
    assert any(found.endswith(expected) for expected in place), found


def test_change_too_deep_to_be_found_is_not_stored(kept):
    @kept
    def run(step):
        while step.parent is not None:
            step = step.parent
        step.filled_ = 1

    chain = None
    for n in range(1000):
        chain = Step(n, chain)
    with pytest.warns(locache.CacheWarning, match=r"step\.parent\.parent.* is another"):
        run(chain)


def test_generators_of_random_numbers(kept):
    numpy = pytest.importorskip("numpy")

    def draw(rng):
        return float(rng.random())

    cases = [
        (random.Random(1), r"rng\.getstate\(\)"),
        (numpy.random.default_rng(1), r"rng\.bit_generator\.state"),
        (numpy.random.RandomState(1), r"rng\.get_state\(\)"),
    ]
    for n, (rng, place) in enumerate(cases):
        f = kept(draw, dir=kept.dir / str(n))
        with pytest.warns(locache.CacheWarning, match=place + " is another"):
            assert f(rng) != f(rng)


def test_arrays_lists_and_what_star_takes(kept):
    numpy = pytest.importorskip("numpy")

    def f(*args, **kwargs):
        for value in (*args, *kwargs.values()):
            value[0] += 1
        return 1

    for n, (args, kwargs, place) in enumerate(
        [
            ((numpy.zeros(3),), {}, "args"),
            ((numpy.zeros(30_000),), {}, "args"),
            (([1], [2]), {}, r"args\[0\]\[0\]"),
            ((), {"a": [1]}, r"a\[0\]"),
        ]
    ):
        with pytest.warns(locache.CacheWarning, match=f": {place}"):
            kept(f, dir=kept.dir / str(n))(*args, **kwargs)


def test_default_that_is_appended_to(kept):
    @kept
    def f(x, seen=[]):  # noqa: B006
        seen.append(x)
        return len(seen)

    with pytest.warns(locache.CacheWarning, match="seen is another"):
        assert [f(1), f(1)] == [1, 2]


def test_method_that_changes_its_object(kept):
    class Client:
        def __init__(self):
            self.requests = 0

        def get(self, path):
            self.requests += 1
            return path.upper()

        get = kept(get)

    client = Client()
    with pytest.warns(locache.CacheWarning, match=r"self\.requests is another"):
        client.get("/"), client.get("/")


def test_what_is_left_out_or_says_itself_what_counts_may_change(kept):
    class Counter:
        def __init__(self):
            self.n = 0

        def __locache_key__(self):
            return "counter"

    @kept(ignore=("log",))
    def f(counter, log):
        counter.n += 1
        log.append(1)
        return 1

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        counter, log = Counter(), []
        f(counter, log), f(counter, log)
    assert (counter.n, log) == (1, [1])


def frame_of(library, width=2, rows=3):
    """Of few columns, or of so many that its parts stand in a key as their digests."""
    module = pytest.importorskip(library)
    return module.DataFrame({f"c{i}": list(range(rows)) for i in range(width)})


def new_column(frame):
    if hasattr(frame, "insert_column"):
        frame.insert_column(len(frame.columns), frame["c0"].alias("new"))
    else:
        frame["new"] = 1


def other_value(frame):
    if hasattr(frame, "insert_column"):
        frame[0, "c1"] = 9
    else:
        frame.loc[0, "c1"] = 9


def other_names(frame):
    frame.columns = [f"n{i}" for i in range(len(frame.columns))]


def drop_column(frame):
    del frame["c0"]


def other_rows(frame):
    frame.index = list("abc")


def other_attributes(frame):
    frame.attrs["unit"] = "metre"


def column_and_other_value(frame):
    new_column(frame)
    other_value(frame)


@pytest.mark.once
@pytest.mark.parametrize("width", [2, 40])
@pytest.mark.parametrize(
    ("library", "change", "place"),
    [
        ("pandas", other_value, "frame['c1']"),
        ("polars", other_value, "frame['c1']"),
        ("pandas", column_and_other_value, "frame['c1']"),
        ("pandas", other_names, "frame.columns"),
        ("polars", other_names, "frame.columns"),
        ("pandas", drop_column, "frame.columns"),
        ("pandas", other_rows, "frame.index"),
        ("pandas", other_attributes, "frame.attrs"),
    ],
)
def test_change_of_a_frame_is_named(kept, library, change, place, width):
    @kept
    def f(change, frame):
        change(frame)
        return 1

    with pytest.warns(locache.CacheWarning) as said:
        f(change, frame_of(library, width))
    assert f": {place} is another afterwards" in str(said[0].message)


@pytest.mark.once
@pytest.mark.parametrize(
    ("library", "width"),
    [("pandas", 0), ("pandas", 2), ("pandas", 40), ("polars", 2), ("polars", 40)],
)
def test_new_column_of_a_frame_is_filled_in(kept, library, width, caplog):
    @kept
    def f(frame):
        if width == 0:
            frame["c0"] = [1, 2]
        new_column(frame)
        return frame

    locache.verbose(True)
    try:
        with warnings.catch_warnings(), caplog.at_level(logging.INFO, "locache"):
            warnings.simplefilter("error")
            assert f(frame_of(library, width)).equals(f(frame_of(library, width)))
    finally:
        locache.verbose(False)
    assert f.cache_info()[:2] == (1, 1)
    assert "filled in frame['c0']" in caplog.text or "filled in frame['new']" in caplog.text


@pytest.mark.once
def test_new_column_of_a_frame_whose_columns_have_numbers(kept):
    pandas = pytest.importorskip("pandas")

    @kept
    def f(frame):
        frame[2] = 5
        return 1

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f(pandas.DataFrame([[1, 2], [3, 4]]))
    assert f.is_cached(pandas.DataFrame([[1, 2], [3, 4]]))
