"""Edits as those of editrows.py, of what is less usual: how modules are imported, what classes and
functions are made by, values of all kinds; and what is changed between two calls.
"""

from editrows import AGAIN, CLASS, DECORATOR, HEAD, NOT, G, main, module


def main_with(before, lines, body, after="", options=""):
    """The same as main(), with statements before the one that returns."""
    return main(before, body, options, after).replace(
        f"    return {body}", f"{lines}    return {body}"
    )


IMPORTS = [
    ("star import, chain", {"main.py": main("from a import *", "g(x)"), "a.py": "from b import *\n", "b.py": G}, ("b.py", "x + 1", "x + 2"), AGAIN),
    ("conditional import", {"main.py": main("import sys\nif sys.version_info >= (3,):\n    from a import g\nelse:\n    from b import g", "g(x)"), "a.py": G, "b.py": G}, ("a.py", "x + 1", "x + 2"), AGAIN),
    ("conditional import, other branch", {"main.py": main("import sys\nif sys.version_info >= (3,):\n    from a import g\nelse:\n    from b import g", "g(x)"), "a.py": G, "b.py": G}, ("b.py", "x + 1", "x + 2"), NOT),
    ("import in function of submodule", {"main.py": main("", "h(x)").replace("    return", "    import pkg.core\n    h = pkg.core.g\n    return"), "pkg/__init__.py": "", "pkg/core.py": G}, ("pkg/core.py", "x + 1", "x + 2"), AGAIN),
    ("import in function as", {"main.py": main("", "m.g(x)").replace("    return", "    import pkg.core as m\n    return"), "pkg/__init__.py": "", "pkg/core.py": G}, ("pkg/core.py", "x + 1", "x + 2"), AGAIN),
    ("import in function from pkg import sub", {"main.py": main("", "core.g(x)").replace("    return", "    from pkg import core\n    return"), "pkg/__init__.py": "", "pkg/core.py": G}, ("pkg/core.py", "x + 1", "x + 2"), AGAIN),
    ("import in function, two names", {"main.py": main("", "g(x) + K").replace("    return", "    from a import g, K\n    return"), "a.py": G+"K = 1\n"}, ("a.py", "K = 1", "K = 2"), AGAIN),
    ("import in function in loop", {"main.py": main("", "t").replace("    return", "    t = 0\n    for i in range(2):\n        from a import g\n        t += g(i)\n    return"), "a.py": G}, ("a.py", "x + 1", "x + 2"), AGAIN),
    ("import in function, try", {"main.py": main("", "g(x)").replace("    return", "    try:\n        from a import g\n    except ImportError:\n        g = abs\n    return"), "a.py": G}, ("a.py", "x + 1", "x + 2"), AGAIN),
    ("relative two levels", {"main.py": main("from pkg.sub.a import g", "g(x)"), "pkg/__init__.py": "K = 1\n", "pkg/sub/__init__.py": "", "pkg/sub/a.py": "from .. import K\nfrom ..b import h\ndef g(x):\n    return h(x) + K\n", "pkg/b.py": "def h(x):\n    return x + 1\n"}, ("pkg/b.py", "x + 1", "x + 2"), AGAIN),
    ("relative two levels within", {"main.py": main("from pkg.sub.a import g", "g(x)"), "pkg/__init__.py": "K = 1\n", "pkg/sub/__init__.py": "", "pkg/sub/a.py": "def g(x):\n    from ..b import h\n    return h(x)\n", "pkg/b.py": "def h(x):\n    return x + 1\n"}, ("pkg/b.py", "x + 1", "x + 2"), AGAIN),
    ("relative from . within", {"main.py": main("from pkg.a import g", "g(x)"), "pkg/__init__.py": "K = 1\n", "pkg/a.py": "def g(x):\n    from . import b\n    return b.h(x)\n", "pkg/b.py": "def h(x):\n    return x + 1\n"}, ("pkg/b.py", "x + 1", "x + 2"), AGAIN),
    ("importlib.import_module at top", {"main.py": main("import importlib\nm = importlib.import_module('a')", "m.g(x)"), "a.py": G}, ("a.py", "x + 1", "x + 2"), AGAIN),
    ("module in a dict", {"main.py": main("import a\nMODS = {'a': a}\n", "MODS['a'].g(x)"), "a.py": G}, ("a.py", "x + 1", "x + 2"), AGAIN),
    ("module alias local", {"main.py": main("import a", "m.g(x)").replace("    return", "    m = a\n    return"), "a.py": G}, ("a.py", "x + 1", "x + 2"), AGAIN),
    ("module passed on", {"main.py": main("import a\ndef use(m, x):\n    return m.g(x)\n", "use(a, x)"), "a.py": G}, ("a.py", "x + 1", "x + 2"), AGAIN),
    ("module __getattr__", {"main.py": main("import a", "a.zeta + x"), "a.py": "def __getattr__(name):\n    return {'zeta': 5}[name]\n"}, ("a.py", "5", "6"), AGAIN),
    ("module __getattr__ lazily imports", {"main.py": main("import pkg", "pkg.core.g(x)"), "pkg/__init__.py": "import importlib\ndef __getattr__(name):\n    return importlib.import_module('.' + name, __name__)\n", "pkg/core.py": G}, ("pkg/core.py", "x + 1", "x + 2"), AGAIN),
    ("lazy import global pattern", {"main.py": main("a = None\ndef load():\n    global a\n    if a is None:\n        import a as m\n        a = m\n    return a\n", "load().g(x)"), "a.py": G}, ("a.py", "x + 1", "x + 2"), AGAIN),
    ("namespace package", {"main.py": main("import ns.core", "ns.core.g(x)"), "ns/core.py": G}, ("ns/core.py", "x + 1", "x + 2"), AGAIN),
    ("sys.modules replaced class instance", {"main.py": main("import a", "a.g(x)"), "a.py": "import sys\nclass M:\n    def g(self, x):\n        return x + 1\nsys.modules[__name__] = M()\n"}, ("a.py", "x + 1", "x + 2"), AGAIN),
    ("monkeypatched at import", {"main.py": main("import a, patch", "a.g(x)"), "a.py": G, "patch.py": "import a\na.g = lambda x: x + 5\n"}, ("patch.py", "x + 5", "x + 6"), AGAIN),
    ("monkeypatched method", {"main.py": main("import a, patch", "a.C().m(x)"), "a.py": CLASS, "patch.py": "import a\na.C.m = lambda self, x: x + 5\n"}, ("patch.py", "x + 5", "x + 6"), AGAIN),
    ("vars(module)", module(G, "vars(helpers)['g'](x)"), ("helpers.py", "x + 1", "x + 2"), AGAIN),
    ("module.__dict__", module(G, "helpers.__dict__['g'](x)"), ("helpers.py", "x + 1", "x + 2"), AGAIN),
    ("getattr constant string", module(G, "getattr(helpers, 'g')(x)"), ("helpers.py", "x + 1", "x + 2"), AGAIN),
    ("condition of def", main("FLAG = True\nif FLAG:\n    def g(x):\n        return x + 1\nelse:\n    def g(x):\n        return x + 5\n", "g(x)"), ("FLAG = True", "FLAG = False"), AGAIN),
    ("redefined later", main(G, "g(x)", after="def g(x):\n    return x + 5\n"), ("x + 5", "x + 6"), AGAIN),
    ("redefined, first edited", main(G, "g(x)", after="def g(x):\n    return x + 5\n"), ("x + 1", "x + 2"), NOT),
]  # fmt: skip

