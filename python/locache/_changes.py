"""What changed from one version of a function to another, by their parts (_parts)."""

import ast
import difflib
import json
import textwrap

LINES_MAX = 20  # of one difference
KEYS = ("kind", "module", "name", "digest", "text")


def read(note):
    """The parts that a note tells of. What is no part is passed over: it is only a file."""
    found = []
    for line in (note or b"").decode("utf-8", "replace").split("\n"):
        try:
            part = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(part, dict) and all(isinstance(part.get(key), str) for key in KEYS):
            found.append({key: part[key] for key in KEYS})
    return found


def changes(before, now):
    """What differs: a list of dicts of kind, module, name, change ("changed", "added" or "removed")
    and diff, which may be empty. What was only moved to another module is the same."""
    old, new = _by_name(before), _by_name(now)
    found = []
    if not old or not new:  # one of them is not recorded
        return found
    for key, part in new.items():
        if key in old and old[key]["digest"] != part["digest"]:
            found.append(_change("changed", part, _difference(old[key], part)))
    gone = [part for key, part in old.items() if key not in new]
    come = [part for key, part in new.items() if key not in old]
    for part in come:
        if not _take_same(gone, part):
            found.append(_change("added", part, ""))
    return [*found, *(_change("removed", part, "") for part in gone)]


def _by_name(parts):
    return {(part["kind"], part["module"], part["name"]): part for part in parts}


def _take_same(parts, wanted):
    for n, part in enumerate(parts):
        if wanted["digest"] and all(part[key] == wanted[key] for key in ("kind", "digest")):
            del parts[n]
            return True
    return False


def _change(change, part, diff):
    told = {key: _printable(part[key]) for key in ("kind", "module", "name")}
    return {**told, "change": change, "diff": _printable(diff)}


def _printable(text):
    """As it may be printed: it comes from a file."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text.expandtabs(4))


def _difference(before, now):
    old, new = before["text"], now["text"]
    if before["kind"] == "function":
        old, new = _normal(old), _normal(new)
    if old == new:
        return ""
    lines = list(difflib.unified_diff(old.split("\n"), new.split("\n"), n=1, lineterm=""))[3:]
    lines = [line for line in lines if not line.startswith("@@")]
    if len(lines) > LINES_MAX:
        lines = [*lines[:LINES_MAX], f"... and {len(lines) - LINES_MAX} lines more"]
    return "\n".join(lines)


def _normal(text):
    """A function's text without comments, docstring and decorators, laid out in one way, as far as
    it can be read by itself."""
    try:
        tree = ast.parse(textwrap.dedent(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            body = node.body
            if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
                node.body = body[1:] or [ast.Pass()]
    if len(tree.body) == 1 and hasattr(tree.body[0], "decorator_list"):
        tree.body[0].decorator_list = []
    try:
        return ast.unparse(tree)
    except (ValueError, RecursionError):
        return text


# ---------------------------------------------------------------------------------------- in words


def told(found):
    """What changed, in one line."""
    if not found:
        return "the code changed, and how is not recorded"
    texts = [_told_of(one) for one in found[:3]]
    if len(found) > len(texts):
        texts.append(f"{len(found) - len(texts)} more")
    return ", ".join(texts)


def _told_of(change):
    kind, module, name = change["kind"], change["module"], change["name"]
    where = f"{name} in {module}" if module else name
    if kind == "rest":
        return f"{name} parts"
    if kind in ("version", "build"):
        return f"{kind} {name!r} {'is new' if change['change'] == 'added' else 'was before'}"
    text = f"{kind} {where} {change['change']}"
    lines = [line for line in change["diff"].split("\n") if line]
    olds = [line[1:].strip() for line in lines if line[:1] == "-"]
    news = [line[1:].strip() for line in lines if line[:1] == "+"]
    if len(olds) == len(news) == 1 and len(olds[0]) + len(news[0]) < 100:
        return f"{text} ({olds[0]} -> {news[0]})"
    return text
