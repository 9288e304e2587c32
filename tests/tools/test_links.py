"""tools/links.py: links of the README that hold wherever it is shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
HOME = "https://github.com/somebody/thing"
RAW = "https://raw.githubusercontent.com/somebody/thing"


def links(root):
    done = subprocess.run(
        [sys.executable, TOP / "tools" / "links.py", root], capture_output=True, text=True
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").touch()
    (tmp_path / "README.md").write_text("nothing\n")
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nHomepage = "{HOME}"\n')
    return tmp_path


def test_the_project_has_none_that_is_broken():
    assert links(TOP) == (0, "")


@pytest.mark.parametrize(
    "text",
    [
        f"[a]({HOME}/blob/HEAD/docs/a.md)",
        f"[a]({HOME}/blob/HEAD/docs/a.md#part) and [the folder]({HOME}/tree/HEAD/docs)",
        f"![a]({RAW}/HEAD/docs/a.md)",
        f"[a]\n\n[a]: {HOME}/blob/HEAD/docs/a.md",
        f"[issues]({HOME}/issues), [elsewhere](https://example.org/docs/b.md), [here](#part)",
        "`[a](docs/b.md)`\n```\n[a](docs/b.md)\n```",
    ],
)
def test_links_that_hold(tree, text):
    (tree / "README.md").write_text(text + "\n")
    assert links(tree) == (0, "")


@pytest.mark.parametrize(
    "text",
    [
        "[a](docs/a.md)",
        "[`a`](docs/a.md)",
        '![a](docs/a.md "title")',
        "[![badge](https://example.org/b.svg)](docs/a.md)",
        "[a]\n\n[a]: docs/a.md",
        '<img src="docs/a.md">',
        "[a](/docs/a.md)",
    ],
)
def test_a_relative_link_is_told(tree, text):
    (tree / "README.md").write_text(text + "\n")
    status, said = links(tree)
    assert status == 1 and said.startswith("README.md: ") and "docs/a.md: relative" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("start", [f"{HOME}/blob/HEAD", f"{HOME}/tree/main", f"{RAW}/HEAD"])
def test_a_file_that_is_not_there_is_told(tree, start):
    (tree / "README.md").write_text(f"[b]({start}/docs/b.md#part)\n")
    assert links(tree) == (1, f"README.md: {start}/docs/b.md#part: there is no docs/b.md\n")


def test_urls_of_the_project_are_held_to_the_same(tree):
    with (tree / "pyproject.toml").open("a") as project:
        project.write(f'Changelog = "{HOME}/blob/HEAD/CHANGELOG.md"\n')
    status, said = links(tree)
    assert status == 1 and said.startswith("pyproject.toml: ") and "CHANGELOG.md" in said


def test_a_project_without_a_home_is_told(tree):
    (tree / "pyproject.toml").write_text("[project]\n")
    status, said = links(tree)
    assert status == 1 and "Homepage" in said
