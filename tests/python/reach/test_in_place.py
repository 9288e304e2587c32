"""What is changed in place where no pointer or buffer shows it: between two calls it is an input,
by the function itself its state."""

import abc
import types

import pytest
from locache import persist

pl = pytest.importorskip("polars")
pytestmark = pytest.mark.once


class Base(abc.ABC):
    @abc.abstractmethod
    def method(self): ...


class Mine:
    pass


TABLE = {"a": 1}
VALUES, KEYS, ITEMS = TABLE.values(), TABLE.keys(), TABLE.items()
FRAME = pl.DataFrame({"n": [1, 2, 3], "s": ["x", "y", "z"]})
LARGE = pl.DataFrame({"n": range(10_000)})
SERIES = pl.Series("n", [1, 2, 3])
HELD = types.SimpleNamespace(frame=pl.DataFrame({"n": [1]}))


def put_in(frame, column, value):
    frame[0, column] = value


def put_first(series, value):
    series[0] = value


def add_column(frame):
    frame.insert_column(0, frame["n"].alias("o"))


IN_PLACE = {
    "values of a dict": (lambda x: sum(VALUES), lambda: TABLE.update(a=2)),
    "keys of a dict": (lambda x: list(KEYS), lambda: TABLE.update(b=2)),
    "items of a dict": (lambda x: list(ITEMS), lambda: TABLE.update(a=3)),
    "cell of a frame": (lambda x: FRAME["n"].sum(), lambda: put_in(FRAME, "n", 50)),
    "text in a frame": (lambda x: FRAME["s"].to_list(), lambda: put_in(FRAME, "s", "w")),
    "column of a frame": (lambda x: FRAME.columns, lambda: add_column(FRAME)),
    "column of a large frame": (lambda x: LARGE.columns, lambda: add_column(LARGE)),
    "series": (lambda x: SERIES.sum(), lambda: put_first(SERIES, 9)),
    "longer series": (lambda x: SERIES.sum(), lambda: SERIES.extend(pl.Series([4]))),
    "frame in an object": (lambda x: HELD.frame["n"].sum(), lambda: put_in(HELD.frame, "n", 6)),
    "abstract class": (lambda x: isinstance(Mine(), Base), lambda: Base.register(Mine)),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_what_is_changed_in_place_between_two_calls_is_seen(tmp_path, name):
    function, change = IN_PLACE[name]
    call = persist(function, dir=tmp_path, name="call")
    before = call(0)
    assert call(0) == before and call.cache_info().misses == 1
    change()
    assert call(0) == function(0) != before
    assert call(0) == function(0) and call.cache_info().misses == 2


def fill(x):
    TABLE[f"k{x}"] = x
    return len(VALUES)


def overwrite(x):
    put_in(FRAME, "n", x)
    return FRAME.height


@pytest.mark.parametrize("function", [fill, overwrite])
def test_what_a_function_changes_in_place_itself_is_its_state(tmp_path, function):
    call = persist(function, dir=tmp_path, name="call")
    for _ in range(2):
        for x in range(3):
            call(x)
    assert call.cache_info()[:2] == (3, 3)
