"""What the fault tests injected, as the columns of the table in docs/reliability.md.

    faults.py PAGE REPORT...

A report is Meson's testlog.json or a JUnit file of pytest. A row of the table names its tests; what
these injected is added up: what a test says that it did ("N injections", "N pairs" of a change and
a look, or the property of that name), and where that is less, one for each test. A file that serves
several rows counts in each; a folder is all files below it. Where no report knows a row's tests,
its figures stay.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
BEGIN, END = "<!-- figures: faults -->", "<!-- end of figures -->"
HEAD = ["fault", "promised", "tests", "injections", "survived", "failed"]
# Of programs under Meson whose name is not their file's.
OTHERS = {"stale-": "fault/stale.py", "fuzz_": "fuzz/", "model": "model/"}


@dataclass
class Count:
    injections: int = 0
    failed: int = 0
    skipped: int = 0


def file_of(name):
    """Of a program under Meson, below tests/."""
    for start, path in OTHERS.items():
        if name.startswith(start):
            return path
    found = [*(TOP / "tests").rglob(f"{name}.c")]
    return str(found[0].relative_to(TOP / "tests")) if found else name


def of_meson(path, counts):
    for line in path.read_text().splitlines():
        test = json.loads(line)
        # cmocka says on one what happened and on the other how many passed.
        said = test.get("stdout", "") + "\n" + test.get("stderr", "")
        count = counts[file_of(test["name"].split()[-1])]
        injected = re.findall(r"^(\d+) (?:injections$|pairs: 0 stale)", said, re.MULTILINE)
        passed = re.findall(r"^\[  PASSED  \] (\d+) test", said, re.MULTILINE)
        failed = re.findall(r"^\[  FAILED  \] (\d+) test", said, re.MULTILINE)
        if test["result"] == "SKIP":
            count.skipped += 1
            continue
        count.failed += sum(map(int, failed)) or int(test["result"] not in ("OK", "EXPECTEDFAIL"))
        count.injections += max(sum(map(int, injected)), sum(map(int, passed)), 1)


def of_junit(path, counts):
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        module = re.sub(r"^tests\.", "", case.get("classname", "")).replace(".", "/")
        count = counts[module + ".py"]
        said = [p for p in case.iter("property") if p.get("name") == "injections"]
        if case.find("skipped") is not None:
            count.skipped += 1
        elif case.find("failure") is not None or case.find("error") is not None:
            count.failed += 1
            count.injections += 1
        else:
            count.injections += sum(int(p.get("value")) for p in said) or 1


def figures(tests, counts):
    """The three columns of a row with these tests; None where nothing is known of them."""
    named = {name.removeprefix("tests/") for name in re.findall(r"`([a-z]+/[^`]*)`", tests)}
    found = [
        count
        for path, count in counts.items()
        if any(path == name or (name.endswith("/") and path.startswith(name)) for name in named)
    ]
    injections, failed = sum(one.injections for one in found), sum(one.failed for one in found)
    return [f"{injections:,}", f"{injections - failed:,}", f"{failed:,}"] if injections else None


def row(line, counts):
    cells = [cell.strip() for cell in line.strip("|").split(" | ")]
    cells += [""] * (len(HEAD) - len(cells))
    return "| " + " | ".join(cells[:3] + (figures(cells[2], counts) or cells[3:])) + " |"


def main(page, reports):
    counts = defaultdict(Count)
    for report in reports:
        (of_meson if report.suffix == ".json" else of_junit)(report, counts)
    before, _, rest = page.read_text().partition(BEGIN)
    table, _, after = rest.partition(END)
    rows = [line for line in table.split("\n") if line.startswith("| ")]
    lines = ["| " + " | ".join(HEAD) + " |", "|---|---|---|--:|--:|--:|"]
    lines += [row(line, counts) for line in rows[1:]]
    page.write_text("\n".join([before + BEGIN, *lines, END + after]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(path) for path in sys.argv[2:]])
