"""The same source is the same function in every Python version: a new one does not compute again
what an old one knew.

Other interpreters that have locache installed are named by LOCACHE_TEST_PYTHONS, their paths joined
by os.pathsep."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest

OTHERS = [
    p
    for p in os.environ.get("LOCACHE_TEST_PYTHONS", "").split(os.pathsep)
    if p and p != sys.executable
]
pytestmark = [
    # One interpreter compares itself with each of the others; what equals it is equal.
    pytest.mark.once,
    pytest.mark.skipif(not OTHERS, reason="LOCACHE_TEST_PYTHONS names no other interpreter"),
]

# Syntax that versions compile, or parse, in different ways. Each defines f.
SOURCES = {
    "plain": "def f(x):\n    return x * 3",
    "docstring": 'def f(x):\n    """Says what it does.\n\n    In two paragraphs."""\n    return x',
    "only a docstring": 'def f(x):\n    "Nothing is done."',
    "f-strings": r"""
        def f(x):
            width = 7
            a = f"{x}" f"b{x!r}" "c" f"" f"{{}}" f"{x:>{width}}{x!s:^{width}.{width}}"
            b = f"{x=}" f"{x = !r:>9}" f"{x:}" f"{'nested ' + f'{x:{width}d}'}"
            b += rf"\d{x}" f"\N{DIGIT ONE}\t{x}"
            c = f'''{
                x
            } and {x + 1
            :>{width}}'''
            return a, b, c, f"no field", f"{x!a}{x}" "", ""
    """,
    "strings": r"""
        def f(x):
            return "a" 'b' '''c
        d''', b"e" rb"\f", u"g", "\ud800", "\x00", r"\n", "é", ""
    """,
    "numbers": """
        def f(x):
            y = 10**30, 123456789012345678901234567890
            return 1, 1.0, True, -0.0, 1e400, 0x1F, 1_000, y, 1j, -1j, ...
    """,
    "match": """
        def f(x):
            match x:
                case None | True | False: return 0
                case -1 | 2.5 | 1 + 2j | "a" "b": return 1
                case [1, *rest] | (1, 2, *rest): return rest
                case {"a": 1, **rest}: return rest
                case int(real=2) as y if y: return "two"
                case str() | object(a=_): return 2
                case _: return 3
    """,
    "comprehensions": """
        def f(x):
            y = [i * j for i in range(x) if i for j in range(i)]
            z = {i for i in y}, {i: [k for k in y] for i in y}, list(i for i in y)
            return y, z, [a := x, a]
    """,
    "try": """
        def f(x):
            try:
                with open("/nowhere/at/all") as a, open("/nowhere") as b:
                    return a, b
            except (OSError, ValueError) as error:
                y = type(error).__name__
            except Exception:
                raise
            else:
                y = 2
            finally:
                x += 1
            return x, y
    """,
    "parenthesised with": """
        import contextlib
        def f(x):
            with (
                contextlib.nullcontext(1) as a,
                contextlib.nullcontext(2) as b,
            ):
                return a + b + x
    """,
    "loops": """
        def f(x):
            while True:
                x += 1
                if x > 5: break
                for i in range(3):
                    if i == 1: continue
                    x += i
                else:
                    x += 1
            return x
    """,
    "boolean": """
        def f(x):
            y = (x and 1) or (not x and 2) or 3
            z = x is None, x is not None, x in (1, 2), x not in {1, 2}
            return y if 0 < x <= 5 != 4 else z
    """,
    "nested": '''
        def f(x, /, y=1, *args, k=2, **kwargs):
            """f"""
            @staticmethod
            def g(a: int, *, b: "str" = "s") -> None:
                """g"""
                nonlocal x
                x += 1
                return a, b, x
            class A(object, metaclass=type):
                """A"""
                field: int = 1
                other: "list[int]"
                def __private(self): return self.__private, __class__
            z: int = 1
            w: int
            return g.__func__(y), A.field, z, sorted(A.__annotations__)
    ''',
    "lambda": "f = lambda x, *, y=1: [x, y, lambda: x][0]",
    "method": """
        class A:
            def __f(self, x): return x
            @staticmethod
            def s(x): return x * 2
        f = A.s
    """,
    "decorated": """
        import functools
        def plus(n):
            def decorate(g):
                @functools.wraps(g)
                def wrapper(*args): return g(*args) + n
                return wrapper
            return decorate
        @plus(
            1
        )
        @plus(2)
        def f(x): return x
    """,
    "generators within": """
        def f(x):
            def g():
                y = yield 1
                yield from [y, 2]
            return list(g())
    """,
    "async within": """
        import asyncio
        def f(x):
            async def items():
                for i in range(x):
                    yield i
            async def run():
                async with asyncio.Lock():
                    return [i async for i in items()] + [await asyncio.sleep(0, 7)]
            return asyncio.run(run())
    """,
    "statements": """
        import math
        g = 1
        def f(x):
            global g
            import os.path as p, sys
            from math import (sin as s, cos)
            a = [1, 2, 3]; a[0] += 1; a[:] = a[::-1]; b, *c = a; del a[0]
            assert x, "x"
            d = e = {**{"k": 1}, "l": [*a, *c]}
            return dict(*[], **{}), x if x else ..., d, ~x, x ** 2, x // 2, x << 1, x % 2
    """,
    "annotations that are read": """
        def f(x):
            def g(a: int, *b: "str", **c: list[int]) -> None: return g.__annotations__
            async def h(a: int = 1): pass
            class A:
                y: int
                (z): int = 1
                A: "text" = 2
            x: int
            (y): str = x
            return sorted(A.__annotations__), len(g(1))
    """,
    "patterns of f-strings": r"""
        def f(x):
            y = f"{x:{'>'}{10}}" f"{x!r:^{4}}" f"{'a' if x else 'b'}" f"{x!s:%>5}"
            return y, f"{ {1: 2}[1] }", f"{(lambda z: z)(x)}", f"{x:,}{x:e}" "{x}" f"{{{x}}}"
    """,
    "constants of all kinds": """
        def f(x):
            a = (1, (2.5, None), "a", b"b", True, ..., -1, 1e-300, 0xFF if 0 else 3)
            return a[0], x in {1, "b", (2, 3)}, x[1:2] if 0 else 1_0.0_1, 10**20 * 3, "a" * 3
    """,
    "lambdas of one line": "g, f = (lambda x: x + 1), (lambda x: x + 2)",
    "private names": """
        class A:
            __b = 1
            def f(self, __x=2):
                import os as __os
                return self, __x, __os.sep, A.__b
        f = A.f
    """,
    "names of every script": (
        "def f(x):\n    gr\u00fcn = \ufb01 = \u03c0 = x\n"
        "    return gr\u00fcn, fi, \u03c0, '\U0001f600'\n"
    ),
    "deep": "def f(x): return " + " + ".join(["x"] * 400),
    "many branches": "def f(x):\n    if x == 0: return 0\n"
    + "".join(f"    elif x == {i}: return {i}\n" for i in range(1, 60)),
    "star expressions": """
        def f(x):
            a, *b = [*range(x), *{1}]
            for c in *b, a: x += c
            return {**{}, "a": 1}, (*b, a), max(*[1, 2], **{}), a, x
    """,
    "decorated within": """
        def f(x):
            @(lambda g: g)
            def g(a=lambda: x, /, *, b: int = 2): return a(), b
            @(lambda c: c)
            class A(list, metaclass=type): pass
            return g(), A.__mro__[1].__name__
    """,
    "assertions": "def f(x):\n    assert x\n    return __debug__",
    "invalid escape": "def f(x):\n    return '\\d'",
    "semicolons": "def f(x): x += 1; pass; return x;",
    "type comments": "def f(x):\n    # type: (int) -> int\n    y = x  # type: int\n    return y",
}


def program():
    parts = ["from locache import persist"]
    for i, (name, source) in enumerate(SOURCES.items()):
        parts.append(textwrap.dedent(source).strip("\n"))
        # The count of misses says whether it was computed; a name of its own keeps the directories
        # apart.
        parts.append(f"f = persist(f, name='c{i}')")
        parts.append(f"f(2); print({name!r}, f.cache_info().misses)")
    return "\n".join(parts) + "\n"


@pytest.fixture
def run(tmp_path):
    """Run a program under an interpreter: its output."""

    def run(python, source, *options):
        (tmp_path / "foo.py").write_text(source, encoding="utf-8")
        done = subprocess.run(
            [python, "-W", "ignore", *options, tmp_path / "foo.py"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize("python", OTHERS)
def test_every_construct_is_the_same_in_both(run, python):
    names = list(SOURCES)
    assert run(sys.executable, program()).splitlines() == [f"{name} 1" for name in names]
    assert run(python, program()).splitlines() == [f"{name} 0" for name in names]
    assert run(python, program()).splitlines() == [f"{name} 0" for name in names]
    assert run(sys.executable, program()).splitlines() == [f"{name} 0" for name in names]


FOO = """
from locache import persist

