"""Results that no later run ever used: said once, with what differs each time."""

from __future__ import annotations

import os
import time

import pytest
from locache import _weigh

pytestmark = pytest.mark.once

PROGRAM = """
    import sys
    from locache import persist

    @persist({options})
    def f(x, num=3, **more):
        return [x, num]

    for text in sys.argv[1:]:
        f(eval(text){more})
    print(f.cache_info().errors, f.cache_info().hits)
"""


@pytest.fixture
def run(script):
    def run(*texts, options="", more="", env=None):
        path = str(script.place / "foo.py")
        program = PROGRAM.format(options=options, more=more)
        done = script(program, args=["-Walways", path, *texts], env=env)
        assert done.out.startswith("0 ")
        return done.err

    run.record = script.place / "foo.cache/f/.locache/unread"
    run.place = script.place
    return run


@pytest.fixture(autouse=True)
def _with_times(tmp_path):
    """Of what such a file system cannot say there is no more to test."""
    path = tmp_path / "probe"
    path.write_text("x")
    time.sleep(0.02)  # more than a tick
    if not _weigh.tells_of_reading(path):
        pytest.skip("no times of access here")


def test_where_no_times_are_kept_nothing_is_said(kept, monkeypatch):
    f = kept(lambda x: x, name="f")
    for x in range(4):
        f(x)
    time.sleep(0.02)
    assert "x (" in _weigh.told(str(kept.dir / "f"), 3)
    assert _weigh.told(str(kept.dir / "f"), 3) is None  # the look for times of access was one
    monkeypatch.setattr(_weigh, "tells_of_reading", lambda path: False)
    f.cache_clear()
    for x in range(4):
        f(x)
    assert _weigh.told(str(kept.dir / "f"), 3) == ""


def test_it_is_said_once_with_the_argument(run):
    said = [run(f"'day {n}'") for n in range(8)]
    assert [bool(text) for text in said] == [False] * 3 + [True] + [False] * 4
    text = said[3]
    assert "CacheWarning: f(): its stored results are never used: 3 runs" in text
    assert "x ('day 3' / 'day 2')" in text and "num" not in text
    assert "ignore=" in text and "key=" in text
    assert 'foo.py", line' in text or "foo.py:" in text


def test_several_arguments(run):
    said = [run(f"({n}, 'a')", more=f", num={n}, same=1") for n in range(4)]
    text = said[3].partition(" is x (")[2]
    assert "num (3 / 2): leave" in text


def test_a_hit_of_a_later_run_is_enough(run):
    said = [run("1"), run("2"), run("1"), run("3"), run("4"), run("5"), run("6")]
    assert not any(said)


def test_a_hit_before_the_first_store_begins_anew(run):
    for n in range(3):
        run(f"{n}")
    assert run.record.stat().st_size == 3
    assert not run("0", "7")
    assert not run.record.exists()


def test_runs_that_only_hit_say_nothing(run):
    assert not any(run("1", "2", "3") for _ in range(6))
    assert run.record.stat().st_size == 1


def test_what_does_not_differ_each_time_is_not_said(run):
    """One argument would have been found again, but for the other."""
    said = [run("1", more=f", num={n % 2}, k={n // 2}") for n in range(6)]
    assert not any(said)


def test_a_function_that_is_made_again_is_the_same_run(script):
    program = """
        from locache import persist

        for n in range(9):
            @persist
            def f(x):
                return x
            f(n)
    """
    assert script(program).err == ""
    assert (script.place / "foo.cache/f/.locache/unread").stat().st_size == 1


def test_a_look_at_the_entries_is_no_use_of_them(run):
    said = [run(f"{n}", more=") or f.explain(99" if n else "") for n in range(4)]
    assert said[3]


def test_what_is_refreshed_or_put_is_not_counted(run):
    for n in range(6):
        assert not run(f"{n}", env={"LOCACHE": "refresh"})
    assert not run.record.exists()


def test_with_an_age_nothing_is_said(run):
    assert not any(run(f"{n}", options="max_age=9") for n in range(5))


def test_with_a_limit_it_is_said(run):
    assert any(run(f"{n}", options="max_entries=100") for n in range(5))


def test_processes_of_one_run_are_one(script):
    program = """
        import multiprocessing
        from locache import persist

        import os

        @persist
        def f(x):
            return x

        if __name__ == "__main__":
            for n in range(6):
                if os.fork() == 0:
                    f(-n)
                    os._exit(0)
                os.wait()
            for method in ("fork", "spawn"):
                with multiprocessing.get_context(method).Pool(6) as pool:
                    pool.map(f, range(len(method) * 60), chunksize=1)
    """
    assert script(program).err == ""
    record = script.place / "foo.cache/f/.locache/unread"
    assert not record.exists()


def test_a_record_that_cannot_be_written_is_none(run):
    run("0")
    run.record.unlink()
    run.record.symlink_to(run.place / "elsewhere")
    assert not any(run(f"{n}") for n in range(1, 6))
    assert not (run.place / "elsewhere").exists()
    run.record.unlink()
    os.mkfifo(run.record)
    assert not run("7")


def test_of_coroutines(script):
    program = """
        import asyncio, sys
        from locache import persist

        @persist
        async def f(x):
            return x

        asyncio.run(f(int(sys.argv[1])))
    """
    path = str(script.place / "foo.py")
    said = [script(program, args=[path, str(n)]).err for n in range(4)]
    assert [bool(text) for text in said] == [False] * 3 + [True]
