"""The projects of editrows.py in other places: another checkout, another CPython, another hash
seed. What one computed is a hit there."""

import itertools
import os
import shutil
import sys
from pathlib import Path

import pytest
from editrows import EDITS, write
from oddrows import ODD_EDITS
from running import Runner

pytestmark = pytest.mark.once

# What another version computes again, for nothing: better than the other way round.
AGAIN_ELSEWHERE = {
    # Made without a source, so that there is only bytecode.
    "helpers: exec'd helper",
    # Methods that are made of the fields, where they are reached by themselves, have none either.
    "odd classes: dataclass order",
    # Bytecode of 3.10, in which what a handler assigns is not told from what is imported.
    "imports: import in function, try",
}
ROWS = {name: row for name, row in (EDITS | ODD_EDITS).items() if name not in AGAIN_ELSEWHERE}
LONG = os.environ.get("LOCACHE_TEST_LONG", "0") == "1"
STEP = 1 if LONG else 9
SEEDS = range(10)
OTHERS = [
    python
    for python in os.environ.get("LOCACHE_TEST_PYTHONS", "").split(":")
    if python and not Path(python).samefile(sys.executable)
]


def computed_by(runner, place):
    answer = runner.run(place, compare=False)
    return answer.get("error") or answer["computed"]


def test_a_project_is_the_same_in_another_checkout_version_and_hash_seed(tmp_path):
    rows = dict(itertools.islice(ROWS.items(), 0, None, STEP))
    checkouts = (tmp_path / "one", tmp_path / "elsewhere" / "and deeper" / "two")
    first = Runner(tmp_path, PYTHONHASHSEED="0")
    computed = {}
    for number, (name, (files, *_)) in enumerate(rows.items()):
        write(checkouts[0] / str(number), files)
        computed[name] = computed_by(first, checkouts[0] / str(number))
    first.close()
    assert computed == dict.fromkeys(rows, 1)
    shutil.copytree(checkouts[0], checkouts[1])
    pythons = itertools.cycle([*OTHERS, sys.executable])
    again = {}
    for seed, python in zip(SEEDS, pythons, strict=False):
        runner = Runner(tmp_path, python, PYTHONHASHSEED=str(seed))
        place = checkouts[seed % 2 == 0]
        for number, name in enumerate(rows):
            if answer := computed_by(runner, place / str(number)):
                again[name, seed, python] = answer
        runner.close()
    assert again == {}
