"""locache top: what running programs do, and the terminal that it is shown on."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from .conftest import COMMAND, clean_environment
from .shapes import COUNTS, MOMENT, PLACE, fits

pytestmark = pytest.mark.once

TOP = {
    "time": float,
    "interval_seconds": float,
    "functions": [
        {
            "path": str,
            **PLACE,
            **COUNTS,
            "hits_per_second": float,
            "misses_per_second": float,
            "saved_per_second": float,
            "computing": int,
            "processes": [int],
            "last": MOMENT,
        }
    ],
    "computing": [{"process": (int, None), "since": float, "path": str, "command": (str, None)}],
}

BUSY = """\
import sys, threading, time
from locache import persist

@persist
def quick(x):
    return x

@persist
def slow(x):
    print("computes", flush=True)
    time.sleep(60)

threading.Thread(target=slow, args=(1,), daemon=True).start()
quick(1)
while True:
    quick(1)
    time.sleep(0.01)
"""


@pytest.fixture
def busy(made, tmp_path):
    """A program that hits a hundred times a second, and computes something: its process."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "busy.py").write_text(BUSY)
    process = subprocess.Popen(
        [sys.executable, "busy.py"],
        cwd=project,
        env=clean_environment(made / "home"),
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_top__rates_and_who_computes(busy, run):
    time.sleep(1)
    told = run("top", "--json", "-i", "1.5s").json()
    assert fits(told, TOP), told
    rows = {row["function"]: row for row in told["functions"]}
    assert 20 < rows["quick"]["hits_per_second"] < 200
    assert rows["quick"]["processes"] == [busy.pid] and rows["quick"]["computing"] == 0
    assert rows["slow"]["computing"] == 1
    (one,) = told["computing"]
    assert one["process"] == busy.pid and one["path"] == rows["slow"]["path"]
    assert one["command"] == f"{sys.executable} busy.py"
    assert abs(one["since"] - time.time()) < 150
    # The same in lines; nothing of it is for a terminal.
    ran = run("top", "-i", "100ms", "busy.py:slow")
    function, computing = ran.lines()
    assert function[-1] == computing[2] == "busy.cache/slow" and computing[0] == str(busy.pid)


def test_top__what_nobody_uses_is_left_out(project, run):
    told = run("top", "--json", "-i", "100ms").json()
    assert told["functions"] == [] and told["computing"] == []
    told = run("top", "--json", "-i", "100ms", "--all-functions").json()
    assert {row["function"] for row in told["functions"]} >= {"my_func", "plain"}
    assert fits(told, TOP)
    assert run("top", "-i", "100ms").out == ""


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--interval", "1ms"], "--interval takes 100ms to 1h"),
        (["--interval", "2d"], "--interval takes 100ms to 1h"),
        (["--interval", "x"], "--interval takes an age"),
    ],
)
def test_top__a_wrong_interval_is_told(project, run, options, told):
    assert told in run("top", *options, code=2).err


def test_top__of_nothing(tmp_path, run):
    (tmp_path / "project").mkdir()
    assert run("top", "--json", "-i", "100ms").json()["functions"] == []
    assert "there is no nothing" in run("top", "nothing", code=1).err


class Screen:
    """`locache top` on a terminal of its own."""

    def __init__(self, cwd, home, *arguments):
        environment = {**clean_environment(home), "TERM": "xterm"}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            try:
                os.chdir(cwd)
                os.execve(COMMAND, [COMMAND, "top", *arguments], environment)
            finally:
                os._exit(99)
        self.resize(24, 100)
        self.said = b""

    def resize(self, lines, columns):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def unread(self):
        return struct.unpack("i", fcntl.ioctl(self.terminal, termios.FIONREAD, b"1234"))[0]

    def until(self, text, seconds=10):
        end = time.monotonic() + seconds
        while text not in self.said:
            ready, _, _ = select.select([self.terminal], [], [], end - time.monotonic())
            assert ready, self.said
            try:
                self.said += os.read(self.terminal, 65536)
            except OSError:  # Linux: the other end is closed
                break
        assert text in self.said, self.said

    def modes(self):
        return termios.tcgetattr(self.terminal)[3] & (termios.ICANON | termios.ECHO)

    def end(self):
        self.until(b"\x1b[?1049l")
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.terminal)
        return status