CLASSES = [
    ("nested class", main("class A:\n    class B:\n        def m(self):\n            return 1\n", "A.B().m()"), ("return 1", "return 2"), AGAIN),
    ("nested class other", main("class A:\n    class B:\n        K = 1\n    class C:\n        K = 7\n", "A.B.K"), ("K = 7", "K = 2"), NOT),
    ("class in function", main("", "A().m()").replace("    return A", "    class A:\n        def m(self):\n            return g(x)\n    return A") .replace("\n@persist", "\ndef g(x):\n    return x + 1\n@persist"), ("x + 1", "x + 2"), AGAIN),
    ("class from factory", main("def make(k):\n    class A:\n        def m(self):\n            return k\n    return A\nA = make(1)\n", "A().m()"), ("make(1)", "make(2)"), AGAIN),
    ("type()", main("A = type('A', (), {'k': 1, 'm': lambda self: self.k})\n", "A().m()"), ("'k': 1", "'k': 2"), AGAIN),
    ("property setter", main("class C:\n    @property\n    def p(self):\n        return self._p\n    @p.setter\n    def p(self, v):\n        self._p = v + 1\n", "c.p").replace("    return c", "    c = C()\n    c.p = 1\n    return c"), ("v + 1", "v + 2"), AGAIN),
    ("property by call", main("def get(self):\n    return 1\nclass C:\n    p = property(get)\n", "C().p"), ("return 1", "return 2"), AGAIN),
    ("descriptor state", main("class D:\n    def __init__(self, k):\n        self.k = k\n    def __get__(self, a, b):\n        return self.k\nclass C:\n    d = D(1)\n", "C().d"), ("D(1)", "D(2)"), AGAIN),
    ("descriptor __set_name__", main("class D:\n    def __set_name__(self, o, n):\n        self.n = n + 'a'\n    def __get__(self, a, b):\n        return self.n\nclass C:\n    d = D()\n", "C().d"), ("'a'", "'b'"), AGAIN),
    ("descriptor on class read", main("class D:\n    def __get__(self, a, b):\n        return 1\nclass C:\n    d = D()\n", "C.d"), ("return 1", "return 2"), AGAIN),
    ("dataclass field added", main("import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int = 1\n", "repr(C())"), ("    a: int = 1\n", "    a: int = 1\n    b: int = 2\n"), AGAIN),
    ("dataclass order of fields", main("import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int = 1\n    b: int = 1\n", "repr(C())"), ("    a: int = 1\n    b: int = 1\n", "    b: int = 1\n    a: int = 1\n"), AGAIN),
    ("dataclass order", main("import dataclasses\n@dataclasses.dataclass(order=True)\nclass C:\n    a: int = 1\n", "hasattr(C, '__lt__')"), ("order=True", "order=False"), AGAIN),
    ("dataclass post_init", main("import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int = 1\n    def __post_init__(self):\n        self.b = 1\n", "C().b"), ("self.b = 1", "self.b = 2"), AGAIN),
    ("dataclass metadata", main("import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int = dataclasses.field(default=1, metadata={'u': 1})\n", "dataclasses.fields(C)[0].metadata['u']"), ("'u': 1", "'u': 2"), AGAIN),
    ("dataclass required field renamed", main("import dataclasses\n@dataclasses.dataclass\nclass C:\n    a: int\n", "repr(C(1))"), ("a: int", "b: int"), AGAIN),
    ("NamedTuple", main("import typing\nclass P(typing.NamedTuple):\n    a: int\n    b: int = 1\n    def m(self):\n        return self.b\n", "P(1).m()"), ("b: int = 1", "b: int = 2"), AGAIN),
    ("NamedTuple method", main("import typing\nclass P(typing.NamedTuple):\n    a: int\n    def m(self):\n        return self.a + 1\n", "P(1).m()"), ("a + 1", "a + 2"), AGAIN),
    ("NamedTuple type", main("import typing\nclass P(typing.NamedTuple):\n    a: int\n", "repr(P(1))"), ("a: int", "a: float"), NOT),
    ("TypedDict", main("import typing\nclass P(typing.TypedDict):\n    a: int\n", "P(a=1)"), ("a: int", "a: float"), NOT),
    ("IntEnum", main("import enum\nclass E(enum.IntEnum):\n    A = 1\n    B = 2\n", "E.A + x"), ("A = 1", "A = 3"), AGAIN),
    ("Flag", main("import enum\nclass E(enum.Flag):\n    A = 1\n    B = 2\n", "(E.A | E.B).value"), ("B = 2", "B = 4"), AGAIN),
    ("enum by value", main("import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\n", "E(x).name"), ("    A = 1\n    B = 2", "    B = 1\n    A = 2"), AGAIN),
    ("enum alias", main("import enum\nclass E(enum.Enum):\n    A = 1\n    B = 1\n", "E.B.name"), ("B = 1", "B = 2"), AGAIN),
    ("enum method uses member", main("import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\n    def m(self):\n        return E.B.value\n", "E.A.m()"), ("B = 2", "B = 3"), AGAIN),
    ("metaclass attr", main("class M(type):\n    k = 1\nclass C(metaclass=M):\n    pass\n", "C.k"), ("k = 1", "k = 2"), AGAIN),
    ("metaclass __new__ adds", main("class M(type):\n    def __new__(m, n, b, d):\n        d['z'] = 1\n        return type.__new__(m, n, b, d)\nclass C(metaclass=M):\n    pass\n", "C.z"), ("= 1", "= 2"), AGAIN),
    ("__init_subclass__", main("class B:\n    def __init_subclass__(cls, k=0, **kw):\n        cls.k = k\nclass C(B, k=1):\n    pass\n", "C.k"), ("k=1", "k=2"), AGAIN),
    ("__init_subclass__ registry", main("R = {}\nclass B:\n    def __init_subclass__(cls):\n        R[cls.__name__] = cls\nclass C(B):\n    def m(self):\n        return 1\n", "R['C']().m()"), ("return 1", "return 2"), AGAIN),
    ("registry by decorator", main("R = {}\ndef reg(f):\n    R[f.__name__] = f\n    return f\n@reg\ndef g(x):\n    return x + 1\n", "R['g'](x)"), ("x + 1", "x + 2"), AGAIN),
    ("registry other file", {"main.py": main("import reg, plug", "reg.R['g'](x)"), "reg.py": "R = {}\ndef add(f):\n    R[f.__name__] = f\n    return f\n", "plug.py": "from reg import add\n@add\n"+G}, ("plug.py", "x + 1", "x + 2"), AGAIN),
    ("__class_getitem__", main("class C:\n    def __class_getitem__(cls, k):\n        return k + 1\n", "C[x]"), ("k + 1", "k + 2"), AGAIN),
    ("super chain", main("class A:\n    def m(self):\n        return 1\nclass B(A):\n    def m(self):\n        return super().m()\n", "B().m()"), ("return 1", "return 2"), AGAIN),
    ("mixin order", main("class A:\n    k = 1\nclass B:\n    k = 2\nclass C(A, B):\n    pass\n", "C().k"), ("C(A, B)", "C(B, A)"), AGAIN),
    ("class decorator", main("def deco(cls):\n    cls.k = 1\n    return cls\n@deco\nclass C:\n    pass\n", "C().k"), (".k = 1", ".k = 2"), AGAIN),
    ("singledispatchmethod", main("import functools\nclass C:\n    @functools.singledispatchmethod\n    def m(self, a):\n        return 0\n    @m.register\n    def _(self, a: int):\n        return 1\n", "C().m(x)"), ("return 1", "return 2"), AGAIN),
    ("partialmethod", main("import functools\nclass C:\n    def m(self, k):\n        return k\n    n = functools.partialmethod(m, 1)\n", "C().n()"), ("m, 1", "m, 2"), AGAIN),
    ("Generic argument", main("import typing\nT = typing.TypeVar('T')\nclass B(typing.Generic[T]):\n    def m(self):\n        return 1\nclass C(B[int]):\n    pass\n", "C().m()"), ("B[int]", "B[float]"), NOT),
    ("__getattr__ of class", main("class C:\n    def __getattr__(self, n):\n        return 1\n", "C().zeta"), ("return 1", "return 2"), AGAIN),
    ("__call__", main("class C:\n    def __call__(self, x):\n        return x + 1\nh = C()\n", "h(x)"), ("x + 1", "x + 2"), AGAIN),
    ("operator", main("class C:\n    def __add__(self, x):\n        return x + 1\nh = C()\n", "h + x"), ("x + 1", "x + 2"), AGAIN),
    ("instance with slots", main("class C:\n    __slots__ = ('a',)\n    def __init__(self, a):\n        self.a = a\nO = C(1)\n", "O.a"), ("C(1)", "C(2)"), AGAIN),
    ("instance cycle", main("class C:\n    pass\nO = C()\nO.me = O\nO.k = 1\n", "O.me.k"), (".k = 1", ".k = 2"), AGAIN),
    ("list of instances", main("class C:\n    def __init__(self, k): self.k = k\nL = [C(1), C(2)]\n", "[c.k for c in L]"), ("C(2)", "C(3)"), AGAIN),
    ("dict subclass", main("class D(dict):\n    def m(self):\n        return self['a']\nO = D(a=1)\n", "O.m()"), ("a=1", "a=2"), AGAIN),
    ("exception class", main("class E(Exception):\n    code = 1\ndef g():\n    try:\n        raise E\n    except E as e:\n        return e.code\n", "g()"), ("code = 1", "code = 2"), AGAIN),
    ("match args", main_with("class C:\n    __match_args__ = ('a',)\n    a = 1\n    b = 2\n", "    match C():\n        case C(k):\n            pass\n", "k"), ("('a',)", "('b',)"), AGAIN),
]  # fmt: skip

