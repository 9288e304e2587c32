"""locache ls: what is listed, how it is sorted and filtered, and what a terminal is told."""

import os
import re
import shutil
import time
from pathlib import Path

import pytest

from .conftest import RESULTS
from .shapes import CACHES, ENTRIES, FUNCTIONS, fits


def test_ls__functions_of_all_caches_below(project, run):
    listed = run("ls", "--json").json()
    assert fits(listed, FUNCTIONS)
    assert {row["function"]: row["entries"] for row in listed} == {
        "Class.method": 1,
        "my_func": 5,
        "pickled": 1,
        "plain": 11,
    }
    mine = next(row for row in listed if row["function"] == "my_func")
    files = [os.stat(project / "foo.cache/my_func" / name) for name in names(project, "my_func")]
    assert mine["bytes"] == sum(file.st_size for file in files)
    assert mine["disk_bytes"] == 512 * sum(file.st_blocks for file in files)
    assert mine["path"] == str(project / "foo.cache/my_func")


def names(project, function):
    found = (project / "foo.cache" / function).iterdir()
    return sorted(path.name for path in found if path.name[0] != ".")


def test_ls__caches(project, run):
    listed = run("ls", "-c", "--json").json()
    assert fits(listed, CACHES)
    assert [(row["functions"], row["entries"]) for row in listed] == [(4, RESULTS)]


@pytest.mark.parametrize(
    "operand", ["foo.py:my_func", "foo.cache/my_func", "foo.cache:my_func", "foo.py:my_*"]
)
def test_ls__a_function_by_any_of_its_names(project, run, operand):
    listed = run("ls", "--json", operand).json()
    assert fits(listed, ENTRIES)
    assert [row["name"] for row in listed] == names(project, "my_func")


@pytest.mark.parametrize("operand", [".", "foo.py", "foo.cache", "./foo.cache/", "../project"])
def test_ls__a_cache_by_any_of_its_names(project, run, operand):
    assert len(run("ls", operand).lines()) == 4


def test_ls__one_entry(project, run):
    name = "x=1_num=3"
    assert [row[-1] for row in run("ls", f"foo.cache/my_func/{name}").lines()] == [
        f"foo.cache/my_func/{name}"
    ]


def test_ls__elsewhere_than_on_a_terminal_cells_are_parted_by_tabs(project, run):
    ran = run("ls", "foo.cache")
    assert [len(row) for row in ran.lines()] == [10] * 4
    assert "\x1b" not in ran.out


def test_ls__on_a_terminal_there_are_heads_and_colours(on_terminal):
    said = on_terminal("ls", "foo.cache")
    assert b"ENTRIES" in said and b"\x1b[1m" in said and b"18 results" in said
    assert b"\x1b" not in on_terminal("ls", "foo.cache", NO_COLOR="1")


def test_bytes_are_said_with_what_they_are_the_bytes_of(project, run, on_terminal):
    """What is of no use has bytes, too."""
    (project / "foo.cache/Class.method").rename(project / "gone")
    path = project / "foo.cache/my_func/x=1_num=3"
    path.write_bytes(path.read_bytes()[:-1])
    assert b"16 results and 1 file of no use, " in on_terminal("ls", "foo.cache", NO_COLOR="1")
    explained = run("explain", "foo.py:my_func").out
    assert re.search(r"present: 4 results and 1 file of no use, \d+ bytes$", explained, re.M)
    (function,) = run("explain", "--json", "foo.py:my_func").json()
    (version,) = function["versions"]
    assert (version["entries"], version["unusable"]) == (4, 1)


def test_ls__tree_says_each_directory_once(project, run):
    told = run("ls", "--tree", "--entries", "foo.cache").out.splitlines()
    assert told[0] == "foo.cache"
    assert [line for line in told if line.startswith("  ") and line[2] != " "] == [
        "  Class.method",
        "  my_func",
        "  pickled",
        "  plain",
    ]


@pytest.mark.parametrize(
    ("key", "member"),
    [
        ("size", "bytes"),
        ("disk", "disk_bytes"),
        ("age", "created"),
        ("used", "used"),
        ("time", "compute_seconds"),
    ],
)
def test_ls__sorted_by(project, run, key, member):
    rows = run("ls", "-e", "--json", "-s", key, "foo.cache").json()
    values = [row[member] for row in rows]
    assert len(values) == RESULTS and values == sorted(values, reverse=True)
    turned = run("ls", "-e", "--json", "-rs", key, "foo.cache").json()
    assert turned == rows[::-1]


@pytest.mark.parametrize("key", ["name", "size", "none"])
def test_ls__limit_is_said(project, run, key):
    ran = run("ls", "-e", "--limit", "3", "-s", key, "foo.cache")
    assert len(ran.lines()) == 3
    assert f"{RESULTS - 3} more lines" in ran.err and f"--limit {RESULTS}" in ran.err


def test_ls__the_limited_are_the_first_of_all(project, run):
    """Of more than twice the limit rows are left out while they come."""
    folder = project / "foo.cache/my_func"
    for n in range(500):
        shutil.copy(folder / "x=1_num=3", folder / f"x={n}_num=9")
    every = run("ls", "-e", "--json", "-s", "name", "foo.py:my_func").json()
    some = run("ls", "-e", "--json", "-s", "name", "-n", "7", "foo.py:my_func").json()
    assert len(every) == 505 and some == every[:7]