@persist
def f(x):
    print("run")
    return x * 3

f(2)
"""
COMMENTED = FOO.replace("x * 3", "(x *\n        3)  # thrice").replace(
    "f(x):", 'f(x: int) -> int:\n    "doc"'
)
CHANGED = FOO.replace("x * 3", "x * 4")


@pytest.mark.parametrize("python", OTHERS)
def test_layout_may_change_with_the_version(run, python):
    run(sys.executable, FOO)
    assert run(python, COMMENTED) == ""


@pytest.mark.parametrize("python", OTHERS)
def test_change_between_versions_is_noticed_and_undone(run, python):
    run(sys.executable, FOO)
    assert run(python, CHANGED) == "run\n"
    assert run(sys.executable, CHANGED) == ""
    assert run(sys.executable, FOO) == ""
    assert run(python, FOO) == ""
    assert run(python, CHANGED) == ""


def test_all_versions_in_turn(run):
    everybody = [sys.executable, *OTHERS]
    assert [run(python, FOO) for python in everybody] == ["run\n"] + [""] * len(OTHERS)
    assert [run(python, CHANGED) for python in everybody] == ["run\n"] + [""] * len(OTHERS)
    assert {
        run(python, source) for python in everybody for source in (FOO, CHANGED, COMMENTED)
    } == {""}


@pytest.mark.parametrize("python", OTHERS)
def test_without_source_versions_do_not_share(run, python):
    """Bytecode alone says nothing across versions: computed again, never guessed."""
    source = (
        f"exec(compile({FOO!r}, '<made>', 'exec'), "
        "{'__name__': '__main__', '__file__': __file__})"
    )
    assert run(sys.executable, source) == "run\n"
    assert run(sys.executable, source) == ""
    assert run(python, source) == "run\n"
