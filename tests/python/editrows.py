"""Edits to small projects, and whether each of them makes a result another: what is computed again
after an edit is what could have changed, and nothing else.

A row is a name, the files of a project, one edit and the answer. Each project has a main.py that
defines f, which is called with 1. Files are told as text; where there is one text, it is main.py's.
An edit is (old, new) in main.py, or (file, old, new), or several of these.
"""

HEAD = "from locache import persist\n"


def main(before, body, options="", after=""):
    return f"{HEAD}{before}\n@persist{options}\ndef f(x):\n    return {body}\n{after}\n"


def helper(text, body="g(x)", **files):
    return {"main.py": main("from helpers import *", body), "helpers.py": text, **files}


def module(text, body="helpers.g(x)", before="import helpers", **files):
    return {"main.py": main(before, body), "helpers.py": text, **files}


def package(**files):
    return {name.replace("__", "/", 1) + ".py" if "__" in name else name + ".py": text
            for name, text in files.items()}  # fmt: skip


def write(place, files):
    """A row's project, into a directory."""
    for name, text in ({"main.py": files} if isinstance(files, str) else files).items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def apply(place, edit, undo=False):
    """Its edit, or the way back."""
    name, old, new = edit if len(edit) == 3 else ("main.py", *edit)
    if old is None:  # a directory that is called otherwise
        before, after = (place / name).parent, (place / new).parent
        (after.rename(before)) if undo else before.rename(after)
        return
    path = place / name
    old, new = (new, old) if undo else (old, new)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


G = "def g(x):\n    return x + 1\n"
AGAIN, NOT = True, False

HELPERS = [
    ("own body", main("", "x + 1"), ("x + 1", "x + 2"), AGAIN),
    ("helper", main(G, "g(x)"), ("x + 1", "x + 2"), AGAIN),
    ("helper of a helper", main(G + "def h(x):\n    return g(x)\n", "h(x)"), ("x + 1", "x + 2"), AGAIN),
    ("helper below", main("", "g(x)", after=G), ("x + 1", "x + 2"), AGAIN),
    ("helper that is not called", main(G + "def h(x):\n    return 7\n", "g(x)"), ("7", "8"), NOT),
    ("recursion", main("def g(x):\n    return x if x > 5 else g(x + 1)\n", "g(x)"), ("> 5", "> 6"), AGAIN),
    ("mutual recursion", main("def g(x):\n    return x > 3 or h(x + 1)\ndef h(x):\n    return g(x + 1) or 7\n", "g(x)"), ("or 7", "or 8"), AGAIN),
    ("default of a helper", main("def g(x, k=2):\n    return x + k\n", "g(x)"), ("k=2", "k=3"), AGAIN),
    ("keyword default of a helper", main("def g(x, *, k=2):\n    return x + k\n", "g(x)"), ("k=2", "k=3"), AGAIN),
    ("lambda", main("g = lambda x: x + 1\n", "g(x)"), ("x + 1", "x + 2"), AGAIN),
    ("lambda within", main(G, "(lambda y: g(y))(x)"), ("x + 1", "x + 2"), AGAIN),
    ("comprehension", main(G, "[g(y) for y in [x]]"), ("x + 1", "x + 2"), AGAIN),
    ("generator expression", main(G, "sum(g(y) for y in [x])"), ("x + 1", "x + 2"), AGAIN),
    ("passed on", main(G, "list(map(g, [x]))"), ("x + 1", "x + 2"), AGAIN),
    ("partial", main("from functools import partial\ndef g(k, x):\n    return x + k\nh = partial(g, 5)\n", "h(x)"), ("g, 5", "g, 6"), AGAIN),
    ("function of a partial", main("from functools import partial\ndef g(k, x):\n    return x + k + 1\nh = partial(g, 5)\n", "h(x)"), ("+ 1", "+ 2"), AGAIN),
    ("functions in a dict", main(G + "TABLE = {'g': g}\n", "TABLE['g'](x)"), ("x + 1", "x + 2"), AGAIN),
    ("functions in a list", main(G + "STEPS = [g, abs]\n", "[s(x) for s in STEPS]"), ("x + 1", "x + 2"), AGAIN),
    ("one more in a list", main(G + "STEPS = [g, abs]\n", "[s(x) for s in STEPS]"), ("[g, abs]", "[g, abs, g]"), AGAIN),
    ("persisted helper", main("@persist\n" + G, "g(x)"), ("x + 1", "x + 2"), AGAIN),
    ("helper of a persisted helper", main(G + "@persist\ndef h(x):\n    return g(x)\n", "h(x)"), ("x + 1", "x + 2"), AGAIN),
    ("lru_cache", main("from functools import lru_cache\n@lru_cache\n" + G, "g(x)"), ("x + 1", "x + 2"), AGAIN),
    ("singledispatch", main("from functools import singledispatch\n@singledispatch\ndef g(x):\n    return 0\n@g.register\ndef _(x: int):\n    return x + 1\n", "g(x)"), ("x + 1", "x + 2"), AGAIN),
    ("contextmanager", main("from contextlib import contextmanager\n@contextmanager\ndef g(x):\n    yield x + 1\ndef h(x):\n    with g(x) as y:\n        return y\n", "h(x)"), ("x + 1", "x + 2"), AGAIN),
    ("function made by a function", main("def make(k):\n    def g(x):\n        return x + k\n    return g\nh = make(4)\n", "h(x)"), ("make(4)", "make(5)"), AGAIN),
    ("its body", main("def make(k):\n    def g(x):\n        return x + k + 1\n    return g\nh = make(4)\n", "h(x)"), ("+ 1", "+ 2"), AGAIN),
    ("closure over a helper", main(G + "def make(k):\n    def h(x):\n        return k(x)\n    return h\nh = make(g)\n", "h(x)"), ("x + 1", "x + 2"), AGAIN),
    ("nested function calls", main(G, "h()", after="").replace("    return h()", "    def h():\n        return g(x)\n    return h()"), ("x + 1", "x + 2"), AGAIN),
    ("async helper", main("import asyncio\nasync def g(x):\n    return x + 1\n", "asyncio.run(g(x))"), ("x + 1", "x + 2"), AGAIN),
    ("generator", main("def g(x):\n    yield x + 1\n", "list(g(x))"), ("x + 1", "x + 2"), AGAIN),
    ("exec'd helper", main("exec('def g(x):\\n    return x + 1')\n", "g(x)"), ("x + 1", "x + 2"), AGAIN),
]  # fmt: skip

