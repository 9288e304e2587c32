"""The form of a file: its opening sentence, the length of lines and files, parameters.

usage: form.py [ROOT]
"""

import re

import tree

LINE_MAX = 100
# What is installed is read on any terminal.
PUBLIC, PUBLIC_LINE_MAX = "include/", 80
FILE_MAX = 800
# What a binding needs is in one header, and so is what a macro is made of.
LONG = ("include/locache.h", "include/locache/persist.h")
# As many as a call passes in registers on x86-64; more are a struct that wants a name.
PARAMETERS_MAX = 6

OURS = (*tree.CORE, *tree.EXTENSION, *tree.COMMAND)
C_FOLDERS = (*OURS, "tests", "bench", "examples")
SCRIPT_FOLDERS = ("tools", "tests", "bench")
OPENING_FOLDERS = (*OURS, "tests", "bench")


def opening(root):
    for path in tree.files(root, OPENING_FOLDERS, ".c"):
        comment = re.match(r"/\*(.*?)\*/|((?://[^\n]*\n)+)", (root / path).read_text(), re.DOTALL)
        words = re.sub(r"[\s*/]+", " ", comment[0]).strip() if comment else ""
        # A sentence: some words, and the stop that ends it.
        if not re.match(r"\S+ \S+ .*?\S[.:](\s|$)", words):
            yield f"{path}:1: begin the file with a sentence, as a comment, of what it is"


def long_lines(root):
    paths = [
        *tree.files(root, C_FOLDERS, ".c", ".h"),
        *tree.files(root, SCRIPT_FOLDERS, ".sh"),
        *tree.files(root, ["."], "meson.build"),
    ]
    for path in paths:
        most = PUBLIC_LINE_MAX if str(path).startswith(PUBLIC) else LINE_MAX
        for number, line in enumerate((root / path).read_text().splitlines(), 1):
            if len(line) > most:
                yield f"{path}:{number}: {len(line)} columns: break the line at {most}"


def long_files(root):
    for path in tree.files(root, C_FOLDERS, ".c", ".h"):
        count = len((root / path).read_text().splitlines())
        if count > FILE_MAX and str(path) not in LONG:
            yield f"{path}:{FILE_MAX + 1}: {count} lines: make two files of it"


def parameters(root):
    for path in tree.files(root, OURS, ".c", ".h"):
        for function in tree.functions((root / path).read_text()):
            if function.parameters > PARAMETERS_MAX:
                yield (
                    f"{path}:{function.line}: {function.name}() has {function.parameters} "
                    f"parameters: make a struct of those that belong together, {PARAMETERS_MAX} "
                    "at most"
                )


def check(root):
    violations = [*opening(root), *long_lines(root), *long_files(root), *parameters(root)]
    count = len(tree.files(root, C_FOLDERS, ".c", ".h"))
    return violations, (
        f"{count} C files: each says what it is, {LINE_MAX} columns, {PUBLIC_LINE_MAX} in "
        f"{PUBLIC}, {FILE_MAX} lines, {PARAMETERS_MAX} parameters"
    )


if __name__ == "__main__":
    tree.end(*check(tree.root_given()))
