"""What every command has in common: help, versions, and words that are none of ours."""

import locache
import pytest


def test_main__version_is_the_library_s(run):
    assert run("--version").out == f"locache {locache.__version__}\n"


def test_main__help_goes_to_standard_output_and_names_every_exit_code(run):
    told = run("--help").out
    assert told.startswith("usage: locache COMMAND")
    assert "Exit status: 0 done; 1 " in told and "; 2 " in told and "3 " in told


def test_main__without_a_command_the_help_is_an_error(run):
    assert run(code=2).out.startswith("usage: locache COMMAND")


@pytest.mark.parametrize("word", ["frobnicate", "x" * 5000, "", "\x1b[31m"])
def test_main__an_unknown_command_is_an_error_that_names_the_help(run, word):
    ran = run(word, code=2)
    assert ran.out == ""
    assert ran.err.startswith("locache: there is no command '") and "--help" in ran.err


def test_main__options_before_the_command_are_refused_with_the_remedy(run):
    assert "locache COMMAND [options]" in run("--json", "ls", code=2).err
