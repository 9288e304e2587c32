"""Count what a test runner's report says: "passed failed skipped" of Meson's testlog.json or of a
JUnit file.

A program under Meson counts as many tests as it says it ran, in cmocka's closing lines or as "N
passed, N failed"; one that says nothing is one test.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def of_meson(path):
    counts = [0, 0, 0]
    for line in path.read_text().splitlines():
        test = json.loads(line)
        said = test.get("stdout", "") + test.get("stderr", "")
        passed, failed, skipped = (
            sum(int(n) for n in re.findall(rf"^\[  {word} \] (\d+) test\(s\)", said, re.MULTILINE))
            for word in ("PASSED ", "FAILED ", "SKIPPED")
        )
        for plain in re.finditer(r"^(\d+) passed, (\d+) failed$", said, re.MULTILINE):
            passed, failed = passed + int(plain[1]), failed + int(plain[2])
        result = test["result"]
        if result == "SKIP":
            skipped = max(skipped, 1)
        elif result not in ("OK", "EXPECTEDFAIL"):
            failed = max(failed, 1)
        elif not passed and not skipped:
            passed = 1
        counts = [total + new for total, new in zip(counts, (passed, failed, skipped), strict=True)]
    return counts


def of_junit(path):
    counts = [0, 0, 0]
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        tests, failed, errors, skipped = (
            int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")
        )
        counts[0] += tests - failed - errors - skipped
        counts[1] += failed + errors
        counts[2] += skipped
    return counts


if __name__ == "__main__":
    report = Path(sys.argv[1])
    print(*(of_meson if report.suffix == ".json" else of_junit)(report))
