"""Assertions about a function's cache, for tests; and a fixture for pytest.

>>> from locache import persist
>>> from locache.testing import expect_hit, expect_miss
>>> @persist
... def double(x):
...     return 2 * x
>>> double.cache_clear()
>>> with expect_miss(double):
...     value = double(21)
>>> with expect_hit(double):
...     value = double(x=21)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from locache import _log, _target

if TYPE_CHECKING:
    from pathlib import Path

    from locache import _Explanation

__all__ = [
    "assert_hit",
    "assert_miss",
    "expect_hit",
    "expect_invalidated",
    "expect_kept",
    "expect_miss",
]

# Why a call misses whatever its result depends on.
UNRELATED = ("off", "refresh", "unkeyed", "unusable", "expired")


def _persisted(function: Any) -> Any:
    """What has the methods; a bound method of a persisted function stays bound."""
    if hasattr(function, "explain") and hasattr(function, "cache_info"):
        return function
    found = _target.find_persisted(function)
    if found is None:
        raise TypeError(f"{function!r} is no persisted function: decorate it with @persist")
    return found


def _name(function: Any) -> str:
    return str(getattr(function, "__qualname__", function))


# ------------------------------------------------------------------------------ of a block of calls


@contextmanager
def _listening() -> Iterator[list[str]]:
    """The lines that the log would have."""
    lines: list[str] = []
    _log.attach(lines.append)
    try:
        yield lines
    finally:
        _log.detach(lines.append)


@contextmanager
def _watch(function: Callable[..., Any], wanted: str, refused: str) -> Iterator[None]:
    persisted = _persisted(function)
    before = persisted.cache_info()
    with _listening() as lines:
        yield
    after = persisted.cache_info()
    counts = {
        "hit": after.hits - before.hits,
        "miss": after.misses - before.misses,
        "call without the cache": after.bypassed - before.bypassed,
    }
    if counts.pop(wanted) > 0 and not any(counts.values()):
        return
    told = [f"  {line}" for line in lines if line.startswith(f"{refused} ")]
    found = ", ".join(f"{count} x {what}" for what, count in counts.items() if count)
    first = f"{_name(function)}(): expected a {wanted}: {found or 'it was not called'}"
    raise AssertionError("\n".join([first, *told]))


def expect_hit(function: Callable[..., Any], /) -> AbstractContextManager[None]:
    """A context in which every call of a function is to hit, and there is one at least.

    Parameters
    ----------
    function : callable
        a persisted function, also through other decorators, or a bound method

    Raises
    ------
    AssertionError
        at the end, with the reason of each miss
    """
    return _watch(function, "hit", "miss")


def expect_miss(function: Callable[..., Any], /) -> AbstractContextManager[None]:
    """A context in which every call of a function is to miss, and there is one at least.

    Parameters and what is raised are those of expect_hit().
    """
    return _watch(function, "miss", "hit")


# -------------------------------------------------------------------------------------- of one call


def _explained(function: Callable[..., Any], args: Any, kwargs: Any) -> _Explanation:
    found: _Explanation = _persisted(function).explain(*args, **kwargs)
    return found


def assert_hit(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> _Explanation:
    """Assert that a call with these arguments would hit. The function is not called.

    Returns what function.explain() says. Raises AssertionError with its line.
    """
    found = _explained(function, args, kwargs)
    if not found.hit:
        raise AssertionError(f"{_name(function)}(): expected a hit: {found}")
    return found


def assert_miss(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> _Explanation:
    """Assert that a call with these arguments would miss. The function is not called.

    Returns what function.explain() says: its .why is "absent", "changed", ... Raises AssertionError
    with its line.
    """
    found = _explained(function, args, kwargs)
    if found.hit:
        raise AssertionError(f"{_name(function)}(): expected a miss: {found}")
    return found


# --------------------------------------------------------------------------------- across a change


@contextmanager
def _across(
    function: Callable[..., Any], args: Any, kwargs: Any, check: Callable[[Any, Any], str]
) -> Iterator[None]:
    """`check` says what is wrong, of what explain() says before and after, or nothing."""
    before = _explained(function, args, kwargs)
    if not before.hit:
        raise AssertionError(
            f"{_name(function)}(): nothing is stored that a change could concern, so call it "
            f"first: {before}"
        )
    yield
    wrong = check(before, _explained(function, args, kwargs))
    if wrong:
        raise AssertionError(f"{_name(function)}(): expected that the change {wrong}")


def expect_invalidated(
    function: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> AbstractContextManager[None]:
    """A context in which something is changed, after which the stored result of this call does not
    hold any longer. The function is not called.

    Raises AssertionError where there is no result before, where it still holds, and where it is
    gone for another reason: removed, expired, the cache switched off.
    """

    def check(before: _Explanation, after: _Explanation) -> str:
        removed = after.why == "absent" and after.path == before.path
        fails = after.hit or removed or after.why in UNRELATED
        told = "it was removed" if removed else after
        return f"invalidates the result: {told}" if fails else ""

    return _across(function, args, kwargs, check)


def expect_kept(
    function: Callable[..., Any], /, *args: Any, **kwargs: Any
) -> AbstractContextManager[None]:
    """A context in which something is changed, after which the stored result of this call still
    holds. The function is not called.

    Raises AssertionError where there is no result before, and where it does not hold after, with
    the reason.
    """

    def check(before: _Explanation, after: _Explanation) -> str:
        return "" if after.hit else f"keeps the result: {after}"

    return _across(function, args, kwargs, check)


# ------------------------------------------------------------------------------------------- pytest

try:
    import pytest
except ImportError:  # the rest is for any test
    pass
else:

    @pytest.fixture
    def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An empty cache for all functions that say no dir=, for the time of a test: its
        directory. The cache is on, whatever the variable LOCACHE says."""
        place = tmp_path / "empty.cache"
        monkeypatch.setenv("LOCACHE_DIR", str(place))
        monkeypatch.delenv("LOCACHE", raising=False)
        return place

    __all__ += ["empty_cache"]
