"""Pickled results between scripts and modules: whose class is it?"""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

SHAPES = """
    from locache import persist
    print("running as", __name__)

    class Shape:
        def __init__(self, sides):
            self.sides = sides

    @persist
    def make(sides):
        print("computing")
        return Shape(sides)

    if __name__ == "__main__":
        shape = make(3)
        assert type(shape) is Shape and shape.sides == 3
"""
LIBRARY = """
    from locache import persist

    @persist(ignore="make")
    def call(make):
        print("computing")
        return make()
"""
USER = """
    import shapes
    shape = shapes.make(3)
    assert type(shape) is shapes.Shape and shape.sides == 3
"""


@pytest.fixture
def run(tmp_path):
    def run(*command):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr, done.stderr
        return done.stdout

    (tmp_path / "shapes.py").write_text(textwrap.dedent(SHAPES))
    (tmp_path / "user.py").write_text(textwrap.dedent(USER))
    return run


def test_class_of_a_script_is_found_when_it_is_imported(run):
    assert run("shapes.py") == "running as __main__\ncomputing\n"
    assert run("shapes.py") == "running as __main__\n"
    assert run("user.py") == "running as shapes\n"


def test_script_is_not_imported_a_second_time_for_its_class(run):
    assert run("user.py") == "running as shapes\ncomputing\n"
    assert run("shapes.py") == "running as __main__\n"
    assert run("-m", "shapes") == "running as __main__\n"


def test_class_of_the_calling_script_comes_back(run, tmp_path):
    (tmp_path / "library.py").write_text(textwrap.dedent(LIBRARY))
    script = "import library\nclass Own: pass\nassert type(library.call(Own)) is Own\n"
    (tmp_path / "one.py").write_text(script)
    (tmp_path / "two.py").write_text(script.replace("assert", "print('two runs'); assert"))
    assert run("one.py") == "computing\n"
    assert run("one.py") == ""
    done = subprocess.run(
        [sys.executable, "two.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout == "two runs\ncomputing\n"
