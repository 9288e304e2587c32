"""What cache_info() says of time: what results took, and what was saved by giving them."""

from __future__ import annotations

import asyncio
import time

import pytest
from locache import CacheWarning, persist

NAP = 0.02  # seconds: far more than a hit takes


def nap(x):
    time.sleep(NAP)
    return x


def times(f):
    info = f.cache_info()
    return info.time_computed, info.time_saved


@pytest.mark.parametrize("result", ["immutable", ["made afresh"]], ids=["object", "value"])
@pytest.mark.parametrize(
    "options", [{}, {"memory": False}, {"recheck": 3600}, {"max_entries": 5}], ids=str
)
def test_each_hit_saves_what_the_result_took(kept, result, options):
    f = kept(lambda: nap(result), auto_invalidate="self", **options)
    f()
    took, saved = times(f)
    assert NAP <= took < 10 and saved == 0
    for count in range(1, 6):
        f()
        assert times(f) == (took, pytest.approx(count * took))
    f.cache_clear()
    assert times(f) == (0, 0)
    f(), f()
    assert times(f)[1] == pytest.approx(times(f)[0]) and times(f)[0] >= NAP


def test_another_process_saves_what_the_first_computed(kept):
    f, other = kept(nap), kept(nap)
    f(1)
    other(1), other(1)
    assert times(other) == (0, pytest.approx(2 * times(f)[0]))


def test_looking_saves_nothing_and_getting_does(kept):
    f = kept(nap)
    f(1)
    took, _ = times(f)
    assert f.is_cached(1) and not f.is_cached(2)
    f.entries()
    assert times(f) == (took, 0)
    f.get(1)
    assert times(f) == (took, pytest.approx(took))
    f.put(3, 2)
    f(2)
    assert times(f) == (took, pytest.approx(took))
    f.refresh(1)
    assert times(f)[0] >= 2 * NAP


def test_what_was_saved_stays_counted_when_the_cache_is_elsewhere(kept, tmp_path, monkeypatch):
    f = persist(nap)
    monkeypatch.setenv("LOCACHE_DIR", str(tmp_path / "one"))
    f(1), f(1)
    monkeypatch.setenv("LOCACHE_DIR", str(tmp_path / "two"))
    f(1), f(1)
    computed, saved = times(f)
    assert computed >= 2 * NAP and saved == pytest.approx(computed)


def test_results_that_are_not_stored_and_coroutines_take_time_too(kept):
    f = kept(nap, keep=lambda result: False)
    f(1), f(1)
    assert times(f)[0] >= 2 * NAP and times(f)[1] == 0

    @kept
    async def late(x):
        await asyncio.sleep(NAP)
        return x

    asyncio.run(late(1)), asyncio.run(late(1))
    computed, saved = times(late)
    assert computed >= NAP * 0.9 and saved == pytest.approx(computed)


def fail(x):
    raise ValueError(x)


def test_what_raises_takes_none_and_what_cannot_be_read_saves_none(kept, monkeypatch):
    f = kept(fail)
    with pytest.raises(ValueError, match="1"):
        f(1)
    assert times(f) == (0, 0)
    g = kept(lambda: nap(FOUND[0]), auto_invalidate="self")
    g()
    monkeypatch.delitem(globals(), "Found")
    with pytest.warns(CacheWarning):
        g()
    info = g.cache_info()
    assert (info.hits, info.misses, info.time_saved) == (0, 2, 0)


class Found:
    pass


FOUND = [Found()]
