"""What was compiled, told by its file: extension modules, and libraries that ctypes loaded."""

import os

from locache._depends import file_digest

_builds: dict = {}


def build_of(file):
    """The digest of the file of an extension module or library: found once, since neither is loaded
    again. Where the file was replaced since that was done, nothing can be said of the build that
    runs, and it is like no other."""
    file = os.path.abspath(file)
    if file not in _builds:
        try:
            with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
                loaded = {line.rstrip("\n").split(None, 5)[-1] for line in maps if file in line}
        except OSError:  # a system without, where the file is believed
            loaded = set()
        replaced = file + " (deleted)" in loaded and file not in loaded
        _builds[file] = (None if replaced else file_digest(file)) or os.urandom(32)
    return _builds[file]


def library_of(value):
    """Of a library that ctypes loaded, or a function of one: the library's name, the digest of its
    file, and what the functions are declared as. None: it is a callback. What the system has, as
    libc.so.6, is the system's."""
    import ctypes

    if isinstance(value, ctypes.CDLL):
        library, functions = value, vars(value).items()
    else:
        library = (value._objects or {}).get("0")
        functions = [(getattr(value, "__name__", ""), value)]
        if not isinstance(library, ctypes.CDLL):
            return None
    declared = [
        (name, function.restype, function.argtypes)
        for name, function in sorted(functions)
        if isinstance(function, ctypes._CFuncPtr)
        # Else it is noted down because it was used.
        and (function.restype is not ctypes.c_int or function.argtypes is not None)
    ]
    name = library._name or ""
    return name, build_of(name) if "/" in name else None, declared
