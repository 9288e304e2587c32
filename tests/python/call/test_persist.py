"""The decorated function: what it is, what it does, and that its cache is never in the way."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
import logging
import os
import subprocess
import sys
import threading
import warnings
import weakref

import locache
import pytest
from locache import CacheWarning, persist, reset, reset_cache, verbose

RUNS = []  # a global: what a function captures would be part of its key


@pytest.fixture(autouse=True)
def no_runs():
    RUNS.clear()


def double(x: int, times: int = 2) -> int:
    """Twice as much."""
    RUNS.append(x)
    return x * times


module_level = persist(double)


FOO = """
    from locache import persist, reset_cache, verbose

    @persist
    def my_func(x, num=3):
        print("Hi from foo!")
        return x * num

    print(my_func(1), my_func(2, num=2), my_func(1))
"""


def test_first_example_computes_each_call_once_in_all_runs(script):
    first = script(FOO)
    assert first.out == "Hi from foo!\nHi from foo!\n3 4 3\n"
    assert first.err == ""
    assert first.tree == ["foo.cache/my_func/x=1_num=3", "foo.cache/my_func/x=2_num=2"]
    assert script().out == "3 4 3\n"
    assert sorted(p.name for p in script.place.iterdir()) == ["foo.cache", "foo.py"]
    assert sorted(p.name for p in (script.place / "foo.cache").iterdir() if p.name[0] != ".") == [
        "CACHEDIR.TAG",
        "my_func",
    ]


def test_deleting_a_file_forgets_that_result(kept):
    f = kept(double)
    f(1), f(2)
    f.cache_path(1).unlink()
    f(1), f(2)
    assert RUNS == [1, 2, 1]


def test_none_is_a_result_and_exceptions_are_not(kept):
    @kept
    def f(x):
        RUNS.append(x)
        if x:
            raise KeyError(x)

    assert f(0) is None
    assert f(0) is None
    for _ in range(2):
        with pytest.raises(KeyError):
            f(1)
    assert RUNS == [0, 1, 1]


def test_looks_like_the_function():
    assert module_level.__name__ == "double"
    assert module_level.__qualname__ == "double"
    assert module_level.__doc__ == "Twice as much."
    assert module_level.__module__ == __name__
    assert module_level.__wrapped__ is double
    assert module_level.__annotations__ == double.__annotations__
    assert module_level.__defaults__ == (2,)
    assert module_level.__kwdefaults__ is None
    assert module_level.__code__ is double.__code__
    assert inspect.signature(module_level) == inspect.signature(double)
    assert inspect.unwrap(module_level) is double
    assert inspect.isroutine(module_level)
    assert inspect.getsource(module_level) == inspect.getsource(double)
    assert repr(module_level) == f"<persisted function {__name__}.double>"


def test_attributes_weak_references_and_cycles(kept):
    double.mark = "kept"
    try:
        f = kept(double)
    finally:
        del double.mark
    assert f.mark == "kept"
    f.other = f
    assert vars(f)["other"] is f
    reference = weakref.ref(f)
    del f
    gc.collect()
    assert reference() is None


def test_pickles_by_name_and_copies_to_itself(script):
    out = script("""
        import copy, pickle
        from locache import persist

        @persist
        def f(x):
            return x

        class C:
            @persist
            def m(self):
                return 1

        assert pickle.loads(pickle.dumps(f)) is f
        assert pickle.loads(pickle.dumps(C.m)) is C.m
        assert copy.copy(f) is f and copy.deepcopy([f])[0] is f
        print("ok")
    """).out
    assert out == "ok\n"


def test_cache_info_counts_as_lru_cache_does(kept):
    f = kept(double, max_entries=10)
    f(1), f(1), f(2)
    info = f.cache_info()
    assert info == (1, 2, 10, 2)
    assert (info.hits, info.misses, info.maxsize, info.currsize) == (1, 2, 10, 2)
    assert (info.bypassed, info.errors) == (0, 0)
    assert repr(info) == (
        "CacheInfo(hits=1, misses=2, maxsize=10, currsize=2, bypassed=0, errors=0, "
        f"time_computed={info.time_computed!r}, time_saved={info.time_saved!r}, verified=0, "
        "mismatches=0)"
    )
    f.cache_clear()
    assert f.cache_info() == (0, 0, 10, 0)
    assert kept(double).cache_info().maxsize is None


def test_per_call_methods(kept):
    f = kept(double)
    assert not f.is_cached(1)
    assert f.cache_path(1) == kept.dir / f"{__name__}.double" / "x=1_times=2"
    assert not kept.dir.exists()
    f(1)
    assert f.is_cached(x=1)
    assert f.cache_path(1).is_file()
    assert f.refresh(1) == 2
    assert RUNS == [1, 1]
    assert f.forget(1) is True
    assert f.forget(1) is False
    assert not f.is_cached(1)
    for method in (f.cache_path, f.is_cached, f.forget):
        with pytest.raises(TypeError, match="do not fit the signature"):
            method()
        with pytest.raises(TypeError, match="cannot be part of a"):
            method(object())
    with pytest.raises(TypeError, match="missing 1 required"):
        f.refresh()


def wrapping(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


class Holder:
    pass


@pytest.mark.parametrize("reset_it", [reset, reset_cache, lambda f: f.cache_clear()])
def test_reset_forgets_everything(kept, reset_it):
    f = kept(double)
    f(1), f(2)
    reset_it(f)
    assert f.cache_info().currsize == 0
    f(1)
    assert RUNS == [1, 2, 1]


@pytest.mark.parametrize(
    "layers",
    [
        wrapping,
        lambda f: wrapping(wrapping(f)),
        lambda f: functools.partial(f, 1),
        lambda f: functools.partial(wrapping(f)),
        staticmethod,
        classmethod,
        property,
        lambda f: f.__get__(3),
        lambda f: classmethod(f).__get__(None, Holder),
        functools.lru_cache,
    ],
)
def test_reset_finds_the_function_within(kept, layers):
    f = kept(double)
    f(1)
    reset_cache(layers(f))
    assert f.cache_info().currsize == 0


def test_reset_of_what_was_never_persisted():
    with pytest.warns(CacheWarning, match=r"^print was never persisted, and nothing is ") as warned:
        reset_cache(print)
    assert warned[0].filename == __file__
    for other in (double, wrapping(double), lambda: None, generator, Holder):
        with pytest.warns(CacheWarning, match="was never persisted") as warned:
            reset(other)
        assert warned[0].filename == __file__
    with pytest.raises(TypeError, match="takes a persisted function, not int"):
        reset_cache(3)


def test_reset_of_the_bare_function_forgets_what_is_kept_of_it(script):
    out = script("""
        import warnings
        from locache import persist, reset_cache

        def f(x):
            print("run", x)
            return x

        warnings.simplefilter("error")
        beside, named = persist(f), persist(f, name="notebook")
        beside(1), named(1)
        reset_cache(f)
        print(beside.is_cached(1), named.is_cached(1))
        reset_cache(f, "notebook")
        print(named.is_cached(1))
    """)
    assert out.out == "run 1\nrun 1\nFalse True\nFalse\n"


def test_reset_by_name(script):
    out = script("""
        from locache import persist, reset_cache

        def f(x):
            print("run", x)
            return x

        beside, named = persist(f), persist(f, name="notebook")
        beside(1), named(1)
        reset_cache(beside, name="notebook")
        beside(1), named(1)
        reset_cache(named, "notebook")
        reset_cache(beside)
        print(beside.is_cached(1), named.is_cached(1))
    """)
    assert out.out == "run 1\nrun 1\nrun 1\nFalse False\n"


def generator():
    yield 1


async def async_generator():
    yield 1


@pytest.mark.parametrize("function", [generator, async_generator, functools.partial(generator)])
def test_generators_are_refused_with_what_to_do(function):
    with pytest.raises(TypeError, match="return a list"):
        persist(function)
    with pytest.raises(TypeError, match="return a list"):
        persist(name="x")(function)


@pytest.mark.parametrize("what", [3, "name", b"", [], 1.5, Holder, property(lambda self: 1), True])
def test_what_is_no_function_is_refused(what):
    with pytest.raises(TypeError, match=r"^persist\(\) decorates functions"):
        persist(what)


@pytest.mark.parametrize(
    "options",
    [
        {"nme": "x"},
        {"name": 3},
        {"name": b"x"},
        {"auto_invalidate": 2},
        {"auto_invalidate": None},
        {"max_entries": 1.5},
        {"max_entries": True},
        {"max_age": "1"},
        {"max_age": False},
        {"dir": 3},
        {"ignore": 3},
        {"ignore": (1,)},
        {"pickle": 0},
        {"durable": "yes"},
        {"version": 2},
        {"ignore": "nothing"},
        {"memory": None},
        {"memory": 1.5},
        {"memory": "1000"},
        {"memory": [1000, 10**6]},
        {"memory": (1000,)},
        {"memory": (1000, 10**6, 1)},
        {"memory": (1000, 1e6)},
        {"memory": (True, 10**6)},
        {"recheck": "1"},
        {"recheck": True},
        {"recheck": 1j},
        {"mapped": 1},
        {"mapped": None},
    ],
)
def test_bad_option_is_a_type_error(options):
    with pytest.raises(TypeError):
        persist(double, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"name": ""},
        {"name": "a/"},
        {"name": "a/.."},
        {"name": "."},
        {"name": "a\0"},
        {"name": "\ud800"},
        {"max_age": float("nan")},
        {"dir": ""},
        {"dir": "a\0b"},
        {"dir": "x", "name": "y/z"},
        {"version": "a\0b"},
        {"version": "\ud800"},
        {"version": "2", "auto_invalidate": False},
        {"memory": -1},
        {"memory": -(10**30)},
        {"memory": (1000, -1)},
        {"memory": (-1, 1000)},
        {"recheck": -1},
        {"recheck": -0.001},
        {"recheck": float("nan")},
        {"recheck": float("inf")},
        {"recheck": 10**400},
    ],
)
def test_bad_value_is_a_value_error(options):
    with pytest.raises(ValueError, match=r"."):
        persist(double, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nme": "x"}, "unexpected keyword argument 'nme'"),
        ({"name": b"x"}, "name must be a str or None, not bytes"),
        ({"name": "a/"}, "name='a/' cannot be a file's name; for another directory give dir="),
        (
            {"auto_invalidate": 2},
            'auto_invalidate must be True, "project", "self" or False, not int',
        ),
        ({"auto_invalidate": "all"}, "False, not 'all'"),
        ({"auto_invalidate": False, "depends": [1]}, "no depends= would be looked at"),
        ({"max_entries": 1.5}, "max_entries must be an int, not float"),
        ({"max_age": "1"}, "max_age must be a number of days or None, not str"),
        ({"max_age": float("nan")}, "max_age=nan is no number of days; None: no limit"),
        ({"dir": 3}, "dir must be a path (str, bytes or os.PathLike) or None, not int"),
        ({"dir": ""}, "dir='' names no directory"),
        ({"dir": b"a\0b"}, "dir='a\\x00b' has a NUL in it"),
        ({"ignore": 3}, "ignore must be names of parameters, not int"),
        ({"ignore": (1,)}, "ignore must be names of parameters, not int"),
        ({"ignore": ["b", "a", "x"]}, "ignore= names ['a', 'b'], but double has no such parameter"),
        ({"version": 2}, "version must be a str or None, not int"),
        ({"version": "2", "auto_invalidate": False}, "no version= would be looked at"),
        ({"memory": "1000"}, "memory must be True, False, a number of results, or a tuple"),
        ({"memory": (1, -1)}, "memory=(1, -1) must not be negative; memory=False keeps nothing"),
        ({"recheck": True}, "recheck must be a number of seconds or None, not bool"),
        ({"recheck": 10**400}, "must be a finite number of seconds, or 0 or None to ask at every"),
    ],
)
def test_a_bad_option_says_what_is_wrong_and_what_to_do(options, message):
    with pytest.raises((TypeError, ValueError)) as raised:
        persist(double, **options)
    assert message in str(raised.value)
    assert str(raised.value).startswith("persist()") or "nme" in options


def test_persist_tells_of_itself():
    assert list(inspect.signature(persist).parameters) == [
        "func", "name", "auto_invalidate", "max_entries", "max_age", "dir", "ignore", "key",
        "pickle", "durable", "version", "memory", "recheck", "mapped", "wait", "enabled", "keep",
        "depends", "verify", "compress",
    ]  # fmt: skip
    told = inspect.getdoc(persist)  # without the indentation, which Python 3.13 takes away itself
    for name in inspect.signature(persist).parameters:
        assert f"\n{name} : " in told
    assert persist.__module__ == reset_cache.__module__ == "locache"


def test_examples_of_the_docstrings(script):
    out = script("import doctest, locache; print(doctest.testmod(locache))").out
    assert out == "TestResults(failed=0, attempted=14)\n"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"max_entries": 1}, {"max_entries": True}),
        ({"memory": 1}, {"memory": 1.0}),
        ({"durable": False}, {"durable": 0}),
        ({"ignore": ()}, {"ignore": (1,)}),
    ],
)
def test_options_are_read_again_where_only_their_types_differ(kept, good, bad):
    for _ in range(2):
        kept(double, **good)
        with pytest.raises(TypeError):
            kept(double, **bad)


def test_home_directory_is_looked_up_at_each_decoration(tmp_path, monkeypatch):
    for name in "ab":
        monkeypatch.setenv("HOME", str(tmp_path / name))
        path = persist(double, dir="~/kept").cache_path(1)
        assert str(path).startswith(str(tmp_path / name))


def test_options_that_make_sense(kept):
    kept(double, max_entries=10**30, max_age=10**400, ignore=[])
    kept(double, max_entries=None, max_age=None, name=None, ignore={"x"})
    for memory in (True, False, 0, 1, 10**30, (0, 0), (5, 1000), (10**30, 10**30)):
        assert kept(double, memory=memory)(1) == 2
    for recheck in (None, 0, 0.0, 1e-12, 60, 1e300):
        assert kept(double, recheck=recheck, mapped=False)(1) == 2
    for wait in (None, 0, 0.5, 60, 10**400, float("inf")):
        assert kept(double, wait=wait)(1) == 2
    kept(double, max_age=-1, max_entries=-1, auto_invalidate=False, durable=True, pickle=False)(1)
    with pytest.raises(TypeError):
        persist(double, double)
    with pytest.raises(TypeError):
        persist(name="x")(double, 3)


@pytest.mark.parametrize("count", [0, -1, -5, -(10**30), None])
def test_max_entries_of_no_number_is_no_limit(kept, count):
    f = kept(double, max_entries=count)
    for x in range(20):
        f(x)
    assert f.cache_info()[2:] == (None, 20)


@pytest.mark.parametrize("days", [0, 0.0, -1, -0.5, -(10**400)])
def test_max_age_of_no_time_keeps_nothing(kept, days):
    f = kept(double, max_age=days)
    f(1), f(1)
    assert RUNS == [1, 1]


def test_what_earlier_versions_took(kept):
    assert kept(func=double)(1) == persist(func=double, dir=kept.dir)(1) == 2
    assert kept(double, auto_invalidate=0)(1) == kept(double, auto_invalidate=1)(1) == 2
    for name in ("yes", "val", "flag"):
        verbose(**{name: True})
        assert logging.getLogger("locache").level == logging.INFO
        verbose(**{name: False})
        assert logging.getLogger("locache").level == logging.NOTSET
    with pytest.raises(TypeError, match="unexpected keyword argument 'on'"):
        verbose(on=True)


def test_name_with_a_directory_is_beside_the_source(script, tmp_path):
    out = script(f"""
        from locache import persist, reset_cache

        @persist(name="sub/results")
        def f(x):
            return x

        @persist(name="{tmp_path}/away/results")
        def g(x):
            return x

        f(1), g(2)
        print(f.cache_path(1), g.cache_path(2))
    """)
    assert out.tree == ["sub/results.cache/f/x=1"]
    assert out.out == (
        f"{script.place}/sub/results.cache/f/x=1 {tmp_path}/away/results.cache/g/x=2\n"
    )


def test_max_entries_keeps_the_last_used(kept):
    f = kept(double, max_entries=2)
    for x in (1, 2, 3):
        f(x)
    assert f.cache_info().currsize == 2
    assert not f.is_cached(1)
    assert f.is_cached(3)


# ---------------------------------------------------------------------------------------- async def


def test_coroutine_functions_are_awaited_and_kept(kept):
    @kept
    async def f(x):
        RUNS.append(x)
        await asyncio.sleep(0)
        return x + 1

    assert inspect.iscoroutinefunction(f)
    if sys.version_info < (3, 14):
        assert asyncio.iscoroutinefunction(f)
    coroutine = f(1)
    assert inspect.iscoroutine(coroutine)
    assert coroutine.__name__ == "f"
    assert coroutine.__qualname__ == f.__qualname__
    assert asyncio.run(coroutine) == 2
    assert asyncio.run(f(x=1)) == 2
    assert RUNS == [1]
    with pytest.raises(TypeError, match="missing 1 required"):
        f()
    assert asyncio.run(f.refresh(1)) == 2
    assert RUNS == [1, 1]
    assert f.cache_info()[:2] == (1, 1)


def test_coroutine_methods_and_exceptions(kept):
    class C:
        k = 3

        @kept
        async def m(self, x):
            RUNS.append(x)
            if x < 0:
                raise ValueError(x)
            return self.k * x

    async def main():
        assert await asyncio.gather(C().m(1), C().m(2)) == [3, 6]
        assert await C().m(1) == 3
        for _ in range(2):
            with pytest.raises(ValueError, match="-1"):
                await C().m(-1)

    asyncio.run(main())
    assert RUNS == [1, 2, -1, -1]
    assert inspect.iscoroutinefunction(C().m)


# --------------------------------------------------------------------------------- never in the way


def warned(*calls):
    """The cache's warnings in a row of calls, and what these returned."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        results = [call() for call in calls]
    return [w for w in caught if w.category is CacheWarning], results


