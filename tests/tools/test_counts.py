"""tools/faults.py and tools/uncovered.py: what they read, and what they refuse."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"
PAGE = """before
<!-- figures: faults -->
| fault | promised | tests |
|---|---|---|
| one | nothing | `unit/cache/test_cache.c`, `fault/test_names.py` |
| killed | little | `cli/test_killed.py` (long: every call) |  |  |  |
| a directory | all | `unit/disk/` |  |  |  |
| hostile | no crash | `tests/fuzz/` (targets), `tests/fault/stale.py` | 1 | 1 | 0 |
| other | much | `fault/test_unknown.py` |
<!-- end of figures -->
after
"""
JUNIT = """<testsuites><testsuite>
<testcase classname="tests.fault.test_names" name="a"><properties>
<property name="injections" value="30"/></properties></testcase>
<testcase classname="tests.fault.test_names" name="b"/>
<testcase classname="tests.fault.test_names" name="c"><failure>no</failure></testcase>
<testcase classname="tests.fault.test_names" name="d"><skipped/></testcase>
</testsuite></testsuites>"""
COMMANDS = """<testsuites><testsuite>
<testcase classname="tests.cli.test_killed" name="a"><properties>
<property name="injections" value="1432"/></properties></testcase>
</testsuite></testsuites>"""
# What programs say under Meson: by their names, on the output and on the error output.
PROGRAMS = {
    "unit / test_cache": ("900 injections\n", "[  PASSED  ] 4 test(s).\n"),
    "unit+threads / test_store": ("7 injections\n", "[  PASSED  ] 40 test(s).\n"),
    "unit / test_turns": ("", "[  PASSED  ] 5 test(s).\n[  FAILED  ] 2 test(s), listed below:\n"),
    "fuzz / fuzz_key": ("326 passed, 0 failed\n", ""),
    "fault / stale-tmpfs": ("600 pairs: 0 stale, 0 lost\n", ""),
}
WRITTEN = [
    "`fault/test_names.py` | 932 | 931 | 1 |",
    "`cli/test_killed.py` (long: every call) | 1,432 | 1,432 | 0 |",
    "`unit/disk/` | 47 | 45 | 2 |",
    "`tests/fault/stale.py` | 926 | 926 | 0 |",
    "| other | much | `fault/test_unknown.py` |",
]


def run(*command):
    return subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)


def test_the_table_of_faults_adds_up_what_its_rows_tests_injected(tmp_path):
    results = [
        {
            "name": f"locache:{name}",
            "result": "ERROR" if "FAILED" in errors else "OK",
            "stdout": said,
            "stderr": errors,
        }
        for name, (said, errors) in PROGRAMS.items()
    ]
    reports = {
        "page.md": PAGE,
        "log.json": "".join(json.dumps(result) + "\n" for result in results),
        "faults.xml": JUNIT,
        "cli.xml": COMMANDS,
    }
    for name, text in reports.items():
        (tmp_path / name).write_text(text)
    for _ in range(2):  # it reads what it wrote
        done = run(TOOLS / "faults.py", *(tmp_path / name for name in reports))
        assert done.returncode == 0, done.stderr
        text = (tmp_path / "page.md").read_text()
        assert [line for line in WRITTEN if line not in text] == []
        assert text.startswith("before\n") and text.endswith("after\n")


def test_every_row_of_the_page_names_tests_that_there_are():
    """What is misnamed is counted by no report, and its row stays as it was."""
    table = (TOOLS.parent / "docs" / "reliability.md").read_text().partition("figures: faults")[2]
    rows = [line.split(" | ") for line in table.split("\n") if line.startswith("| ")]
    assert len(rows) > 40
    for row in rows[1:]:
        named = re.findall(r"`((?:tests/)?(?:unit|fault|python|cli|fuzz|model)/[^`]*)`", row[2])
        assert named, row[0]
        for name in named:
            assert (TOOLS.parent / "tests" / name.removeprefix("tests/")).exists(), name


@pytest.mark.parametrize(("listed", "status"), [("lc_free", 0), ("lc_alloc", 1)])
def test_lines_that_no_test_reaches_must_be_listed(tmp_path, listed, status):
    lines = [{"line_number": n, "count": n - 3, "gcovr/noncode": False} for n in (3, 4)]
    functions = [{"name": "lc_free.part.0", "lineno": 2}]
    report = {"files": [{"file": "src/base/alloc.c", "lines": lines, "functions": functions}]}
    (tmp_path / "report.json").write_text(json.dumps(report))
    (tmp_path / "list.txt").write_text(f"Why:\n    src/base/alloc.c {listed}\n")
    done = run(TOOLS / "uncovered.py", tmp_path / "report.json", tmp_path / "list.txt")
    assert done.returncode == status, done.stdout + done.stderr
    assert ("lc_free: not reached and not listed" in done.stdout) == bool(status)
