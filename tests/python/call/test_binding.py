"""Arguments bound to signatures: which calls are one call, and whose errors the wrong ones get."""

from __future__ import annotations

import asyncio
import collections
import functools
import math
import operator
import re
import sys
import threading
import warnings

import pytest
from locache import CacheWarning, persist

RUNS = []  # a global: what a function captures would be part of its key


@pytest.fixture(autouse=True)
def no_runs():
    RUNS.clear()


def names(function, *args):
    """The file names of a function's results; args are any that it takes."""
    return sorted(
        p.name
        for p in function.cache_path(*(args or (1,))).parent.iterdir()
        if not p.name.startswith(".")
    )


def test_bind_keyword_equals_positional_equals_default(kept):
    @kept
    def f(x, num=3):
        RUNS.append(x)
        return x * num

    assert f(1) == f(x=1) == f(1, 3) == f(1, num=3) == f(num=3, x=1) == 3
    assert len(RUNS) == 1
    assert names(f) == ["x=1_num=3"]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((), {}), ((1, 2, 3), {}), ((1,), {"x": 2}), ((1,), {"y": 2}), ((), {"num": 1})],
)
def test_bind_wrong_arguments_are_the_functions_own_error(kept, args, kwargs):
    def f(x, num=3):
        return x

    with pytest.raises(TypeError) as plain:
        f(*args, **kwargs)
    with pytest.raises(TypeError) as persisted:
        kept(f)(*args, **kwargs)
    assert str(persisted.value) == str(plain.value)


def test_bind_positional_only_name_is_free_for_kwargs(kept):
    @kept
    def f(x, /, **more):
        return x, more

    assert f(1) == (1, {})
    assert f(1, x=2) == (1, {"x": 2}) == f(1, x=2)
    assert f(2, x=1) == (2, {"x": 1})
    with pytest.raises(TypeError):
        f(x=1)


def test_bind_keyword_only_and_its_default(kept):
    @kept
    def f(*, a, b=2):
        RUNS.append(1)
        return a, b

    assert f(a=1) == f(a=1, b=2) == f(b=2, a=1) == (1, 2)
    assert len(RUNS) == 1
    with pytest.raises(TypeError):
        f(1)


def test_bind_extra_positions_and_keywords_in_order(kept):
    @kept
    def f(a, *rest, **more):
        RUNS.append(1)
        return a, rest, more

    assert list(f(1, 2, 3, z=1, b=2)[2]) == list(f(1, 2, 3, z=1, b=2)[2]) == ["z", "b"]
    assert len(RUNS) == 1
    assert list(f(1, 2, 3, b=2, z=1)[2]) == ["b", "z"]
    assert f(1, (2, 3)) == (1, ((2, 3),), {})
    assert names(f)[:2] == ["a=1_1=2_2=3_b=2_z=1", "a=1_1=2_2=3_z=1_b=2"]


def test_bind_kwargs_and_positions_of_the_same_text_differ(kept):
    @kept
    def f(*args, **kwargs):
        return args, kwargs

    assert f(1) == ((1,), {})
    assert f(**{"0": 1}) == ((), {"0": 1})


def test_bind_defaults_are_those_of_the_moment(kept):
    def f(x=1):
        return x

    g = kept(f)
    assert g() == 1
    f.__defaults__ = (2,)
    assert g() == 2


def test_bind_more_parameters_than_fit_on_the_stack(kept):
    scope = {}
    parameters = ", ".join(f"p{i}=0" for i in range(300))
    exec(f"def f({parameters}): return p299", scope)
    f = kept(scope["f"])
    assert f(p299=7) == f(p299=7) == 7
    assert f() == 0


def test_bind_keyword_that_is_not_interned(kept):
    @kept
    def f(some_name):
        return some_name

    built = "".join(["some", "_", "name"])
    assert f(**{built: 4}) == f(4) == 4
    assert f.cache_info()[:2] == (1, 1)


def test_bind_sentinel_default_is_not_given(kept):
    missing = object()

    @kept
    def f(x=missing):
        RUNS.append(1)
        return x is missing

    assert f() is f() is f(missing) is True
    assert len(RUNS) == 1
    with pytest.warns(CacheWarning, match="'x'.*ignore="):
        assert f(object()) is False