def test_argument_without_a_key_warns_once_and_computes(kept):
    f = kept(lambda x: 5)

    def call():
        return f(object())

    ((warning,), results) = warned(call, call)
    assert results == [5, 5]
    assert (warning.filename, warning.lineno) == (__file__, call.__code__.co_firstlineno + 1)
    text = str(warning.message)
    assert "'x'" in text
    assert str(kept.dir) in text
    assert "ignore=" in text
    info = f.cache_info()
    assert (info.bypassed, info.errors, info.currsize) == (2, 2, 0)


def test_result_that_cannot_be_stored_warns_once_and_is_returned(kept):
    result = threading.Lock()
    f = kept(lambda x: (RUNS.append(x), globals()["LOCK"])[1])
    globals()["LOCK"] = result
    ((warning,), results) = warned(lambda: f(1), lambda: f(1))
    assert results == [result, result]
    assert warning.filename == __file__
    assert "cannot be stored" in str(warning.message)
    assert f.cache_info().errors == 2


def test_without_pickle_only_plain_data_is_stored(kept):
    f = kept(lambda x: {"plain": [x]} if x else Holder(), pickle=False)
    assert f(1) == f(1) == {"plain": [1]}
    with pytest.warns(CacheWarning):
        assert isinstance(f(0), Holder)


