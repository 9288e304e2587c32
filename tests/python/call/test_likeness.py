"""What a persisted function looks like to others: bound methods, counts as of lru_cache, and the
libraries that look at functions."""

from __future__ import annotations

import asyncio
import copy
import functools
import gc
import inspect
import pickle
import tempfile
import types
import weakref

import pytest
from compiling import build_extension
from locache import persist

RUNS = []  # a global: what a function captures would be part of its key


@pytest.fixture(autouse=True)
def no_runs():
    RUNS.clear()


PLACE = tempfile.TemporaryDirectory()


class Model:
    def __init__(self, n):
        self.n = n

    @persist(dir=PLACE.name)
    def predict(self, x=0, *more, **rest):
        "What it predicts."
        RUNS.append(x)
        return self.n + x

    @persist(dir=PLACE.name)
    async def fetch(self, x):
        return self.n * x


def test_bound_methods_answer_for_their_object():
    model = Model(1)
    assert not model.predict.is_cached(3)
    assert model.predict(3) == 4
    assert model.predict.is_cached(3)
    assert Model.predict.is_cached(model, 3)
    assert not Model(2).predict.is_cached(3)
    assert model.predict.cache_path(3) == Model.predict.cache_path(model, x=3)
    assert model.predict.refresh(x=3) == 4
    assert RUNS == [3, 3]
    assert model.predict.forget(3)
    assert not model.predict.is_cached(3)
    assert model.predict.cache_info().misses >= 1


def test_bound_methods_are_methods():
    model = Model(1)
    method = model.predict
    assert method.__self__ is model
    assert method.__func__ is Model.predict
    assert method == model.predict != Model(1).predict
    assert hash(method) == hash(model.predict)
    assert inspect.ismethod(method)
    assert isinstance(method, types.MethodType)
    assert str(inspect.signature(method)) == "(x=0, *more, **rest)"
    assert (method.__name__, method.__doc__, method.__module__) == (
        "predict", "What it predicts.", __name__,
    )  # fmt: skip
    assert repr(method).startswith(f"<bound method Model.predict of <{__name__}.Model object at ")
    assert inspect.iscoroutinefunction(model.fetch)
    assert asyncio.run(model.fetch(3)) == 3
    assert list(map(method, range(3))) == [1, 2, 3]
    assert method(*range(20), **{f"k{i}": i for i in range(20)}) == 1
    with pytest.raises(AttributeError, match="nothing"):
        _ = method.nothing
    with pytest.raises(TypeError, match="persisted function"):
        type(method)(len, 1)


def test_bound_methods_in_pickles_copies_and_weak_references():
    model = Model(1)
    method = pickle.loads(pickle.dumps(model.predict))
    assert method.__self__.n == 1
    assert method.__func__ is Model.predict
    assert copy.deepcopy(model.predict).__self__ is not model
    assert pickle.loads(pickle.dumps(Model.predict.__get__("text"))).__self__ == "text"
    reference = weakref.WeakMethod(model.predict)
    assert reference() == model.predict
    plain = weakref.ref(method)
    del model, method
    gc.collect()
    assert reference() is None
    assert plain() is None


def test_bound_method_as_an_argument_counts_with_its_code(kept):
    @kept
    def use(function):
        RUNS.append("use")
        return function(5)

    assert (use(Model(1).predict), use(Model(1).predict), use(Model(2).predict)) == (6, 6, 7)
    assert RUNS == ["use", 5, "use", 5]


