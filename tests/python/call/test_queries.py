"""Results without a call: get(), put(), entries()."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest


@pytest.fixture
def f(kept):
    calls = []

    @kept(ignore="calls")
    def f(x, default=1, *, scale=2):
        calls.append(x)
        return [x, scale]

    f.calls = calls
    return f


def test_get_gives_what_is_there_and_calls_nothing(f):
    assert f.get(1) is None
    assert f.get(1, default="none") == "none"
    assert f.calls == []
    assert f(1) == [1, 2]
    assert f.get(1) == [1, 2]
    assert f.get(x=1, default=0, scale=2) == [1, 2]
    assert f.get(1, default=0, scale=3) == 0
    assert f.get(scale=3, x=1, default=7) == 7
    assert f.calls == [1]
    with pytest.raises(TypeError, match="do not fit"):
        f.get(1, 2, 3, 4)


def test_put_is_as_if_it_had_been_computed(f):
    f.put(["given"], 1)
    assert f(1) == ["given"]
    f.put("other", x=1, scale=5)
    assert f(1, scale=5) == "other"
    f.put("again", 1)
    assert f(1) == "again"
    assert f.calls == []
    for arguments in ((), ("value",), ("value", 1, 2, 3)):
        with pytest.raises(TypeError):
            f.put(*arguments)


def test_both_when_switched_off(f, monkeypatch):
    f.put("kept", 1)
    monkeypatch.setenv("LOCACHE", "off")
    assert f.get(1, default="off") == "off"
    f.put("lost", 1)
    monkeypatch.delenv("LOCACHE")
    assert f.get(1) == "kept"


def test_entries(kept):
    @kept
    def slow(x, num=3):
        time.sleep(0.02)
        return x

    assert slow.entries() == []
    slow(1), slow(2)
    (slow.cache_path(1).parent / "notes.txt").write_text("mine")
    latest, first = slow.entries()
    assert (first.arguments, latest.arguments) == ("x=1_num=3", "x=2_num=3")
    assert latest.path == slow.cache_path(2)
    assert latest.size == latest.path.stat().st_size
    assert abs(datetime.now(timezone.utc) - latest.time) < timedelta(minutes=1)
    assert 0.02 <= latest.duration < 5
    slow.forget(1)
    assert [entry.arguments for entry in slow.entries()] == ["x=2_num=3"]
