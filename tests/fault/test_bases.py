"""Bases (docs/sharing.md) that vanish, cannot be written to, or are another user's."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading

import pytest
import workload
from faultkit import NOBODY, as_user, computed, needs_root, persisted, warned

pytestmark = pytest.mark.once


def above(base, place):
    return persisted(workload.plain, place / "own.cache", base=base / "own.cache")


def fill(base, *values):
    call = persisted(workload.plain, base / "own.cache")
    return [call(x) for x in values]


def test_a_base_that_vanishes_while_it_is_read(tmp_path, injected):
    """It is taken away and put back, as rsync or a mount would, while a process reads it."""
    base, kept = tmp_path / "ci", tmp_path / "kept"
    right = fill(base, *range(8))
    shutil.copytree(base, kept)
    stop = threading.Event()

    def exchange():
        while not stop.is_set():
            shutil.rmtree(base)
            shutil.copytree(kept, base)
            injected()

    thread = threading.Thread(target=exchange)
    thread.start()
    try:
        for n in range(10):
            call = above(base, tmp_path / f"p{n}")
            results, said = warned(lambda call=call: [call(x) for x in range(8)])
            assert results == right
            assert len(said) <= 1
    finally:
        stop.set()
        thread.join()
    call = above(base, tmp_path / "last")
    assert [computed(call, x) for x in range(8)] == [(value, False) for value in right]


@needs_root("mounting")
def test_a_base_on_a_read_only_mount(small_mount, tmp_path):
    base = small_mount("size=1m")
    right = fill(base, 1)
    subprocess.run(["mount", "-o", "remount,ro", str(base)], check=True)
    call = above(base, tmp_path)
    (result, again), said = warned(computed, call, 1)
    assert ([result], again, said) == (right, False, [])
    assert computed(call, 2)[1]


@needs_root("another user's files")
def test_a_base_of_another_user(tmp_path):
    base = tmp_path / "ci"
    right = fill(base, 1)
    for path in [base, *base.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    (result, again), said = warned(computed, above(base, tmp_path), 1)
    assert ([result], again, said) == (right, False, [])
    (base / "own.cache").chmod(0o777)
    (result, again), said = warned(computed, above(base, tmp_path / "other"), 1)
    assert ([result], again) == (right, True) and len(said) == 1


@needs_root("another user's rights")
def test_a_base_that_cannot_be_read(tmp_path_factory):
    place = tmp_path_factory.mktemp("shared")
    for path in (place, *place.parents):
        if path.stat().st_uid == os.geteuid() and path != path.parent:
            path.chmod(path.stat().st_mode | 0o011)
    base = place / "ci"
    fill(base, 1)
    (place / "theirs").mkdir()
    os.chown(place / "theirs", NOBODY, NOBODY)

    def check():
        call = above(base, place / "theirs")
        results, said = warned(lambda: [computed(call, x)[1] for x in (1, 2, 1)])
        assert results[:2] == [True, True] and not results[2]
        assert len(said) <= 1

    as_user(NOBODY, check)


def test_what_is_damaged_in_a_base_is_computed_and_kept(tmp_path):
    base = tmp_path / "ci"
    right = fill(base, 1)
    entry = next((base / "own.cache").glob("*/x=1"))
    damaged = bytearray(entry.read_bytes())
    damaged[-1] ^= 1
    entry.write_bytes(damaged)
    (result, again), said = warned(computed, above(base, tmp_path), 1)
    assert ([result], again) == (right, True) and len(said) == 1
    (result, again), said = warned(computed, above(base, tmp_path), 1)
    assert ([result], again, said) == (right, False, [])
    assert entry.read_bytes() == bytes(damaged)
