"""What depends= may hold beside functions, classes and modules."""

import os
from pathlib import PurePath


class env:
    """A variable of the environment that a function depends on, for depends=.

    name: of the variable; one that is not set is another value than one that is empty

    >>> import locache
    >>> @locache.persist(depends=[locache.env("MODEL")])
    ... def model_name():
    ...     import os
    ...     return os.environ.get("MODEL")
    """

    def __init__(self, name):
        if not isinstance(name, str) or not name or "=" in name or "\0" in name:
            raise TypeError(f"env(): {name!r} is no variable's name")
        self.name = name

    def __repr__(self):
        return f"locache.env({self.name!r})"


# Paths to the state that a file was in, and what its digest was then.
known: dict[str, tuple[object, bytes]] = {}


def state_of(path):
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def file_digest(path):
    """Of what is in a file; None where there is none. The same file in the same state is read once
    in a process."""
    from hashlib import blake2b

    path = os.path.abspath(path)
    state = state_of(path)
    if state is None:
        return None
    if path in known and known[path][0] == state:
        return known[path][1]
    digest = blake2b(digest_size=32)
    try:
        with open(path, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return None
    if state_of(path) == state:
        known[path] = state, digest.digest()
    return digest.digest()


def check(dependency):
    """TypeError where it is nothing that can be looked at."""
    if (
        not callable(dependency)
        and not isinstance(dependency, (PurePath, env))
        and type(dependency).__name__ != "module"
    ):
        raise TypeError(
            "persist(): depends= takes functions, classes, modules, pathlib.Path and "
            f"locache.env(), not {type(dependency).__name__}"
        )
