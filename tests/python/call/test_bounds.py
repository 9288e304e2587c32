"""max_bytes=, ttl= and stale=: how much is kept, for how long, and what is served meanwhile."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from datetime import timedelta

import locache
import pytest
from flights import wait_until
from locache import CacheWarning, configure, persist

pytestmark = pytest.mark.once
BOUNDS = 17  # where max_bytes, ttl and stale are among the settings of a function


def double(x):
    return 2 * x


def sizes(kept):
    return sum(
        entry.stat().st_size
        for entry in kept.dir.glob("*/*")
        if not entry.name.startswith(".") and entry.is_file()
    )


# ------------------------------------------------------------------------------------- the options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_bytes": 1.5}, 'max_bytes must be an int, a text as "500M" or "10G", or None'),
        ({"max_bytes": True}, "not bool"),
        ({"max_bytes": b"10G"}, "not bytes"),
        ({"max_bytes": 0}, "max_bytes=0 would keep nothing; None or -1: no bound"),
        ({"max_bytes": "10 elephants"}, "not '10 elephants'"),
        ({"max_bytes": ""}, 'max_bytes is a size as "500M" or "1.5G" (of 1024), not \'\''),
        ({"max_bytes": "-5M"}, "not '-5M'"),
        ({"max_bytes": "0"}, "max_bytes of 0 would keep nothing"),
        ({"max_bytes": "nan"}, "not 'nan'"),
        ({"max_bytes": "1e3"}, "not '1e3'"),
        ({"ttl": True}, "ttl must be a number of seconds, a timedelta, a text"),
        ({"ttl": b"1h"}, "not bytes"),
        ({"ttl": -1}, "ttl=-1 must be a time of 0 seconds or more"),
        ({"ttl": float("nan")}, "ttl=nan must be a time of 0 seconds or more"),
        ({"ttl": "soon"}, 'a time with its unit, as "90s", "10m", "1h" or "7d", not \'soon\''),
        ({"ttl": "10x"}, "not '10x'"),
        ({"ttl": "1h30m"}, "not '1h30m'"),
        ({"ttl": timedelta(seconds=-1)}, "is negative"),
        ({"ttl": [1]}, "not list"),
        ({"stale": 1}, "stale= is for how long results are served beyond ttl=, which is not given"),
        ({"stale": "1h", "max_age": 1}, "ttl=, which is not given"),
        ({"stale": "x", "ttl": 1}, "stale is a time with its unit, as"),
        ({"stale": double, "ttl": 1}, "stale must be a number of seconds"),
        ({"max_age": "30"}, 'a text has a unit, as "36h" or "30d"'),
        ({"ttl": "30"}, "ttl is a time with its unit"),
        ({"stale": "1.5", "ttl": 1}, "stale is a time with its unit"),
        ({"max_age": timedelta(days=-1)}, "is negative"),
    ],
)
def test_a_bad_bound_says_what_is_wrong(options, message):
    with pytest.raises((TypeError, ValueError)) as raised:
        persist(double, **options)
    assert message in str(raised.value)
    assert str(raised.value).startswith("persist(): ")
    assert str(raised.value).count("persist()") == 1


@pytest.mark.parametrize(
    ("told", "size"),
    [
        (5, 5), ("5", 5), ("5B", 5), ("2K", 2048), ("2kb", 2048), ("2 KiB", 2048),
        ("1.5M", 3 << 19), ("10G", 10 << 30), ("1T", 1 << 40), (None, 0), (-1, 0),
        (10**30, 2**63 - 1),
    ],
)  # fmt: skip
def test_sizes(told, size):
    from locache import _bounds

    assert _bounds.read_max_bytes(told) == size


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        (1, 1), (0.25, 0.25), ("90s", 90), ("10m", 600), ("10min", 600), ("1.5h", 5400),
        ("7d", 604800), ("1w", 604800), ("200ms", 0.2), ("3s", 3), ("0", 0),
        (timedelta(days=1), 86400), (timedelta(milliseconds=1), 0.001), (0, 0), (timedelta(0), 0),
        ("0s", 0),
    ],
)  # fmt: skip
def test_spans(told, seconds):
    from locache import _bounds

    assert _bounds.read_span("ttl", told) == round(seconds * 10**9)


def test_endless_spans_are_no_bound(kept):
    f = kept(double, ttl=float("inf"), max_age=timedelta.max, max_bytes=-1)
    assert f(1) == f(1) == 2
    assert f.cache_info().hits == 1


def test_configure_sets_bounds_for_all(kept):
    before = dict(persist.__kwdefaults__)
    try:
        configure(ttl="1h", max_bytes="1M", stale="1m")
        with pytest.raises(ValueError, match=r"^configure\(\): ttl is a time with its unit"):
            configure(ttl="never")
        f = kept(double)
        assert f._made[4][BOUNDS] == (1 << 20, 3600 * 10**9, 60 * 10**9, None)
    finally:
        persist.__kwdefaults__.update(before)


# ---------------------------------------------------------------------------------------- max_bytes


def test_max_bytes_holds(kept):
    f = kept(lambda x: b"a" * (x * 7919 % 9000), max_bytes="100K")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        for x in range(200):
            f(x)
            assert sizes(kept) <= 100 << 10
    assert sizes(kept) > 80 << 10


def test_what_took_long_stays(kept):
    @kept(max_bytes="50K")
    def f(x):
        if x < 3:
            time.sleep(0.05)
        return b"a" * 5000

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CacheWarning)
        for x in range(60):
            f(x)
    assert all(f.is_cached(x) for x in range(3))
    assert sum(f.is_cached(x) for x in range(60)) < 11


def test_one_larger_than_the_bound_is_said_once(kept):
    f = kept(lambda x: b"a" * x, max_bytes=1000)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert len(f(5000)) == 5000
        assert len(f(6000)) == 6000
    assert [str(one.message).count("more than max_bytes allows") for one in said] == [1]
    assert said[0].filename == __file__
    assert f(10) == f(10)
    assert f.cache_info().currsize == 1


def test_eviction_and_thrashing_are_said(kept, caplog):
    f = kept(lambda x: b"a" * 1000, max_bytes=8000)
    locache.verbose(True)
    try:
        with caplog.at_level(logging.INFO, "locache"), pytest.warns(CacheWarning) as said:
            list(map(f, range(100)))
    finally:
        locache.verbose(False)
    assert "worth least of more than max_bytes" in caplog.text
    [one] = said
    assert "its bounds are too small for what is asked for" in str(one.message)
    assert "raise max_bytes= or max_entries=" in str(one.message)
    assert f.cache_info().errors == 0


def test_a_bound_that_does_not_bite_says_nothing(kept):
    f = kept(lambda x: b"a" * 1000, max_bytes="1M")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for x in range(50):
            f(x)
    assert f.cache_info().currsize == 50


def test_sending_keeps_bounds(kept):
    import pickle

    f = kept(double, max_bytes="1M", ttl="1h", stale=5)
    bounds = f._made[4][BOUNDS]
    assert bounds[:3] == (1 << 20, 3600 * 10**9, 5 * 10**9)
    assert pickle.loads(pickle.dumps(f._made[4]))[BOUNDS] == bounds


# ---------------------------------------------------------------------------------------------- ttl


class World:
    """What the functions below depend on without telling: how often they were called, and more."""

    def clear(self):
        self.count = 0
        self.is_broken = False
        self.goes_on = threading.Event()

    def call(self):
        self.count += 1
        if self.is_broken:
            raise OSError("the server is down")
        return self.count


world = World()


@pytest.fixture(autouse=True)
def new_world():
    world.clear()
    yield
    world.goes_on.set()


def counting(kept, **options):
    return kept(lambda x: world.call(), name="f", version="1", **options)


@pytest.mark.parametrize("memory", [True, False])
def test_ttl_is_since_it_was_computed(kept, memory):
    f = counting(kept, ttl=0.3, memory=memory)
    assert f(1) == 1
    end = time.monotonic() + 0.2
    while time.monotonic() < end:  # uses do not make it longer
        assert f(1) == 1
    time.sleep(0.15)
    assert f(1) == 2
    assert f(1) == 2


def test_the_readers_ttl_counts(kept):
    assert counting(kept)(1) == 1
    time.sleep(0.06)
    assert counting(kept, ttl=100)(1) == 1
    assert counting(kept, ttl=0.05)(1) == 2
    time.sleep(0.06)
    assert counting(kept, ttl="1d")(1) == 2
    assert counting(kept, ttl=timedelta(milliseconds=50))(1) == 3


def test_no_time_keeps_nothing(kept):
    f = counting(kept, ttl=0)
    assert [f(1), f(1)] == [1, 2]


def test_a_ttl_of_each_result(kept):
    told = {1: None, 2: 0.5, 3: "1h", 4: timedelta(0), 5: 0}
    f = kept(lambda x: (x, world.call()), version="1", ttl=lambda result: told[result[0]])
    first = [f(x) for x in range(1, 6)]
    assert [f.is_cached(x) for x in range(1, 6)] == [True, True, True, False, False]
    time.sleep(0.5)
    assert [f(x) == old for x, old in zip(range(1, 4), first[:3], strict=True)] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("bad", ["soon", -1, object(), b"", float("nan")])
def test_a_ttl_that_makes_no_sense_is_said(kept, bad):
    f = kept(double, ttl=lambda result: bad)
    said = "this result could not be stored: .*what ttl= returned[^;]*$"
    with pytest.warns(CacheWarning, match=said):
        assert f(1) == 2
    assert not f.is_cached(1)


def test_a_ttl_that_raises_is_said(kept):
    f = kept(double, ttl=lambda result: 1 / 0)
    with pytest.warns(CacheWarning, match="this result could not be stored: ZeroDivisionError"):
        assert f(1) == 2


def test_max_age_in_other_forms(kept):
    f = kept(double, max_age="1h")
    assert (f(1), f(1)) == (2, 2)
    assert f.cache_info().hits == 1
    assert kept(double, max_age=timedelta(hours=1))(1) == 2
    g = kept(double, name="g", max_age=timedelta(0))
    assert (g(1), g(1)) == (2, 2)
    assert g.cache_info().hits == 0


# -------------------------------------------------------------------------------------------- stale


def test_a_stale_result_is_served_while_it_is_refreshed(kept):
    world.goes_on.set()

    @kept(ttl=0.05, stale=60, version="1")
    def f(x):
        world.goes_on.wait(10)
        return world.call()

    assert f(1) == 1
    time.sleep(0.06)
    told = f.explain(1)
    assert (
        told.hit and told.why == "stale" and told.line.startswith("hit: stale, and computed anew")
    )
    world.goes_on.clear()
    began = time.monotonic()
    assert [f(1) for _ in range(20)] == [1] * 20
    assert time.monotonic() - began < 5
    wait_until(lambda: any(one.name == "locache-refresh" for one in threading.enumerate()))
    assert world.count == 1
    # Who has the turn was given one hit, as all others.
    assert f.cache_info().hits == f.cache_info().total.hits == 20
    world.goes_on.set()
    wait_until(lambda: f(1) >= 2)


def test_one_refreshes_of_all_threads(kept):
    world.goes_on.set()

    @kept(ttl=0.1, stale=60, version="1")
    def f(x):
        world.goes_on.wait(10)
        return world.call()

    assert f(1) == 1
    time.sleep(0.11)
    world.goes_on.clear()
    got = []
    threads = [threading.Thread(target=lambda: got.append(f(1))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [1] * 16
    world.goes_on.set()
    wait_until(lambda: world.count >= 2)
    assert world.count == 2


def test_after_the_stale_time_it_is_computed_at_once(kept):
    f = counting(kept, ttl=0.02, stale=0.02)
    assert f(1) == 1
    time.sleep(0.06)
    assert f(1) == 2


def test_what_raises_leaves_the_old_one(kept):
    f = counting(kept, ttl=0.05, stale=60)
    assert f(1) == 1
    time.sleep(0.06)
    world.is_broken = True
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert f(1) == 1
        wait_until(lambda: len(said) == 1)
        for _ in range(50):
            assert f(1) == 1
    assert "could not be computed anew: OSError: the server is down" in str(said[0].message)
    assert len(said) == 1
    assert world.count == 2  # it is not asked again and again


def test_stale_without_a_refresh_where_it_is_read_only(kept, monkeypatch):
    f = counting(kept, ttl=0.02, stale=60)
    assert f(1) == 1
    time.sleep(0.03)
    monkeypatch.setenv("LOCACHE", "readonly")
    g = counting(kept, ttl=0.02, stale=60)
    assert g(1) == 1
    time.sleep(0.05)
    assert world.count == 1


def test_a_task_refreshes_a_coroutine(kept):

    @kept(ttl=0.05, stale=60, version="1")
    async def f(x):
        await asyncio.sleep(0.02)
        return world.call()

    async def program():
        assert await f(1) == 1
        await asyncio.sleep(0.06)
        assert await asyncio.gather(*(f(1) for _ in range(10))) == [1] * 10
        for _ in range(200):
            if world.count == 2:
                break
            await asyncio.sleep(0.01)
        assert world.count == 2
        await asyncio.sleep(0.01)
        assert await f(1) >= 2

    asyncio.run(program())


def test_a_coroutine_that_raises_leaves_the_old_one(kept):
    @kept(ttl=0.02, stale=60, version="1")
    async def f(x):
        return world.call()

    async def program():
        assert await f(1) == 1
        await asyncio.sleep(0.03)
        world.is_broken = True
        for _ in range(10):
            assert await f(1) == 1
            await asyncio.sleep(0)

    with pytest.warns(CacheWarning, match="could not be computed anew: OSError") as said:
        asyncio.run(program())
    assert len(said) == 1


CIRCLE = """
import os, sys, threading, time
from pathlib import Path
from locache import persist

