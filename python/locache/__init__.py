"""Persistent memoization: results of expensive functions, kept as readable files beside the source.

>>> from locache import persist
>>> @persist
... def double(x):
...     return 2 * x
>>> double(21)
42
"""

from locache import _core, _options, _target
from locache._core import CacheWarning, __version__

__all__ = [
    "CacheWarning",
    "Memory",
    "__version__",
    "configure",
    "disabled",
    "key_for",
    "persist",
    "reset",
    "reset_cache",
    "verbose",
]

# Loaded when they are first asked for: most programs need neither.
_ELSEWHERE = {"Memory": "_memory", "configure": "_switch", "disabled": "_switch"}


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


def _decorated(func, options):
    name, directory, ignored, settings = options
    if issubclass(type(func), (classmethod, staticmethod)):
        return type(func)(_decorated(func.__func__, options))
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
    target, beside = _target.target_of(func, ignored)
    if not target[1] and settings[0] and settings[4] is None:  # no function of Python in it
        settings = (*settings[:4], _target.build_of(target[2]), *settings[5:])
    return _core.decorate(target, beside, _target.where(beside, name, directory), ignored, settings)


def persist(
    func=None,
    *,
    name=None,
    auto_invalidate=True,
    max_entries=-1,
    max_age=None,
    dir=None,
    ignore=(),
    pickle=True,
    durable=False,
    version=None,
    memory=True,
    recheck=None,
    mapped=True,
    wait=None,
    enabled=True,
    keep=None,
):
    """Keep the results of a function in files, and serve later calls from them.

    Parameters
    ----------
    func : callable
        the function; left out where options are given: @persist(name="notebook")
    name : str, optional
        keep results in <name>.cache/ in place of <source file>.cache/; may begin with directories
    auto_invalidate : bool
        when the function's source changes, compute anew
    max_entries : int
        keep at most so many results, the most recently used; 0, -1 or None: all
    max_age : float, optional
        forget a result that was not used for so many days; None: never; 0 or less: at once, so that
        nothing is kept
    dir : path, optional
        exactly this cache directory
    ignore : str or iterable of str
        parameters and captured variables that do not tell results apart
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
    auto_invalidate = _options.read_auto_invalidate(auto_invalidate)
    _options.read_flag("pickle", pickle)
    _options.read_flag("durable", durable)
    _options.read_flag("mapped", mapped)
    name = _options.read_name(name)
    dir = _options.read_directory(dir)
    version = _options.read_version(version)
    if name is not None and dir is not None:
        raise ValueError("persist(): name= and dir= both say where; give one of them")
    if version is not None and not auto_invalidate:
        raise ValueError("persist(): with auto_invalidate=False no version= would be looked at")
    settings = (
        auto_invalidate,
        pickle,
        durable,
        mapped,
        version,
        _options.read_max_entries(max_entries),
        _options.read_max_age(max_age),
        *_options.read_memory(memory),
        _options.read_recheck(recheck),
        _options.read_wait(wait),
        _options.read_enabled(enabled),
        _options.read_keep(keep),
    )
    options = (name, dir, _options.read_ignore(ignore), settings)
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
    name = _options.read_name(name)
    persisted = _target.find_persisted(func)
    if persisted is None:
        _reset_bare(func, name)
    elif name is None:
        persisted.cache_clear()
    else:
        place = _target.where(persisted._beside, name, None)
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
    level INFO.

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
