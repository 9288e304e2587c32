"""What the fault tests share: a home of their own, memoized functions on real files, mounts, other users."""

from __future__ import annotations

import os
import pickle  # noqa: F401  (a child that gave up its rights could not read it from disk any more)
import subprocess
import sys
import traceback
import warnings
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import locache  # noqa: E402
import workload  # noqa: E402

NOBODY = 65534


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No test sees the user's own caches or key."""
    place = tmp_path / "home"
    place.mkdir(mode=0o700)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("XDG_STATE_HOME", str(place / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "cache"))
    monkeypatch.delenv("LOCACHE_DIR", raising=False)
    workload.COMPUTED.clear()
    return place


@pytest.fixture
def cache(tmp_path):
    """A cache directory that does not exist yet."""
    return tmp_path / "faults.cache"


def persisted(function, cache, **options):
    """A fresh decoration, as a new process would have it: nothing open, nothing remembered."""
    return locache.persist(function, dir=str(cache), **options)


def entry_of(cache, function, name="x=1") -> Path:
    return cache / function.__name__ / name


def computed(call, *args):
    """The result of a call, and whether the function really ran for it."""
    before = len(workload.COMPUTED)
    result = call(*args)
    return result, len(workload.COMPUTED) > before


def warned(call, *args):
    """The result of a call, and the messages of the CacheWarnings that it gave."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call(*args)
    return result, [str(w.message) for w in caught if issubclass(w.category, locache.CacheWarning)]


def needs_root(what):
    return pytest.mark.skipif(os.geteuid() != 0, reason=f"{what} needs root")


def as_user(uid, check):
    """Run check() in a child process with another user's rights; its assertions count."""
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            check()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0, "the check failed in the child, see its traceback above"


@pytest.fixture
def small_mount(tmp_path):
    """Mount a small tmpfs: small_mount("size=1m") returns where. Skips where mounting is not allowed."""
    mounted = []

    def mount(options):
        place = tmp_path / f"mount{len(mounted)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"mode=0700,{options}", "tmpfs", str(place)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"tmpfs mounts are not allowed here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)
