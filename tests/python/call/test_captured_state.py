"""Captured objects that the function changes are its state, for as long as nobody else changes
them; whose change it is is known for each call."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest


def test_call_beside_a_run_in_another_thread_is_no_recursion(kept):
    config = [1]
    begun, go = threading.Event(), threading.Event()

    def f(x):
        if x == "slow":
            begun.set()
            go.wait()
        return x, config[0]

    f = kept(f, ignore=("begun", "go"))
    thread = threading.Thread(target=f, args=("slow",))
    thread.start()
    begun.wait()
    found = [f(1)]
    config[0] = 2
    found.append(f(1))
    go.set()
    thread.join()
    assert found == [(1, 1), (1, 2)]


def test_what_others_change_while_the_function_runs_is_input(kept):
    config = {"scale": 1}
    begun, go = threading.Event(), threading.Event()

    def f(x):
        if x == "slow":
            begun.set()
            go.wait()
        return config["scale"]

    f = kept(f, ignore=("begun", "go"))
    thread = threading.Thread(target=f, args=("slow",))
    thread.start()
    begun.wait()
    config["scale"] = 2
    go.set()
    thread.join()
    found = []
    for scale in (2, 3, 4, 1):
        config["scale"] = scale
        found.append(f(1))
    assert found == [2, 3, 4, 1]


@pytest.mark.parametrize("idle", [0, 3])
def test_own_state_is_none_of_the_key_beside_threads_that_wait(kept, idle):
    """A pool's or a notebook's threads: they change nothing while they wait."""
    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait) for _ in range(idle)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    seen = []

    @kept
    def f(x):
        seen.append(x)
        return x

    try:
        assert [f(1), f(1), f(2), f(1)] == [1, 1, 2, 1]
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert seen == [1, 2]


def test_state_that_others_change_counts_by_its_value_again(kept):
    table = {"asked": 0, "price": 1}

    @kept
    def price(n):
        table["asked"] += 1
        return n * table["price"]

    assert [price(10), price(10)] == [10, 10]
    assert table["asked"] == 1
    table["price"] = 7
    assert [price(10), price(10)] == [70, 70]
    assert table["asked"] == 2
    table["price"] = 1
    assert [price(10), price(10)] == [10, 10]


def test_state_of_two_functions_is_each_others_input(kept):
    seen = []

    def make(name):
        def f(x):
            seen.append(name)
            return len(seen)

        f.__qualname__ = name
        return kept(f)

    one, two = make("one"), make("two")
    assert [one(1), one(1), two(1), two(1), one(1)] == [1, 1, 2, 2, 3]


def test_state_in_coroutines_that_run_alone_and_together(kept):
    stats = {"calls": 0, "scale": 1}

    @kept
    async def fetch(x):
        stats["calls"] += 1
        await asyncio.sleep(0)
        return x * stats["scale"]

    async def alone():
        return [await fetch(1), await fetch(1)]

    assert asyncio.run(alone()) == [1, 1]
    assert stats["calls"] == 1

    async def change():
        stats["scale"] = 5

    async def together():
        await asyncio.gather(fetch(2), change())
        stats["scale"] = 6
        return await fetch(2)

    assert asyncio.run(together()) == 12
