"""Coroutines: tasks of one loop and of several, threads and processes compute each key once, no
loop is blocked, and a cancelled task takes nobody with it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import threading
import time
import traceback
import weakref

import pytest
from flights import LONG, end_of, in_child
from locache import persist, verbose

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


def test_tasks_of_processes_that_wait_in_a_circle_go_on(tmp_path, log):
    """Each asks from time to time, for a moment: what it waits for is told all the same."""

    def make(name):
        @persist(dir=tmp_path / f"{name}.cache", ignore=("depth", "log", "functions"))
        async def f(x, depth=0):
            if depth > 0:
                return x
            log.add(name)
            while len(log.lines()) < 2:
                await asyncio.sleep(0.002)
            return await functions["b" if name == "a" else "a"](x, 1)

        return f

    functions = {}
    for name in "ab":
        functions[name] = make(name)
    children = [in_child(lambda name=name: asyncio.run(functions[name](1))) for name in "ab"]
    assert [end_of(child) for child in children] == [0, 0]


def test_tasks_that_begin_at_once(slow, runs):
    """Where a loop runs a new task before create_task() returns."""
    if not hasattr(asyncio, "eager_task_factory"):
        pytest.skip("there are none before Python 3.12")

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        tasks = [asyncio.create_task(slow(i % 3)) for i in range(30)]
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(main())
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [i % 3 for i in range(1, 30)]
    assert sorted(runs) == [0, 0, 1, 2]


def test_a_call_is_one_line_of_the_log(slow, caplog):
    with caplog.at_level(logging.INFO, "locache"):
        verbose()
        asyncio.run(gather(slow(1), slow(1), slow(1)))
        verbose(False)
    kinds = sorted(line.split()[0] for line in caplog.messages)
    assert kinds == ["hit", "hit", "miss", "store"]


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


@pytest.mark.parametrize(
    "end", [lambda loop: loop.close(), lambda loop: None], ids=["closed", "paused"]
)
def test_a_task_whose_loop_stands_still_is_not_waited_for(slow, runs, end):
    """It is kept, as tasks are to be, and can never go on."""
    loop = asyncio.new_event_loop()
    begun = []

    async def begin():
        begun.append(asyncio.create_task(slow(1)))
        await asyncio.sleep(0.01)

    async def main():
        return await asyncio.wait_for(slow(1), 20)

    loop.run_until_complete(begin())
    end(loop)
    assert asyncio.run(main()) == 1
    assert len(runs) == 2
    begun[0]._log_destroy_pending = False
    loop.close()


def test_no_loop_is_kept(tmp_path):
    """Nor its descriptors, where nobody closes it."""

    @persist(dir=tmp_path / "box.cache")
    async def f(x):
        await asyncio.sleep(0)
        return x

    async def twice(x):
        return await asyncio.gather(f(x), f(x))

    loops = []
    for x in range(20):
        loop = asyncio.new_event_loop()
        assert loop.run_until_complete(twice(x)) == [x, x]
        loops.append(weakref.ref(loop))
        loop.close()
        del loop
    gc.collect()
    assert [loop() for loop in loops] == [None] * 20
