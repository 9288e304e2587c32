"""The way of a call through the source: how many files of src/ and python/ext/ it enters, and how
often it crosses from one to another.

A file is a C file of which at least one function is entered. A crossing is a call from a function
of one file to a function of another, whatever lies between: Python, or a header's inline function,
which counts to no file. What the part in Python does between is not seen. The extension is built
with -finstrument-functions; bench/way.sh does that and runs this:

    sh bench/way.sh           the table
    sh bench/way.sh --list    with the files of each call, in the order in which they are entered
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.resolve()
FOO = """from locache import persist


@persist
def my_func(x, num=3):
    return x * num
"""
# Two processes, one after the other. SETTLED is the time, in seconds, after which a file's stamps
# tell its present state from a later one; the call after it looks at the file once more.
CALLS = """import ctypes, sys, time
from foo import my_func

SETTLED = 0.05
way = ctypes.CDLL(None)

def follow(name, x):
    way.way_begin()
    my_func(x)
    if way.way_end(name.encode()):
        sys.exit("the way could not be noted")

if sys.argv[1] == "first":
    follow("a very first call", 1)
    my_func(2)
    follow("a miss", 3)
    follow("a hit in memory", 3)
    time.sleep(SETTLED)
    my_func(3)
    follow("a hit in memory, settled", 3)
else:
    follow("a process's first call, a hit", 1)
    follow("a first hit", 2)
"""
ROWS = (
    "a hit in memory, settled",
    "a hit in memory",
    "a first hit",
    "a process's first call, a hit",
    "a miss",
    "a very first call",
)


def traces(preloaded: Path) -> dict[str, list[str]]:
    """Of each row what bench/c/way.c notes: where a function begins, or "<" where one is left."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "foo.py").write_text(FOO)
        (Path(place) / "calls.py").write_text(CALLS)
        for process in ("first", "second"):
            subprocess.run(
                [sys.executable, "calls.py", process],
                env=os.environ | {"LD_PRELOAD": str(preloaded.resolve())},
                cwd=place,
                check=True,
            )
        return {row: (Path(place) / row).read_text().split() for row in ROWS}


def files_of(offsets: set[str]) -> dict[str, str]:
    """Where the functions at these offsets of the extension stand, from the project's root."""
    spec = importlib.util.find_spec("locache._core")
    if spec is None or spec.origin is None:
        raise SystemExit("locache is not installed here: run bench/way.sh")
    ordered = sorted(offsets)
    said = subprocess.run(
        ["addr2line", "-e", spec.origin, *ordered], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    paths = (os.path.normpath(line.rpartition(":")[0]) for line in said)
    return {
        offset: os.path.relpath(path, ROOT) for offset, path in zip(ordered, paths, strict=True)
    }


def follow(trace: list[str], file_of: dict[str, str]) -> tuple[list[str], int]:
    """The files in the order of their first functions, and how many crossings there are."""
    files: dict[str, None] = {}
    crossings = 0
    # Of each function that is entered and not left, the file that its callees are called from.
    inside = [""]
    for step in trace:
        if step == "<":
            inside.pop()
            continue
        file = file_of[step]
        if file.endswith(".h"):
            inside.append(inside[-1])
            continue
        crossings += inside[-1] not in ("", file)
        inside.append(file)
        files[file] = None
    return list(files), crossings


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("preloaded", type=Path, help="bench/c/way.c, compiled; way.sh gives it")
    parser.add_argument("--list", action="store_true", help="name the files of each call")
    arguments = parser.parse_args()
    noted = traces(arguments.preloaded)
    file_of = files_of({step for trace in noted.values() for step in trace if step != "<"})
    if not file_of:
        raise SystemExit("nothing was noted: the extension is not instrumented, run bench/way.sh")
    print(f"{'the way of my_func(1)':32}{'files':>6}{'crossings':>11}")
    for row in ROWS:
        files, crossings = follow(noted[row], file_of)
        print(f"{row:32}{len(files):6}{crossings:11,}")
        if arguments.list:
            print("".join(f"    {file}\n" for file in files))


if __name__ == "__main__":
    main()