def test_ls__filters(project, run):
    folder = project / "foo.cache/my_func"
    past = time.time() - 40 * 86400
    os.utime(folder / "x=1_num=3", (past, past))
    assert [row[-1] for row in run("ls", "-e", "--older", "30d").lines()] == [
        "foo.cache/my_func/x=1_num=3"
    ]
    assert run("ls", "--older", "41d").out == ""
    assert {row[-1] for row in run("ls", "-e", "--larger", "4K").lines()} == {
        "foo.cache/plain/kind=bytes",
        "foo.cache/plain/kind=huge",
        "foo.cache/plain/kind=long",
    }
    assert len(run("ls", "-e", "--name", "x=[12]_*").lines()) == 2
    assert run("ls", "-e", "--name", "x=[12]_*", "--older", "30d").out.count("\n") == 1


def test_ls__earlier_versions_have_lines_of_their_own(project, run):
    (project / "foo.cache/.versions/my_func").mkdir(parents=True, mode=0o700)
    os.chmod(project / "foo.cache/.versions", 0o700)
    earlier = project / "foo.cache/.versions/my_func" / ("0" * 32)
    shutil.copytree(project / "foo.cache/my_func", earlier)
    rows = run("ls", "--json", "foo.cache").json()
    assert [row["current"] for row in rows if row["function"] == "my_func"] == [False, True]
    assert len(run("ls", earlier).lines()) == 5


@pytest.mark.parametrize(
    ("operand", "told"),
    [
        ("nothing", "there is no nothing"),
        ("foo.py:other", "there are no results of other in "),
        ("bar.py:f", "bar.py has no results: there is no "),
        ("foo.cache/my_func/x=9", "there is no result foo.cache/my_func/x=9"),
        ("empty", "there is no cache of locache in "),
        ("empty:f", "name a source file, as foo.py:f"),
    ],
)
def test_ls__what_is_not_there(project, run, operand, told):
    (project / "empty").mkdir()
    ran = run("ls", operand, code=1)
    assert told in ran.err and ran.err.startswith("locache: ") and ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--older", "never"], "--older takes an age with its unit, as 90s"),
        (["--older", "-1d"], "--older takes an age"),
        (["--older", "0x10"], "--older takes an age"),
        (["--older", "5"], "--older takes an age with its unit"),
        (["--older", "999999y"], "--older takes an age"),
        (["--larger", "1Q"], "--larger takes a size as 500K"),
        (["--larger", ""], "--larger takes a size"),
        (["--older", "0"], "--older takes an age above zero"),
        (["--larger", "0"], "--larger takes a size above zero"),
        (["--limit", "-1"], "--limit takes a whole number"),
        (["--limit", "99999999999999999999"], "--limit takes a whole number"),
        (["--sort", "siz"], "did you mean size?"),
        (["--sorted"], "did you mean --sort?"),
        (["--sort"], "--sort needs a value"),
        (["--json=1"], "--json takes no value"),
        (["-z"], "see locache ls --help"),
        (["-ct"], "leave --caches out"),
    ],
)
def test_ls__a_wrong_command_line_is_told_the_remedy(project, run, options, told):
    ran = run("ls", *options, code=2)
    assert told in ran.err and ran.out == ""


def test_ls__a_directory_without_caches_is_an_empty_list(tmp_path, run):
    (tmp_path / "project").mkdir()
    assert run("ls").out == "" and run("ls", "--json").json() == []


def test_ls__what_others_may_write_to_is_refused_and_the_rest_listed(project, run):
    shutil.copytree(project / "foo.cache", project / "open.cache")
    os.chmod(project / "open.cache", 0o777)
    ran = run("ls", code=3)
    assert len(ran.lines()) == 4 and "chmod go-w" in ran.err


def test_ls__a_cache_that_cannot_be_looked_into_is_not_said_to_be_empty(project, run):
    shutil.copytree(project / "foo.cache", project / "bar.cache")
    (project / "foo.cache").chmod(0o777)
    told = run("ls", "-c", "--json", code=3)
    assert "chmod go-w" in told.err
    assert [Path(row["path"]).name for row in told.json()] == ["bar.cache"]
    assert run("ls", "-c", "--older", "100y", "bar.cache").out == ""


def test_ls__links_are_not_followed(project, run, tmp_path):
    shutil.copytree(project / "foo.cache", tmp_path / "elsewhere.cache")
    (project / "link.cache").symlink_to(tmp_path / "elsewhere.cache")
    (project / "foo.cache/linked").symlink_to(tmp_path / "elsewhere.cache/my_func")
    (project / "foo.cache/my_func/x=7_num=3").symlink_to("x=1_num=3")
    ran = run("ls", "-e", "--json", code=3)
    assert "symbolic link" in ran.err
    listed = {row["name"]: row["status"] for row in ran.json()}
    assert len(listed) == RESULTS + 1 and listed["x=7_num=3"] == "untrusted"
    assert "symbolic link" in run("ls", "link.cache", code=3).err


def test_ls__names_of_any_bytes(project, run, on_terminal):
    """A cache below a directory whose name has every byte that a name can have."""
    odd = bytes(range(1, 256)).replace(b"/", b"").replace(b".", b"")
    for part in (odd[:120], odd[120:]):
        os.mkdir(os.path.join(os.fsencode(project), part))
        shutil.copytree(
            os.fsencode(project / "foo.cache"),
            os.path.join(os.fsencode(project), part, b"foo.cache"),
        )
    rows = run("ls", "--json").json()
    folders = {os.path.dirname(os.fsencode(row["cache"])) for row in rows}
    expected = {os.path.join(os.fsencode(project), part) for part in (odd[:120], odd[120:])}
    assert folders == {*expected, os.fsencode(project)}
    said = on_terminal("ls", NO_COLOR="1")
    assert all(byte >= 32 or byte in b"\r\n" for byte in said)
    assert b"\\x1b" in said and b"\\xff" in said
