"""Every command on a cache of very many results: a million in the long form. What it prints is all
of it, in little memory, and a terminal is told how far it is."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from .conftest import COMMAND, clean_environment, needs_no_sanitizer

LONG = bool(os.environ.get("LOCACHE_TEST_LONG"))
COUNT = 1_000_000 if LONG else 2_000
PROGRAM = """\
import sys
from locache import persist

@persist(memory=False)
def f(n):
    return n

if __name__ == "__main__":
    for n in range(int(sys.argv[1])):
        f(n)
"""
SHM = Path("/dev/shm")  # where a file takes no disk
MEGABYTES = 24  # what a command may take, however many results there are
PEAK = """\
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10, file=sys.stderr)
sys.exit(done.returncode)
"""
pytestmark = needs_no_sanitizer


@pytest.fixture(scope="module")
def many():
    """A directory with many.py and its cache, and a home beside them."""
    room = SHM.is_dir() and shutil.disk_usage(SHM).free > 3 * 4096 * COUNT
    root = Path(tempfile.mkdtemp(prefix="locache-many-", dir=SHM if room else None))
    (root / "home").mkdir()
    (root / "many.py").write_text(PROGRAM)
    words = [sys.executable, "many.py", str(COUNT)]
    subprocess.run(words, cwd=root, env=clean_environment(root / "home"), check=True)
    yield root
    shutil.rmtree(root)


def run(many, *words):
    """What it printed; it took little memory."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, COMMAND, *words],
        cwd=many,
        env=clean_environment(many / "home"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stderr.splitlines()[-1]) < MEGABYTES
    return done.stdout


def bytes_of(many):
    with os.scandir(many / "many.cache/f") as found:
        return sum(item.stat().st_size for item in found if item.name[0] != ".")


def test_many__what_only_looks(many):
    """None of them says less than there is."""
    size = bytes_of(many)
    (row,) = json.loads(run(many, "ls", "--json"))
    assert (row["entries"], row["bytes"], row["unusable"]) == (COUNT, size, 0)
    (row,) = json.loads(run(many, "ls", "-c", "--json", "--larger", "1"))
    assert (row["entries"], row["bytes"]) == (COUNT, size)
    (row,) = json.loads(run(many, "explain", "--json"))
    assert row["versions"][0]["entries"] == COUNT
    told = json.loads(run(many, "stats", "--json"))
    assert (told["entries"], told["bytes"], told["misses"]) == (COUNT, size, COUNT)
    told = json.loads(run(many, "verify", "--json"))
    assert told == {
        **dict.fromkeys(["damaged", "untrusted", "foreign", "others", "removed"], 0),
        "problems": [],
        "sound": COUNT,
        "bytes": size,
    }
    assert f"{COUNT:,}" in run(many, "report")
    assert json.loads(run(many, "top", "--json", "-a", "-i", "100ms"))["functions"]


def test_many__lines_of_all(many):
    lines = run(many, "ls", "-e", "-s", "none", "-n", "0").splitlines()
    assert len(lines) == COUNT
    assert len({line.split("\t")[-1] for line in lines}) == COUNT
    assert len(run(many, "ls", "-e", "-n", "7", "--json").splitlines()) == 8
    assert len(json.loads(run(many, "ls", "--name", "n=1*9", "-e", "-s", "none", "--json"))) == len(
        [n for n in range(COUNT) if str(n)[0] == "1" and str(n)[-1] == "9"]
    )


def test_many__elsewhere(many):
    run(many, "export", "-o", "many.tar.zst", "many.cache")
    told = json.loads(run(many, "import", "--json", "--into", "other.cache", "many.tar.zst"))
    assert (told["stored"], told["bytes"]) == (COUNT, bytes_of(many))
    (many / "many.tar.zst").unlink()
    shutil.rmtree(many / "other.cache")


# What lasts long: all that looks at each result. A moment is a minute to them but in the long form.
LASTING = [
    ["stats"],
    ["verify"],
    ["ls"],
    ["explain"],
    ["gc", "-n", "--max-size", "1G"],
    ["report", "-o", "many.html"],
    ["export", "-o", "many.tar.zst", "many.cache"],
    ["import", "--into", "other.cache", "many.tar.zst"],
]
FAKETIME = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") or [None])[0]


@pytest.mark.skipif(not LONG and FAKETIME is None, reason="libfaketime is not installed")
@pytest.mark.parametrize("words", LASTING, ids=lambda words: words[0])
def test_many__a_terminal_is_told_how_far_it_is(many, words, monkeypatch):
    """And as soon as that can be said it is right: names that are read first are no slow start."""
    pty = pytest.importorskip("pty")
    said = bytearray()

    def take(fd):
        some = os.read(fd, 65536)
        said.extend(some)
        return some

    if words[0] == "import":
        run(many, "export", "-o", "many.tar.zst", "many.cache")
    monkeypatch.setenv("HOME", str(many / "home"))
    monkeypatch.chdir(many)
    if not LONG:
        monkeypatch.setenv("LD_PRELOAD", FAKETIME)
        monkeypatch.setenv("FAKETIME", "+0 x1000")
    assert pty.spawn([COMMAND, *words], take) == 0, said
    told = re.findall(rb"(\d+)(?: of (\d+))? [a-z ]+, (\d+)/s, [\d.]+\w+ left", said)
    assert len(told) > 3, said
    done = [int(some) for some, _, _ in told]
    # gc goes through them twice.
    assert words[0] == "gc" or done == sorted(done)
    assert max(done) <= COUNT
    # How many an archive has is known at its end.
    assert {total for _, total, _ in told} == {b"" if words[0] == "import" else b"%d" % COUNT}
    # Whether it lasts as long as it says is for those who wait.
    assert not LONG or min(int(rate) for _, _, rate in told) > 2000
    shutil.rmtree(many / "other.cache", ignore_errors=True)
    for name in ("many.html", "many.tar.zst"):
        (many / name).unlink(missing_ok=True)


def test_many__what_removes(many):
    """In turn: filters, a size, everything."""
    told = json.loads(run(many, "rm", "--json", "--name", "n=*7", "many.cache"))
    assert told["removed"] == COUNT // 10
    taken = COUNT * 9 // 10 * 4096
    told = json.loads(run(many, "gc", "--json", "--max-size", str(taken // 2)))
    assert taken // 2 - 8192 <= told["kept_bytes"] <= taken // 2
    (row,) = json.loads(run(many, "ls", "--json"))
    assert row["entries"] == COUNT * 9 // 10 - told["removed"]
    assert json.loads(run(many, "reset", "--json", "many.py:f"))["removed"] == row["entries"]
    assert json.loads(run(many, "stats", "--json"))["entries"] == 0
