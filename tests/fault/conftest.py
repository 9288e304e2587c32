"""Fixtures of the fault tests: a home of their own, a cache directory, small mounts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Found by name: under --import-mode=importlib a test's directory is on no path.
sys.path.insert(0, str(Path(__file__).parent))

import workload


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory):
    """Nor does what a module's or a session's own fixtures store get into the user's registry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


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
def injected(record_property):
    """injected(n): so many faults were injected, and what must hold after each of them held. The
    test's report says how many in all (tools/faults.py); one that does not count is one."""
    count = [0]

    def add(n=1):
        count[0] += n

    yield add
    record_property("injections", count[0])
    print(count[0], "injections")


@pytest.fixture
def cache(tmp_path):
    """A cache directory that does not exist yet."""
    return tmp_path / "faults.cache"


@pytest.fixture
def small_mount(tmp_path):
    """Mount a small tmpfs: small_mount("size=1m") returns where. Skips where mounting is not
    allowed."""
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
