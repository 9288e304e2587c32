"""Many processes and threads that ask for the same missing results at the same moment: how often
these are computed, and how long it takes until all have them; of locache and of its peers.

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
import threading
import time
from pathlib import Path

import contenders

WAYS = {  # processes, and threads of each
    "64 processes": (64, 1),
    "64 threads": (1, 64),
    "8 processes of 8 threads": (8, 8),
}
KEYS = 20
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


def ask_in_an_order(memoized, seed: int, wrong: list) -> None:
    keys = list(range(KEYS))
    random.Random(seed).shuffle(keys)
    try:
        if [memoized(key) for key in keys] != [[key] * 10 for key in keys]:
            wrong.append("another result")
    except Exception as error:
        wrong.append(error)


def ask_for_all(tool: str, place: Path, seed: int, start: int, threads: int) -> None:
    """In a process of its own: each thread every key, in an order of its own."""
    signal.alarm(TIMEOUT)
    memoized = getattr(contenders, tool)(work, place)
    wrong: list = []
    asking = [
        threading.Thread(target=ask_in_an_order, args=(memoized, seed * threads + n, wrong))
        for n in range(threads)
    ]
    os.read(start, 1)  # until the other end is closed
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    if wrong:
        raise RuntimeError(f"{tool}: {wrong[0]}")


def begin_process(tool: str, place: Path, seed: int, pipe: tuple[int, int], threads: int) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(pipe[1])
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            ask_for_all(tool, place, seed, pipe[0], threads)
            code = 0
        finally:
            os._exit(code)
    return pid


def one_round(tool: str, processes: int, threads: int) -> tuple[int, float, int]:
    """Computations, seconds, and processes that failed."""
    place = Path(tempfile.mkdtemp())
    log = place / "log"
    log.touch()
    os.environ[LOG] = str(log)
    start, gate = os.pipe()
    pids = [begin_process(tool, place, seed, (start, gate), threads) for seed in range(processes)]
    time.sleep(2)  # all of them are there
    begin = time.monotonic()
    os.close(gate)
    failed = sum(os.waitpid(pid, 0)[1] != 0 for pid in pids)
    took = time.monotonic() - begin
    os.close(start)
    computations = log.stat().st_size
    shutil.rmtree(place)
    return computations, took, failed


def cell(tool: str, way: str) -> str:
    rounds = sorted((one_round(tool, *WAYS[way]) for _ in range(ROUNDS)), key=lambda one: one[1])
    computations, took, failed = rounds[len(rounds) // 2]
    late = f", {failed} without all" if failed else ""
    return f"{computations} in {took:.2f} s{late}"


def row(tool: str) -> str:
    __import__(TOOLS[tool])  # once for all processes
    name = tool.replace("_stampede", ", memoize_stampede")
    return f"| {name} | " + " | ".join(cell(tool, way) for way in WAYS) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true")
    told = parser.parse_args()
    lines = [f"| computations | {' | '.join(WAYS)} |", "|---|" + "--:|" * len(WAYS)]
    for tool in TOOLS:
        lines.append(row(tool))
        print(lines[-1], flush=True)
    lines.append("")
    lines.append(
        f"{KEYS} results of {SECONDS * 1000:.0f} ms each, so {KEYS} computations, and "
        f"{KEYS * SECONDS:.0f} s for one thread alone; until all had all, or a process was ended "
        f"after {TIMEOUT} s without all. The median of {ROUNDS} rounds, "
        f"{os.cpu_count()} cores, CPython {sys.version.split()[0]}."
    )
    print(lines[-1])
    if told.docs:
        from report import replace_in

        top = Path(__file__).resolve().parents[1]
        replace_in(top / "docs" / "concurrency.md", {"flights": lines})


if __name__ == "__main__":
    main()
