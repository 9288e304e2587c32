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

__all__ = ["CacheWarning", "__version__", "persist", "reset", "reset_cache", "verbose"]


def _decorated(func, options):
    name, directory, ignored, settings = options
    if isinstance(func, (classmethod, staticmethod)):
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
    return _core.decorate(target, beside, _target.where(beside, name, directory), ignored, settings)


def persist(
    func=None,
    /,
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
):
    """Keep the results of a function in files, and serve later calls from them.

    Parameters
    ----------
    func : callable
        the function; left out where options are given: @persist(name="notebook")
    name : str, optional
        keep results in <name>.cache/ in place of <source file>.cache/
    auto_invalidate : bool
        when the function's source changes, compute anew
    max_entries : int
        keep at most so many results, the most recently used; -1: all
    max_age : float, optional
        forget a result that was not used for so many days; -1 or None: never
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
    _options.read_flag("auto_invalidate", auto_invalidate)
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

    Raises
    ------
    TypeError
        where func was never persisted
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
        raise TypeError(
            f"{_target.text(func, '__name__') or repr(func)} was never persisted: give a function "
            "decorated with @persist (other decorators around it need functools.wraps())"
        )
    if name is None:
        persisted.cache_clear()
    else:
        persisted._clear_at(_target.where(persisted._beside, name, None))


def reset(func):
    """The same as reset_cache(func), as locache 4 has it."""
    reset_cache(func)


def verbose(flag=True):
    """Log one line per hit, miss, store, reset and invalidation to the standard logger "locache",
    level INFO.

    Where logging is not configured they go to the standard error output.

    Parameters
    ----------
    flag : bool
        False stops it
    """
    from locache import _log

    if flag:
        _log.start()
    else:
        _log.stop()
