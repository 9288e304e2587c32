"""Flights, and what else there is of a call: code that changes, arguments that change, results that
are not stored or not read, the switch, refresh(). Each run of a function adds a line to a log."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import sys
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor

import pytest
from flights import end_of, in_child, in_threads
from locache import CacheWarning, persist

pytestmark = pytest.mark.usefixtures("no_test_hangs")


@pytest.fixture
def ours(tmp_path):
    """persist() into a directory of the test's own; `state`: names that are captured, and no
    input."""

    def make(*state, **options):
        return persist(dir=tmp_path / "box.cache", ignore=("log", *state), **options)

    return make


# -------------------------------------------------------------------------------- code that changes

LIVE = """
    import asyncio, os, sys, threading, time
    from locache import persist

    SCALE = 1

    def note():
        with open("log", "a") as out:
            out.write("run\\n")

    def runs():
        return len(open("log").readlines()) if os.path.exists("log") else 0

    def until(count):
        while runs() < count:
            time.sleep(0.002)
"""

WAIT_FOR_A_PROCESS = """
    {define}

    child = os.fork()
    if child == 0:
        print("child", {call}, flush=True)
        os._exit(0)
    until(1)
    waiter = threading.Thread(target=lambda: print("waiter", {call}, flush=True))
    start = time.monotonic()
    waiter.start()
    time.sleep(0.1)
    SCALE = 2
    waiter.join()
    os.waitpid(child, 0)
    print("now", {call})
    SCALE = 1
    print("before", {call}, runs())
