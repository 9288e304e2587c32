"""tools/faults.py and tools/uncovered.py: what they read, and what they refuse."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
TOOLS = TOP / "tools"
PAGE_OF_FAULTS = TOP / "docs" / "reliability.md"
PAGE = """before
<!-- figures: faults -->
| fault | promised | tests |
|---|---|---|
| one | nothing | `unit/cache/test_cache.c`, `fault/test_names.py` |
| other | much | `fault/test_unknown.py` |
| folders | all | `tests/fuzz/`, `unit/format/` | 5 | 5 | 0 |
| the command | less | `cli/test_killed.py` (long: more) |
<!-- end of figures -->
after
"""
JUNIT = """<testsuites><testsuite>
<testcase classname="tests.fault.test_names" name="a"><properties>
<property name="injections" value="30"/></properties></testcase>
<testcase classname="tests.fault.test_names" name="b"/>
<testcase classname="tests.fault.test_names" name="c"><failure>no</failure></testcase>
<testcase classname="tests.fault.test_names" name="d"><skipped/></testcase>
<testcase classname="tests.cli.test_killed" name="e"><properties>
<property name="injections" value="7"/></properties></testcase>
</testsuite></testsuites>"""


def run(*command):
    return subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)


def test_the_table_of_faults_adds_up_what_its_rows_tests_injected(tmp_path):
    (tmp_path / "page.md").write_text(PAGE)
    (tmp_path / "junit.xml").write_text(JUNIT)
    # cmocka's last line is on the error output.
    tests = [
        ("locache:unit / test_cache", "900 injections\n", "[  PASSED  ] 4 test(s).\n"),
        ("locache:unit / test_entry", "", "[  PASSED  ] 12 test(s).\n"),
        ("locache:fuzz / fuzz_cbor", "30 passed, 0 failed\n30 injections\n", ""),
    ]
    log = [
        {"name": name, "result": "OK", "stdout": said, "stderr": told} for name, said, told in tests
    ]
    (tmp_path / "log.json").write_text("".join(json.dumps(test) + "\n" for test in log))
    for _ in range(2):  # it reads what it wrote
        done = run(
            TOOLS / "faults.py", *(tmp_path / n for n in ("page.md", "log.json", "junit.xml"))
        )
        assert done.returncode == 0, done.stderr
        text = (tmp_path / "page.md").read_text()
        assert "`fault/test_names.py` | 932 | 931 | 1 |" in text
        assert "| other | much | `fault/test_unknown.py` |" in text
        assert "`unit/format/` | 42 | 42 | 0 |" in text
        assert "`cli/test_killed.py` (long: more) | 7 | 7 | 0 |" in text
        assert text.startswith("before\n") and text.endswith("after\n")


def test_every_row_of_the_table_names_tests_that_are_counted():
    """What no report speaks of would leave a row without figures, or with those of another time."""
    table = PAGE_OF_FAULTS.read_text().partition("<!-- figures: faults -->")[2]
    rows = [line for line in table.partition("<!-- end")[0].splitlines() if "`" in line]
    counted = ("cli/", "fault/", "fuzz/", "model/", "python/", "tools/", "unit/")
    assert len(rows) > 40
    for line in rows:
        named = re.findall(r"`([a-z]+/[^`]*)`", line.split(" | ")[2])
        assert named, line
        for name in named:
            path = name.removeprefix("tests/")
            assert path.startswith(counted) and (TOP / "tests" / path).exists(), name


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