def test_ignore_leaves_arguments_out(kept):
    @kept(ignore=("logger", "level"))
    def f(x, logger, **more):
        RUNS.append(1)
        return x

    assert f(1, print) == f(1, object()) == f(1, None, level=2) == 1
    assert len(RUNS) == 1
    assert names(f, 1, 2) == ["x=1"]


@pytest.mark.parametrize("name", ["args", "kwargs"])
def test_ignore_of_extra_arguments(kept, name):
    @kept(ignore=name)
    def f(*args, **kwargs):
        RUNS.append(1)
        return 0

    f(1, a=1)
    f(*([1] if name == "kwargs" else [2]), **({"a": 2} if name == "kwargs" else {"a": 1}))
    assert len(RUNS) == 1


def test_ignore_of_what_is_no_parameter_is_a_type_error(kept):
    with pytest.raises(TypeError, match=r"\['loger'\].*f has no such parameter"):

        @kept(ignore=("logger", "loger"))
        def f(logger):
            return logger


def test_partial_is_the_same_call(kept):
    @kept
    def f(x, num=3, *, kw=1):
        RUNS.append(1)
        return x, num, kw

    part = kept(functools.partial(f.__wrapped__, 1, kw=2))
    assert part() == part(3) == part(num=3) == f(1, kw=2) == (1, 3, 2)
    assert part(kw=5) == f(1, kw=5) == (1, 3, 5)
    assert len(RUNS) == 2
    nested = kept(functools.partial(functools.partial(f.__wrapped__, 1), 9))
    assert nested() == f(1, 9) == (1, 9, 1)
    assert len(RUNS) == 3


def test_callable_objects_count_with_their_state(kept):
    class Adder:
        def __init__(self, k):
            self.k = k

        def __call__(self, x):
            RUNS.append(1)
            return self.k + x

    two, three = kept(Adder(2)), kept(Adder(3))
    assert (two(1), three(1), two(1), kept(Adder(2))(1)) == (3, 4, 3, 3)
    assert len(RUNS) == 2


def test_bound_methods_count_with_their_object(kept):
    bound = kept([3, 1, 2].count)
    assert bound(1) == bound(1) == 1


def test_builtins_with_and_without_a_signature(kept):
    factorial = kept(math.factorial)
    assert factorial(5) == factorial(5) == 120
    assert factorial.cache_info()[:2] == (1, 1)
    assert factorial.cache_path(5).parent.name == "math.factorial"
    largest = kept(max)
    assert largest(1, 2) == largest(1, 2) == 2
    assert largest([1, 5], key=None) == 5
    assert largest.cache_path(1, 2).name == "0=1_1=2"


