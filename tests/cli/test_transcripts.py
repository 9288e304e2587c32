"""The transcripts in the README, docs/shell.md and docs/run.md are what the command prints: each is
run anew on the caches that they are of, and compared but for what is another each time."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import COMMAND, clean_environment, needs_no_sanitizer, said_on_terminal

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
    (root / "ising.py").write_text(ISING.format(rows, "temperature / 3"))
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
    return line.startswith("locache ") and not re.match(r"locache (run|import|export|top)\b", line)


def plain(line):
    """Without what is another each time: spans, moments, sizes of a kilobyte or more, which numpy
    and the file system have a part in, ids; and without columns' widths."""
    line = re.sub(r"\b\d{4}-\d\d-\d\dT[\d:]+Z", "MOMENT", line)
    line = re.sub(r"\b[0-9a-f]{8,32}\b", "ID", line)
    line = re.sub(r"\b\d+(\.\d+)?(ns|us|ms|s|min|h|d)\b", "SPAN", line)
    line = re.sub(r"\b\d+(\.\d+)?[KMG]", "SIZE", line)
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


# ------------------------------------------------------------------------- typed into a shell


@pytest.fixture
def at_home(ising, tmp_path):
    """typed(line): what a terminal shows where bash runs it in ~/ising; ~/elsewhere is empty."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    shutil.copytree(ising, tmp_path / "ising", symlinks=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/locache").symlink_to(COMMAND)
    environment = clean_environment(tmp_path)
    environment["PATH"] = f"{tmp_path}/bin:{environment['PATH']}"
    environment.update(TERM="xterm", NO_COLOR="1", TIMEFORMAT="\nreal\t%3lR")

    def typed(line):
        words = [bash, "-c", line]
        return lines_of(said_on_terminal(*words, cwd=tmp_path / "ising", env=environment))

    return typed


def test_transcripts__of_export_and_import(at_home):
    told = [one for one in transcripts("docs/shell.md") if re.search("locache (ex|im)port", one[0])]
    assert len(told) == 2
    for line, printed in told:
        assert list(map(plain, at_home(line))) == list(map(plain, printed)), line


LIVE = """\
import os, time
from ising import critical, energies

critical(2.0)
if os.environ["LIVE"] == "computing":
    # What is counted is added up about once a second, while it is used.
    for _ in range(2000):
        energies(64, 100)
        time.sleep(0.001)
    energies(64, 90000)
while True:
    critical(2.0)
    time.sleep(0.001)
"""


def numbers(line):
    """Which of them are none, ".", the rest being another each time."""
    return re.sub(r"<?\b(SPAN|\d+(\.\d+)?%?)(?=[\s/]|$)", "N", plain(line))


def test_transcripts__of_top(at_home, tmp_path):
    ((line, printed),) = [
        one for one in transcripts("docs/shell.md") if one[0].startswith("locache top")
    ]
    program = tmp_path / "ising/live.py"
    program.write_text(LIVE)
    environment = clean_environment(tmp_path)
    # By its first word Python finds what is installed with it.
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    running = [
        subprocess.Popen(
            ["python", "live.py"],
            executable=sys.executable,
            cwd=program.parent,
            env={**environment, "LIVE": what},
        )
        for what in ("computing", "looking up")
    ]
    try:
        # Processes count what they do about once a second.
        deadline = time.monotonic() + 30
        while (said := list(map(numbers, at_home(line)))) != list(map(numbers, printed)):
            assert time.monotonic() < deadline, said
    finally:
        for one in running:
            one.kill()
            one.wait()


def clock(line):
    """plain(), without what `date` and `time` say, and whose home it is."""
    line = re.sub(r"^\w{3} \w{3} +\d+ [\d:]+ UTC \d{4}$", "DATE", line)
    return re.sub(r"0m[\d.]+s", "REAL", plain(re.sub(r"\S*(?=/\.cache)", "HOME", line)))


@pytest.mark.parametrize("page", ["README.md", "docs/run.md"])
def test_transcripts__of_run(page, at_home):
    """The third comes when the first is older than a second, as they were typed."""
    told = [
        (line, printed)
        for line, printed in transcripts(page)
        if re.search("locache run|locache ls ~", line)
    ]
    assert len(told) == (4 if "run" in page else 3)
    dates = []
    for line, printed in told:
        if "--ttl" in line:
            time.sleep(1.1)
        said = at_home(line)
        assert list(map(clock, said)) == list(map(clock, printed)), line
        dates += [one for one in said if clock(one) == "DATE"]
    assert dates[0] == dates[1] != dates[2]
    shown = [one for _, printed in told for one in printed if clock(one) == "DATE"]
    assert shown[0] == shown[1] != shown[2]


def test_transcripts__a_wrong_one_is_found():
    assert plain("3 results, 651K") == plain("3 results,  650K")
    assert plain("3 results, 651K") != plain("4 results, 651K")
    assert plain("would remove ising.cache/critical/temperature=2.0") != plain(
        "would remove ising.cache/critical/temperature=2.5"
    )
