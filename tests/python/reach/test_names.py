"""What a code reads and changes around it, by its bytecode."""

import argparse
import dis
import types

import pytest
from locache._core import _names_of


def paths(source, kind, name="f"):
    space = {}
    exec(source, space)
    return {".".join(path) for path in _names_of(space[name].__code__)[kind]}


READ = {
    "variable": ("return a", "a"),
    "attribute": ("return a.b.c", "a.b.c"),
    "call": ("return a.b(x)", "a.b.()"),
    "what a call gives": ("return a(x).b", "a.().b"),
    "what is in a container": ("return a[x].b", "a"),
    "local name": ("m = a\n    return m.b", "a.b"),
    "local name, in a function within": ("m = a\n    return lambda: m.b", "a.b"),
    "one of two": ("return (a if x else b).c", "a.c b.c"),
    "one of two, that goes on": ("y = (a if x else b).c\n    return y", "a.c b.c"),
    "one of three": ("y = (a if x else b if x.d else e).c\n    return y", "a.c b.c e.c =x.d"),
    "method of one of two": ("y = 1 + (a if x else b).c(d)\n    return y", "a.c.() b.c.() d"),
    "one of two as a whole": ("y = [a if x else b]\n    return y", "a b"),
    "one of two, an argument": ("y = d(e, a.f if x else b.f).c\n    return y", "d.().c e a.f b.f"),
    "one or the other": ("return (a or b).c", "a b.c"),
    "rebound name": ("m = a\n    m = m.b\n    return m.c", "a a.b a.b.c"),
    "name that is read before it is bound": (
        "for y in x:\n        if y:\n            m.c\n        m = a",
        "a",
    ),
    "name that a function within binds": (
        "m = a\n    def g():\n        nonlocal m\n        m = b\n    g()\n    return m.c",
        "a a.c",
    ),
    "parts of a tuple": ("p, q = a\n    return q.b", "a"),
    "argument": ("return x.b(x.c)", "=x.b.() =x.c"),
    "argument as a whole": ("return [x]", "=x"),
    "argument in a function within": ("return [x.b for y in a]", "=x.b a"),
    "another argument of the name": ("return (lambda x: x.b)(a)", "a"),
    "rebound argument": ("x = a\n    return x.b", "=x a a.b"),
    "attribute by its name": ("return getattr(x, 'b').c", "=x.b.c getattr"),
    "attribute that may be there": ("return hasattr(x, 'b')", "=x.b hasattr"),
    "class of an object": ("return type(x).b", "=x.__class__.b type"),
    "class asked for": ("return isinstance(x, a)", "a isinstance"),
    "class body": ("class C:\n        b = a\n        c = x.d\n    return C", "a =x.d __name__"),
    "import": ("import a.b\n    return a.b.c(x)", "<0>a.b.c.() =x"),
    "import from": ("from ..a import b\n    return b.c", "<2.>a <2.>a.b.c"),
    "keywords": ("return a(b=x.c)", "a.() =x.c"),
    "star": ("return a(*b.c, **x.d)", "a.() b.c =x.d"),
    "with": ("with a as m:\n        return m.b", "a"),
    "generator": ("return sum(y.a for y in b)", "b sum.()"),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read(name):
    body, expected = READ[name]
    found = paths(f"def f(x):\n    {body}", "read")
    # whether a call's result goes on is the same for who reads
    assert {path.removesuffix(".()") for path in found} - {"=x"} == {
        path.removesuffix(".()") for path in expected.split()
    } - {"=x"}
    assert ("=x" in found) >= ("=x" in expected.split())


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("x.b(1)", False),
        ("x.b = 1", False),
        ("x[0]", True),  # what is in a container is the container's
        ("for y in a:\n        x.b", False),
        ("return [x.b for y in a]", False),
        ("return isinstance(x, a)", False),
        ("return x", True),
        ("return x + 1", True),
        ("return [y for y in x]", True),
        ("a(x)", True),
        ("a(b=x)", True),
        ("a(*x)", True),
        ("x = 5", True),
        ("return locals", False),
        ("y = [x]", True),
        ("y = x\n    return y.b", False),
        ("y = x\n    return y", True),
        ("return lambda: x", True),
        ("with x:\n        pass", True),
        ("if x:\n        pass", True),
        ("return x is a", True),
        ("def g():\n        nonlocal x\n        x = 1", True),
    ],
)
def test_an_argument_as_a_whole(body, expected):
    assert ("=x" in paths(f"def f(x):\n    {body}", "read")) == expected


def test_what_is_changed():
    source = """def f(x):
    global n
    n += 1
    a.b = x
    x.c = 1
    del a.d
    m = e
    m[x] = 1
    g['a']['b'] = 1
    h.append(x)
    setattr(i, 'j', 1)
    k()[x] = 1
    l[x].y = 1
    l[x].y.append(1)
"""
    assert paths(source, "assigned") == {"n", "a.b", "=x.c", "a.d", "i.j"}
    assert paths(source, "mutated") == {"e", "g", "h", "k.()"}


def codes_in(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_in(constant)


def loaded(code):
    """The names that a code loads from its module, by the disassembler."""
    for one in codes_in(code):
        instructions = list(dis.get_instructions(one))
        own = {i.argval for i in instructions if i.opname == "STORE_NAME"}
        for i in instructions:
            if i.opname in ("LOAD_GLOBAL", "LOAD_NAME") and i.argval not in own:
                yield i.argval


@pytest.mark.parametrize("module", [argparse, types], ids=lambda m: m.__name__)
def test_no_name_is_lost(module):
    with open(module.__file__) as file:
        whole = compile(file.read(), module.__file__, "exec")
    for code in codes_in(whole):
        if code is whole:
            continue
        names = _names_of(code)
        found = {
            path[0] for kind in ("read", "bound", "mutated", "assigned") for path in names[kind]
        }
        assert set(loaded(code)) - {"super"} <= found
