"""Whether caches are used: LOCACHE, disabled(), and what configure() says for a whole program.
Imported when one of these is used."""

import os
import warnings
from _contextvars import ContextVar  # contextvars without its Python half
from _thread import allocate_lock

from locache import _options
from locache._core import (  # type: ignore[import-not-found]
    CacheWarning,
    set_memory,
    set_switch,
)

AS_ALWAYS, OFF, READONLY, REFRESH = range(4)  # lcpy_mode
MODES = {b"on": AS_ALWAYS, b"off": OFF, b"readonly": READONLY, b"refresh": REFRESH}

inside: ContextVar = ContextVar("locache.disabled", default=False)
uses = 0  # of disabled(), now, in any thread
counting = allocate_lock()  # of uses
os.register_at_fork(after_in_child=counting._at_fork_reinit)  # type: ignore[attr-defined]
enabled = None  # what configure() was told
refused: set = set()  # values of LOCACHE that were complained about


def count(more):
    global uses
    with counting:
        uses += more
        announce()


def announce():
    """Has this module something to say of every function? Else none asks."""
    set_switch(uses > 0 or enabled is not None)


class disabled:
    """A context in which no function uses its cache: calls go to the functions.

    It holds for the thread or task that is in it, and may be nested.

    >>> import locache
    >>> with locache.disabled():
    ...     pass
    """

    def __init__(self):
        self.tokens = []

    def __enter__(self):
        self.tokens.append(inside.set(True))
        count(1)
        return self

    def __exit__(self, *unused):
        inside.reset(self.tokens.pop())
        count(-1)


def configure(*, dir=None, **options):
    """Set what holds for a whole program where nothing else is said.

    Parameters
    ----------
    dir : path, optional
        under this directory lie all caches for which no dir= was given. It is what LOCACHE_DIR
        says, so that processes that are started inherit it; where the user set that, it stays
    enabled : bool or callable
        False: no function uses its cache; a callable without arguments is asked at each call. It
        holds at once, for functions that are decorated already, too
    memory : bool, int or (int, int)
        so many bytes of results at most are kept in memory, of all functions together: True: 64
        MiB, as where nothing is said; False: none. It holds at once. (results, bytes): and so many
        results of each function that is decorated from now on
    **options
        of persist(), for functions that are decorated from now on: auto_invalidate, max_entries,
        max_age, max_bytes, ttl, stale, pickle, durable, recheck, mapped, wait, keep, verify,
        compress, base, mode

    Raises
    ------
    TypeError, ValueError
        as persist()

    Examples
    --------
    >>> import locache
    >>> locache.configure(max_entries=10_000)
    >>> locache.configure(max_entries=-1)
    """
    global enabled
    from locache import persist

    unknown = set(options) - DEFAULTS
    if unknown:
        raise TypeError(f"configure() has no option {sorted(unknown)[0]!r}")
    told = bound = None
    try:
        if "enabled" in options:
            told = _options.read_enabled(options.pop("enabled"))
        if "memory" in options:
            options["memory"], bound = _options.read_memory_of_all(options["memory"])
        persist(**options)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("persist():", "configure():", 1)) from None
    persist.__kwdefaults__.update(options)
    if bound is not None:
        set_memory(bound)
    if told is not None:
        enabled = None if told is True else told
        announce()
    if dir is not None:
        path = os.path.abspath(_options.read_directory(dir))
        if os.environ.get("LOCACHE_DIR", "") in ("", configured["dir"]):
            os.environ["LOCACHE_DIR"] = configured["dir"] = path


DEFAULTS = {
    "auto_invalidate",
    "max_entries",
    "max_age",
    "max_bytes",
    "ttl",
    "stale",
    "pickle",
    "durable",
    "memory",
    "recheck",
    "mapped",
    "wait",
    "keep",
    "verify",
    "compress",
    "base",
    "mode",
    "enabled",
}
configured = {"dir": ""}


def is_on(told):
    return bool(told() if callable(told) else told)


def mode(modules, qualname, told, rules):
    """The mode of a function of a module, by the names that this goes by: `told` is its own
    enabled=, `rules` the value of LOCACHE."""
    if inside.get() or not is_on(told) or (enabled is not None and not is_on(enabled)):
        return OFF
    for rule in rules.split(b","):
        word, _, glob = rule.strip().partition(b":")
        found = MODES.get(word.lower())
        if found is None:
            if word or glob:
                complain(rules)
        elif not glob or any(matches(os.fsdecode(glob), name, qualname) for name in modules):
            return found
    return AS_ALWAYS


def matches(glob, module, qualname):
    from fnmatch import fnmatchcase

    return fnmatchcase(f"{module}.{qualname}", glob) or fnmatchcase(str(module), glob)


def complain(rules):
    if rules not in refused:
        refused.add(rules)
        warnings.warn(
            f"LOCACHE={os.fsdecode(rules)}: each part must be off, readonly, refresh or on, with a "
            "glob of modules behind it or none, as off:mypkg.*; what is not is passed over",
            CacheWarning,
            stacklevel=2,
        )