def test_cache_info_is_the_named_tuple_of_lru_cache(kept):
    f, like = kept(lambda x: x, max_entries=3), functools.lru_cache(3)(lambda x: x)
    f(1), f(1), like(1), like(1)
    info = f.cache_info()
    assert info == like.cache_info()
    hits, _, _, _ = info
    assert hits == 1
    assert info._fields == like.cache_info()._fields
    assert info._asdict() == {
        **like.cache_info()._asdict(),
        "bypassed": 0,
        "errors": 0,
        "time_computed": info.time_computed,
        "time_saved": info.time_saved,
        "verified": 0,
        "mismatches": 0,
        "bytes": info.bytes,
        "total": info.total,
    }
    assert info._replace(hits=7, errors=2) == (7, 1, 3, 1)
    assert info._replace(errors=2).errors == 2
    again = pickle.loads(pickle.dumps(info))
    assert (again, again.bypassed, repr(again)) == (info, 0, repr(info))
    assert f.cache_parameters() == {"maxsize": 3, "typed": True}
    assert kept(lambda x: x).cache_parameters()["maxsize"] is None


@pytest.mark.parametrize(
    ("parameters", "passed"),
    [
        ("*args, _mark=0, **kwargs", "*args, **kwargs"),
        ("x, _mark=0", "x"),
        ("*args, __mark=0, **kwargs", "*args, **kwargs"),
    ],
)
def test_defaults_under_a_decorator_count(kept, parameters, passed):
    scope = {"functools": functools}
    mark = "__mark" if "__mark" in parameters else "_mark"
    exec(
        "def logged(function):\n"
        "    @functools.wraps(function)\n"
        f"    def inner({parameters}):\n"
        f"        return function({passed}) + {mark}\n"
        "    return inner\n",
        scope,
    )
    results = []
    for factor in (2, 3):

        def scale(x, factor=factor):
            RUNS.append(x)
            return x * factor

        f = kept(scope["logged"](scale))
        results += [f(10), f(10)]
        scale.__defaults__ = (factor + 10,)
        results += [f(10), f(10)]
    assert results == [20, 20, 120, 120, 30, 30, 130, 130]
    assert len(RUNS) == 4


