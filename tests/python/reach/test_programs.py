"""Random programs of functions, classes and constants that use each other, and random edits of
them: the results are always those of the function itself, and what is computed again is what an
oracle says, which knows the programs as they are drawn and not as text."""

from __future__ import annotations

import dataclasses
import linecache
import os
import random
import sys
import tempfile
import types
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.once

CONSTANTS, FUNCTIONS, CLASSES = 3, 5, 3
# Each way to call a function, the functions' names in a list of the module's for one of them.
CALLS = [
    "{0}(x)",
    "TABLE_{0}[0](x)",
    "partial({0}, x)()",
    "(lambda y: {0}(y))(x)",
    "sum(map({0}, [x]))",
]


@dataclasses.dataclass(frozen=True)
class Function:
    number: int  # in its sum
    default: int
    constants: tuple[int, ...]
    functions: tuple[int, ...]  # of lower index, so that every program ends
    classes: tuple[int, ...]
    way: int  # of CALLS
    apart: bool  # in the other module


@dataclasses.dataclass(frozen=True)
class Class:
    number: int  # in its method's sum
    attribute: int
    function: int | None  # that its method calls
    base: int | None  # of lower index


@dataclasses.dataclass(frozen=True)
class Program:
    constants: tuple[int, ...]
    functions: tuple[Function, ...]
    classes: tuple[Class, ...]
    style: int  # of what means nothing


def some(count):
    return (
        st.lists(st.integers(0, count - 1), unique=True, max_size=2).map(tuple)
        if count
        else st.just(())
    )


numbers = st.integers(0, 3)  # few, so that edits meet what was before


def functions(index):
    return st.builds(
        Function,
        number=numbers,
        default=numbers,
        constants=some(CONSTANTS),
        functions=some(index),
        # Their methods call the first two.
        classes=some(CLASSES if index >= 2 else 0),
        way=st.integers(0, len(CALLS) - 1),
        apart=st.booleans() if 1 < index < FUNCTIONS - 1 else st.just(False),
    )


def classes(index):
    base = st.sampled_from([None, *range(index)])
    return st.builds(
        Class, number=numbers, attribute=numbers, function=st.sampled_from([None, 0, 1]), base=base
    )


programs = st.builds(
    Program,
    constants=st.tuples(*[numbers] * CONSTANTS),
    functions=st.tuples(*map(functions, range(FUNCTIONS))),
    classes=st.tuples(*map(classes, range(CLASSES))),
    style=st.integers(0, 99),
)


# ------------------------------------------------------------------------------------------ as text


def call_of(program, function, one):
    """How it calls another: the way, and the name."""
    there = program.functions[one].apart
    if there == function.apart:
        return function.way, f"g{one}"
    # from the other module; the table is the function's own module's
    return (0 if function.way == 1 else function.way), f"{'lib' if there else 'main'}.g{one}"


def function_text(program, index, style):
    function = program.functions[index]
    apart = function.apart
    name = "f" if index == FUNCTIONS - 1 else f"g{index}"
    terms = [f"x * {function.number}", "k"]
    terms += [f"{'main.' if apart else ''}K{one}" for one in function.constants]
    for one in function.functions:
        way, called = call_of(program, function, one)
        terms.append(CALLS[way].format(called))
    terms += [f"{'main.' if apart else ''}C{one}().m(x)" for one in function.classes]
    lines = [f"def {name}(x, k={function.default}):"]
    if style.random() < 0.3:
        lines.append(f'    """{style.random()}"""')
    if style.random() < 0.3:
        lines.append(f"    # {style.random()}")
    lines.append(f"    return {' + '.join(terms)}")
    # A table of the function, for who calls it by one.
    lines.append(f"TABLE_{name} = [{name}]")
    return "\n".join(lines) if name != "f" else "@persist\n" + "\n".join(lines[:-1])


def class_text(program, index, style):
    one = program.classes[index]
    base = f"(C{one.base})" if one.base is not None else ""
    call = f" + g{one.function}(x)" if one.function is not None else ""
    note = "    # so\n" if style.random() < 0.3 else ""
    return (
        f"class C{index}{base}:\n{note}    a{index} = {one.attribute}\n"
        f"    def m(self, x):\n        return self.a{index} + {one.number}{call}"
    )


