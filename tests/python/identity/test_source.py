"""A function's own source is its identity: what counts as a change, and what does not."""

from __future__ import annotations

import sys
import textwrap

import pytest

PROGRAM = """\
from locache import persist
{imports}
{source}

print("result", ascii(f(2)))
"""


def program(source):
    # Half of the time that such a program takes is the import of this one module.
    imports = "import dataclasses\n" if "dataclasses." in source else ""
    return PROGRAM.format(imports=imports, source=textwrap.dedent(source).strip())


@pytest.fixture
def computes(script):
    """Run a program around a definition of f, which prints "run": has f been computed?"""

    def run(source, **options):
        done = script(program(source), **options)
        assert "result" in done.out
        assert "Warning" not in done.err
        return "run" in done.out.split()

    run.script = script
    return run


PLAIN = """
    @persist
    def f(x):
        print("run")
        return x * 3
"""

# What is the same program, in two layouts.
SAME = {
    "comment": (PLAIN, PLAIN.replace("x * 3", "x * 3  # thrice")),
    "blank lines": (PLAIN, PLAIN.replace("return", "\n\n        return")),
    "moved": (PLAIN, "\n\n# moved\nother = 1\n\n" + textwrap.dedent(PLAIN)),
    "into a block": (PLAIN, "if True:" + PLAIN),
    "docstring": (PLAIN, PLAIN.replace("f(x):", 'f(x):\n        """Says what it does."""')),
    "spaces and parentheses": (PLAIN, PLAIN.replace("x * 3", "(  x*(3 ) )")),
    "over several lines": (
        PLAIN,
        PLAIN.replace("x * 3", "(\n            x\n            *\n            3\n        )"),
    ),
    "on one line": (PLAIN, '@persist\ndef f(x): print("run"); return x * 3'),
    "quotes": (PLAIN, PLAIN.replace('"run"', "'r' 'un'")),
    "spelling of a number": (PLAIN, PLAIN.replace("3", "0x3")),
    "pass": (PLAIN, PLAIN.replace("return", "pass\n        return")),
    "parameter annotation": (PLAIN, PLAIN.replace("f(x)", "f(x: int)")),
    "return annotation": (PLAIN, PLAIN.replace("f(x)", "f(x) -> 'no type'")),
    "options of the decorator": (PLAIN, PLAIN.replace("@persist", "@persist(max_entries=-1)")),
    "default": (PLAIN.replace("f(x)", "f(x, n=1)"), PLAIN.replace("f(x)", "f(x, n=1 + 0)")),
    "local annotation": (
        'def f(x):\n    y = x\n    print("run")\n    return y\nf = persist(f)',
        'def f(x):\n    y: "int" = x\n    print("run")\n    return y\nf = persist(f)',
    ),
    "nested docstrings": (
        """
        @persist
        def f(x):
            print("run")
            class A:
                y = x
                def m(self): return self.y
            def g(): return A().m()
            return g()
        """,
        '''
        @persist
        def f(x):
            """f"""
            print("run")
            class A:
                """A, over
                two lines."""

                y = x

                def m(self):
                    "m"
                    return self.y
            def g():
                """g"""
                return A().m()
            return g()
        ''',
    ),
    "assignments over lines": (
        """
        @persist
        def f(x):
            a, b = x, 1
            a, b = b, a
            a, _, _ = (a, b, b)
            print("run")
            return a
        """,
        """
        @persist
        def f(x):
            (a,
             b) = (
                x,
                1)
            (a,
             b
            ) = \\
                b, \\
                a
            (
                a,
                _,
                _,
            ) = (a,
                 b, b)
            print(
                "run"
            )
            return a
        """,
    ),
    "conditions over lines": (
        """
        @persist
        def f(x):
            print("run")
            y = (x and 1) or (x and 2) or 3
            while x > 0:
                if x == 1 and y or x == 7: x -= 1; continue
                x -= 1
            return None if x is None else [i for i in range(9) if i and y]
        """,
        """
        @persist
        def f(x):
            print("run")
            y = (
                x
                and 1
            ) or (
                x and
                2
            ) or (
                3
            )
            while (
                x > 0
            ):
                if (
                    x == 1
                    and y
                    or x == 7
                ):
                    x -= 1
                    # again
                    continue
                x -= 1
            return (
                None
                if x is None
                else [
                    i
                    for i in range(9)
                    if i
                    and y
                ]
            )
        """,
    ),
    "ways out over lines": (
        """
        @persist
        def f(x):
            print("run")
            for i in range(3):
                try:
                    with open("/nowhere/at/all") as g: return g
                except (OSError, ValueError) as error: x += 1
                finally: x += 1
            return x, i
        """,
        """
        @persist
        def f(x):
            print("run")
            for i in range(
                3
            ):
                try:
                    # nothing is there
                    with (
                        open(
                            "/nowhere/at/all"
                        ) as g
                    ):
                        return (
                            g
                        )
                except (
                    OSError,
                    ValueError,
                ) as error:
                    x += 1

                finally:
                    x += 1
            else:
                pass
            return (
                x,
                i
            )
        """,
    ),
}


