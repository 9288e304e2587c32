"""`make bench`: locache against its peers and against the bare system calls, in one run.

Every contender is measured in processes of its own, in turn, ROUNDS times over, so that a machine whose speed drifts
slows all alike. Shown are medians over the rounds, with the lowest and highest, and what locache's are as ratios
against the targets. The figures go to build/bench.json too.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from contenders import BARE, MEMOIZE, MODULES  # noqa: E402  (the path comes first)

ROUNDS = 5
ROWS = {
    "hit": "repeated hit, f(0)",
    "hit_keyword": "repeated hit, f(x=0, num=3)",
    "first_hit": "first hit of a key in a process",
    "first_call": "first call in a process, a hit",
    "miss": "miss: compute, store",
    "import": "import",
    "decorate": "decorate a function",
}
# (row, contender that the ratio is over, ratio or None, limit in nanoseconds or None)
TARGETS = [
    ("first_hit", BARE, 5.0),
    ("miss", BARE, 2.0),
]
LIMITS = [("import", 3_000_000), ("decorate", 30_000)]

WORKLOAD = "def work(x, num=3):\n    return x * num\n"


def write_workload(directory: Path) -> None:
    """A real source file: the function measured, and more like it to decorate."""
    others = "".join(f"def other{n}(x, num={n}):\n    return x * num + {n}\n" for n in range(50))
    listed = ", ".join(f"other{n}" for n in range(50))
    (directory / "workload.py").write_text(f"{WORKLOAD}\n{others}\nOTHERS = [{listed}]\n")


def install_locache4(directory: Path) -> Path:
    """The predecessor that PyPI serves, apart from the package under test."""
    if not (directory / "locache.py").exists():
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(directory)]
        subprocess.run([*pip, "locache==4.0.2"], check=True)
    return directory


def environment(name: str, locache4: Path) -> dict:
    """locache 4.0.2 shadows the package under test only where it is the contender."""
    variables = dict(os.environ)
    variables["PYTHONPATH"] = str(locache4) if name == "locache 4.0.2" else ""
    variables["PYTHONDONTWRITEBYTECODE"] = ""
    return variables


def run_worker(name: str, phase: str, directory: Path, variables: dict) -> dict:
    command = [sys.executable, str(HERE / "worker.py"), name, phase, str(directory)]
    done = subprocess.run(command, env=variables, cwd=directory, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench: {name} failed in phase {phase}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def import_time(name: str, variables: dict) -> float:
    """Nanoseconds that the import takes in a fresh interpreter, modules on disk in the page cache."""
    code = f"import time; t = time.perf_counter_ns(); import {MODULES[name]}; print(time.perf_counter_ns() - t)"
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=True)
    return float(done.stdout)


def one_round(locache4: Path) -> dict:
    """{contender: {row: nanoseconds}}"""
    figures = {}
    for name in [BARE, *MEMOIZE]:
        variables = environment(name, locache4)
        with tempfile.TemporaryDirectory(prefix="bench-", dir=HERE) as place:
            directory = Path(place)
            write_workload(directory)
            rows = run_worker(name, "cold", directory, variables)
            if name != "lru_cache":
                rows |= run_worker(name, "warm", directory, variables)
            if name not in (BARE, "lru_cache"):
                rows["import"] = import_time(name, variables)
            figures[name] = rows
    return figures


def summarise(rounds: list[dict]) -> dict:
    """{contender: {row: {median, low, high}}}"""
    summary: dict = {}
    for name in rounds[0]:
        summary[name] = {}
        for row in rounds[0][name]:
            values = [figures[name][row] for figures in rounds]
            summary[name][row] = {"median": statistics.median(values), "low": min(values), "high": max(values)}
    return summary


def in_units(nanoseconds: float) -> str:
    for limit, unit, scale in ((1e4, "ns", 1), (1e7, "us", 1e3), (1e10, "ms", 1e6)):
        if nanoseconds < limit:
            return f"{nanoseconds / scale:,.0f} {unit}"
    return f"{nanoseconds / 1e9:,.1f} s"


def print_table(summary: dict) -> None:
    names = [BARE, *MEMOIZE]
    width = max(map(len, ROWS.values())) + 2
    print(" " * width + "".join(f"{name:>15}" for name in names))
    for row, title in ROWS.items():
        cells = [in_units(summary[name][row]["median"]) if row in summary[name] else "" for name in names]
        print(f"{title:{width}}" + "".join(f"{cell:>15}" for cell in cells))
        spread = [
            f"{in_units(summary[name][row]['low'])}-{in_units(summary[name][row]['high'])}".replace(" ", "")
            if row in summary[name]
            else ""
            for name in names
        ]
        print(" " * width + "".join(f"{cell:>15}" for cell in spread))


def judge(summary: dict) -> list[dict]:
    """What the targets ask and what was measured."""
    verdicts = []
    for row, over, most in TARGETS:
        ratio = summary["locache"][row]["median"] / summary[over][row]["median"]
        verdicts.append({"row": row, "over": over, "measured": ratio, "target": most, "met": ratio <= most})
    for row, most in LIMITS:
        measured = summary["locache"][row]["median"]
        verdicts.append({"row": row, "over": "", "measured": measured, "target": most, "met": measured <= most})
    return verdicts


def print_verdicts(verdicts: list[dict]) -> None:
    for verdict in verdicts:
        word = "met" if verdict["met"] else "MISSED"
        if verdict["over"]:
            text = f"{verdict['measured']:.2f} x the bare {verdict['over']} (target: at most {verdict['target']:g} x)"
        else:
            text = f"{in_units(verdict['measured'])} (target: at most {in_units(verdict['target'])})"
        print(f"  {word:7} {ROWS[verdict['row']]}: {text}")


def describe_machine() -> str:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return f"{model}, {os.cpu_count()} cores, {system}, CPython {platform.python_version()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", type=Path, default=HERE.parent / "build" / "bench.json")
    arguments = parser.parse_args()
    arguments.json.parent.mkdir(exist_ok=True)
    locache4 = install_locache4(arguments.json.parent / "bench-locache4")
    rounds = [one_round(locache4) for _ in range(arguments.rounds)]
    summary = summarise(rounds)
    verdicts = judge(summary)
    machine = describe_machine()
    print(f"{machine}; medians of {arguments.rounds} rounds, with the lowest and highest\n")
    print_table(summary)
    print()
    print_verdicts(verdicts)
    arguments.json.write_text(json.dumps({"machine": machine, "figures": summary, "targets": verdicts}, indent=1))


if __name__ == "__main__":
    main()
