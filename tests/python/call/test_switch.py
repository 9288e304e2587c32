"""Whether a cache is used: LOCACHE, disabled(), enabled=, configure(); and where, when LOCACHE_DIR
changes; Memory."""

from __future__ import annotations

import asyncio
import os
import pickle
import threading

import locache
import pytest
from locache import CacheWarning, Memory, configure, disabled, persist

pytestmark = pytest.mark.usefixtures("plain_switch")


@pytest.fixture
def plain_switch(monkeypatch):
    """No test leaves a default of the program behind."""
    from locache import _switch

    monkeypatch.delenv("LOCACHE", raising=False)
    before = dict(persist.__kwdefaults__)
    yield
    persist.__kwdefaults__.update(before)
    configure(enabled=True)
    _switch.configured["dir"] = ""
    for name in ("LOCACHE", "LOCACHE_DIR"):
        os.environ.pop(name, None)
        os.unsetenv(name)


@pytest.fixture
def counted(kept):
    """A function that notes its calls."""
    calls = []

    def make(**options):
        @kept(ignore="calls", **options)
        def f(x):
            calls.append(x)
            return x + len(calls)

        return f

    make.calls = calls
    return make


@pytest.mark.parametrize("value", ["off", "OFF", "readonly, off", "off:*", f"off:{__name__}*"])
def test_locache_off_is_as_if_it_were_not_decorated(counted, kept, monkeypatch, value):
    f = counted()
    monkeypatch.setenv("LOCACHE", value if "," not in value else "readonly:nobody,off")
    assert [f(1), f(1)] == [2, 3]
    assert not kept.dir.exists()
    assert f.cache_info().bypassed == 2
    monkeypatch.setenv("LOCACHE", "")
    assert [f(1), f(1)] == [4, 4]
    monkeypatch.setenv("LOCACHE", "off")
    assert f(1) == 5
    monkeypatch.delenv("LOCACHE")
    assert f(1) == 4


def test_rules_name_modules_and_functions(counted, monkeypatch):
    f = counted()
    module, name = f.__module__, f.__qualname__.replace("<locals>.", "")
    assert f(1) == f(1)
    for rule, is_off in (
        ("off:other.*", False),
        (f"off:{module}", True),
        (f"off:{module}.*", True),
        (f"off:{module}.{name}", True),
        (f"on:{module},off", False),
        (f"off,on:{module}", True),
    ):
        monkeypatch.setenv("LOCACHE", rule)
        before = len(counted.calls)
        f(1)
        assert (len(counted.calls) > before) == is_off, rule


def test_rules_name_a_script_as_its_paths_do(script, monkeypatch):
    text = """
        from locache import persist
        @persist
        def f(x):
            print("computed")
        f(1), f(1)
    """
    for rule, runs in (("off:foo.f", 2), ("off:__main__.f", 2), ("off:fo.*", 1)):
        monkeypatch.setenv("LOCACHE", rule)
        assert script(text).out == "computed\n" * runs, rule


def test_readonly_gives_what_is_there_and_stores_nothing(counted, kept, monkeypatch):
    f = counted()
    assert f(1) == 2
    monkeypatch.setenv("LOCACHE", "readonly")
    assert [f(1), f(2), f(2)] == [2, 4, 5]
    assert sorted(p.name for p in f.cache_path(1).parent.glob("*=*")) == ["x=1"]
    monkeypatch.delenv("LOCACHE")
    assert [f(2), f(2)] == [6, 6]


def snapshot(place):
    for path in place.rglob("*"):
        if path.is_file():
            path.read_bytes()  # after that the system notes no reading of its own (relatime)
    return {
        str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns, path.lstat().st_atime_ns)
        for path in [place, *place.rglob("*")]
    }