def wrapping(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def test_decorators_below_show_the_functions_names(kept):
    @kept
    @wrapping
    @wrapping
    def f(x, num=3):
        RUNS.append(1)
        return x * num

    assert f(2) == f(x=2) == 6
    assert len(RUNS) == 1
    assert f(2, 4) == f(2, num=4) == f(num=4, x=2) == 8
    assert len(RUNS) == 2


def test_decorator_that_fills_in_a_default_of_its_own(kept):
    def filling(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            kwargs.setdefault("num", 10)
            return function(*args, **kwargs)

        return wrapper

    @kept
    @filling
    def f(x, num=3):
        return x * num

    assert f(1) == 10
    assert f(1, num=3) == 3
    assert f(1) == 10


def test_decorator_that_adds_an_argument(kept):
    def adding(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            return function("added", *args, **kwargs)

        return wrapper

    @kept
    @adding
    def f(session, x):
        RUNS.append(1)
        return session, x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f(1) == f(1) == ("added", 1)
        assert f(x=1) == ("added", 1)
    assert f(2) == ("added", 2)


def test_decorating_object_counts_with_its_state_and_not_its_counters(kept):
    class Scaled:
        def __init__(self, function, factor):
            functools.update_wrapper(self, function)
            self.function, self.factor, self.calls = function, factor, 0

        def __call__(self, *args, **kwargs):
            self.calls += 1
            return self.factor * self.function(*args, **kwargs)

    def f(x, num=3):
        RUNS.append(1)
        return x * num

    two, three = kept(Scaled(f, 2)), kept(Scaled(f, 3))
    assert (two(1), two(x=1), three(1), two(1), kept(Scaled(f, 2))(1)) == (6, 6, 9, 6, 6)
    assert len(RUNS) == 2
    assert two.__name__ == "f"
    assert two.cache_path(1).parent.name.endswith(".f")


def test_lru_cache_below_shows_the_function(kept):
    @kept
    @functools.lru_cache
    def f(x, num=3):
        RUNS.append(1)
        return x * num

    assert f(1) == f(x=1) == f(1, 3) == 3
    assert f.cache_info()[:2] == (2, 1)
    assert names(f) == ["x=1_num=3"]


def test_closures_share_a_directory_and_no_results(kept):
    def make(k):
        @kept
        def scaled(x):
            RUNS.append(1)
            return x * k

        return scaled

    assert (make(2)(3), make(3)(3), make(2)(3)) == (6, 9, 6)
    assert len(RUNS) == 2
    assert make(2).cache_path(3) != make(3).cache_path(3)
    assert make(2).cache_path(3).name == "x=3_k=2"


def test_closure_over_what_grows_from_call_to_call(kept):
    seen = []

    @kept
    def f(x):
        seen.append(x)
        return x

    assert f(1) == f(1) == 1
    assert seen == [1]


@pytest.mark.parametrize("awaited", [False, True])
def test_closure_over_what_others_change_is_input(kept, awaited):
    factors = {"a": 2}
    seen = []

    def times(x):
        seen.append(x)
        return x * factors["a"]

    async def later(x):
        seen.append(x)
        return x * factors["a"]

    f = kept(later if awaited else times)

    def call(x):
        return asyncio.run(f(x)) if awaited else f(x)

    assert [call(1), call(1)] == [2, 2]
    factors["a"] = 3
    assert [call(1), call(2), call(1)] == [3, 6, 3]
    factors["a"] = 2
    assert [call(1), call(2)] == [2, 4]
    assert seen == [1, 1, 2, 2]


def test_closure_over_what_recursion_changes(kept):
    def make(seen):
        @kept
        def f(n):
            seen.append(n)
            if n == 3:
                raise ValueError("three")
            return n if n < 1 else f(n - 1)

        return f

    seen = []
    f = make(seen)
    with pytest.raises(ValueError, match="three"):
        f(3)
    assert f(2) == f(1) == 0
    assert seen == [3, 2, 1, 0]
    other = []
    assert make(other)(2) == make(other)(0) == 0
    assert other == []


def test_closure_over_what_cannot_be_told_after_the_run(kept):
    seen = []

    @kept
    def f(x):
        seen.append(threading.Lock())
        return x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [f(1), f(1), f(2), f(2)] == [1, 1, 2, 2]
    assert len(seen) == 2


def test_closure_variable_that_the_function_rebinds_is_no_input(kept):
    count = 0

    @kept
    def f(x):
        nonlocal count
        count += 1
        return x

    f(1), f(1)
    assert count == 1


def test_closure_variable_bound_to_another_object(kept):
    k = 2

    @kept
    def f(x):
        return x * k

    assert f(3) == 6
    k = 5
    assert f(3) == 15
    k = 2
    assert f(3) == 6
    assert f.cache_info()[:2] == (1, 2)


def test_closure_over_what_has_no_key_can_be_ignored(kept):
    import threading

    lock = threading.Lock()

    @kept(ignore="lock")
    def f(x):
        with lock:
            return x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f(1) == f(1) == 1
    assert f.cache_info().hits == 1

    @kept
    def g(x):
        with lock:
            return x

    with pytest.warns(CacheWarning, match="'lock'"):
        assert g(1) == 1


def test_recursion_within_a_function(kept):
    def make():
        @kept
        def fib(n):
            RUNS.append(n)
            return n if n < 2 else fib(n - 1) + fib(n - 2)

        return fib

    assert make()(30) == 832040
    assert sorted(RUNS) == list(range(31))
    assert make()(31) == 1346269
    assert len(RUNS) == 32


def test_methods_take_self_by_value(kept):
    class Model:
        def __init__(self, rate):
            self.rate = rate

        @kept
        def run(self, x):
            RUNS.append(1)
            return self.rate * x

    first = Model(2)
    assert first.run(3) == Model(2).run(3) == Model.run(Model(2), x=3) == 6
    assert len(RUNS) == 1
    first.rate = 4
    assert first.run(3) == 12
    assert first.run.is_cached(3)
    assert not Model.run.is_cached(Model(7), 3)
    first.run.put("given", 4)
    first.run.put("more", x=5)
    assert (first.run(4), first.run.get(5), first.run.get(6, default=0)) == ("given", "more", 0)
    assert (Model.run.get(first, 4), Model(7).run.get(4)) == ("given", None)
    with pytest.raises(TypeError, match="takes the value"):
        first.run.put()
    with pytest.raises(TypeError, match="object is the first"):
        Model.run.is_cached(3)


@pytest.mark.parametrize("order", ["outside", "inside"])
def test_classmethods_and_staticmethods_either_way_round(kept, order):
    def both(kind, function):
        return kept(kind(function)) if order == "outside" else kind(kept(function))

    def made(cls, x):
        RUNS.append(1)
        return cls.__name__, x

    def plain(x):
        RUNS.append(1)
        return x

    class C:
        make = both(classmethod, made)
        static = both(staticmethod, plain)

    class D(C):
        pass

    assert isinstance(vars(C)["make"], classmethod)
    assert isinstance(vars(C)["static"], staticmethod)
    assert C.make(1) == C().make(1) == ("C", 1)
    assert D.make(1) == ("D", 1)
    assert C.static(1) == C().static(1) == D.static(1) == 1
    assert len(RUNS) == 3
    assert C.make.__func__.is_cached(C, 1)


QUERIES = {
    "is_cached": lambda f, *args: f.is_cached(*args),
    "cache_path": lambda f, *args: f.cache_path(*args).name,
    "get": lambda f, *args: f.get(*args, default="none"),
    "put": lambda f, *args: f.put(["put", *args], *args) or f.get(*args),
    "refresh": lambda f, *args: f.refresh(*args),
    "forget": lambda f, *args: (f.put(0, *args), f.forget(*args), f.is_cached(*args)),
    "entries": lambda f, *args: (f.cache_clear(), f.put(0, *args), len(f.entries())),
    "cache_info": lambda f, *args: f.cache_info().misses,
}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("order", ["outside", "inside"])
def test_queries_through_static_methods_are_of_the_call(kept, order, query):
    def plain(x, y=7):
        return ["plain", x, y]

    class C:
        static = kept(staticmethod(plain)) if order == "outside" else staticmethod(kept(plain))

    class D(C):
        pass

    ask = QUERIES[query]
    for through in (C, C(), D, D()):
        through.static.cache_clear()
        assert through.static(1) == ["plain", 1, 7]
        assert (
            ask(through.static, 1)
            == {
                "is_cached": True,
                "cache_path": "x=1_y=7",
                "get": ["plain", 1, 7],
                "put": ["put", 1],
                "refresh": ["plain", 1, 7],
                "forget": (None, True, False),
                "entries": (None, None, 1),
                "cache_info": 1,
            }[query]
        )


WHOLE = ("cache_info",)  # takes no arguments of a call; of entries() above, put() does


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("order", ["outside", "inside"])
@pytest.mark.parametrize("arguments", [(1,), (1, 2), (int, 2)], ids=str)
def test_queries_through_class_methods_are_of_the_call(kept, order, query, arguments):
    """With two parameters, so that one argument too few is a call as well."""

    def make(cls, x=5, y=7):
        return [cls.__name__, x, y]

    class C:
        made = kept(classmethod(make)) if order == "outside" else classmethod(kept(make))

    class D(C):
        pass

    ask = QUERIES[query]
    for through, name in ((C, "C"), (C(), "C"), (D, "D"), (D(), "D")):
        through.made.cache_clear()
        expected = [name, *arguments, 7][:3]
        assert through.made(*arguments) == expected
        if order == "inside" and sys.version_info >= (3, 13) and query not in WHOLE:
            with pytest.raises(TypeError, match="put @persist above @classmethod"):
                ask(through.made, *arguments)
            assert len(through.made.entries()) == (query != "entries")
            continue
        given = ask(through.made, *arguments)
        if query == "cache_path":
            other = {"C": D, "D": C}[name].made.cache_path(*arguments).name
            assert given != other
            continue
        assert (
            given
            == {
                "is_cached": True,
                "get": expected,
                "put": ["put", *arguments],
                "refresh": expected,
                "forget": (None, True, False),
                "entries": (None, None, 1),
                "cache_info": 1,
            }[query]
        )


@pytest.mark.skipif(sys.version_info < (3, 13), reason="a classmethod binds through __get__")
def test_below_a_classmethod_only_what_can_mean_one_call_is_answered(kept):
    def load(cls, x):
        return cls.__name__, x

    load = kept(load)
    assert load(int, 1) == ("int", 1) and load.is_cached(int, 1)

    class C:
        made = classmethod(load)

    class D(C):
        pass

    C.made(1)
    assert C.__dict__["made"].__func__.is_cached(C, 1)
    assert not load.is_cached(D, 1)
    for arguments in ((1,), (C,), (D,), (1, 2), (C, 1, 2), ()):
        with pytest.raises(TypeError):
            C.made.is_cached(*arguments)
    with pytest.raises(TypeError, match="put @persist above @classmethod"):
        C.made.refresh("x", 2)
    with pytest.raises(TypeError, match="put @persist above @classmethod"):
        C.made.is_cached(cls=C, x=1)


@pytest.mark.skipif(sys.version_info < (3, 13), reason="a classmethod binds through __get__")
def test_a_classmethod_that_the_collector_does_not_show_is_found_by_name(script):
    out = script("""
        import gc
        from locache import persist

        class C:
            @classmethod
            @persist
            def make(cls, x=1, y=2):
                return x

        gc.freeze()
        try:
            print(C.make.is_cached(1, 2))
        except TypeError as error:
            print("refused")
    """).out
    assert out == "refused\n"


def test_persist_of_persisted_takes_the_last_options(tmp_path, kept):
    @kept
    def f(x):
        return x

    again = persist(f, dir=tmp_path / "other.cache")
    assert again.__wrapped__ is f.__wrapped__
    again(1)
    name = f"{__name__}.test_persist_of_persisted_takes_the_last_options.f"
    assert (tmp_path / "other.cache" / name / "x=1").exists()


def test_callables_of_c_are_told_apart_by_what_they_hold(kept):
    second = kept(operator.itemgetter(1))
    assert [second("ab"), kept(operator.itemgetter(0))("ab"), second("ab")] == ["b", "a", "b"]
    assert second.cache_info().hits == 1
    assert [kept("a,b".split)(","), kept("a,c".split)(",")] == [["a", "b"], ["a", "c"]]
    assert kept("a,b".split).cache_path(",").parent.name == "str.split"
    assert [kept(re.compile(p).sub)("-", "ab") for p in "ab"] == ["-b", "a-"]
    assert [kept(functools.partial(s.split, ","))() for s in ("a,b", "a,c")] == [
        ["a", "b"],
        ["a", "c"],
    ]
    assert [kept(c.fromkeys)("a") for c in (dict, collections.OrderedDict)] == [
        {"a": None},
        {"a": None},
    ]
    assert type(kept(collections.OrderedDict.fromkeys)("a")) is collections.OrderedDict
    store = {"a": 1}
    get = kept(store.get)
    assert get("a") == 1
    store["a"] = 2
    assert get("a") == 2


def test_a_function_of_c_has_no_more_in_its_key_than_its_arguments(kept):
    assert kept(math.sin).cache_path(1.0).name == "x=1.0"
    assert kept(str.upper).cache_path("a").name == "self=a"


class Service:
    """Without attributes: each is as good as another, whatever variable holds it."""

    @persist
    def get(self, x):
        return x


FIRST, SECOND = Service(), Service()


def test_bind_objects_without_attributes_are_one(tmp_path, monkeypatch):
    monkeypatch.setenv("LOCACHE_DIR", str(tmp_path))
    paths = {one.get.cache_path(1) for one in (FIRST, SECOND, Service())}
    assert len(paths) == 1
