"""One computation for each missing result where programs of C and processes of Python ask for it at
the same moment."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from compiling import COMPILER, build_program
from flights import LONG, end_of, in_child
from locache import persist

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(COMPILER is None, reason="no C compiler"),
    pytest.mark.usefixtures("no_test_hangs"),
]

ROUNDS = 300 if LONG else 25
KEYS = 12
ASK = 3  # of each language


@pytest.fixture(scope="session")
def asking(tmp_path_factory):
    source = Path(__file__).with_name("asking.c")
    return build_program(source, tmp_path_factory.mktemp("asking") / "asking")


def ask_for_all(cache, log, first, gate):
    """In a process of its own, as asking.c does it."""

    @persist(dir=cache, name="f", version="1", ignore=("log",))
    def f(x, log):
        log.add(f"python:{x}")
        time.sleep(0.002)
        return 2 * x

    os.read(gate, 1)  # until the other end is closed
    for i in range(KEYS):
        x = (first + i) % KEYS
        assert f(x, log) == 2 * x


def one_round(asking, cache, log, round):
    """All begin at once; some with the same key, some with another."""
    start, gate = os.pipe()

    def child(first):
        os.close(gate)
        ask_for_all(cache, log, first, start)

    programs, children = [], []
    for n in range(ASK):
        first = n * round % KEYS
        command = [asking, cache, log.path, str(KEYS), str(first)]
        # Its standard input ends with the gate: whoever is started later must not keep it open.
        programs.append(subprocess.Popen(command, stdin=start, close_fds=True))
        children.append(in_child(lambda first=first: child(first)))
    os.close(start)
    time.sleep(0.02)
    os.close(gate)
    assert [end_of(pid) for pid in children] == [0] * ASK
    assert [program.wait(60) for program in programs] == [0] * ASK


def test_c_and_python_compute_each_key_once(asking, tmp_path, log, record_property):
    """Many rounds, each with a cache of its own."""
    for round in range(ROUNDS):
        one_round(asking, str(tmp_path / f"{round}.cache"), log, round)
    who, keys = zip(*[line.split(":") for line in log.lines()], strict=True)
    assert sorted(map(int, keys)) == sorted([*range(KEYS)] * ROUNDS), "each once"
    computed = {name: who.count(name) for name in ("c", "python")}
    print(computed)
    assert min(computed.values()) > 0, "both had their turns"
    record_property("injections", len(keys))