def test_readonly_changes_nothing_on_disk(tmp_path, monkeypatch):
    def versions(**options):
        def old(x):
            return x

        def new(x):
            return x + 100

        new.__qualname__ = old.__qualname__
        return [persist(f, dir=tmp_path / "c", **options) for f in (old, new)]

    for options in ({}, {"max_entries": 5}, {"max_age": 1e-6}, {"auto_invalidate": False}):
        monkeypatch.setenv("LOCACHE", "on")
        old, _ = versions(**options)
        old.cache_clear()
        assert old(1) == 1
        before = snapshot(tmp_path)
        monkeypatch.setenv("LOCACHE", "readonly")
        for f, expected in zip(versions(**options), (1, 101), strict=True):
            assert f(1) == f(1) == (1 if "auto_invalidate" in options else expected)
            assert f(2) == expected + 1
            f.is_cached(1), f.cache_path(1), f.put(3, 3), f.entries(), f.cache_info()
        assert snapshot(tmp_path) == before, options
        nowhere = persist(lambda x: x, dir=tmp_path / "none" / "c")
        assert nowhere(1) == 1
        assert snapshot(tmp_path) == before


def test_refresh_computes_each_call_once(counted, monkeypatch):
    f = counted()
    assert f(1) == 2
    monkeypatch.setenv("LOCACHE", "refresh")
    assert [f(1), f(1), f(1)] == [3, 3, 3]
    monkeypatch.delenv("LOCACHE")
    assert f(1) == 3

    @persist(dir=f.cache_path(1).parents[1])
    def fib(n):
        counted.calls.append(n)
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    monkeypatch.setenv("LOCACHE", "refresh")
    counted.calls.clear()
    assert fib(40) == 102334155
    assert len(counted.calls) == 41


@pytest.mark.parametrize("value", ["of", "0", "off;on", ":x"])
def test_a_wrong_value_is_told_once_and_changes_nothing(counted, monkeypatch, value):
    f = counted()
    monkeypatch.setenv("LOCACHE", value)
    with pytest.warns(CacheWarning, match="must be off, readonly, refresh or on") as told:
        assert [f(1), f(1), f(1)] == [2, 2, 2]
    assert len(told) == 1


CALLS = []  # no captured variable, whose changes while the cache is off would count


def test_coroutines_are_switched(kept, monkeypatch):

    @kept
    async def f(x):
        CALLS.append(x)
        return len(CALLS)

    CALLS.clear()
    assert [asyncio.run(f(1)) for _ in range(2)] == [1, 1]
    monkeypatch.setenv("LOCACHE", "off")
    assert asyncio.run(f(1)) == 2
    monkeypatch.setenv("LOCACHE", "readonly")
    assert [asyncio.run(f(1)), asyncio.run(f(2)), asyncio.run(f(2))] == [1, 3, 4]
    monkeypatch.setenv("LOCACHE", "refresh")
    assert [asyncio.run(f(1)), asyncio.run(f(1))] == [5, 5]


def test_every_way_to_change_the_environment_is_seen(counted):
    f = counted()
    f(1)
    for change in (
        lambda: os.environ.update(LOCACHE="off"),
        lambda: os.putenv("LOCACHE", "off"),
        lambda: (os.environ.pop("LOCACHE", None), os.environ.setdefault("LOCACHE", "off")),
    ):
        os.environ.pop("LOCACHE", None)
        os.unsetenv("LOCACHE")
        before = len(counted.calls)
        f(1)
        assert len(counted.calls) == before
        change()
        f(1)
        assert len(counted.calls) == before + 1
        os.environ["UNRELATED"] = "1"
        del os.environ["UNRELATED"]
        f(1)
        assert len(counted.calls) == before + 2
    os.environ.pop("LOCACHE", None)
    os.unsetenv("LOCACHE")


def test_many_variables_come_and_go(counted, monkeypatch):
    f = counted()
    f(1)
    for i in range(200):
        monkeypatch.setenv(f"LOCACHE_TEST_{i}", "x" * i)
        f(1)
    for i in range(0, 200, 2):
        monkeypatch.delenv(f"LOCACHE_TEST_{i}")
        f(1)
    assert counted.calls == [1]
    monkeypatch.setenv("LOCACHE", "off")
    f(1)
    assert counted.calls == [1, 1]