VALUES = [
    ("types.SimpleNamespace", main("import types\nN = types.SimpleNamespace(k=1, other=2)\n", "N.k"), ("k=1", "k=3"), AGAIN),
    ("MappingProxyType", main("import types\nN = types.MappingProxyType({'k': 1})\n", "N['k']"), ("'k': 1", "'k': 3"), AGAIN),
    ("ChainMap", main("import collections\nN = collections.ChainMap({'k': 1}, {'k': 5})\n", "N['k']"), ("'k': 1", "'k': 3"), AGAIN),
    ("deque constant", main("import collections\nN = collections.deque([1])\n", "N[0]"), ("[1]", "[3]"), AGAIN),
    ("array.array", main("import array\nN = array.array('i', [1])\n", "N[0]"), ("[1]", "[3]"), AGAIN),
    ("operator.itemgetter", main("import operator\nN = operator.itemgetter(0)\n", "N([5, 6])"), ("(0)", "(1)"), AGAIN),
    ("struct", main("import struct\nN = struct.Struct('i')\n", "N.size"), ("'i'", "'q'"), AGAIN),
    ("builtin swapped", main("h = max\n", "h(x, 3)"), ("= max", "= min"), AGAIN),
    ("stdlib function swapped", main("import math\nh = math.sin\n", "h(x)"), ("math.sin", "math.cos"), AGAIN),
    ("stdlib class instance holding function", main("import functools\nh = functools.cmp_to_key(lambda a, b: a - b)\n", "sorted([2,1,3], key=h)"), ("a - b", "b - a"), AGAIN),
    ("type alias used", main("Number = int\n", "Number('3')"), ("= int", "= float"), AGAIN),
    ("builtin shadowed", main("def len(y):\n    return 1\n", "len([])"), ("return 1", "return 2"), AGAIN),
    ("builtin shadow added", main("#\n", "len([x])"), ("#\n", "def len(y):\n    return 9\n"), AGAIN),
    ("constant computed", main("K = sum(range(3))\n", "K"), ("range(3)", "range(4)"), AGAIN),
    ("constant read from file", {"main.py": main("K = open('d.txt').read()\n", "K"), "d.txt": "a"}, ("d.txt", "a", "b"), AGAIN),
    ("weakref to function", main("import weakref\n"+G+"T = weakref.ref(g)\n", "T()(x)"), ("x + 1", "x + 2"), AGAIN),
    ("WeakValueDictionary", main("import weakref\n"+G+"T = weakref.WeakValueDictionary(g=g)\n", "T['g'](x)"), ("x + 1", "x + 2"), AGAIN),
    ("set of functions", main(G+"T = {g}\n", "[h(x) for h in T]"), ("x + 1", "x + 2"), AGAIN),
    ("dataclass holding function", main("import dataclasses\n@dataclasses.dataclass\nclass P:\n    a: object\n"+G+"T = P(g)\n", "T.a(x)"), ("x + 1", "x + 2"), AGAIN),
    ("methodtype self", main("import types\n"+"def g(self, x):\n    return x + self\nT = types.MethodType(g, 5)\n", "T(x)"), ("g, 5", "g, 6"), AGAIN),
]  # fmt: skip