DECORATOR = """import functools
def twice(times=2):
    def around(function):
        @functools.wraps(function)
        def inner(*args):
            return function(*args) * times
        return inner
    return around
"""
DECORATORS = [
    ("decorator of a helper", main(DECORATOR + "@twice()\n" + G, "g(x)"), ("* times", "+ times"), AGAIN),
    ("its argument", main(DECORATOR + "@twice(3)\n" + G, "g(x)"), ("twice(3)", "twice(4)"), AGAIN),
    ("its default", main(DECORATOR + "@twice()\n" + G, "g(x)"), ("times=2", "times=5"), AGAIN),
    ("what it decorates", main(DECORATOR + "@twice()\n" + G, "g(x)"), ("x + 1", "x + 2"), AGAIN),
    ("below persist", main(DECORATOR + G, "g(x)").replace("@persist\n", "@persist\n@twice()\n"), ("* times", "+ times"), AGAIN),
    ("helper of a decorator below persist", main(DECORATOR.replace("* times", "* k(times)") + "def k(t):\n    return t + 1\n", "x").replace("@persist\n", "@persist\n@twice()\n"), ("t + 1", "t + 2"), AGAIN),
    ("decorator put on", main(DECORATOR + "#\n" + G, "g(x)"), ("#\n", "@twice()\n"), AGAIN),
]  # fmt: skip

MODULES = [
    ("from import", helper(G), ("helpers.py", "x + 1", "x + 2"), AGAIN),
    ("module attribute", module(G), ("helpers.py", "x + 1", "x + 2"), AGAIN),
    ("module constant", module("K = 1\n", "x + helpers.K"), ("helpers.py", "1", "2"), AGAIN),
    ("constant of a helper's module", module("K = 1\ndef g(x):\n    return x + K\n"), ("helpers.py", "K = 1", "K = 2"), AGAIN),
    ("another attribute", module(G + "OTHER = 1\n"), ("helpers.py", "OTHER = 1", "OTHER = 2"), NOT),
    ("another function", module(G + "def other():\n    return 7\n"), ("helpers.py", "7", "8"), NOT),
    ("imported as", module(G, "h.g(x)", "import helpers as h"), ("helpers.py", "x + 1", "x + 2"), AGAIN),
    ("star import", helper(G), ("helpers.py", "x + 1", "x + 3"), AGAIN),
    ("import within", {"main.py": main("", "h(x)").replace("    return", "    from helpers import g as h\n    return"), "helpers.py": G}, ("helpers.py", "x + 1", "x + 2"), AGAIN),
    ("import of a module within", {"main.py": main("", "helpers.g(x)").replace("    return", "    import helpers\n    return"), "helpers.py": G}, ("helpers.py", "x + 1", "x + 2"), AGAIN),
    ("import in a try", module(G, before="try:\n    import helpers\nexcept ImportError:\n    helpers = None"), ("helpers.py", "x + 1", "x + 2"), AGAIN),
    ("re-export", {**package(pkg____init__="from pkg.core import g\n", pkg__core=G), "main.py": main("import pkg", "pkg.g(x)")}, ("pkg/core.py", "x + 1", "x + 2"), AGAIN),
    ("submodule", {**package(pkg____init__="", pkg__core=G), "main.py": main("import pkg.core", "pkg.core.g(x)")}, ("pkg/core.py", "x + 1", "x + 2"), AGAIN),
    ("relative import", {**package(pkg____init__="", pkg__core="from .low import g as h\ndef g(x):\n    return h(x)\n", pkg__low=G), "main.py": main("from pkg.core import g", "g(x)")}, ("pkg/low.py", "x + 1", "x + 2"), AGAIN),
    ("relative import within", {**package(pkg____init__="", pkg__core="def g(x):\n    from .low import g as h\n    return h(x)\n", pkg__low=G), "main.py": main("from pkg.core import g", "g(x)")}, ("pkg/low.py", "x + 1", "x + 2"), AGAIN),
    ("chain of modules", module("import low\ndef g(x):\n    return low.g(x)\n", **{"low.py": G}), ("low.py", "x + 1", "x + 2"), AGAIN),
    ("helper moved to another module", module("from low import g\n", **{"low.py": G, "high.py": G}), ("helpers.py", "low", "high"), NOT),
    ("another module's helper", module("from low import g\n", **{"low.py": G, "high.py": G.replace("1", "9")}), ("helpers.py", "low", "high"), AGAIN),
    ("circular imports", {"main.py": main("import a", "a.g(x)"), "a.py": "import b\ndef g(x):\n    return b.h(x)\ndef k(x):\n    return x + 1\n", "b.py": "import a\ndef h(x):\n    return a.k(x)\n"}, ("a.py", "x + 1", "x + 2"), AGAIN),
    ("module without a function", module(G), ("helpers.py", G, G + "print"), NOT),
]  # fmt: skip

