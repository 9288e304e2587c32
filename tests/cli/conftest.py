"""The command, run as a user runs it: what it prints, and the code that it ends with."""

import json
import os
import subprocess
import sysconfig
from pathlib import Path

import locache
import pytest


def find_command():
    """LOCACHE_TEST_COMMAND, else what was installed with the package."""
    told = os.environ.get("LOCACHE_TEST_COMMAND")
    if told:
        return told
    beside = Path(locache.__file__).parents[1] / "bin" / "locache"
    installed = Path(sysconfig.get_path("scripts")) / "locache"
    return str(beside if beside.exists() else installed)


COMMAND = find_command()


class Ran:
    """What a run left: its code, and what it printed."""

    def __init__(self, done):
        self.code = done.returncode
        self.out = os.fsdecode(done.stdout)
        self.err = os.fsdecode(done.stderr)

    def json(self):
        assert self.code in (0, 1), self.err
        return json.loads(self.out)


def clean_environment(home):
    """Nothing of the user's: neither where caches are, nor which key signs."""
    told = {
        name: os.environ[name]
        for name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS")
        if name in os.environ
    }
    return {**told, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@pytest.fixture
def run(tmp_path):
    """run("ls", "foo.cache", code=0): the command in tmp_path."""

    def run(*arguments, code=0, cwd=tmp_path, stdin=None, **environment):
        done = subprocess.run(
            [COMMAND, *map(os.fspath, arguments)],
            cwd=cwd,
            env={**clean_environment(tmp_path / "home"), **environment},
            input=stdin,
            capture_output=True,
            timeout=60,
        )
        ran = Ran(done)
        assert ran.code == code, (ran.code, ran.out, ran.err)
        return ran

    return run
