"""f.explain(): whether a call hits and why not, in a line and in parts; and the log's lines."""

from __future__ import annotations

import json
import logging
import os
import time
from collections import Counter
from pathlib import Path

import locache
import pytest

RATE = 0.07


class Shape:
    sides = 3

    def area(self):
        return self.sides


def taxed(price):
    return price * (1 + RATE)


@pytest.fixture
def f(kept):
    @kept
    def f(x, num=3):
        return [x, num]

    return f


def test_a_hit_says_when_it_was_stored(f):
    f(1)
    found = f.explain(1, num=3)
    assert (found.hit, found.why, found.parts) == (True, "stored", [])
    assert found.path == f.cache_path(1) and found.path.exists()
    assert str(found) == found.line and found.line.startswith("hit: stored 20")


def test_nothing_is_stored_yet(f):
    found = f.explain(1)
    assert (found.hit, found.why, found.parts) == (False, "absent", [])
    assert found.line == "miss: nothing is stored yet"
    assert found.path == f.cache_path(1)


def test_the_nearest_entry_and_the_arguments_that_differ(f):
    f(1, num=2)
    f(5, num=7)
    found = f.explain(1, num=3)
    assert (found.hit, found.why) == (False, "absent")
    assert found.parts == [{"kind": "argument", "name": "num", "asked": "3", "stored": "2"}]
    assert found.line.endswith("the nearest is x=1_num=2: num is 3, not 2")


@pytest.mark.parametrize(
    ("asked", "stored", "name", "texts"),
    [
        (1, 1.0, "x", ("1", "1.0")),
        (1, "1", "x", ("1", "'1'")),
        (0.0, -0.0, "x", ("0.0", "-0.0")),
        (None, True, "x", ("None", "True")),
        ([1, 2, 3], [1, 2, 4], "x[2]", ("3", "4")),
        ({"a": [1]}, {"a": [2]}, "x['a'][0]", ("1", "2")),
        ({"a": 1}, {"b": 1}, "x", ("{'a': 1}", "{'b': 1}")),
        ((1, 2), [1, 2], "x", ("tuple.2", "[1, 2]")),
        ((1, (2, 3)), (1, (2, 4)), "x[1][1]", ("3", "4")),
        ("a" * 200, "b" * 200, "x", None),
        (b"abc", b"abd", "x", None),
        (-5, 10**30, "x", None),
    ],
)
def test_what_differs_is_shown_as_it_is(f, asked, stored, name, texts):
    f(stored)
    (part,) = f.explain(asked).parts
    assert (part["kind"], part["name"]) == ("argument", name)
    if texts is not None:
        assert (part["asked"], part["stored"]) == texts


def test_arrays_and_objects_are_told_by_their_kind(f):
    numpy = pytest.importorskip("numpy")
    f(numpy.zeros((2, 3)))
    (part,) = f.explain(numpy.zeros((4, 3))).parts
    assert (part["asked"], part["stored"]) == ("ndarray.4x3", "ndarray.2x3")


def test_the_same_mapping_in_another_order(f):
    f({"a": 1, "b": {"c": 2, "d": 3}})
    found = f.explain({"b": {"c": 2, "d": 3}, "a": 1})
    assert (found.hit, found.why) == (False, "order")
    part = {"kind": "order", "name": "x", "asked": "'b', 'a'", "stored": "'a', 'b'"}
    assert found.parts == [part]
    found = f.explain({"a": 1, "b": {"d": 3, "c": 2}})
    assert (found.why, found.parts[0]["name"]) == ("order", "x['b']")
    assert f.explain({"b": {"c": 2, "d": 4}, "a": 1}).why == "absent"


def test_the_same_keywords_in_another_order(kept):
    @kept
    def g(**options):
        return list(options)

    g(a=1, b=2)
    found = g.explain(b=2, a=1)
    assert (found.why, found.parts[0]["name"]) == ("order", "keyword arguments")
    assert (found.parts[0]["asked"], found.parts[0]["stored"]) == ("b, a", "a, b")
    (part,) = g.explain(a=1).parts
    assert part == {"kind": "argument", "name": "b", "asked": "", "stored": "2"}


def test_an_arguments_class_whose_code_changed(f, monkeypatch):
    f(Shape())
    assert f.explain(Shape()).hit
    monkeypatch.setattr(Shape, "sides", 4)
    (part,) = f.explain(Shape()).parts
    assert part["name"] == "x" and part["asked"].endswith("Shape")
    assert "another code" in part["stored"]


