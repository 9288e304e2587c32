"""What a function is: a digest of its compiled code, and one of its source.

The code's digest is exact. That it is the same says that nothing changed since it was recorded;
where it differs, the source decides, which comments, layout, docstrings and annotations do not
change, and which is the same in every version of Python.
"""

import sys
from types import CodeType

from locache._core import _id_of  # type: ignore[import-not-found]

# Flags that change what the code does; the others say where it stands, or what it imported from
# __future__.
KEPT_FLAGS = 0x01 | 0x02 | 0x04 | 0x08 | 0x20 | 0x80 | 0x100 | 0x200
UNSEEN = "<locache>"  # the file's name, for the compiler; matches itself as a regular expression


def tag():
    """What made the code, as "cpython-311-3495.O0"."""
    made_by = sys.implementation.cache_tag or sys.implementation.name
    from _frozen_importlib_external import MAGIC_NUMBER  # what counts the versions of the bytecode

    text = f"{made_by[:40]}-{int.from_bytes(MAGIC_NUMBER[:2], 'little')}.O{sys.flags.optimize}"
    return "".join(c if c.isascii() and c.isalnum() or c in ".-" else "_" for c in text)


def digest(parts):
    out = []
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        out += (b"%d:" % len(data), data)
    return _id_of(b"".join(out))


# --------------------------------------------------------------------------------------------- code


def constant(value):
    """A constant as code and trees hold it: typed, sets in an order of their own."""
    if isinstance(value, CodeType):
        yield "code"
        yield value.co_name
        yield from code(value)
    elif isinstance(value, tuple):
        yield "tuple%d" % len(value)
        for item in value:
            yield from constant(item)
    elif isinstance(value, frozenset):
        yield "set%d" % len(value)
        yield from sorted(digest(constant(item)) for item in value)
    else:
        yield type(value).__name__
        yield (
            value
            if isinstance(value, (str, bytes))
            else hex(value)
            if isinstance(value, int)
            else repr(value)
        )


def code(of):
    yield "%d %d %d %d" % (
        of.co_argcount,
        of.co_posonlyargcount,
        of.co_kwonlyargcount,
        of.co_flags & KEPT_FLAGS,
    )
    yield of.co_code
    yield getattr(of, "co_exceptiontable", b"")
    for names in (of.co_names, of.co_varnames, of.co_cellvars, of.co_freevars):
        yield "\0".join(names)
    for value in of.co_consts:
        yield from constant(value)


def code_id(of):
    return digest(code(of))


# ------------------------------------------------------------------------------------------- source


def is_idle(node, ast):
    """``pass``, a docstring, any other constant that is computed and dropped, an assertion that is
    not compiled."""
    return (
        isinstance(node, ast.Pass)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        or (isinstance(node, ast.Assert) and sys.flags.optimize > 0)
    )


def joined(node, ast):
    """The parts of an f-string with neighbouring texts merged: versions disagree on where to split
    them."""
    parts = []
    for part in node.values:
        if not isinstance(part, ast.Constant):
            parts.append(part)
        elif parts and isinstance(parts[-1], str):
            parts[-1] += part.value
        elif part.value:
            parts.append(part.value)
    return parts


def is_empty(name, field, ast):
    return field is None or field == [] or (name == "format_spec" and not joined(field, ast))


