"""Those who are measured: for each, how it memoizes a function, and what it cannot do.

`memoize(function, directory)` returns the memoized function; everything that it keeps goes below
`directory`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

from rows import BOUNDED, MAPPED_NOT, RELAXED, STRICT

VERSION = "bench"  # bench/entries.c says the same: so Python finds the entries that it makes
NO_LIMIT = 1 << 40  # bytes, for a contender that throws results away beyond 1 GB unless told


def lru_cache(function, directory):
    return functools.lru_cache(maxsize=None)(function)


def cachebox(function, directory):
    import cachebox

    return cachebox.cached(cachebox.Cache(0))(function)


def locache(function, directory, **options):
    import locache

    options.setdefault("version", VERSION)
    return locache.persist(function, dir=str(directory / "locache.cache"), **options)


def locache_following(function, directory):
    """Without a version, which would say all of it."""
    return locache(function, directory, version=None)


def locache_relaxed(function, directory):
    return locache(function, directory, recheck=60)


def locache_unmapped(function, directory):
    return locache(function, directory, mapped=False)


def locache_bounded(function, directory):
    """More than are stored: what is measured is that each use counts, not what goes."""
    return locache(function, directory, max_entries=1_000_000)


def locache4(function, directory):
    # the 4.0.2 that bench/run.py puts first on the path; it writes beside the source file
    import locache

    return locache.persist(function)


def diskcache(function, directory):
    import diskcache

    return diskcache.Cache(str(directory / "diskcache"), size_limit=NO_LIMIT).memoize()(function)


def diskcache_stampede(function, directory):
    """Its recipe against many who compute one result at once. It wants an age; none ends here."""
    import diskcache

    store = diskcache.Cache(str(directory / "diskcache"), size_limit=NO_LIMIT)
    return diskcache.memoize_stampede(store, expire=NO_LIMIT)(function)


def diskcache_community(function, directory):
    import diskcache_community

    store = diskcache_community.Cache(str(directory / "community"), size_limit=NO_LIMIT)
    return store.memoize()(function)


def diskcache_rs(function, directory):
    import diskcache_rs

    store = diskcache_rs.Cache(str(directory / "diskcache-rs"), size_limit=NO_LIMIT)
    return store.memoize()(function)


def pysciqlop_cache(function, directory):
    import pysciqlop_cache

    return pysciqlop_cache.Cache(str(directory / "pysciqlop"), max_size=NO_LIMIT).memoize()(
        function
    )


def emboss(function, directory):
    import emboss

    return emboss.cached(emboss.SqliteCache(str(directory / "emboss")))(function)


def pickled(function, directory):
    """What reading a pickle back takes, alone, from memory: no call is looked up."""
    import pickle

    kept = {}

    def call(argument):
        if argument not in kept:
            kept[argument] = pickle.dumps(function(argument), 5)
        return pickle.loads(kept[argument])

    return call


def numpy_load(function, directory):
    """What mapping a file of NumPy's takes, alone: no call is looked up, and nothing validated."""
    import numpy

    def call(argument):
        path = directory / f"{argument}.npy"
        if not path.exists():
            numpy.save(path, function(argument))
        return numpy.load(path, mmap_mode="c")

    return call


def joblib(function, directory, **options):
    import joblib

    return joblib.Memory(str(directory / "joblib"), verbose=0, **options).cache(function)


def joblib_mapped(function, directory):
    return joblib(function, directory, mmap_mode="c")


def joblib_hash(function, directory):
    """What joblib digests an argument with, alone: no look-up and no result."""
    import joblib

    return joblib.hash


def cachier(function, directory):
    import cachier

    return cachier.cachier(cache_dir=str(directory / "cachier"), separate_files=True)(function)


def cachau(function, directory):
    import cachau

    return cachau.cache(function, persist=str(directory / "cachau"))


def checkpointer(function, directory):
    import checkpointer

    return checkpointer.Checkpointer(directory=directory / "checkpointer", verbosity=0)(function)


IN_MEMORY = "nothing outlives the process"
UNHASHABLE = "arrays are not hashable"
BY_IDENTITY = "frames are not hashable, and objects are told apart by identity"
TOO_MANY = "storing so many takes minutes"
EACH_LISTS_ALL = "each call lists every entry: storing so many takes hours"