CONSTANTS = [
    (f"constant {before} to {after}", main(f"K = {before}\n", "(x, repr(K))"), (f"K = {before}", f"K = {after}"), AGAIN)
    for before, after in [
        ("1", "2"), ("1", "1.0"), ("True", "1"), ("'a'", "'b'"), ("b'a'", "b'b'"), ("None", "0"),
        ("(1, 2)", "(2, 1)"), ("[1, 2]", "[1, 3]"), ("{'a': 1}", "{'a': 2}"), ("{1, 2}", "{1, 3}"),
        ("{'a': [1, {'b': 2}]}", "{'a': [1, {'b': 3}]}"), ("frozenset({1})", "frozenset({2})"),
        ("range(3)", "range(4)"), ("bytearray(b'a')", "bytearray(b'b')"), ("0.0", "-0.0"),
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}"), ("10 ** 40", "10 ** 41"),
    ]
] + [
    ("constant that is not read", main("K = 1\n", "x"), ("K = 1", "K = 2"), NOT),
    ("same value, other spelling", main("K = 4\n", "x + K"), ("K = 4", "K = 2 * 2"), NOT),
    ("same set, other order", main("K = {1, 2, 'a'}\n", "x in K"), ("{1, 2, 'a'}", "{'a', 2, 1}"), NOT),
    ("compiled pattern", main("import re\nK = re.compile('a+')\n", "K.findall('aab')"), ("a+", "b+"), AGAIN),
    ("path", main("import pathlib\nK = pathlib.Path('a')\n", "str(K)"), ("'a'", "'b'"), AGAIN),
    ("decimal", main("import decimal\nK = decimal.Decimal('1')\n", "str(K)"), ("'1'", "'2'"), AGAIN),
    ("only read in a default", main("K = 1\ndef g(x, k=K):\n    return x + k\n", "g(x)"), ("K = 1", "K = 2"), AGAIN),
    ("conditional expression", main("A = 1\nB = 2\n", "A if x > 5 else B"), ("B = 2", "B = 3"), AGAIN),
    ("large constant", main("K = list(range(100_000))\n", "K[-1]"), ("100_000", "100_001"), AGAIN),
    ("namedtuple default", main("import collections\nP = collections.namedtuple('P', 'a b', defaults=[1])\n", "P(1).b"), ("defaults=[1]", "defaults=[2]"), AGAIN),
    ("namedtuple", main("import collections\nP = collections.namedtuple('P', 'a b')\nK = P(1, 2)\n", "K.a"), ("P(1, 2)", "P(2, 2)"), AGAIN),
    ("beside a lock", main("import threading\nclass Box:\n    def __init__(self):\n        self.lock = threading.Lock()\n        self.k = 1\nB = Box()\n", "(lambda b: b.k)(B)"), ("self.k = 1", "self.k = 2"), AGAIN),
    ("beside a lock in a list", main("import threading\nB = [threading.Lock(), 1]\n", "B[1]"), (", 1]", ", 2]"), AGAIN),
]  # fmt: skip

