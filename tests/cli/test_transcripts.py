"""The transcripts in the README and in docs/shell.md are what the command prints: each is run anew
on the caches that they are of, and compared but for what is another each time."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import clean_environment, needs_no_sanitizer

pytestmark = needs_no_sanitizer
ROOT = Path(__file__).parents[2]
PAGES = ["README.md", "docs/shell.md"]

# Shorter than where the transcripts were made, but in their order: also of the time for each byte,
# by which gc chooses.
ISING = """\
import time
import numpy as np
from locache import persist

@persist
def energies(size, steps):
    time.sleep(steps**1.3 / 13000)
    return np.linspace(-2, -1.4, {})

@persist
def critical(temperature):
    time.sleep(0.06)
    return {}
"""
FIRST = """\
[energies(64, 100), energies(64, 1000), critical(2.0), critical(2.269), critical(2.5)]
for _ in range(12): energies(64, 100)
for _ in range(10): critical(2.0), critical(2.269), critical(2.5)
"""
SECOND = "for _ in range(1201): energies(64, 100)"


def program(root, expression, rows):
    (root / "ising.py").write_text(ISING.format(rows, "temperature"))
    subprocess.run(
        [sys.executable, "-c", f"from ising import *\n{expression}"],
        cwd=root,
        env={**clean_environment(root.parent / "home"), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )


@pytest.fixture(scope="module")
def ising(tmp_path_factory):
    pytest.importorskip("numpy")
    root = tmp_path_factory.mktemp("ising") / "project"
    root.mkdir()
    (root.parent / "home").mkdir()
    program(root, FIRST, "size * steps")
    program(root, SECOND, "2 * size * steps")
    return root


def transcripts(page):
    """(command line, lines that it printed), in order."""
    found = []
    for block in re.findall(r"^```\n(\$ .*?)^```", (ROOT / page).read_text(), re.M | re.S):
        for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
            line, _, printed = part.partition("\n")
            found.append((line, printed.splitlines()))
    return found


def meant(line):
    return line.startswith("locache ") and not re.match(
        r"locache (run|report|import|export|top)\b", line
    )


def plain(line):
    """Without what is another each time: spans, moments, sizes, which numpy and the file system
    have a part in, ids; and without columns' widths."""
    line = re.sub(r"\b\d{4}-\d\d-\d\dT[\d:]+Z", "MOMENT", line)
    line = re.sub(r"\b[0-9a-f]{8,32}\b", "ID", line)
    line = re.sub(r"\b\d+(\.\d+)?(ns|us|ms|s|min|h|d)\b", "SPAN", line)
    line = re.sub(r"\b\d+(\.\d+)?[KMG]|\b\d+ bytes|\b\d{3}\b", "SIZE", line)
    # As many as it takes: what is worth as much goes as the directory has it.
    line = re.sub(r"^removed \d results", "removed N results", line)
    return " ".join(line.split())


def lines_of(said):
    return said.decode().replace("\r", "").replace("\x1b[K", "").splitlines()


@pytest.mark.parametrize("page", PAGES)
def test_transcripts__are_real(page, ising, on_terminal, project):
    shutil.rmtree(project)
    shutil.copytree(ising, project, symlinks=True)
    # Afterwards: to copy is to read.
    then = time.time() - 40.5 * 86400
    os.utime(project / "ising.cache/critical/temperature=2.0", (then, then))
    told = [(line, printed) for line, printed in transcripts(page) if meant(line)]
    assert len(told) >= 3
    for line, printed in told:
        words = re.findall(r"'[^']*'|\S+", line.removeprefix("locache "))
        said = lines_of(on_terminal(*words, NO_COLOR="1"))
        same = sorted if words[0] == "gc" else list  # results go as the directory has them
        assert same(map(plain, said)) == same(map(plain, printed)), line


def test_transcripts__a_wrong_one_is_found():
    assert plain("3 results, 651K") == plain("3 results,  650K")
    assert plain("3 results, 651K") != plain("4 results, 651K")
    assert plain("would remove ising.cache/critical/temperature=2.0") != plain(
        "would remove ising.cache/critical/temperature=2.5"
    )
