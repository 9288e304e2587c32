"""Those who are measured: for each, how it memoizes the workload's function.

A contender's `memoize(function, directory)` returns the memoized function; everything that it keeps goes below
`directory`. `BARE` is none of them: it makes the system calls alone, in C.
"""

from __future__ import annotations

import ctypes
import functools
import subprocess
from pathlib import Path


def memoize_lru_cache(function, directory):
    return functools.lru_cache(maxsize=None)(function)


def memoize_locache(function, directory):
    import locache

    return locache.persist(function, dir=str(directory / "locache.cache"))


def memoize_locache4(function, directory):
    import locache  # the 4.0.2 that bench/run.py puts first on the path; it writes beside the source file

    return locache.persist(function)


def memoize_diskcache(function, directory):
    import diskcache

    return diskcache.Cache(str(directory / "diskcache")).memoize()(function)


def memoize_joblib(function, directory):
    import joblib

    return joblib.Memory(str(directory / "joblib"), verbose=0).cache(function)


def memoize_cachier(function, directory):
    import cachier

    return cachier.cachier(cache_dir=str(directory / "cachier"), separate_files=True)(function)


MODULES = {
    "lru_cache": "functools",
    "locache": "locache",
    "locache 4.0.2": "locache",
    "diskcache": "diskcache",
    "joblib": "joblib",
    "cachier": "cachier",
}
MEMOIZE = {
    "lru_cache": memoize_lru_cache,
    "locache": memoize_locache,
    "locache 4.0.2": memoize_locache4,
    "diskcache": memoize_diskcache,
    "joblib": memoize_joblib,
    "cachier": memoize_cachier,
}
BARE = "system calls"


class Bare:
    """bench/bare.c, compiled into `directory`."""

    def __init__(self, directory: Path):
        library = directory / "bare.so"
        source = Path(__file__).with_name("bare.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
        self._library = ctypes.CDLL(str(library), use_errno=True)

    def run(self, operation: str, directory: Path, first: int, count: int) -> float:
        """Nanoseconds per `put`, `get` or `stat` of the files x=first and on."""
        function = getattr(self._library, f"bare_{operation}")
        function.restype = ctypes.c_double
        nanoseconds = function(str(directory).encode(), first, count)
        if nanoseconds < 0:
            raise OSError(ctypes.get_errno(), f"bare_{operation} in {directory}")
        return nanoseconds
