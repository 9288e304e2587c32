"""The completion files: every command and option that --help tells is offered."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from .conftest import COMMAND

COMPLETION = Path(__file__).parents[2] / "cli" / "completion"


def offered(line, tmp_path):
    """What bash offers for a line that ends with the cursor."""
    (tmp_path / "locache").symlink_to(COMMAND)
    program = f"""
        . '{COMPLETION}/locache.bash'
        COMP_WORDS=({line})
        case '{line}' in *' ') COMP_WORDS+=('') ;; esac
        COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
        _locache
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def commands(run):
    return set(re.findall(r"^  ([a-z]+)  ", run("--help").out, re.MULTILINE))


def test_completion__commands(run, tmp_path):
    known = commands(run)
    assert {"ls", "show", "gc", "verify"} <= known
    assert offered("locache ", tmp_path) == known | {"help", "--help", "--version"}


def test_completion__options_of_every_command(run, tmp_path):
    for n, command in enumerate(sorted(commands(run))):
        own = tmp_path / str(n)
        own.mkdir()
        told = set(re.findall(r"--[a-z-]+", run(command, "--help").out.partition("\n\n  ")[2]))
        assert "--help" in told
        assert offered(f"locache {command} --", own) >= {
            option for option in told if f"  {option}" in run(command, "--help").out
        } | {"--help"}


@pytest.mark.parametrize(("shell", "name"), [("zsh", "_locache"), ("fish", "locache.fish")])
def test_completion__other_shells_can_read_theirs(shell, name):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    subprocess.run([shell, "-n", COMPLETION / name], check=True)
