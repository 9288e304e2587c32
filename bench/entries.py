"""Functions with many results, made once and kept under build/bench-entries for later runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from contenders import Contender
from machine import versions
from rows import STRICT

HERE = Path(__file__).parent
MAKERS = 2  # processes that store at the same time


class Entries:
    """`run(contender's name, phase, directory, argument, turn)` runs bench/worker.py."""

    def __init__(self, build: Path, run: Callable):
        self._top = build / "bench-entries"
        self.program = build / "bench" / "entries"
        self._run = run
        self._warmed: set[Path] = set()

    def place(self, one: Contender, count: int) -> Path:
        return self._top / one.name.replace(" ", "-") / str(count)

    def make(self, one: Contender, count: int) -> None:
        """Does nothing where they are there, made by the same version of the contender for the same
        function, but to read them once: no row is to wait for a disk."""
        self._make(one, count)
        directory = self.place(one, count)
        if directory not in self._warmed:
            self._warmed.add(directory)
            read_all(directory)

    def _make(self, one: Contender, count: int) -> None:
        directory = self.place(one, count)
        stamp = directory / "complete"
        made_by = f"{versions().get(one.module, '')}\n{(HERE / 'workload.py').read_text()}"
        if (
            stamp.exists()
            and stamp.read_text() == made_by
            and self._still_good(one, directory, count)
        ):
            return
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        shutil.copy(HERE / "workload.py", directory)
        if one.name == STRICT:
            self._store_from_c(directory, count)
        else:
            self._run(one.name, "fill", directory, str(count))
        if not self._still_good(one, directory, count):
            raise SystemExit(f"bench: {one.name} does not find what was made for it: {directory}")
        stamp.write_text(made_by)

    def _still_good(self, one: Contender, directory: Path, count: int) -> bool:
        """This tree's own format changes without a new version."""
        return one.name != STRICT or self._run(one.name, "holds", directory, str(count))["holds"]

    def _store_from_c(self, directory: Path, count: int) -> None:
        if not self.program.exists():
            raise SystemExit(f"{self.program} is missing: tools/bench.sh builds it")
        share = -(-count // MAKERS)
        # The first process makes the directory; the others find it.
        command = [str(self.program), str(directory / "locache.cache")]
        subprocess.run([*command, "0", "1"], check=True)
        makers = [
            subprocess.Popen([*command, str(first), str(min(share, count - first))])
            for first in range(0, count, share)
        ]
        statuses = [maker.wait() for maker in makers]
        if any(statuses):
            raise SystemExit(f"bench: {count} entries could not be made")

    @contextlib.contextmanager
    def kept(self, one: Contender, directory: Path, turn: int) -> Iterator[None]:
        """What is stored meanwhile is removed again, so that the number of entries stays what its
        row says."""
        if one.name in (STRICT, "diskcache"):
            yield
            self._run(one.name, "clean_up", directory, "", turn)
            return
        if one.database:
            copy = directory.with_name(f"{directory.name}-copy")
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(directory, copy)
            yield
            shutil.rmtree(directory)
            copy.rename(directory)
            return
        before = files_below(directory)
        yield
        for path in files_below(directory) - before:
            os.unlink(path)


def read_all(directory: Path) -> None:
    """In the order in which files were made, which is about how they lie on the disk."""
    found = []
    waiting = [str(directory)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_file(follow_symlinks=False):
                    found.append((entry.inode(), entry.path))
    for _, path in sorted(found):
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


def files_below(directory: Path) -> set[str]:
    return {os.path.join(top, name) for top, _, names in os.walk(directory) for name in names}
