"""Persistent memoization: results of expensive functions, kept as readable files beside the source.

>>> from locache import persist
>>> @persist
... def double(x):
...     return 2 * x
>>> double(21)
42
"""

from locache._core import CacheWarning, __version__, persist, reset, reset_cache, verbose

__all__ = ["CacheWarning", "__version__", "persist", "reset", "reset_cache", "verbose"]
