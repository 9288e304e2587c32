"""What the source of a function means, as a digest.

Comments, layout, docstrings and the function's own annotations do not change it, nor does the
version of Python. It is asked for only where a function's compiled code is not one that its cache
has met: once, after which the cache knows that code, too.

The text is read again, perhaps long after the function was compiled from it. So it counts for
nothing before it was compiled again, and the code that runs was found in what came out: where a
file was edited since it was imported, only functions that were left alone have a source.

This is on the way of a process's first calls. `_ast` is where `ast` has its classes from; `ast`
itself, `warnings` with `re`, or `inspect` would take longer to import than all else here.
"""

import _ast
import _warnings
import os
import sys
import time

from locache._core import _code_id, _id_of  # type: ignore[import-not-found]
from locache._locals import NAMED, Local, local_names, numbered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import CodeType, FunctionType

# The file's name for the compiler, by which its warnings are told from those of others.
FILE_NAME = "<locache>"
# __future__.annotations.compiler_flag, as it is in co_flags: annotations are kept as text.
ANNOTATIONS_AS_TEXT = 0x1000000
# The last texts stay with their syntax trees: a file of a thousand functions is parsed once, and so
# is each of several files that helpers are in. A tree takes some 35 bytes for each of the
# text: no more than this stays in all. Ten thousand lines are half of it.
KEPT_MAX = 1 << 20
# Nanoseconds for which a file's times may not yet tell its state from the next one.
TICK = 20_000_000

LAMBDA = "<lambda>"  # co_name of what has no name
FUNCTIONS = (_ast.FunctionDef, _ast.AsyncFunctionDef)
SCOPES = (_ast.ClassDef, *FUNCTIONS)
MAYBE_IDLE = (_ast.Pass, _ast.Expr, _ast.Assert)
# Fields of statements that hold statements, or what holds statements.
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
# Fields that say nothing: whether a name is read or written, which its place tells; u""; comments.
SILENT = frozenset(("ctx", "kind", "type_comment"))
# What makes a variable local, or a function a generator, even where it is never computed.
BINDING = (_ast.NamedExpr, _ast.Yield, _ast.YieldFrom)
# f-strings, and t-strings where there are such.
JOINED = (_ast.JoinedStr, getattr(_ast, "TemplateStr", _ast.JoinedStr))


def source_id(function: "FunctionType") -> "bytes | None":
    """The digest of a function's source, 16 bytes.

    None where there is none to be had: the function was made by exec(), its text was edited since,
    or what it was compiled from may be either of two definitions that differ.
    """
    text = text_of(function)
    try:
        return text.find(function.__code__) if text else None
    except MemoryError:
        raise
    except Exception:  # no source, but nothing is broken
        return None


def text_of(function: "FunctionType") -> "Text | None":
    """The text that a function was compiled from, as far as can be known. None: there is none, or
    it is no Python by now."""
    code = function.__code__
    flags = code.co_flags & ANNOTATIONS_AS_TEXT
    try:
        state = state_of(code.co_filename)
        for known in kept:
            if state is not None and (known.state, known.flags) == (state, flags):
                return known
        text = read_text(function)
        return parsed(text, flags, state) if text else None
    except MemoryError:
        raise
    except Exception:  # a text may be anything by now
        return None


def state_of(name: str) -> "tuple[int, ...] | None":
    """What a file is known by while it stays as it is. None: its times say nothing yet, or it is
    no file."""
    try:
        found = os.stat(name)
    except (OSError, ValueError):
        return None
    if time.time_ns() - found.st_ctime_ns < TICK:
        return None
    times = found.st_mtime_ns, found.st_ctime_ns
    return (found.st_dev, found.st_ino, found.st_size, *times)


def read_text(function: "FunctionType") -> "bytes | str":
    name = function.__code__.co_filename
    if os.path.isfile(name):
        with open(name, "rb") as file:
            return file.read()
    if os.path.exists(name):  # a pipe or a terminal, which gave its text once
        return ""
    import linecache  # notebook cells, the REPL from 3.13 on, modules in an archive

    return "".join(linecache.getlines(name, function.__globals__))


# ----------------------------------------------------------------------- from a text to definitions


