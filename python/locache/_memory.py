"""Memory: for what expects an object like joblib's. Imported when it is used."""

from pathlib import Path
from weakref import WeakSet

from locache import _core, _options


class Memory:
    """Functions whose results lie in one directory, with the methods of joblib.Memory that others
    call: scikit-learn's Pipeline(memory=) takes one.

    Parameters
    ----------
    location : path or None
        the directory; None: nothing is kept
    verbose : int
        taken and not used: see locache.verbose()
    **options
        of persist(), for each function

    Examples
    --------
    >>> import tempfile
    >>> from locache import Memory
    >>> memory = Memory(tempfile.mkdtemp())
    >>> @memory.cache
    ... def double(x):
    ...     return 2 * x
    >>> double(21)
    42
    """

    def __init__(self, location=None, *, verbose=0, **options):
        for given in ("name", "dir"):
            if given in options:
                raise TypeError(f"Memory(): {given}= is what the location says")
        directory = _options.read_directory(location)
        self.location = None if directory is None else str(Path(directory).absolute())
        self.verbose = verbose
        self.options = options
        self._functions = WeakSet()  # of this process, whose results may be in memory, too
        self._check()

    def _check(self):
        from locache import persist

        persist(**self.options)  # for its complaints

    def __repr__(self):
        return f"Memory({self.location!r})"

    def cache(self, func=None, **options):
        """Decorate a function: persist() of the memory's directory."""
        if func is None:
            return lambda func: self.cache(func, **options)
        if self.location is None:
            return func
        from locache import persist

        if type(func) is _core.Persisted:
            func = func._callable
        persisted = persist(func, dir=self.location, **{**self.options, **_of_joblib(options)})
        if type(persisted) is _core.Persisted:
            self._functions.add(persisted)
        return persisted

    def __getstate__(self):
        return {**vars(self), "_functions": None}

    def __setstate__(self, state):
        vars(self).update(state, _functions=WeakSet())

    def eval(self, func, *args, **kwargs):
        """The result of func(*args, **kwargs), kept."""
        return self.cache(func)(*args, **kwargs)

    def clear(self, warn=True):
        """Forget every result in the directory that locache put there, those of earlier versions
        too; what else is there stays."""
        if self.location is None:
            return
        for persisted in list(self._functions):
            persisted.cache_clear()
        _core._clear(self.location)

    def reduce_size(self, *unused, **also):
        """Does nothing: see max_entries= and max_age=."""


def _of_joblib(options):
    """Those of joblib's options that say nothing here are left out."""
    options = dict(options)
    for name in ("verbose", "mmap_mode", "cache_validation_callback"):
        if options.get(name) is None or name == "verbose":
            options.pop(name, None)
    return options