FUNCTIONS = [
    ("closures in loop", main("FS = []\nfor k in (1, 2):\n    def h(x, k=k):\n        return x + k\n    FS.append(h)\n", "[h(x) for h in FS]"), ("(1, 2)", "(1, 3)"), AGAIN),
    ("closures in loop by cell", main("def mk(k):\n    return lambda x: x + k\nFS = [mk(k) for k in (1, 2)]\n", "[h(x) for h in FS]"), ("(1, 2)", "(1, 3)"), AGAIN),
    ("partials in a dict", main("from functools import partial\ndef h(k, x):\n    return x + k\nT = {'a': partial(h, 1), 'b': partial(h, 2)}\n", "T['a'](x)"), ("partial(h, 1)", "partial(h, 5)"), AGAIN),
    ("partial of partial", main("from functools import partial\ndef h(a, b, x):\n    return a + b + x\nP = partial(partial(h, 1), 2)\n", "P(x)"), ("h, 1", "h, 3"), AGAIN),
    ("partial of builtin", main("from functools import partial\nP = partial(int, base=2)\n", "P('11')"), ("base=2", "base=3"), AGAIN),
    ("wraps chain of two", main(DECORATOR + "@twice(3)\n@twice(5)\n" + G, "g(x)"), ("twice(5)", "twice(6)"), AGAIN),
    ("decorator without wraps", main("def deco(f):\n    def inner(x):\n        return f(x) * 2\n    return inner\n@deco\n" + G, "g(x)"), ("* 2", "* 3"), AGAIN),
    ("decorator class", main("class Deco:\n    def __init__(self, f): self.f = f\n    def __call__(self, x): return self.f(x) * 2\n@Deco\n" + G, "g(x)"), ("* 2", "* 3"), AGAIN),
    ("decorator class with arguments", main("class Deco:\n    def __init__(self, k): self.k = k\n    def __call__(self, f):\n        return lambda x: f(x) * self.k\n@Deco(2)\n" + G, "g(x)"), ("Deco(2)", "Deco(3)"), AGAIN),
    ("below persist class deco", main("import functools\nclass Deco:\n    def __init__(self, f):\n        functools.update_wrapper(self, f)\n        self.f = f\n    def __call__(self, x): return self.f(x) * 2\n", "x").replace("@persist\n", "@persist\n@Deco\n"), ("* 2", "* 3"), AGAIN),
    ("below persist argument", main(DECORATOR, "x").replace("@persist\n", "@persist\n@twice(2)\n"), ("twice(2)", "twice(3)"), AGAIN),
    ("below persist lru_cache's helper", main("import functools\n"+G, "g(x)").replace("@persist\n", "@persist\n@functools.lru_cache\n"), ("x + 1", "x + 2"), AGAIN),
    ("lru_cache maxsize", main("import functools\n@functools.lru_cache(maxsize=5)\n"+G, "g(x)"), ("maxsize=5", "maxsize=6"), NOT),
    ("async generator", main("import asyncio\nasync def g(x):\n    yield x + 1\nasync def h(x):\n    return [y async for y in g(x)]\n", "asyncio.run(h(x))"), ("x + 1", "x + 2"), AGAIN),
    ("async with", main("import asyncio\nclass A:\n    async def __aenter__(self): return 1\n    async def __aexit__(self, *a): pass\nasync def h(x):\n    async with A() as y:\n        return y\n", "asyncio.run(h(x))"), ("return 1", "return 2"), AGAIN),
    ("yield from", main("def g(x):\n    yield x + 1\ndef h(x):\n    yield from g(x)\n", "list(h(x))"), ("x + 1", "x + 2"), AGAIN),
    ("f-string format spec", main("W = 5\n", "f'{x:{W}}'"), ("W = 5", "W = 6"), AGAIN),
    ("sorted key", main("def key(y):\n    return -y\n", "sorted([1, 2], key=key)"), ("return -y", "return y"), AGAIN),
    ("default of own function", main("K = 1\n", "y").replace("def f(x)", "def f(x, y=K)"), ("K = 1", "K = 2"), AGAIN),
    ("own default function", main(G, "y(x)").replace("def f(x)", "def f(x, y=g)"), ("x + 1", "x + 2"), AGAIN),
    ("lambdas on one line swapped", main("T = [lambda x: x + 1, lambda x: x + 2]\n", "T[0](x)"), ("[lambda x: x + 1, lambda x: x + 2]", "[lambda x: x + 2, lambda x: x + 1]"), AGAIN),
    ("lambda as default", main("def g(x, h=lambda y: y + 1):\n    return h(x)\n", "g(x)"), ("y + 1", "y + 2"), AGAIN),
    ("thread target", main_with("import threading\nR = []\ndef work():\n    R.append(1)\n", "    out = []\n    t = threading.Thread(target=lambda: out.append(g(x)))\n    t.start(); t.join()\n", "out[0]", after=G), ("x + 1", "x + 2"), AGAIN),
    ("memo in function attribute", main("def g(x):\n    if x not in g.memo:\n        g.memo[x] = x + 1\n    return g.memo[x]\ng.memo = {}\n", "g(x)"), ("x + 1", "x + 2"), AGAIN),
    ("own attribute constant", main("", "x + f.k", after="f.__wrapped__.k = 1\nf.k = 1\n"), ("f.k = 1", "f.k = 2"), AGAIN),
    ("persist of lambda", HEAD + G + "f = persist(lambda x: g(x))\n", ("x + 1", "x + 2"), AGAIN),
    ("persist of partial, helper", HEAD + "import functools\n" + G + "def h(k, x):\n    return g(x) + k\nf = persist(functools.partial(h, 1))\n", ("x + 1", "x + 2"), AGAIN),
    ("persist of bound method", HEAD + CLASS + "f = persist(C().m)\n", ("k = 1", "k = 2"), AGAIN),
    ("persist of callable object", HEAD + "class C:\n    def __init__(self): self.k = 1\n    def __call__(self, x):\n        return g(x) + self.k\n" + G + "f = persist(C())\n", ("x + 1", "x + 2"), AGAIN),
    ("method persisted: helper method", HEAD + "class C:\n    def h(self):\n        return 1\n    @persist\n    def m(self, x):\n        return x + self.h()\nf = C.m\nARGS = (C(), 1)\n", ("return 1", "return 2"), AGAIN),
    ("super() in persisted method", HEAD + "class B:\n    def h(self):\n        return 1\nclass C(B):\n    @persist\n    def m(self, x):\n        return x + super().h()\nf = C.m\nARGS = (C(), 1)\n", ("return 1", "return 2"), AGAIN),
    ("__class__ cell", HEAD + "class C:\n    k = 1\n    @persist\n    def m(self, x):\n        return x + __class__.k\nf = C.m\nARGS = (C(), 1)\n", ("k = 1", "k = 2"), AGAIN),
]  # fmt: skip

