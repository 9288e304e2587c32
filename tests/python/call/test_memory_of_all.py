"""One bound for the results that a process keeps in memory, whatever the number of functions."""

import os
import sys

import pytest
from locache import configure, persist

MIB = 1 << 20


@pytest.fixture(autouse=True)
def default_afterwards():
    yield
    configure(memory=True)
    persist.__kwdefaults__["memory"] = True


def closures(tmp_path, count):
    def make(n):
        @persist(dir=tmp_path / "c", recheck=1000)
        def sample(x):
            return bytes([n]) * 500_000

        return sample

    return [make(n) for n in range(count)]


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def kept(functions, xs):
    """How many results are in memory: those that are the same object twice."""
    return sum(f(x) is f(x) for f in functions for x in xs)


@pytest.mark.skipif(
    os.environ.get("LOCACHE_TEST_SANITIZED") == "1", reason="sanitizers put freed memory aside"
)
def test_all_functions_together_keep_64_mib(tmp_path):
    functions = closures(tmp_path, 20)
    before = resident()
    for f in functions:
        for x in range(20):
            f(x)
    assert resident() - before < 100 * MIB, "200 MB were computed"


def test_configure_says_how_much(tmp_path):
    functions = closures(tmp_path, 8)
    configure(memory=8 * MIB)
    for f in functions:
        for x in range(8):
            f(x)
    results = [f(7) for f in functions]
    before = [sys.getrefcount(result) for result in results]
    configure(memory=False)
    after = [sys.getrefcount(result) for result in results]
    assert set(after) == {max(before) - 1}, "all go at once"
    results.clear()
    assert kept(functions[:2], range(2)) == 0
    configure(memory=True)
    assert kept(functions[:2], range(2)) == 4


def test_what_is_used_stays_while_others_pass(tmp_path):
    used, *others = closures(tmp_path, 10)
    configure(memory=8 * MIB)
    result = used(1)
    for f in others:
        for x in range(10):
            f(x)
            assert used(1) is result


def test_a_tuple_says_how_many_of_each_function_too(tmp_path):
    configure(memory=(2, 32 * MIB))
    f = persist(lambda x: (x, "text"), dir=tmp_path / "c", recheck=1000)
    for x in range(10):
        f(x)
    assert sum(f(x) is f(x) for x in range(10)) >= 2


@pytest.mark.parametrize("wrong", ["64M", 1.5, (1,), (1, "2")])
def test_what_it_takes(wrong):
    with pytest.raises(TypeError, match="memory"):
        configure(memory=wrong)


def test_it_is_not_negative():
    with pytest.raises(ValueError, match="memory"):
        configure(memory=-1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": "a"}, "configure(): memory must be True, False, a number of bytes, or a tuple"),
        ({"memory": -5}, "configure(): memory=-5 must not be negative"),
        ({"verify": 3}, "configure(): verify=3 must be a share of the hits"),
        ({"max_age": "x"}, "configure(): max_age must be a number of days or None, not str"),
    ],
)
def test_complaints_name_who_was_called(options, message):
    before = dict(persist.__kwdefaults__)
    with pytest.raises((TypeError, ValueError)) as caught:
        configure(**options)
    assert str(caught.value).startswith(message)
    assert persist.__kwdefaults__ == before
