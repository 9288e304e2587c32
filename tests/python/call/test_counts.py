"""What is counted of functions and shown: cache_info(), stats(), HTML, the line at exit; summed up
over processes."""

from __future__ import annotations

import html.parser
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import locache
import pytest
from locache import _html, _numbers, _stats

from ...browser import AXE, Browser

pytestmark = pytest.mark.once
SANITIZED = os.environ.get("LOCACHE_TEST_SANITIZED") == "1"


def work(x):
    return [x]


def test_cache_info__tells_bytes_and_what_all_processes_did(kept):
    f = kept(work)
    info = f.cache_info()
    assert info.bytes == 0 and info.total == (0, 0, 0, 0.0, 0.0, 0, 0)
    f(1), f(1), f(2), f(1)
    info = f.cache_info()
    files = [entry.path for entry in f.entries()]
    assert info.bytes == sum(path.stat().st_size for path in files)
    assert info.total[:3] == (2, 2, 2) and info.total.hits == info.hits == 2
    assert info.total.bytes_stored == info.bytes
    assert info.total.time_saved == pytest.approx(info.time_saved)
    assert info.total.time_computed == pytest.approx(info.time_computed, rel=0.5)
    # Another function object, as another process has one.
    g = kept(work)
    g(1)
    assert g.cache_info()[:2] == (1, 0)
    del f
    assert g.cache_info().total[:2] == (3, 2)
    g.cache_clear()
    assert g.cache_info().total[:3] == (0, 0, 0)


def test_cache_info__to_look_is_no_use(kept):
    f = kept(work)
    assert not f.is_cached(1) and not f.explain(1).hit
    f(1)
    assert f.is_cached(1) and f.explain(1).hit and f.is_cached(1)
    info = f.cache_info()
    assert info.total[:3] == (0, 1, 1)
    assert info.time_saved == 0 and info.total.time_saved == 0


PROGRAM = """\
import multiprocessing, os, sys
import locache

@locache.persist
def work(x):
    return [x]

def run(n):
    work(1)

if __name__ == "__main__":
    if "verbose" in sys.argv:
        locache.verbose()
    work(1)
    method = sys.argv[1]
    if method == "fork by hand":
        for _ in range(2):
            pid = os.fork()
            if pid == 0:
                work(1)
                sys.exit()
            os.waitpid(pid, 0)
    elif method != "alone":
        context = multiprocessing.get_context(method)
        children = [context.Process(target=run, args=(n,)) for n in range(2)]
        for child in children:
            child.start()
        for child in children:
            child.join()
    print(*work.cache_info().total[:3])
"""


