"""What `locache run` costs to start: a hit does little else, so that libraries to be loaded and
pages to be touched are its time. Counted, since a time on a busy machine says nothing."""

import os
import shutil
import subprocess
import sys

import pytest

from .conftest import COMMAND, clean_environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts what Linux counts")

# Of a hit, beyond those of `true`: 22 to 24 where it was measured, 41 before it was looked after.
FAULTS_MAX = 32


def libraries():
    readelf = shutil.which("readelf") or pytest.skip("no readelf")
    told = subprocess.run([readelf, "-d", COMMAND], capture_output=True, text=True, check=True)
    return {
        line.split("[")[1].rstrip("]") for line in told.stdout.splitlines() if "(NEEDED)" in line
    }


def faults(words, environment):
    """Pages that came when they were first touched: the least of some runs."""
    null = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    found = []
    for _ in range(5):
        process = os.posix_spawnp(words[0], words, environment, file_actions=null)
        _, status, used = os.wait4(process, 0)
        assert status == 0, words
        found.append(used.ru_minflt)
    return min(found)


def test_start__loads_the_c_library_alone():
    needed = libraries()
    if any(name.startswith("lib") and "san" in name for name in needed):
        pytest.skip("the sanitizers' own libraries are more")
    # libsodium where the system has no archive of it.
    assert {name.split(".")[0] for name in needed} <= {"libc", "ld-linux-x86-64", "libsodium"}


def test_start__a_hit_touches_few_pages(tmp_path):
    if any("san" in name for name in libraries()):
        pytest.skip("sanitizers touch many")
    environment = clean_environment(tmp_path)
    hit = faults([COMMAND, "run", "--", "echo", "hit"], environment)
    assert hit <= faults(["true"], environment) + FAULTS_MAX