@pytest.mark.parametrize("change", SAME)
def test_layout_is_no_change(computes, change):
    before, after = SAME[change]
    assert computes(before)
    assert not computes(after)
    assert not computes(before)


def test_future_annotations_are_no_change(script):
    script(program(PLAIN))
    assert script("from __future__ import annotations\n" + program(PLAIN)).out == "result 6\n"


def body(statement, before="", parameters="x"):
    lines = [before or "pass", "print('run')", statement]
    return f"@persist\ndef f({parameters}):\n" + "".join(f"    {line}\n" for line in lines)


NESTED = """
@persist
def f(x):
    print("run")
    {decorator}
    class A:
        n: {annotation} = 1
        def m(self, y={default}):
            return {value}
    return A().m()
"""
NESTED_VALUES = {
    "decorator": "@dataclasses.dataclass",
    "annotation": "int",
    "default": "1",
    "value": "y",
}


def nested(**values):
    return NESTED.format(**{**NESTED_VALUES, **values})


LOOP = "for _ in range(3): x += 1; "


def guarded(statement="x = 1; x += x", error="OSError", handler="x = 2", before="pass"):
    return body(
        "return x",
        f"{before}\n    try:\n        {statement}\n    except {error}:\n        {handler}",
    )


# What is another program.
CHANGED = {
    "number": (body("return 1"), body("return 2")),
    "1 to 1.0": (body("return 1"), body("return 1.0")),
    "1 to True": (body("return 1"), body("return True")),
    "0.0 to -0.0": (body("return 0.0"), body("return -0.0")),
    "0j to -0j": (body("return (0j, 1)"), body("return (-0j, 1)")),
    "text to bytes": (body("return ''"), body("return b''")),
    "large number": (body(f"return {10**40}"), body(f"return {10**40 + 1}")),
    "lone surrogate": (body("return '\\ud800'"), body("return '\\ud801'")),
    "Ellipsis to its name": (body("return str(...)"), body("return str('builtins:Ellipsis')")),
    "within a tuple": (body("return (1, (2, 3))"), body("return (1, (2, 3.0))")),
    "tuple nesting": (body("return ((1, 2), 3)"), body("return ((1,), 2, 3)")),
    "member of a set": (body("return x in {1, 2, 3}"), body("return x in {1, 2, 4}")),
    "type of a member": (body("return x in {1, 2, 3}"), body("return x in {1, 2, 3.0}")),
    "operator": (body("return x + 1"), body("return x - 1")),
    "comparison": (body("return x < 1"), body("return x <= 1")),
    "negation": (body("return x if x else 1"), body("return x if not x else 1")),
    "branches": (body("return 1 if x else 2"), body("return 2 if x else 1")),
    "and to or": (body("return x and 1"), body("return x or 1")),
    "is None": (body("return 1 if x is None else 2"), body("return 1 if x is not None else 2")),
    "called name": (body("return min(x, 1)"), body("return max(x, 1)")),
    "attribute": (body("return x.real"), body("return x.imag")),
    "method": (body("return str(x).lower()"), body("return str(x).upper()")),
    "keyword": (body("return int('7', base=8)"), body("return dict(a='7', base=8)")),
    "attribute to method": (body("return x.conjugate"), body("return x.conjugate()")),
    "import": (
        body("return dir(math)", "import math"),
        body("return dir(math)", "import cmath as math"),
    ),
    "order of statements": (body("return x", "x += 1; x *= 2"), body("return x", "x *= 2; x += 1")),
    "order of arguments": (body("return pow(x, 3)"), body("return pow(3, x)")),
    "order of targets": (body("return a", "a, b = x, 1"), body("return a", "b, a = x, 1")),
    "dropped statement": (body("return x", "x += 1"), body("return x")),
    "parameter": (body("return 1"), body("return 1", parameters="y")),
    "more parameters": (body("return 1"), body("return 1", parameters="x, *rest")),
    "positional parameter": (body("return 1"), body("return 1", parameters="x, /")),
    "format": (body("return f'{x:>5}'"), body("return f'{x:<5}'")),
    "conversion": (body("return f'{x!r}'"), body("return f'{x!s}'")),
    "loop that is left": (body("return x", LOOP + "continue"), body("return x", LOOP + "break")),
    "slice": (body("return [1, 2][:1]"), body("return [1, 2][1:]")),
    "starred": (body("return max(*[x, 3])"), body("return max([x, 3])")),
    "global variable": (body("y = 1; return x"), body("y = 1; return x", "global y")),
    "what is caught": (guarded(), guarded(error="ValueError")),
    "handler": (guarded(), guarded(handler="x = 3")),
    "what is guarded": (guarded(), guarded("x += x", before="x = 1")),
    "comprehension": (body("return [i for i in range(x)]"), body("return [i for i in [x] if i]")),
    "kind of comprehension": (body("return [i for i in [x]]"), body("return {i for i in [x]}")),
    "lambda": (body("return (lambda: 1)()"), body("return (lambda: 2)()")),
    "default of a lambda": (body("return (lambda y=1: y)()"), body("return (lambda y=2: y)()")),
    "nested function": (nested(), nested(value="y + 1")),
    "nested default": (nested(), nested(default="2")),
    "nested decorator": (nested(), nested(decorator="@dataclasses.dataclass(order=True)")),
    "field of a class": (nested(), nested(annotation="float")),
    "name of a class": (nested(), nested().replace("class A", "class B").replace("A()", "B()")),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGED)
