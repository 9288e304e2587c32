"""Persistent memoization: results of expensive functions, kept as readable files beside the source.

>>> from locache import persist
>>> @persist
... def double(x):
...     return 2 * x
>>> double(21)
42
"""

import sys
from _thread import _count  # of threads beside the first
from posix import register_at_fork

from locache import _core
from locache._core import CacheWarning, __version__

__all__ = [
    "CacheWarning",
    "Key",
    "Memory",
    "__version__",
    "configure",
    "disabled",
    "env",
    "key_for",
    "persist",
    "reset",
    "reset_cache",
    "stats",
    "verbose",
]


def _start():
    from posix import getcwd

    try:
        return getcwd()
    except OSError:
        return ""  # it is gone


_START = _start()  # at import: where a notebook lives

# Of persist(), in the order of its signature; and what follows for the extension from them.
_DEFAULTS = (
    None,
    True,
    -1,
    None,
    None,
    (),
    None,
    True,
    False,
    None,
    True,
    None,
    True,
    None,
    True,
    None,
    (),
    0,
    None,
    None,
    None,
    None,
    None,
    None,
)
_DEFAULT_IDS = [*map(id, _DEFAULTS)]  # True is not 1 here
_SETTINGS = (
    *(True, True, False, True, None, -1, 0, 0, 0, 0, 0, True, None, None, True, True),
    *(0, (0, 0, 0, None), None, 0, 0),
)

# Each module costs a sixth of a millisecond to import: _target is loaded with the first function,
# _options with the first option, and kept here, since an import statement is a tenth of what a
# decoration takes; those of _ELSEWHERE are loaded when they are first asked for.
_decorating = None
_reading = None
_ELSEWHERE = {
    "Key": "_annotated",
    "Memory": "_memory",
    "configure": "_switch",
    "disabled": "_switch",
    "env": "_depends",
    "stats": "_stats",
}


def __getattr__(name):
    module = _ELSEWHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *_ELSEWHERE})


def key_for(cls):
    """A decorator for a function that says what counts of an object of this class in a key.

    cls: the class; also for classes that derive from it, until they have a function of their own.
    A ``__locache_key__`` method goes before it.

    Returns the decorator, which gives the function back. Raises TypeError where ``cls`` is no
    class.

    >>> import locache
    >>> class Model:
    ...     name = "linear"
    >>> @locache.key_for(Model)
    ... def key_of(model):
    ...     return model.name
    """
    if not isinstance(cls, type):
        raise TypeError("key_for() takes a class")

    def add(function):
        _core._key_for(cls, function)
        return function

    return add


class _ClassMethod(classmethod):
    """From Python 3.13 on the built-in one binds by itself, as types.MethodType does: what is asked
    of that about one call would not know the class."""

    if sys.version_info >= (3, 13):

        def __get__(self, instance, owner=None, /):
            return self.__func__.__get__(type(instance) if owner is None else owner)

    def __reduce__(self):  # cloudpickle writes classes of scripts by value
        return type(self), (self.__func__,)

    def __locache_key__(self):
        return classmethod(self.__func__)


def _has_no_source(settings):
    """Is it told by auto_invalidate=False or version= that the source does not count?"""
    return not settings[0] or settings[4] is not None


# What decorations and calls import at the first need of it, and what is imported within those.
_LATER = (
    *("functools", "inspect", "linecache", "pickle", "hashlib", "importlib.util"),
    *("locache._annotated", "locache._async", "locache._bounds", "locache._builds"),
    *("locache._children", "locache._depends", "locache._identity", "locache._info"),
    *("locache._keys", "locache._known", "locache._locals", "locache._options"),
    *("locache._packages", "locache._parts", "locache._share", "locache._sharing"),
    *("locache._stale", "locache._switch", "locache._target", "locache._weigh", "locache._who"),
)
_has_all = False
_is_used = False


def _watch_children():
    """Their counts are added when they end; nothing of it is loaded where there are none."""
    if "multiprocessing.util" in sys.modules:
        from locache import _children

        _children.watch()


def _before_fork():
    """A module that another thread imports just then has a lock that nobody gives up in the child:
    so they are imported before, where there are threads, and the program uses persist()."""
    global _has_all
    if not _has_all and _is_used and _count() > 0:
        for name in _LATER:
            __import__(name)
        _has_all = True
    _watch_children()


register_at_fork(before=_before_fork)


