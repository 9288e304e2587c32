"""Memory and descriptors stay where they were, however many calls: each case in a process of its
own, which prints what it had before and after."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

LONG = os.environ.get("LOCACHE_TEST_LONG") == "1"
SANITIZED = os.environ.get("LOCACHE_TEST_SANITIZED") == "1"
# a megabyte: what the allocator, the interpreter and the C library may still take for themselves
PAGES = 256

PRELUDE = """
    import gc, os, resource, sys, tracemalloc
    import numpy as np
    from locache import persist, reset_cache

    RAN = []

    class Point:
        def __init__(self, x):
            self.x = x

    def resident():
        gc.collect()
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1])

    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    def may_be_held():
        # Of files and directories together, in the process.
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return min(max(256, limit // 16), min(limit // 8, 1000) // 4 * 3)

    def wait():
        # Until files are old enough for what is read of them to be believed.
        import time
        time.sleep(0.03)
"""


@pytest.fixture
def measured():
    """Run a program after the prelude, where files cost no disk; the numbers that it prints."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

    def run(program):
        with tempfile.TemporaryDirectory(dir=memory) as place:
            return run_in(Path(place), textwrap.dedent(PRELUDE) + textwrap.dedent(program))

    def run_in(place, program):
        path = place / "growth.py"
        path.write_text(program)
        command = [sys.executable, str(path)]
        done = subprocess.run(
            command, cwd=place, capture_output=True, text=True, timeout=3000, check=False
        )
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return [int(number) for number in done.stdout.split()]

    return run


# What each function returns, by its name.
FUNCTIONS = {
    "immutable": "('text', x, 2.5)",
    "mutable": "['text', {x: [x]}]",
    "pickled": "[Point(x), Point(x)]",
    "array": "np.arange(x % 10 + 100)",
    "mapped": "np.arange(40_000) + x",
    "none": "None",
    "binary": "b'x' * 20_000",
}
WAYS = {"strict": "", "relaxed": "recheck=1000", "without memory": "memory=False"}
unsanitized = pytest.mark.skipif(SANITIZED, reason="sanitizers put freed memory aside")


def definitions(names, options, parameters="x", first="RAN.append(x)"):
    """Source text of the functions so named."""
    return "".join(
        f"@persist({options})\ndef {name}({parameters}):\n    {first}\n"
        f"    return {FUNCTIONS[name]}\n\n"
        for name in names
    )


@pytest.mark.once
@unsanitized
@pytest.mark.parametrize("way", WAYS)
def test_hits_leave_resident_memory_where_it_was(measured, way):
    hits = 100_000 if LONG else 10_000
    program = """
def calls(f, count):
    for i in range(count // 20):
        for x in range(10):
            f(x)
            f(x=x, named=1)

def measure(f, hits):
    RAN.clear()
    calls(f, 20)
    wait()
    calls(f, 3_000)
    before, blocks, opened = resident(), sys.getallocatedblocks(), descriptors()
    calls(f, hits)
    print(before, resident(), sys.getallocatedblocks() - blocks, descriptors() - opened, len(RAN))
"""
    program += "".join(f"measure({name}, {hits})\n" for name in FUNCTIONS)
    numbers = measured(definitions(FUNCTIONS, WAYS[way], "x, *, named=1") + program)
    for name, at in zip(FUNCTIONS, range(0, len(numbers), 5), strict=True):
        before, after, blocks, opened, ran = numbers[at : at + 5]
        assert ran == 10, f"{name}: these are no hits"
        assert after - before < PAGES, name
        assert blocks < hits // 10 and opened <= 0, name


@pytest.mark.once
@unsanitized
@pytest.mark.parametrize("memory", ["1000", "(10**9, 10**6)"])
def test_many_keys_through_a_bounded_table(measured, memory):
    names = ["immutable", "mutable", "array"]
    program = f"""
def measure(f, keys):
    for _ in range(2):
        for x in range(4_000):
            f(x)
    before, opened = resident(), descriptors()
    for _ in range(2):
        for x in range(keys):
            f(x)
    print(before, resident(), descriptors() - opened - may_be_held())

measure(immutable, {500_000 if LONG else 5_000})
measure(mutable, {50_000 if LONG else 5_000})
measure(array, {50_000 if LONG else 5_000})
"""
    numbers = measured(definitions(names, f"memory={memory}", first="pass") + program)
    for name, at in zip(names, range(0, len(numbers), 3), strict=True):
        before, after, opened = numbers[at : at + 3]
        assert after - before < PAGES, name
        assert opened <= 0, name


@pytest.mark.once
@unsanitized
def test_misses_stores_and_resets_leave_resident_memory_where_it_was(measured):
    rounds = 2_000 if LONG else 60
    before, after, opened = measured(f"""
        @persist
        def f(x):
            return ["text", x]

        @persist
        def raises(x):
            raise ValueError(x)

        def calls(rounds):
            for i in range(rounds):
                for x in range(10):
                    f(x), f(x), f.refresh(x), f.forget(x), f.is_cached(x), f.cache_path(x)
                    try:
                        raises(x)
                    except ValueError:
                        pass
                f(1)
                reset_cache(f)

        calls(30)
        before, opened = resident(), descriptors()
        calls({rounds})
        print(before, resident(), descriptors() - opened)
    """)
    assert after - before < PAGES and opened <= 0


@unsanitized
def test_functions_that_come_and_go_leave_nothing(measured):
    before, after, opened, objects = measured("""
        def make():
            @persist(name="many")
            def f(x):
                return (x, "text")
            for x in range(5):
                f(x)

        for _ in range(100):
            make()
        before, opened, objects = resident(), descriptors(), len(gc.get_objects())
        for _ in range(1000):
            make()
        print(before, resident(), descriptors() - opened, len(gc.get_objects()) - objects)
    """)
    assert after - before < PAGES and opened <= 0 and objects < 50


def test_no_object_is_left_by_hits(measured):
    objects, traced = measured("""
        @persist
        def frozen(x):
            return ("text", x)

        @persist
        def mutable(x):
            return ["text", {x: [x]}]

        @persist
        def pickled(x):
            return Point(x)

        def calls(count):
            for i in range(count):
                for f in (frozen, mutable, pickled):
                    f(i % 10), f(x=i % 10)

        calls(20)
        wait()
        calls(100)
        tracemalloc.start()
        calls(20)
        gc.collect()
        objects, traced = len(gc.get_objects()), tracemalloc.get_traced_memory()[0]
        calls(2_000)
        gc.collect()
        print(len(gc.get_objects()) - objects, tracemalloc.get_traced_memory()[0] - traced)
    """)
    assert objects < 20 and traced < 50_000  # of 12,000 hits


# -------------------------------------------------------------------------------------- descriptors


@pytest.mark.once
def test_descriptors_are_bounded_with_many_hot_keys(measured):
    most, allowed, same = measured("""
        @persist
        def f(x):
            return (x, "text")

        @persist
        def g(x):
            return [x]

        for x in range(2_000):
            f(x), g(x)
        before, most = descriptors(), 0
        wait()
        for _ in range(5):
            for x in range(2_000):
                assert f(x) == (x, "text") and g(x) == [x]
            most = max(most, descriptors() - before)
        f.cache_clear(), g.cache_clear()
        f(1), g(1)
        print(most, may_be_held(), descriptors() - before)
    """)
    assert 0 < most <= allowed
    assert same <= 4


@pytest.mark.once
@pytest.mark.parametrize("limit", [8, 64])
def test_few_descriptors_are_enough_and_none_is_lost(measured, limit):
    hits = 100_000 if LONG else 10_000
    opened, least, ran = measured(f"""
        @persist
        def f(x):
            RAN.append(x)
            return (x, "text")

        f(-1)
        resource.setrlimit(resource.RLIMIT_NOFILE, ({limit}, {limit}))
        for x in range(100):
            f(x)
        wait()
        for x in range(100):
            f(x), f(x), f(x)
        before = descriptors()
        for i in range({hits} // 100):
            for x in range(100):
                assert f(x) == (x, "text")
        after = descriptors()
        free = [os.open(".", os.O_RDONLY) for _ in range(2)]
        print(after - before, len(free), len(RAN))
    """)
    assert ran == 101 and opened <= 0 and least == 2


def test_without_any_descriptor_left_the_function_runs_and_hits_go_on(measured):
    hits, wrong, opened = measured("""
        import warnings
        warnings.simplefilter("ignore")

        @persist
        def f(x):
            RAN.append(x)
            return (x, "text")

        for x in range(50):
            f(x)
        wait()
        for x in range(50):
            f(x), f(x), f(x), f(x)
        before = descriptors()
        taken = []
        try:
            while True:
                taken.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        RAN.clear()
        wrong = sum(f(x) != (x, "text") for _ in range(100) for x in range(70))
        hits = 100 * 70 - len(RAN)
        for fd in taken:
            os.close(fd)
        wrong += sum(f(x) != (x, "text") for x in range(70))
        print(hits, wrong, descriptors() - before)
    """)
    assert wrong == 0 and hits == 100 * 50 and opened <= 1