def test_damaged_entry_warns_and_is_computed_again(kept):
    f = kept(double)
    f(1)
    f.cache_path(1).write_bytes(b"damaged")
    with pytest.warns(CacheWarning, match="x=1_times=2"):
        assert f(1) == 2
    assert f(1) == 2
    assert RUNS == [1, 1]


def test_cache_directory_that_is_a_file(kept):
    kept.dir.write_text("")
    f = kept(double)
    ((warning,), results) = warned(lambda: f(1), lambda: f(1))
    assert results == [2, 2]
    assert str(kept.dir) in str(warning.message)
    assert f.cache_info().bypassed + f.cache_info().errors >= 2
    kept.dir.unlink()
    deadline = 500
    while not f.is_cached(1) and deadline:
        f(1)
        deadline -= 1
    assert deadline


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_warning_made_an_error_does_not_break_the_call(kept):
    f = kept(lambda x: 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f(object()) == 5


def test_interrupt_in_an_argument_is_not_swallowed(kept):
    class Argument:
        def __locache_key__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(lambda x: 1)(Argument())


def test_broken_argument_is_bypassed(kept):
    class Argument:
        def __locache_key__(self):
            raise OSError("no key today")

    with pytest.warns(CacheWarning, match="no key today"):
        assert kept(lambda x: 1)(Argument()) == 1


def test_threads_share_a_function(kept):
    f = kept(double)
    results = []

    def work():
        results.extend(f(x) for x in range(50))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted([2 * x for x in range(50)] * 8)
    assert set(RUNS) == set(range(50))
    assert f.cache_info().currsize == 50


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_goes_on_with_the_cache(kept):
    f = kept(double)
    f(1)
    child = os.fork()
    if child == 0:
        ok = f(1) == 2 and f(7) == 14 and RUNS == [1, 7]
        os._exit(0 if ok else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert f(7) == 14
    assert RUNS == [1]


def test_two_functions_of_one_name_and_two_codes(kept):
    def make(version):
        if version == 1:

            def f(x):
                return "one"
        else:

            def f(x):
                return "two"

        return kept(f)

    one, two = make(1), make(2)
    assert (one(1), two(1), one(1), two(1), make(1)(1), make(2)(1)) == (
        "one",
        "two",
        "one",
        "two",
        "one",
        "two",
    )


# ------------------------------------------------------------------------------------------- source


def test_changed_source_invalidates_and_undo_restores(script):
    one = FOO.replace("x * num", "x + num")
    assert script(FOO).out.endswith("3 4 3\n")
    assert script(one).out == "Hi from foo!\nHi from foo!\n4 4 4\n"
    assert script(FOO).out == "3 4 3\n"
    assert script(FOO.replace("def my_func", "# a comment\n\n    def my_func")).out == "3 4 3\n"
    kept = FOO.replace("@persist", "@persist(auto_invalidate=False)").replace("x * num", "x - num")
    assert script(kept).out == "3 4 3\n"


@pytest.mark.parametrize("decorator", ["functools.lru_cache", "Counted", "partial_of_wrapper"])
def test_changed_function_within_an_object_invalidates(script, decorator):
    source = f"""
        import functools
        from locache import persist

        class Counted:
            def __init__(self, function):
                functools.update_wrapper(self, function)
                self.function = function
            def __call__(self, *args, **kwargs):
                return self.function(*args, **kwargs)

        def partial_of_wrapper(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return function(*args, **kwargs)
            return functools.partial(wrapper)

        @persist
        @{decorator}
        def f(x):
            return x * 2

        print(f(4))
    """
    assert [
        script(source).out,
        script(source.replace("x * 2", "x * 3")).out,
        script(source).out,
    ] == [
        "8\n",
        "12\n",
        "8\n",
    ]


def test_changed_function_under_a_decorator_invalidates(script):
    source = """
        import functools
        from locache import persist

        def shout(function):
            @functools.wraps(function)
            def wrapper(*args, **kwargs):
                return str(function(*args, **kwargs)) + "!"
            return wrapper

        @persist
        @shout
        def f(x):
            print("run")
            return x * 2

        print(f(4))
    """
    assert script(source).out == "run\n8!\n"
    assert script(source).out == "8!\n"
    assert script(source.replace("x * 2", "x * 3")).out == "run\n12!\n"
    assert script(source.replace('"!"', '"?"')).out == "run\n8?\n"
    assert script(source).out == "8!\n"
    assert script().tree == ["foo.cache/f/x=4"]


# ------------------------------------------------------------------------------------------ verbose


def test_verbose_shows_lines_without_configuration(script):
    source = """
        import sys
        import locache
        from locache import persist, verbose, reset_cache

        @persist
        def f(x):
            return x

        f(0)
        assert "logging" not in sys.modules
        verbose(True)
        f(1), f(1), reset_cache(f)
        verbose(False)
        f(2)
    """
    lines = script(source).err.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["locache:", "miss", "f:"],
        ["locache:", "store", "f:"],
        ["locache:", "hit", "f:"],
        ["locache:", "reset", "f:"],
    ]
    assert "foo.cache/f/x=1 (no result for these arguments; the nearest is x=0: " in lines[0]
    assert lines[1].endswith("foo.cache/f/x=1")


def test_verbose_goes_to_the_standard_logger(kept, caplog):
    f = kept(double)
    verbose()
    try:
        f(1), f(1)
    finally:
        verbose(False)
    f(1)
    assert [(r.name, r.levelname, r.message.split()[0]) for r in caplog.records] == [
        ("locache", "INFO", "miss"),
        ("locache", "INFO", "store"),
        ("locache", "INFO", "hit"),
    ]


@pytest.mark.parametrize(
    ("decorator", "loaded"),
    [("persist", ["_core", "_target"]), ("persist(max_age=1)", ["_core", "_options", "_target"])],
)
def test_decoration_loads_only_what_it_needs(script, decorator, loaded):
    out = script(f"""
        import sys
        import locache
        from locache import persist

        @{decorator}
        def f(x):
            return x

        print([name[8:] for name in sorted(sys.modules) if name.startswith("locache.")])
    """)
    assert out.out.strip() == f"{loaded}"


def test_options_that_are_left_out_are_those_that_are_told_so():
    from locache import _DEFAULTS, _SETTINGS, _options

    _, *parameters = inspect.signature(persist).parameters.values()
    assert tuple(parameter.default for parameter in parameters) == _DEFAULTS
    assert _options.read(_DEFAULTS) == (None, None, (set(), None), _SETTINGS)


def test_import_is_small_and_version_is_known():
    code = (
        "import sys; before = set(sys.modules); import locache; "
        "print(sorted(set(sys.modules) - before))"
    )
    out = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(locache.__file__))},
    )
    own = ["_core"]
    assert out.stdout == f"{['locache', *(f'locache.{name}' for name in own)]}\n", out.stderr
    assert locache.__version__.startswith("5.")
