"""Notebooks in a real Jupyter kernel, started by nbclient as a front end starts it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from notebooks import run_cells

pytestmark = pytest.mark.once

DEFINE = """
from locache import persist, reset_cache, verbose

@persist{options}
def my_func(x, num=3):
    print("computing", x)
    return x * num
"""
CALLS = "print(my_func(1), my_func(2, num=2), my_func(1))"
TWICE = "computing 1\ncomputing 2\n3 4 3\n"
NEVER = "3 4 3\n"


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """Run cells in a fresh kernel in tmp_path; returns what they printed, in order."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home" / "state"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "home" / "ipython"))
    for name in ("LOCACHE_DIR", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    place = tmp_path / "project"
    place.mkdir()

    def run(*cells):
        return run_cells(place, cells)

    run.place = place
    return run


def caches(place):
    return sorted(p.name for p in place.iterdir() if p.suffix == ".cache")


def results(place, cache):
    return sorted(
        p.name for p in (place / cache / "my_func").iterdir() if not p.name.startswith(".")
    )


def test_a_named_notebook_caches_across_kernels_and_is_reset(notebook):
    define = DEFINE.format(options='(name="notebook")')
    assert notebook(define, CALLS) == TWICE
    assert caches(notebook.place) == ["notebook.cache"]
    assert results(notebook.place, "notebook.cache") == ["x=1_num=3", "x=2_num=2"]
    reset = "reset_cache(my_func)"  # a function that was not called since it was defined
    named = "reset_cache(my_func, name='notebook')"
    cells = [define, CALLS, define, reset, CALLS, named, CALLS]
    assert notebook(*cells) == NEVER + TWICE + TWICE


def test_a_notebook_that_nobody_names_is_called_notebook_where_the_kernel_started(notebook):
    define = DEFINE.format(options="")
    assert notebook(define, CALLS) == TWICE
    assert caches(notebook.place) == ["notebook.cache"]
    elsewhere = f"import locache, os; os.mkdir('deep'); os.chdir('deep')\n{define}"
    assert notebook(elsewhere, CALLS) == NEVER
    assert caches(notebook.place) == ["notebook.cache"] and caches(notebook.place / "deep") == []


def test_the_server_tells_the_notebooks_name(notebook, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook.place / "analysis.ipynb"))
    assert notebook(DEFINE.format(options=""), CALLS) == TWICE
    assert caches(notebook.place) == ["analysis.cache"]


def test_vs_code_tells_the_notebooks_name(notebook):
    file = notebook.place / "sub" / "study.ipynb"
    file.parent.mkdir()
    cell = f"__vsc_ipynb_file__ = {str(file)!r}"
    assert notebook(cell, DEFINE.format(options=""), CALLS) == TWICE
    assert caches(file.parent) == ["study.cache"] and caches(notebook.place) == []


def test_a_cell_run_again_hits_and_an_edited_cell_computes(notebook):
    define = DEFINE.format(options="")
    edited = define.replace("x * num", "x * num + 1")
    commented = define.replace("return", "# why\n    return")
    assert notebook(define, CALLS, define, CALLS, commented, CALLS) == TWICE + NEVER + NEVER
    # Undoing the edit brings the results back.
    expected = TWICE.replace("3 4 3", "4 5 4") + NEVER
    assert notebook(edited, CALLS, define, CALLS) == expected


def test_results_of_a_class_made_in_the_notebook_and_top_level_await(notebook):
    made = """
import asyncio, dataclasses, locache

@dataclasses.dataclass
class Point:
    x: float

@locache.persist
def move(p, by=1.0):
    print("moving")
    return Point(p.x + by)

print(move(Point(1.0)))
"""
    awaited = """
@locache.persist
async def fetch(x):
    print("fetching")
    await asyncio.sleep(0)
    return x

print(await fetch(1), await fetch(1))
"""
    assert notebook(made, awaited) == "moving\nPoint(x=2.0)\nfetching\n1 1\n"
    assert notebook(made, awaited) == "Point(x=2.0)\n1 1\n"


def test_ipython_without_a_notebook(notebook):
    place = notebook.place
    code = DEFINE.format(options='(name="work")') + "\n" + CALLS
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", "-c", code]
    outputs = [
        subprocess.run(command, cwd=place, capture_output=True, text=True).stdout for _ in range(2)
    ]
    assert outputs == [TWICE, NEVER]
    assert caches(place) == ["work.cache"]
