"""`locache run` beside bkt (crates.io, where it is on PATH) and the bare command: whole processes.

usage: shell.py LOCACHE [--quick] [--json FILE]

Rounds are interleaved, so that a machine whose speed drifts is the same for all. A time is the
median of the rounds; behind it stands the median of the ratios to /bin/true of the same round.
What it has to be at most is said below, and FILE (build/bench-shell.json) has all of it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import machine

OWN = "locache run"
BARE = ("true", "bare")
ROUNDS = 300
QUICK = 20
AT_ONCE = 8
# What each of the eight asks for lasts so long (seconds): what is over it is the cache's.
SLEEP = 0.1


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
    found = {OWN: [locache, "run", "--"]}
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
            figures.setdefault(BARE, []).append(shell.time(row("bare", [], 0)[0]))
            for name, prefix in known.items():
                for kind in ("hit", "miss", "8 at once"):
                    # Eight that sleep take long.
                    if kind != "8 at once" or turn % 20 == 0:
                        taken = shell.time(*row(kind, prefix, turn))
                        figures.setdefault((kind, name), []).append(taken)
    return figures


# ---------------------------------------------------------------------------------------- judged

# What of ours, over what of the same rounds (None: seconds), at most.
TARGETS = [
    ("hit", None, 1.5e-3),
    ("hit", BARE, 1.3),
    ("hit", ("hit", "bkt"), 1.0),
    ("miss", ("miss", "bkt"), 1.0),
    ("8 at once", ("8 at once", "bkt"), 1.0),
]


def ratio(figures: dict[tuple[str, str], list[float]], own: tuple, over: tuple) -> float | None:
    """The median of those of each round; None: one of the two was not measured in all of them."""
    ours, others = figures.get(own, []), figures.get(over, [])
    if not ours or len(ours) != len(others):
        return None
    return statistics.median(one / other for one, other in zip(ours, others, strict=True))


def verdicts(figures: dict[tuple[str, str], list[float]]) -> list[dict]:
    judged = []
    for kind, over, most in TARGETS:
        if over is not None:
            measured = ratio(figures, (kind, OWN), over)
        else:
            taken = figures.get((kind, OWN))
            measured = statistics.median(taken) if taken else None
        judged.append(
            {
                "title": kind,
                "over": {None: None, BARE: "/bin/true"}.get(over, over and over[1]),
                "measured": measured,
                "most": most,
                "met": None if measured is None else measured <= most,
            }
        )
    return judged


def verdict_lines(judged: list[dict]) -> list[str]:
    words = {True: "met", False: "MISSED", None: "-"}
    lines = ["Targets"]
    for target in judged:
        if target["met"] is None:
            told = f"not measured over {target['over']}" if target["over"] else "not measured"
        elif target["over"] is None:
            told = f"{target['measured'] * 1e3:.2f} ms (at most {target['most'] * 1e3:.2f} ms)"
        else:
            measured, most = (f"{target[what]:.2f} x" for what in ("measured", "most"))
            told = f"{measured} {target['over']} (at most {most})"
        lines.append(f"  {words[target['met']]:7} {target['title']}: {told}")
    return lines


def write(path: Path, figures: dict[tuple[str, str], list[float]], quick: bool) -> None:
    kept: dict[str, dict] = {}
    for (kind, name), taken in figures.items():
        kept.setdefault(kind, {})[name] = {
            "median": statistics.median(taken),
            "low": min(taken),
            "high": max(taken),
            "rounds": len(taken),
            "over true": ratio(figures, (kind, name), BARE),
        }
    told = {
        "processor": machine.processor(),
        "quick": quick,
        "seconds": kept,
        "targets": verdicts(figures),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description="locache run beside bkt and the bare command")
    parser.add_argument("locache", type=os.path.abspath)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("build/bench-shell.json"))
    told = parser.parse_args()
    figures = measure(told.locache, QUICK if told.quick else ROUNDS)
    bare = figures[BARE]
    print(f"Commands: {len(bare)} rounds; /bin/true takes {statistics.median(bare) * 1e3:.2f} ms\n")
    print(f"  {'':12}{'':14}{'median':>10}{'x true':>10}")
    for (kind, name), taken in figures.items():
        if kind == "true":
            continue
        over = ratio(figures, (kind, name), BARE)
        text = f"{'':10}" if over is None else f"{over:10.2f}"
        print(f"  {kind:12}{name:14}{statistics.median(taken) * 1e3:7.2f} ms{text}")
    if not any(name == "bkt" for _, name in figures):
        print("\n  bkt is not installed (cargo install bkt): nothing to hold it against")
    print("\n" + "\n".join(verdict_lines(verdicts(figures))))
    write(told.json, figures, told.quick)


if __name__ == "__main__":
    main()
