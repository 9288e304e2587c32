"""What counts of objects whose classes are not one's own: by class, for well-known packages and by
the user's word.

A function gets an object and returns a value that says what it is; NotImplemented where it says
nothing of that one. What an object has noted down of itself (caches, flags of what was found) is
not in it.
"""

from __future__ import annotations

import sys
TYPE_CHECKING = False

from locache import _core

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[[Any], object]

__all__ = ["add_loaded", "key_for"]


def key_for(cls: type) -> "Callable[[Function], Function]":
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

    def add(function: "Function") -> "Function":
        _core._key_for(cls, function)
        return function

    return add


# ------------------------------------------------------------------------------- well-known packages

# Of each package, once it is loaded: the path of the class in it, and the function.
KNOWN: dict[str, list[tuple[str, Function]]] = {}


def known(module: str, *names: str) -> "Callable[[Function], Function]":
    def add(function: "Function") -> "Function":
        KNOWN.setdefault(module, []).extend((name, function) for name in names)
        return function

    return add


def add_loaded(table: "dict[type, Function]") -> None:
    """Add the classes of modules that are loaded by now. Those that are there stay."""
    for module, entries in KNOWN.items():
        loaded = sys.modules.get(module)
        for name, function in entries if loaded is not None else ():
            cls = vars(loaded).get(name)
            if isinstance(cls, type):
                table.setdefault(cls, function)
