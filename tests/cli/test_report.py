"""locache report: what the page says, and that it is a good one in a real browser."""

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ..browser import AXE, Browser
from .conftest import RESULTS, needs_no_sanitizer

# What a page is at most, whatever there is.
PAGE_MAX = 1 << 20
EVERY_BYTE = [bytes([byte]) for byte in range(1, 256) if byte not in b"/"]
HOSTILE = "<script>alert(1)<!--\"'&amp;\\;]]>"


class Read(HTMLParser):
    """The rows of tables by their captions or places, and every tag with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.tables, self.text = [], [], ""
        self.in_cell = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.in_cell = False

    def handle_data(self, data):
        self.text += data
        if self.in_cell:
            self.tables[-1][-1][-1] += data


def page_of(run, *arguments, code=0):
    text = run("report", *arguments, code=code).out
    assert len(os.fsencode(text)) < PAGE_MAX
    return Read(text)


def functions_of(page):
    return {row[0]: row for row in page.tables[1][1:]}


def test_report__sums_up(run, project):
    page = page_of(run, "foo.cache")
    told = functions_of(page)
    assert {"my_func", "pickled", "plain", "Class.method"} == set(told)
    listed = run("ls", "--json", "foo.cache").json()
    assert sum(int(row[2]) for row in told.values()) == RESULTS
    assert {row["function"]: str(row["entries"]) for row in listed} == {
        row[0]: row[2] for row in told.values()
    }
    assert len(page.tables[2]) == RESULTS + 1
    # All of them were used within the hour that this took.
    assert page.tables[0][1][1] == str(RESULTS)


def test_report__hits_that_were_counted(run, project):
    row = functions_of(page_of(run, "foo.cache"))["my_func"]
    assert row[6:8] == ["0", "0.0%"]  # the program asked for each of the four once


def test_report__to_a_file(run, project):
    assert run("report", "-o", "page.html", "foo.cache").out == ""
    assert functions_of(Read((project / "page.html").read_text())).keys() == (
        functions_of(page_of(run, "foo.cache")).keys()
    )
    assert "none/page.html" in run("report", "-o", "none/page.html", code=3).err


def test_report__a_terminal_is_told_where_to(on_terminal):
    assert b"-o report.html" in on_terminal("report", "foo.cache", code=2)


def test_report__a_full_disk_is_an_error(run, project):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    assert "No space left" in run("report", "-o", "/dev/full", "foo.cache", code=3).err
    with open("/dev/full", "w") as full:
        run("report", "foo.cache", stdout=full, code=3)


def test_report__nothing_there(run, tmp_path):
    (tmp_path / "empty").mkdir()
    page = page_of(run, tmp_path / "empty", code=1)
    assert "There is nothing to show" in page.text


def plant(project, name):
    """A function's directory of that name, with an entry of that name in it."""
    of = os.fsencode(project / "foo.cache") + b"/" + name
    shutil.copytree(os.fsencode(project / "foo.cache/pickled"), of)
    os.rename(os.path.join(of, b"n=1"), os.path.join(of, name))


def test_report__names_with_every_byte(run, project):
    plain = page_of(run, "foo.cache")
    for byte in EVERY_BYTE:
        if byte != b".":
            plant(project, b"f" + byte + b"x")
    plant(project, HOSTILE.encode())
    page = page_of(run, "foo.cache")
    # No name made a tag, or an attribute.
    known = {(tag, *sorted(attributes)) for tag, attributes in plain.tags}
    known |= {("ul", "aria-label", "class"), ("span", "title")}
    assert {(tag, *sorted(attributes)) for tag, attributes in page.tags} <= known | {
        ("li", "class", "style"),
        ("a", "href", "title"),
    }
    assert HOSTILE in functions_of(page)
    assert "f\\x01x" in functions_of(page)
    assert "f<x" in functions_of(page)


def test_report__many_functions_are_summed_up(run, project):
    source = project / "foo.cache/pickled"
    for n in range(420):
        shutil.copytree(source, project / f"foo.cache/{'long' * 30}{n}")
    page = page_of(run, "foo.cache")
    assert 200 <= len(page.tables[1]) - 1 <= 400
    assert any("other functions" in part for part in page.text.splitlines())


def test_report__needs_nothing_else(run, project):
    text = run("report", "foo.cache").out
    assert not re.search(r"(https?:)?//[a-z]", re.sub(r"(?s)<script>.*?</script>", "", text))
    assert "default-src 'none'" in text


TABLE = "document.querySelector('#functions').closest('section')"
FIRST = f"{TABLE}.querySelector('tbody th').textContent"


@needs_no_sanitizer
def test_report__in_a_browser(run, project, tmp_path):
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium")
    axe = pytest.importorskip("axe_core_python")
    checker = (Path(axe.__file__).parent / "axe.min.js").read_text()
    for n, name in enumerate((HOSTILE.encode(), b"f\xff<img src=x onerror=y>")):
        plant(project, name)
        shutil.copytree(project / "foo.cache", project / f"other{n}.cache")
    run("report", "-o", "page.html", code=0)
    with Browser(program, str(tmp_path / "profile")) as browser:
        for looks in ({}, {"dark": True}, {"width": 360}, {"scripts": False}):
            page = browser.open(project / "page.html", **looks)
            assert page.requests() == [(project / "page.html").as_uri()]
            if looks.get("scripts", True):
                page.value(checker + ";0")
                assert json.loads(page.value(AXE)) == []
            assert page.complaints() == [], looks
            assert page.value("document.documentElement.scrollWidth") <= looks.get("width", 1280)
            assert page.value("document.querySelectorAll('.map a').length") > 4
        # By the keyboard alone: the columns are sorted.
        page = browser.open(project / "page.html")
        page.value(f"{TABLE}.querySelector('thead button').focus()")
        page.press("Enter", 13)
        ascending = page.value(FIRST)
        page.press("Enter", 13)
        assert page.value("document.activeElement.parentNode.getAttribute('aria-sort')") == (
            "descending"
        )
        assert page.value(FIRST) > ascending
        page.value("document.querySelector('.map a').focus()")
        page.press("Enter", 13)
        assert page.value("document.querySelector('tr:target') !== null")