def test_change_is_noticed_and_undone(computes, change):
    before, after = CHANGED[change]
    assert computes(before)
    assert computes(after)
    assert not computes(after)
    assert not computes(before)


def test_changed_function_gives_its_own_result(script):
    assert script(program(PLAIN)).out == "run\nresult 6\n"
    changed = script(program(PLAIN.replace("3", "4")))
    assert changed.out == "run\nresult 8\n"
    assert changed.tree == ["foo.cache/f/x=2"]
    assert script(program(PLAIN)).out == "result 6\n"


def test_other_functions_of_the_file_are_left_alone(script):
    source = """
        from locache import persist

        @persist
        def f(x):
            print("f")
            return x * 1

        @persist
        def g(x):
            print("g")
            return x * 2

        f(1), g(1)
    """
    assert script(source).out == "f\ng\n"
    assert script(source.replace("x * 1", "x * 3")).out == "f\n"
    assert script(source.replace("x * 1", "x * 3").replace("x * 2", "x * 4")).out == "g\n"
    assert script(source).out == ""


def test_auto_invalidate_false_keeps_results(computes):
    keeping = PLAIN.replace("@persist", "@persist(auto_invalidate=False)")
    assert computes(keeping)
    assert not computes(keeping.replace("x * 3", "x * 4"))


def test_invalidation_and_return_are_said(script):
    loud = (
        "import logging, sys\nlogging.basicConfig(stream=sys.stdout)\n"
        "from locache import verbose; verbose(True)\n"
    )
    script(loud + program(PLAIN))
    changed = (
        script(loud + program(PLAIN.replace("3", "4"))).out + script(loud + program(PLAIN)).out
    )
    assert "invalidat" in changed.lower()
    assert "restor" in changed.lower()


def test_lambdas_of_one_line_are_told_apart(computes):
    source = (
        'f, g = persist(lambda x: [print("run"), x + {}][1]), (lambda x: [print("run"), x + {}][1])'
    )
    assert computes(source.format(1, 2))
    assert not computes("# moved\n" + source.format(1, 3))
    assert computes(source.format(2, 1))
    assert not computes(source.format(1, 2))


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_hash_seed_is_no_change(script, seed):
    source = program(
        """
        @persist
        def f(x):
            print("run")
            class A:
                def m(self):
                    self.a, self.b, self.c, self.d, self.e = "abcde"
            return str(x) in {"a", "b", "c", "d", "e", ("f", 1.0), b"g", None}
        """
    )
    script(source, env={"PYTHONHASHSEED": "0"})
    assert script(source, env={"PYTHONHASHSEED": seed}).out == "result False\n"


def test_specialised_code_is_the_same_code(computes):
    loop = """
        def f(x):
            y = [i + x for i in range(30)]
            if x == 2: print("run")
            return y[1] + len(y)
        {}
        f = persist(f)
    """
    assert computes(loop.format(""))
    assert not computes(loop.format("for i in range(5000): f(1)"))


