"""Rows "really full" and "read-only": the function's result comes back uncached, and caching
resumes by itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import workload
from faultkit import NOBODY, as_user, computed, entry_of, needs_root, persisted, warned

RIGHT = {"x": 1, "list": [1.5, None, "text"]}


def fill(place):
    """Use up every byte of a small file system."""
    with open(place / "filler", "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def test_a_full_file_system_costs_nothing_but_the_caching(small_mount):
    place = small_mount("size=1m")
    call = persisted(workload.buffered, place / "full.cache")
    call(1)
    fill(place)
    (result, ran), messages = warned(computed, call, 2)
    assert ran and result[-1] == 2
    assert len(messages) == 1 and "No space left" in messages[0] and str(place) in messages[0]
    assert warned(computed, call, 2)[1] == [], "said once"
    assert not computed(call, 1)[1], "what is there still hits"
    leftovers = [p for p in (place / "full.cache").rglob("*") if p.is_file() and "tmp" in p.name]
    assert leftovers == []
    (place / "filler").unlink()
    assert computed(call, 2)[1]
    assert not computed(call, 2)[1], "caching resumes when space is back"


def test_a_full_file_system_before_the_first_call(small_mount):
    place = small_mount("size=1m")
    fill(place)
    call = persisted(workload.plain, place / "full.cache")
    (result, ran), messages = warned(computed, call, 1)
    assert (result, ran) == (RIGHT, True) and len(messages) == 1
    (place / "filler").unlink()
    computed(call, 1)
    assert computed(call, 1) == (RIGHT, False)


def test_inodes_used_up(small_mount):
    place = small_mount("size=1m,nr_inodes=30")
    call = persisted(workload.plain, place / "full.cache")
    call(1)
    made = []
    try:
        while True:
            path = place / f"file{len(made)}"
            path.touch()
            made.append(path)
    except OSError:
        pass
    (result, ran), messages = warned(computed, call, 2)
    assert ran and result["x"] == 2 and len(messages) == 1
    for path in made:
        path.unlink()
    computed(call, 2)
    assert not computed(call, 2)[1]


def test_a_read_only_mount_hits_and_computes(small_mount):
    place = small_mount("size=1m")
    persisted(workload.plain, place / "ro.cache")(1)
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    call = persisted(workload.plain, place / "ro.cache")
    assert warned(computed, call, 1) == ((RIGHT, False), [])
    (result, ran), messages = warned(computed, call, 2)
    assert ran and result["x"] == 2
    assert len(messages) == 1 and "Read-only file system" in messages[0]


def test_a_source_on_a_read_only_mount_is_cached_away_from_it(small_mount, home):
    place = small_mount("size=1m")
    source = "import locache\n@locache.persist\ndef f(x):\n    print('ran')\n    return x\nf(1)\n"
    (place / "foo.py").write_text(source)
    subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
    command = [sys.executable, str(place / "foo.py")]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(2)]
    assert [(done.stdout, done.stderr) for done in runs] == [("ran\n", ""), ("", "")]
    assert len(list((home / "cache" / "locache").rglob("foo.cache/f/x=1"))) == 1


@needs_root("giving up root's rights")
def test_a_read_only_directory_hits_and_computes(cache):
    persisted(workload.plain, cache)(1)
    for path in [cache, *cache.rglob("*")]:
        os.chown(path, NOBODY, NOBODY)
    for directory in (cache / "plain" / ".locache", cache / "plain", cache / ".versions", cache):
        directory.chmod(0o500)
    for ancestor in (cache.parent, *cache.parent.parents):
        if not ancestor.stat().st_mode & 0o001:
            if ancestor == cache.parent or "pytest" in str(ancestor):
                ancestor.chmod(0o755)

    def check():
        call = persisted(workload.plain, cache)
        assert warned(computed, call, 1) == ((RIGHT, False), [])
        (result, ran), messages = warned(computed, call, 2)
        assert ran and result["x"] == 2
        assert len(messages) == 1 and "Permission denied" in messages[0]
        assert warned(computed, call, 2)[1] == []

    as_user(NOBODY, check)


@needs_root("giving up root's rights")
@pytest.mark.parametrize("codec", ["plain", "pickled"])
def test_a_directory_that_cannot_be_made(tmp_path, codec):
    tmp_path.chmod(0o755)
    tmp_path.parent.chmod(0o755)
    tmp_path.parent.parent.chmod(0o755)

    def check():
        call = persisted(getattr(workload, codec), tmp_path / "new.cache")
        (_, ran), messages = warned(computed, call, 1)
        assert ran and len(messages) == 1 and str(tmp_path / "new.cache") in messages[0]

    as_user(NOBODY, check)
    assert not entry_of(tmp_path / "new.cache", workload.plain).exists()
