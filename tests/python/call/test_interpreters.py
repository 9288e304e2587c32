"""Interpreters beside the main one, as mod_wsgi has them: they import locache, and its lines reach
them."""

import subprocess
import sys
import textwrap

import pytest

MAKER = """
import sys
if sys.version_info >= (3, 14):
    import _interpreters as interpreters
elif sys.version_info >= (3, 13):
    import _interpreters as interpreters
else:
    import _xxsubinterpreters as interpreters


def run_at_once(*programs):
    import threading
    threads = [threading.Thread(target=run, args=(program,)) for program in programs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def run(*programs):
    made = [interpreters.create() for _ in programs]
    for inner, program in zip(made, programs):
        failed = interpreters.run_string(inner, program)
        assert failed is None, failed
    for inner in made:
        interpreters.destroy(inner)
"""


@pytest.fixture
def run(tmp_path):
    """Run a program that has run(), which runs programs in interpreters of their own. What it wrote
    is returned."""

    def run(program):
        path = tmp_path / "main.py"
        path.write_text(MAKER + textwrap.dedent(program))
        done = subprocess.run(
            [sys.executable, path], cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    return run


INNER = """
import sys
import locache
{more}
def f(x):
    print("ran", x)
    return [x, "text"]
f = locache.persist(f, dir={dir!r})
for _ in range(3):
    assert f(1) == [1, "text"]
locache.verbose(False)
sys.stdout.flush()
"""


def inner(tmp_path, more=""):
    return INNER.format(dir=str(tmp_path / "c"), more=more)


def test_an_interpreter_imports_it_and_shares_results(run, tmp_path):
    out, err = run(f"run({inner(tmp_path)!r}, {inner(tmp_path)!r})")
    assert (out, err) == ("ran 1\n", "")


def test_lines_of_an_interpreter_are_its_own(run, tmp_path):
    more = "locache.verbose(True)"
    out, err = run(f"run({inner(tmp_path, more)!r}, {inner(tmp_path)!r})")
    assert out == "ran 1\n"
    words = [line.split()[1] for line in err.splitlines()]
    assert words == ["miss", "store", "hit", "hit"]


def test_lines_go_on_in_the_main_interpreter(run, tmp_path):
    _, err = run(f"""
        import locache
        locache.verbose(True)
        def g(x):
            return x
        g = locache.persist(g, dir={str(tmp_path / "c")!r})
        g(1)
        run({inner(tmp_path, "locache.verbose(True)")!r})
        g(1)
        run({inner(tmp_path)!r})
        g(1)
    """)
    assert [line.split()[1] for line in err.splitlines() if " main.g: " in line] == [
        "miss",
        "store",
        "hit",
        "hit",
    ]
    assert sum(" f: " in line for line in err.splitlines()) == 4


def test_interpreters_at_once_compute_once(run, tmp_path):
    """Those with a lock of their own run beside each other; lines are told meanwhile."""
    program = f"""
import os, time
import locache
locache.verbose(True)
def slow(x):
    with open({str(tmp_path / "runs")!r}, "a") as runs:
        runs.write(f"{{x}}\\n")
    time.sleep(0.01)
    return [x, "text"]
slow = locache.persist(slow, dir={str(tmp_path / "c")!r})
for x in range(20):
    assert slow(x) == [x, "text"]
"""
    run(f"run_at_once(*[{program!r}] * 4)")
    runs = (tmp_path / "runs").read_text().split()
    assert sorted(map(int, runs)) == list(range(20))


def test_results_in_memory_stay_with_their_interpreter(run, tmp_path):
    """One that fills the memory of all makes no other free what it holds."""
    fill = """
    locache.configure(memory=1 << 20)
    def big(x):
        return bytes(50_000) + bytes([x])
    big = locache.persist(big, dir={dir!r})
    for _ in range(2):
        for x in range(40):
            assert big(x)[-1] == x
    """
    more = textwrap.dedent(fill).format(dir=str(tmp_path / "c"))
    run(f"run({inner(tmp_path, more)!r}, {inner(tmp_path, more)!r}, {inner(tmp_path)!r})")