def test_an_attribute_of_an_argument(f):
    shape, other = Shape(), Shape()
    shape.place, other.place = [1, 2], [1, 3]
    f(shape)
    part = {"kind": "argument", "name": "x.place[1]", "asked": "3", "stored": "2"}
    assert f.explain(other).parts == [part]
    f([shape])
    assert f.explain([other]).parts == [{**part, "name": "x[0].place[1]"}]


# ------------------------------------------------------------------------------- what changed


def changed(found):
    assert (found.hit, found.why) == (False, "changed"), found
    return [(part["kind"], part["module"], part["name"], part["change"]) for part in found.parts]


def test_a_constant_that_changed(kept, monkeypatch):
    total = kept(lambda x: taxed(x))
    total(1)
    monkeypatch.setattr(f"{__name__}.RATE", 0.08)
    found = total.explain(1)
    assert changed(found) == [("constant", __name__, "RATE", "changed")]
    assert found.parts[0]["diff"] == "-0.07\n+0.08"
    assert found.line == f"miss: constant RATE in {__name__} changed (0.07 -> 0.08)"
    monkeypatch.undo()
    assert total.explain(1).hit


def test_a_helper_that_changed(kept, script):
    """Its text is that of the file, so that it is two processes that differ."""
    program = """
        from locache import persist
        from helpers import scaled

        @persist
        def f(x):
            return scaled(x)

        import json
        found = f.explain(2)
        print(json.dumps([found.why, found.line, found.parts]))
        f(2)
    """
    helpers = script.place / "helpers.py"
    helpers.write_text('def scaled(x):\n    "Says."\n    y = x + 1\n    return y  # so\n')
    assert json.loads(script(program).out)[0] == "absent"
    helpers.write_text('def scaled(x):\n    "Tells."\n    y = x + 2\n    return y\n')
    why, line, parts = json.loads(script(program).out)
    assert (why, len(parts)) == ("changed", 1)
    assert line == "miss: function scaled in helpers changed (y = x + 1 -> y = x + 2)"
    wanted = {"kind": "function", "module": "helpers", "name": "scaled", "change": "changed"}
    assert parts == [
        {**wanted, "diff": " def scaled(x):\n-    y = x + 1\n+    y = x + 2\n     return y"}
    ]
    # A comment is no change; an undo brings the results back.
    helpers.write_text("def scaled(x):\n    y = x + 2  # two\n    return y\n")
    assert json.loads(script(program).out)[0] == "stored"
    helpers.write_text("def scaled(x):\n    y = x + 1\n    return y\n")
    assert json.loads(script(program).out)[0] == "stored"


def test_a_class_that_changed(kept, monkeypatch):
    area = kept(lambda x: Shape().area() * x)
    area(1)
    monkeypatch.setattr(Shape, "sides", 5)
    assert changed(area.explain(1)) == [("constant", __name__, "Shape.sides", "changed")]
    monkeypatch.setattr(Shape, "more", 1, raising=False)
    kinds = [(kind, name, change) for kind, _, name, change in changed(area.explain(1))]
    assert ("class", "Shape", "changed") in kinds and ("constant", "Shape.more", "added") in kinds


def test_a_file_and_a_variable(kept, tmp_path, monkeypatch):
    file = tmp_path / "table.csv"
    file.write_text("1")
    g = kept(lambda x: x, depends=[Path(file), locache.env("MODEL")])
    g(1)
    file.write_text("2")
    assert changed(g.explain(1)) == [("file", "", str(file), "changed")]
    file.unlink()
    assert changed(g.explain(1)) == [("file", "", str(file), "changed")]
    file.write_text("1")
    monkeypatch.setenv("MODEL", "m")
    assert changed(g.explain(1)) == [("variable", "", "MODEL", "changed")]


def test_a_packages_version(script):
    program = """
        import sys
        sys.path.append("site-packages")
        import lib
        from locache import persist

        @persist
        def f(x):
            return lib.g(x)

        print(f.explain(1))
        f(1)
    """
    package = script.place / "site-packages"
    (package / "lib-1.dist-info").mkdir(parents=True)
    (package / "lib.py").write_text("def g(x):\n    return x\n")
    script(program)
    (package / "lib-1.dist-info").rename(package / "lib-2.dist-info")
    assert script(program).out == "miss: package lib changed (1 -> 2)\n"


