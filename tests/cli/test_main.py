"""What every command has in common: help, versions, and words that are none of ours."""

import os
import re
import signal
from pathlib import Path

import locache
import pytest


def test_main__version_is_the_library_s(run):
    assert run("--version").out == f"locache {locache.__version__}\n"


def test_main__help_goes_to_standard_output_and_names_every_exit_code(run):
    told = run("--help").out
    assert told.startswith("usage: locache COMMAND")
    assert "Exit status: 0 done; 1 " in told and "; 2 " in told and "3 " in told


MANUAL = Path(__file__).parents[2] / "docs"


def manual_of(command):
    """What locache(1) says of a command, and of all of them."""
    if command == "run":
        return (MANUAL / "locache-run.1").read_text()
    page = (MANUAL / "locache.1").read_text().partition(".Sh DESCRIPTION")[2].partition(".Sh")[0]
    before, *items = re.split(r"^\.It Cm ", page, flags=re.M)
    after = items[-1].partition(".El\n")[2]
    (own,) = [item for item in items if item.startswith(command + "\n")]
    return before + own + after


def options_in(manual):
    """Words of .Fl lines: "-json", "n"."""
    lines = re.findall(r"^\.(?:It )?Fl (.*)$", manual, re.M)
    return {word for line in lines for word in line.split()}


def test_main__each_option_is_in_the_manual(run):
    commands = re.findall(r"^  ([a-z]+)  ", run("--help").out, re.M)
    assert len(commands) > 10
    for command in commands:
        told = re.findall(r"^  (?:-(\w), |    )--([a-z-]+)", run(command, "--help").out, re.M)
        assert len(told) > 1
        missing = {f"-{name}" for _, name in told} | {letter for letter, _ in told if letter}
        assert missing - options_in(manual_of(command)) == set(), command


def test_main__what_ls_sorts_by_is_in_the_manual(run):
    keys = re.search(r"--sort KEY +(.*)$", run("ls", "--help").out, re.M)[1].split(", ")
    assert "hits" in keys
    said = re.findall(r"^\.Cm (.*)$", manual_of("ls"), re.M)
    assert set(keys) <= {word for line in said for word in line.split()}


def test_main__without_a_command_the_help_is_an_error(run):
    assert run(code=2).out.startswith("usage: locache COMMAND")


@pytest.mark.parametrize("word", ["frobnicate", "x" * 5000, "", "\x1b[31m"])
def test_main__an_unknown_command_is_an_error_that_names_the_help(run, word):
    ran = run(word, code=2)
    assert ran.out == ""
    assert ran.err.startswith("locache: there is no command '") and "--help" in ran.err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_main__what_cannot_be_printed_is_a_failure(project, run):
    with open("/dev/full", "wb") as full:
        ran = run("ls", code=3, stdout=full)
    assert "cannot write to standard output: No space" in ran.err


def test_main__who_reads_no_further_ends_it_without_a_word(project, run):
    reader, writer = os.pipe()
    os.close(reader)
    ran = run("ls", code=-signal.SIGPIPE, stdout=writer)
    os.close(writer)
    assert ran.err == ""


def test_main__options_before_the_command_are_refused_with_the_remedy(run):
    assert "locache COMMAND [options]" in run("--json", "ls", code=2).err
