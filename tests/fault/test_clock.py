"""Row "clocks that jump": by a day and by ten years, either way, under libfaketime. No process
gives what another one replaced, and no temporary is removed whose writer lives."""

from __future__ import annotations

import fcntl
import glob
import os
import struct
import subprocess
import sys
import textwrap
import time

import pytest

LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") or [None])[0]
JUMPS = ["-1d", "+1d", "-10y", "+10y"]
YEAR = 365 * 86400
LOCK = getattr(fcntl, "F_OFD_SETLK", 37)
WHOLE = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)

pytestmark = [
    pytest.mark.skipif(LIBRARY is None, reason="clocks: libfaketime is not installed"),
    # Two libraries that want to be the first.
    pytest.mark.skipif(
        bool(os.environ.get("LD_PRELOAD")), reason="clocks: another library is preloaded"
    ),
]

# One function in every process: what it returns is in a file beside. A line for each line of input:
# what the call gave, and whether it was computed.
PROGRAM = """
import sys, time, warnings
import locache

warnings.simplefilter("error")
place, max_age = sys.argv[1], float(sys.argv[2])
options = {"max_age": max_age} if max_age else {}

@locache.persist(dir=place + "/clock.cache", name="clock", ignore=("source", "runs"), **options)
def answer(x, source, runs):
    runs.append(x)
    with open(source) as file:
        return file.read()

print(int(time.time()), flush=True)
for line in sys.stdin:
    command, _, argument = line.strip().partition(" ")
    runs = []
    if command == "forget":
        answer.forget(1, place + "/says", [])
    said = answer(1, place + "/says", runs)
    print(said, len(runs), flush=True)
"""


class Process:
    """One with a clock of its own, that answers as it is asked."""

    def __init__(self, place, jump=None, max_age=0):
        program = place / "program.py"
        program.write_text(textwrap.dedent(PROGRAM))
        variables = dict(os.environ)
        if jump is not None:
            # The times of files are the kernel's, and clocks that measure go on as they do.
            variables |= {
                "LD_PRELOAD": LIBRARY,
                "FAKETIME": jump,
                "NO_FAKE_STAT": "1",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        self.process = subprocess.Popen(
            [sys.executable, str(program), str(place), str(max_age)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=variables,
        )
        self.time = int(self.process.stdout.readline())

    def ask(self, command="call"):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        said, runs = self.process.stdout.readline().rsplit(" ", 1)
        return said, int(runs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait(60) == 0


@pytest.fixture
def says(tmp_path):
    def write(text):
        (tmp_path / "says").write_text(text)

    write("first")
    return write


@pytest.mark.parametrize("jump", JUMPS)
def test_what_was_replaced_is_given_by_no_clock(tmp_path, says, injected, jump):
    with Process(tmp_path, jump) as other, Process(tmp_path) as right:
        days = (other.time - time.time()) / 86400
        assert abs(days) > 0.9, "its clock is another one"
        assert other.ask() == ("first", 1)
        assert right.ask() == ("first", 0) == right.ask() == other.ask()
        for replaces, asks, text in ((right, other, "second"), (other, right, "third")):
            says(text)
            assert replaces.ask("forget") == (text, 1)
            assert asks.ask() == (text, 0) == asks.ask() == replaces.ask()
            injected()


@pytest.mark.parametrize("jump", JUMPS)
def test_what_is_too_old_by_a_clock_is_computed_and_nothing_else_is(tmp_path, says, injected, jump):
    with Process(tmp_path, max_age=2) as right:
        assert right.ask() == ("first", 1)
        assert right.ask() == ("first", 0)
    says("second")
    # Ten years on it is older than two days.
    expected = ("second", 1) if jump == "+10y" else ("first", 0)
    with Process(tmp_path, jump, max_age=2) as other:
        assert other.ask() == expected
        assert other.ask()[1] == 0
    injected()


@pytest.mark.parametrize("years", [-10, 10])
def test_times_of_files_in_the_future_and_the_past(tmp_path, says, injected, years):
    with Process(tmp_path) as one, Process(tmp_path) as other:
        assert one.ask() == ("first", 1)
        entry = next((tmp_path / "clock.cache" / "clock").glob("x=*"))
        at = time.time() + years * YEAR
        os.utime(entry, (at, at))
        assert one.ask() == ("first", 0) == other.ask() == other.ask()
        says("second")
        assert other.ask("forget") == ("second", 1)
        entry = next((tmp_path / "clock.cache" / "clock").glob("x=*"))
        os.utime(entry, (at, at))
        assert one.ask() == ("second", 0)
        injected()


@pytest.mark.parametrize("jump", ["-10y", "+10y"])
def test_a_living_writers_temporary_stays(tmp_path, says, injected, jump):
    with Process(tmp_path) as right:
        right.ask()
    left = tmp_path / "clock.cache" / "clock" / ".locache" / "tmp-0123456789abcdef"
    with open(left, "w+b") as writer:
        fcntl.fcntl(writer, LOCK, WHOLE)
        for seconds in (0, 10 * YEAR, -10 * YEAR):
            at = time.time() + seconds
            os.utime(left, (at, at))
            with Process(tmp_path, jump) as other:
                assert other.ask("forget") == ("first", 1)  # the first store of a process sweeps
            assert left.exists()
            injected()
    with Process(tmp_path, jump) as other:
        other.ask("forget")
    assert not left.exists()
