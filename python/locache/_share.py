"""What persist() was told of caches that are not one user's alone: base= and mode=, checked."""

from posix import fspath, getcwd

from locache._options import wrong_type

GROUP = 0o2770
MODES = 'None, "group", or a mode for directories as 0o2770, 0o2750 or 0o755'


def one_base(directory):
    try:
        path = fspath(directory)
    except TypeError:
        raise wrong_type("base", "a path, several, or None", directory) from None
    import os

    path = os.path.expanduser(os.fsdecode(path))
    if not path or "\0" in path or ":" in path:
        raise ValueError(f"persist(): base={path!r} is no directory that can be named in a list")
    if path[0] != "/":
        try:
            path = f"{getcwd()}/{path}"
        except OSError:
            raise ValueError(
                f"persist(): base={path!r} begins in the working directory, which is gone"
            ) from None
    return os.fsencode(path)


def read_base(base):
    """Directories as the core has them; b"": none, whatever LOCACHE_BASE says."""
    if base is False or base == ():
        return b""
    if isinstance(base, (list, tuple)):
        return b":".join(map(one_base, base))
    return one_base(base)


def read_mode(mode):
    if mode == "group":
        return GROUP
    if isinstance(mode, str):
        raise ValueError(f"persist(): mode={mode!r} is none: it is {MODES}")
    if not isinstance(mode, int) or isinstance(mode, bool):
        raise wrong_type("mode", MODES, mode)
    readable = mode & ~0o2775 == 0 and mode & 0o700 == 0o700
    if not readable or (mode & 0o020 and mode & 0o2070 != 0o2070):
        raise ValueError(
            f"persist(): mode={mode:#o} is no mode for directories that may be: it is {MODES}; "
            "a group that may write has the set-group-ID bit, and others never may"
        )
    return mode
