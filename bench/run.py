"""`make bench`: locache against its peers and against the bare system calls, in one run.

Every contender is measured in processes of its own, in turn, several rounds over, so that a machine
whose speed drifts slows all alike. Shown are medians over the rounds, with the lowest and highest.
docs/speed.md says more.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import report  # noqa: E402  (the path comes first)
from bare import build as build_bare  # noqa: E402
from contenders import BY_NAME, CONTENDERS, Contender, why_not  # noqa: E402
from entries import Entries  # noqa: E402
from journal import mounted  # noqa: E402
from machine import describe, memory_available  # noqa: E402
from results import Results  # noqa: E402
from rows import (  # noqa: E402
    ARGUMENT_SIZES,
    BARE,
    BOUNDED_COUNTS,
    BUFFERS,
    ENTRIES,
    GROUPS,
    LARGEST,
    LIMIT,
    MEMORY_HITS,
    OBJECTS,
    PROCESSES,
    RANDOM_COUNTS,
    RETURNED,
    SIZES,
    STACKS,
    STRICT,
    SWITCHED,
    TEXTS,
    VALUES,
)

# Rounds of each part: the dear ones get fewer.
ROUNDS = {
    "hits": 5,
    "files": 5,
    "arrays": 3,
    "values": 3,
    "objects": 2,
    "buffers": 2,
    "returned": 3,
    "thousand": 1,
    "random": 6,
    "depth": 2,
    "depending": 5,
    "uses": 3,
    "limits": 6,
    "scale": 4,
    "parallel": 2,
    "memory": 3,
}
QUICK_ROUNDS = {part: min(rounds, 2) for part, rounds in ROUNDS.items()}
QUICK_SIZES = ("8 KB", "800 KB", "80 MB")
QUICK_ENTRIES = ENTRIES[:2]
WORKER_TIMEOUT = 300  # seconds
FILL_TIMEOUT = 1_800  # seconds in which a million results are stored
DISK_TIMEOUT = 60  # seconds
LONG = 20  # seconds that a process of the largest argument may take; judged by the one before
LARGE_ROOM = (
    5 << 30
)  # bytes of disk and of memory: what is stored, in the page cache, twice where it is pickled
IN_MEMORY = Path("/dev/shm")
ENTRY_ROOM = 6_000  # bytes that a small file takes there


class Failed(Exception):
    """What a contender said when it did not do what was asked."""


class Bench:
    def __init__(self, build: Path, quick: bool):
        self.build = build
        self.quick = quick
        self.rounds = QUICK_ROUNDS if quick else ROUNDS
        self.sizes = QUICK_SIZES if quick else tuple(SIZES)
        self.argument_sizes = [
            size for size in ARGUMENT_SIZES if size not in SIZES or size in self.sizes
        ]
        self.counts = QUICK_ENTRIES if quick else ENTRIES
        self.results = Results()
        self.locache4 = build / "bench-locache4"
        self.entries = Entries(build, self.run)
        self.scratch = Path(tempfile.mkdtemp(prefix="bench-", dir=build))
        self.step = 0
        self.journal: Path | None = None  # where files are stored whose storing is measured
        build_bare(build / "bare.so")
        shutil.copy(build / "bare.so", self.scratch)

    def close(self) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)

    # ------------------------------------------------------------------------------------ processes

    def variables(self, name: str, turn: int) -> dict:
        """locache 4.0.2 shadows the package under test only where it is the contender."""
        variables = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("LOCACHE_", "PYTHON"))
        }
        if name == "locache 4.0.2":
            variables["PYTHONPATH"] = str(self.locache4)
        variables["PYTHONHASHSEED"] = "0"
        variables["BENCH_SEED"] = str(turn + 1)
        return variables

    def command(self, name: str, phase: str, directory: Path, argument: str) -> list[str]:
        return [sys.executable, str(HERE / "worker.py"), name, phase, str(directory), argument]

    def run(
        self, name: str, phase: str, directory: Path, argument: str = "", turn: int = 0
    ) -> dict:
        command = self.command(name, phase, directory, argument)
        timeout = FILL_TIMEOUT if phase == "fill" else WORKER_TIMEOUT
        try:
            done = subprocess.run(
                command,
                env=self.variables(name, turn),
                cwd=directory,
                capture_output=True,
                text=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"took more than {timeout} s") from None
        if done.returncode < 0:
            raise Failed(f"ends in a crash ({signal.Signals(-done.returncode).name})")
        if done.returncode:
            raise Failed(f"failed: {(done.stderr.strip().splitlines() or ['said nothing'])[-1]}")
        return json.loads(done.stdout.splitlines()[-1])

    def place(self, label: str, top: Path | None = None) -> Path:
        """A new directory with the workload's source."""
        self.step += 1
        directory = (top or self.scratch) / f"{self.step}-{label.replace(' ', '-')}"
        directory.mkdir()
        shutil.copy(HERE / "workload.py", directory)
        return directory

    def attempt(self, contender: Contender, rows: list[str], action: Callable, *arguments) -> dict:
        """What the action returns; where the contender fails, its rows say why."""
        try:
            return action(*arguments)
        except Failed as failure:
            for row in rows:
                self.results.refuse(row, contender.name, str(failure))
            return {}

    def taking_part(self, family: str, turn: int) -> list[Contender]:
        """In turn: each round begins with another one."""
        chosen = [one for one in CONTENDERS if family in one.groups]
        at = turn % len(chosen)
        return chosen[at:] + chosen[:at]

    # ------------------------------------------------------------------------------------ the parts

    def hits(self) -> None:
        rows = rows_of("hits")
        for turn in range(self.rounds["hits"]):
            for one in self.taking_part("hits", turn):
                directory = self.place(one.name)
                self.results.add(
                    self.attempt(one, rows, self.run, one.name, "hits", directory), one.name
                )
                shutil.rmtree(directory)
            self.progress(f"repeated hits, round {turn + 1}")

    def files(self) -> None:
        rows = rows_of("files")
        for turn in range(self.rounds["files"]):
            for one in self.taking_part("files", turn):
                if one.name == STRICT:
                    directory = self.place("bare", self.journal)
                    self.results.add(self.run(BARE, "bare", directory), BARE)
                    shutil.rmtree(directory)
                directory = self.place(one.name, self.journal)
                phases = ("cold", "warm") if one.keeps else ("cold",)
                for phase in phases:
                    self.results.add(
                        self.attempt(one, rows, self.run, one.name, phase, directory), one.name
                    )
                self.results.add(self.attempt(one, ["import"], self.import_time, one), one.name)
                shutil.rmtree(directory)
            self.progress(f"first hits and misses, round {turn + 1}")

    def import_time(self, one: Contender) -> dict:
        """In a fresh interpreter, modules in the page cache."""
        code = (
            f"import time; t = time.perf_counter_ns(); import {one.module}; "
            "print(time.perf_counter_ns() - t)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self.variables(one.name, 0),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Failed("failed: " + done.stderr.strip().splitlines()[-1])
        return {"import": float(done.stdout)}

    def array_results(self) -> None:
        sizes = [size for size in self.sizes if size != LARGEST]
        places = {one.name: self.store_arrays(one, sizes) for one in self.taking_part("results", 0)}
        write_back()
        self.progress("array results stored")
        for turn in range(self.rounds["arrays"]):
            for size in sizes:
                for one in self.taking_part("results", turn):
                    self.array_result(one, places[one.name], size)
            self.progress(f"array results, round {turn + 1}")
        for directory in places.values():
            shutil.rmtree(directory)
        if LARGEST in self.sizes and self.has_room():
            self.largest_results()

    def largest_results(self) -> None:
        """One contender after the other, for all of them at once would push each other out of the
        page cache."""
        for one in self.taking_part("results", 0):
            directory = self.store_arrays(one, [LARGEST])
            write_back()
            for _ in range(self.rounds["arrays"]):
                self.array_result(one, directory, LARGEST)
            shutil.rmtree(directory)
        self.progress(f"array results of {LARGEST}")

    def array_result(self, one: Contender, directory: Path, size: str) -> None:
        asked = (one.name, "array_result", directory, f"{SIZES[size]} {size}")
        found = self.attempt(one, result_rows(size), self.run, *asked)
        if not one.keeps:  # its first hit was a miss
            found = {row: value for row, value in found.items() if row.startswith("result")}
        self.results.add(found, one.name)

    def store_arrays(self, one: Contender, sizes: list[str]) -> Path:
        directory = self.place(one.name)
        self.attempt(one, [], self.run, one.name, "store_array", directory, "1")
        for size in sizes if one.keeps else ():
            asked = (one.name, "store_array", directory, f"{SIZES[size]} {size}")
            self.attempt(one, result_rows(size), self.run, *asked)
        return directory

    def has_room(self) -> bool:
        """Whether the largest results can be measured here; where not, their rows say why."""
        enough_disk = shutil.disk_usage(self.build).free >= LARGE_ROOM
        if enough_disk and memory_available() >= LARGE_ROOM:
            return True
        for one in self.taking_part("results", 0):
            for row in result_rows(LARGEST):
                self.results.refuse(
                    row,
                    one.name,
                    f"the machine has too little {'memory' if enough_disk else 'disk'}",
                )
        return False

    def array_arguments(self) -> None:
        for turn in range(self.rounds["arrays"]):
            seconds: dict = {}
            for size in self.argument_sizes:
                row = f"argument {size}"
                for one in self.taking_part("arguments", turn):
                    if why_not(one, "arguments", row):
                        continue
                    if seconds.get(one.name, 0) * 10 > LONG:
                        took = f"{seconds[one.name] * 10:.0f} s"
                        said = f"would take some {took}, judged by the size before"
                        self.results.refuse(row, one.name, said)
                        continue
                    directory = self.place(one.name)
                    argument = f"{ARGUMENT_SIZES[size]} {size}"
                    found = self.attempt(
                        one, [row], self.run, one.name, "array_argument", directory, argument
                    )
                    seconds[one.name] = found.pop("seconds", 0)
                    self.results.add(found, one.name)
                    shutil.rmtree(directory)
            self.progress(f"array arguments, round {turn + 1}")

    def values(self) -> None:
        self.each_alone("values", "value_argument", "value", VALUES)

    def objects(self) -> None:
        self.each_alone("objects", "object_argument", "object", OBJECTS)

    def buffers(self) -> None:
        self.each_alone("buffers", "buffer_argument", "buffer", BUFFERS)

    def returned(self) -> None:
        for turn in range(self.rounds["returned"]):
            for one in self.taking_part("returned", turn):
                if why_not(one, "returned", ""):
                    continue
                directory = self.place(one.name)
                for what in RETURNED:
                    rows = [f"stored {what}", f"returned {what}"]
                    if self.results.refused(rows[0], one.name):
                        continue
                    for stage in ("stored", "hit"):
                        asked = (one.name, "returned", directory, f"{stage} {what}")
                        self.results.add(self.attempt(one, rows, self.run, *asked), one.name)
                shutil.rmtree(directory)
                self.storing(one)
            self.progress(f"results that are no arrays, round {turn + 1}")

    def storing(self, one: Contender) -> None:
        directory = self.place(one.name)
        for what in TEXTS:
            asked = (one.name, "returned", directory, f"storing {what}")
            self.results.add(self.attempt(one, [f"storing {what}"], self.run, *asked), one.name)
        shutil.rmtree(directory)

    def thousand(self) -> None:
        rows = rows_of("thousand")
        for turn in range(self.rounds["thousand"]):
            for one in self.taking_part("thousand", turn):
                if why_not(one, "thousand", "") or self.results.refused(rows[0], one.name):
                    continue
                directory = self.place(one.name, self.journal)
                for stage in ("cold", "warm"):
                    asked = (one.name, "thousand", directory, stage)
                    self.results.add(self.attempt(one, rows, self.run, *asked), one.name)
                shutil.rmtree(directory)
            self.progress(f"a thousand functions, round {turn + 1}")

    def random(self) -> None:
        """The entries are those of scale()."""
        for turn in range(self.rounds["random"]):
            for count in RANDOM_COUNTS:
                row = f"random at {count}"
                for one in self.taking_part("random", turn):
                    if count not in self.counts or why_not(one, "random", row):
                        continue
                    self.attempt(one, [row], self.entries.make, one, count)
                    directory = self.entries.place(one, count)
                    asked = (one.name, "in_any_order", directory, str(count), turn)
                    self.results.add(self.attempt(one, [row], self.run, *asked), one.name)
                    if one.name == STRICT:
                        asked = (BARE, "random", directory, str(count), turn)
                        self.results.add(self.run(*asked), BARE)
            self.progress(f"random order, round {turn + 1}")

    def depth(self) -> None:
        self.each_alone("depth", "depth", "depth in", STACKS)

    def each_alone(self, family: str, phase: str, row: str, arguments: Iterable[str]) -> None:
        """A row for each argument, in a process of its own, which a crash may end."""
        for turn in range(self.rounds[family]):
            for one in self.taking_part(family, turn):
                for argument in arguments:
                    name = f"{row} {argument}"
                    if why_not(one, family, name) or self.results.refused(name, one.name):
                        continue
                    directory = self.place(one.name)
                    found = self.attempt(
                        one, [name], self.run, one.name, phase, directory, argument
                    )
                    self.results.add(found, one.name)
                    shutil.rmtree(directory)
            self.progress(f"{family}, round {turn + 1}")

    def depending(self) -> None:
        rows = rows_of("depending")
        for turn in range(self.rounds["depending"]):
            for one in self.taking_part("depending", turn):
                if why_not(one, "depending", ""):
                    continue
                directory = self.place(one.name)
                for stage in ("store", "again", "edited"):
                    asked = (one.name, "depending", directory, stage)
                    self.results.add(self.attempt(one, rows, self.run, *asked), one.name)
                shutil.rmtree(directory)
            self.progress(f"dependencies, round {turn + 1}")

    def uses(self) -> None:
        rows = rows_of("uses")
        for turn in range(self.rounds["uses"]):
            for one in self.taking_part("uses", turn):
                if why_not(one, "uses", ""):
                    continue
                directory = self.place(one.name)
                for stage in ("store", "again") if one.keeps else ("again",):
                    asked = (one.name, "uses", directory, stage)
                    found = self.attempt(one, rows, self.run, *asked)
                    if not one.keeps:
                        found.pop("function", None)
                    self.results.add(found, one.name)
                shutil.rmtree(directory)
            self.progress(f"many arguments and functions, round {turn + 1}")

    def limits(self) -> None:
        """On a directory of its own. The first process with a limit counts what is there."""
        directory = self.place("limits")
        self.run(STRICT, "fill", directory, str(LIMIT))
        for turn in range(self.rounds["limits"] + 1):
            found = self.run(STRICT, "limits", directory, str(LIMIT), turn)
            if turn > 0:
                self.results.add(found, STRICT)
        shutil.rmtree(directory)
        self.progress("limits")

    def bounds(self) -> None:
        """What stays under a bound, on a trace: bench/trace.py; and what a store takes under one,
        which is bench/bounded.py's."""
        directory = self.place("bounds")
        for row, found in self.script("trace.py", str(directory)).items():
            for name, figure in found.items():
                self.results.add({row: figure}, name)
        shutil.rmtree(directory)
        self.progress("bounds on a trace")
        for count in BOUNDED_COUNTS[:2] if self.quick else BOUNDED_COUNTS:
            room = (2 * ENTRY_ROOM * count) + LARGE_ROOM
            if not os.access(IN_MEMORY, os.W_OK) or memory_available() < room:
                for row in bounded_rows(count):
                    self.results.refuse(row, STRICT, "the machine has too little memory")
                continue
            with tempfile.TemporaryDirectory(dir=IN_MEMORY) as place:
                asked = (str(self.entries.program), place, str(count))
                self.results.add(self.script("bounded.py", *asked), STRICT)
        self.progress("stores under a bound")

    def script(self, name: str, *arguments: str) -> dict:
        """What one of the scripts beside this one prints."""
        done = subprocess.run(
            [sys.executable, str(HERE / name), *arguments],
            env=self.variables(STRICT, 0),
            capture_output=True,
            text=True,
            timeout=WORKER_TIMEOUT,
        )
        if done.returncode:
            raise SystemExit(f"bench/{name}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def scale(self) -> None:
        for count in self.counts:
            for one in self.taking_part("scale", 0):
                if one.keeps and not why_not(one, "scale_hit", f"hit at {count}"):
                    self.attempt(one, scale_rows(count), self.entries.make, one, count)
        write_back()
        self.progress("entries made")
        for turn in range(self.rounds["scale"]):
            for one in self.taking_part("scale", turn):
                for count in self.counts:
                    if not why_not(one, "scale_hit", f"hit at {count}"):
                        found = self.attempt(
                            one, scale_rows(count), self.scale_one, one, count, turn
                        )
                        self.results.add(found, one.name)
            self.progress(f"scale, round {turn + 1}")
        if SWITCHED in self.counts:
            directory = self.entries.place(BY_NAME[STRICT], SWITCHED)
            for turn in range(self.rounds["scale"]):
                found = self.run(STRICT, "switch", directory, str(SWITCHED), turn)
                self.results.add(found, STRICT)

    def scale_one(self, one: Contender, count: int, turn: int) -> dict:
        if not one.keeps:
            directory = self.place(one.name)
            return self.run(one.name, "scale_in_memory", directory, str(count))
        directory = self.entries.place(one, count)
        rows = self.run(one.name, "scale", directory, str(count), turn)
        with self.entries.kept(one, directory, turn):
            rows |= self.run(one.name, "scale_miss", directory, str(count), turn)
        return rows

    def parallel(self) -> None:
        for turn in range(self.rounds["parallel"]):
            for one in self.taking_part("parallel", turn):
                for processes in PROCESSES:
                    rows = [f"hits by {processes}", f"misses by {processes}"]
                    self.results.add(
                        self.attempt(one, rows, self.at_once, one, processes), one.name
                    )
            self.progress(f"several processes, round {turn + 1}")

    def at_once(self, one: Contender, processes: int) -> dict:
        """The sum of what each of several processes gets done in the same time."""
        directory = self.place(one.name)
        # So that none of them makes what the others find.
        self.run(one.name, "fill", directory, "1")
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        workers = [
            subprocess.Popen(
                self.command(one.name, "parallel", directory, f"{processes} {index}"),
                env=self.variables(one.name, 0),
                cwd=directory,
                text=True,
                **pipes,
            )
            for index in range(processes)
        ]
        rows: Counter[str] = Counter()
        for _ in ("hits", "misses"):
            for worker in workers:
                worker.stdout.readline()
            for worker in workers:
                # One that has failed reads nothing; what it said is told below.
                with contextlib.suppress(BrokenPipeError):
                    worker.stdin.write("\n")
                    worker.stdin.flush()
        for worker in workers:
            said, errors = worker.communicate(timeout=WORKER_TIMEOUT)
            if worker.returncode:
                raise Failed("failed: " + errors.strip().splitlines()[-1])
            rows.update(json.loads(said.splitlines()[-1]))
        shutil.rmtree(directory)
        return dict(rows)

    def memory(self) -> None:
        for turn in range(self.rounds["memory"]):
            for one in self.taking_part("memory", turn):
                if self.results.refused("memory hits", one.name):
                    continue
                directory = self.place(one.name)
                found = self.attempt(one, ["memory hits"], self.run, one.name, "memory", directory)
                if found.pop("calls", MEMORY_HITS) < MEMORY_HITS:
                    self.results.refuse("memory hits", one.name, "so many hits take more than 3 s")
                else:
                    self.results.add(found, one.name)
                shutil.rmtree(directory)
            self.progress(f"memory, round {turn + 1}")
            if MEMORY_HITS in self.counts:
                self.entries.make(BY_NAME[STRICT], MEMORY_HITS)
                directory = self.entries.place(BY_NAME[STRICT], MEMORY_HITS)
                self.results.add(
                    self.run(STRICT, "memory_keys", directory, str(MEMORY_HITS)), STRICT
                )

    def progress(self, text: str) -> None:
        print(f"  {time.strftime('%H:%M:%S')}  {text}", file=sys.stderr, flush=True)

    def data(self, machine: dict, seconds: float) -> dict:
        """All that was measured so far."""
        self.explain_gaps()
        return {
            "machine": machine,
            "quick": self.quick,
            "minutes": round(seconds / 60, 1),
            "rounds": self.rounds,
            "figures": self.results.summary(),
            "targets": self.results.verdicts(),
        }

    def explain_gaps(self) -> None:
        """What was not measured says why."""
        for group in GROUPS:
            for row in group.rows:
                for one in CONTENDERS:
                    reason = why_not(one, group.name, row.name)
                    if reason is not None:
                        self.results.refuse(row.name, one.name, reason)


def write_back() -> None:
    """Let the disk have what was stored, so that it does not come in between later; a slow one is
    not waited for."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.Popen(["sync"]).wait(DISK_TIMEOUT)


def rows_of(name: str) -> list[str]:
    return [row.name for group in GROUPS if group.name == name for row in group.rows]


def result_rows(size: str) -> list[str]:
    return [f"result {size}", f"first result {size}", f"growth {size}"]


def bounded_rows(count: int) -> list[str]:
    stores = [f"store {what} at {count}" for what in ("free", "bounded", "evicting")]
    return [*stores, f"clear at {count}"]


def scale_rows(count: int) -> list[str]:
    return [f"{what} at {count}" for what in ("hit", "first hit", "miss")]


def install_locache4(directory: Path) -> None:
    """The predecessor that PyPI serves, apart from the package under test."""
    if not (directory / "locache.py").exists():
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "--target",
            str(directory),
        ]
        subprocess.run([*pip, "locache==4.0.2"], check=True)


PARTS = (
    "hits",
    "files",
    "array_results",
    "array_arguments",
    "values",
    "objects",
    "buffers",
    "returned",
    "thousand",
    "depth",
    "depending",
    "uses",
    "limits",
    "bounds",
    "scale",
    "random",
    "parallel",
    "memory",
)


def measure(build: Path, quick: bool, parts: list[str], kept: Path) -> dict:
    """The figures, which are in `kept` after each part, too."""
    begin = time.monotonic()
    install_locache4(build / "bench-locache4")
    bench = Bench(build, quick)
    machine = describe(build)
    try:
        with mounted(build) as (bench.journal, machine["stored on"]):
            if bench.journal is not None:
                shutil.copy(build / "bare.so", bench.journal)
            for part in parts:
                getattr(bench, part)()
                data = bench.data(machine, time.monotonic() - begin)
                kept.write_text(json.dumps(data, indent=1))
    finally:
        bench.close()
    return data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two rounds, nothing that is large")
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--build", type=Path, default=HERE.parent / "build")
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="measure nothing: put the last run's figures into docs/ and README.md",
    )
    arguments = parser.parse_args()
    arguments.build.mkdir(exist_ok=True)
    kept = arguments.build / "bench.json"
    if arguments.write_docs:
        report.write_docs(kept, HERE.parent)
        return
    data = measure(arguments.build.resolve(), arguments.quick, arguments.parts, kept)
    print(report.terminal(data))


if __name__ == "__main__":
    main()
