"""The completion files: every command and option that --help tells is offered."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from .conftest import COMMAND, needs_no_sanitizer

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


def test_completion__of_the_command_that_is_run(tmp_path):
    """None of our options for it."""
    assert "true" in offered("locache run --cwd -- tru", tmp_path)
    (tmp_path / "again").mkdir()
    assert "--cwd" not in offered("locache run -- true --c", tmp_path / "again")


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


# ------------------------------------------------------------------------- in shells at a terminal

# A command beside the real one, which says what it was called with.
SAYS = """#!/bin/sh
case "$*" in *--help) exec '{command}' "$@" ;; esac
echo "called-with:$*:"
"""
STARTS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ". '{completion}/locache.bash'"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "fpath=('{completion}' $fpath); autoload -Uz compinit; compinit -D -u",
    ),
    "fish": (["fish", "--no-config", "-i"], "source '{completion}/locache.fish'"),
}
# What is typed, with the key that completes, and what the command is called with then.
TYPED = [
    ("locache expl\t", "explain"),
    ("locache ls --cach\t", "ls --caches"),
    ("locache ls --sort us\t", "ls --sort used"),
    ("locache show sin\t", "show single.cache"),
    ("locache run -- locache-oth\t", "run -- locache-other"),
    ("locache run --cwd -- ls sin\t", "run --cwd -- ls single.cache"),
]


class Terminal:
    """A shell at a terminal of its own."""

    def __init__(self, words, directory):
        told = {"PATH": f"{directory}/bin:{os.environ['PATH']}", "HOME": str(directory)}
        told |= {"TERM": "dumb", "LC_ALL": "C.UTF-8", "PS1": "$ "}
        self.process, self.mine = pty.fork()
        if self.process == 0:
            os.chdir(directory)
            os.execvpe(words[0], words, told)
        self.said = ""

    def type(self, text, awaited):
        """Until it says what is awaited: what a group of that pattern matched."""
        os.write(self.mine, text.encode())
        until = time.monotonic() + 30
        while not (found := re.search(awaited, self.said)):
            ready, _, _ = select.select([self.mine], [], [], max(0, until - time.monotonic()))
            assert ready, (text, self.said)
            self.said += os.read(self.mine, 65536).decode(errors="replace")
        self.said = ""
        return found[1]

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.mine)


@needs_no_sanitizer
@pytest.mark.parametrize("shell", STARTS)
def test_completion__by_a_key_at_a_terminal(shell, tmp_path):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell}")
    words, first = STARTS[shell]
    (tmp_path / "single.cache").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/locache").write_text(SAYS.format(command=COMMAND))
    (tmp_path / "bin/locache").chmod(0o755)
    (tmp_path / "bin/locache-other").symlink_to("/bin/true")
    terminal = Terminal(words, tmp_path)
    try:
        # Twice written differently, so that the echo of the line is not the answer.
        ready = "echo rea''dy-to-go\n"
        terminal.type(first.format(completion=COMPLETION) + "; " + ready, "(ready-to-go)")
        for typed, wanted in TYPED:
            called = terminal.type(typed + "\n", r"called-with:([^:]*):")
            assert called.rstrip("/ ") == wanted
    finally:
        terminal.close()
