"""Many that ask for the same missing results at the same moment: processes, threads, threads of
several processes, tasks of two event loops. How often the results are computed, and how long it
takes until all have them; of locache and of its peers.

usage: flights.py [--rounds N] [--docs]: --docs puts the tables into docs/concurrency.md.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import contenders

SECONDS = 0.05  # that a computation takes
TIMEOUT = 30  # seconds, of a process: it is ended, and who had not all by then counts as failed
GATHERING = 2  # seconds, until all are there
# How many results are asked for: every tool begins with the first number, and takes the next where
# that is likely to take no longer than LIMIT, by what it took with the one before.
KEYS = (20, 100, 1_000)
LIMIT = 25  # seconds
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
LOG, DONE = "FLIGHTS_LOG", "FLIGHTS_DONE"  # of the environment: files of a byte for each event


def note(name: str) -> None:
    log = os.open(os.environ[name], os.O_WRONLY | os.O_APPEND)
    os.write(log, b".")
    os.close(log)


def work(key):
    note(LOG)
    time.sleep(SECONDS)
    return [key] * 10


async def work_in_task(key):
    note(LOG)
    await asyncio.sleep(SECONDS)
    return [key] * 10


def order(keys: int, seed: int) -> list[int]:
    """Each asks in an order of its own."""
    mixed = list(range(keys))
    random.Random(seed).shuffle(mixed)
    return mixed


def run_threads(memoized: Callable, keys: int, seeds: range, start: Callable[[], None]) -> None:
    def ask() -> None:
        seed = next(mine)
        start()
        # Who gets an error has not all of them: that is what is counted.
        with contextlib.suppress(Exception):
            for key in order(keys, seed):
                assert memoized(key) == [key] * 10
            note(DONE)

    mine = iter(seeds)
    threads = [threading.Thread(target=ask) for _ in seeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run_tasks(memoized: Callable, keys: int, seeds: range, start: Callable[[], None]) -> None:
    """In two loops, each in a thread of its own."""

    async def ask(seed: int) -> None:
        with contextlib.suppress(Exception):
            for key in order(keys, seed):
                assert await memoized(key) == [key] * 10
            note(DONE)

    async def ask_all(part: range) -> None:
        await asyncio.gather(*(ask(seed) for seed in part))

    def loop(part: range) -> None:
        start()
        asyncio.run(ask_all(part))

    half = len(seeds) // 2
    loops = [threading.Thread(target=loop, args=(part,)) for part in (seeds[:half], seeds[half:])]
    for thread in loops:
        thread.start()
    for thread in loops:
        thread.join()


def run_one_after_the_other(
    memoized: Callable, keys: int, seeds: range, start: Callable[[], None]
) -> None:
    start()

    async def ask() -> None:
        assert await memoized(0) == [0] * 10

    for _ in range(2):
        asyncio.run(ask())
    note(DONE)


@dataclass(frozen=True)
class Way:
    name: str
    processes: int
    each: int  # that ask in each of them
    run: Callable
    function: Callable = work

    @property
    def askers(self) -> int:
        return self.processes * self.each


WAYS = (
    Way("64 processes", 64, 1, run_threads),
    Way("64 threads of one process", 1, 64, run_threads),
    Way("8 processes of 8 threads", 8, 8, run_threads),
    Way("1,000 tasks in two event loops", 1, 1_000, run_tasks, work_in_task),
)


def begin_process(
    way: Way, tool: str, place: Path, keys: int, number: int, pipe: tuple[int, int]
) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(pipe[1])
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            signal.alarm(TIMEOUT + GATHERING)
            memoized = getattr(contenders, tool)(way.function, place)
            seeds = range(number * way.each, (number + 1) * way.each)
            # A read ends for all when the other end is closed.
            way.run(memoized, keys, seeds, lambda: os.read(pipe[0], 1))
            code = 0
        finally:
            os._exit(code)
    return pid


@dataclass(frozen=True, order=True)
class Round:
    took: float
    computations: int
    failed: int
    keys: int


def one_round(way: Way, tool: str, keys: int) -> Round:
    place = Path(tempfile.mkdtemp())
    for name in (LOG, DONE):
        os.environ[name] = str(place / name)
        (place / name).touch()
    start, gate = os.pipe()
    pids = [
        begin_process(way, tool, place, keys, number, (start, gate))
        for number in range(way.processes)
    ]
    time.sleep(GATHERING)
    begin = time.monotonic()
    os.close(gate)
    for pid in pids:
        os.waitpid(pid, 0)
    took = time.monotonic() - begin
    os.close(start)
    computations, done = ((place / name).stat().st_size for name in (LOG, DONE))
    shutil.rmtree(place)
    return Round(took, computations, way.askers - done, keys)


def takes_tasks(tool: str) -> bool:
    """Is the second call of an `async def` function a hit, in another loop too?"""
    tried = one_round(Way("", 1, 1, run_one_after_the_other, work_in_task), tool, 1)
    return tried.failed == 0 and tried.computations == 1


def measured(way: Way, tool: str, rounds: int) -> Round:
    """The median."""
    found = [one_round(way, tool, KEYS[0])]
    for keys in KEYS[1:]:
        if found[0].failed or found[0].took * keys / found[0].keys > LIMIT:
            break
        found = [one_round(way, tool, keys)]
    if not found[0].failed:
        found += [one_round(way, tool, found[0].keys) for _ in range(rounds - 1)]
    return sorted(found)[len(found) // 2]


def row(way: Way, tool: str, rounds: int) -> str:
    name = tool.replace("_stampede", ", memoize_stampede")
    __import__(TOOLS[tool])  # once for all processes
    if way.function is work_in_task and not takes_tasks(tool):
        return f"| {name} | keeps no result of a coroutine | | | | |"
    found = measured(way, tool, rounds)
    return (
        f"| {name} | {found.keys:,} | {found.computations:,} "
        f"| {found.computations / found.keys:.1f} | {found.took:.2f} s | {found.failed:,} |"
    )


def tables(rounds: int) -> Iterator[str]:
    for way in WAYS:
        yield (
            f"| {way.name} | results | computations | of each | until all had all "
            f"| without all after {TIMEOUT} s |"
        )
        yield "|---|--:|--:|--:|--:|--:|"
        for tool in TOOLS:
            yield row(way, tool, rounds)
        yield ""
    yield (
        f"Each computation takes {SECONDS * 1000:.0f} ms. Results: {KEYS[-1]:,}; fewer where a "
        f"tool would take longer than {LIMIT} s for them, or not all had all of fewer. "
        f"The median of {rounds} round{'s' if rounds > 1 else ''}, {os.cpu_count()} cores, CPython "
        f"{sys.version.split()[0]}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    told = parser.parse_args()
    lines = []
    for line in tables(told.rounds):
        print(line, flush=True)
        lines.append(line)
    if told.docs:
        from report import replace_in

        top = Path(__file__).resolve().parents[1]
        replace_in(top / "docs" / "concurrency.md", {"flights": lines})


if __name__ == "__main__":
    main()