kind, place = sys.argv[1], Path(sys.argv[2])

def is_first(name):
    try:
        (place / name).touch(exist_ok=False)
        return True
    except FileExistsError:
        return False

def wait_for(name):
    while not (place / name).exists():
        time.sleep(0.002)

@persist(ttl=0.01, stale=60, version="1", dir=place / "x.cache")
def a():
    if threading.current_thread().name != "locache-refresh" or not is_first("refreshing"):
        return 0
    if kind == "itself":
        a.forget()  # as good as past its stale time
        return a() + 1
    wait_for("within b")
    return b() + 1

@persist(version="1", dir=place / "x.cache")
def b():
    is_first("within b")
    time.sleep(0.2)  # until the refresh waits for it
    a.forget()
    return a() + 1

def other():
    wait_for("refreshing")
    b()

a()
time.sleep(0.05)
child = os.fork() if kind == "processes" else None
if child == 0:
    other()
    os._exit(0)
threads = [threading.Thread(target=other)] if kind == "threads" else []
for thread in threads:
    thread.start()
a()
for thread in threading.enumerate():
    if thread is not threading.main_thread():
        thread.join()
print("status", os.waitpid(child, 0)[1] if child else 0, "result", a())
"""


@pytest.mark.parametrize(("kind", "result"), [("itself", 1), ("threads", 2), ("processes", 2)])
def test_a_refresh_that_would_wait_for_itself_goes_on(tmp_path, kind, result):
    """What is computed behind is in circles as what is computed in a call."""
    done = subprocess.run(
        [sys.executable, "-c", CIRCLE, kind, tmp_path],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == (f"status 0 result {result}\n", "")


WITHIN = """
import asyncio, sys, threading, time
from locache import persist