CLASS = "class C:\n    k = 1\n    other = 5\n    def m(self, x):\n        return x + self.k\n"
CLASSES = [
    ("hash of one's own", main("class C:\n    def __hash__(self):\n        return 5\n", "hash(C()) + x"), ("return 5", "return 6"), AGAIN),
    ("hash of one's own in a dataclass", main("from dataclasses import dataclass\n@dataclass\nclass C:\n    n: int = 1\n    def __hash__(self):\n        return 5\n", "hash(C()) + x"), ("return 5", "return 6"), AGAIN),
    ("values made by an enumeration's own rule", main("import enum\nclass C(enum.Enum):\n    def _generate_next_value_(name, start, count, last):\n        return name + 'a'\n    A = enum.auto()\n", "C.A.value"), ("'a'", "'b'"), AGAIN),
    ("method", main(CLASS, "C().m(x)"), ("x + self.k", "x - self.k"), AGAIN),
    ("class attribute", main(CLASS, "C().m(x)"), ("k = 1", "k = 2"), AGAIN),
    ("attribute of a class that is read", main(CLASS, "C.k"), ("k = 1", "k = 2"), AGAIN),
    ("attribute that is not read", main(CLASS, "C.k"), ("other = 5", "other = 6"), NOT),
    ("base class", main(CLASS + "class D(C):\n    pass\n", "D().m(x)"), ("x + self.k", "x - self.k"), AGAIN),
    ("base exchanged", main(CLASS + "class B:\n    k = 7\n    m = C.m\nclass D(C):\n    pass\n", "D().m(x)"), ("D(C)", "D(B)"), AGAIN),
    ("property", main("class C:\n    @property\n    def p(self):\n        return 1\n", "C().p"), ("return 1", "return 2"), AGAIN),
    ("cached property", main("import functools\nclass C:\n    @functools.cached_property\n    def p(self):\n        return 1\n", "C().p"), ("return 1", "return 2"), AGAIN),
    ("classmethod", main("class C:\n    @classmethod\n    def m(cls):\n        return 1\n", "C.m()"), ("return 1", "return 2"), AGAIN),
    ("staticmethod", main("class C:\n    @staticmethod\n    def m():\n        return 1\n", "C.m()"), ("return 1", "return 2"), AGAIN),
    ("helper of a method", main(G + "class C:\n    def m(self, x):\n        return g(x)\n", "C().m(x)"), ("x + 1", "x + 2"), AGAIN),
    ("metaclass", main("class M(type):\n    def __call__(cls):\n        return 1\nclass C(metaclass=M):\n    pass\n", "C()"), ("return 1", "return 2"), AGAIN),
    ("descriptor", main("class D:\n    def __get__(self, a, b):\n        return 1\nclass C:\n    d = D()\n", "C().d"), ("return 1", "return 2"), AGAIN),
    ("default of a method", main("class C:\n    def m(self, k=1):\n        return k\n", "C().m()"), ("k=1", "k=2"), AGAIN),
    ("slots", main("class C:\n    __slots__ = ('a',)\n    def __init__(self):\n        self.a = 1\n", "C().a"), ("self.a = 1", "self.a = 2"), AGAIN),
    ("dataclass default", main("import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int = 1\n", "C().a"), ("= 1", "= 2"), AGAIN),
    ("dataclass factory", main("import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: list = dataclasses.field(default_factory=lambda: [1])\n", "C().a"), ("[1]", "[2]"), AGAIN),
    ("dataclass annotation", main("import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int = 1\n", "C().a"), ("a: int", "a: float"), NOT),
    ("enum member", main("import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\n", "E.A.value"), ("A = 1", "A = 3"), AGAIN),
    ("another enum member", main("import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\n", "E.A.value"), ("B = 2", "B = 3"), NOT),
    ("enum as a whole", main("import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\n", "[e.value for e in E]"), ("B = 2", "B = 3"), AGAIN),
    ("enum method", main("import enum\nclass E(enum.Enum):\n    A = 1\n    def m(self):\n        return 1\n", "E.A.m()"), ("return 1", "return 2"), AGAIN),
    ("instance state", main("class C:\n    def __init__(self, k):\n        self.k = k\n    def m(self):\n        return self.k\nO = C(1)\n", "O.m()"), ("C(1)", "C(2)"), AGAIN),
    ("instance's class", main("class C:\n    def m(self):\n        return 1\nO = C()\n", "O.m()"), ("return 1", "return 2"), AGAIN),
    ("bound method", main("class C:\n    def m(self):\n        return 1\nh = C().m\n", "h()"), ("return 1", "return 2"), AGAIN),
    ("class in a module", module(CLASS, "helpers.C().m(x)"), ("helpers.py", "x + self.k", "x - self.k"), AGAIN),
    ("class that is not used", module(CLASS + G), ("helpers.py", "x + self.k", "x - self.k"), NOT),
    ("argument's class", main(CLASS, "x.m(1)", after="ARGS = (C(),)"), ("x + self.k", "x - self.k"), AGAIN),
    ("argument's class attribute", main(CLASS, "x.m(1)", after="ARGS = (C(),)"), ("k = 1", "k = 2"), AGAIN),
    ("argument is a class", main(CLASS, "x.k", after="ARGS = (C,)"), ("k = 1", "k = 2"), AGAIN),
    ("argument is a function", main(G, "x(1)", after="ARGS = (g,)"), ("x + 1", "x + 2"), AGAIN),
    ("what such a function reaches", main(G + "def h(x):\n    return g(x)\n", "x(1)", after="ARGS = (h,)"), ("x + 1", "x + 2"), AGAIN),
    ("argument is an enum member", main("import enum\nclass E(enum.Enum):\n    A = 1\n", "x.value", after="ARGS = (E.A,)"), ("A = 1", "A = 2"), AGAIN),
    ("argument's base", main(CLASS + "class D(C):\n    pass\n", "x.m(1)", after="ARGS = (D(),)"), ("k = 1", "k = 2"), AGAIN),
    ("argument's class reaches", main(G + "class C:\n    def m(self, x):\n        return g(x)\n", "x.m(1)", after="ARGS = (C(),)"), ("x + 1", "x + 2"), AGAIN),
]  # fmt: skip