def tree(value, ast, in_class=False):
    if isinstance(value, list):
        kept = [item for item in value if not is_idle(item, ast)]
        yield "[%d" % len(kept)
        for item in kept:
            yield from tree(item, ast, in_class)
    elif isinstance(value, ast.JoinedStr):
        yield "JoinedStr"
        yield from tree(joined(value, ast), ast, in_class)
    elif isinstance(value, ast.Constant):
        yield "Constant"
        yield from constant(value.value)
    elif isinstance(value, ast.Name) and value.id == "__debug__":
        yield "Constant"
        yield from constant(sys.flags.optimize == 0)
    elif isinstance(value, ast.AnnAssign) and not in_class:  # in a function `x: int = 1` is `x = 1`
        yield "Assign" if value.value else "AnnAssign"
        yield "targets"
        yield from tree([value.target], ast)
        if value.value:
            yield "value"
            yield from tree(value.value, ast)
        yield "."
    elif isinstance(value, ast.AST):
        if isinstance(value, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            in_class = isinstance(value, ast.ClassDef)
        yield type(value).__name__
        for name in value._fields:
            field = getattr(value, name, None)
            if name in ("ctx", "kind", "type_comment") or is_empty(name, field, ast):
                continue
            if isinstance(field, list) and not [item for item in field if not is_idle(item, ast)]:
                continue
            yield name
            yield from tree(field, ast, in_class)
        yield "."
    else:
        yield from constant(value)


def normal_id(node, ast):
    """Of a definition: its parameters' names and its body; what calls see beside is in their keys."""
    args = node.args
    kinds = [args.posonlyargs, args.args, [args.vararg], args.kwonlyargs, [args.kwarg]]
    names = [[arg and arg.arg for arg in kind] for kind in kinds]
    return digest([type(node).__name__, repr(names), *tree(node.body, ast)])


def text_of(function):
    name = function.__code__.co_filename
    try:
        with open(name, "rb") as file:
            return file.read()
    except Exception:  # notebook cells, the REPL from 3.13 on, modules in an archive
        import linecache

        return "".join(linecache.getlines(name, function.__globals__))


def codes(within):
    for value in within.co_consts:
        if isinstance(value, CodeType):
            yield value
            yield from codes(value)


def definitions(module, name, ast):
    kinds = ast.Lambda if name == "<lambda>" else (ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        node
        for node in ast.walk(module)
        if isinstance(node, kinds) and getattr(node, "name", name) == name
    ]


def relabel(module, nodes):
    """Give each definition a line of its own, past the end of the text, by which its code is known.
    Their first lines."""
    last = module.body[-1].end_lineno + 1
    lines = []
    for n, node in enumerate(nodes):
        first = getattr(node, "decorator_list", None) or [node]
        lines.append(first[0].lineno)
        for at in {id(node): node, id(first[0]): first[0]}.values():
            at.lineno, at.end_lineno = last + n, last + n + 1
    return lines, last


def search(function):
    import ast
    import warnings

    of = function.__code__
    text = text_of(function)
    if not text:
        return None
    # The first compilation gave its warnings. A filter that stays: warnings.catch_warnings() would
    # put the filters back as they were, whatever another thread has done to them meanwhile.
    warnings.filterwarnings("ignore", "", Warning, UNSEEN)
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT  # notebook cells have it
    module = compile(text, UNSEEN, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    plain = list(codes(compile(module, UNSEEN, "exec", flags, dont_inherit=True)))
    nodes = definitions(module, of.co_name, ast)
    if not nodes:
        return None
    lines, last = relabel(module, nodes)
    labelled = list(codes(compile(module, UNSEEN, "exec", flags, dont_inherit=True)))
    wanted = code_id(of)
    same = [False] * len(nodes)
    # Both compilations are of one tree: the nth code of one is the nth of the other, though a line
    # may add a NOP to it.
    for was, now in zip(plain, labelled, strict=True):
        n = now.co_firstlineno - last
        if now.co_name == of.co_name and 0 <= n < len(nodes) and code_id(was) == wanted:
            same[n] = True
    here = [n for n, line in enumerate(lines) if line == of.co_firstlineno]
    if len(here) == 1 and same[here[0]]:
        return normal_id(nodes[here[0]], ast)
    ids = {normal_id(node, ast) for node, is_it in zip(nodes, same, strict=True) if is_it}
    return ids.pop() if len(ids) == 1 else None


def source_id(function):
    """The digest of the definition whose code runs; None where there is none to be had (exec,
    edited since, two that differ)."""
    try:
        return search(function)
    except MemoryError:
        raise
    except Exception:  # there is no source, not something broken
        return None