runs = []

@persist(ttl=0.01, stale=60, version="1", dir=sys.argv[1])
def f():
    return g() if runs else 0

@persist(version="1", dir=sys.argv[1])
def g():
    runs.append("g")
    assert f() == 0
    time.sleep(0.2)
    return 5

@persist(ttl=0.01, stale=60, version="1", dir=sys.argv[1])
async def f_later():
    return await g_later() if runs else 0

@persist(version="1", dir=sys.argv[1])
async def g_later():
    runs.append("g_later")
    assert await f_later() == 0
    await asyncio.sleep(0.2)
    return 5

async def later():
    assert await f_later() == 0
    await asyncio.sleep(0.05)
    assert await g_later() == 5
    while await f_later() != 5:
        await asyncio.sleep(0.01)

asyncio.run(later())
f.put(0)
time.sleep(0.05)
assert g() == 5
while f() != 5:
    time.sleep(0.01)
print(runs)
"""


def test_a_refresh_waits_for_what_began_it(tmp_path):
    """Which does not wait for the refresh: that is no circle, and nothing is computed twice."""
    done = subprocess.run(
        [sys.executable, "-c", WITHIN, tmp_path / "x.cache"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert (done.stdout, done.stderr) == ("['g_later', 'g']\n", "")


PROGRAM = """
import sys, time
from locache import persist