LONG = "def g(x):\n    y = x + 1\n    return y\n"
MEANINGLESS = [
    ("comment", main(LONG, "g(x)"), ("y = x + 1", "y = x + 1  # more"), NOT),
    ("comment above", main(LONG, "g(x)"), (LONG, "# more\n" + LONG), NOT),
    ("docstring", main(LONG, "g(x)"), ("(x):\n    y", "(x):\n    'Says.'\n    y"), NOT),
    ("blank lines", main(LONG, "g(x)"), ("    return y", "\n\n    return y"), NOT),
    ("spaces", main(LONG, "g(x)"), ("x + 1", "x  +  1"), NOT),
    ("parentheses", main(LONG, "g(x)"), ("x + 1", "(x + 1)"), NOT),
    ("annotation", main(LONG, "g(x)"), ("def g(x)", "def g(x: int) -> int"), NOT),
    ("annotation of a variable", main(LONG, "g(x)"), ("y = x", "y: int = x"), NOT),
    ("quotes", main("def g(x):\n    return 'a'\n", "g(x)"), ("'a'", '"a"'), NOT),
    ("class docstring", main(CLASS, "C().m(x)"), ("class C:\n", "class C:\n    'Says.'\n"), NOT),
    ("class comment", main(CLASS, "C().m(x)"), ("k = 1", "k = 1  # one"), NOT),
    ("order of functions", main("", "g(x) + h(x)", after=G + "def h(x):\n    return 1\n"), (G + "def h(x):\n    return 1\n", "def h(x):\n    return 1\n" + G), NOT),
    ("order of methods", main("class C:\n    def a(self):\n        return 1\n    def b(self):\n        return 2\n", "C().a()"), ("    def a(self):\n        return 1\n    def b(self):\n        return 2\n", "    def b(self):\n        return 2\n    def a(self):\n        return 1\n"), NOT),
    ("type alias", main("Number = int\n" + LONG.replace("(x)", "(x: Number)"), "g(x)"), ("Number = int", "Number = float"), NOT),
    ("import that is not used", main(LONG, "g(x)"), (LONG, "import json\n" + LONG), NOT),
    ("pass", main(LONG, "g(x)"), ("    return y", "    pass\n    return y"), NOT),
    ("local variable", main(LONG, "g(x)"), ("    y = x + 1\n    return y", "    z = x + 1\n    return z"), NOT),
    ("local variable that is looked at", main("def g(x):\n    y = x + 1\n    return sorted(locals())\n", "g(x)"), ("    y =", "    z ="), AGAIN),
    ("local variable of a method", main("class C:\n    def m(self, x):\n        y = x + 1\n        return y\n", "C().m(x)"), ("        y = x + 1\n        return y", "        z = x + 1\n        return z"), NOT),
    ("variable of a comprehension", main("def g(x):\n    return [i + x for i in (1, 2)]\n", "g(x)"), ("i + x for i", "j + x for j"), NOT),
    ("own comment", main("", "x + 1"), ("x + 1", "x + 1  # more"), NOT),
    ("own docstring", main("", "x + 1"), ("    return", "    'Says.'\n    return"), NOT),
    ("own blank line", main("", "x + 1"), ("    return", "\n    return"), NOT),
    ("own spaces", main("", "x + 1"), ("x + 1", "x  +  1"), NOT),
    ("own annotation", main("", "x + 1"), ("def f(x)", "def f(x: int) -> int"), NOT),
    ("own quotes", main("", "[x, 'a']"), ("'a'", '"a"'), NOT),
    ("moved down", main("", "x + 1"), ("@persist", "import json\n\n\n@persist"), NOT),
]  # fmt: skip