class Definition:
    """A function that a text defines, and what it was compiled to."""

    __slots__ = ("codes", "ids", "last", "line", "node", "owner")

    def __init__(self, node: _ast.AST, owner: str) -> None:
        first = (getattr(node, "decorator_list", None) or [node])[0]
        self.node = node
        self.owner = owner  # the class around it, or ""
        self.line: int = first.lineno  # co_firstlineno
        self.last: int = getattr(node, "end_lineno", None) or self.line
        # None where it is never reached; several where a `finally` was compiled more than once.
        self.codes: list[CodeType] = []
        self.ids: dict[int, bytes] = {}  # by flags, once it was asked for


class Text:
    """A text that was parsed and compiled."""

    def __init__(self, text: "bytes | str", flags: int) -> None:
        """`flags` is ANNOTATIONS_AS_TEXT or 0: notebooks pass it on from cell to cell."""
        self.text = text
        self.flags = flags
        self.state: tuple[int, ...] | None = None  # of the file that it was read from last
        self.lines: list[str] = []
        self.tree: _ast.Module = compiled(text, flags | _ast.PyCF_ONLY_AST)
        # Not of the tree: a sum of a thousand terms is deeper than a tree may be that is compiled.
        self.code: CodeType = compiled(text, flags)
        self.named: dict[str, list[Definition]] = {}
        self.add(definitions(self.tree, FUNCTIONS))

    def add(self, found: "Iterable[Definition]") -> None:
        """Take definitions in, with the code that has their name and their line."""
        codes: dict[tuple[str, int], list[CodeType]] = {}
        for code in codes_within(self.code):
            codes.setdefault((code.co_name, code.co_firstlineno), []).append(code)
        for one in found:
            name = getattr(one.node, "name", LAMBDA)
            one.codes = codes.get((name, one.line), [])
            self.named.setdefault(name, []).append(one)

    def find(self, code: "CodeType") -> "bytes | None":
        """The digest of the definition that `code` is of. None: of none, or of two that differ."""
        named = self.called(code.co_name)
        ids = normal_ids(named, code)
        if len(ids) > 1:
            tell_apart(self, named)
            ids = normal_ids(named, code)
        return ids.pop() if len(ids) == 1 else None

    def called(self, name: str) -> "list[Definition]":
        """The definitions of that name. Lambdas are looked for when they are asked for."""
        if name == LAMBDA and name not in self.named:
            self.named[name] = []
            self.add(definitions(self.tree, _ast.Lambda))
        return self.named.get(name, [])

    def lines_of(self, code: "CodeType") -> "list[str]":
        """The lines of the definition that `code` may be of."""
        for one in candidates(self.called(code.co_name), code):
            text = self.text
            if not self.lines:
                text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
                self.lines = text.splitlines()
            return self.lines[one.line - 1 : one.last]
        return []


kept: "list[Text]" = []


def parsed(text: "bytes | str", flags: int, state: "tuple[int, ...] | None") -> Text:
    """A text parsed and compiled; one of the last again where it is the same."""
    for known in kept:
        if type(known.text) is type(text) and (known.text, known.flags) == (text, flags):
            known.state = state
            return known
    made = Text(text, flags)
    made.state = state
    stay = [*kept, made]
    while sum(len(one.text) for one in stay) > KEPT_MAX:
        del stay[0]
    kept[:] = stay
    return made


def compiled(source: "bytes | str | _ast.Module", flags: int):  # type: ignore[no-untyped-def]
    """A tree or a code object, as the flags say. Warnings were given by the first compilation."""
    # A filter that stays: warnings.catch_warnings() would put the filters back as they were,
    # whatever another thread has done to them meanwhile. A module's name as it is, as the
    # interpreter's own filters have it, needs no regular expression.
    silence = ("ignore", None, Warning, FILE_NAME, 0)
    filters = (sys.modules.get("warnings") or _warnings).filters
    if filters[:1] != [silence]:
        if silence in filters:
            filters.remove(silence)
        filters.insert(0, silence)
    # Notebook cells may await outside of functions.
    flags |= _ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(source, FILE_NAME, "exec", flags, dont_inherit=True)


