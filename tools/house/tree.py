"""What the checks of the house share: its files, its C functions, and the way a check ends."""

import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

# The halves of the C: neither calls a function of the other but through locache.h.
CORE = ("include", "src")
EXTENSION = ("python/ext",)
# The command, on locache.h alone as the extension is.
COMMAND = ("cli",)

NOT_CODE = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""", re.DOTALL | re.VERBOSE
)
DIRECTIVE = re.compile(r"^[ \t]*\#(?:\\\n|[^\n])*", re.MULTILINE)
# In front of a parenthesis, but no function: macros, which are in capitals, and words of C.
NO_FUNCTION = re.compile(r"[A-Z][A-Z0-9_]*|__\w+|_[A-Z]\w*|alignas|sizeof|if|for|while|switch")


class Function(NamedTuple):
    name: str
    line: int
    parameters: int
    defined: bool  # or only declared


# Below these is what is not ours: what was built, environments, fetched sources.
FOREIGN = re.compile(r"build|subprojects|\..+")


def files(root, folders, *endings):
    """The files below these folders whose names end so, each as a path relative to the root."""
    found = set()
    for folder in folders:
        for place, below, names in os.walk(root / folder):
            below[:] = [name for name in below if not FOREIGN.fullmatch(name)]
            found.update(Path(place, name) for name in names if name.endswith(endings))
    return sorted(path.relative_to(root) for path in found)


def blank(pattern, text):
    """The text with each match of the pattern made blank, its lines where they were."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def code(text):
    """C without comments, literals and preprocessor lines."""
    return blank(DIRECTIVE, blank(NOT_CODE, text))


def parameter_lists(declaration):
    """(name, where, the text between its parentheses) of what is followed by a parenthesis."""
    for match in re.finditer(r"(\w+)\s*\(", declaration):
        before = declaration[: match.start()]
        if before.count("(") != before.count(")"):
            continue
        depth, at = 1, match.end()
        while depth and at < len(declaration):
            depth += {"(": 1, ")": -1}.get(declaration[at], 0)
            at += 1
        yield match[1], match.start(1), declaration[match.end() : at - 1]


def declared(declaration):
    """(name, where, number of parameters) of the function that is declared here, or None."""
    if re.match(r"\s*typedef\b", declaration):
        return None
    for name, where, inside in parameter_lists(declaration):
        if NO_FUNCTION.fullmatch(name):
            continue
        # A type stands before a function's name; a call in an initialiser has a sign before it.
        # `type (*name)(...)` is a variable.
        if not re.search(r"[\w*]\s*$", declaration[:where]) or "=" in declaration[:where]:
            return None
        if inside.lstrip().startswith("*"):
            return None
        flat = re.sub(r"\([^()]*\)", "", inside)
        while flat != (flat := re.sub(r"\([^()]*\)", "", flat)):
            pass
        count = 0 if flat.strip() in ("", "void") else flat.count(",") + 1
        return name, where, count
    return None


def functions(text):
    """Every function that a C file defines or declares, inside no other braces."""
    text = code(text)
    start = depth = 0
    for match in re.finditer(r"[{};]", text):
        sign, end = match[0], match.end()
        if sign == "{":
            if depth == 0 and re.fullmatch(r"\s*extern\s*", text[start : match.start()]):
                start = end  # extern "C", whose brace is closed by one too many
                continue
            depth += 1
        elif sign == "}":
            depth = max(depth - 1, 0)
        if depth > (sign == "{"):
            continue
        # What is before a brace that opens, or before a semicolon outside of all braces.
        if sign != "}":
            found = declared(text[start : match.start()])
            if found:
                name, where, count = found
                line = text.count("\n", 0, start + where) + 1
                yield Function(name, line, count, sign == "{")
        start = end


def end(violations, looked_at):
    """Say what was found, a line each, or else what was looked at; and leave."""
    for violation in violations:
        print(violation)
    if not violations:
        print(looked_at)
    sys.exit(bool(violations))


def root_given(at=1):
    return Path(sys.argv[at] if len(sys.argv) > at else ".")