OPTIONS = [
    ("self: helper", main(G, "g(x)", "(auto_invalidate='self')"), ("x + 1", "x + 2"), NOT),
    ("self: own body", main("", "x + 1", "(auto_invalidate='self')"), ("x + 1", "x + 2"), AGAIN),
    ("project: helper", main(G, "g(x)", "(auto_invalidate='project')"), ("x + 1", "x + 2"), AGAIN),
    ("False: helper", main(G, "g(x)", "(auto_invalidate=False)"), ("x + 1", "x + 2"), NOT),
    ("False: own body", main("", "x + 1", "(auto_invalidate=False)"), ("x + 1", "x + 2"), NOT),
    ("version: helper", main(G, "g(x)", "(version='1')"), ("x + 1", "x + 2"), NOT),
    ("version", main(G, "g(x)", "(version='1')"), ("version='1'", "version='2'"), AGAIN),
    ("depends: function", main(G, "globals()['g'](x)", "(depends=[g])"), ("x + 1", "x + 2"), AGAIN),
    ("depends: module", module(G, "1", "import helpers") | {"main.py": main("import helpers", "vars(helpers)['g'](x)", "(depends=[helpers])")}, ("helpers.py", "x + 1", "x + 2"), AGAIN),
    ("depends: file", {"main.py": main("import pathlib\nP = pathlib.Path('data.txt')\n", "P.read_text()", "(depends=[P])"), "data.txt": "one"}, ("data.txt", "one", "two"), AGAIN),
    ("depends: another file", {"main.py": main("import pathlib\nP = pathlib.Path('data.txt')\n", "x", "(depends=[P])"), "data.txt": "one", "more.txt": "one"}, ("more.txt", "one", "two"), NOT),
    ("depends: variable", main("import os, locache\nos.environ['MODEL'] = 'a'\n", "os.environ['MODEL']", "(depends=[locache.env('MODEL')])"), ("= 'a'", "= 'b'"), AGAIN),
]  # fmt: skip

DIST = "site-packages/lib-{}.dist-info/METADATA"
INSTALLED = [
    ("package's version", {"main.py": main("import os, sys; sys.path.append(os.path.abspath('site-packages'))\nimport lib", "lib.g(x)"), "site-packages/lib.py": G, DIST.format(1): ""}, (DIST.format(1), None, DIST.format(2)), AGAIN),
    ("package's code alone", {"main.py": main("import os, sys; sys.path.append(os.path.abspath('site-packages'))\nimport lib", "lib.h"), "site-packages/lib.py": G + "h = 1\n", DIST.format(1): ""}, ("site-packages/lib.py", "x + 1", "x + 2"), NOT),
    ("project: package's version", {"main.py": main("import os, sys; sys.path.append(os.path.abspath('site-packages'))\nimport lib", "lib.g(x)", "(auto_invalidate='project')"), "site-packages/lib.py": G, DIST.format(1): ""}, (DIST.format(1), None, DIST.format(2)), NOT),
    ("function of a package", {"main.py": main("import os, sys; sys.path.append(os.path.abspath('site-packages'))\nfrom lib import g", "g(x)"), "site-packages/lib.py": G, DIST.format(1): ""}, (DIST.format(1), None, DIST.format(2)), AGAIN),
    ("package imported within", {"main.py": main("import os, sys; sys.path.append(os.path.abspath('site-packages'))", "lib.g(x)").replace("    return", "    import lib\n    return"), "site-packages/lib.py": G, DIST.format(1): ""}, (DIST.format(1), None, DIST.format(2)), AGAIN),
    ("package's decorator", {"main.py": main("import os, sys; sys.path.append(os.path.abspath('site-packages'))\nfrom lib import around\n@around(3)\n" + G, "g(x)"), "site-packages/lib.py": DECORATOR.replace("twice", "around")}, ("around(3)", "around(4)"), AGAIN),
    ("what it decorates", {"main.py": main("import os, sys; sys.path.append(os.path.abspath('site-packages'))\nfrom lib import around\n@around(3)\n" + G, "g(x)"), "site-packages/lib.py": DECORATOR.replace("twice", "around")}, ("x + 1", "x + 2"), AGAIN),
    ("options of a package's wrapper", {"main.py": main("import os, sys; sys.path.append(os.path.abspath('site-packages'))\nfrom lib import jit\n@jit(fast=False)\n" + G, "g(x)"), "site-packages/lib.py": "class D:\n    def __init__(self, f, o):\n        self.__wrapped__, self.targetoptions = f, o\n    def __call__(self, x):\n        return self.__wrapped__(x)\ndef jit(**o):\n    return lambda f: D(f, o)\n"}, ("fast=False", "fast=True"), AGAIN),
    ("package that is not reached", {"main.py": main("import os, sys; sys.path.append(os.path.abspath('site-packages'))\nimport lib", "x"), "site-packages/lib.py": G, DIST.format(1): ""}, (DIST.format(1), None, DIST.format(2)), NOT),
]  # fmt: skip

