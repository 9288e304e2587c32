"""locache explain and stats: versions and what differs in them; numbers over all that is there."""

import subprocess
import sys

import pytest

from .conftest import RESULTS, clean_environment
from .shapes import COUNTS, MOMENT, PLACE, fits

PART = {"kind": str, "module": str, "name": str}
CHANGE = {"change": ("changed", "added", "removed"), **PART, "diff": [str]}
VERSION = {
    "version": (str, None),
    "current": bool,
    "before": (str, None),
    "path": str,
    "changed": MOMENT,
    "entries": int,
    "unusable": int,
    "bytes": int,
    "kept": (str, None),
    "parts": [PART],
    "changes": [CHANGE],
}
EXPLAINED = [{"cache": str, "function": str, "versions": [VERSION]}]


@pytest.fixture
def edited(made, project):
    """The project after an edit, which another run saw."""

    def edit(**changes):
        text = (project / "foo.py").read_text()
        for name, new in changes.items():
            old = {"product": "return x * num", "before": "class Own"}[name]
            assert text.count(old) == 1
            text = text.replace(old, new)
        (project / "foo.py").write_text(text)
        environment = clean_environment(made / "home")
        subprocess.run([sys.executable, "foo.py"], cwd=project, env=environment, check=True)

    return edit


def test_explain__what_an_edit_changed(edited, run):
    edited(product="return num * x * N", before="N = 1\n\nclass Own")
    (function,) = run("explain", "--json", "foo.py:my_func").json()
    assert fits([function], EXPLAINED)
    present, first = function["versions"]
    assert present["current"] and present["changes"] == []
    assert {(part["kind"], part["name"]) for part in present["parts"]} == {
        ("function", "my_func"),
        ("constant", "N"),
    }
    assert first["version"] == present["before"]
    assert [change["change"] for change in first["changes"]] == ["changed", "added"]
    assert first["changes"][0]["diff"] == ["-    return x * num", "+    return num * x * N"]
    told = run("explain", "foo.py:my_func").out
    assert "        -     return x * num\n" in told and "added: constant N" in told


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\x00\xff",
        b"{",
        b'{"kind": "x"}',
        b'{"kind": "a", "module": "b", "name": "c", "digest": "d", "text": "\\u12"}',
        b'{"kind": "a", "module": "b", "name": "c", "digest": "d", "text": "' + b"\\" * 63,
        b'{"kind": {"a": 1}}\n' * 100,
        b"[" * 60000,
    ],
)
def test_explain__a_note_that_is_none(edited, run, project, note):
    edited(product="return num * x")
    (project / "foo.cache/my_func/.locache/parts").unlink()
    (project / "foo.cache/my_func/.locache/parts").write_bytes(note)
    (function,) = run("explain", "--json", "foo.py:my_func").json()
    assert function["versions"][0]["parts"] == []
    assert "how it differs is not recorded" in run("explain", "foo.py:my_func").out


def test_explain__texts_of_any_characters(project, run, on_terminal):
    """What escapes stand for; and a terminal gets none of it."""
    text = r"\"\\\/\b\f\n\r\t\u001b[31m\u00e9\u20ac\ud83d\ude00\ud83d\u0000"
    path = project / "foo.cache/my_func/.locache/parts"
    path.write_text(
        '{"kind": "a", "module": "", "name": "' + text + '", "digest": "d", "text": ""}\n'
    )
    (function,) = run("explain", "--json", "foo.py:my_func").json()
    (part,) = function["versions"][0]["parts"]
    assert part["name"] == '"\\/\b\f\n\r\t\x1b[31m\u00e9\u20ac\U0001f600??'
    assert b"\x1b" not in on_terminal("explain", "foo.py:my_func", NO_COLOR="1")


def test_explain__of_nothing(tmp_path, run):
    (tmp_path / "project").mkdir()
    assert run("explain", "--json").json() == [] and run("explain").out == ""


SUMS = {"entries": int, "unusable": int, "bytes": int, "disk_bytes": int, "compute_seconds": float}
KIND = [{"path": str, **PLACE, **SUMS, **COUNTS}]
STATS = {
    "functions": int,
    "earlier_versions": int,
    **SUMS,
    "earlier": SUMS,
    "last_used": [{"within_days": (int, None), "entries": int, "bytes": int}],
    **COUNTS,
    "hit_ratio": (float, None),
    "bytes_read": int,
    "bytes_stored": int,
    "counted_since": MOMENT,
    "counted_until": MOMENT,
    "costliest": KIND,
    "dearest": KIND,
    "most_saved": KIND,
    "useless": KIND,
}


def test_stats__sums(edited, run):
    before = run("stats", "--json").json()
    assert fits(before, STATS)
    assert before["functions"] == 4 and before["entries"] == RESULTS
    assert before["earlier"]["entries"] == 0 and before["last_used"][0]["entries"] == RESULTS
    edited(product="return num * x")
    after = run("stats", "--json").json()
    assert after["earlier"]["entries"] == 5 and after["entries"] == RESULTS + 5
    assert "of these 5 in 1 earlier version" in run("stats").out


def test_stats__counts_what_ls_counts(project, run):
    """What is of no use, too, a link as well as what is damaged; and none of it is a result."""
    folder = project / "foo.cache/my_func"
    (folder / "x=1_num=3").write_bytes(b"")
    (folder / "x=7_num=3").symlink_to("/etc/passwd")
    (folder / "mine").write_text("work")
    (row,) = [row for row in run("ls", "--json").json() if row["function"] == "my_func"]
    told = run("stats", "--json", "foo.py:my_func").json()
    assert {name: told[name] for name in SUMS} == {name: row[name] for name in SUMS}
    assert (told["entries"], told["unusable"]) == (4, 2)
    assert sum(age["entries"] for age in told["last_used"]) == 4
    (explained,) = run("explain", "--json", "foo.py:my_func").json()
    assert explained["versions"][0]["bytes"] == told["bytes"]
    said = run("stats", "foo.py:my_func").out
    assert said.startswith("4 results of 1 function, ")
    assert "\n2 files are of no use" in said


def test_stats__of_nothing(tmp_path, run):
    (tmp_path / "project").mkdir()
    assert run("stats").out.startswith("0 results of 0 functions, 0 bytes")
