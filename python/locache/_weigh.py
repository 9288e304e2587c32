"""Whether results of a function were ever read, and if not, which argument is another each time.
Imported where several runs stored results and found none."""

import os
from itertools import islice

from locache import _keys

ENTRIES_MAX = 1000  # that are looked at
KEYS_MAX = 8  # of these, whose keys are compared: the last ones
ENOUGH = 3  # entries are needed to say that something differs each time
SHOWN = 40  # characters of a value


def told(directory, runs):
    """A text; "": nothing can be said; None: one was read."""
    if os.statvfs(directory).f_flag & getattr(os, "ST_NOATIME", 0):
        return ""
    with os.scandir(directory) as items:
        entries = [item for item in islice(items, ENTRIES_MAX) if item.name[0] != "."]
    found = []
    for item in entries:
        times = item.stat(follow_symlinks=False)
        # A file's first reading moves its time of access, also where the others do not (relatime).
        if times.st_atime_ns > times.st_mtime_ns:
            return None
        found.append((times.st_mtime_ns, item.path))
    last = sorted(found, reverse=True)[:KEYS_MAX]
    keys = [_keys.read(_keys.key_in(path) or b"") for _, path in last]
    differing = differing_in([key for key in keys if key is not None])
    if not differing or not tells_of_reading(min(found)[1]):
        return ""
    which = ", ".join(f"{name} ({' / '.join(texts)})" for name, texts in differing[:3])
    return (
        f"{runs} runs stored results before, and none of the {len(found)} was ever read; another "
        f"each time is {which}: leave it out with ignore=, say what counts of it with key=, or do "
        "not persist the function"
    )


def tells_of_reading(path):
    """Does the file system move times of access at all? Not all that do not say so."""
    with open(path, "rb") as file:
        file.read(1)
    times = os.stat(path)
    return times.st_atime_ns > times.st_mtime_ns


def differing_in(keys):
    """The arguments that no two of these calls have in common, with some of their values."""
    if len(keys) < ENOUGH:
        return []
    found = []
    for name in keys[0]:
        arguments = [key.get(name) for key in keys]
        if None in arguments:
            continue
        if len({_keys.exact(argument) for argument in arguments}) == len(keys):
            texts = [_keys.text(argument) for argument in arguments[:2]]
            found.append((name if isinstance(name, str) else f"argument {name}", texts))
    return [(name, [text[:SHOWN] for text in texts]) for name, texts in found]
