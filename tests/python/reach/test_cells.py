"""The edits of editrows.py and oddrows.py while a real kernel runs: cells that are run again, and
files under %autoreload 2."""

import json
from pathlib import Path

import pytest
from editrows import EDITS
from notebooks import run_cells
from oddrows import ODD_EDITS

pytestmark = pytest.mark.once

# IPython's autoreload takes an edited docstring for no edit: the module keeps the old one.
NOT_RELOADED = {"functions: docstring of a module that is read"}
HERE = Path(__file__).parent
ROWS = EDITS | ODD_EDITS
BEGIN = """
import json, os, sys
sys.path[:0] = {path!r}
sys.dont_write_bytecode = True
import cells
place = os.path.abspath("rows")
os.mkdir(place)
answers = cells.run_all(get_ipython(), place, {kind!r})
with open(place + "/answers.json", "w") as file:
    json.dump(answers, file)
"""


def run_rows(place, kind, *before):
    begin = BEGIN.format(path=[str(HERE), str(HERE.parent)], kind=kind)
    run_cells(place, [*before, begin], timeout=240)
    return json.loads((place / "rows" / "answers.json").read_text())


def as_expected(name):
    """Computed or not, and whether right: at first, again, edited, undone."""
    again = int(ROWS[name][2])
    # What was told not to count may be stale.
    right = not name.startswith("options") or bool(again)
    return [[1, True], [0, True], [again, right], [0, True]]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("LOCACHE_DIR", raising=False)


@pytest.mark.parametrize(
    ("kind", "before", "count"),
    [("cells", (), 200), ("files", ("%load_ext autoreload\n%autoreload 2",), 40)],
)
def test_an_edit_in_a_running_kernel_is_seen_at_the_next_call(tmp_path, kind, before, count):
    answers = run_rows(tmp_path, kind, *before)
    assert len(answers) >= count
    expected = {name: as_expected(name) for name in answers}
    for name in NOT_RELOADED & set(answers) if kind == "files" else ():
        expected[name][2] = [0, True]
    assert answers == expected
