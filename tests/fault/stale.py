"""Runs the program made of stale.c on one kind of file system, in its short or
(LOCACHE_TEST_LONG=1) long form.

stale.py PROGRAM KIND: a kind of images.py, or "overlay-lower", where each entry lies in the lower
layer until it changes. Ends with 77, which Meson takes for a skipped test, where this machine
cannot have that file system.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from images import Images, Missing

LONG = os.environ.get("LOCACHE_TEST_LONG") == "1"
SANITIZED = os.environ.get("LOCACHE_TEST_SANITIZED") == "1"
SETTLE = 25  # milliseconds: more than any clock of these file systems stands still
SETTLE_SECONDS = 2100  # where their times have whole seconds
# Pairs in each of two runs, whole directories then come beside; where times have whole seconds; and
# rounds of a lower layer's 768 entries.
PAIRS, PAIRS_SECONDS, ROUNDS = (
    (500_000, 20_000, 64) if LONG else (1_500, 1_500, 2) if SANITIZED else (4_500, 2_300, 3)
)

SLOW = ("ext4-seconds", "btrfs")  # one run will do in the short form

# A handle for all entries asks for most of them by name; 64 keep a third of theirs open.
HANDLES = (1, 64)


def run(program, place, pairs, settle, handles):
    command = [program, str(place), str(pairs), str(settle), str(handles)]
    print(*command, flush=True)
    return subprocess.run(command).returncode


def in_upper(program, images, kind):
    settle, pairs = (SETTLE_SECONDS, PAIRS_SECONDS) if kind == "ext4-seconds" else (SETTLE, PAIRS)
    failed = 0
    for handles in HANDLES if LONG or kind not in SLOW else HANDLES[:1]:
        place = images.make(kind) / f"by{handles}"
        place.mkdir(mode=0o700)
        failed += run(program, place, pairs, settle, handles) != 0
    return failed


def in_lower(program, images, directory):
    lower = images.make("ext4")
    failed = run(program, lower, "fill", SETTLE, 1)
    for number in range(ROUNDS):
        inner = directory / f"round{number}"
        inner.mkdir()
        with Images(inner) as layers:
            failed += run(program, layers.overlay(lower), "once", SETTLE, HANDLES[number % 2]) != 0
    return failed


def main(program, kind):
    try:
        with tempfile.TemporaryDirectory() as directory, Images(directory) as images:
            if kind == "overlay-lower":
                return in_lower(program, images, Path(directory)) > 0
            return in_upper(program, images, kind) > 0
    except Missing as missing:
        print(f"stale memory on {kind}: skipped: {missing}")
        return 77


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