def test_a_version_said_by_hand(kept):
    kept(lambda x: x, name="g", version="1")(1)
    g = kept(lambda x: x, name="g", version='2"é')
    found = g.explain(1)
    assert changed(found) == [
        ("version", "", '2"é', "added"),
        ("version", "", "1", "removed"),
    ]
    assert "version '1' was before" in found.line


def test_a_secret_is_not_written_down(kept, monkeypatch):
    monkeypatch.setattr(f"{__name__}.API_TOKEN", "geheim", raising=False)
    monkeypatch.setattr(f"{__name__}.SETTINGS", {"password": "geheim", "n": 1}, raising=False)
    g = kept(lambda x: (API_TOKEN, SETTINGS, x)[2], name="g")  # noqa: F821
    g(1)
    note = (kept.dir / "g/.locache/parts").read_text()
    assert "API_TOKEN" in note and "'n': 1" in note and "geheim" not in note
    monkeypatch.setattr(f"{__name__}.API_TOKEN", "other")
    assert changed(g.explain(1)) == [("constant", __name__, "API_TOKEN", "changed")]


def test_what_was_deleted_is_no_change(kept, monkeypatch):
    total = kept(lambda x: taxed(x), name="total")
    total(1)
    monkeypatch.setattr(f"{__name__}.RATE", 0.08)
    total(1)
    for entry in [*kept.dir.rglob("x=1")]:
        entry.unlink()
    found = total.explain(1)
    assert (found.why, found.line) == ("absent", "miss: nothing is stored any more")


def test_what_changed_is_said_of_another_call_as_far_as_it_is_known(kept, monkeypatch):
    total = kept(lambda x: taxed(x))
    total(1)
    monkeypatch.setattr(f"{__name__}.RATE", 0.08)
    found = total.explain(2)
    assert found.why == "changed"
    assert {"kind": "argument", "name": "x", "asked": "2", "stored": "1"} in found.parts
    total(1)
    assert total.explain(2).why == "absent"


@pytest.mark.parametrize("note", [b"", b"{}", b"[1]\n\xff\n{", b'{"kind": 1}', b"[" * 50000])
def test_a_damaged_note_is_none(kept, monkeypatch, note):
    total = kept(lambda x: taxed(x), name="total")
    total(1)
    (kept.dir / "total/.locache/parts").write_bytes(note)
    monkeypatch.setattr(f"{__name__}.RATE", 0.08)
    found = total.explain(1)
    assert (found.why, found.parts) == ("changed", [])
    assert "not recorded" in found.line


def test_notes_are_bounded(kept, monkeypatch):
    for n in range(2000):
        monkeypatch.setattr(f"{__name__}.CONSTANT_NUMBER_{n}", "v" * 150, raising=False)
    names = ", ".join(f"CONSTANT_NUMBER_{n}" for n in range(2000))
    space = dict(globals())
    exec(f"def g(x):\n    return ({names})[0]\n", space)
    g = kept(space["g"], name="g")
    g(1)
    note = (kept.dir / "g/.locache/parts").read_bytes()
    assert 1000 < len(note) <= 65536
    assert json.loads(note.splitlines()[-1])["kind"] == "rest"


# ----------------------------------------------------------------------------- no result as it is


def test_damage(f):
    f(1)
    path = f.cache_path(1)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    found = f.explain(1)
    assert (found.hit, found.why, found.path) == (False, "damaged", path)
    assert path.name in found.line


def test_what_is_not_trusted(kept, monkeypatch, tmp_path):
    g = kept(lambda x: Counter([x]), name="g")
    g(1)
    assert g.explain(1).hit
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other"))
    g = kept(lambda x: Counter([x]), name="g")
    assert g.explain(1).why == "untrusted"


def test_what_expired(kept):
    g = kept(lambda x: x, name="g", max_age=1)
    g(1)
    assert g.explain(1).hit
    old = time.time() - 3 * 86400
    os.utime(g.cache_path(1), (old, old))
    found = g.explain(1)
    assert (found.why, found.line) == ("expired", "miss: expired")


def test_a_newer_format(f):
    f(1)
    path = f.cache_path(1)
    data = bytearray(path.read_bytes())
    data[8] = 99
    path.write_bytes(data)
    assert f.explain(1).why in ("newer", "damaged")


