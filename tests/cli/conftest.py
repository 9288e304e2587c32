"""The command, run as a user runs it: what it prints, and the code that it ends with."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import locache
import pytest

# entryfile, the second implementation of the format, is with the Python tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "python"))

PROGRAM = """\
import array
from locache import persist

@persist
def my_func(x, num=3):
    return x * num

class Own:
    def __eq__(self, other):
        return type(other) is Own

@persist
def pickled(n):
    return Own()

@persist
def plain(kind):
    return {
        "none": None, "list": [1, 2.5, True, "\\u00e9\\n\\x1b[31m"], "tuple": (1, b"ab"),
        "big": 2**200, "negative": -(2**70), "none-number": float("nan"), "long": "x" * 5000,
        "keys": {1: 2}, "bytes": b"z" * 5000, "smallest": -(2**64), "huge": b"h" * 300000,
    }[kind]

class Class:
    @persist
    def method(self, *args, **more):
        return len(args)

if __name__ == "__main__":
    for x in range(4):
        my_func(x)
    my_func("a/b", num=2)
    pickled(1)
    for kind in ("none list tuple big negative none-number long keys bytes smallest huge").split():
        plain(kind)
    Class().method(1, 2, more="y")
"""
RESULTS = 18


def find_command():
    """LOCACHE_TEST_COMMAND, else what was installed with the package."""
    told = os.environ.get("LOCACHE_TEST_COMMAND")
    if told:
        return told
    beside = Path(locache.__file__).parents[1] / "bin" / "locache"
    installed = Path(sysconfig.get_path("scripts")) / "locache"
    return str(beside if beside.exists() else installed)


COMMAND = find_command()


def libraries():
    """Of the command, as its file names them; none where that cannot be told."""
    readelf = shutil.which("readelf")
    told = readelf and subprocess.run([readelf, "-d", COMMAND], capture_output=True, text=True)
    lines = told.stdout.splitlines() if told else ()
    return {line.split("[")[1].rstrip("]") for line in lines if "(NEEDED)" in line}


# What its sanitizers have no part in need not be tried once more with them.
SANITIZED = any(re.match(r"lib[a-z]+san\.", name) for name in libraries())
# Built to count which lines are reached (tools/coverage.sh).
COVERED = b"__gcov_" in Path(COMMAND).read_bytes()
needs_no_sanitizer = pytest.mark.skipif(SANITIZED, reason="tried without sanitizers")


class Ran:
    """What a run left: its code, and what it printed."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = os.fsdecode(done.stdout or b"")
        self.err = os.fsdecode(done.stderr)

    def json(self):
        return json.loads(self.out)

    def lines(self):
        return [line.split("\t") for line in self.out.splitlines()]


def clean_environment(home):
    """Nothing of the user's: neither where caches are, nor which key signs."""
    kept = ("PATH", "PYTHONPATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")
    told = {name: os.environ[name] for name in kept if name in os.environ}
    return {**told, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A directory with foo.py and its cache, and a home beside it, for all tests to copy."""
    root = tmp_path_factory.mktemp("made")
    (root / "home").mkdir()
    project = root / "project"
    project.mkdir()
    (project / "foo.py").write_text(PROGRAM)
    environment = clean_environment(root / "home")
    subprocess.run([sys.executable, "foo.py"], cwd=project, env=environment, check=True)
    return root


@pytest.fixture
def project(made, tmp_path):
    """A copy of it, which a test may change: its directory."""
    shutil.copytree(made / "project", tmp_path / "project", symlinks=True)
    return tmp_path / "project"


@pytest.fixture
def run(made, tmp_path):
    """run("ls", "foo.cache", code=0): the command, in the copy of the project if there is one."""

    def run(*arguments, code=0, cwd=None, home=made / "home", stdout=subprocess.PIPE):
        if cwd is None:
            cwd = tmp_path / "project" if (tmp_path / "project").is_dir() else tmp_path
        done = subprocess.run(
            [COMMAND, *map(os.fspath, arguments)],
            cwd=cwd,
            env=clean_environment(home),
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            timeout=60,
        )
        ran = Ran(done)
        assert ran.code == code, (ran.code, ran.out, ran.err)
        return ran

    return run


def said_to_the_end(terminal):
    """All that is said to a pseudo-terminal until nobody has its other end any more, as bytes."""
    said = b""
    while True:
        try:
            some = os.read(terminal, 65536)
        except OSError:  # Linux: the other end is closed
            some = b""
        if not some:
            os.close(terminal)
            return said
        said += some


def said_on_terminal(*words, code=0, **more):
    """The same of a program that has one for standard output and error."""
    pty = pytest.importorskip("pty")
    mine, its = pty.openpty()
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=its, stderr=its, **more)
    os.close(its)
    said = said_to_the_end(mine)
    assert process.wait(timeout=60) == code, said
    return said


@pytest.fixture
def on_terminal(made, project):
    """The command with a terminal: all that it printed."""

    def on_terminal(*arguments, code=0, **environment):
        environment = {**clean_environment(made / "home"), "TERM": "xterm", **environment}
        words = [COMMAND, *map(os.fspath, arguments)]
        return said_on_terminal(*words, code=code, cwd=project, env=environment)

    return on_terminal