ODD_EDITS = {
    f"{kind}: {name}": row
    for kind, rows in {
        "imports": IMPORTS, "odd classes": CLASSES, "values": VALUES, "functions": FUNCTIONS,
    }.items()
    for name, *row in rows
}  # fmt: skip

ODD_STATE = {
    "memo of a class": main("class C:\n    items = {}\n    def m(self, x):\n        self.items[x] = 1\n        return x\n", "C().m(x)"),
    "one object of a class": main("class C:\n    one = None\n    @classmethod\n    def get(cls):\n        if cls.one is None:\n            cls.one = cls()\n        return cls.one\n    def m(self, x):\n        return x\n", "C.get().m(x)"),
    "module passed on": {"main.py": main("import a\ndef use(m, x):\n    return m.g(x)\n", "use(a, x)"), "a.py": "N = 0\nM = {}\ndef g(x):\n    global N\n    N += 1\n    M[x] = 1\n    return x\n"},
    "module imported late": {"main.py": main("a = None\ndef load():\n    global a\n    if a is None:\n        import a as m\n        a = m\n    return a\n", "load().g(x)"), "a.py": G},
    "name that a module gives once": {"main.py": main("import a", "a.zeta + x"), "a.py": "def __getattr__(name):\n    if name == 'zeta':\n        globals()['zeta'] = 5\n        return 5\n    raise AttributeError\n"},
    "heap": main_with("import heapq\nH = []\n", "    heapq.heappush(H, x)\n", "x"),
    "numpy's random generator": main("import numpy as np\nR = np.random.default_rng(0)\n", "(R.random(), x)[1]"),
    "counter in a slot": main_with("class C:\n    __slots__ = ('n',)\n    def __init__(self):\n        self.n = 0\n    def hit(self):\n        self.n += 1\nO = C()\n", "    O.hit()\n", "x"),
}  # fmt: skip

