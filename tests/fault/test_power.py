"""Row "power loss": a file system's image is copied at a moment, as the disk has it when the power
fails, while results are written to it; the copy is mounted and read by a clean process.

The image lies on XFS, whose copies that share blocks are of one moment. What the file system had in
memory alone is not in them.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import pytest
from images import MAKERS, Images, Missing, run

LONG = os.environ.get("LOCACHE_TEST_LONG") == "1"
SNAPSHOTS = 40 if LONG else 3
SETTLE = 0.4 if LONG else 0.2  # seconds between two, at most
MEGABYTES = {"ext4": 64, "xfs": 320}

PROGRAM = """
import sys, warnings
import locache

runs = []

def plain(x):
    runs.append(x)
    return [x, "x" * (x * 97 % 5000)]

def large(x):
    runs.append(x)
    return bytes([x % 251]) * 300_000

def decorated(directory, durable):
    return [
        locache.persist(f, dir=directory + "/power.cache", name=name + f.__name__, durable=durable)
        for f, name in ((plain, str(durable)), (large, str(durable)))
    ]

def right(f, x):
    if "plain" in f.__name__:
        return f(x) == [x, "x" * (x * 97 % 5000)]
    return f(x) == bytes([x % 251]) * 300_000
"""
# It says which durable results it has, when it has them.
WRITER = (
    PROGRAM
    + """
x = 0
while True:
    for f in decorated(sys.argv[1], durable=False):
        f(x % 60)
        if x % 7 == 0:
            f.forget(x % 60)
    if x < 200:
        decorated(sys.argv[1], durable=True)[0](x)
        print(x, flush=True)
    x += 1
"""
)
READER = (
    PROGRAM
    + """
warnings.simplefilter("ignore")
said = int(sys.argv[2])
durable, _ = decorated(sys.argv[1], durable=True)
assert all(right(durable, x) for x in range(said))
assert not runs, f"durable results are gone: {runs}"
for f in decorated(sys.argv[1], durable=False):
    assert all(right(f, x) for x in range(60))
    ran = len(runs)
    assert all(right(f, x) for x in range(60)) and len(runs) == ran, "not repaired"
"""
)


def said_by(writer, lines):
    """How many durable results the writer said that it has; without waiting."""
    os.set_blocking(writer.stdout.fileno(), False)
    while line := writer.stdout.readline():
        lines.append(int(line))
    return len(lines)


@pytest.mark.parametrize("kind", MEGABYTES)
def test_after_a_power_loss_no_result_is_wrong(tmp_path, injected, kind):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    choose = random.Random(seed)
    for name, text in (("writer.py", WRITER), ("reader.py", READER)):
        (tmp_path / name).write_text(text)
    with Images(tmp_path) as outer:
        try:
            below = outer.sharing()
            image = below / "disk"
            with open(image, "wb") as file:
                file.truncate(MEGABYTES[kind] << 20)
            run(*MAKERS[kind][1], image)
            place = outer.mount("-o", "loop", image)
        except Missing as missing:
            pytest.skip(f"power loss on {kind}: {missing}")
        (place / "own").mkdir(mode=0o700)
        writer = subprocess.Popen(
            [sys.executable, str(tmp_path / "writer.py"), str(place / "own")],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            lines = []
            while said_by(writer, lines) == 0:
                assert writer.poll() is None
                time.sleep(0.02)
            for number in range(SNAPSHOTS):
                time.sleep(choose.random() * SETTLE)
                said = said_by(writer, lines)
                copy = below / f"copy{number}"
                run("cp", "--reflink=always", image, copy)
                look_at(copy, tmp_path / f"snapshot{number}", tmp_path / "reader.py", said)
                copy.unlink()
                injected()
        finally:
            writer.kill()
            writer.wait()


def magic(path):
    with open(path, "rb") as file:
        return file.read(4)


def look_at(copy, directory, reader, said):
    directory.mkdir()
    with Images(directory) as images:
        # XFS does not mount two of one name.
        options = "loop,nouuid" if magic(copy) == b"XFSB" else "loop"
        place = images.mount("-o", options, copy)
        done = subprocess.run(
            [sys.executable, str(reader), str(place / "own"), str(said)],
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-3000:]