@pytest.mark.parametrize(
    ("options", "variable", "says"),
    [
        ({}, "off", "LOCACHE=off"),
        ({"enabled": False}, None, "enabled="),
        ({"enabled": lambda: False}, None, "enabled="),
    ],
)
def test_off(kept, monkeypatch, options, variable, says):
    g = kept(lambda x: x, **options)
    g(1)
    if variable:
        monkeypatch.setenv("LOCACHE", variable)
    found = g.explain(1)
    assert (found.hit, found.why, found.path) == (False, "off", None)
    assert says in found.line


def test_off_within_disabled(f):
    f(1)
    with locache.disabled():
        assert "locache.disabled()" in f.explain(1).line
    assert f.explain(1).hit


def test_other_modes(f, monkeypatch):
    f(1)
    monkeypatch.setenv("LOCACHE", "readonly")
    assert f.explain(1).hit and f.explain(2).why == "absent"
    monkeypatch.setenv("LOCACHE", "refresh")
    assert f.explain(1).why == "refresh"


def test_arguments_without_a_key(f, tmp_path):
    with (tmp_path / "file").open("w") as file:
        found = f.explain(file)
    assert (found.hit, found.why, found.path) == (False, "unkeyed", None)
    assert "'x'" in found.line
    for misfit in ((), (1, 2, 3)):
        with pytest.raises(TypeError, match="do not fit"):
            f.explain(*misfit)


def test_a_directory_that_cannot_be_used(kept, tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    g = kept(lambda x: x, dir=tmp_path / "open")
    found = g.explain(1)
    assert (found.hit, found.why) == (False, "unusable")
    assert str(tmp_path / "open") in found.line


def test_it_calls_and_counts_nothing(kept, caplog):
    calls = []
    g = kept(lambda x: calls.append(x), ignore="calls", name="g")
    locache.verbose()
    try:
        with caplog.at_level(logging.INFO, "locache"):
            g.explain(1)
        assert caplog.records == []
    finally:
        locache.verbose(False)
    assert calls == [] and g.cache_info()[:2] == (0, 0)


def test_of_a_bound_method(kept):
    class Model:
        def __init__(self, k):
            self.k = k

        @kept
        def run(self, x):
            return self.k * x

    Model(1).run(2)
    assert Model(1).run.explain(2).hit
    assert Model(1).run.explain(3).parts[0]["name"] == "x"
    assert Model(2).run.explain(2).parts[0]["name"].startswith("self")


def test_links_in_its_place_are_not_followed(f, tmp_path):
    f(1)
    secret = tmp_path / "secret"
    secret.write_bytes(f.cache_path(1).read_bytes())
    os.rename(f.cache_path(1), tmp_path / "moved")
    os.symlink(secret, f.cache_path(1))
    assert f.explain(2).parts == []


# ----------------------------------------------------------------------------------------- the log


@pytest.fixture
def lines(caplog):
    locache.verbose()
    with caplog.at_level(logging.INFO, "locache"):
        yield lambda: [record.getMessage() for record in caplog.records]
    locache.verbose(False)


def test_the_line_of_a_miss_says_why(kept, monkeypatch, lines):
    total = kept(lambda x: taxed(x), name="total")
    total(1)
    total(2)
    monkeypatch.setattr(f"{__name__}.RATE", 0.08)
    total(1)
    said = lines()
    assert said[0].endswith("x=1 (nothing is stored yet)")
    assert said[2].endswith("(no result for these arguments; the nearest is x=1: x is 2, not 1)")
    change = f"(constant RATE in {__name__} changed (0.07 -> 0.08))"
    assert next(line for line in said if line.startswith("invalidate")).endswith(change)
    assert [line for line in said if line.startswith("miss")][-1].endswith(change)


def test_the_line_is_that_of_explain(f, lines):
    f(1)
    why = f.explain(2).line.removeprefix("miss: ")
    f(2)
    assert f"({why})" in lines()[-2]


def test_earlier_versions_that_cannot_be_listed_are_none(f, kept):
    f(1)
    earlier = f.cache_path(1).parent.parent / ".versions" / f.cache_path(1).parent.name
    earlier.mkdir(mode=0o700, exist_ok=True)
    earlier.chmod(0o777)
    found = f.explain(2)
    assert (found.hit, found.why) == (False, "absent")
