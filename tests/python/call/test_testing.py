"""locache.testing: assertions about hits and misses, and the fixture."""

from __future__ import annotations

import asyncio
import functools
import logging
import subprocess
import sys
import textwrap

import locache
import pytest
from locache import testing

RATE = 0.07
OTHER = 1


@pytest.fixture
def total(kept):
    @kept
    def total(x, num=3):
        return x * (1 + RATE)

    return total


def fails(match):
    return pytest.raises(AssertionError, match=match)


def test_a_block_of_hits_and_of_misses(total):
    with testing.expect_miss(total):
        total(1)
        total(2)
    with testing.expect_hit(total):
        total(1)
        total(x=2, num=3)


def test_a_miss_where_hits_are_expected(total, monkeypatch):
    total(1)
    with fails(r"(?s)total\(\): expected a hit: 1 x miss\n  miss .*nearest is x=1_num=3: x is 2"):
        with testing.expect_hit(total):
            total(1)
            total(2)
    monkeypatch.setattr(f"{__name__}.RATE", 0.08)
    with fails(r"constant RATE in .* changed \(0.07 -> 0.08\)"), testing.expect_hit(total):
        total(1)


def test_a_hit_where_misses_are_expected(total):
    total(1)
    with fails(r"expected a miss: 2 x hit"), testing.expect_miss(total):
        total(1), total(1), total(2)


@pytest.mark.parametrize("expect", [testing.expect_hit, testing.expect_miss])
def test_no_call_and_a_call_without_the_cache(total, expect):
    with fails("it was not called"), expect(total):
        pass
    with fails("1 x call without the cache"), expect(total), locache.disabled():
        total(1)


def test_an_exception_in_the_block_goes_on(total):
    with pytest.raises(ZeroDivisionError), testing.expect_hit(total):
        1 / 0  # noqa: B018
    assert total(1) == 1.07


def test_one_call(total, monkeypatch):
    assert testing.assert_miss(total, 1).why == "absent"
    with fails(r"total\(\): expected a hit: miss: nothing is stored yet"):
        testing.assert_hit(total, 1)
    total(1)
    assert testing.assert_hit(total, 1, num=3).hit
    with fails("expected a miss: hit: stored"):
        testing.assert_miss(total, x=1)
    monkeypatch.setattr(f"{__name__}.RATE", 0.08)
    with fails("constant RATE"):
        testing.assert_hit(total, 1)
    assert total.cache_info().misses == 1


def test_a_change_that_invalidates(total, monkeypatch):
    with fails("call it first: miss: nothing is stored"):
        with testing.expect_invalidated(total, 1):
            raise RuntimeError("never here")
    total(1)
    with testing.expect_invalidated(total, 1):
        monkeypatch.setattr(f"{__name__}.RATE", 0.08)


def test_a_change_that_does_not(total, monkeypatch):
    total(1)
    with fails("expected that the change invalidates the result: hit: stored"):
        with testing.expect_invalidated(total, 1):
            monkeypatch.setattr(f"{__name__}.OTHER", 2)
    with testing.expect_kept(total, 1):
        monkeypatch.setattr(f"{__name__}.OTHER", 3)
    with fails("keeps the result: miss: constant RATE"), testing.expect_kept(total, 1):
        monkeypatch.setattr(f"{__name__}.RATE", 0.08)
    with fails("call it first"), testing.expect_kept(total, 1):
        pass


def test_a_result_that_is_gone_for_another_reason(total, monkeypatch):
    total(1)
    with fails("it was removed"), testing.expect_invalidated(total, 1):
        total.forget(1)
    total(1)
    with fails("off: LOCACHE=off"), testing.expect_invalidated(total, 1):
        monkeypatch.setenv("LOCACHE", "off")


def test_the_code_of_an_argument(kept):
    class Shape:
        sides = 3

    f = kept(lambda shape: shape.sides, name="f")
    f(Shape())
    with testing.expect_invalidated(f, Shape()):
        Shape.sides = 4


def test_methods_other_decorators_and_coroutines(kept):
    class Model:
        @kept
        def total(self, x):
            return x

        @kept
        async def later(self, x):
            return x

    def logged(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args)

        return wrapper

    model = Model()
    with testing.expect_miss(model.total), testing.expect_miss(Model.later):
        model.total(1), asyncio.run(model.later(1))
    with testing.expect_hit(model.total), testing.expect_hit(Model.later):
        model.total(1), asyncio.run(model.later(1))
    assert testing.assert_hit(model.total, 1).hit and testing.assert_hit(Model.total, model, 1).hit
    wrapped = logged(kept(lambda x: x, name="wrapped"))
    wrapped(1)
    assert testing.assert_hit(wrapped, 1).hit
    with testing.expect_hit(wrapped):
        wrapped(1)


@pytest.mark.parametrize("function", [len, lambda: 1, None, 3])
def test_what_is_no_persisted_function(function):
    for use in (testing.expect_hit, testing.expect_kept):
        with pytest.raises(TypeError, match="@persist"), use(function):
            pass
    with pytest.raises(TypeError, match="@persist"):
        testing.assert_hit(function)


def test_the_log_goes_on(total, caplog):
    """Whoever listens besides gets each line, of the line of the call."""
    locache.verbose()
    try:
        with caplog.at_level(logging.INFO, "locache"):
            with testing.expect_miss(total):
                total(1)
            total(2)
        assert [record.message.split()[0] for record in caplog.records] == [
            "miss", "store", "miss", "store",
        ]  # fmt: skip
        assert {record.pathname for record in caplog.records} == {__file__}
    finally:
        locache.verbose(False)
    caplog.clear()
    with caplog.at_level(logging.INFO, "locache"), testing.expect_miss(total):
        total(3)
    assert caplog.records == []
    total(4)


PROJECT = {
    "model.py": """
        from locache import persist

        @persist
        def f(x):
            return x + 1
        """,
    "conftest.py": 'pytest_plugins = ["locache.testing"]\n',
    "test_it.py": """
        import model
        import pytest
        from locache import testing

        @pytest.mark.parametrize("n", range(2))
        def test_empty(empty_cache, n):
            assert not empty_cache.exists()
            with testing.expect_miss(model.f):
                model.f(1)
            assert model.f.cache_path(1).is_relative_to(empty_cache)

        def test_own():
            assert model.f.cache_path(1).parts[-3] == "model.cache"
        """,
}


@pytest.mark.once
def test_the_fixture(script):
    for name, text in PROJECT.items():
        (script.place / name).write_text(textwrap.dedent(text))
    args = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    done = script(args=args, env={"LOCACHE": "off:nothing.*", "PYTHONDONTWRITEBYTECODE": "1"})
    assert "3 passed" in done.out and done.tree == []


def test_nothing_of_it_is_imported_by_itself():
    program = "import sys, locache; locache.persist(len); print(*sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout
    assert "locache._core" in out and "pytest" not in out and "locache.testing" not in out


def test_without_pytest(script):
    program = """
        import sys
        sys.modules["pytest"] = None
        from locache import testing
        print(sorted(testing.__all__) == sorted(set(testing.__all__)), len(testing.__all__))
    """
    assert script(program).out == "True 6\n"


@pytest.mark.once
def test_the_docstrings_example(script):
    out = script("import doctest, locache.testing as t; print(doctest.testmod(t))").out
    assert out.startswith("TestResults(failed=0, attempted=")
