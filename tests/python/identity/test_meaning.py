"""The digest of a source: the same for what does the same, another for what could do something
else; and none rather than a wrong one."""

from __future__ import annotations

import importlib
import itertools
import linecache
import subprocess
import sys
import textwrap
import time
import zipfile

import pytest
from locache import _identity

numbers = itertools.count()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Compile a text that lies in a file: its names."""
    monkeypatch.setattr(_identity, "kept", [])

    def make(text, encoding="utf-8"):
        file = tmp_path / f"module{next(numbers)}.py"
        file.write_bytes(textwrap.dedent(text).encode(encoding))
        names = {"__name__": file.stem, "file": file}
        exec(compile(file.read_bytes(), str(file), "exec", dont_inherit=True), names)
        return names

    return make


def body(*lines):
    return "def f(x):\n" + "".join(f"    {line}\n" for line in lines)


NESTED = """
def f(x):
    def g(a{annotation}, *, b=1){returns}:
        {body}
    class A:
        field{field} = 1
    return g, A
"""


def nested(annotation="", returns="", body="return a", field=""):
    return NESTED.format(annotation=annotation, returns=returns, body=body, field=field)


FUTURE = "from __future__ import annotations\n"

SAME = {
    "comments": (body("return x"), body("# why", "return x  # that")),
    "tabs": (body("return x"), "def f(x):\n\treturn x\n"),
    "form feed": (body("return x"), "\f\ndef f(x):\n\f    return x\n"),
    "line ends": (body("return x"), body("return x").replace("\n", "\r\n")),
    "semicolons": (body("x += 1", "return x"), "def f(x): x += 1; return x;\n"),
    "backslash": (body("return x + 1"), body("return \\", "  x + \\", "  1")),
    "parentheses": (body("return x + 1"), body("return ((x) + (1))")),
    "docstring": (body("return x"), body("'''A.'''", "return x")),
    "only a docstring": (body("pass"), body("'A.'")),
    "dropped constants": (body("return x"), body("1", "...", "return x")),
    "docstrings within": (nested(), nested(body="'g'; return a")),
    "own annotations": (body("return x"), "def f(x: int) -> str:\n    return x\n"),
    "own decorator": (body("return x"), "@(lambda g: g)\ndef f(x):\n    return x\n"),
    "own default": (body("return x"), "def f(x=1):\n    return x\n"),
    "local annotation": (body("y = x", "return y"), body("y: 'text' = x", "return y")),
    "annotations as text": (body("return x"), FUTURE + "def f(x: int):\n    return x\n"),
    "adjacent strings": (body("return 'ab'"), body("return 'a' 'b'")),
    "adjacent f-strings": (body("return f'a{x}b'"), body("return 'a' f'{x}' 'b' f''")),
    "empty format": (body("return f'{x}'"), body("return f'{x:}'")),
    "prefix": (body("return 'a'"), body("return u'a'")),
    "raw": (body(r"return '\\d'"), body(r"return r'\d'")),
    "numbers": (body("return 255, 1000, 0.5"), body("return 0xFF, 1_000, 5e-1")),
    "type comment": (body("y = x", "return y"), body("y = x  # type: int", "return y")),
    "normalised name": (body("fi = x", "return fi"), body("\ufb01 = x", "return \ufb01")),
    "debug": (body("return True"), body("return __debug__")),
    "local": (body("y = x", "return y"), body("a = x", "return a")),
    "local of one's own name": (body("g = x", "return g"), body("f = x", "return f")),
    "unpacked": (body("a, (b, *c) = x", "return b"), body("c, (a, *b) = x", "return a")),
    "loop": (body("for i in x: yield i"), body("for j in x: yield j")),
    "opened": (body("with x as y: return y"), body("with x as z: return z")),
    "caught": (
        body("try: x()", "except E as e: return e"),
        body("try: x()", "except E as f: return f"),
    ),
    "imported as": (body("import a.b as c", "return c.d"), body("import a.b as e", "return e.d")),
    "matched": (
        body("match x:", "    case [a, *b] | {'c': a, **b}: return a, b"),
        body("match x:", "    case [b, *a] | {'c': b, **a}: return b, a"),
    ),
    "walrus": (body("return (y := x) + y"), body("return (z := x) + z")),
    "walrus within": (body("return [y := i for i in x], y"), body("return [z := j for j in x], z")),
    "comprehension": (
        body("return [(i, j) for i in x for j in i if j]"),
        body("return [(j, i) for j in x for i in j if i]"),
    ),
    "comprehension over its own name": (
        body("y = x", "return [y for y in y]"),
        body("z = x", "return [z for z in z]"),
    ),
    "lambda within": (body("y = x", "return lambda: y"), body("z = x", "return lambda: z")),
    "function within": (
        body("y = x", "def g():", "    return y", "return g"),
        body("z = x", "def g():", "    return z", "return g"),
    ),
    "class within": (
        body("y = x", "class A:", "    def m(self): return y", "return A"),
        body("z = x", "class A:", "    def m(self): return z", "return A"),
    ),
    "private local": (body("__y = x", "return __y"), body("__z = x", "return __z")),
    "in a lambda": ("f = lambda x: [y for y in x]\n", "f = lambda x: [z for z in x]\n"),
    "moved": (body("return x"), "if True:\n" + textwrap.indent(body("return x"), "  ")),
}


@pytest.mark.parametrize("case", SAME)
def test_meaning__same(module, case):
    ids = {_identity.source_id(module(text)["f"]) for text in SAME[case]}
    assert len(ids) == 1 and None not in ids


# In each group all mean something else.
DIFFERENT = {
    "constants": [
        body(f"return {value}")
        for value in (
            "1", "1.0", "True", "'1'", "b'1'", "1j", "-1", "0.0", "-0.0", "1e999", "None", "'None'",
            "...", "'...'", "''", "b''", "()", "(1,)", "[1]", "{1}", "0x" + "f" * 5000, "'0x1'",
            "('int', '0x1')", "'Constant'", r"'\ud800'", r"'\x00'", "x", "'x'", "'Name id'",
        )
    ],
    "f-strings": [
        body(f"return {value}")
        for value in (
            "f'{x}'", "f'{x!r}'", "f'{x!s}'", "f'{x:>5}'", "f'{x:{x}}'", "f'{x:{x}>}'", "f'{x=}'",
            "f'{x = }'", "f'a{x}'", "f'{x}a'", "f'{{x}}'", "'{x}'", "f'{x}{x}'", "f'{\"x\"}'",
        )
    ],
    "kinds": [
        "def f(x): return x\n", "async def f(x): return x\n", "f = lambda x: x\n",
        "def f(x, /): return x\n", "def f(*, x): return x\n", "def f(*x): return x\n",
        "def f(**x): return x\n", "def f(x, y=1): return x\n", "def f(x, *, y=1): return x\n",
    ],
    "blocks": [
        body("for i in x:", *lines)
        for lines in (
            ["    y = 1"], ["    pass", "else:", "    y = 1"], ["    pass", "y = 1"],
            ["    break", "else:", "    y = 1"], ["    y = 2"],
        )
    ],
    "tries": [
        body("try:", *lines)
        for lines in (
            ["    x()", "finally:", "    pass"], ["    x()", "except E:", "    pass"],
            ["    x()", "except:", "    pass"], ["    x()", "except E as e:", "    pass"],
            ["    pass", "except E:", "    x()"], ["    pass", "finally:", "    x()"],
            ["    pass", "except E:", "    pass", "else:", "    x()"],
        )
    ],
    "matches": [
        body("match x:", f"    case {pattern}: return 1")
        for pattern in (
            "None", "True", "False", "1", "'1'", "y", "_", "[y]", "[*y]", "[y, *_]", "{'a': y}",
            "{'a': y, **z}", "int()", "int(y)", "int(a=y)", "int() as y", "1 | 2", "2 | 1", "a.b",
            "y if y", "-1", "1 + 2j",
        )
    ],
    "targets": [
        body(line, "return x")
        for line in (
            "x = 1", "x += 1", "x: int", "y: int", "del x", "global y", "x.y = 1", "x[0] = 1",
            "x, y = 1", "x = y = 1", "(x := 1)", "[x] = 1", "*x, = 1", "x.y: int", "import x",
            "import x.y", "import x.y as x", "import y as x", "from x import y", "from . import y",
            "from .. import y", "from .x import y", "with x: pass", "with x as y: pass",
        )
    ],
    "expressions": [
        body(f"return {value}")
        for value in (
            "x[1:2]", "x[1, 2]", "x[1::2]", "x[:1]", "x[1:]", "x(1)", "x(*a)", "x(**a)", "x(a=1)",
            "x.a", "x.a()", "[a for a in x]", "{a for a in x}", "(a for a in x)",
            "[a for a in x if a]", "[a for a in x for b in x]", "{a: 1 for a in x}", "{**x}",
            "{None: x}", "{}", "[*x]", "x < 1 < 2", "x < (1 < 2)", "x and 1 or 2", "x and (1 or 2)",
            "not x", "~x", "x if 1 else 2", "x is 1", "x in 1", "(yield)", "(yield x)",
            "(yield from x)", "lambda: x", "lambda y: x", "lambda y=1: x", "lambda *, y=1: x",
            "lambda *, y, z=1: x", "lambda *, y=1, z: x",
        )
    ],
    "local variables": [
        body(*lines.split("; "))
        for lines in (
            "y = x; return y", "y = x; return z", "y = x; z = x; return y",
            "y = x; z = x; return z",
            "y = x; y = y; return y", "y = x; z = y; return y", "y = x; z = y; return z",
            "y = x; return [y for i in x]", "y = x; return [i for i in x]",
            "return [i for i in x], i", "return [i for i in x], j", "return [i for i in i]",
            "return [i for i in j]", "return [j for i in x for j in j]",
            "return [j for i in x for j in i]", "return [j for i in x for j in x]",
            "y = x; return lambda y: y", "y = x; return lambda z: y",
            "z = x; return lambda y: z + 1",
        )
    ],
    "names that are looked at": [
        body(*lines.split("; "))
        for name in "yz"
        for lines in (
            f"{name} = x; return locals()", f"{name} = x; return eval(x)",
            f"{name} = x; return frame.f_locals", f"{name} = x; return x.query('a > @y')",
            f"{name} = x; return x('{name} + 1')", f"{name} = x; return f'{{{name}=}}'",
            f"def {name}(): return x; return {name}", f"class {name}: pass; return {name}",
            f"import {name}; return {name}", f"global {name}; {name} = x",
            f"class A: {name} = x; return A", f"return x({name}=1)", f"return x.{name}",
            f"def g({name}): return {name}; return g", f"return lambda {name}: {name}",
            f"return {name}", f"{name} = x; class A: {name} = {name}; return A",
            f"{name} = x; nonlocal_ = lambda: (globals()['{name}'], {name}); return nonlocal_",
        )
    ],
    "annotations that are read": [
        nested(), nested(annotation=": int"), nested(annotation=": str"), nested(returns=" -> int"),
        nested(field=": int"), nested(field=": str"), FUTURE + nested(annotation=": int"),
        FUTURE + nested(field=": int"), FUTURE + nested(returns=" -> int"),
    ],
    "private names": [
        f"class {owner}:\n    global f\n    {text}"
        for owner in "AB"
        for text in (
            "def f(x): return x.__a\n", "def f(__x): pass\n", "def f(x):\n        global __a\n",
        )
    ],
}  # fmt: skip
# Where the same text may or may not be in one of these versions.
NEWER = {
    "except*": [
        body("try: x()", f"except{star} E:", "    pass") for star in ("", "*")
    ],
    "type parameters": [
        body(f"def g{parameters}(a): return a", "return g")
        for parameters in ("", "[T]", "[U]", "[T: int]", "[*T]", "[**T]")
    ] + [body("type A = int"), body("type A = str"), body("type A[T] = int")],
    "defaults of type parameters": [
        body(f"def g{parameters}(a): return a", "return g")
        for parameters in ("[T]", "[T = int]", "[T = str]")
    ],
    "t-strings": [
        body(f"return {value}")
        for value in ("f'{x}'", "t'{x}'", "t'{x!r}'", "t'{x }'", "t'{x:>5}'", "t'a{x}'", "t'{x}a'")
    ],
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("group", [*DIFFERENT, *NEWER])
def test_meaning__different(module, group):
    try:
        functions = [module(text)["f"] for text in DIFFERENT.get(group) or NEWER[group]]
    except SyntaxError:
        if group in DIFFERENT:
            raise
        pytest.skip(f"{group}: not in this version of Python")
    ids = [_identity.source_id(function) for function in functions]
    assert None not in ids
    assert len(set(ids)) == len(ids)


def test_meaning__private_name_counts_with_its_class_only(module):
    source = "class {}:\n    global f\n    def f(x): return x.a, x.__a__\n"
    assert len({_identity.source_id(module(source.format(owner))["f"]) for owner in "AB"}) == 1


def test_meaning__assertion_that_is_not_compiled_may_bind(tmp_path):
    """Under -O an assertion is not computed, but makes variables local and functions generators."""
    lines = ["assert x", "pass", "assert (y := x)", "assert (yield)", "assert (yield from x)"]
    for i, line in enumerate(lines):
        (tmp_path / f"m{i}.py").write_text(f"def f(x):\n    def g(): {line}\n    return g\n")
    code = (
        "import importlib; from locache import _identity\n"
        f"for i in range({len(lines)}):\n"
        "    print(_identity.source_id(importlib.import_module(f'm{i}').f))"
    )
    done = subprocess.run(
        [sys.executable, "-O", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    ids = done.stdout.splitlines()
    assert ids[0] == ids[1] and len(set(ids)) == 4 and "None" not in ids


# ------------------------------------------------------------------------------------ which of many


def test_which__lambdas_of_one_line(module):
    names = module("a, b, c = (lambda: 1), (lambda: 2), (lambda x: x)\n")
    for name, text in {"a": "lambda: 1", "b": "lambda: 2", "c": "lambda x: x"}.items():
        alone = _identity.source_id(module(f"a = {text}\n")["a"])
        assert _identity.source_id(names[name]) == alone


def test_which__lambdas_of_one_line_with_one_code(module):
    """Which of two texts it was, nobody can tell: none rather than a wrong one. Some versions make
    one of equal code, so that the others of that line are not told apart, either."""
    names = module("a, b, c, d = (lambda: 1), (lambda: 2), (lambda: 1), (lambda: 1 + 0)\n")
    right = [module(f"a = lambda: {value}\n")["a"] for value in ("1", "2", "1", "1 + 0")]
    for name, alone in zip("abcd", right, strict=True):
        assert _identity.source_id(names[name]) in (None, _identity.source_id(alone))


def test_which__equal_lambdas_of_one_line(module):
    names = module("a, b, c = (lambda: 1), (lambda: 1), (lambda: 2)\n")
    assert _identity.source_id(names["a"]) == _identity.source_id(names["b"])
    moved = module("a = lambda: 1; c = lambda: 2\n")
    assert _identity.source_id(names["c"]) in (None, _identity.source_id(moved["c"]))


def test_which__lambdas_within_lambdas(module):
    names = module("a = lambda: lambda: lambda: 3\nb = a()\nc = b()\n")
    ids = [_identity.source_id(names[name]) for name in "abc"]
    assert None not in ids and len(set(ids)) == 3
    over_lines = module("a = lambda: (\n    lambda: (\n        lambda: 3))\nb = a()\nc = b()\n")
    assert [_identity.source_id(over_lines[name]) for name in "abc"] == ids


def test_which__code_that_was_compiled_twice(module):
    names = module("try:\n    pass\nfinally:\n    a = lambda: 1\n    def b(): return 2\n")
    assert _identity.source_id(names["a"]) and _identity.source_id(names["b"])


def test_which__functions_of_one_name(module):
    names = module("""
        made = []
        for i in range(2):
            if i:
                def f(x): return x + 1
            else:
                def f(x): return x + 2
            made.append(f)
        class A:
            def f(x): return x + 3
        made.append(A.f)
    """)
    ids = [_identity.source_id(function) for function in names["made"]]
    assert None not in ids and len(set(ids)) == 3


# -------------------------------------------------------------------------------------------- texts


def test_text__edited_since(module):
    names = module("def f(x): return x\ndef g(x): return x + 1\n")
    before = _identity.source_id(names["g"])
    names["file"].write_text("# moved\ndef f(x): return x * 2\n\n\ndef g(x):\n    return x + 1\n")
    assert _identity.source_id(names["f"]) is None
    assert _identity.source_id(names["g"]) == before
    for text in ("def f(", "\0", "", "\udc80", "x = 1\n", "(" * 5000):
        names["file"].write_bytes(text.encode("utf-8", "surrogatepass"))
        assert _identity.source_id(names["f"]) is None
    names["file"].unlink()
    assert _identity.source_id(names["f"]) is None


def test_text__in_another_encoding(module):
    source = "# coding: latin-1\ndef f(x): return 'gr\u00fcn'\n"
    plain = module("def f(x): return 'gr\u00fcn'\n")["f"]
    assert _identity.source_id(module(source, "latin-1")["f"]) == _identity.source_id(plain)


def test_text__deeper_than_the_stack(module):
    deep = body("return " + " + ".join(["x"] * 1500))
    assert _identity.source_id(module(deep)["f"]) is not None


def test_text__of_a_notebook_cell(monkeypatch):
    text = "await_here = 1\ndef f(x: no_such_name): return x\n"
    name = "<cell 1>"
    monkeypatch.setitem(linecache.cache, name, (len(text), None, text.splitlines(True), name))
    names = {}
    flag = _identity.ANNOTATIONS_AS_TEXT  # as after an import in another cell
    exec(compile(text, name, "exec", flag, dont_inherit=True), names)
    assert _identity.source_id(names["f"]) is not None


def test_text__in_an_archive(tmp_path, monkeypatch, module):
    with zipfile.ZipFile(tmp_path / "modules.zip", "w") as archive:
        archive.writestr("zipped.py", "def f(x): return x - 7\n")
    monkeypatch.syspath_prepend(str(tmp_path / "modules.zip"))
    zipped = importlib.import_module("zipped")
    assert _identity.source_id(zipped.f) == _identity.source_id(
        module("def f(x): return x - 7\n")["f"]
    )


def test_text__that_comes_through_a_pipe_is_left_in_it(tmp_path):
    """To read a pipe again would take what is meant for the program, or wait for it."""
    program = (
        f"from locache import persist\n@persist(dir={str(tmp_path / 'p.cache')!r})\n"
        "def f(x): return x\nf(1)\nprint(os.read(0, 99))\n"
    )
    run = f"import os; exec(compile(os.read(0, {len(program)}), '/dev/stdin', 'exec'))"
    done = subprocess.run(
        [sys.executable, "-c", run],
        input=program + "rest",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("b'rest'\n", "")


def test_text__longer_than_what_is_kept(module):
    names = module("def f(x): return x\n")
    assert _identity.source_id(names["f"]) is not None and len(_identity.kept) > 0
    padded = module("def f(x): return x\n" + "# long\n" * (_identity.KEPT_MAX // 7))
    assert _identity.source_id(padded["f"]) == _identity.source_id(names["f"])
    assert _identity.source_id(padded["f"]) is not None and _identity.kept == []


def test_text__several_are_kept_as_far_as_they_are_short(module):
    """Helpers in several files, asked for in turns, cost one parse for each file."""
    more = "# more\n" * (_identity.KEPT_MAX // 29)
    names = [module(f"def f(x): return x + {n}\n" + more) for n in range(5)]
    for name in names:
        assert _identity.source_id(name["f"]) is not None
    texts = list(_identity.kept)
    assert 2 < len(texts) < 5
    assert _identity.source_id(names[-2]["f"]) is not None
    assert _identity.kept == texts


# ---------------------------------------------------------------------------------- how often asked

COUNTED = """
import sys
compiled = []
sys.addaudithook(lambda event, args: event == "compile" and compiled.append(args[1]))
from locache import persist