def test_default_under_a_decorator_is_told_from_the_same_value_given(kept):
    def filling(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            return function(*args, **{"n": 7, **kwargs})

        return inner

    @kept
    @filling
    def f(x, n=3, missing=object()):  # noqa: B008
        return x * n

    assert (f(1), f(1, n=3), f(1)) == (7, 3, 7)
    assert "n=default.3" in f.cache_path(1).name
    assert f.cache_info().bypassed == 0


@pytest.mark.once
def test_beartype_below(kept):
    from beartype import beartype

    results = []
    for factor in (2, 3):

        @kept
        @beartype
        def scale(x: int, factor: int = factor) -> int:
            RUNS.append(x)
            return x * factor

        results += [scale(10), scale(10), scale(x=10)]
    assert results == [20] * 3 + [30] * 3
    assert len(RUNS) == 2
    assert scale.cache_info().bypassed == 0


@pytest.mark.once
def test_wrapt_below(kept):
    import wrapt

    @wrapt.decorator
    def passing(wrapped, instance, args, kwargs):
        return wrapped(*args, **kwargs)

    @kept
    @passing
    def f(x, num=3):
        RUNS.append(x)
        return x * num

    assert f(1) == f(x=1) == f(1, 3) == 3
    assert len(RUNS) == 1
    assert f.__name__ == "f"


@pytest.mark.once
def test_validated_by_pydantic_below(kept):
    import pydantic

    results = []
    for strict in (False, True):

        @kept
        @pydantic.validate_call(config={"strict": strict})
        def scale(x: float, factor: int = 2) -> float:
            RUNS.append(x)
            return x * factor

        results += [scale(10), scale(10)]
    assert results == [20] * 4
    assert len(RUNS) == 2
    assert scale.cache_info().bypassed == 0


def test_singledispatch_below_and_as_an_argument(kept):
    @functools.singledispatch
    def kind(x):
        return "any"

    @kind.register
    def _(x: int):
        return "int"

    f = kept(kind)
    assert [f(1), f("a"), f(1)] == ["int", "any", "int"]
    assert f.cache_info().hits == 1
    kind.register(str, lambda x: "str")
    assert [f("a"), f("a"), f(1)] == ["str", "str", "int"]

    @kept
    def call(function, x):
        RUNS.append(x)
        return function(x)

    assert [call(kind, 1), call(kind, 1)] == ["int", "int"]
    assert RUNS == [1]
    kind.register(float, lambda x: "float")
    assert call(kind, 1.0) == "float"
    assert (f.cache_info().bypassed, call.cache_info().bypassed) == (0, 0)


@pytest.mark.once
def test_methods_of_pydantic_models(kept):
    import pydantic

    class Shape(pydantic.BaseModel):
        n: int

        @kept
        def area(self, x):
            return self.n * x

        @classmethod
        @kept
        def make(cls, x):
            return x

    assert (Shape(n=2).area(3), Shape(n=3).area(3), Shape.make(1)) == (6, 9, 1)
    assert set(Shape.model_fields) == {"n"}
    assert str(type(Shape.area)) == "<class 'functools.Persisted'>"


def test_what_is_assigned_as_attributes_is_called(kept):
    @kept
    def f(x):
        return x + 1

    @kept
    def g(x):
        "Newer."
        return x + 100

    f.mark = 1
    assert f(1) == 2
    path = f.cache_path(1)
    f.__dict__ = g.__dict__
    assert f(1) == 101
    assert f.__wrapped__ is g.__wrapped__
    assert (f.__name__, hasattr(f, "mark")) == ("f", False)
    assert f.cache_path(1) == path
    f.__dict__ = {"other": 2}
    assert (f(1), f.other, f.__name__, f.__wrapped__) == (101, 2, "f", g.__wrapped__)
    with pytest.raises(TypeError):
        f.__dict__ = 3
    with pytest.raises(AttributeError):
        f.__code__ = g.__code__


@pytest.mark.once
def test_autoreload_of_ipython(script):
    pytest.importorskip("IPython", minversion="9")
    out = script("""
        import pathlib, sys, time
        from IPython.core.interactiveshell import InteractiveShell

        SOURCE = '''
        from locache import persist

        @persist
        def kept(x, n={n}):
            return x + n

        class Model:
            @persist
            def method(self, x):
                return x + {n}

            @classmethod
            @persist
            def make(cls, x):
                return x + {n}
        '''

        def write(n):
            pathlib.Path("edited.py").write_text(SOURCE.format(n=n))

        shell = InteractiveShell.instance()
        sys.path.insert(0, ".")
        write(1)
        for cell in ("%load_ext autoreload", "%autoreload 2", "import edited",
                     "from edited import kept"):
            shell.run_cell(cell)
        CALLS = "seen = (edited.kept(1), kept(1), edited.Model().method(1), edited.Model.make(1))"
        for n in (1, 100, 1000):
            if n > 1:
                time.sleep(1.1)
                write(n)
            shell.run_cell(CALLS)
            print(shell.user_ns["seen"])
    """)
    assert out.out.splitlines()[-3:] == [str((n + 1,) * 4) for n in (1, 100, 1000)]


FAST = """
#include <Python.h>
static PyObject *scale(PyObject *self, PyObject *x)
{
    return PyLong_FromLong(PyLong_AsLong(x) * FACTOR);
}
static PyMethodDef methods[] = {{"scale", scale, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", NULL, -1, methods};
PyMODINIT_FUNC PyInit_fast(void) { return PyModule_Create(&module); }
"""


def test_rebuilt_function_of_c_starts_afresh_and_an_old_build_has_its_results(script):
    (script.place / "fast.c").write_text(FAST)
    seen = []
    for factor in (2, 3, 2):
        build_extension(script.place, "fast", f"-DFACTOR={factor}")
        seen.append(
            script("""
            import fast
            from locache import persist
            scale = persist(fast.scale)
            print(scale(10), scale.cache_info().hits)
        """).out
        )
    assert seen == ["20 0\n", "30 0\n", "20 1\n"]
