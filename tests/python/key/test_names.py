"""Classes by the names that they have in keys and pickles: the same whoever asks first, in every
version of Python."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

OTHERS = [
    p
    for p in os.environ.get("LOCACHE_TEST_PYTHONS", "").split(os.pathsep)
    if p and p != sys.executable
]

POINTS = """
    from locache import persist

    class Point:
        def __init__(self, x):
            self.x = x

    @persist
    def twice(point):
        print("run")
        return Point(2 * point.x)

    if __name__ == "__main__":
        print(twice(Point(1)).x)
"""


def test_a_link_to_a_script_is_the_script(script, tmp_path):
    assert script(POINTS, file="points.py").out == "run\n2\n"
    (tmp_path / "tool").symlink_to(script.place / "points.py")
    linked = script(args=["-W", "error", str(tmp_path / "tool")])
    assert (linked.out, linked.err) == ("2\n", "")
    imported = script("import points; print(points.twice(points.Point(1)).x)", file="main.py")
    assert (imported.out, imported.err) == ("2\n", "")


def test_a_class_whose_module_is_not_loaded_yet_keeps_its_key(script):
    """As numpy.recarray, which says that it is from numpy.rec: a pickle loads that."""
    (script.place / "package").mkdir()
    (script.place / "package" / "__init__.py").write_text("from ._inner import Record\n")
    (script.place / "package" / "_inner.py").write_text(
        "class Record:\n    def area(self):\n        return 1\n\n\n"
        "Record.__module__ = 'package.records'\n"
    )
    (script.place / "package" / "records.py").write_text("from ._inner import Record\n")
    done = script("""
        from locache import persist
        from package import Record

        @persist
        def same(record):
            print("run")
            return record

        before = same.cache_path(Record())
        same(Record()), same(Record())
        assert same.cache_path(Record()) == before
    """)
    assert (done.out, done.err) == ("run\n", "")


def test_a_module_that_a_class_made_up_is_not_run(script):
    (script.place / "setup.py").write_text("print('set up')\n")
    done = script("""
        from locache import persist

        class C:
            pass

        C.__module__ = "setup"

        @persist
        def f(c):
            return 1

        f(C())
    """)
    assert (done.out, done.err) == ("", "")


PATHS = """
    import pathlib
    from locache import persist

    @persist
    def f(x):
        print("run")
        return {"path": pathlib.PurePosixPath(x), "any": pathlib.Path(x)}

    print(f("a") == f.__wrapped__("a"))
"""


@pytest.mark.skipif(not OTHERS, reason="LOCACHE_TEST_PYTHONS names no other interpreter")
@pytest.mark.parametrize("other", OTHERS)
def test_paths_are_read_in_every_version(script, other):
    assert script(PATHS).out == "run\nrun\nTrue\n"
    done = subprocess.run(
        [other, script.place / "foo.py"], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("run\nTrue\n", "")