TRACERS = {
    "settrace": "import sys; sys.settrace(lambda *a: lambda *b: None)",
    "profile": "import sys; sys.setprofile(lambda *a: None)",
    "monitoring": """
m = __import__("sys").monitoring
m.use_tool_id(2, "test")
e = m.events
m.set_events(2, e.LINE | e.INSTRUCTION | e.CALL | e.PY_START | e.JUMP)
for event in (e.LINE, e.INSTRUCTION, e.CALL, e.PY_START, e.JUMP):
    m.register_callback(2, event, lambda *a: None)
""",
}


@pytest.mark.parametrize("tracer", TRACERS)
def test_traced_code_is_the_same_code(script, tracer):
    if tracer == "monitoring" and sys.version_info < (3, 12):
        pytest.skip("sys.monitoring is there from Python 3.12 on")
    loop = """
        def f(x):
            y = [i + x for i in range(30)]
            if x == 2: print("run")
            return y[1] + len(y)
        for i in range(100): f(1)
        f = persist(f)
    """
    script(program(loop))
    assert "run" not in script(TRACERS[tracer] + "\n" + program(loop)).out


def test_optimised_run_shares_what_it_does_not_change(script):
    checked = """
        @persist
        def f(x):
            print("run")
            assert x < 9
            return x, __debug__
    """
    file = str(script.place / "foo.py")
    script(program(PLAIN))
    assert script(args=["-O", file]).out == "result 6\n"
    script(program(checked))
    assert script(args=["-O", file]).out == "run\nresult (2, False)\n"
    assert script(args=["-O", file]).out == "result (2, False)\n"
    assert script(args=["-OO", file]).out == "result (2, False)\n"
    assert script().out == "result (2, True)\n"


def test_edited_while_it_runs_is_not_believed(script):
    """What runs is not what the file says any more: its result is not served to what it says."""
    source = program(PLAIN)
    edit = (
        "import pathlib; p = pathlib.Path(__file__); "
        "p.write_text(p.read_text().replace('* 3', '* 4'))\n"
    )
    assert script(edit + source).out == "run\nresult 6\n"
    assert script(None).out == "run\nresult 8\n"
    assert script(None).out == "result 8\n"


def test_file_that_is_gone_while_it_runs(script):
    source = program(PLAIN)
    script("import os; os.remove(__file__)\n" + source)
    assert script(source).out == "result 6\n"


def test_source_that_gives_warnings_gives_them_once(script):
    file = script.place / "foo.py"
    file.write_text(program(PLAIN.replace('"run"', '"run \\d"')))
    assert script(args=["-W", "always", str(file)]).err.count("invalid escape") == 1


def test_threads_that_read_sources_leave_warnings_on(script):
    """What catches warnings puts back the filters of then: threads that take turns at it would end
    with none on."""
    done = script("""
        import sys, threading, warnings
        from locache import persist

        functions = []
        for i in range(64):
            @persist(name=f"cache{i}")
            def f(x):
                return x
            functions.append(f)

        def call(first):
            start.wait()
            for f in functions[first::16]:
                f(1)

        sys.setswitchinterval(1e-6)
        start = threading.Barrier(16)
        threads = [threading.Thread(target=call, args=(i,)) for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        warnings.warn("still shown")
    """)
    assert "still shown" in done.err


def test_reading_a_source_shows_no_warning_of_the_compiler(script):
    done = script(r"""
        import warnings
        warnings.simplefilter("error")
        from locache import persist

        pattern = "\d"

        @persist
        def f(x):
            return x is 1

        f(1)
    """, args=["-W", "ignore", "foo.py"], cwd=script.place)  # fmt: skip
    assert done.err == "" and done.tree == ["foo.cache/f/x=1"]


def test_what_an_object_notes_down_in_itself_is_none_of_a_function(script):
    """Whether a run used the property of a global object before, or a logger, is all the same."""
    source = """
        import functools, logging, sys
        from locache import persist

        class Config:
            @functools.cached_property
            def table(self):
                return {1: 10}

        config, log, ran = Config(), logging.getLogger("app"), []

        @persist
        def f(x):
            ran.append(x)
            log.debug("f")
            return config.table[x]

        if sys.argv[1:]:
            config.table
            log.info("it begins")
        print(f(1), len(ran), end=" ")
        config.table
        log.info("between")
        print(f(1), len(ran))
    """
    assert script(source).out == "10 1 10 1\n"
    assert script(args=["foo.py", "before"]).out == "10 0 10 0\n"
    assert script(args=["foo.py"]).out == "10 0 10 0\n"
