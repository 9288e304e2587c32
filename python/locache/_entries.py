"""f.entries(): what a function's directory holds. Imported when it is asked for."""

import os
import struct
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

MAGIC = b"\x89LOC\r\n\x1a\n"
TIMES = struct.Struct("<8x24xqq")  # docs/format.md, "Entries": stored at, and computed in


class Entry(NamedTuple):
    """A stored result."""

    arguments: str  # the call, as its file is named: "x=1_num=3"
    size: int  # bytes on disk
    time: datetime  # when it was stored, UTC
    duration: float  # seconds that it took to compute
    path: Path


def entries(directory):
    found = []
    if directory is not None and os.path.isdir(directory):
        for item in os.scandir(directory):
            entry = read(item)
            if entry is not None:
                found.append(entry)
    found.sort(key=lambda entry: entry.time, reverse=True)
    return found


def read(item):
    """None where it is no entry, or gone meanwhile."""
    try:
        if item.name[0] == "." or not item.is_file(follow_symlinks=False):
            return None
        with open(item.path, "rb") as file:
            head = file.read(TIMES.size)
        size = item.stat(follow_symlinks=False).st_size
    except OSError:
        return None
    if len(head) < TIMES.size or not head.startswith(MAGIC):
        return None
    created, taken = TIMES.unpack(head)
    when = datetime.fromtimestamp(created / 1e9, timezone.utc)
    return Entry(item.name, size, when, taken / 1e9, Path(item.path))
