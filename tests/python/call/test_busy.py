"""A lock that another process holds turns no cache off: it is waited for once, then asked for
again."""

import fcntl
import struct
import time
import warnings

import pytest
from locache import CacheWarning, persist

fcntl_lock = getattr(fcntl, "F_OFD_SETLK", 37)
WHOLE = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)


@pytest.fixture
def held(tmp_path):
    """The lock of the cache directory, held; close() gives it up."""

    def first(x):
        return x

    persist(first, dir=tmp_path / "c")(1)
    with open(tmp_path / "c" / ".versions" / ".lock", "r+b") as lock:
        fcntl.fcntl(lock, fcntl_lock, WHOLE)
        yield lock


def test_a_busy_lock_is_waited_for_once_and_used_when_it_is_free(tmp_path, held):
    runs = []

    def f(x):
        runs.append(x)
        return x

    f = persist(f, dir=tmp_path / "c")
    with pytest.warns(CacheWarning, match="holds the lock"):
        assert f(1) == 1
    before = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(5):
            time.sleep(0.02)
            assert f(1) == 1
        assert time.monotonic() - before < 4, "nobody waits a second time"
        assert len(runs) == 6
        held.close()
        time.sleep(0.02)
        for _ in range(5):
            assert f(1) == 1
    assert len(runs) == 7, "stored by the next call"
