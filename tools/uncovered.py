"""Hold the lines of the core that no test reaches to tests/uncovered.txt, which says why.

    uncovered.py REPORT LIST

REPORT is gcovr's JSON. The list has a reason in each line that ends with a colon, and below it,
indented, the functions whose lines it is for: a file and a function's name. A function with a line
that is not reached and that is not listed is a fault of the list, and shown with its lines; one
that is listed and reached is not, since some lines depend on which thread comes first.
"""

import json
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]


def listed(path):
    functions = {}
    reason = None
    for line in path.read_text().splitlines():
        if line.startswith("    "):
            file, *names = line.split()
            functions.update({(file, name): reason for name in names})
        elif line.endswith(":"):
            reason = line
    return functions


def unreached(report):
    """{(file, function): [line, ...]}"""
    found = {}
    for file in json.loads(report.read_text())["files"]:
        starts = sorted((f["lineno"], f["name"]) for f in file["functions"])
        for line in file["lines"]:
            number = line["line_number"]
            if line["count"] == 0 and not line["gcovr/noncode"]:
                within = [name.partition(".")[0] for start, name in starts if start <= number]
                found.setdefault((file["file"], within[-1] if within else "?"), []).append(number)
    return found


def main(report, reasons):
    known, found = listed(reasons), unreached(report)
    missing = {at: lines for at, lines in found.items() if at not in known}
    total = sum(map(len, found.values()))
    print(f"{total} lines of {len(found)} functions are not reached, {reasons.name} says why")
    for (file, name), lines in missing.items():
        print(f"{file} {name}: not reached and not listed:")
        text = (TOP / file).read_text().splitlines()
        for number in lines:
            print(f"  {number:4} {text[number - 1].strip()}")
    return bool(missing)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
