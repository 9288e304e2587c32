"""The calls from Python whose instructions bench/instructions.py counts: `counted.py MARKS
DIRECTORY FEW MANY`.

Each row is called FEW times between two marks of bench/c/marks.c, then MANY times: the difference
is that of MANY - FEW calls, and of nothing else.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import time
from pathlib import Path

import locache
from rows import HITS

SETTLED = 0.05  # seconds after which a file's time tells its present state from a later one
RECHECK = 86400  # seconds: no row lasts so long, however slowly it is run


class Counter:
    def __init__(self, marks: str, few: int, many: int):
        library = ctypes.CDLL(marks)
        self._mark = library.mark
        self._mark.restype = None
        self.counts = (few, many)

    def one(self, row: str, run, count: int) -> None:
        self._mark(b"between")
        run(count)
        self._mark(f"row {row} {count}".encode())

    def repeated(self, row: str, function, arguments: str, **others) -> None:
        names = {"f": function, **others}
        exec(f"def run(count):\n    for _ in range(count):\n        f({arguments})\n", names)
        for _ in range(3):
            names["run"](2)
            time.sleep(SETTLED)
        for count in self.counts:
            self.one(row, names["run"], count)


def main() -> None:
    marks, directory, few, many = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    sys.path.insert(0, str(directory))
    import workload

    counter = Counter(marks, few, many)
    # A collection would come at another moment each time something else changes.
    gc.disable()

    def persisted(name, where="hits", **options):
        return locache.persist(
            getattr(workload, name), dir=str(directory / f"{where}.cache"), version="1", **options
        )

    for row, (name, arguments) in HITS.items():
        counter.repeated(row, persisted(name), arguments)
        counter.repeated(f"{row} relaxed", persisted(name, recheck=RECHECK), arguments)

    for what, make in (("dataclass", workload.make_dataclass), ("enum", workload.make_enum)):
        function = persisted("is_there", recheck=RECHECK)
        counter.repeated(f"hit_{what} relaxed", function, "x", x=make(1))

    def over(function, first):
        def run(count):
            for x in range(first, first + count):
                function(x)

        return run

    stored, read = persisted("work", "files"), persisted("work", "files")
    for name, function in (("miss", stored), ("first_hit", read)):
        function(-1)
        first = 0
        for count in counter.counts:
            counter.one(name, over(function, first), count)
            first += count


if __name__ == "__main__":
    main()
