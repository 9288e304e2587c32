"""What `locache run` costs to start: a hit does little else, so that libraries to be loaded and
pages to be touched are its time. Counted, since a time on a busy machine says nothing."""

import os
import sys

import pytest

from .conftest import COMMAND, COVERED, clean_environment, libraries, needs_no_sanitizer

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="counts what Linux counts"),
    needs_no_sanitizer,
]

# Of a hit, beyond those of `true`: 22 to 24 where it was measured, 41 before it was looked after.
FAULTS_MAX = 32


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
    needed = {name.split(".")[0] for name in libraries()}
    # Those of which the system may have no archive.
    assert needed - {"ld-linux-x86-64", "libsodium", "libzstd"} == {"libc"}


# Where what is reached is counted, too, the counts are pages of their own.
@pytest.mark.skipif(COVERED, reason="counts pages of a command as users have it")
def test_start__a_hit_touches_few_pages(tmp_path):
    environment = clean_environment(tmp_path)
    hit = faults([COMMAND, "run", "--", "echo", "hit"], environment)
    assert hit <= faults(["true"], environment) + FAULTS_MAX
