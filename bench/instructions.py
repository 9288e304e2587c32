"""The guard of the hit path: instructions and system calls of a call, held against
bench/instructions.json.

They do not depend on what else the machine does, as times do. Instructions depend on the compiler,
the libraries and the interpreter: where these are not those of the record, a row is only held to
COARSE times what it says, and that is said. bench/instructions.sh builds what this runs:

    sh bench/instructions.sh             compare
    sh bench/instructions.sh --update    record what is there now, on purpose
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
RECORD = HERE / "instructions.json"
FEW, MANY = 100, 600  # calls of a row: the difference of the two is what counts
# Two runs of one build differ by 0.5% at most, by where keys and allocations happen to lie. Less
# than the tolerance is the price of a fix; more has to be meant.
TOLERANCE = 0.05
COARSE = 1.5
WHERE = ("hit_ints", "first_hit")  # rows whose functions are recorded too, for docs/speed.md
WHERE_MOST = 14  # functions
KINDS = ("instructions", "system calls")
CALLS_TOLERANCE = 0.05  # of a system call: what happens once in a while, such as growing memory


class Counting:
    """Runs a program under a tool that splits its count where the program marks it."""

    def __init__(self, build: Path):
        self.build = build
        self.scratch = Path(tempfile.mkdtemp(prefix="scratch-", dir=build))
        self.where: dict[str, dict[str, float]] = {}  # of some rows: instructions of each function

    def programs(self) -> dict[str, list[str]]:
        counts = [str(FEW), str(MANY)]
        of_python = [sys.executable, str(HERE / "counted.py"), str(self.build / "marks.so")]
        return {
            "Python": [*of_python, "{}", *counts],
            "C": [str(self.build / "counted"), "{}", *counts],
        }

    def run(self, tool: list[str], language: str) -> None:
        """In a directory of its own, so that a miss is one."""
        place = Path(tempfile.mkdtemp(dir=self.scratch))
        shutil.copy(HERE / "workload.py", place)
        command = [
            part.format(place) if part == "{}" else part for part in self.programs()[language]
        ]
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "LOCACHE_"))
        }
        variables |= {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [*tool, *command], env=variables, cwd=place, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{' '.join([*tool, *command])} failed:\n{done.stderr[-2000:]}")

    def instructions(self, language: str) -> dict[str, float]:
        out = Path(tempfile.mkdtemp(dir=self.scratch))
        self.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}/out"], language)
        counts, functions = {}, {}
        for path in sorted(out.glob("out.*"), key=lambda path: int(path.suffix[1:])):
            text = path.read_text()
            name = re.search(r"^desc: Trigger: Client Request: row (.*) (\d+)$", text, re.MULTILINE)
            if name:
                functions[name[1], int(name[2])] = by_function(text)
                counts[name[1], int(name[2])] = functions[name[1], int(name[2])].total()
        for row in WHERE if language == "Python" else ():
            spent = functions[row, MANY]
            spent.subtract(functions[row, FEW])
            self.where[row] = {
                name: round(count / (MANY - FEW), 1)
                for name, count in spent.most_common(WHERE_MOST)
            }
        return per_call(counts)

    def system_calls(self, language: str) -> dict[str, float]:
        log = self.scratch / f"strace-{language}"
        self.run(["strace", "-f", "-qq", "-o", str(log)], language)
        counts, since = {}, 0
        for line in log.read_text(errors="replace").splitlines():
            name = re.search(r'access\("(between|row (.*) (\d+))", F_OK\)', line)
            if name is None:
                since += 1
                continue
            if name[2]:
                counts[name[2], int(name[3])] = since
            since = 0
        return per_call(counts)


def by_function(text: str) -> Counter[str]:
    """Instructions of each function itself. In callgrind's file a name is said once, and is a
    number from then on."""
    names: dict[str, str] = {}
    spent: Counter[str] = Counter()
    function, of_a_call = "", False
    for line in text.splitlines():
        named = re.match(r"(c?fn)=\((\d+)\)(?: (.*))?", line)
        if named:
            name = names.setdefault(named[2], named[3] or "")
            function = name if named[1] == "fn" else function
        elif line.startswith("calls="):
            of_a_call = True  # the next line has the cost of what was called
        elif line[:1] in "+-*" or line[:1].isdigit():
            if not of_a_call and line:
                spent[function] += int(line.split()[1])
            of_a_call = False
    return spent


def per_call(counts: dict[tuple[str, int], int]) -> dict[str, float]:
    rows = dict.fromkeys(row for row, _ in counts)
    return {row: round((counts[row, MANY] - counts[row, FEW]) / (MANY - FEW), 2) for row in rows}


def first_line(*command: str) -> str:
    said = subprocess.run(command, capture_output=True, text=True).stdout
    return (said.splitlines() or ["none"])[0].strip()


def built_with() -> dict[str, str]:
    """What the counts depend on, beside the source."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    vectors = [
        name
        for name in ("avx2", "avx512f")
        if re.search(rf"^flags.*\b{name}\b", flags, re.MULTILINE)
    ]
    optimised = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    return {
        "compiler": first_line("gcc", "--version"),
        "Python": f"{platform.python_version()}, {platform.python_compiler()}"
        + (", optimised" if optimised else ""),
        "libc": " ".join(platform.libc_ver()),
        "libsodium": first_line("pkg-config", "--modversion", "libsodium"),
        "xxHash": first_line("pkg-config", "--modversion", "libxxhash"),
        "valgrind": first_line("valgrind", "--version"),
        "processor": " ".join([platform.machine(), *vectors]),
    }


