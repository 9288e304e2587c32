"""What f.entries() returns. Imported when it is asked for."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Entry(NamedTuple):
    """A stored result."""

    arguments: str  # the call, as its file is named: "x=1_num=3"
    size: int  # bytes on disk
    time: datetime  # when it was stored, UTC
    duration: float  # seconds that it took to compute
    path: Path


def made(rows, directory):
    """Entries of what the core listed: name, size, and two times in nanoseconds, which all are
    within the years of a datetime."""
    directory = Path(directory)
    rows.sort(key=lambda row: row[2], reverse=True)
    return [
        Entry(
            name,
            size,
            EPOCH + timedelta(microseconds=created // 1000),
            took / 1e9,
            directory / name,
        )
        for name, size, created, took in rows
    ]
