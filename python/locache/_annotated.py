"""locache.Key in annotations of parameters. Imported when one is used."""

import sys


class Key:
    """In an annotation, what counts of a parameter's arguments: Annotated[T, Key(function)].

    function: given the argument, returns what stands for it; NotImplemented where it says nothing
    of that one. Raises TypeError where it is no callable.

    >>> import typing, locache
    >>> Frame = typing.Annotated[object, locache.Key(lambda frame: frame.version)]
    >>> @locache.persist
    ... def total(frame: Frame):
    ...     return frame.total()
    """

    __slots__ = ("function",)

    def __init__(self, function, /):
        if not callable(function):
            raise TypeError(f"Key() takes a callable, not {type(function).__name__}")
        self.function = function

    def __repr__(self):
        return f"Key({self.function!r})"


class OrNone:
    """The function of a Key within `... | None`: None counts as itself."""

    def __init__(self, function):
        self.function = function

    def __call__(self, value):
        return NotImplemented if value is None else self.function(value)

    def __locache_key__(self):
        return self.function


class Unknown:
    """What a name in the text of an annotation stands for that is not known when the function is
    decorated, as one that is imported for type checkers alone."""

    def _again(self, *unused):
        return self

    __getitem__ = __or__ = __ror__ = __call__ = _again

    def __getattr__(self, name):
        if name[:2] == "__":  # what typing looks for
            raise AttributeError(name)
        return self


class Names(dict):
    """What a function sees by name."""

    def __init__(self, function):
        self.scopes = [function.__globals__, vars(sys.modules["builtins"])]
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=False
        ):
            try:
                self[name] = cell.cell_contents
            except ValueError:  # nothing was assigned yet
                pass

    def __missing__(self, name):
        for scope in self.scopes:
            if name in scope:
                return scope[name]
        return Unknown()


def annotations_of(function):
    if sys.version_info < (3, 14):
        return function.__annotations__
    from annotationlib import Format, get_annotations  # type: ignore

    return get_annotations(function, format=Format.FORWARDREF)


def evaluated(annotation, function):
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, {}, Names(function))
    except Exception:  # no expression, or none that means anything here
        return None


def parts_of(annotation, name):
    parts = getattr(annotation, name, ())
    return parts if isinstance(parts, tuple) else ()


def function_in(annotation):
    """What the first Key of an annotation says, or None."""
    for told in parts_of(annotation, "__metadata__"):
        if isinstance(told, Key):
            return told.function
    members = parts_of(annotation, "__args__")
    if type(None) not in members:
        return None
    found = [function for function in map(function_in, members) if function is not None]
    return OrNone(found[0]) if found else None


def keys_in(function):
    """Functions by the names of parameters."""
    keys = {}
    for name, annotation in annotations_of(function).items():
        said = function_in(evaluated(annotation, function)) if name != "return" else None
        if isinstance(said, Unknown):
            raise TypeError(f"persist(): what Key() takes in the annotation of {name!r} is unknown")
        if said is not None:
            keys[name] = said
    return keys
