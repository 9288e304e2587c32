"""What the Python tests share: a home of their own, and scripts run as a user runs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import types
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from flights import LONG, Log
from valuecache import Cache

settings.register_profile(
    "locache",
    deadline=None,
    max_examples=int(os.environ.get("LOCACHE_TEST_EXAMPLES", "150")),
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("locache")

# "2/3": the second of every three rows. One version of Python runs all, the others share them.
FIRST, PARTS = map(int, os.environ.get("LOCACHE_TEST_PART", "1/1").split("/"))


def pytest_collection_modifyitems(config, items):
    """Of a test with more rows than there are parts, this part's."""
    rows = Counter(table_of(item) for item in items)
    seen = Counter()
    chosen, others = [], []
    for item in items:
        table = table_of(item)
        mine = rows[table] <= PARTS or seen[table] % PARTS == FIRST - 1
        seen[table] += 1
        (chosen if mine else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = chosen


def table_of(item):
    """What the rows of a test have in common."""
    return item.nodeid.partition("[")[0]


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory):
    """Nor does what a module's or a session's own fixtures store get into the user's registry."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def home(tmp_path_factory):
    """No test sees the user's own caches or key, nor what another left in the environment: what a
    test's own monkeypatch found there was the test's already where configure() had set it."""
    place = tmp_path_factory.mktemp("home")
    before = dict(os.environ)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(place))
        patch.setenv("XDG_STATE_HOME", str(place / "state"))
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        for name in ("LOCACHE_DIR", "LOCACHE_BASE", "LOCACHE_MODE", "LOCACHE_GROUP_KEY"):
            patch.delenv(name, raising=False)
        patch.delenv("JPY_SESSION_NAME", raising=False)
        yield place
    for name in os.environ.keys() - before.keys():
        del os.environ[name]


@pytest.fixture(autouse=True)
def _quiet():
    """A test begins when the runner's own threads rest: what changes while another thread runs is
    nobody's doing for locache."""
    for _ in range(100):
        before = time.process_time() - time.thread_time()
        time.sleep(0.001)
        if time.process_time() - time.thread_time() - before < 2e-5:
            return


def tree(directory):
    """Every entry under the caches of a directory, as paths relative to it; what `ls` hides is left
    out."""
    found = []
    for path in sorted(Path(directory).rglob("*")):
        relative = path.relative_to(directory)
        hidden = any(part.startswith(".") for part in relative.parts)
        if (
            path.is_file()
            and not hidden
            and path.name != "CACHEDIR.TAG"
            and ".cache/" in f"{relative}"
        ):
            found.append(str(relative))
    return found


@pytest.fixture
def script(tmp_path):
    """Write a program into a file and run it with this interpreter: stdout, stderr and what caches
    hold afterwards."""
    place = tmp_path / "project"
    place.mkdir()

    def run(source=None, *, file="foo.py", args=None, cwd=None, env=None, stdin=None, fails=False):
        path = place / file
        if source is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(source))
        command = [sys.executable, *(args if args is not None else [str(path)])]
        done = subprocess.run(
            command,
            cwd=cwd or place,
            env={**os.environ, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) == fails, done.stderr
        return types.SimpleNamespace(out=done.stdout, err=done.stderr, tree=tree(place))

    run.place = place
    return run


@pytest.fixture
def kept(tmp_path):
    """persist(), into a directory of the test's own."""
    from locache import persist

    def decorate(function=None, **options):
        options.setdefault("dir", tmp_path / "test.cache")
        return persist(**options) if function is None else persist(function, **options)

    decorate.dir = tmp_path / "test.cache"
    return decorate


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "log")


@pytest.fixture
def no_test_hangs():
    """What waits for ever is ended."""
    signal.alarm(1200 if LONG else 60)
    yield
    signal.alarm(0)


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path)


@pytest.fixture(scope="module")
def shared_cache():
    """For tests of many examples."""
    with tempfile.TemporaryDirectory() as directory:
        yield Cache(directory)