def count_all(build: Path) -> tuple[dict, dict]:
    """The figures of every row, and where those of some rows go."""
    counting = Counting(build)
    try:
        counted = {
            language: {
                "instructions": counting.instructions(language),
                "system calls": counting.system_calls(language),
            }
            for language in counting.programs()
        }
        return counted, counting.where
    finally:
        shutil.rmtree(counting.scratch)


def limit(recorded: float, what: str, alike: bool) -> float:
    if what == "system calls":
        return recorded + (CALLS_TOLERANCE if alike else 1)
    return recorded * (1 + TOLERANCE if alike else COARSE)


def compare(record: dict, counted: dict, here: dict[str, str]) -> int:
    """Prints every row; returns how many are above their limit, or not recorded."""
    alike = record["built with"] == here
    if not alike:
        print_difference(record["built with"], here)
    wrong = 0
    for language, kinds in counted.items():
        for row in kinds["instructions"]:
            line = f"{language:8}{row:22}"
            for what in KINDS:
                now = kinds[what][row]
                word, failed = judge(
                    record["counts"].get(language, {}).get(what, {}).get(row), now, what, alike
                )
                wrong += failed
                line += f"{now:10,.2f} {what}{word}"
            print(line)
    if wrong:
        print(
            f"{wrong} more than recorded: find out why. `sh bench/instructions.sh --update` "
            "records what is meant."
        )
    return wrong


def print_difference(recorded: dict[str, str], here: dict[str, str]) -> None:
    said = "; ".join(
        f"{name} {here[name]}, recorded {old}"
        for name, old in recorded.items()
        if here[name] != old
    )
    print(f"NOT COMPARED as closely as usual, since counts depend on what differs here: {said}.")
    print(f"Instructions are held to {COARSE:g} times the record, system calls to one more.")


def judge(before: float | None, now: float, what: str, alike: bool) -> tuple[str, bool]:
    """What to say of a figure, and whether it is too much."""
    if before is None:
        return " FAILED: not recorded", True
    change = f"{now / before - 1:+.1%}" if before else f"{now - before:+.2f}"
    most = limit(before, what, alike)
    if now > most:
        return f" FAILED: {before:,.2f} recorded ({change}), at most {most:,.2f}", True
    if alike and now < before * (1 - TOLERANCE):
        return f" ({change}: fewer than recorded, record it)", False
    return f" ({change})" if now != before else "", False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--update", action="store_true")
    arguments = parser.parse_args()
    (counted, where), here = count_all(arguments.build.resolve()), built_with()
    if arguments.update:
        RECORD.write_text(
            json.dumps({"built with": here, "counts": counted, "where": where}, indent=1) + "\n"
        )
        print(f"recorded in {RECORD.relative_to(HERE.parent)}")
        return
    sys.exit(compare(json.loads(RECORD.read_text()), counted, here) > 0)


if __name__ == "__main__":
    main()
