"""Coroutines in several processes that wait for each other, for several results at once, and beside
others that wait for the same: nobody waits for himself."""

from __future__ import annotations

import asyncio
import time

import pytest
from flights import end_of, in_child
from locache import persist

PATIENCE = 30  # seconds after which a circle counts as not found


def waiting(tmp_path, log, waits):
    """Each name is computed once all are begun, and waits for those that it is mapped to."""

    @persist(dir=tmp_path / "box.cache", ignore="depth", version="1")
    async def f(x, depth=0):
        if depth > 0:
            return x
        log.add(x)
        while len(set(log.lines())) < len(waits):
            await asyncio.sleep(0.002)
        return x + "".join(await asyncio.gather(*(f(y, 1) for y in waits[x])))

    return f


def run_together(*mains):
    """A process with a loop for each; whether all came to their end."""

    async def bounded(main):
        await asyncio.wait_for(main(), PATIENCE)

    children = [in_child(lambda main=main: asyncio.run(bounded(main))) for main in mains]
    return [end_of(child) for child in children] == [0] * len(children)


@pytest.mark.parametrize(
    ("waits", "processes"),
    [
        ({"a": "b", "b": "a"}, "a b"),
        ({"a": "bc", "b": "ad", "c": "a", "d": "b"}, "ad bc"),
        ({"a": "bc", "b": "ad", "c": "x", "d": "y", "x": "a", "y": "b"}, "ad bc xy"),
        ({"a": "bcdefgh", "b": "a", **dict.fromkeys("cdefgh", "")}, "acdefgh b"),
        ({x: "abcdefgh".replace(x, "") for x in "abcdefgh"}, "abcd efgh"),
    ],
    ids=["two", "two with two waits", "three", "many waits", "each for each"],
)
def test_a_circle_of_processes_is_found(tmp_path, log, waits, processes):
    f = waiting(tmp_path, log, waits)

    def main_of(names):
        async def main():
            await asyncio.gather(*(f(x) for x in names))

        return main

    assert run_together(*map(main_of, processes.split()))


def test_a_circle_is_found_behind_somebody_who_waits_for_the_same(tmp_path, log):
    """A task of the process waits for b, in no circle; then a asks for b, and that for a."""
    f = waiting(tmp_path, log, {"a": "b", "b": "a"})

    async def first():
        while log.lines() != ["b"]:
            await asyncio.sleep(0.002)
        plain = asyncio.create_task(f("b"))
        await asyncio.sleep(0.1)
        await asyncio.gather(plain, f("a"))

    async def second():
        await f("b")

    assert run_together(first, second)


def test_a_circle_is_found_beside_another_wait(tmp_path, log):
    """While what is waited for besides, and is in no circle, takes long."""
    waits = {"a": ("b", "long1"), "b": ("a", "long2")}

    @persist(dir=tmp_path / "box.cache", ignore="depth", version="1")
    async def f(x, depth=0):
        if depth > 0:
            return x
        log.add(x)
        while len(log.lines()) < 4:
            await asyncio.sleep(0.002)
        if x not in waits:
            while not {"found-a", "found-b"} & set(log.lines()):
                await asyncio.sleep(0.01)
            return x
        circle, _ = await asyncio.gather(ask(x, waits[x][0]), f(waits[x][1], 1))
        return circle

    async def ask(x, other):
        result = await f(other, 1)
        log.add("found-" + x)
        return result

    def main_of(*names):
        async def main():
            await asyncio.gather(*(f(x) for x in names))

        return main

    began = time.monotonic()
    assert run_together(main_of("a", "long2"), main_of("b", "long1"))
    assert time.monotonic() - began < PATIENCE
