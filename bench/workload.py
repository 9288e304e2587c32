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