def start(place, *arguments):
    (place / "program.py").write_text(PROGRAM)
    home = place / "home"
    return subprocess.run(
        [sys.executable, "program.py", *arguments],
        cwd=place,
        env={**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")},
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.mark.parametrize("method", ["fork by hand", "fork", "spawn", "forkserver"])
def test_counts__of_child_processes_are_added_once(tmp_path, method):
    if method not in ("fork by hand", *multiprocessing.get_all_start_methods()):
        pytest.skip(f"no {method}")
    assert start(tmp_path, method).stdout == "2 1 1\n"
    assert start(tmp_path, method, "again").stdout == "5 1 1\n"


@pytest.mark.parametrize("method", ["alone", "fork by hand", "fork"])
def test_verbose__ends_with_one_summary(tmp_path, method):
    lines = start(tmp_path, method, "verbose").stderr.splitlines()
    summaries = [line for line in lines if " saved, " in line]
    assert len(summaries) == 1 and summaries[0] == lines[-1]
    assert summaries[0].startswith("locache: 0 hits, 1 miss, 0 ms saved, ")
    assert summaries[0].endswith(" bytes stored")
    assert not start(tmp_path, method).stderr


def test_verbose__says_no_summary_after_it_was_stopped(tmp_path):
    source = textwrap.dedent("""
        import locache
        locache.verbose()
        @locache.persist
        def f(x): return x
        f(1)
        locache.verbose(False)
    """)
    (tmp_path / "p.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "p.py"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "store" in done.stderr and "saved" not in done.stderr


# ------------------------------------------------------------------------------------------- stats


def test_stats__have_a_row_for_each_function(kept):
    f = kept(work)
    name = f"{__name__}.work"
    assert name in [row.function for row in locache.stats()]
    f(1), f(1), f(2)
    stats = locache.stats()
    (row,) = (row for row in stats if row.function == name)
    info = f.cache_info()
    assert row == (
        name,
        info.hits,
        info.misses,
        info.currsize,
        info.bytes,
        info.time_saved,
        info.time_computed,
        *info.total[:2],
        info.total.time_saved,
    )
    assert stats.total.hits == sum(row.hits for row in stats) >= 1
    assert row._asdict() in stats.as_dicts()
    # One that is made again has one row, with both's numbers.
    again = kept(work)
    again(1)
    (row,) = (row for row in locache.stats() if row.function == name)
    assert row[1:3] == (2, 2)
    del f, again
    assert name not in [row.function for row in locache.stats()]


def row(name, hits=1204, misses=3):
    return _stats.Row(name, hits, misses, 12, 3_100_000, 724.0, 2.0, 2 * hits, misses, 90061.0)


def test_stats__print_as_a_table():
    stats = _stats.Stats([row("foo.my_func"), row("foo.g\nh", hits=0, misses=0)])
    lines = repr(stats).splitlines()
    assert len(lines) == 4 and len({len(line) for line in lines}) == 1
    assert lines[0].split("  ")[0] == "function"
    assert lines[1].split() == (
        "foo.my_func 1,204 3 99.8% 12 3.1 MB 12 min 4 s 2,408 3 99.9% 1 d 1 h".split()
    )
    assert lines[2].startswith("foo.g\\nh ") and " - " in lines[2]
    assert lines[3].split()[:2] == ["total", "1,204"]
    assert repr(_stats.Stats()) == "no persisted functions"
    assert len(repr(_stats.Stats([row("f")])).splitlines()) == 2
    assert _stats.Stats().total[1:] == (0, 0, 0, 0, 0.0, 0.0, 0, 0, 0.0)


def test_stats__are_rows_of_a_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(_stats.Stats([row("f"), row("g")]))
    assert list(frame.columns) == list(_stats.Row._fields)
    assert frame["hits"].sum() == 2408


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (_numbers.span(0), "0 s"),
        (_numbers.span(0.0004), "0.4 ms"),
        (_numbers.span(0.25), "250 ms"),
        (_numbers.span(1.04), "1.0 s"),
        (_numbers.span(59.9), "59 s"),
        (_numbers.span(724), "12 min 4 s"),
        (_numbers.span(3600), "1 h 0 min"),
        (_numbers.span(1e9), "11574 d 1 h"),
        (_numbers.size(0), "0 B"),
        (_numbers.size(999), "999 B"),
        (_numbers.size(999_999), "1.0 MB"),
        (_numbers.size(3.1e15), "3.1 PB"),
        (_numbers.ratio(0, 0), "-"),
        (_numbers.ratio(5, 0), "100%"),
        (_numbers.ratio(100_000, 1), "99.9%"),
        (_numbers.ratio(0, 1), "0.0%"),
    ],
)
def test_numbers__as_people_read_them(shown, text):
    assert shown == text


# -------------------------------------------------------------------------------------------- HTML


class Reader(html.parser.HTMLParser):
    """The elements, all closed in order, and the texts between them."""

    def __init__(self, source):
        super().__init__()
        self.open, self.seen, self.texts = [], [], []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        self.seen.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_html__of_a_function_tells_its_numbers(kept):
    f = kept(work)
    f(1), f(1)
    read = Reader(f._repr_html_())
    assert read.texts[0] == f"{__name__}.work"
    assert {"hits", "misses", "time saved", "this process", "all processes", "50.0%"} <= {
        *read.texts
    }
    assert read.texts.count("1 of 2 look-ups hit") == 2  # of the bars, for who does not see them
    assert any("1 result stored" in text for text in read.texts)


@pytest.mark.parametrize(
    "name",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "a&amp;b",
        "\x00\x1b\u202e",
        "\ud800",
    ],
)
def test_html__escapes_whatever_a_function_is_called(kept, name):
    plain = {*Reader(_html.table(_stats.Stats([row("f"), row("g")]))).seen}

    def named(x):
        return x

    named.__qualname__ = name
    for source in (_html.table(_stats.Stats([row(name)])), f"<b>{_html.text(name)}</b>"):
        read = Reader(source)
        assert {*read.seen} <= plain | {"b"}
        source.encode()  # a notebook is UTF-8
        assert not {"\x00", "\x1b", "\u202e"} & {*source}


def test_html__in_a_notebook(tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "home" / "ipython"))
    sources = [
        "import locache\n@locache.persist(name='n')\ndef f(x):\n    return x\nf(1), f(1)",
        "f",
        "locache.stats()",
    ]
    document = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, sources)])
    (tmp_path / "home").mkdir()
    client = nbclient.NotebookClient(
        document, timeout=120, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    _, shown, table = (cell.outputs[0]["data"] for cell in document.cells)
    assert "__main__.f" in shown["text/html"] and "1 of 2 look-ups hit" in shown["text/html"]
    assert shown["text/plain"] == "<persisted function __main__.f>"
    assert "<table" in table["text/html"] and table["text/plain"].startswith("function")
    if not SANITIZED:  # which a browser would have to be built for
        look_at_in_a_browser(tmp_path, shown["text/html"] + table["text/html"])


def look_at_in_a_browser(tmp_path, shown):
    """What a cell showed, in a page as a notebook puts it, on a light and on a dark ground."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    axe = pytest.importorskip("axe_core_python")
    if program is None:
        pytest.skip("no Chromium")
    page_file = tmp_path / "page.html"
    page_file.write_text(
        "<!doctype html><html lang=en><meta charset=utf-8><title>a notebook</title>"
        "<style>:root { color-scheme: light dark }</style>"
        f"<main><h1>a notebook</h1><div class=output_html>{shown}</div></main></html>"
    )
    checker = (Path(axe.__file__).parent / "axe.min.js").read_text()
    with Browser(program, str(tmp_path / "profile")) as browser:
        for dark in (False, True):
            page = browser.open(page_file, dark=dark)
            assert page.requests() == [page_file.as_uri()] and page.complaints() == []
            # The bar of one hit in two look-ups is filled by half.
            bars = "[...document.querySelectorAll('svg')].map((bar) => [bar, ...bar.children])"
            widths = page.value(f"{bars}.map((all) => all[3].getBoundingClientRect().width)")
            assert widths[:2] == [80, 80] and set(widths) == {80}
            page.value(checker + ";0")
            assert json.loads(page.value(AXE)) == []