{functions}

for i in range({count}):
    globals()[f"f{{i}}"](1)
print(compiled.count("<locache>"), "locache._identity" in sys.modules)
"""


def counted(count, comment=""):
    functions = (f"@persist\ndef f{i}(x):\n    return x + {i}{comment}\n" for i in range(count))
    return COUNTED.format(functions="\n".join(functions), count=count)


def test_asked__a_file_is_parsed_once_for_all_its_functions(script):
    assert script(counted(30)).out == "2 True\n"  # once to a tree, once to code


def test_asked__a_large_file_is_parsed_once_too(script):
    text = counted(30)
    assert script(text + "# much more\n" * 40_000).out == "2 True\n"


def test_asked__a_file_is_read_again_only_where_it_changed(tmp_path):
    path = tmp_path / "source.py"
    path.write_text("def f(x): return x\ndef g(x): return 2 * x\n")
    names: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    time.sleep(2 * _identity.TICK / 1e9)  # until its times say that it is the same
    ids = [_identity.source_id(names["f"]) for _ in range(2)]
    opened = []
    sys.addaudithook(lambda event, args: event == "open" and opened.append(args[0]))
    assert _identity.source_id(names["g"]) is not None and ids[0] == ids[1] is not None
    assert str(path) not in opened
    path.write_text("def f(x): return 3 * x\n")
    assert _identity.source_id(names["g"]) is None
    assert str(path) in opened


def test_asked__not_where_nothing_changed(script):
    script(counted(3))
    assert script().out == "0 False\n"
    assert script(counted(3, comment="  # why")).out == "0 False\n"


def test_asked__once_for_each_layout(script):
    layouts = [counted(2), counted(2, comment="\n    pass"), counted(2, "\n    'more'")]
    layouts[2] = layouts[2].replace("(x):\n", "(x):\n    'A docstring.'\n")
    for text in layouts:
        script(text)
    for text in layouts * 2:
        assert script(text).out == "0 False\n"