# -------------------------------------------------------------------------------------- LOCACHE_DIR


class Slow:
    """Changes where caches are while it is stored."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        os.environ["LOCACHE_DIR"] = self.place
        return (Slow, (self.place,))


def test_each_locache_dir_is_a_cache_of_its_own(tmp_path, monkeypatch):
    calls = []

    @persist
    def f(x):
        calls.append(x)
        return len(calls)

    for name, result in (("first", 1), ("second", 2), ("first", 1), ("second", 2)):
        monkeypatch.setenv("LOCACHE_DIR", str(tmp_path / name))
        assert [f(1), f(1)] == [result, result]
        assert tmp_path / name in f.cache_path(1).parents
    assert f.cache_info().currsize == 1


def test_handles_of_earlier_directories_are_closed(tmp_path, monkeypatch):
    @persist
    def f(x):
        return [x]

    def descriptors():
        return len(os.listdir("/proc/self/fd"))

    for i in range(30):
        monkeypatch.setenv("LOCACHE_DIR", str(tmp_path / f"{i}"))
        assert f(1) == [1]
        if i == 0:
            before = descriptors()
    assert descriptors() <= before


def test_a_change_during_a_call(tmp_path, monkeypatch):
    @persist
    def f(x):
        monkeypatch.setenv("LOCACHE_DIR", str(tmp_path / "inner"))
        return x

    @persist
    def g(x):
        return Slow(str(tmp_path / "pickled"))

    monkeypatch.setenv("LOCACHE_DIR", str(tmp_path / "outer"))
    assert f(1) == 1
    assert isinstance(g(1), Slow)
    assert isinstance(g(1), Slow)


def test_threads_while_the_directory_changes(tmp_path, monkeypatch):
    @persist(memory=False)
    def f(x):
        return [x] * 1000

    done = threading.Event()
    wrong = []

    def work(n):
        while not done.is_set():
            if f(n) != [n] * 1000:
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for i in range(200):
        monkeypatch.setenv("LOCACHE_DIR", str(tmp_path / f"{i % 5}"))
        f(i % 7)
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---------------------------------------------------------------------- disabled(), enabled=, keep=


def test_disabled_holds_for_its_thread_and_nests(counted):
    f = counted()
    assert f(1) == 2
    context = disabled()
    with context:
        with context, disabled():
            assert f(1) == 3
        assert f(1) == 4
        seen = []
        thread = threading.Thread(target=lambda: seen.append(f(1)))
        thread.start()
        thread.join()
        assert seen == [2]
    assert f(1) == 2
    with pytest.raises(KeyError), disabled():
        raise KeyError
    assert f(1) == 2


def test_enabled(counted):
    on = [True]
    f = counted(enabled=False)
    assert [f(1), f(1)] == [2, 3]
    g = counted(enabled=lambda: on[0])
    assert [g(1), g(1)] == [4, 4]
    on[0] = False
    assert g(1) == 5
    on[0] = True
    assert g(1) == 4
    with pytest.raises(TypeError, match="enabled must be True, False or a callable"):
        persist(enabled="no")


def test_keep_says_what_is_stored(counted):
    f = counted(keep=lambda result: result > 3)
    assert [f(1), f(1), f(1), f(1)] == [2, 3, 4, 4]
    with pytest.raises(TypeError, match="keep must be a callable"):
        persist(keep=True)


def test_a_keep_that_fails_is_told_and_nothing_is_stored(counted):
    f = counted(keep=lambda result: result["none"])
    with pytest.warns(CacheWarning, match="TypeError") as told:
        assert [f(1), f(1)] == [2, 3]
    assert len(told) == 1


# ---------------------------------------------------------------------------------------- configure


def test_configure_sets_defaults_of_what_is_decorated_later(kept):
    configure(max_entries=2, keep=lambda result: result != 7)

    @kept
    def f(x):
        return x

    assert f.cache_info().maxsize == 2
    f(7)
    assert not f.is_cached(7)
    assert kept(lambda x: x, max_entries=5).cache_info().maxsize == 5
    for options, error in (
        ({"max_entries": "many"}, TypeError),
        ({"name": "n"}, TypeError),
        ({"nonsense": 1}, TypeError),
        ({"recheck": -3}, ValueError),
    ):
        with pytest.raises(error):
            configure(**options)
    assert kept(lambda x: -x).cache_info().maxsize == 2


def test_configure_switches_at_once(counted):
    f = counted()
    assert f(1) == 2
    configure(enabled=False)
    assert f(1) == 3
    configure(enabled=True)
    assert f(1) == 2


def test_configure_moves_caches(tmp_path, monkeypatch):
    @persist
    def f(x):
        return x

    configure(dir=tmp_path / "mine")
    f(1)
    assert tmp_path / "mine" in f.cache_path(1).parents
    configure(dir=tmp_path / "other")
    assert tmp_path / "other" in f.cache_path(1).parents
    monkeypatch.setenv("LOCACHE_DIR", str(tmp_path / "users"))
    configure(dir=tmp_path / "mine")
    assert tmp_path / "users" in f.cache_path(1).parents, "the environment goes first"


def test_nothing_is_imported_before_it_is_used(script):
    done = script("""
        import sys
        from locache import persist
        @persist
        def f(x):
            return x
        f(1), f(1)
        later = ("locache._switch", "locache._memory", "contextvars")
        print([m for m in later if m in sys.modules])
    """)
    assert done.out == "[]\n"


# ------------------------------------------------------------------------------------------- Memory


def test_memory(tmp_path):
    memory = Memory(tmp_path / "here", verbose=0)
    calls = []

    @memory.cache
    def f(x):
        calls.append(x)
        return x

    @memory.cache(ignore=["y"], verbose=0, mmap_mode=None)
    def g(x, y):
        calls.append((x, y))
        return x

    assert [f(1), f(1), g(1, 2), g(1, 3)] == [1, 1, 1, 1]
    assert calls == [1, (1, 2)]
    assert memory.eval(lambda x: x + 1, 2) == 3
    (tmp_path / "here" / "notes.txt").write_text("mine")
    (tmp_path / "here" / "own.cache").mkdir()
    (tmp_path / "here" / "own.cache" / "data").write_text("mine")
    memory.clear(warn=False)
    assert [f(1), g(1, 2)] == [1, 1]
    assert calls == [1, (1, 2), 1, (1, 2)]
    assert (tmp_path / "here" / "notes.txt").read_text() == "mine"
    assert (tmp_path / "here" / "own.cache" / "data").read_text() == "mine"


def test_memory_tells_modules_apart(tmp_path):
    memory = Memory(tmp_path)
    results = []
    for module in ("one", "two"):
        space = {"__name__": module}
        exec("def f(x): return __name__", space)
        results.append(memory.cache(space["f"])(1))
    assert results == ["one", "two"]


def test_memory_without_a_place_keeps_nothing():
    def f(x):
        return x

    memory = Memory(None)
    assert memory.cache(f) is f
    memory.clear()
    assert Memory(location=None).location is None


def test_memory_goes_to_other_processes(tmp_path):
    memory = pickle.loads(pickle.dumps(Memory(str(tmp_path), max_entries=3)))
    assert memory.cache(lambda x: x).cache_info().maxsize == 3
    memory.clear()
    for options in ({"name": "n"}, {"dir": "d"}, {"max_entries": "x"}):
        with pytest.raises(TypeError):
            Memory(tmp_path, **options)


def test_what_the_module_offers():
    assert {"Memory", "configure", "disabled"} <= set(dir(locache))
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        locache.nonsense  # noqa: B018