def definitions(
    tree: _ast.Module, kinds: "type[_ast.AST] | tuple[type[_ast.AST], ...]"
) -> "Iterator[Definition]":
    """All definitions of these kinds. Lambdas are anywhere, others only among statements."""
    todo: list[tuple[_ast.AST, str]] = [(tree, "")]
    while todo:
        node, owner = todo.pop()
        if isinstance(node, kinds):
            yield Definition(node, owner)
        if isinstance(node, _ast.ClassDef):
            owner = node.name
        for field in node._fields if kinds is _ast.Lambda else BLOCKS:
            value = getattr(node, field, None)
            children = value if isinstance(value, list) else [value]
            todo += [(child, owner) for child in children if isinstance(child, _ast.AST)]


def codes_within(code: "CodeType") -> "Iterator[CodeType]":
    """The code objects among a code object's constants, at any depth, in the compiler's order."""
    todo = [code]
    while todo:
        inner = [value for value in todo.pop().co_consts if isinstance(value, type(code))]
        yield from inner
        todo += reversed(inner)


def candidates(named: "list[Definition]", code: "CodeType") -> "list[Definition]":
    """The definitions that may be the one of `code`.

    The same code does the same, wherever it stands; but others may spell it in another way, so that
    those at its own line are preferred.
    """
    wanted = _code_id(code)
    same = [one for one in named if any(_code_id(made) == wanted for made in one.codes)]
    return [one for one in same if one.line == code.co_firstlineno] or same


def normal_ids(named: "list[Definition]", code: "CodeType") -> "set[bytes]":
    flags = code.co_flags & ANNOTATIONS_AS_TEXT
    return {normal_id(one, flags) for one in candidates(named, code)}


def tell_apart(text: Text, named: "list[Definition]") -> None:
    """See which code is whose where several lambdas stand in one line.

    They are given lines of their own, past the end of the text, by which their code is known, and
    all is compiled again. What comes out is not compared itself, since a line more may be a NOP
    more; but it is in the order of what came out before, where as many were made.
    """
    lines = [one.line for one in named]
    crowded = [one for one in named if lines.count(one.line) > 1]
    end = (text.tree.body[-1].end_lineno or 0) + 1
    for n, one in enumerate(crowded):
        one.node.lineno, one.node.end_lineno = end + n, end + n + 1  # type: ignore[attr-defined]
    before = list(codes_within(text.code))
    after = list(codes_within(compiled(text.tree, text.flags)))
    if len(before) != len(after):  # equal ones of one line were made one
        return
    for one in crowded:
        one.codes = []
    for was, now in zip(before, after, strict=True):
        if now.co_firstlineno >= end:
            crowded[now.co_firstlineno - end].codes.append(was)


# ------------------------------------------------------------------------------- the normal form


def normal_id(of: Definition, flags: int) -> bytes:
    """The digest of what a definition does: its kind, its parameters' names and its body, whose
    local variables may have any names (_locals.py).

    Defaults, and the variables that it has from around it, are not its source but input of its
    calls. `flags` is ANNOTATIONS_AS_TEXT or 0.
    """
    if flags in of.ids:
        return of.ids[flags]
    args = of.node.args  # type: ignore[attr-defined]
    kinds = [args.posonlyargs, args.args, [args.vararg], args.kwonlyargs, [args.kwarg]]
    names = [[arg and arg.arg for arg in kind] for kind in kinds]
    body = of.node.body  # type: ignore[attr-defined]
    parameters = {name for kind in names for name in kind if name}
    body = without_idle(body) if isinstance(body, list) else body
    form, private = normal_form(body, flags, local_names(body, parameters))
    if private or any(map(is_private, parameters)):
        form.append(of.owner)  # which is part of such a name, for the compiler
    of.ids[flags] = _id_of(ascii([type(of.node).__name__, names, form]).encode())
    return of.ids[flags]


def normal_form(body: object, flags: int, local: "frozenset[str]") -> "tuple[list[object], bool]":
    """A tree as a list: of each node its class and fields, of each list its length, then what is in
    them, from left to right, `local` names as numbers; and whether there are names private to a
    class.

    Where what stands in the list is given by the grammar, so that two trees never have one form.
    With a list of what is to be done, since a sum of a thousand terms is a thousand nodes deep.
    """
    form: list[object] = []
    private = False
    todo: list[tuple[object, bool]] = [(body, False)]
    while todo:
        value, in_class = todo.pop()
        kind = type(value)
        if kind is _ast.Name and value.id != "__debug__":  # type: ignore[attr-defined]
            form.append("Name id")
            value = value.id  # type: ignore[attr-defined]
            if value in local:
                value, kind = Local(value), Local
            else:
                kind = str
        if kind is str:
            form.append(value)
            private = private or is_private(value)  # type: ignore[arg-type]
        elif kind is list:
            form.append(len(value))  # type: ignore[arg-type]
            todo += [(item, in_class) for item in reversed(value)]  # type: ignore[call-overload]
        elif isinstance(value, _ast.AST):
            inner, in_class = normal_node(form, value, in_class, flags, local)
            todo += [(item, in_class) for item in reversed(inner)]
        else:
            form.append(value)
    return numbered(form), private