def _decorated(func, options):
    global _decorating, _is_used
    if _decorating is None:
        _is_used = True
        from locache import _target as _decorating

        # A child of a fork server imports the program before it is told to be one.
        _watch_children()

    name, directory, counts, settings = options
    if issubclass(type(func), (classmethod, staticmethod)):
        kind = _ClassMethod if type(func) is classmethod else type(func)
        return kind(_decorated(func.__func__, options))
    if type(func) is _core.Persisted:  # decorated twice: the options given last count
        func = func._callable
    if isinstance(func, type):
        raise TypeError(
            f"persist() decorates functions, and {func.__name__} is a class: decorate its methods"
        )
    if isinstance(func, property):
        raise TypeError("persist() decorates functions: put @persist below @property")
    if not callable(func):
        raise TypeError(
            "persist() decorates functions, as @persist or @persist(name=...), "
            f"not {type(func).__name__}"
        )
    target, beside = _decorating.target_of(func, counts)
    if not target[1] and settings[0] and settings[4] is None:  # no function of Python in it
        settings = (*settings[:4], _decorating.build_of(target[2]), *settings[5:])
    place = _decorating.where(beside, name, directory)
    if directory is not None and name is not None:  # the function's own, in a directory of several
        place = (*place, name)
    elif name is not None and _has_no_source(settings):
        place = _decorating.apart(place, target[3])
    return _core.decorate(target, beside, place, counts, settings)


def persist(
    func=None,
    *,
    name=None,
    auto_invalidate=True,
    max_entries=-1,
    max_age=None,
    dir=None,
    ignore=(),
    key=None,
    pickle=True,
    durable=False,
    version=None,
    memory=True,
    recheck=None,
    mapped=True,
    wait=None,
    enabled=True,
    keep=None,
    depends=(),
    verify=0,
    compress=None,
    max_bytes=None,
    ttl=None,
    stale=None,
    base=None,
    mode=None,
):
    """Keep the results of a function in files, and serve later calls from them.

    Parameters
    ----------
    func : callable
        the function; left out where options are given: @persist(name="notebook")
    name : str, optional
        keep results in <name>.cache/ in place of <source file>.cache/; may begin with directories.
        With dir=: in <dir>/<name>/ in place of <dir>/<module>.<function>/
    auto_invalidate : bool, "project" or "self"
        compute anew when what the result depends on changes: the function's source, and all that it
        reaches in the user's own code, and the versions of the packages that it reaches; "project":
        without the packages; "self": the function's own source alone; False: nothing
    max_entries : int
        keep at most so many results, the most recently used; 0, -1 or None: all
    max_age : float, timedelta or str, optional
        forget a result that was not used for so many days, a timedelta, or "36h"; None: never; 0 or
        less: at once, so that nothing is kept
    dir : path, optional
        exactly this cache directory, for functions of any module
    ignore : str or iterable of str
        parameters and captured variables that do not tell results apart
    key : callable or dict, optional
        what counts in place of an argument: a dict of functions by names of parameters, each given
        the argument; or one function, given the arguments of the call, defaults among them. What
        they return tells calls apart; NotImplemented leaves it to the arguments themselves
    pickle : bool
        store also what only pickle can store
    durable : bool
        a result is safe from a power cut before the call returns (slow)
    version : str, optional
        results hold for this text in place of the function's source: change it to compute anew
    memory : bool, int or (int, int)
        keep results in memory, too: True, at most so many, at most (so many, so many bytes);
        False: read the file at each call
    recheck : float, optional
        give a result in memory for so many seconds before its file is asked again; 0 or None: ask
        at each call, so that a deleted file is a forgotten result at once
    mapped : bool
        large arrays are loaded from their file as they are touched; False: read whole
    wait : float, optional
        wait at most so many seconds for another thread or process that computes the same result,
        then compute it, too; None: as long as that lives
    enabled : bool or callable
        False: calls go to the function, as if it were not decorated; a callable without arguments
        is asked at each call
    keep : callable, optional
        given a result, says whether to store it
    depends : iterable
        what the result depends on besides: functions, classes, modules, files (pathlib.Path) and
        variables of the environment (locache.env("NAME"))
    verify : float
        compute this share of the hits again, 0.01 for one in a hundred, 1 for all, and warn where
        the result is another than the stored one
    compress : bool, int or "auto"
        compress what is stored, with zstd: True, or a level from 1 to 22 (True is 3): whatever gets
        smaller, large arrays too, which are read into memory then; "auto": where a look at the
        beginning says that it pays, but not what is mapped; None or False: nothing. What is stored
        is read in any case
    max_bytes : int or str, optional
        keep at most so many bytes of results in files, "500M" or "10G": what is cheap to compute
        for its size and was not used for long goes first; None: no bound
    ttl : float, timedelta, str or callable, optional
        compute a result anew once it is so many seconds old, a timedelta, or "10m", "1h", "7d"; or
        what a callable returns that is given the result (None: never)
    stale : float, timedelta or str, optional
        for so long after that serve the old result at once, while one caller computes it anew in
        the background; where that raises, the old one is served on
    base : path, or list of paths, optional
        caches that are only read, where one's own has no result: a cache directory, or a directory
        with several in it; None: what LOCACHE_BASE says; False: none. See docs/sharing.md
    mode : "group" or int, optional
        "group": a group shares the cache, and each member can make up results; else the mode of
        directories that are made, as 0o755. None: what LOCACHE_MODE says, or 0o700

    Returns
    -------
    the function, or a decorator; it has cache_info(), cache_clear(), and for single calls
    cache_path(), is_cached(), forget() and refresh()

    Raises
    ------
    TypeError
        for an unknown option, one of the wrong type, or what cannot be decorated
    ValueError
        for an option with a value that makes no sense

    Examples
    --------
    >>> from locache import persist
    >>> @persist
    ... def double(x):
    ...     return 2 * x
    >>> double(21)
    42
    """
    global _reading
    told = (name, auto_invalidate, max_entries, max_age, dir, ignore, key)
    told = (*told, pickle, durable, version, memory, recheck, mapped, wait, enabled, keep)
    told = (*told, depends, verify, compress, max_bytes, ttl, stale, base, mode)
    if [*map(id, told)] == _DEFAULT_IDS:
        options = (None, None, (set(), None), _SETTINGS)
    else:
        if _reading is None:
            from locache import _options as _reading
        options = _reading.read(told)
    if func is not None:
        return _decorated(func, options)

    def decorator(func, /):
        return _decorated(func, options)

    return decorator


