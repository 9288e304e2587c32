"""Bounds of a cache as a whole, and of all of a user's caches together, as a program says them."""

import os
from datetime import timedelta
from pathlib import Path

import locache
import pytest

pytestmark = pytest.mark.once

VARIABLES = [
    f"LOCACHE_{scope}{name}"
    for scope in ("", "CACHE_")
    for name in ("MAX_BYTES", "MAX_ENTRIES", "MAX_AGE")
]


@pytest.fixture(autouse=True)
def _restored(monkeypatch):
    for name in VARIABLES:
        monkeypatch.setenv(name, "")


def two(directory):
    @locache.persist(dir=directory)
    def one(x):
        return b"x" * 1000

    @locache.persist(dir=directory)
    def other(x):
        return b"x" * 1000

    return one, other


def size(*directories):
    return sum(path.stat().st_size for d in directories for path in Path(d).glob("*/x=*"))


def test_configure_bounds_each_cache(tmp_path):
    locache.configure(cache_max_bytes="30K")
    one, other = two(tmp_path / "a.cache")
    for x in range(40):
        assert len(one(x)) == len(other(x)) == 1000
        assert size(tmp_path / "a.cache") <= 31 * 1024
    assert one.is_cached(39) and other.is_cached(39)


def test_configure_bounds_all_caches_together(tmp_path):
    locache.configure(all_max_bytes=30 * 1024, cache_max_entries=5)
    first, _ = two(tmp_path / "a.cache")
    for x in range(40):
        first(x)
    assert len(list(tmp_path.glob("a.cache/*/x=*"))) <= 5
    locache.configure(cache_max_entries=None)
    for name in "bc":
        one, other = two(tmp_path / f"{name}.cache")
        for x in range(20):
            one(x)
            other(x)
            assert size(*tmp_path.glob("*.cache")) <= 31 * 1024


def test_an_eviction_is_told(tmp_path, caplog):
    locache.configure(cache_max_entries=5)
    locache.verbose()
    try:
        one, _ = two(tmp_path / "a.cache")
        with caplog.at_level("INFO", "locache"):
            for x in range(10):
                one(x)
    finally:
        locache.verbose(False)
    told = [r.getMessage() for r in caplog.records if "whole cache may hold" in r.getMessage()]
    assert len(told) == 5


@pytest.mark.parametrize(
    ("told", "variable", "value"),
    [
        ({"cache_max_bytes": "1.5G"}, "LOCACHE_CACHE_MAX_BYTES", "1.5G"),
        ({"all_max_bytes": 7}, "LOCACHE_MAX_BYTES", "7"),
        ({"all_max_bytes": "10 GiB"}, "LOCACHE_MAX_BYTES", "10GiB"),
        ({"all_max_entries": 10**30}, "LOCACHE_MAX_ENTRIES", str(2**63 - 1)),
        ({"cache_max_age": 30}, "LOCACHE_CACHE_MAX_AGE", "2592000000ms"),
        ({"all_max_age": timedelta(hours=1)}, "LOCACHE_MAX_AGE", "3600000ms"),
        ({"all_max_age": "12h"}, "LOCACHE_MAX_AGE", "12h"),
        ({"all_max_age": None}, "LOCACHE_MAX_AGE", None),
        ({"cache_max_entries": -1}, "LOCACHE_CACHE_MAX_ENTRIES", None),
    ],
)
def test_configure_says_it_to_what_is_started(told, variable, value):
    locache.configure(**told)
    assert os.environ.get(variable) == value


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"cache_max_bytes": "much"}, ValueError),
        ({"cache_max_bytes": 1.5}, TypeError),
        ({"all_max_entries": "5"}, TypeError),
        ({"all_max_age": 0}, ValueError),
        ({"all_max_age": "30"}, ValueError),
        ({"all_max_age": True}, TypeError),
        ({"all_max_age": float("nan")}, ValueError),
        ({"all_max_ages": 1}, TypeError),
    ],
)
def test_configure_refuses(told, error):
    with pytest.raises(error, match=r"configure\(\)") as refused:
        locache.configure(cache_max_entries=3, **told)
    assert "persist" not in str(refused.value)
    assert not os.environ["LOCACHE_CACHE_MAX_ENTRIES"]


@pytest.mark.parametrize(
    ("name", "value", "what"),
    [
        ("LOCACHE_MAX_BYTES", "abc", "no size, as 500K, 10M or 1.5G"),
        ("LOCACHE_MAX_AGE", "soon", "no age, as 12h, 30d or 1y"),
        ("LOCACHE_CACHE_MAX_ENTRIES", "1.5", "no whole number"),
    ],
)
def test_a_variable_that_says_nothing_is_told_and_stores_nothing(
    tmp_path, monkeypatch, name, value, what
):
    monkeypatch.setenv(name, value)
    one, _ = two(tmp_path / "a.cache")
    with pytest.warns(locache.CacheWarning, match=f"nothing is cached: .*{name}={value} is {what}"):
        assert len(one(1)) == 1000
    assert not list(tmp_path.rglob("x=*"))
