"""`locache run` beside bkt (crates.io, where it is on PATH) and the bare command: whole processes.

usage: shell.py LOCACHE [--quick]

Rounds are interleaved, so that a machine whose speed drifts is the same for all. A time is the
median of the rounds; behind it stands the median of the ratios to /bin/true of the same round.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time

ROUNDS = 300
QUICK = 20
AT_ONCE = 8
# What each of the eight asks for lasts so long (seconds): what is over it is the cache's.
SLEEP = 0.1
HIT_MOST = 1.5  # milliseconds
HIT_OVER_TRUE = 1.3


class Shell:
    """Commands that are started with nothing but themselves, and timed from outside."""

    def __init__(self, directory: str):
        self.environment = {**os.environ, "XDG_CACHE_HOME": directory, "TMPDIR": directory}
        self.null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]

    def start(self, words: list[str]) -> int:
        return os.posix_spawn(words[0], words, self.environment, file_actions=self.null)

    def time(self, words: list[str], processes: int = 1) -> float:
        """Seconds until all of them are at their end."""
        began = time.perf_counter()
        started = [self.start(words) for _ in range(processes)]
        codes = [os.waitpid(one, 0)[1] for one in started]
        if any(codes):
            sys.exit(f"{' '.join(words)}: failed")
        return time.perf_counter() - began


def contenders(locache: str, directory: str) -> dict[str, list[str]]:
    found = {"locache run": [locache, "run", "--"]}
    bkt = shutil.which("bkt")
    if bkt is not None:
        found["bkt"] = [bkt, "--ttl", "1h", "--cache-dir", directory + "/bkt", "--"]
    return found


def row(kind: str, prefix: list[str], turn: int) -> tuple[list[str], int]:
    """The command of a round, and how many processes run it."""
    true = shutil.which("true") or "/bin/true"
    if kind == "hit":
        return [*prefix, "/bin/echo", "hit"], 1
    if kind == "miss":
        return [*prefix, "/bin/echo", str(turn)], 1
    if kind == "8 at once":
        return [*prefix, "/bin/sleep", f"{SLEEP + turn / 1e6:.6f}"], AT_ONCE
    return [true], 1


def measure(locache: str, rounds: int) -> dict[tuple[str, str], list[float]]:
    figures: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as directory:
        shell = Shell(directory)
        known = contenders(locache, directory)
        for prefix in known.values():
            shell.time(row("hit", prefix, 0)[0])
        for turn in range(rounds):
            figures.setdefault(("true", "bare"), []).append(shell.time(row("bare", [], 0)[0]))
            for name, prefix in known.items():
                for kind in ("hit", "miss", "8 at once"):
                    # Eight that sleep take long.
                    if kind != "8 at once" or turn % 20 == 0:
                        taken = shell.time(*row(kind, prefix, turn))
                        figures.setdefault((kind, name), []).append(taken)
    return figures


def over(taken: list[float], other: list[float]) -> float:
    """The ratio: each round's own where both were measured in each."""
    if len(taken) == len(other):
        return statistics.median(one / two for one, two in zip(taken, other, strict=True))
    return statistics.median(taken) / statistics.median(other)


def verdicts(figures: dict[tuple[str, str], list[float]]) -> list[str]:
    """Each target: what was measured, and whether that meets it."""
    own = {kind: taken for (kind, name), taken in figures.items() if name == "locache run"}
    lines = []

    def judge(title: str, measured: float, most: float, unit: str) -> None:
        word = "met" if measured <= most else "MISSED"
        lines.append(f"  {title}: {measured:.2f} {unit}, at most {most:.2f} {unit}: {word}")

    judge("a hit", statistics.median(own["hit"]) * 1e3, HIT_MOST, "ms")
    judge("a hit over /bin/true", over(own["hit"], figures["true", "bare"]), HIT_OVER_TRUE, "x")
    for kind, taken in own.items():
        if (kind, "bkt") in figures:
            judge(f"{kind} over bkt", over(taken, figures[kind, "bkt"]), 1, "x")
    return lines


def main() -> None:
    quick = "--quick" in sys.argv
    locache = os.path.abspath(sys.argv[1])
    figures = measure(locache, QUICK if quick else ROUNDS)
    bare = figures["true", "bare"]
    print(f"Commands: {len(bare)} rounds; /bin/true takes {statistics.median(bare) * 1e3:.2f} ms\n")
    print(f"  {'':12}{'':14}{'median':>10}{'x true':>10}")
    for (kind, name), taken in figures.items():
        if kind == "true":
            continue
        ratio = f"{over(taken, bare):10.2f}" if len(taken) == len(bare) else f"{'':10}"
        print(f"  {kind:12}{name:14}{statistics.median(taken) * 1e3:7.2f} ms{ratio}")
    print("", *verdicts(figures), sep="\n")
    if not any(name == "bkt" for _, name in figures):
        print("\n  bkt is not installed (cargo install bkt): nothing to hold it against")


if __name__ == "__main__":
    main()
