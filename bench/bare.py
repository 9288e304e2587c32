"""bench/bare.c from Python: the system calls alone, in C."""

from __future__ import annotations

import ctypes
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("bare.c")


def build(library: Path) -> None:
    if not library.exists() or library.stat().st_mtime < SOURCE.stat().st_mtime:
        options = ["-std=c11", "-D_GNU_SOURCE", "-O2", "-shared", "-fPIC"]
        subprocess.run(["cc", *options, "-o", library, SOURCE], check=True)


class Bare:
    def __init__(self, library: Path):
        self._library = ctypes.CDLL(str(library), use_errno=True)

    def run(self, operation: str, directory: Path, first: int, count: int) -> float:
        """Nanoseconds per `write`, `read`, `null`, `fstat` or `fstatat` of the files x=first and
        on."""
        function = getattr(self._library, f"bare_{operation}")
        function.restype = ctypes.c_double
        nanoseconds = function(str(directory).encode(), first, count)
        if nanoseconds < 0:
            raise OSError(ctypes.get_errno(), f"bare_{operation} in {directory}")
        return nanoseconds
