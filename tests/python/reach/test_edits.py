"""Every row of editrows.py and oddrows.py: before the edit, after it, undone."""

import os

import pytest
from editrows import EDITS, LIVE, STATE, apply, write
from oddrows import ODD_EDITS, ODD_LIVE, ODD_STATE
from running import Runner

# Under sanitizers, which are there for the extension, some rows: all reach it in the same ways.
STEP = 3 if os.environ.get("LOCACHE_TEST_SANITIZED") == "1" else 1
EDITS = EDITS | ODD_EDITS
STATE = STATE | ODD_STATE
LIVE = LIVE | ODD_LIVE


def needing_much(program):
    """What the interpreters that run every test have."""
    return [pytest.mark.once] if "import pandas" in str(program) else []


def names(table):
    return [pytest.param(name, marks=needing_much(table[name])) for name in list(table)[::STEP]]


@pytest.fixture(scope="module")
def runner(tmp_path_factory):
    runner = Runner(tmp_path_factory.mktemp("home"))
    yield runner
    runner.close()


@pytest.fixture
def run(runner, tmp_path):
    def run(calls=(), compare=True, live=False):
        answer = runner.run(tmp_path, calls, compare, live)
        assert "error" not in answer, answer["error"]
        assert answer["wrong"] == []
        return answer["computed"]

    return run


@pytest.mark.parametrize("name", names(EDITS))
def test_an_edit_computes_again_what_it_can_have_changed(run, tmp_path, name):
    files, edit, again = EDITS[name]
    true = not name.startswith("options") or again  # what was told not to count may be stale
    write(tmp_path, files)
    assert run() == 1
    assert run() == 0
    apply(tmp_path, edit)
    assert run(compare=true) == again
    assert run(compare=true) == 0
    apply(tmp_path, edit, undo=True)
    assert run() == 0


@pytest.mark.parametrize("name", names(STATE))
def test_what_a_function_changes_itself_computes_nothing_again(run, tmp_path, name):
    write(tmp_path, STATE[name])
    assert run([1, 1, 2, 1, 2], compare=False) == 2
    assert run([2, 1], compare=False) == 0
    assert run([3, 1, 2], compare=False) == 1


@pytest.mark.parametrize("name", names(LIVE))
def test_what_somebody_changes_is_seen_at_the_next_call(run, tmp_path, name):
    program, again = LIVE[name]
    write(tmp_path, program)
    assert run(live=True) == again