"""


@pytest.mark.parametrize(
    ("define", "call"),
    [
        ("@persist\n    def f(x):\n        scale = SCALE\n        note()\n"
         "        time.sleep(1)\n        return x * scale", "f(5)"),
        ("@persist\n    async def f(x):\n        scale = SCALE\n        note()\n"
         "        await asyncio.sleep(1)\n        return x * scale", "asyncio.run(f(5))"),
    ],
    ids=["def", "async def"],
)  # fmt: skip
def test_who_waits_for_a_process_asks_under_its_own_version(script, define, call):
    done = script(LIVE + WAIT_FOR_A_PROCESS.format(define=define, call=call))
    # The child's result is of the first version, the waiter's of the second: two computations.
    assert sorted(done.out.split("\n")) == ["", "before 5 2", "child 5", "now 10", "waiter 10"]


def test_who_waits_for_a_thread_asks_under_its_own_version(script):
    done = script(
        LIVE
        + """
    @persist
    def f(x):
        scale = SCALE
        note()
        time.sleep(0.5)
        return x * scale

    results = []
    threads = [threading.Thread(target=lambda: results.append(f(5))) for _ in range(4)]
    for thread in threads:
        thread.start()
        until(1)
    time.sleep(0.1)
    SCALE = 2
    for thread in threads:
        thread.join()
    # The first began before. Of the others one computed, under the version that runs.
    print(sorted(results), runs(), f(5), runs())
    """
    )
    assert done.out == "[5, 10, 10, 10] 2 10 2\n"


# --------------------------------------------------------------------------- arguments that change


def test_who_waits_with_an_argument_that_changes_is_another_call(log, ours):
    go = threading.Event()

    @ours("go")
    def f(box):
        log.add(box[0])
        if len(log.lines()) == 1:
            go.wait(20)
            raise ValueError("first")  # the next who waits computes
        return box[0]

    def fail():
        with pytest.raises(ValueError, match="first"):
            f([1])

    first = threading.Thread(target=fail)
    first.start()
    log.wait_for(1)
    box = [1]
    second = ThreadPoolExecutor(1).submit(f, box)
    time.sleep(0.1)
    box[0] = 2
    go.set()
    assert second.result() == 2
    first.join()
    assert f([2]) == 2 and log.lines() == ["1", "2"]
    assert f([1]) == 1 and log.lines() == ["1", "2", "1"]


def test_a_task_that_waits_with_an_argument_that_changes_is_another_call(log, ours):
    @ours()
    async def f(box):
        log.add(box[0])
        if len(log.lines()) == 1:
            await asyncio.sleep(0.1)
            raise ValueError("first")
        return box[0]

    async def main():
        box = [1]
        tasks = [asyncio.create_task(f([1])), asyncio.create_task(f(box))]
        await asyncio.sleep(0.05)
        box[0] = 2
        with pytest.raises(ValueError, match="first"):
            await tasks[0]
        return await tasks[1], await f([2]), await f([1])

    assert asyncio.run(main()) == (2, 2, 1)
    assert log.lines() == ["1", "2", "1"]


def test_calls_that_change_their_arguments_run_at_the_same_time(log, ours):
    meeting = threading.Barrier(4, timeout=20)
    begun = threading.Event()

    @ours("meeting", "begun")
    def f(box):
        log.add()
        if not begun.is_set():
            begun.set()
            time.sleep(0.3)  # the others wait for this one
        else:
            meeting.wait()  # and now none for another
        box[0] += 1
        return box[0]

    def call(i):
        if i > 0:
            begun.wait()
        return f([1])

    with pytest.warns(CacheWarning, match="changes its argument"):
        assert in_threads(5, call) == [2] * 5
    assert len(log.lines()) == 5


# ------------------------------------------------------------ results that are not stored, not read


def test_processes_do_not_stand_in_line_for_what_is_not_kept(log, ours):
    @ours("first", keep=lambda result: False)
    def f(x):
        log.add()
        end = time.monotonic() + 20
        while len(log.lines()) == 1 and os.getpid() == first:
            time.sleep(0.2)  # the others wait
            return
        while len(log.lines()) < 4 and time.monotonic() < end:
            time.sleep(0.002)  # and now none for another
        assert len(log.lines()) >= 4

    first = -1
    children = []

    def begin():
        nonlocal first
        first = os.getpid()
        f(1)

    children.append(in_child(begin))
    log.wait_for(1)
    children += [in_child(lambda: f(1)) for _ in range(3)]
    assert {end_of(child) for child in children} == {0}


@pytest.fixture
def vanishing(monkeypatch):
    """A class that an entry was made of, and that is not there when it is read."""
    module = types.ModuleType("vanishing")
    exec("class Thing:\n    def __init__(self, x):\n        self.x = x\n", module.__dict__)
    monkeypatch.setitem(sys.modules, "vanishing", module)
    return module


def test_what_cannot_be_read_is_computed_once(log, ours, vanishing):
    @ours("vanishing")
    def f(x):
        log.add()
        time.sleep(0.05)
        return vanishing.Thing(x) if len(log.lines()) == 1 else [x]

    assert f(1).x == 1
    del vanishing.Thing
    with pytest.warns(CacheWarning):
        results = in_threads(8, lambda _: f(1))
    assert results == [[1]] * 8
    assert len(log.lines()) == 2
    info = f.cache_info()
    assert info.hits + info.misses == 9


def test_what_cannot_be_read_is_computed_once_by_tasks(log, ours, vanishing):
    @ours("vanishing")
    async def f(x):
        log.add()
        await asyncio.sleep(0.05)
        return vanishing.Thing(x) if len(log.lines()) == 1 else [x]

    async def main(count):
        return await asyncio.gather(*(f(1) for _ in range(count)))

    assert asyncio.run(main(1))[0].x == 1
    del vanishing.Thing
    with pytest.warns(CacheWarning):
        assert asyncio.run(main(8)) == [[1]] * 8
    assert len(log.lines()) == 2


def test_each_call_is_a_hit_or_a_miss(log, ours):
    @ours()
    def f(x):
        log.add()
        time.sleep(0.2)  # others ask several times
        return x

    in_threads(8, lambda _: f(1))
    info = f.cache_info()
    assert (info.hits, info.misses) == (7, 1)


# --------------------------------------------------------------------------------------- the switch


@pytest.mark.parametrize("kind", ["threads", "tasks"])
def test_under_refresh_each_call_is_computed_once_in_a_process(log, ours, monkeypatch, kind):
    if kind == "threads":

        @ours()
        def f(x):
            log.add()
            time.sleep(0.02)
            return x, len(log.lines())

        def call():
            return in_threads(8, lambda i: f(i % 2))

    else:

        @ours()
        async def f(x):
            log.add()
            await asyncio.sleep(0.02)
            return x, len(log.lines())

        def call():
            async def main():
                return await asyncio.gather(*(f(i % 2) for i in range(8)))

            return asyncio.run(main())

    before = call()
    assert len(log.lines()) == 2
    monkeypatch.setenv("LOCACHE", "refresh")
    after = call()
    assert len(log.lines()) == 4
    # Nobody was given what there was before, and all were given the same.
    assert set(after).isdisjoint(before) and len(set(after)) == 2
    assert sorted(call()) == sorted(after)
    monkeypatch.delenv("LOCACHE")
    assert sorted(call()) == sorted(after)
    assert len(log.lines()) == 4


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_under_refresh_a_call_that_fails_is_not_refreshed(log, ours, monkeypatch, kind):
    if kind == "def":

        @ours()
        def call(x):
            log.add()
            if len(log.lines()) == 2:
                raise ValueError("second")
            return len(log.lines())

    else:

        @ours()
        async def f(x):
            log.add()
            if len(log.lines()) == 2:
                raise ValueError("second")
            return len(log.lines())

        def call(x):
            return asyncio.run(f(x))

    assert call(1) == 1
    monkeypatch.setenv("LOCACHE", "refresh")
    with pytest.raises(ValueError, match="second"):
        call(1)
    assert [call(1), call(1)] == [3, 3]


def test_under_refresh_another_process_is_not_waited_for(log, ours, monkeypatch):
    @ours()
    def f(x):
        log.add()
        if len(log.lines()) == 1:
            time.sleep(30)
        return x

    child = in_child(lambda: f(1))
    log.wait_for(1)
    monkeypatch.setenv("LOCACHE", "refresh")
    start = time.monotonic()
    assert f(1) == 1
    assert time.monotonic() - start < 20
    os.kill(child, signal.SIGKILL)
    end_of(child)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_who_misses_waits_for_refresh(log, ours, kind):
    """And refresh() itself waits for nobody."""
    if kind == "def":

        @ours()
        def f(x):
            log.add()
            time.sleep(0.2)
            return len(log.lines())

        refresh, call = f.refresh, f
    else:

        @ours()
        async def f(x):
            log.add()
            await asyncio.sleep(0.2)
            return len(log.lines())

        def refresh(x):
            return asyncio.run(f.refresh(x))

        def call(x):
            return asyncio.run(f(x))

    first = threading.Thread(target=refresh, args=(1,))
    first.start()
    log.wait_for(1)
    others = [threading.Thread(target=call, args=(1,)) for _ in range(3)]
    for thread in others:
        thread.start()
    for thread in [first, *others]:
        thread.join()
    assert log.lines() == ["run"]
    first = threading.Thread(target=refresh, args=(1,))
    first.start()
    log.wait_for(2)
    start = time.monotonic()
    refresh(1)
    assert 0.2 <= time.monotonic() - start < 5
    first.join()
    assert len(log.lines()) == 3


def test_put_and_get_wait_for_nobody(log, ours):
    go = threading.Event()

    @ours("go")
    def f(x):
        log.add()
        go.wait(20)
        return x

    first = threading.Thread(target=f, args=(1,))
    first.start()
    log.wait_for(1)
    assert f.get(1, default="none") == "none" and not f.is_cached(1)
    f.put("put", 1)
    assert f.get(1) == f(1) == "put"
    assert f.forget(1)
    go.set()
    first.join()
    assert f(1) == 1 and log.lines() == ["run"]


# ---------------------------------------------------------------------------------------- captures


def test_a_captured_list_that_threads_append_to_never_gives_a_foreign_result(log, tmp_path):
    seen = []

    @persist(dir=tmp_path / "box.cache", ignore="log")
    def f(x):
        log.add()
        seen.append(x)
        return x

    assert in_threads(8, lambda i: f(i % 4)) == [i % 4 for i in range(8)]
    runs = len(log.lines())
    assert [f(x) for x in range(4)] == [0, 1, 2, 3]
    # What another thread changed is input: what is computed again is that alone.
    assert runs <= 8 and len(log.lines()) <= runs + 4


def test_a_captured_value_is_of_its_own_call(log, tmp_path):
    def make(scale):
        @persist(dir=tmp_path / "box.cache", ignore="log")
        def f(x):
            log.add()
            time.sleep(0.05)
            return x * scale

        return f

    functions = [make(scale) for scale in (2, 3)]
    assert in_threads(8, lambda i: functions[i % 2](1)) == [2, 3] * 4
    assert len(log.lines()) == 2


def test_a_key_that_only_pickle_keeps_is_one_flight(log, ours):
    @ours()
    def f(x):
        log.add()
        time.sleep(0.05)
        return pickle.dumps(x)

    assert len(set(in_threads(8, lambda _: f({"a": [1, (2, 3)]})))) == 1
    assert len(log.lines()) == 1
