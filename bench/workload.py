"""The functions that are memoized. bench/run.py gives every contender a copy of this file: some
read the source, some keep their results beside it."""

import dataclasses
import enum


def nothing():
    return 1


def one(values):
    return 1


def two(x, num=3):
    return 1


def five(a, b, c, d, e):
    return 1


def work(x, num=3):
    return x * num


def make_array(count):
    import numpy

    return numpy.arange(count, dtype="f8")


def last_of(array):
    return float(array[-1])


def make_frame(count):
    """Of so many rows: numbers, texts of which many are alike, and times."""
    import numpy
    import pandas

    numbers = numpy.arange(count)
    return pandas.DataFrame(
        {
            "x": numbers / 7,
            "y": numbers[::-1] / 3,
            "count": numbers % 1_000,
            "name": [f"name {n % 100}" for n in range(count)],
            "when": pandas.Timestamp("2024-01-01") + pandas.to_timedelta(numbers, unit="s"),
        }
    )


def make_wide(count):
    """Of so many short columns."""
    import numpy
    import pandas

    numbers = numpy.random.default_rng(1).random((100, count))
    return pandas.DataFrame(numbers, columns=[f"c{n}" for n in range(count)])


def make_polars(count):
    import polars

    names = [f"name {n % 100}" for n in range(count)]
    return polars.DataFrame({"x": range(count), "y": [n / 7 for n in range(count)], "name": names})


def make_numbers(count):
    """A frame of three columns of numbers."""
    import numpy
    import pandas

    return pandas.DataFrame({name: numpy.arange(count) / n for n, name in enumerate("abc", 1)})


def make_polars_numbers(count):
    """A frame of four columns of numbers."""
    import numpy
    import polars

    return polars.DataFrame({name: numpy.arange(count) / n for n, name in enumerate("abcd", 1)})


def make_records(count):
    return [{"id": n, "tags": [n], "name": f"name {n % 50}"} for n in range(count)]


def make_times(count):
    import datetime

    start = datetime.datetime(2024, 1, 1)
    return [start + datetime.timedelta(seconds=n) for n in range(count)]


def make_text(count):
    return "a word, " * count


def make_letters(count):
    return "слово, я " * count


def make_bytes(count):
    return bytes(n % 251 for n in range(count))


@dataclasses.dataclass
class Record:
    x: int
    y: float = 2.5
    name: str = "record"


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


def make_dataclass(count):
    return Record(count)


def make_enum(count):
    return Colour(count)


def make_attrs(count):
    import attrs

    global Attrs
    Attrs = attrs.make_class("Attrs", ["x", "y", "name"])
    Attrs.__module__ = __name__
    return Attrs(count, 2.5, "record")


MADE = {}  # results that are there already, so that what is measured is to store them


def give(what):
    return MADE[what]


def middle_of(array):
    return float(array[len(array) // 2])


class Node:
    def __init__(self, value):
        self.value = value
        self.name = f"node {value}"
        self.children = []


def make_graph(count):
    """A tree of so many objects: one that were a chain is beyond pickle, which most others use."""
    nodes = [Node(value) for value in range(count)]
    for value in range(1, count):
        nodes[(value - 1) // 2].children.append(nodes[value])
    return nodes[0]


def is_there(value):
    return value is not None


MEMOIZED = []  # what deep() became
DEEPEST = [0]


def deep(level):
    """Until there is no more stack."""
    DEEPEST[0] = level
    return MEMOIZED[0](level + 1)