@persist(ttl=0.01, stale=60, version="1", dir={dir!r})
def f(x):
    time.sleep({seconds})
    return time.time_ns()

before = f(1)
time.sleep(0.05)
assert f(1) == before
"""


@pytest.mark.parametrize(("seconds", "most"), [(0.1, 3), (30, 3)])
def test_the_end_of_a_program(tmp_path, seconds, most):
    """A refresh is finished where that is soon, and given up else."""
    place = str(tmp_path / "x.cache")
    quick = PROGRAM.format(dir=place, seconds=0)
    assert subprocess.run([sys.executable, "-c", quick]).returncode == 0
    text = textwrap.dedent(PROGRAM.format(dir=place, seconds=seconds))
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - began < most + 5
    entry = next(path for path in tmp_path.glob("x.cache/*/*") if path.name == "x=1")
    age = time.time() - entry.stat().st_mtime
    assert (age < 5) or seconds == 30


def test_a_refresh_that_is_being_started_when_the_program_ends(tmp_path):
    text = f"""
        import _thread, threading, time
        from locache import persist

        @persist(ttl=0.01, stale=1000, dir={str(tmp_path / "x.cache")!r})
        def f(x):
            return x

        def slowly(*args):
            begun.set()
            time.sleep(0.5)
            return start(*args)

        f(1)
        time.sleep(0.05)
        begun = threading.Event()
        start = threading._start_new_thread
        threading._start_new_thread = slowly
        start(f, (1,))
        begun.wait(20)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(text)], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