ODD_LIVE = {
    "one's own among the builtins": (main("import builtins\nbuiltins.zoo = lambda y: 7", "zoo(x)", after="def change():\n    builtins.zoo = lambda y: 8"), AGAIN),
    "class of an object": (main("class C:\n    k = 1\nclass D:\n    k = 2\nO = C()", "O.k", after="def change():\n    O.__class__ = D"), AGAIN),
    "attribute in a slot": (main("class C:\n    __slots__ = ('k',)\n    def __init__(self):\n        self.k = 1\nO = C()", "O.k", after="def change():\n    O.k = 5"), AGAIN),
    "class that registers itself": (main("class B:\n    all = []\n    def __init_subclass__(cls):\n        B.all.append(cls)\nclass C(B):\n    k = 1", "[c.k for c in B.all]", after="def change():\n    class D(B):\n        k = 5"), AGAIN),
    "module that is imported within": ({"main.py": main_with("", "    import a\n", "x * a.scale", after="def change():\n    import types, sys\n    sys.modules['a'] = types.SimpleNamespace(scale=3)"), "a.py": "scale = 1\n"}, AGAIN),
    "array of times": (main("import numpy as np\nD = np.zeros(3, 'M8[s]')\n", "str(D[0])", after="def change():\n    D[0] = 5"), AGAIN),
    "frame in place": (main("import pandas as pd\nD = pd.DataFrame({'a': [1, 2]})\n", "int(D['a'][0])", after="def change():\n    D.loc[0, 'a'] = 5"), AGAIN),
    "mock": ({"main.py": main("import a", "a.g(x)", after="def change():\n    from unittest import mock\n    mock.patch('a.g', return_value=9).start()"), "a.py": G}, AGAIN),
    "function of a partial": (main("import functools\ndef g(k, x):\n    return x + k\nP = functools.partial(g, 1)", "P(x)", after="def change():\n    g.__code__ = (lambda k, x: 9).__code__"), AGAIN),
}  # fmt: skip
