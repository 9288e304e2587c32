"""A cache shared by a C program and Python: what one stores, the other finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from locache import persist

ROOT = Path(__file__).resolve().parents[3]
COMPILER = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc") or shutil.which("clang")

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


def compiled(source, out):
    """A C program of the core and one file more, as a program of the user's own would link it: the
    core that was built for these tests, else compiled here."""
    built = os.environ.get("LOCACHE_TEST_CORE", "")
    sources = sorted(str(path) for path in (ROOT / "src").rglob("*.c"))
    core = [built] if os.path.exists(built) else sources
    include = [f"-I{ROOT / 'include'}", f"-I{ROOT / 'src'}"]
    command = [
        COMPILER,
        "-std=c11",
        "-D_GNU_SOURCE",
        *include,
        str(source),
        *core,
        "-lsodium",
        "-pthread",
    ]
    subprocess.run([*command, "-o", str(out)], check=True, timeout=300)
    return out


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    source = Path(__file__).with_name("shared.c")
    return compiled(source, tmp_path_factory.mktemp("shared") / "shared")


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


ASKS = """
    import sys, time
    from locache import persist

    ran = []

    @persist(dir=sys.argv[1], name="f", version="1")
    def f(number):
        ran.append(number)
        time.sleep(0.03)
        return number * number

    for line in sys.stdin:
        ran.clear()
        print(f(int(line)), len(ran), flush=True)
"""
ROUNDS = 20


def test_a_c_program_and_a_python_one_that_ask_at_once_compute_once(tmp_path, record_property):
    program = compiled(Path(__file__).with_name("shared_flight.c"), tmp_path / "flight")
    (tmp_path / "asks.py").write_text(textwrap.dedent(ASKS))
    place = str(tmp_path / "test.cache")
    commands = [[program, place], [sys.executable, str(tmp_path / "asks.py"), place]]
    asking = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for command in commands
    ]

    def ask(number, order):
        """What each says, who are asked in this order, in half of the rounds at once: a result, and
        whether it computed."""
        for one in order:
            if one == order[1] and number % 4 >= 2:
                time.sleep(0.01)
            asking[one].stdin.write(f"{number}\n")
            asking[one].stdin.flush()
        return [tuple(map(int, one.stdout.readline().split())) for one in asking]

    computed = [0, 0]
    try:
        for one in (0, 1):  # each has begun, and opened the function's directory
            assert ask(-1, [one, 1 - one])
        for number in range(ROUNDS):
            first = number % 2
            said = ask(number, [first, 1 - first])
            assert [result for result, _ in said] == [number * number] * 2
            assert sum(ran for _, ran in said) == 1, (number, said)
            computed = [count + ran for count, (_, ran) in zip(computed, said, strict=True)]
    finally:
        for process in asking:
            process.stdin.close()
            process.stdout.close()
        ends = [process.wait(60) for process in asking]
    assert ends == [0, 0]
    assert sum(computed) == ROUNDS and min(computed) > 0, "each waits for the other"
    record_property("injections", ROUNDS)


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
    program = compiled(example / "primes.c", tmp_path / "primes")

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
