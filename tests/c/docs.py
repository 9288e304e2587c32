"""docs/c.md, done as it says: its files are written, its commands run, what they print is compared
with what it shows.

    docs.py DOCUMENT BUILD PREFIX LIBDIR [--write]

BUILD is a build directory that was configured with PREFIX and LIBDIR, and is built. --write puts
what was printed now into the document.

    ```c NAME       a file
    ```c            a fragment: it compiles without a warning after <locache.h> and the standard
                    headers
    ```console      commands, each after "$ ", and what they print; a line "..." stands for any
                    lines

All in one directory, in their order, once for each compiler; times do not count. Commands that are
missing here are skipped with the others of their block.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HOME = "/home/me"  # what the document calls the directory
TIMES = re.compile(r"\b(\d+m)?\d+\.\d+ ?(s|ms|us|ns)\b")
BLOCK = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STRICT = "-std=c11 -pedantic -Wall -Wextra -Wshadow -Wconversion -Werror".split()
# The boards of the first chapter, whose solutions take a second each time, and smaller ones: where
# the test is not in its long form both compilers are shown these.
BOARDS = ("n = 13; n <= 15", "n=13\nn=14\nn=15"), ("n = 10; n <= 12", "n=10\nn=11\nn=12")
WAYS = {13: 73712, 14: 365596, 15: 2279184}, {10: 724, 11: 2680, 12: 14200}
HEADERS = "locache.h math.h stdio.h stdlib.h string.h".split()


def installed(build, prefix, libdir, root):
    """What users have of the library, in `root`: directories for programs and for pkg-config."""
    subprocess.run(
        ["meson", "install", "--quiet", "--no-rebuild", "-C", build, "--destdir", root],
        check=True,
        timeout=300,
    )
    top = root / prefix.lstrip("/")
    description = top / libdir / "pkgconfig/locache.pc"
    description.write_text(re.sub("(?m)^prefix=.*", f"prefix={top}", description.read_text()))
    return top / libdir, description.parent, top


def has_locache(python):
    return (
        subprocess.run([python, "-c", "import locache"], capture_output=True, timeout=60).returncode
        == 0
    )


class Session:
    def __init__(self, compiler, places, scratch):
        libraries, descriptions, top = places
        self.here = scratch / "home"
        commands = scratch / "bin"
        for directory in (self.here, commands):
            directory.mkdir()
        (commands / "cc").symlink_to(shutil.which(compiler))
        self.python = has_locache(sys.executable)
        if self.python:
            interpreter = commands / "python"
            interpreter.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
            interpreter.chmod(0o755)
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("XDG_", "LOCACHE_", "CCACHE_"))
        } | {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "HOME": str(self.here),
            "LC_ALL": "C.UTF-8",
            "CC": "cc",
            "LD_LIBRARY_PATH": str(libraries),
            "PKG_CONFIG_PATH": str(descriptions),
            "CMAKE_PREFIX_PATH": str(top),
            # Meson's default may be lib64 where CMake looks into lib alone.
            "locache_DIR": str(libraries / "cmake/locache"),
        }

    def run(self, command):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.here,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
        return done.stdout.decode(errors="replace").replace(str(self.here), HOME).strip("\n")

    def missing(self, command):
        word = command.split()[0]
        if word == "python":
            return not self.python
        return "/" not in word and self.run(f"type -t {shlex.quote(word)}") == ""

    def write(self, name, text):
        path = self.here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def compile(self, fragment):
        lines = [f"#include <{header}>\n" for header in HEADERS]
        self.write("fragment.c", "".join(lines) + fragment)
        flags = shlex.join(STRICT)
        return self.run(
            f"cc {flags} -Wno-unused-function -c fragment.c -o fragment.o "
            "$(pkg-config --cflags locache)"
        )


def same(shown, printed):
    """Are these the same, times apart?"""
    parts = [TIMES.sub("TIME", part) for part in re.split(r"(?m)^\.\.\.$", shown)]
    return (
        re.fullmatch(".*".join(map(re.escape, parts)), TIMES.sub("TIME", printed), re.DOTALL)
        is not None
    )


def console(session, text, failures, line):
    """The block as it should be."""
    steps = re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)
    for command, _ in steps:
        if session.missing(command):
            print(f"skipped: line {line}: no {command.split()[0]}")
            return text
    result = ""
    for command, shown in steps:
        shown = shown.rstrip("\n")
        printed = session.run(command)
        if same(shown, printed):
            printed = shown
        else:
            failures.append(f"line {line}: $ {command}\nshown:\n{shown}\nprinted:\n{printed}\n")
        result += f"$ {command}\n" + (printed + "\n" if printed else "")
    return result


def quicker(document):
    """The document with the smaller boards."""
    large, small = (
        [*boards, *(f"{n} queens: {ways} ways" for n, ways in numbers.items())]
        for boards, numbers in zip(BOARDS, WAYS, strict=True)
    )
    for old, new in zip(large, small, strict=True):
        if old not in document:
            raise ValueError(f"not in the document: {old}")
        document = document.replace(old, new)
    return document


def follow(document, session):
    """What is wrong, and the document as it should be."""
    failures = []

    def block(match):
        language, name, text = match.groups()
        line = document.count("\n", 0, match.start()) + 1
        if language == "console":
            text = console(session, text, failures, line)
        elif name:
            session.write(name, text)
        elif language == "c" and (said := session.compile(text)):
            failures.append(f"line {line}: the fragment does not compile:\n{said}\n")
        return f"```{language}{' ' + name if name else ''}\n{text}```"

    return failures, BLOCK.sub(block, document)


def main(document, build, prefix, libdir, *options):
    if (
        shutil.which("bash") is None
        or shutil.which("pkg-config") is None
        or shutil.which("meson") is None
    ):
        print("skipped: no bash, no pkg-config, or no meson")
        return 77
    failed = False
    path = Path(document)
    text = path.read_text(encoding="utf-8")
    if not options and "LOCACHE_TEST_LONG" not in os.environ:
        text = quicker(text)
    with tempfile.TemporaryDirectory(prefix="locache-docs-") as scratch:
        places = installed(build, prefix, libdir, Path(scratch, "root"))
        for compiler in ("gcc", "clang"):
            if shutil.which(compiler) is None:
                print(f"skipped: no {compiler}")
                continue
            inner = Path(scratch, compiler)
            inner.mkdir()
            failures, printed = follow(text, Session(compiler, places, inner))
            if options:
                path.write_text(printed, encoding="utf-8")
                return 0
            for failure in failures:
                print(f"FAILED: {compiler}: {failure}")
            failed = failed or bool(failures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
