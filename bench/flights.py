"""Many processes that ask for the same missing results at the same moment: how often these are
computed, and how long it takes until all have them; of locache and of its peers.

usage: flights.py [--docs]: --docs puts the table into docs/concurrency.md.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import contenders

PROCESSES, KEYS = 64, 20
SECONDS = 0.05  # that a computation takes
TIMEOUT = 30  # seconds, of a process: it is ended and counts as failed
ROUNDS = 3  # the median counts
TOOLS = {  # by what is imported
    "locache": "locache",
    "joblib": "joblib",
    "diskcache": "diskcache",
    "diskcache_stampede": "diskcache",
    "cachier": "cachier",
    "cachau": "cachau",
    "checkpointer": "checkpointer",
}
LOG = "FLIGHTS_LOG"  # of the environment: where each computation leaves a byte


def work(key):
    log = os.open(os.environ[LOG], os.O_WRONLY | os.O_APPEND)
    os.write(log, b".")
    os.close(log)
    time.sleep(SECONDS)
    return [key] * 10


def ask_for_all(tool: str, place: Path, seed: int, start: int) -> None:
    """In a process of its own: every key, in an order of its own."""
    signal.alarm(TIMEOUT)
    keys = list(range(KEYS))
    random.Random(seed).shuffle(keys)
    memoized = getattr(contenders, tool)(work, place)
    os.read(start, 1)  # until the other end is closed
    for key in keys:
        assert memoized(key) == [key] * 10


def begin_process(tool: str, place: Path, seed: int, pipe: tuple[int, int]) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(pipe[1])
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            ask_for_all(tool, place, seed, pipe[0])
            code = 0
        finally:
            os._exit(code)
    return pid


def one_round(tool: str) -> tuple[int, float, int]:
    """Computations, seconds, and processes that failed."""
    place = Path(tempfile.mkdtemp())
    log = place / "log"
    log.touch()
    os.environ[LOG] = str(log)
    start, gate = os.pipe()
    pids = [begin_process(tool, place, seed, (start, gate)) for seed in range(PROCESSES)]
    time.sleep(2)  # all of them are there
    begin = time.monotonic()
    os.close(gate)
    failed = sum(os.waitpid(pid, 0)[1] != 0 for pid in pids)
    took = time.monotonic() - begin
    os.close(start)
    computations = log.stat().st_size
    shutil.rmtree(place)
    return computations, took, failed


def row(tool: str) -> str:
    __import__(TOOLS[tool])  # once for all processes
    rounds = sorted((one_round(tool) for _ in range(ROUNDS)), key=lambda one: one[1])
    computations, took, failed = rounds[len(rounds) // 2]
    name = tool.replace("_stampede", ", memoize_stampede")
    return f"| {name} | {computations} | {computations / KEYS:.1f} | {took:.2f} s | {failed} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true")
    told = parser.parse_args()
    lines = [
        "| | computations | of each result | until all had all "
        f"| processes without all after {TIMEOUT} s |"
    ]
    lines += ["|---|--:|--:|--:|--:|"]
    for tool in TOOLS:
        lines.append(row(tool))
        print(lines[-1], flush=True)
    lines.append("")
    lines.append(
        f"{PROCESSES} processes, {KEYS} results of {SECONDS * 1000:.0f} ms each, so "
        f"{KEYS} computations and {KEYS * SECONDS:.0f} s for one process alone; the median of "
        f"{ROUNDS} rounds, {os.cpu_count()} cores, CPython {sys.version.split()[0]}."
    )
    print(lines[-1])
    if told.docs:
        from report import replace_in

        top = Path(__file__).resolve().parents[1]
        replace_in(top / "docs" / "concurrency.md", {"flights": lines})


if __name__ == "__main__":
    main()
