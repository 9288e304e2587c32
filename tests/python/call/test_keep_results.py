"""f.keep_results(): an edit that a person says is harmless."""

from __future__ import annotations

import json
import logging
import re

import locache
import pytest

RATE = 0.07


@pytest.fixture
def edited(kept, monkeypatch):
    """A function with results of a version before, and of the present one."""
    total = kept(lambda x: x * (1 + RATE), name="total")
    total(1), total(2)
    monkeypatch.setattr(f"{__name__}.RATE", 0.08)
    total(2), total(3)
    return total


def test_the_results_before_go_on_being_used(edited):
    assert edited(2) == 2 * 1.08
    assert edited.keep_results() is True
    # Where both have one, it is the earlier one.
    assert [edited(x) for x in (1, 2, 3)] == [1.07, 2 * 1.07, 3 * 1.08]
    assert edited.cache_info().misses == 4
    assert edited.cache_info().currsize == 3


def test_it_holds_for_both_sources(edited, monkeypatch):
    edited.keep_results()
    monkeypatch.setattr(f"{__name__}.RATE", 0.07)
    assert [edited(x) for x in (1, 2, 3)] == [1.07, 2 * 1.07, 3 * 1.08]
    assert edited.cache_info().misses == 4


def test_a_later_edit_is_an_edit(edited, monkeypatch):
    edited.keep_results()
    monkeypatch.setattr(f"{__name__}.RATE", 0.09)
    assert edited(1) == 1.09
    assert edited.keep_results() is True
    assert edited(1) == 1.07


def test_it_is_said_once_and_where_nothing_was_before_never(edited, kept):
    assert edited.keep_results() is True
    assert edited.keep_results() is False
    fresh = kept(lambda x: x, name="fresh")
    assert fresh.keep_results() is False
    fresh(1)
    assert fresh.keep_results() is False
    assert fresh.is_cached(1)


@pytest.mark.parametrize(
    ("told", "recorded"),
    [((), r"[^ ]+@[^ ]+"), (("nn: only faster",), "nn: only faster"), (("é\n",), r"\?\?\?")],
)
def test_who_said_so_is_recorded(edited, told, recorded):
    edited.keep_results(*told)
    found = edited.explain(1)
    (part,) = found.parts
    assert found.hit and part["kind"] == "kept"
    assert re.fullmatch(recorded, part["who"]), part
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", part["time"])
    assert part["who"] in found.line


@pytest.mark.parametrize("told", [1, b"nn", "a\0b"])
def test_what_is_no_text_is_refused(edited, told):
    with pytest.raises((TypeError, ValueError)):
        edited.keep_results(told)
    assert edited(2) == 2 * 1.08


def test_before_the_first_call_of_a_process(script):
    """It opens the cache, and the other process is asked afterwards."""
    program = """
        from locache import persist

        @persist
        def f(x):
            return x + {}

        {}
        print(f(1), f.cache_info().hits)
    """
    assert script(program.format(1, "")).out == "2 0\n"
    assert script(program.format(2, "print(f.keep_results(who='nn'))")).out == "True\n2 1\n"
    assert script(program.format(2, "print(f.keep_results(who='nn'))")).out == "False\n2 1\n"
    assert script(program.format(2, "")).out == "2 1\n"
    assert script(program.format(1, "")).out == "2 1\n"
    assert script(program.format(3, "")).out == "4 0\n"


def test_of_static_methods_and_coroutines(kept, monkeypatch):
    class Model:
        @staticmethod
        @kept
        def total(x):
            return x * (1 + RATE)

    @kept
    async def later(x):
        return x * (1 + RATE)

    def run(coroutine):
        with pytest.raises(StopIteration) as done:
            coroutine.send(None)
        return done.value.value

    Model().total(1), run(later(1))
    monkeypatch.setattr(f"{__name__}.RATE", 0.08)
    assert Model().total.keep_results() is True
    assert later.keep_results() is True
    assert (Model().total(1), run(later(1))) == (1.07, 1.07)


def test_it_is_logged(edited, caplog):
    locache.verbose()
    try:
        with caplog.at_level(logging.INFO, "locache"):
            edited.keep_results()
    finally:
        locache.verbose(False)
    assert any(record.message.startswith("keep total: ") for record in caplog.records)


def test_who_only_reads_cannot_say_it(edited, monkeypatch):
    monkeypatch.setenv("LOCACHE", "readonly")
    with pytest.raises(OSError, match="reading only"):
        edited.keep_results()
    monkeypatch.delenv("LOCACHE")
    assert edited(2) == 2 * 1.08


def test_a_users_own_file_is_left_alone(edited, kept):
    thesis = kept.dir / "total/thesis.tex"
    thesis.write_text("years")
    with pytest.raises(OSError, match="did not make"):
        edited.keep_results()
    assert thesis.read_text() == "years" and edited(2) == 2 * 1.08


def test_a_version_said_by_hand(kept):
    kept(lambda x: 1, name="g", version="1")(0)
    g = kept(lambda x: 2, name="g", version="2")
    assert g(1) == 2 and g.keep_results() is True
    assert (g(0), g(1)) == (1, 2)


def test_its_record_is_plain(edited):
    edited.keep_results("nn")
    assert json.loads(json.dumps(edited.explain(1).parts))[0]["who"] == "nn"
