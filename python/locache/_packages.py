"""The versions of installed packages whose distribution is called otherwise than their module."""

from importlib import metadata

_distributions = None


def version_of(top):
    """Of the package or module `top`: its distribution's name and version. Empty: of none."""
    global _distributions
    if _distributions is None:
        _distributions = metadata.packages_distributions()
    return " ".join(
        f"{name} {metadata.version(name)}" for name in sorted(set(_distributions.get(top, ())))
    )


def load_own(name):
    """The module of the user's own project that a function will import itself; None where there is
    none of that name, or one that is somebody else's, which is not loaded before it is needed."""
    from importlib import import_module
    from importlib.util import find_spec

    try:
        spec = find_spec(name)
        origin = (spec and spec.origin) or ""
        if "/site-packages/" in origin or "/dist-packages/" in origin or origin[:1] != "/":
            return None
        import os

        if origin.startswith(os.path.dirname(os.__file__) + "/"):
            return None
        return import_module(name)
    except Exception:  # the function will say it, or expects it
        return None
