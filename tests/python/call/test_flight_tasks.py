"""Coroutines: tasks of one loop and of several, threads and processes compute each key once, no
loop is blocked, and a cancelled task takes nobody with it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
import traceback

import pytest
from flights import LONG
from locache import persist

pytestmark = pytest.mark.usefixtures("no_test_hangs")


@pytest.fixture
def runs():
    return []


@pytest.fixture
def slow(tmp_path, runs):
    @persist(dir=tmp_path / "box.cache", ignore="runs")
    async def f(x):
        runs.append(x)
        await asyncio.sleep(0.05)
        if x == "bad":
            raise ValueError(len(runs))
        return x

    return f


def gather(*coroutines):
    async def main():
        return await asyncio.gather(*coroutines, return_exceptions=True)

    return main()


@pytest.mark.parametrize("round", range(20 if LONG else 1))
def test_tasks_of_two_loops_compute_each_key_once(slow, runs, round):
    tasks = 500 if LONG else 100
    keys = tasks // 5

    async def main():
        return await asyncio.gather(*(slow(i % keys) for i in range(tasks)))

    results = []
    loops = [threading.Thread(target=lambda: results.append(asyncio.run(main()))) for _ in "ab"]
    for loop in loops:
        loop.start()
    for loop in loops:
        loop.join()
    assert results == [[i % keys for i in range(tasks)]] * 2
    assert sorted(runs) == list(range(keys))


def test_a_loop_goes_on_while_another_process_computes(tmp_path):
    log = tmp_path / "log"

    @persist(dir=tmp_path / "box.cache")
    async def f(x):
        with open(log, "a") as out:
            out.write("one\n")
        await asyncio.sleep(0.3)
        return x

    child = os.fork()
    if child == 0:
        asyncio.run(f(1))
        os._exit(0)
    while not log.exists():
        time.sleep(0.001)

    async def main():
        task = asyncio.create_task(f(1))
        turns = 0
        while not task.done():
            await asyncio.sleep(0.001)
            turns += 1
        return task.result(), turns

    result, turns = asyncio.run(main())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert result == 1 and turns > 20
    assert log.read_text() == "one\n"


def test_an_exception_is_its_own_tasks(slow, runs):
    results = asyncio.run(gather(slow("bad"), slow("bad"), slow("bad")))
    assert [error.args for error in results] == [(1,), (2,), (3,)]


def test_no_line_of_ours_is_in_a_traceback(slow):
    with pytest.raises(ValueError, match="1") as caught:
        asyncio.run(slow("bad"))
    files = [frame.filename for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert files[-1] == __file__ and not any("locache/_" in name for name in files)


def test_what_is_cancelled(slow, runs):
    async def main(cancelled):
        tasks = [asyncio.create_task(slow(str(cancelled))) for _ in range(4)]
        await asyncio.sleep(0.02)
        for i in cancelled:
            tasks[i].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    for cancelled, computed in (([1], 1), ([1, 2, 3], 1), ([0], 2), ([0, 1, 2], 2)):
        runs.clear()
        results = asyncio.run(main(cancelled))
        for i, result in enumerate(results):
            if i in cancelled:
                assert isinstance(result, asyncio.CancelledError)
            else:
                assert result == str(cancelled)
        assert len(runs) == computed


def test_a_waiter_that_is_cancelled_in_its_turn_passes_it_on(slow, runs):
    async def main():
        first, second, third = (asyncio.create_task(slow(1)) for _ in range(3))
        await asyncio.sleep(0.02)
        first.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        second.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await second
        return await asyncio.wait_for(third, 10)

    assert asyncio.run(main()) == 1


def test_tasks_that_wait_in_a_circle_go_on(tmp_path):
    @persist(dir=tmp_path / "box.cache", ignore="depth")
    async def f(x, depth=0):
        await asyncio.sleep(0.02)
        return depth if depth == 4 else (await asyncio.gather(f(1 - x, depth + 1)))[0]

    async def main():
        return await asyncio.wait_for(asyncio.gather(f(0), f(1)), 20)

    assert all(isinstance(result, int) for result in asyncio.run(main()))


def test_a_wait_that_is_bounded(tmp_path, runs):
    @persist(dir=tmp_path / "box.cache", ignore="runs", wait=0.05)
    async def f(x):
        runs.append(x)
        await asyncio.sleep(0.5)
        return x

    assert asyncio.run(gather(f(1), f(1))) == [1, 1]
    assert len(runs) == 2


def test_without_a_loop_of_asyncio_it_computes(slow, tmp_path):
    @persist(dir=tmp_path / "box.cache")
    async def f(x):
        return x

    def drive(coroutine):
        with pytest.raises(StopIteration) as caught:
            coroutine.send(None)
        return caught.value.value

    assert drive(f(1)) == 1 and drive(f(1)) == 1


def test_a_coroutine_that_is_closed_gives_its_turn_up(slow, runs):
    coroutine = slow(1)

    async def main():
        coroutine.send(None)
        coroutine.close()
        return await asyncio.wait_for(slow(1), 10)

    assert asyncio.run(main()) == 1
    assert runs == [1, 1]
