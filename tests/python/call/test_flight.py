"""One computation for each missing result, whoever asks: threads, processes, forks, recursion. Each
run of a function adds a line to a log, so that computations of all processes are counted."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import pytest
from flights import LONG, end_of, in_child, in_threads
from locache import persist, verbose

pytestmark = pytest.mark.usefixtures("no_test_hangs")

KEYS = 1000 if LONG else 20
ROUNDS = 20 if LONG else 1


@pytest.fixture
def cache(tmp_path):
    return str(tmp_path / "box.cache")


def twice(x):
    time.sleep(0.002)  # long enough for another to ask for the same meanwhile
    return 2 * x


def counted(log, cache, body=twice, **options):
    @persist(dir=cache, ignore=("log", "body"), **options)
    def f(x):
        log.add(x)
        return body(x)

    return f


@pytest.mark.parametrize("round", range(ROUNDS))
def test_threads_compute_each_key_once(log, cache, round):
    f = counted(log, cache)
    in_threads(64, lambda _: [f(x) for x in range(KEYS)])
    assert sorted(map(int, log.lines())) == list(range(KEYS))


@pytest.mark.parametrize("round", range(ROUNDS))
def test_processes_of_threads_compute_each_key_once(log, cache, round):
    f = counted(log, cache)
    children = [
        in_child(lambda: in_threads(8, lambda _: [f(x) for x in range(KEYS)])) for _ in range(8)
    ]
    assert [end_of(child) for child in children] == [0] * 8
    assert sorted(map(int, log.lines())) == list(range(KEYS))


@pytest.mark.parametrize("round", range(ROUNDS))
def test_forked_processes_compute_each_key_once(log, cache, round):
    f = counted(log, cache)
    children = [in_child(lambda: [f(x) for x in range(KEYS)]) for _ in range(64 if LONG else 16)]
    assert {end_of(child) for child in children} == {0}
    assert sorted(map(int, log.lines())) == list(range(KEYS))


def test_spawned_processes_compute_once(log, tmp_path):
    program = f"""
        import os, time
        from locache import persist

        @persist
        def f(x):
            with open({log.path!r}, "a") as out:
                out.write("one\\n")
            time.sleep(0.1)
            return x

        assert f(1) == 1
    """
    (tmp_path / "foo.py").write_text(textwrap.dedent(program))
    runs = [subprocess.Popen([sys.executable, "foo.py"], cwd=tmp_path) for _ in range(6)]
    assert [run.wait() for run in runs] == [0] * 6
    assert log.lines() == ["one"]


def test_two_decorations_of_one_function_are_one(log, cache):
    slow = lambda x: time.sleep(0.05)  # noqa: E731
    functions = [counted(log, cache, slow) for _ in range(4)]
    in_threads(4, lambda i: functions[i](1))
    assert log.lines() == ["1"]


def square(x):
    return x * x


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pools_of_processes_within_a_computation(log, cache, method):
    context = multiprocessing.get_context(method)

    def body(x):
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            return list(pool.map(square, range(x)))

    f = counted(log, cache, body)
    assert f(3) == f(3) == [0, 1, 4]
    assert log.lines() == ["3"]


# ------------------------------------------------------------------------------- exceptions, waits


def test_an_exception_is_its_callers_and_the_next_computes(log, cache):
    def body(x):
        time.sleep(0.02)
        raise ValueError(len(log.lines()))

    f = counted(log, cache, body)
    seen = []

    def call(_):
        with pytest.raises(ValueError, match=r"\d") as caught:
            f(1)
        seen.append(caught.value.args[0])

    in_threads(4, call)
    assert sorted(seen) == [1, 2, 3, 4]


def test_what_cannot_be_stored_does_not_stand_in_line(log, cache):
    meeting = threading.Barrier(5, timeout=20)
    begun = threading.Event()

    def body(x):
        if not begun.is_set():
            begun.set()
            time.sleep(0.3)  # the others wait for this one
        else:
            meeting.wait()  # and now none for another

    f = counted(log, cache, body, keep=lambda result: False)

    def call(i):
        if i > 0:
            begun.wait()
        f(1)

    in_threads(6, call)
    assert len(log.lines()) == 6


def test_a_wait_that_is_bounded_ends_with_a_computation(log, cache):
    go = threading.Event()
    f = counted(log, cache, lambda x: go.wait(20), wait=0.05)
    first = threading.Thread(target=f, args=(1,))
    first.start()
    log.wait_for(1)
    second = threading.Thread(target=f, args=(1,))
    start = time.monotonic()
    second.start()
    log.wait_for(2)
    assert 0.05 <= time.monotonic() - start < 10
    go.set()
    first.join()
    second.join()


@pytest.mark.parametrize("wait", [-1, float("nan"), "1", True])
def test_waits_that_make_no_sense(wait):
    with pytest.raises((TypeError, ValueError), match="wait"):
        persist(wait=wait)


@pytest.mark.parametrize("holder", ["thread", "process"])
def test_control_c_ends_a_wait(log, cache, holder):
    # Where the tests run in the background, SIGINT is ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    f = counted(log, cache, lambda x: time.sleep(30))
    if holder == "thread":
        thread = threading.Thread(target=f, args=(1,), daemon=True)
        thread.start()
    else:
        child = in_child(lambda: f(1))
    log.wait_for(1)
    interrupt = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        f(1)
    assert time.monotonic() - start < 15
    interrupt.join()
    signal.signal(signal.SIGINT, before)
    if holder == "process":
        os.kill(child, signal.SIGKILL)
        end_of(child)
    assert log.lines() == ["1"]


def test_a_dead_process_place_is_taken(log, cache):
    f = counted(log, cache, lambda x: time.sleep(60) if len(log.lines()) == 1 else x)
    child = in_child(lambda: f(1))
    log.wait_for(1)
    killed = []

    def kill():
        killed.append(time.monotonic())
        os.kill(child, signal.SIGKILL)

    timer = threading.Timer(0.1, kill)
    timer.start()
    assert f(1) == 1
    assert time.monotonic() - killed[0] < 10
    end_of(child)


def test_a_call_that_waits_is_one_line_of_the_log(log, cache, caplog):
    f = counted(log, cache, lambda x: time.sleep(0.2))
    with caplog.at_level(logging.INFO, "locache"):
        verbose()
        in_threads(3, lambda _: f(1))
        verbose(False)
    kinds = sorted(line.split()[0] for line in caplog.messages)
    assert kinds == ["hit", "hit", "miss", "store"]


def test_verbose_says_whom_one_waits_for(log, cache, caplog):
    f = counted(log, cache, lambda x: time.sleep(3.4))
    child = in_child(lambda: f(1))
    log.wait_for(1)
    with caplog.at_level(logging.INFO, "locache"):
        verbose()
        f(1)
        verbose(False)
    end_of(child)
    waits = [line for line in caplog.messages if line.startswith("wait ")]
    assert len(waits) == 1 and f"for process {child}, since 20" in waits[0]


# --------------------------------------------------------------------------- recursion and circles


def test_recursion_direct_and_mutual(log, cache):
    @persist(dir=cache, ignore="log")
    def fib(n):
        log.add(n)
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    @persist(dir=cache)
    def even(n):
        return n == 0 or odd(n - 1)

    @persist(dir=cache)
    def odd(n):
        return n != 0 and even(n - 1)

    assert fib(100) == 354224848179261915075
    assert len(log.lines()) == 101
    assert even(50) and not odd(50)


def test_what_asks_for_itself_is_computed(cache):
    @persist(dir=cache, ignore="depth")
    def f(x, depth=0):
        return [depth] if depth == 3 else [depth, *f(x, depth + 1)]

    assert f(1) == [0, 1, 2, 3]


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_those_who_wait_in_a_circle_go_on(log, cache, count, kind):
    functions = []

    def make(i):
        def f(x, depth=0):
            log.add(f"{i}-{depth}")
            if depth == 0:
                while len([line for line in log.lines() if line.endswith("-0")]) < count:
                    time.sleep(0.002)
                return functions[(i + 1) % count](x, 1)
            return i

        return f

    for i in range(count):
        ignored = {"depth", "log", "functions"}
        functions.append(persist(make(i), dir=f"{cache}{i}", ignore=ignored))
    if kind == "threads":
        in_threads(count, lambda i: functions[i](1))
    else:
        children = [in_child(lambda i=i: functions[i](1)) for i in range(count)]
        assert [end_of(child) for child in children] == [0] * count


# -------------------------------------------------------------------------------------------- fork


def test_fork_from_another_thread_during_computations_and_waits(log, cache):
    f = counted(log, cache, lambda x: time.sleep(0.01))
    stop = threading.Event()

    def work(offset):
        x = offset
        while not stop.is_set():
            f(x // 2)  # each key by two threads
            x += 2

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    children = []
    for i in range(100 if LONG else 10):
        children.append(in_child(lambda i=i: [f(f"child {i} {k}") for k in range(3)]))
        time.sleep(0.005)
    assert {end_of(child) for child in children} == {0}
    stop.set()
    for thread in threads:
        thread.join()


def test_a_child_forked_within_a_computation_may_return_from_it(log, cache):
    pids = []

    def body(x):
        child = os.fork()
        if child:
            pids.append(child)
            assert end_of(child) == 0
        return x

    f = counted(log, cache, body)
    parent = os.getpid()
    try:
        assert f(1) == 1
    finally:
        if os.getpid() != parent:
            os._exit(0)
    assert f(1) == 1 and log.lines() == ["1"]


def test_readonly_and_switched_off_wait_for_nobody(log, cache, monkeypatch):
    begun = threading.Event()
    go = threading.Event()
    f = counted(log, cache, lambda x: begun.set() or go.wait(20))
    first = threading.Thread(target=f, args=(1,))
    first.start()
    begun.wait()
    threading.Timer(0.5, go.set).start()
    for mode in ("readonly", "off"):
        monkeypatch.setenv("LOCACHE", mode)
        second = threading.Thread(target=f, args=(1,))
        second.start()
        log.wait_for(2 if mode == "readonly" else 3)
        second.join()
    first.join()
    assert len(log.lines()) == 3


def test_the_interpreter_ends_while_others_compute_and_wait(script):
    done = script("""
        import threading, time
        from locache import persist

        begun = threading.Event()

        @persist
        def f(x):
            begun.set()
            time.sleep(60)

        for _ in range(3):
            threading.Thread(target=f, args=(1,), daemon=True).start()
        begun.wait()
        time.sleep(0.05)
        print("end")
    """)
    assert done.out == "end\n"