EDITS = {
    f"{kind}: {name}": row
    for kind, rows in {
        "helpers": HELPERS, "decorators": DECORATORS, "modules": MODULES, "constants": CONSTANTS,
        "classes": CLASSES, "meaningless": MEANINGLESS, "options": OPTIONS, "installed": INSTALLED,
    }.items()
    for name, *row in rows
}  # fmt: skip

# What a function changes itself: f is called with 1, 1, 2, 1, 2 in each of two processes, which
# computes each once.
STATE = {
    "counter": main("N = 0\ndef count():\n    global N\n    N += 1\n", "(count(), x)"),
    "own counter": main("N = 0\n", "N").replace("    return", "    global N\n    N += 1\n    return"),
    "memo": main("M = {}\ndef g(x):\n    if x not in M:\n        M[x] = x + 1\n    return M[x]\n", "g(x)"),
    "memo by setdefault": main("M = {}\n", "M.setdefault(x, x + 1)"),
    "log": main("LOG = []\n", "LOG.append(x) or x"),
    "log passed on": main("LOG = []\ndef note(log, x):\n    log.append(x)\n    return x\n", "note(LOG, x)"),
    "attribute of a function": main("def g(x):\n    g.calls += 1\n    return x\ng.calls = 0\n", "g(x)"),
    "class counter": main("class C:\n    n = 0\n    def __init__(self):\n        C.n += 1\n", "C() and x"),
    "object's counter": main("class C:\n    n = 0\n    def m(self, x):\n        self.n += 1\n        return x\nO = C()\n", "O.m(x)"),
    "object's list": main("class C:\n    def __init__(self):\n        self.seen = []\n    def m(self, x):\n        self.seen.append(x)\n        return x\nO = C()\n", "O.m(x)"),
    "cached property": main("import functools\nclass C:\n    @functools.cached_property\n    def p(self):\n        return 1\nO = C()\n", "O.p + x"),
    "lru_cache": main("import functools\n@functools.lru_cache\n" + G, "g(x)"),
    "nonlocal": main("def make():\n    n = 0\n    def g(x):\n        nonlocal n\n        n += 1\n        return x\n    return g\ng = make()\n", "g(x)"),
    "list of a closure": main("def make():\n    seen = []\n    def g(x):\n        seen.append(x)\n        return x\n    return g\ng = make()\n", "g(x)"),
    "lazy global": main("M = None\ndef get():\n    global M\n    if M is None:\n        M = [1]\n    return M\n", "get()[0] + x"),
    "lock": main("import threading\nL = threading.Lock()\n", "x").replace("    return", "    with L:\n        pass\n    return"),
    "logger": main("import logging\nL = logging.getLogger('x')\n", "L.info(x) or x"),
    "generator": main("I = iter(range(100))\n", "next(I) or x"),
    "count": main("import itertools\nI = itertools.count()\n", "(next(I), x)[1]"),
    "random generator": main("import random\nR = random.Random(0)\n", "(R.random(), x)[1]"),
    "deque": main("import collections\nD = collections.deque(maxlen=2)\n", "D.append(x) or x"),
    "defaultdict": main("import collections\nD = collections.defaultdict(list)\n", "D[x] or x"),
    "counter of two keys": main("D = {'a': [0, 0]}\n", "x").replace("    return", "    D['a'][x % 2] += 1\n    return"),
    "variable of a module": module("N = 0\n", "x").items() and {"helpers.py": "N = 0\n", "main.py": main("import helpers", "x").replace("    return", "    helpers.N += 1\n    return")},
    "class counter by its object": main("class C:\n    n = 0\n    def m(self, x):\n        type(self).n += 1\n        return x\n", "C().m(x)"),
    "class counter by a classmethod": main("class C:\n    n = 0\n    @classmethod\n    def m(cls, x):\n        cls.n += 1\n        return x\n", "C.m(x)"),
    "attribute by its name": main("class C:\n    n = 0\n", "x").replace("    return", "    setattr(C, 'n', C.n + 1)\n    return"),
    "executor": main("from concurrent.futures import ThreadPoolExecutor\nE = ThreadPoolExecutor(2)\n" + G, "list(E.map(g, [x]))"),
    "global container exchanged": main("L = []\n", "x").replace("    return", "    global L\n    L = L + [x]\n    return"),
    "recursion with a memo": main("M = {}\n", "x").replace("    return x", "    if x < 2:\n        return x\n    M[x] = f(x - 1)\n    return M[x]"),
}  # fmt: skip

