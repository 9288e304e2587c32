"""Persisted functions in other processes, in pickles and in copies."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import re
import weakref

import pytest
from locache import CacheWarning, persist

SCRIPT = """
    import functools, pickle, sys
    from locache import persist

    RUNS = []

    def plain(x):
        return 2 * x

    @persist
    def function(x, num=3):
        "What it does."
        return x * num

    @persist
    def factorial(n):
        return n * factorial(n - 1) if n else 1

    def calls_one(x):
        return function(x) + 1

    cached = persist(plain, max_entries=7)
    anonymous = persist(lambda x: x + 10)

    def logged(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            return function(*args, **kwargs)
        return inner

    @persist
    @logged
    def decorated(x, n=5):
        return x + n

    class Model:
        def __init__(self, n):
            self.n = n
            self.bound = persist(self.ask)

        def ask(self, x):
            return self.n + x

        @persist
        def method(self, x):
            return self.n * x

        @classmethod
        @persist
        def make(cls, x):
            return cls.__name__, x

        @staticmethod
        @persist
        def parse(x):
            return x

        @persist
        @classmethod
        def outer_make(cls, x):
            return cls.__name__, x

        @persist
        @staticmethod
        def outer_parse(x):
            return x

    function.mark = "kept"
    SENT = {
        "function": (function, 2, 6), "factorial": (factorial, 5, 120),
        "calls_one": (calls_one, 2, 7),
        "cached": (cached, 2, 4), "anonymous": (anonymous, 1, 11), "decorated": (decorated, 1, 6),
        "bound": (Model(3).bound, 1, 4), "method": (Model(3).method, 2, 6),
        "make": (Model.make, 1, ("Model", 1)), "parse": (Model.parse, 1, 1),
        "outer_make": (Model.outer_make, 1, ("Model", 1)),
        "outer_parse": (Model.outer_parse, 1, 1),
        "partial": (functools.partial(function, num=4), 2, 8),
    }
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pickle_brings_functions_to_processes(script, method):
    out = script(
        SCRIPT
        + f"""
    if __name__ == "__main__":
        from concurrent.futures import ProcessPoolExecutor
        import multiprocessing
        with ProcessPoolExecutor(1, multiprocessing.get_context("{method}")) as pool:
            for name, (sent, x, expected) in SENT.items():
                if name != "anonymous":
                    assert pool.submit(sent, x).result() == expected, name
        print("ok")
    """
    )
    assert out.out == "ok\n"
    assert "foo.cache/function/x=2_num=3" in out.tree
    assert "foo.cache/plain/x=2" in out.tree


def test_a_call_while_the_script_is_loaded_again_is_the_same_call(script):
    """As multiprocessing's spawned children load it, not yet as __main__."""
    out = script(
        """
    from locache import persist

    class Point:
        x = 1

    @persist
    def of(point):
        print("computed")
        return point.x

    VALUE = of(Point())

    def value():
        return VALUE

    if __name__ == "__main__":
        import multiprocessing
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(value))
    """
    )
    assert out.out == "computed\n1\n"


@pytest.mark.once
def test_cloudpickle_brings_functions_by_value_with_their_options_and_cache(script):
    out = script(
        SCRIPT
        + """
    import cloudpickle
    with open("sent", "wb") as file:
        cloudpickle.dump({name: value for name, value in SENT.items()}, file)
    """
    )
    out = script(
        """
    import pickle, sys
    from locache._core import Persisted

    with open("sent", "rb") as file:
        SENT = pickle.load(file)
    for name, (sent, x, expected) in SENT.items():
        assert sent(x) == expected, name
        assert sent(x) == expected, name
        if name not in ("calls_one", "partial"):
            assert sent.cache_info().hits >= 1, name
    function = SENT["function"][0]
    assert type(function) is Persisted
    assert (function.__name__, function.mark) == ("function", "kept")
    assert function.__doc__ == "What it does."
    assert SENT["cached"][0].cache_parameters()["maxsize"] == 7
    assert SENT["factorial"][0].__wrapped__.__globals__["factorial"] is SENT["factorial"][0]
    assert "foo" not in sys.modules
    print("ok")
    """,
        file="worker.py",
    )
    assert out.out == "ok\n"
    assert "foo.cache/function/x=2_num=3" in out.tree
    # An object that holds a method of its own is a cycle; which of its parts comes first depends on
    # how the class's code looks, which is another in each version of Python.
    assert re.search(r"foo\.cache/Model\.method/self=cycle\.\d_x=2", " ".join(out.tree))
    assert not any(path.startswith("worker.cache") for path in out.tree)


REACHING = """
    import pickle
    import cloudpickle
    from locache import persist

    K = 3

    class Scale:
        by = 2

    def helper(x):
        return x * K

    @persist
    def f(x):
        return helper(x) + Scale.by

    with open("sent", "wb") as file:
        cloudpickle.dump(f, file)
    print(f.is_cached(1))
"""


@pytest.mark.once
def test_what_a_function_by_value_reaches_is_the_users(script):
    """Although __main__ is a package's there, as in the workers of joblib and dask."""
    worker = (
        "import pickle; f = pickle.load(open('sent', 'rb')); print(f(1), f.cache_info().misses)"
    )
    found = []
    for old, new in (("", ""), ("K = 3", "K = 4"), ("by = 2", "by = 3"), ("", "")):
        told = script(REACHING.replace(old, new)).out.strip()
        seen = script(worker, file="site-packages/worker.py").out.strip()
        again = script(REACHING.replace(old, new)).out.strip()
        found.append((told, seen, again))
    assert found == [
        ("False", "5 1", "True"),
        ("False", "6 1", "True"),
        ("False", "6 1", "True"),
        ("True", "5 0", "True"),
    ]


@pytest.mark.once
def test_cloudpickle_of_the_function_within(script):
    out = script(
        SCRIPT
        + """
    import cloudpickle
    with open("sent", "wb") as file:
        cloudpickle.dump(factorial.__wrapped__, file)
    """
    )
    out = script(
        """
    import pickle
    with open("sent", "rb") as file:
        inner = pickle.load(file)
    print(inner(5), inner.__globals__["factorial"].cache_path(3))
    """,
        file="worker.py",
    )
    assert out.out == f"120 {script.place}/foo.cache/factorial/n=3\n"


@pytest.mark.once
def test_joblib_runs_what_a_script_persists(script):
    out = script(
        SCRIPT
        + """
    from joblib import Parallel, delayed
    for name, (sent, x, expected) in SENT.items():
        assert Parallel(n_jobs=2)(delayed(sent)(x) for _ in range(2)) == [expected] * 2, name
    print("ok")
    """,
        env={"PYTHONWARNINGS": "ignore::DeprecationWarning"},
    )
    assert out.out == "ok\n"
    assert "foo.cache/function/x=2_num=3" in out.tree


def test_what_a_module_defines_is_its_name(script):
    script("from locache import persist\n@persist\ndef f(x):\n    return x\n", file="mod.py")
    out = script(
        """
        import pickle, pickletools
        import mod
        assert pickle.loads(pickle.dumps(mod.f)) is mod.f
        assert b"locache" not in pickle.dumps(mod.f)
        try:
            import cloudpickle
        except ImportError:
            pass
        else:
            assert cloudpickle.loads(cloudpickle.dumps(mod.f)) is mod.f
            cloudpickle.register_pickle_by_value(mod)
            assert pickle.loads(cloudpickle.dumps(mod.f)) is not mod.f
            assert pickle.loads(pickle.dumps(mod.f)) is mod.f
        print("ok")
    """
    )
    assert out.out == "ok\n"


def test_pickle_by_every_protocol(script):
    out = script(
        SCRIPT
        + """
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(function, protocol)) is function
        assert pickle.loads(pickle.dumps(cached, protocol))(2) == 4
        if protocol >= 2:
            assert pickle.loads(pickle.dumps(Model(2).method, protocol))(2) == 4
    print("ok")
    """
    )
    assert out.out == "ok\n"


class Counter:
    def __init__(self, start, decorate):
        self.start = start
        self.cached = decorate(self.add)
        self.part = decorate(functools.partial(self.add, more=1))

    def add(self, x, more=0):
        return self.start + x + more

    @persist
    def method(self, x):
        return self.start * x

    @persist
    @classmethod
    def of(cls, x):
        return 3 * x

    def __locache_key__(self):
        return self.start


@pytest.fixture
def counter_at(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCACHE_DIR", str(tmp_path))


def test_deepcopy_follows_the_copy(kept):
    one = Counter(1, kept)
    two = copy.deepcopy(one)
    two.start = 10
    assert (one.cached(1), two.cached(1), one.part(1), two.part(1)) == (2, 11, 3, 12)
    assert two.cached.__wrapped__.__self__ is two
    assert two.cached.cache_path(1) != one.cached.cache_path(1)
    assert two.cached.cache_path(1).parent == one.cached.cache_path(1).parent
    function = kept(lambda x: x)
    assert copy.deepcopy([function, function]) == [function] * 2
    bound = copy.deepcopy(one.method)
    assert bound.__self__ is not one
    assert bound.__func__ is Counter.method


QUERIES = {
    "is_cached": (2,),
    "cache_path": (2,),
    "explain": (2,),
    "get": (2,),
    "refresh": (2,),
    "put": (6, 2),
    "forget": (2,),
}


@pytest.mark.parametrize("name", QUERIES)
def test_queries_are_sent_and_copied_with_what_they_ask_of(counter_at, name):
    """Bound, by a class method, and of a function: all ask of the same call as before."""
    arguments = QUERIES[name]
    one = Counter(3, persist)
    one.kept = getattr(one.method, name)  # a circle through the query
    for asked in (
        getattr(one.method, name),
        getattr(Counter(3, persist).method, name),
        getattr(Counter.of, name),
        getattr(Counter.method, name),
    ):
        called = arguments if asked.__self__ is not Counter.method else (*arguments[:-1], one, 2)
        for copied in (
            pickle.loads(pickle.dumps(asked)),
            copy.copy(asked),
            copy.deepcopy(asked),
        ):
            Counter.method(one, 2), Counter.of(2)
            expected = asked(*called)
            Counter.method(one, 2), Counter.of(2)
            assert copied(*called) == expected
            assert copied.__name__ == name
            assert f".{name} of " in repr(copied) or asked.__self__ is Counter.method
    two = copy.deepcopy(one)
    assert two.kept.__self__ is two
    assert two.kept == getattr(two.method, name) != one.kept
    assert hash(two.kept) == hash(getattr(two.method, name))


@pytest.mark.once
def test_queries_go_by_cloudpickle(script):
    out = script(
        SCRIPT
        + """
    import cloudpickle
    sent = Model(3).method
    with open("sent", "wb") as file:
        cloudpickle.dump((sent.is_cached, sent.put, sent.get, function.is_cached), file)
    """
    )
    out = script(
        """
    import pickle
    with open("sent", "rb") as file:
        is_cached, put, get, of_function = pickle.load(file)
    assert not is_cached(5)
    put(7, 5)
    print(is_cached(5), get(5), of_function(77))
    """,
        file="worker.py",
    )
    assert out.out == "True 7 False\n"


def test_what_is_being_unpickled_is_no_function_yet():
    from locache import _sending

    empty = _sending.empty()
    with (
        pytest.warns(CacheWarning),
        pytest.raises(RuntimeError, match="still being unpickled"),
    ):
        empty(1)
    whole = persist(len)
    whole.__setstate__(("nothing",))  # it has a state
    assert whole.__wrapped__ is len
    with pytest.raises(TypeError, match="persisted function"):
        empty._become(len)


def test_stand_ins_do_not_keep_a_function_alive(kept):
    f = kept(lambda x: x)
    assert f._found() is f
    reference = weakref.ref(f)
    del f
    gc.collect()
    assert reference() is None


def test_threads_pickle_one_function(script):
    out = script(
        SCRIPT
        + """
    import threading
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(pickle.loads(pickle.dumps(function))))
               for _ in range(8)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert seen == [function] * 8
    print("ok")
    """
    )
    assert out.out == "ok\n"
