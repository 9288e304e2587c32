"""What the fault tests share beside fixtures: memoized functions on real files, other users'
rights."""

from __future__ import annotations

import os
import pickle  # noqa: F401  (a child that gave up its rights could not read it from disk any more)
import traceback
import warnings
from pathlib import Path

import locache
import pytest
import workload

NOBODY = 65534


def persisted(function, cache, **options):
    """A fresh decoration, as a new process would have it: nothing open, nothing remembered."""
    return locache.persist(function, dir=str(cache), name=function.__name__, **options)


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
