"""The stub: it says what the module has, and mypy knows decorated functions by their own
signatures."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import locache
import pytest

pytestmark = pytest.mark.once

HERE = Path(__file__).parent / "typing"
RIGHT = ["good.py", "methods.py"]


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """Run a module of mypy's on the installed package: the exit code and what it printed. What it
    finds out of the standard library is kept from one run to the next."""
    place = tmp_path_factory.mktemp("mypy")
    env = {
        **os.environ,
        "MYPYPATH": str(Path(locache.__file__).parents[1]),
        "MYPY_CACHE_DIR": str(place / "cache"),
    }
    # What lies in site-packages is found there, and must not be given besides.
    if "site-packages" in env["MYPYPATH"]:
        del env["MYPYPATH"]

    def run(*args):
        done = subprocess.run(
            [sys.executable, "-m", *args],
            cwd=place,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_stub_matches_the_module(mypy):
    code, out = mypy("mypy.stubtest", "--allowlist", str(HERE / "stubtest-allowlist"), "locache")
    assert code == 0, out


def test_decorated_functions_and_methods_keep_their_types(mypy):
    files = [str(HERE / name) for name in RIGHT]
    code, out = mypy("mypy", "--strict", "--python-version", "3.12", *files)
    assert code == 0, out


def test_pyright_knows_the_same(tmp_path):
    place = str(Path(locache.__file__).parents[1])
    for name in RIGHT:
        (tmp_path / name).write_text((HERE / name).read_text())
    config = {"typeCheckingMode": "standard", "pythonVersion": "3.12", "extraPaths": [place]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--level", "error", "-p", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_wrong_uses_are_errors(mypy):
    file = HERE / "bad.py"
    _, out = mypy("mypy", "--strict", "--python-version", "3.12", str(file))
    found = {
        (int(line), kind)
        for line, kind in re.findall(r"bad\.py:(\d+): error: .*\[([a-z-]+)\]", out)
    }
    lines = enumerate(file.read_text().splitlines(), 1)
    expected = {
        (number, line.split("# error: ")[1]) for number, line in lines if "# error: " in line
    }
    assert found == expected, out