@pytest.mark.parametrize("how", ["q", "interrupt", "terminate"])
def test_top__the_terminal_is_put_back(project, made, how):
    screen = Screen(project, made / "home", "-a")
    screen.until(b"my_func")
    assert b"HITS/S" in screen.said and b"\x1b[?1049h" in screen.said
    assert screen.modes() == 0
    if how == "terminate":
        os.kill(screen.pid, signal.SIGTERM)
    else:
        os.write(screen.terminal, b"q" if how == "q" else b"\x03")
    screen.until(b"\x1b[?1049l")
    after = screen.modes()
    status = screen.end()
    # As a terminal has them at first.
    assert after == termios.ICANON | termios.ECHO
    assert screen.said.count(b"\x1b[?1049l") == 1
    if how == "terminate":
        assert os.WTERMSIG(status) == signal.SIGTERM
    else:
        assert os.WEXITSTATUS(status) == 0 and os.WIFEXITED(status)


def full(project, made):
    """A screen that nobody reads, so that the program waits in a write."""
    for n in range(30):
        os.makedirs(project / f"foo.cache/f{n}_{'y' * 60}/.locache", mode=0o700)
    screen = Screen(project, made / "home", "-a")
    screen.until(b"\x1b[J")
    waits, before = 0, -1
    while waits < 20:  # a fifth of a second in which nothing more came, though keys did
        os.write(screen.terminal, b" ")
        time.sleep(0.01)
        now = screen.unread()
        waits = waits + 1 if now == before else 0
        before = now
    return screen


def signalled(screen, number):
    """Twice: the first ends a write of which the terminal took a part, the second one without."""
    for _ in range(2):
        os.kill(screen.pid, number)
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_top__ended_while_the_terminal_is_full(project, made, number):
    screen = full(project, made)
    signalled(screen, number)
    status = screen.end()
    assert status == (0 if number == signal.SIGINT else number)


def test_top__resized_while_the_terminal_is_full(project, made):
    screen = full(project, made)
    screen.resize(12, 90)
    signalled(screen, signal.SIGWINCH)
    os.write(screen.terminal, b"q")
    assert screen.end() == 0


def test_top__gives_the_terminal_back_to_be_stopped(project, made):
    """A process that no shell would let go on, as this one, is not stopped, and draws on."""
    screen = Screen(project, made / "home", "-a")
    screen.until(b"\x1b[J")
    screen.said = b""
    os.write(screen.terminal, b"\x1a")
    screen.until(b"\x1b[?1049l")
    screen.until(b"\x1b[?1049h")
    screen.until(b"my_func")
    assert screen.modes() == 0
    screen.said = b""
    os.write(screen.terminal, b"q")
    assert screen.end() == 0


def test_top__fits_the_window_and_its_names_move_no_cursor(project, made):
    for n in range(30):
        folder = project / f"foo.cache/f{n}%1B[2J{'y' * 60}"
        os.makedirs(folder / ".locache", mode=0o700)
    (project / "foo.cache/g\x1b[2J").mkdir(mode=0o700)
    screen = Screen(project, made / "home", "-a")
    screen.resize(10, 60)
    os.kill(screen.pid, signal.SIGWINCH)
    screen.until(b"\x1b[J")
    screen.said = b""
    os.write(screen.terminal, b" ")
    screen.until(b"\x1b[J")
    lines = screen.said.split(b"\x1b[H")[-1].split(b"\x1b[J")[0]
    assert lines.count(b"\n") <= 9 and b"\x1b[2J" not in screen.said
    os.write(screen.terminal, b"q")
    screen.end()