# What somebody changes between two calls in one process: `change()`, and whether f(1) is computed
# again then.
LIVE = {
    "constant": (main("K = 1\n", "x + K", after="def change():\n    global K\n    K = 2"), AGAIN),
    "constant set to the same": (main("K = 1\n", "x + K", after="def change():\n    global K\n    K = 1"), NOT),
    "another variable": (main("K = 1\nOTHER = 1\n", "x + K", after="def change():\n    global OTHER\n    OTHER = 2"), NOT),
    "dict in place": (main("K = {'a': 1}\n", "K['a']", after="def change():\n    K['a'] = 2"), AGAIN),
    "nested dict in place": (main("K = {'a': {'b': 1}}\n", "K['a']['b']", after="def change():\n    K['a']['b'] = 2"), AGAIN),
    "list in place": (main("K = [1]\n", "list(K)", after="def change():\n    K.append(2)"), AGAIN),
    "set in place": (main("K = {1}\n", "sorted(K)", after="def change():\n    K.add(2)"), AGAIN),
    "bytearray in place": (main("K = bytearray(b'ab')\n", "bytes(K)", after="def change():\n    K[0] = 1"), AGAIN),
    "attribute of a module": (module("K = 1\ndef g(x):\n    return x + K\n") | {"main.py": main("import helpers", "helpers.g(x)", after="def change():\n    helpers.K = 2")}, AGAIN),
    "builtin exchanged": (main("h = max\n", "h(x, 3)", after="def change():\n    global h\n    h = min"), AGAIN),
    "own code patched": (main("", "x + 1", after="def change():\n    f.__wrapped__.__code__ = (lambda x: x + 5).__code__"), AGAIN),
    "own code patched, which alone counts": (main("", "x + 1", "(auto_invalidate='self')", after="def change():\n    f.__wrapped__.__code__ = (lambda x: x + 5).__code__"), AGAIN),
    "list in a partial": (main("import functools\ndef g(k, x):\n    return x + k[0]\nP = functools.partial(g, [1])\n", "P(x)", after="def change():\n    P.args[0][0] = 5"), AGAIN),
    "keyword of a partial": (main("import functools\ndef g(x, k=0):\n    return x + k\nP = functools.partial(g, k=1)\n", "P(x)", after="def change():\n    P.keywords['k'] = 5"), AGAIN),
    "object of a bound method": (main("class C:\n    def __init__(self):\n        self.k = 1\n    def m(self):\n        return self.k\nO = C()\nh = O.m\n", "h()", after="def change():\n    O.k = 5"), AGAIN),
    "deque in place": (main("import collections\nD = collections.deque([1])\n", "D[0]", after="def change():\n    D[0] = 5"), AGAIN),
    "list of one's own class": (main("class D(list):\n    pass\nT = D([1])\n", "T[0]", after="def change():\n    T[0] = 5"), AGAIN),
    "part of an array": (main("import numpy as np\nD = np.zeros((4, 4))[::2, ::2]\n", "D[1, 1]", after="def change():\n    D[1, 1] = 5"), AGAIN),
    "series in place": (main("import pandas as pd\nD = pd.Series([1, 2])\n", "int(D[0])", after="def change():\n    D[0] = 5"), AGAIN),
    "what is beside a large object": (main("import threading\nBIG = threading.Thread(args=[[n] for n in range(900)])\nK = {'a': 1}\nL = [BIG, K]\n", "L[1]['a']", after="def change():\n    K['a'] = 5"), AGAIN),
    "function patched": (main(G, "g(x)", after="def change():\n    global g\n    g = lambda x: x + 5"), AGAIN),
    "code patched": (main(G, "g(x)", after="def change():\n    g.__code__ = (lambda x: x + 5).__code__"), AGAIN),
    "default patched": (main("def g(x, k=1):\n    return x + k\n", "g(x)", after="def change():\n    g.__defaults__ = (5,)"), AGAIN),
    "method patched": (main(CLASS, "C().m(x)", after="def change():\n    C.m = lambda self, x: x + 5"), AGAIN),
    "class attribute": (main(CLASS, "C().m(x)", after="def change():\n    C.k = 5"), AGAIN),
    "base's attribute": (main(CLASS + "class D(C):\n    pass\n", "D().m(x)", after="def change():\n    C.k = 5"), AGAIN),
    "object's attribute": (main(CLASS + "O = C()\n", "O.m(x)", after="def change():\n    O.k = 5"), AGAIN),
    "argument's class": (main(CLASS, "x.k", after="ARGS = (C(),)\ndef change():\n    C.k = 5"), AGAIN),
    "same function again": (main(G, "g(x)", after="def change():\n    exec(compile(open(__file__).read().split('@')[0], __file__, 'exec'), globals())"), NOT),
    "registry": (main("from functools import singledispatch\n@singledispatch\ndef g(x):\n    return 0\n", "g(x)", after="def change():\n    g.register(int, lambda x: 5)"), AGAIN),
    "closure's cell": (main("def make():\n    k = [1]\n    def g(x):\n        return x + k[0]\n    return g, k\ng, cell = make()\n", "g(x)", after="def change():\n    cell[0] = 5"), AGAIN),
    "reloaded": (module(G) | {"main.py": main("import helpers", "helpers.g(x)", after="def change():\n    import importlib\n    open('helpers.py', 'w').write('def g(x):\\n    return x + 7\\n')\n    importlib.reload(helpers)")}, AGAIN),
}  # fmt: skip
