"""A cache shared by a C program and Python: what one stores, the other finds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from compiling import COMPILER, ROOT, build_program
from locache import persist

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(COMPILER is None, reason="no C compiler"),
]

GRID = np.arange(1200.0).reshape(30, 40)
ROW = np.array([1, -2, 3], dtype=np.int16)

VALUES = {
    "int": (-12345678901, "int -12345678901"),
    "uint": (2**64 - 1, "uint 18446744073709551615"),
    "real": (0.1, "real 0.10000000000000001"),
    "bool": (True, "bool 1"),
    "null": (None, "null"),
    "text": ("grün", "text grün"),
    "bytes": (b"\0\xff", "bytes 00ff"),
    "row": (ROW, f"ndarray 73 0 3 {ROW.tobytes().hex()}"),
    "grid": (GRID, f"ndarray 82 0 30 40 {GRID.tobytes().hex()}"),
}
# What only Python stores, and what C says of it.
FROM_PYTHON = {
    "numpy-int": (np.int64(-7), "int -7"),
    "numpy-uint": (np.uint64(2**64 - 1), "uint 18446744073709551615"),
    "numpy-real": (np.float32(1.5), "real 1.5"),
    "numpy-bool": (np.bool_(True), "bool 1"),
    "other-order": (ROW.astype(">i2"), f"ndarray 73 0 3 {ROW.tobytes().hex()}"),
    "column-major": (np.asfortranarray(GRID), f"ndarray 82 1 30 40 {GRID.T.tobytes().hex()}"),
    "long-bytes": (b"x" * 5000, "bytes " + "78" * 5000),
    "big": (2**64, "something else"),
    "list": ([1], "something else"),
}


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    source = Path(__file__).with_name("shared.c")
    return build_program(source, tmp_path_factory.mktemp("shared") / "shared")


@pytest.fixture
def c_side(program, tmp_path):
    def run(verb, name, version="2"):
        done = subprocess.run(
            [program, str(tmp_path / "test.cache"), version, verb, name],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            encoding="utf-8",
        )
        return done.stdout.strip()

    return run


COMPUTED = []  # what f() returns, once


def f(name, integer, natural, real, truth, nothing, text, data, long_text, long_data, grid, row):
    return COMPUTED.pop()


@pytest.fixture
def python_side(tmp_path):
    """f(name), with the key that shared.c makes; computes `result`, or raises IndexError where
    there is none."""

    def call(name, *result, version="2"):
        persisted = persist(f, dir=tmp_path / "test.cache", name="f", version=version)
        COMPUTED[:] = result
        value = persisted(
            name,
            -3,
            2**64 - 1,
            0.5,
            True,
            None,
            "grün",
            b"\0\xff",
            "t" * 5000,
            b"t" * 5000,
            GRID,
            ROW,
        )
        assert not COMPUTED
        return value

    return call


def same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("name", VALUES)
def test_python_finds_what_c_stored(name, c_side, python_side):
    assert c_side("get", name) == "LOCACHE_MISS"
    assert c_side("put", name) == ""
    assert same(VALUES[name][0], python_side(name))


@pytest.mark.parametrize("name", VALUES | FROM_PYTHON)
def test_c_finds_what_python_stored(name, c_side, python_side):
    value, said = (VALUES | FROM_PYTHON)[name]
    assert same(value, python_side(name, value))
    assert c_side("get", name) == said


def test_other_versions_are_not_shared(c_side, python_side):
    c_side("put", "int", version="1")
    with pytest.raises(IndexError):
        python_side("int")
    assert python_side("int", 4) == 4
    # Each comes back with its own result.
    assert c_side("get", "int", version="1") == VALUES["int"][1]
    assert c_side("get", "int", version="2") == "int 4"
    assert python_side("int", version="1") == VALUES["int"][0]


def test_a_version_stands_for_the_source(script):
    source = """
        from locache import persist

        @persist(version={version!r})
        def f(x):
            print("computing")
            return {result}

        print(f(1))
    """
    assert script(source.format(version="1", result="x")).out == "computing\n1\n"
    assert script(source.format(version="1", result="x + 1")).out == "1\n"
    assert script(source.format(version="2", result="x + 1")).out == "computing\n2\n"
    assert script(source.format(version="1", result="x + 1")).out == "1\n"
    assert script(source.format(version=None, result="x + 1")).out == "computing\n2\n"


def test_example_programs_share_their_results(tmp_path):
    example = ROOT / "examples/shared"
    program = build_program(example / "primes.c", tmp_path / "primes")

    def run(*command):
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path
        )
        return done.stdout

    assert run(program, "1000") == "C counts ...\n168 primes below 1000\n"
    assert run(sys.executable, example / "primes.py", "1000") == "168 primes below 1000\n"
    assert (
        run(sys.executable, example / "primes.py", "2000")
        == "Python counts ...\n303 primes below 2000\n"
    )
    assert run(program, "2000") == "303 primes below 2000\n"


SLOW_IMPORTS = """
    import os, signal, sys, threading, time
    from locache import persist

    class Slow:
        def find_spec(self, name, path=None, target=None):
            if name.startswith("locache."):
                time.sleep(0.02)

    sys.meta_path.insert(0, Slow())

    @persist
    def f(x):
        return [x]

    @persist
    def g(x):
        return [x, "g"]

    ends = []
    thread = threading.Thread(target=f, args=(1,))
    thread.start()
    for _ in range(5):
        time.sleep(0.01)
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            os._exit(g(2) != [2, "g"])
        ends.append(os.waitpid(child, 0)[1])
    thread.join()
    print(ends)
"""


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="warns of a fork in a process that has threads"
)
def test_a_fork_while_another_thread_makes_the_first_call(script):
    """What that imports just then is imported by nobody in the child."""
    assert script(SLOW_IMPORTS).out == "[0, 0, 0, 0, 0]\n"
