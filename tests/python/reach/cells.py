"""Edits of editrows.py in a running kernel: cells that are run again, and files under %autoreload.
Imported by a cell of test_cells.py."""

import os
import re
import sys
import time
from pathlib import Path

from editrows import EDITS
from oddrows import ODD_EDITS

ROWS = EDITS | ODD_EDITS
# The function's own cell holds what the edited one had made: a default, an argument, a second
# definition. It is run again, too.
HELD = ("ARGS = ", "def f(x, y=", "def g(x):\n    return x + 5")
OWN_CELL = re.compile(r"(?<=\n)(?=@persist[^\n]*\n(?:async )?def f\()")


def of_cells(row):
    """Is all of it in main.py?"""
    files, edit, _ = row
    in_a_loop = "asyncio.run(" in files  # which a kernel's cell is in already
    return isinstance(files, str) and len(edit) == 2 and not in_a_loop


def of_files(row):
    """Is it an edit of a module's text?"""
    files, edit, _ = row
    if not isinstance(files, dict) or not edit[0].endswith(".py") or edit[1] is None:
        return False
    return "sys.modules[__name__]" not in files[edit[0]]  # nobody can reload such a module


class Session:
    def __init__(self, shell, place):
        self.shell = shell
        self.place = Path(place)
        self.number = 0

    def run(self, *cells):
        for cell in cells:
            outcome = self.shell.run_cell(cell, store_history=True)
            outcome.raise_error()

    def call(self):
        """Whether f was computed, and whether what came back is what it returns."""
        names = self.shell.user_ns
        f = names["f"]
        given = names.get("ARGS", (1,))
        before = f.cache_info().misses
        names["_given"] = given
        self.run("_result = f(*_given)", "_true = f.__wrapped__(*_given)")
        return f.cache_info().misses - before, repr(names["_result"]) == repr(names["_true"])

    def cells(self, name):
        """The row's program in two cells, of which the edited one is run again."""
        text, (old, new), _ = ROWS[name]
        before = OWN_CELL.split(text, 1)
        after = OWN_CELL.split(text.replace(old, new, 1), 1)
        self.run(*before)
        answers = [self.call()]
        self.run(*before)
        answers.append(self.call())
        held = any(sign in text for sign in HELD)
        changed = [n for n, cell in enumerate(after) if held or cell != before[n]]
        for cells in (after, before):
            self.run(*(cells[n] for n in changed))
            answers.append(self.call())
        return answers

    def files(self, name):
        """The row's modules in files, which are edited, and main.py in a cell."""
        files, (edited, old, new), _ = ROWS[name]
        for path, text in files.items():
            self.write(path, text)
        self.run(files["main.py"])
        answers = [self.call(), self.call()]
        for text in (files[edited].replace(old, new, 1), files[edited]):
            self.write(edited, text)
            answers.append(self.call())
        return answers

    def write(self, path, text):
        """With a time of its own: by that autoreload sees that a file is another."""
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self.number += 1
        when = time.time() + 10 * self.number
        os.utime(file, (when, when))

    def forget_modules(self):
        """%autoreload remembers modules by their names, and rows have modules of one name."""
        magics = self.shell.magics_manager.registry.get("AutoreloadMagics")
        if magics is not None:
            magics._reloader.modules_mtimes.clear()
            magics._reloader.old_objects.clear()

    def alone(self, kind, name):
        """In a directory and with names of its own."""
        here = self.place / str(self.number)
        here.mkdir()
        self.number += 1
        os.chdir(here)
        sys.path.insert(0, str(here))
        modules = set(sys.modules)
        try:
            return getattr(self, kind)(name)
        except BaseException as error:
            return [f"{type(error).__name__}: {error}"]
        finally:
            for module in set(sys.modules) - modules:
                if getattr(sys.modules[module], "__file__", None) is None or str(
                    sys.modules[module].__file__
                ).startswith(str(here)):
                    del sys.modules[module]
            self.forget_modules()
            sys.path.remove(str(here))
            os.chdir(self.place)
            if "f" in self.shell.user_ns:
                self.shell.user_ns["f"].cache_clear()
            for given in ("f", "ARGS"):
                self.shell.user_ns.pop(given, None)


def run_all(shell, place, kind):
    session = Session(shell, place)
    wanted = {"cells": of_cells, "files": of_files}[kind]
    return {name: session.alone(kind, name) for name, row in ROWS.items() if wanted(row)}
