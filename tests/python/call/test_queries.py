"""Results without a call: get(), put(), entries()."""

from __future__ import annotations

import os
import socket
import struct
import time
from datetime import datetime, timedelta, timezone

import pytest
from locache import Memory


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


def test_entries_are_what_is_there_of_this_function(kept):
    """Whatever else lies in its directory, and whatever that says of itself."""

    @kept
    def f(x):
        return x

    @kept
    def g(x):
        return x

    f(1), g(3)
    entry = f.cache_path(1)
    data = entry.read_bytes()

    def write(name, content):
        entry.with_name(name).write_bytes(content)

    write("notes.txt", b"mine")
    write("x=2", b"")
    write("x=3", data[:143])
    write("x=4", data)  # of another call
    write("x=5", data[:24] + b"\xff" * 16 + data[40:])  # a key and a body of 2^64 bytes
    write("x=6", data[:12] + b"\xff" * 4 + data[16:])  # as many buffers
    write("x=3", g.cache_path(3).read_bytes())  # of another function
    os.mkfifo(entry.with_name("x=7"))
    entry.with_name("x=8").symlink_to("x=1")
    entry.with_name("x=9").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()
        os.chdir(entry.parent)
        listener.bind("x=10")
        os.chdir(here)
    write(os.fsdecode(b"x=\xff"), data)
    assert [found.path for found in f.entries()] == [entry]


def test_times_that_cannot_be_are_shown(kept):
    @kept
    def f(x):
        return x

    f(1)
    path = f.cache_path(1)
    for created, took in ((2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)), (0, -1)):
        data = bytearray(path.read_bytes())
        data[32:48] = struct.pack("<qq", created, took)
        path.write_bytes(data)
        (entry,) = f.entries()
        assert abs(entry.time.timestamp() - created / 1e9) < 1
        assert entry.duration == max(took, 0) / 1e9


def test_memory_clears_what_is_its_own(tmp_path):
    memory = Memory(tmp_path / "cache")

    @memory.cache
    def f(x):
        return x

    f(1)
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "cache"
    data = f.cache_path(1).read_bytes()
    (outside / "x=1").write_bytes(data)
    (root / "link").symlink_to(outside)
    (root / "x=1").write_bytes(data)
    (root / "mine").mkdir()
    (root / "mine" / "x=1").write_bytes(data)
    (root / "mine" / "notes.txt").write_text("mine")
    (f.cache_path(1).parent / "notes.txt").write_text("mine")
    Memory(root).clear()
    assert not f.is_cached(1) and f.entries() == []
    kept = [outside / "x=1", root / "x=1", root / "mine" / "x=1"]
    assert all(path.read_bytes() == data for path in kept)
    assert (f.cache_path(1).parent / "notes.txt").read_text() == "mine"
    Memory(tmp_path / "nowhere").clear()
    assert not (tmp_path / "nowhere").exists()
    root.chmod(0o777)
    with pytest.raises(OSError, match="other users"):
        memory.clear()


def test_memory_clears_earlier_versions(tmp_path):
    results = {}
    for text in ("return x", "return x + 1", "return x"):
        memory = Memory(tmp_path)
        space = {"__name__": "module", "RUNS": []}
        exec(f"def f(x):\n    RUNS.append(x)\n    {text}", space)
        f = memory.cache(space["f"], ignore=())
        f(1)
        results.setdefault(text, []).append(len(space["RUNS"]))
    assert results == {"return x": [1, 0], "return x + 1": [1]}
    Memory(tmp_path).clear()
    for text in results:
        space = {"__name__": "module", "RUNS": []}
        exec(f"def f(x):\n    RUNS.append(x)\n    {text}", space)
        Memory(tmp_path).cache(space["f"])(1)
        assert space["RUNS"] == [1]