def normal_node(
    form: "list[object]", node: _ast.AST, in_class: bool, flags: int, local: "frozenset[str]"
) -> "tuple[list[object], bool]":
    """Adds to the form what a node says itself. What is to follow, and whether that is in a
    class."""
    name = type(node).__name__
    if isinstance(node, _ast.Constant):
        form += (name, literal(node.value))
        return [], in_class
    if isinstance(node, _ast.Name) and node.id == "__debug__":
        form += ("Constant", sys.flags.optimize == 0)
        return [], in_class
    if isinstance(node, _ast.AnnAssign) and not in_class and not binds(node.annotation):
        # In a function `x: int = 1` is `x = 1`, and `x: int` only makes x a local variable.
        form.append("Assign targets value" if node.value else "AnnAssign target")
        return [[node.target], node.value] if node.value else [node.target], in_class
    if isinstance(node, SCOPES):
        in_class = isinstance(node, _ast.ClassDef)
    if not node._fields:  # an operator
        form.append(name)
        return [], in_class
    names, values = speaking_fields(node, flags, local)
    form.append(" ".join([name, *names]))
    return values, in_class


def speaking_fields(
    node: _ast.AST, flags: int, local: "frozenset[str]"
) -> "tuple[list[str], list[object]]":
    """The names and values of a node's fields that say something; the others may be missing in some
    version of Python."""
    names: list[str] = []
    values: list[object] = []
    naming = NAMED.get(type(node).__name__)
    for name in node._fields:
        value = getattr(node, name, None)
        if value is None or name in SILENT:
            continue
        if isinstance(value, list):
            if name == "values" and isinstance(node, JOINED):
                value = joined(value)
            value = without_idle(value)
            if not value:
                continue
        elif name == "format_spec":
            if not joined(value.values):  # f"{x:}" is f"{x}"
                continue
        elif name == naming and value in local:
            value = Local(value)
        if flags and name in ("annotation", "returns"):
            name += "-as-text"
        names.append(name)
        values.append(value)
    return names, values


def without_idle(items: "Sequence[object]") -> "list[object]":
    """A list without the statements that do nothing."""
    return [item for item in items if not (isinstance(item, MAYBE_IDLE) and is_idle(item))]


def joined(values: "list[_ast.expr]") -> "list[_ast.expr]":
    """The parts of an f-string with neighbouring texts made one and without empty ones: where texts
    are split depends on the version of Python."""
    parts: list[_ast.expr] = []
    for part in values:
        if not isinstance(part, _ast.Constant):
            parts.append(part)
        elif parts and isinstance(parts[-1], _ast.Constant):
            parts[-1] = _ast.Constant(value=str(parts[-1].value) + str(part.value))
        elif part.value:
            parts.append(part)
    return parts


def literal(value: object) -> object:
    """A constant as ascii() writes it. That limits how long an integer may be in decimal."""
    return ("int", hex(value)) if type(value) is int else value


def is_idle(item: "_ast.Pass | _ast.Expr | _ast.Assert") -> bool:
    """Does nothing: ``pass``, a docstring or any other constant that is dropped, an assertion that
    is not compiled."""
    if isinstance(item, _ast.Assert):
        return sys.flags.optimize > 0 and not binds(item)
    return not isinstance(item, _ast.Expr) or isinstance(item.value, _ast.Constant)


def binds(tree: _ast.AST) -> bool:
    """Is there something in it that counts even where it is not computed?"""
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, BINDING):
            return True
        for field in node._fields:
            value = getattr(node, field, None)
            children = value if isinstance(value, list) else [value]
            todo += [child for child in children if isinstance(child, _ast.AST)]
    return False


def is_private(name: str) -> bool:
    """A name that the compiler completes by that of the class around it."""
    return name.startswith("__") and not name.endswith("__")