def texts(program):
    """Of the two modules."""
    style = random.Random(program.style)
    main = [f"K{n} = {value}" for n, value in enumerate(program.constants)]
    main += [class_text(program, n, style) for n in range(CLASSES)]
    lib = []
    for index, function in enumerate(program.functions[:-1]):
        (lib if function.apart else main).append(function_text(program, index, style))
    rest = main[CONSTANTS + CLASSES :]
    style.shuffle(rest)  # the order means nothing; classes stand by their bases
    main[CONSTANTS + CLASSES :] = rest
    main.append(function_text(program, FUNCTIONS - 1, style))
    gap = "\n" * style.choice([1, 2, 3])
    head = "import sys\nmain = sys.modules['program']\nfrom functools import partial\n"
    return (
        "from functools import partial\nimport lib\n" + gap.join(main) + "\n",
        head + gap.join(lib) + "\n",
    )


# --------------------------------------------------------------------------------------- the oracle


def of_function(program, index):
    """All that the result of a function depends on."""
    function = program.functions[index]
    return (
        function.number,
        function.default,
        tuple((one, program.constants[one]) for one in function.constants),
        tuple(
            (call_of(program, function, one), of_function(program, one))
            for one in function.functions
        ),
        tuple((one, of_class(program, one)) for one in function.classes),
    )


def of_class(program, index):
    one = program.classes[index]
    return (
        one.number,
        one.attribute,
        one.function is not None and (one.function, of_function(program, one.function)),
        one.base is not None and (one.base, of_class(program, one.base)),
    )


# ---------------------------------------------------------------------------------------- the edits


def changed(draw, program):
    kind = draw(st.sampled_from(["constant", "function", "class", "style", "many"]))
    if kind == "style":
        return dataclasses.replace(program, style=draw(st.integers(0, 99)))
    if kind == "many":
        return dataclasses.replace(draw(programs), functions=program.functions)
    if kind == "constant":
        at = draw(st.integers(0, CONSTANTS - 1))
        values = list(program.constants)
        values[at] = draw(numbers)
        return dataclasses.replace(program, constants=tuple(values))
    whole, make, count = {
        "function": ("functions", functions, FUNCTIONS),
        "class": ("classes", classes, CLASSES),
    }[kind]
    at = draw(st.integers(0, count - 1))
    parts = list(getattr(program, whole))
    new = draw(make(at))
    field = draw(st.sampled_from([one.name for one in dataclasses.fields(new)]))
    if field == "apart":  # whom others call otherwise then
        return program
    parts[at] = dataclasses.replace(parts[at], **{field: getattr(new, field)})
    return dataclasses.replace(program, **{whole: tuple(parts)})


def loaded(program, place, persist):
    """The function, of modules as an import would make them."""
    main, lib = texts(program)
    made = {name: types.ModuleType(name) for name in ("program", "lib")}
    for name, text in (("lib", lib), ("program", main)):
        path = place / f"{name}.py"
        path.write_text(text)
        linecache.checkcache(str(path))
        made[name].__file__ = str(path)
    sys.modules.update(made)
    vars(made["program"])["persist"] = persist
    for name, text in (("lib", lib), ("program", main)):
        exec(compile(text, made[name].__file__, "exec"), vars(made[name]))
    return made["program"].f


@settings(max_examples=int(os.environ.get("LOCACHE_TEST_EXAMPLES", "40")), deadline=None)
@given(st.data())
def test_what_is_computed_again_is_what_the_oracle_says(data):
    import locache

    history = [data.draw(programs)]
    known = {}
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        persist = locache.persist(dir=place / "kept")
        try:
            for _ in range(data.draw(st.integers(1, 6))):
                program = history[-1]
                f = loaded(program, place, persist)
                seen = known.setdefault(of_function(program, FUNCTIONS - 1), set())
                for x in data.draw(st.sampled_from([(1,), (2, 1), (1, 2, 1)])):
                    before = f.cache_info().misses
                    assert f(x) == f.__wrapped__(x), texts(program)
                    computed = f.cache_info().misses - before
                    assert computed == (x not in seen), (texts(program), f.explain(x))
                    seen.add(x)
                back = data.draw(st.integers(0, 9))
                if back < len(history) and back:
                    history.append(history[back - 1])
                else:
                    history.append(changed(data.draw, program))
        finally:
            sys.modules.pop("program", None), sys.modules.pop("lib", None)
