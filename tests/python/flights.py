"""What tests of flights share: threads and forks that call, and a log that counts computations."""

from __future__ import annotations

import os
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LONG = "LOCACHE_TEST_LONG" in os.environ


class Log:
    """A file with a line for each computation, of whatever process: it is no object that a function
    could be seen to change."""

    def __init__(self, path):
        self.path = str(path)

    def add(self, what="run"):
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(fd, f"{what}\n".encode())
        os.close(fd)

    def lines(self):
        return Path(self.path).read_text().split() if os.path.exists(self.path) else []

    def wait_for(self, count):
        end = time.monotonic() + 30
        while len(self.lines()) < count and time.monotonic() < end:
            time.sleep(0.002)
        assert len(self.lines()) >= count


def wait_until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


def in_threads(count, call):
    with ThreadPoolExecutor(count) as pool:
        return [future.result() for future in [pool.submit(call, i) for i in range(count)]]


def in_child(call):
    """Run it in a fork of this process, whose status the caller waits for."""
    child = os.fork()
    if child == 0:
        try:
            call()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return child


def end_of(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