@dataclass(frozen=True)
class Contender:
    name: str
    module: str  # what is imported, and the name of the distribution
    memoize: Callable
    groups: tuple[str, ...]  # of bench/rows.py, those that it takes part in
    cannot: dict[str, str] = field(
        default_factory=dict
    )  # group or row: the reason, shown in the notes
    entries: int = 1_000  # the most that its part in the rows of scale is made with
    keeps: bool = True  # results on disk
    database: bool = False  # in files that all results share
    follows: Callable | None = None  # `memoize` where it is to find out itself what it depends on


ALL = (
    "hits",
    "files",
    "results",
    "first_results",
    "growth",
    "arguments",
    "values",
    "objects",
    "buffers",
    "returned",
    "thousand",
    "random",
    "depth",
    "depending",
    "uses",
    "scale",
    "parallel",
    "memory",
)
SLOW_TO_START = "a thousand first calls take minutes"
MEMORY_ONLY = {
    "first_hit": IN_MEMORY,
    "first_call": IN_MEMORY,
    "first_results": IN_MEMORY,
    "growth": IN_MEMORY,
    "arguments": UNHASHABLE,
    "values": BY_IDENTITY,
    "objects": BY_IDENTITY,
    "returned": IN_MEMORY,
    "thousand": IN_MEMORY,
    "random": IN_MEMORY,
    "depending": IN_MEMORY,
    "function": IN_MEMORY,
    "scale_first hit": IN_MEMORY,
}

CONTENDERS = (
    Contender(
        "lru_cache", "functools", lru_cache, ALL, MEMORY_ONLY, entries=1_000_000, keeps=False
    ),
    Contender("cachebox", "cachebox", cachebox, ALL, MEMORY_ONLY, entries=1_000_000, keeps=False),
    Contender(RELAXED, "locache", locache_relaxed, ("hits", "parallel", "objects")),
    Contender(
        STRICT,
        "locache",
        locache,
        (*ALL, "switch", "limits", "bounds", "bounded stores", "cleared"),
        entries=1_000_000,
        follows=locache_following,
    ),
    Contender(MAPPED_NOT, "locache", locache_unmapped, ("results", "first_results", "growth")),
    Contender(BOUNDED, "locache", locache_bounded, ("hits", "files")),
    Contender("diskcache", "diskcache", diskcache, (*ALL, "bounds"), entries=1_000_000),
    Contender(
        "diskcache-community",
        "diskcache_community",
        diskcache_community,
        ALL,
        entries=1_000_000,
        database=True,
    ),
    Contender(
        "pysciqlop-cache", "pysciqlop_cache", pysciqlop_cache, ALL, entries=1_000_000, database=True
    ),
    Contender("diskcache-rs", "diskcache_rs", diskcache_rs, ("hits", "files", "arguments")),
    Contender("emboss", "emboss", emboss, ("hits", "files", "arguments")),
    Contender("pickle.loads", "pickle", pickled, ("returned",)),
    Contender("numpy.load", "numpy", numpy_load, ("results",)),
    Contender("checkpointer", "checkpointer", checkpointer, ALL),
    Contender("cachau", "cachau", cachau, ALL, {"thousand": SLOW_TO_START}),
    Contender("cachier", "cachier", cachier, ALL, {"thousand": SLOW_TO_START}),
    Contender("joblib", "joblib", joblib, ALL),
    Contender(
        "joblib, mmap_mode='c'", "joblib", joblib_mapped, ("results", "first_results", "growth")
    ),
    Contender("joblib.hash", "joblib", joblib_hash, ("arguments", "values", "objects")),
    Contender("locache 4.0.2", "locache", locache4, ALL, {"thousand": SLOW_TO_START}),
)
BY_NAME = {contender.name: contender for contender in CONTENDERS}


def why_not(contender: Contender, group: str, row: str) -> str | None:
    """The reason why the contender has no such row; None where it should have one."""
    family = group.split("_")[0] if group.startswith("scale") else group
    if family not in contender.groups:
        return ""
    if family in ("scale", "random") and row:
        count = int(row.rsplit(" ", 1)[1])
        if count > contender.entries:
            return EACH_LISTS_ALL if contender.name == "locache 4.0.2" else TOO_MANY
    return contender.cannot.get(row) or contender.cannot.get(group)
