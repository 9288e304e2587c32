"""What an edit makes locache and its peers compute again: every row of the tables of edits in
tests/python, run in processes of their own before the edit, after it and undone.

usage: edits.py [--docs] [--new] [NAME...]: all tools, or those of these names; --docs puts the
table into docs/invalidation.md; --new runs only rows that build/edits.json does not have yet.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from importlib import metadata
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests" / "python"))

from editrows import EDITS, LIVE, STATE, apply, write  # noqa: E402
from oddrows import ODD_EDITS, ODD_LIVE, ODD_STATE  # noqa: E402

KEPT = TOP / "build" / "edits.json"
TOOLS = {  # as bench/editrunner.py knows them, and as the table names them
    "locache": "locache",
    "checkpointer_captured": "checkpointer, `capture=True`",
    "checkpointer": "checkpointer",
    "locache4": "locache 4.0.2",
    "joblib": "joblib",
    "cachau": "cachau",
}
PEERS = ["checkpointer", "joblib", "cachau"]  # distributions, beside locache 4.0.2
OUTCOMES = ["right", "undone", "stale", "needless", "error"]
HEADS = ["right", "right, but an undo computes again", "stale", "needless", "error"]
ROW_TIMEOUT = 60  # seconds of one run


class Runner:
    """A process that forks one for each run of a row's program."""

    def __init__(self, tool: str, home: str) -> None:
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("LOCACHE", "XDG_"))
        }
        variables["HOME"] = home
        if tool == "locache4":
            variables["PYTHONPATH"] = str(TOP / "build" / "bench-locache4")
        self.process = subprocess.Popen(
            [sys.executable, str(TOP / "bench" / "editrunner.py"), tool, str(ROW_TIMEOUT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=variables,
        )

    def run(self, place: str, calls: list[int], live: bool = False) -> int | None:
        """How often f was computed; None: there was an exception."""
        print(json.dumps([place, calls, live]), file=self.process.stdin, flush=True)
        answer: int | None = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def worst(found: list[tuple[int | None, int, str]]) -> str:
    """Of runs: how often it was computed, how often it had to be, and what more than that is."""
    for computed, wanted, more in found:
        if computed is None:
            return "error"
        if computed != wanted:
            return "stale" if computed < wanted else more
    return "right"


def edited(runner: Runner, place: str, row: tuple) -> str:
    files, edit, again = row
    write(Path(place), files)
    found = [(runner.run(place, []), 1, "needless"), (runner.run(place, []), 0, "needless")]
    apply(Path(place), edit)
    found += [(runner.run(place, []), int(again), "needless")]
    found += [(runner.run(place, []), 0, "needless")]
    apply(Path(place), edit, undo=True)
    found += [(runner.run(place, []), 0, "undone" if again else "needless")]
    return worst(found)


def with_state(runner: Runner, place: str, files: object) -> str:
    write(Path(place), files)
    runs = [([1, 1, 2, 1, 2], 2), ([2, 1], 0), ([3, 1, 2], 1)]
    return worst([(runner.run(place, calls), wanted, "needless") for calls, wanted in runs])


def live(runner: Runner, place: str, row: tuple) -> str:
    files, again = row
    write(Path(place), files)
    return worst([(runner.run(place, [], live=True), int(again), "needless")])


GROUPS = [(edited, EDITS | ODD_EDITS, ""), (with_state, STATE | ODD_STATE, "state: ")]
GROUPS += [(live, LIVE | ODD_LIVE, "between two calls: ")]


def is_locaches_own(row: object) -> bool:
    """Does it speak of options that only locache has?"""
    text = repr(row)
    return "@persist(" in text or "locache." in text


def measure(tool: str, known: dict[str, str]) -> dict[str, str]:
    """The outcome of each row, of those that are known already as it was."""
    outcomes = {}
    home = tempfile.mkdtemp()
    runner = Runner(tool, home)
    for run, rows, prefix in GROUPS:
        for name, row in rows.items():
            if tool != "locache" and is_locaches_own(row):
                continue
            if prefix + name in known:
                outcomes[prefix + name] = known[prefix + name]
                continue
            place = tempfile.mkdtemp()
            try:
                outcomes[prefix + name] = run(runner, place, row)
            finally:
                shutil.rmtree(place)
    runner.close()
    shutil.rmtree(home)
    return outcomes


# ------------------------------------------------------------------------------------------ tables


def kind_of(name: str) -> str:
    return name.partition(":")[0]


def counts(outcomes: dict[str, dict[str, str]]) -> list[str]:
    """Of the rows that all tools have, and of all for locache."""
    common = set.intersection(*map(set, outcomes.values()))
    lines = ["| | " + " | ".join(HEADS) + " |", "|---" + "|--:" * len(HEADS) + "|"]
    for tool, found in outcomes.items():
        number = Counter(found[name] for name in common)
        cells = [str(number[outcome]) for outcome in OUTCOMES]
        lines.append(f"| {TOOLS[tool]} | {' | '.join(cells)} |")
    return lines


def by_kind(outcomes: dict[str, dict[str, str]]) -> list[str]:
    """Rows right, an undo that computes again among them, of each kind."""
    common = set.intersection(*map(set, outcomes.values()))
    kinds = list(dict.fromkeys(kind_of(name) for name in next(iter(outcomes.values()))))
    lines = ["| right, of | rows | " + " | ".join(TOOLS[tool] for tool in outcomes) + " |"]
    lines += ["|---" + "|--:" * (len(outcomes) + 1) + "|"]
    for kind in kinds:
        names = [name for name in common if kind_of(name) == kind]
        if names:
            right = [
                str(sum(found[name] in ("right", "undone") for name in names))
                for found in outcomes.values()
            ]
            lines.append(f"| {kind} | {len(names)} | {' | '.join(right)} |")
    return lines


def wrong(outcomes: dict[str, dict[str, str]]) -> list[str]:
    return [
        f"{tool}: {outcome}: {name}"
        for tool, found in outcomes.items()
        for name, outcome in found.items()
        if outcome != "right"
    ]


def section(outcomes: dict[str, dict[str, str]]) -> list[str]:
    common = set.intersection(*map(set, outcomes.values()))
    own = len(outcomes["locache"]) - len(common)
    right = sum(outcome == "right" for outcome in outcomes["locache"].values())
    version = ".".join(map(str, sys.version_info[:3]))
    peers = ", ".join(f"{name} {metadata.version(name)}" for name in PEERS)
    return [
        f"{len(common)} rows, CPython {version}, {peers}; {own} more use what only locache has: "
        f"with these it has {right} of {len(outcomes['locache'])} right.",
        "",
        *counts(outcomes),
        "",
        *by_kind(outcomes),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", action="store_true")
    parser.add_argument("--new", action="store_true")
    parser.add_argument("names", nargs="*")
    told = parser.parse_args()
    outcomes = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for tool in told.names or TOOLS:
        print(f"{tool} ...", flush=True)
        outcomes[tool] = measure(tool, outcomes.get(tool, {}) if told.new else {})
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(json.dumps(outcomes, indent=1))
    outcomes = {tool: outcomes[tool] for tool in TOOLS if tool in outcomes}
    print("\n".join([*section(outcomes), "", *wrong({"locache": outcomes["locache"]})]))
    if told.docs:
        from report import replace_in

        replace_in(TOP / "docs" / "invalidation.md", {"edits": section(outcomes)})


if __name__ == "__main__":
    main()
