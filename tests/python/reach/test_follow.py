"""What a function depends on changes between two calls of it: what is asked of its results, given
to them or computed anew is of the version that runs now."""

import asyncio
import os
import sys
import types
from pathlib import Path

import locache
import pytest
from locache import persist

SCALE = 1


def scaled(x):
    return x * SCALE


@pytest.fixture
def call(tmp_path):
    return persist(lambda x: scaled(x), dir=tmp_path / "here", name="call")


def test_what_is_asked_is_of_the_present_version(call, monkeypatch):
    assert call(1) == call.get(1) == 1
    monkeypatch.setattr(f"{__name__}.SCALE", 2)
    assert call.get(1) is None
    assert not call.is_cached(1)
    assert call(1) == call.get(1) == 2
    monkeypatch.undo()
    assert call.get(1) == 1


CAPTURED = """
import sys
computed = []
def main():
    import collections.abc, json, helpers
    from locache import persist
    @persist
    def f(x):
        computed.append(x)
        return json.loads(helpers.g(x))
    @persist(auto_invalidate=False)
    def given(module, x):
        computed.append(module.__name__)
        return module.g(x)
    print(f(1), given(helpers, 1), f.explain(1).hit, *computed)
main()
"""


def test_modules_that_are_captured_or_given_count_by_what_is_in_them(script):
    seen = []
    for n in (1, 1, 2, 1):
        (script.place / "helpers.py").write_text(f"def g(x):\n    return str(x + {n})\n")
        # Else Python runs what it compiled before: it is as long, and of the same second.
        seen.append(script(CAPTURED, env={"PYTHONDONTWRITEBYTECODE": "1"}).out)
    assert seen == [
        "2 2 True 1 helpers\n", "2 2 True\n", "3 3 True 1 helpers\n", "2 2 True\n",
    ]  # fmt: skip


def test_what_is_given_is_of_the_present_version(call, monkeypatch):
    assert call(1) == 1
    monkeypatch.setattr(f"{__name__}.SCALE", 2)
    call.put(20, 1)
    assert call(1) == 20
    monkeypatch.undo()
    assert call(1) == 1


def test_what_is_computed_anew_is_of_the_present_version(call, monkeypatch):
    assert call(1) == 1
    monkeypatch.setattr(f"{__name__}.SCALE", 2)
    assert call.refresh(1) == 2
    monkeypatch.undo()
    assert call(1) == 1


def test_so_it_is_where_the_environment_asks_for_it(call, monkeypatch):
    assert call(1) == 1
    with monkeypatch.context() as patch:
        patch.setattr(f"{__name__}.SCALE", 2)
        patch.setenv("LOCACHE", "refresh")
        assert call(1) == 2
    assert call(1) == 1


def test_a_coroutine_looks_when_it_runs(tmp_path, monkeypatch):
    @persist(dir=tmp_path / "here")
    async def call(x):
        return scaled(x)

    assert asyncio.run(call(1)) == 1
    later = call(1)
    monkeypatch.setattr(f"{__name__}.SCALE", 2)
    assert asyncio.run(later) == 2
    monkeypatch.undo()
    assert asyncio.run(call(1)) == 1


def test_functions_of_one_code_in_two_modules_are_two_arguments(tmp_path):
    @persist(dir=tmp_path / "here")
    def call(function):
        return function(1)

    modules = []
    for factor in (2, 3):
        module = types.ModuleType("lent")
        module.factor = factor
        exec("def times(x):\n    return x * factor\n", vars(module))
        modules.append(module)
    one, other = (module.times for module in modules)
    other.__code__ = one.__code__
    assert [call(one), call(other)] == [2, 3]


@pytest.mark.parametrize("counts", [True, "project", "self"])
def test_what_is_told_counts_whatever_else_does(tmp_path, monkeypatch, counts):
    file = tmp_path / "table"
    file.write_text("one")
    depends = [Path(file), locache.env("MODEL"), scaled]

    @persist(dir=tmp_path / "here", auto_invalidate=counts, depends=depends)
    def call(x):
        return file.read_text(), os.environ.get("MODEL"), SCALE

    assert call(1) == ("one", None, 1)
    file.write_text("another")
    assert call(1) == ("another", None, 1)
    monkeypatch.setenv("MODEL", "m")
    assert call(1) == ("another", "m", 1)
    monkeypatch.setattr(f"{__name__}.SCALE", 2)
    assert call(1) == ("another", "m", 2)


def test_nothing_but_a_functions_own_code_counts_where_that_is_said(tmp_path, monkeypatch):
    call = persist(auto_invalidate="self", dir=tmp_path / "here")(lambda x: scaled(x))
    assert call(1) == 1
    monkeypatch.setattr(f"{__name__}.SCALE", 2)
    assert call(1) == 1


WRAPT = """
import wrapt
from locache import persist

@wrapt.decorator
def times(wrapped, instance, args, kwargs):
    return wrapped(*args) * 2

@times
def g(x):
    return x + 1

f = persist(g)

@persist
def h(x):
    return g(x)

print(f(1), f.cache_info().misses, h(1), h.cache_info().misses)
"""


@pytest.mark.once
def test_a_wrapper_made_in_c_counts_by_what_it_does(script):
    assert [script(WRAPT).out for _ in range(2)] == ["4 1 4 1\n", "4 0 4 0\n"]
    assert script(WRAPT.replace("* 2", "* 3")).out == "6 1 6 1\n"
    assert script(WRAPT.replace("x + 1", "x + 2")).out == "6 1 6 1\n"
    assert script(WRAPT).out == "4 0 4 0\n"


PARAMETERS = """
from locache import persist
type Number = int
def helper[T](x: T) -> T:
    return x
@persist
def bound[T: int](x):
    return T.__bound__.__name__, helper(x)
@persist
def alias(x):
    return Number.__value__.__name__
print(*bound(1), alias(1), bound.cache_info().misses, alias.cache_info().misses)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
def test_type_parameters_count_where_code_looks_at_them(script):
    """Without typing, which nothing has imported."""
    edits = [
        ("", "", "int 1 int 1 1"),
        ("helper[T](x: T) -> T", "helper[U: str](x)", "int 1 int 0 0"),
        ("[T: int]", "[T: str]", "str 1 int 1 0"),
        ("Number = int", "Number = float", "int 1 float 0 1"),
    ]
    for old, new, expected in edits:
        assert script(PARAMETERS.replace(old, new)).out == expected + "\n"