def reset_cache(func, name=None):
    """Forget every result of a persisted function, also of its earlier versions.

    Parameters
    ----------
    func : callable
        the function, also through functools.wraps() decorators, partials and bound methods
    name : str, optional
        of what is stored under @persist(name=...), where that is not how func is decorated

    Warns
    -----
    CacheWarning
        where func was never persisted

    Raises
    ------
    TypeError
        where func is nothing that can be called
    OSError
        where the results cannot be removed

    Examples
    --------
    >>> from locache import persist, reset_cache
    >>> @persist
    ... def double(x):
    ...     return 2 * x
    >>> double(21)
    42
    >>> reset_cache(double)
    >>> double.is_cached(21)
    False
    """
    from locache import _options, _target

    name = _options.read_name(name)
    persisted = _target.find_persisted(func)
    if persisted is None:
        _reset_bare(func, name)
    elif name is None:
        persisted.cache_clear()
    else:
        place = _target.where(persisted._beside, name, None)
        target, _, _, _, settings = persisted._made
        if _has_no_source(settings):
            place = _target.apart(place, target[3])
        if persisted._clear_at(place) is False:
            import warnings

            warnings.warn(
                f"reset_cache(): there is no {name}.cache, so that nothing was forgotten",
                CacheWarning,
                stacklevel=2,
            )


def _reset_bare(func, name):
    """As if it were persisted, where results of it are there; else it is said that none are."""
    if not callable(func):
        raise TypeError(f"reset_cache() takes a persisted function, not {type(func).__name__}")
    try:
        persisted = persist(func, name=name)
    except TypeError:  # nothing that could be
        persisted = None
    if persisted is not None and persisted.cache_info().currsize > 0:
        persisted.cache_clear()
        return
    from warnings import warn

    from locache import _target

    warn(
        f"{_target.text(func, '__name__') or repr(func)} was never persisted, and nothing is "
        "reset: give a function decorated with @persist (other decorators around it need "
        "functools.wraps())",
        CacheWarning,
        _target.depth() + 1,
    )


def reset(func):
    """The same as reset_cache(func), as locache 4 has it."""
    reset_cache(func)


def verbose(flag=True, *, yes=None, val=None):
    """Log one line per hit, miss, store, reset and invalidation to the standard logger "locache",
    level INFO, and one when the program ends: "1,204 hits, 3 misses, 12 min 4 s saved, 3.1 MB
    stored". The children of multiprocessing, and of os.fork(), say no such line of their own.

    Where logging is not configured they go to the standard error output.

    Parameters
    ----------
    flag : bool
        False stops it; `yes` and `val`, as earlier versions called it, are the same
    """
    from locache import _log

    for earlier in (yes, val):
        if earlier is not None:
            flag = earlier

    if flag:
        _log.start()
    else:
        _log.stop()
