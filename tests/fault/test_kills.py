"""Row "random kill -9": writers that compute and wait for each other are killed at random. No
result is wrong, nobody waits for the dead, and what is left needs no repair."""

from __future__ import annotations

import os
import random
import signal
import time

from locache import persist

LONG = "LOCACHE_TEST_LONG" in os.environ
KILLS = 2000 if LONG else 60
WRITERS = 8
KEYS = 50


def expected(x):
    return [x, "x" * (x * 97 % 5000)]


def decorated(cache):
    @persist(dir=cache)
    def f(x):
        time.sleep(0.001)
        return [x, "x" * (x * 97 % 5000)]

    return f


def write_for_ever(cache, seed):
    f = decorated(cache)
    choose = random.Random(seed)
    while True:
        x = choose.randrange(KEYS)
        if f(x) != expected(x):
            os._exit(9)
        if choose.random() < 0.3:
            f.forget(x)


def start(cache, seed):
    child = os.fork()
    if child == 0:
        try:
            write_for_ever(cache, seed)
        finally:
            os._exit(8)
    return child


def test_random_kills_of_writers(tmp_path, injected):
    seed = random.randrange(2**32)
    print("seed", seed)
    choose = random.Random(seed)
    cache = tmp_path / "box.cache"
    children = [start(cache, choose.random()) for _ in range(WRITERS)]
    bad = []
    for _ in range(KILLS):
        time.sleep(choose.random() * 0.02)
        at = choose.randrange(WRITERS)
        os.kill(children[at], signal.SIGKILL)
        bad.append(os.waitpid(children[at], 0)[1] != signal.SIGKILL)
        children[at] = start(cache, choose.random())
    for child in children:
        os.kill(child, signal.SIGKILL)
        bad.append(os.waitpid(child, 0)[1] != signal.SIGKILL)
    assert not any(bad), f"{sum(bad)} writers read something wrong, or failed"
    # A clean process has all, and waits for nobody.
    f = decorated(cache)
    begin = time.monotonic()
    assert [f(x) for x in range(KEYS)] == [expected(x) for x in range(KEYS)]
    assert time.monotonic() - begin < 10
    f.forget(0)
    assert f(0) == expected(0)  # a store sweeps what the dead were writing
    assert not list((cache / "decorated.<locals>.f").glob(".locache/tmp-*"))
    injected(KILLS)
    print(f"{KILLS} kills, {WRITERS} writers at a time, 0 bad reads, nobody stuck")
