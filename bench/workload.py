"""The functions that are memoized. bench/run.py gives every contender a copy of this file: some
read the source, some keep their results beside it."""


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
