"""A place on a journalled file system of its own, for what creates files.

Where a file is created costs more than how: on a file system without a journal that has seen many
deletions, a new file takes hundreds of microseconds for everybody, which says nothing of who asked
for it. So files are stored in an ext4 image that is made for the run.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

SIZE = 4 << 30  # bytes; of the image, only what is written takes space
ROOM = 2 << 30  # bytes of disk that have to be free for it


@contextlib.contextmanager
def mounted(build: Path) -> Iterator[tuple[Path | None, str]]:
    """The directory that a new image is mounted at, and what to say of it; None, and why."""
    reason = why_none(build)
    if reason:
        yield None, reason
        return
    image, place = build / "bench-journal.img", build / "bench-journal"
    place.mkdir(exist_ok=True)
    with open(image, "wb") as file:
        file.truncate(SIZE)
    try:
        failed = make(image, place)
        if failed:
            yield None, failed
            return
        try:
            yield place, "a new ext4 image with a journal, mounted by loop"
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=False)
    finally:
        image.unlink()
        with contextlib.suppress(OSError):  # it may be busy for a moment more
            place.rmdir()


def why_none(build: Path) -> str:
    if os.geteuid() != 0:
        return "not root: files are stored where the tree is"
    if not (shutil.which("mkfs.ext4") and shutil.which("mount")):
        return "no mkfs.ext4 or no mount: files are stored where the tree is"
    if shutil.disk_usage(build).free < ROOM:
        return "too little disk for an image: files are stored where the tree is"
    return ""


def make(image: Path, place: Path) -> str:
    """Empty where it worked."""
    for command in (
        # Written out at once, for else the kernel does that while figures are taken.
        ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(image)],
        ["mount", "-o", "loop", str(image), str(place)],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            said = (done.stderr.strip().splitlines() or ["nothing said"])[-1]
            return f"{command[0]} failed ({said}): files are stored where the tree is"
    return ""
