"""The checks of tools/house: each is quiet about a small tree in order, and finds what is planted
in it.
"""

import contextlib
import io
import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = Path(__file__).parents[2] / "tools" / "house"

PICTURE = """\
# Architecture
```
include/              what others may use
src/                  the core
  base/               words, and a folder/ among them
  format/             bytes
  disk/               files
  cache/              the handle
  persist/            macros
python/ext/           the extension
  state.h             what all include
  plain/              types
  identity.c          what a function is
  key/  result/       arguments and results
  reach/              what a function reaches
  call/               the function
  log.c
  module.c            the module
python/locache/       names
```
"""
MESON = """\
base_sources = files('src/base/os.c')
disk_sources = files(
  'src/disk/store.c',
)
"""
PYTHON_MESON = """\
plain_sources = files('ext/plain/types.c')
key_sources = files('ext/key/key.c')
result_sources = files('ext/result/encode.c')
module_sources = files('ext/module.c')
"""
TREE = {
    "docs/architecture.md": PICTURE,
    "meson.build": MESON,
    "python/meson.build": PYTHON_MESON,
    "include/locache.h": "/* All. */\n#include <stddef.h>\nsize_t locache_size(void);\n",
    "src/base/os.h": "#include <stddef.h>\nvoid *lc_take(size_t size);\n",
    "src/base/os.c": (
        "/* Where memory is from. */\n"
        '#include "base/os.h"\n'
        "\n"
        "void *lc_take(size_t size)\n"
        "{\n"
        "    return size ? (void *)1 : (void *)0;\n"
        "}\n"
    ),
    "src/disk/store.h": '#include "base/os.h"\nvoid *lc_read(size_t size);\n',
    "src/disk/store.c": (
        "/* What is on disk, as bytes. */\n"
        '#include "disk/store.h"\n'
        '#include "locache.h"\n'
        "\n"
        "static size_t twice(size_t size)\n"
        "{\n"
        "    return 2 * size;\n"
        "}\n"
        "\n"
        "void *lc_read(size_t size)\n"
        "{\n"
        "    return lc_take(twice(size));\n"
        "}\n"
    ),
    "python/ext/state.h": '#include <Python.h>\n#include "locache.h"\n',
    "python/ext/plain/types.h": '#include "state.h"\nint lcpy_type(PyObject *object);\n',
    "python/ext/plain/types.c": '/* Types, told apart. */\n#include "plain/types.h"\n',
    "python/ext/key/key.h": '#include "plain/types.h"\nint lcpy_key(PyObject *object);\n',
    "python/ext/key/key.c": '/* Arguments as bytes. */\n#include "key/key.h"\n',
    "python/ext/result/encode.h": '#include "plain/types.h"\nint lcpy_put(PyObject *object);\n',
    "python/ext/result/encode.c": '/* Results as bytes. */\n#include "result/encode.h"\n',
    "python/ext/module.c": '/* The module as such. */\n#include "key/key.h"\n',
    "cli/ls.h": '#include "locache.h"\nint cli_ls(void);\n',
    "cli/ls.c": '/* What is there, listed. */\n#include "ls.h"\n',
    "tests/unit/base/test_os.c": '/* Memory, and its end. */\n#include "base/os.h"\n',
    "tests/meson.build": "unit_tests = {'base/test_os': []}\n",
    "tools/a.sh": "#!/bin/sh\n",
}


@pytest.fixture
def house(tmp_path):
    for name, text in TREE.items():
        plant(tmp_path, name, text)
    return tmp_path


def plant(house, name, text):
    path = house / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def change(house, name, old, new):
    text = (house / name).read_text()
    assert text.count(old) == 1
    plant(house, name, text.replace(old, new))


def run(check, *arguments):
    """The status that the program ends with, and what it says."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", [check, *map(str, arguments)])
        patch.syspath_prepend(CHECKS)
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(CHECKS / f"{check}.py", run_name="__main__")
    return int(ended.value.code), said.getvalue()


def expect(violation, check, *arguments):
    """The check fails, for this reason alone."""
    status, said = run(check, *arguments)
    assert status == 1
    assert said.startswith(violation)
    assert said.count("\n") == 1


def quiet(check, *arguments):
    """What the check says it looked at, finding nothing wrong."""
    status, said = run(check, *arguments)
    assert status == 0, said
    return said


# ------------------------------------------------------------------------------------------ floors


def test_floors__says_what_it_looked_at(house):
    assert quiet("floors", house) == "14 files, 13 floors, no include upward\n"


@pytest.mark.parametrize(
    ("name", "line", "violation"),
    [
        ("src/base/os.c", '#include "disk/store.h"', '"disk/store.h" is above base: '),
        ("src/disk/store.c", '#include "store.h"', '"store.h" is on no floor of src: '),
        ("src/disk/store.c", "#include <base/os.h>", "<base/os.h> is a file of this tree: "),
        ("src/disk/store.c", "#include <locache.h>", "<locache.h> is a file of this tree: "),
        ("src/disk/store.c", '#include "key/key.h"', '"key/key.h" is on no floor of src: '),
        ("python/ext/key/key.c", '#include "result/encode.h"', '"result/encode.h" is beside key: '),
        ("python/ext/plain/types.c", '# include "key/key.h"', '"key/key.h" is above plain: '),
        ("python/ext/state.h", '#include "plain/types.h"', '"plain/types.h" is above state: '),
        ("python/ext/module.c", '#include "base/os.h"', '"base/os.h" is inside the core: '),
        ("python/ext/key/key.c", '#include "../state.h"', '"../state.h" is on no floor of '),
        ("cli/ls.c", '#include "base/os.h"', '"base/os.h" is not the command\'s: '),
        ("python/ext/key/key.c", "#if PY_VERSION_HEX", "PY_VERSION_HEX outside of plain/ and "),
    ],
)
def test_floors__an_include_that_is_not_below(house, name, line, violation):
    number = len(TREE[name].splitlines()) + 1
    plant(house, name, f"{TREE[name]}{line}\n")
    expect(f"{name}:{number}: {violation}", "floors", house)


def test_floors__versions_of_python_are_told_apart_in_plain(house):
    plant(house, "python/ext/plain/types.c", "#if PY_VERSION_HEX\n")
    assert quiet("floors", house).startswith("14 files")


def test_floors__a_folder_without_a_floor(house):
    plant(house, "src/extra/more.h", "")
    violation = "src/extra/more.h:1: extra is on no floor of src: "
    expect(violation, "floors", house)


@pytest.mark.parametrize(
    ("old", "new", "violation"),
    [
        ("  base/               words", "  core/               words", "4: the picture shows src "),
        ("  format/             bytes\n  disk/", "  disk/\n  format/", "4: the picture shows src "),
        ("  persist/            macros\n", "", "4: the picture shows src "),
        ("  key/  result/", "  key/\n  result/", "10: the picture shows python/ext "),
        ("  log.c\n", "", "10: the picture shows python/ext "),
        ("src/      ", "source/   ", "1: the picture shows src as nothing"),
    ],
)
def test_floors__the_documents_picture_is_another(house, old, new, violation):
    change(house, "docs/architecture.md", old, new)
    expect(f"docs/architecture.md:{violation}", "floors", house)


def test_floors__only_the_first_picture_counts(house):
    plant(house, "docs/architecture.md", PICTURE + "\n```\nsrc/\n  disk/\n```\n")
    assert quiet("floors", house).startswith("14 files")


@pytest.mark.parametrize(
    ("name", "text", "violation"),
    [
        (
            "meson.build",
            "disk_sources = files('src/disk/store.c')\nbase_sources = files('src/base/os.c')\n",
            "meson.build:2: base_sources stands after a floor above it: ",
        ),
        (
            "meson.build",
            "base_sources = files('src/base/os.c', 'src/disk/store.c')\ndisk_sources = files()\n",
            "meson.build:1: src/disk/store.c in base_sources is not of base: ",
        ),
        (
            "meson.build",
            MESON.replace("'src/base/os.c'", "'src/base/os.c', 'other/os.c'"),
            "meson.build:1: other/os.c in base_sources is not in src",
        ),
        ("meson.build", MESON.splitlines()[0], "meson.build:1: no disk_sources: "),
        (
            "meson.build",
            MESON.replace("'src/disk/store.c'", ""),
            "meson.build:1: src/disk/store.c is not listed: ",
        ),
        ("meson.build", MESON + "core_sources = files()\n", "meson.build:5: core_sources: core "),
        (
            "python/meson.build",
            PYTHON_MESON.replace("'ext/module.c'", "'ext/module.c', 'ext/key/key.c'"),
            "python/meson.build:4: ext/key/key.c in module_sources is not of module: ",
        ),
    ],
)
def test_floors__lists_of_sources_in_another_order(house, name, text, violation):
    plant(house, name, text)
    expect(violation, "floors", house)


# ----------------------------------------------------------------------------------------- circles


def compiled(house, **sources):
    """Where these files of src/base were compiled, as Meson tells of it."""
    build = house / "build"
    build.mkdir()
    commands = []
    for name, text in sources.items():
        plant(house, f"src/base/{name}.c", text)
        source, output = f"../src/base/{name}.c", f"{name}.o"
        subprocess.run(["gcc", "-c", source, "-o", output], cwd=build, check=True)
        commands.append({"directory": str(build), "file": source, "output": output})
    (build / "compile_commands.json").write_text(json.dumps(commands))
    return build


def test_circles__says_what_it_looked_at(house):
    build = compiled(
        house,
        a="int a(void) { return 1; }\nstatic int mine(void) { return 2; }\n"
        "int more(void) { return mine(); }\n",
        b="int a(void);\nstatic int mine(void) { return a(); }\nint b(void) { return mine(); }\n",
        c="int a(void);\nint b(void);\nint c(void) { return a() + b(); }\n",
    )
    said = quiet("circles", build, house)
    assert said == "no circle among 3 object files, nor among 8 headers\n"


def test_circles__two_files(house):
    build = compiled(
        house,
        a="int b;\nint a(void) { return 1; }\n",
        b="int a(void);\nextern int b;\nint c(void) { return a() + b; }\n",
    )
    assert quiet("circles", build, house)[:9] == "no circle"
    (house / "build").rename(house / "before")
    build = compiled(
        house,
        a="extern int b;\nint a(void) { return b; }\n",
        b="int a(void);\nint b;\nint c(void) { return a(); }\n",
    )
    violation = (
        "src/base/a.c:1: a circle: src/base/a.c -> src/base/b.c (b) -> src/base/a.c (a); move "
    )
    expect(violation, "circles", build, house)


def test_circles__through_a_third_file(house):
    build = compiled(
        house,
        a="int b(void);\nint a(void) { return b(); }\n",
        b="int c(void);\nint b(void) { return c(); }\n",
        c="int a(void);\nint c(void) { return a(); }\n",
        outside="int a(void);\nint outside(void) { return a(); }\n",
    )
    violation = (
        "src/base/a.c:1: a circle: src/base/a.c -> src/base/b.c (b) -> src/base/c.c (c) -> "
        "src/base/a.c (a); "
    )
    expect(violation, "circles", build, house)


def test_circles__headers(house):
    build = compiled(house, a="int a;\n")
    plant(house, "src/base/os.h", '#include "disk/store.h"\n')
    violation = "src/base/os.h:1: a circle: src/base/os.h -> src/disk/store.h (#include) -> src/"
    expect(violation, "circles", build, house)


def test_circles__a_header_included_by_its_bare_name(house):
    build = compiled(house, a="int a;\n")
    plant(house, "src/base/one.h", '#include "two.h"\n')
    plant(house, "src/base/two.h", '#include "base/one.h"\n')
    violation = "src/base/one.h:1: a circle: src/base/one.h -> src/base/two.h (#include) -> src/"
    expect(violation, "circles", build, house)


def test_circles__what_was_not_compiled_is_not_passed_over(house):
    build = compiled(house, a="int a;\n")
    (build / "a.o").unlink()
    violation = f"{build}: not compiled: src/base/a.c"
    expect(violation, "circles", build, house)


# ------------------------------------------------------------------------------------------- names


def test_names__says_what_it_looked_at(house):
    assert quiet("names", house) == "3 functions, no name in two files\n"


def test_names__static_in_two_files(house):
    plant(house, "src/base/os.c", "static int\ntwice(int x)\n{\n    return x;\n}\n")
    violation = "src/base/os.c:2: twice() is defined in src/disk/store.c:5 too: "
    expect(violation, "names", house)


def test_names__static_inline_in_a_header(house):
    plant(house, "src/base/os.h", "static inline int twice(int x)\n{\n    return x;\n}\n")
    violation = "src/base/os.h:1: twice() is defined in src/disk/store.c:5 too: "
    expect(violation, "names", house)


def test_names__in_two_files_of_the_extension(house):
    for name in ("key/key.c", "result/encode.c"):
        plant(house, f"python/ext/{name}", "static void put(void (*f)(void))\n{\n    f();\n}\n")
    violation = "python/ext/key/key.c:1: put() is defined in python/ext/result/encode.c:1 too: "
    expect(violation, "names", house)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("static int twice(int x);\n", id="only declared"),
        pytest.param("/* static int twice(int x)\n{\n} */\n", id="in a comment"),
        pytest.param("#define TWICE \\\n    int twice(int x) \\\n{ }\n", id="in a macro"),
        pytest.param("int x = 1;\nint f(void)\n{\n    if (twice(x)) { }\n}\n", id="called"),
        pytest.param("static const int twice[] = {NUMBER(1), 2};\n", id="a variable"),
        pytest.param("typedef int twice(int x);\nstruct s {\n    int a;\n} b;\n", id="a type"),
    ],
)
def test_names__no_definition(house, text):
    plant(house, "src/base/os.c", text)
    assert "no name in two files" in quiet("names", house)


def test_names__each_half_has_its_own(house):
    plant(house, "python/ext/key/key.c", "static int twice(int x)\n{\n    return x;\n}\n")
    assert quiet("names", house) == "4 functions, no name in two files\n"


def test_names__alternatives_of_one_file(house):
    one = "static int one(void)\n{\n    return 1;\n}\n"
    plant(house, "src/base/os.c", f"#ifdef X\n{one}#else\n{one}#endif\n")
    assert quiet("names", house) == "3 functions, no name in two files\n"


# -------------------------------------------------------------------------------------------- form


def test_form__says_what_it_looked_at(house):
    assert quiet("form", house).startswith("16 C files: each says what it is, 100 columns, ")


@pytest.mark.parametrize("name", ["src/base/os.c", "python/ext/module.c", "tests/unit/test_os.c"])
@pytest.mark.parametrize("text", ["#include <stdio.h>\n/* It prints a lot. */\n", "/* Memory */\n"])
def test_form__a_file_that_does_not_say_what_it_is(house, name, text):
    plant(house, name, text)
    expect(f"{name}:1: begin the file with a sentence", "form", house)


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("src/base/os.c", 100),
        ("python/ext/plain/types.h", 100),
        ("tests/unit/base/test_os.c", 100),
        ("bench/c/bench.h", 100),
        ("tools/a.sh", 100),
        ("tests/meson.build", 100),
        ("include/locache.h", 80),
    ],
)
def test_form__a_long_line(house, name, most):
    text = TREE.get(name, "")
    # Columns, not bytes.
    plant(house, name, f"{text}// {'é' * (most - 3)}\n")
    assert "C files: " in quiet("form", house)
    plant(house, name, f"{text}// {'é' * (most - 2)}\n")
    violation = f"{name}:{len(text.splitlines()) + 1}: {most + 1} columns: "
    expect(violation, "form", house)


def test_form__a_long_file(house):
    text = TREE["src/base/os.h"]
    plant(house, "src/base/os.h", text + "\n" * (800 - len(text.splitlines())))
    assert "C files: " in quiet("form", house)
    plant(house, "src/base/os.h", text + "\n" * (801 - len(text.splitlines())))
    expect("src/base/os.h:801: 801 lines: ", "form", house)


SEVEN = "int a, int b, int c, int d, int e, int f, int g"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"int seven({SEVEN});\n", id="declared"),
        pytest.param(f"static inline int *seven({SEVEN})\n{{\n}}\n", id="defined"),
        pytest.param(f"__attribute__((pure)) int seven({SEVEN});\n", id="with an attribute"),
        pytest.param(f"int seven({SEVEN}) WARNS(1, 2);\n", id="with a macro"),
        pytest.param(f"EXPORT(1) int seven({SEVEN});\n", id="after a macro"),
        pytest.param("int seven(int (*f)(int), A b, C c, D d, E e, G g, H h);\n", id="a function"),
    ],
)
@pytest.mark.parametrize("name", ["src/base/os.h", "python/ext/plain/types.h"])
def test_form__seven_parameters(house, name, text):
    plant(house, name, f'#ifdef __cplusplus\nextern "C" {{\n#endif\n{text}')
    expect(f"{name}:4: seven() has 7 parameters: ", "form", house)


@pytest.mark.parametrize(
    "text",
    [
        f"int six({SEVEN[:-7]});\n",
        "int two(int (*f)(int a, int b, int (*g)(int c, int d), int e), int h);\n",
        "int none(void);\nint x = seven(1, 2, 3, 4, 5, 6, 7);\n",
        f"#define F(f) f({SEVEN})\n",
        f"void f(void)\n{{\n    seven({SEVEN.replace('int', '')});\n}}\n",
    ],
)
def test_form__six_parameters_at_most(house, text):
    plant(house, "src/base/os.h", text)
    assert "C files: " in quiet("form", house)


# ----------------------------------------------------------------------------------------- headers


def test_headers__says_what_it_looked_at(house):
    assert quiet("headers", house) == "8 headers, each compiles alone\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("include/locache.h", "size_t size;\n"),
        ("src/base/os.h", "size_t size;\n"),
        ("python/ext/result/encode.h", "PyObject *object;\n"),
    ],
)
def test_headers__one_that_needs_another_before_it(house, name, text):
    # Nothing else includes what is planted.
    if name == "include/locache.h":
        for other in ("src/disk/store.h", "python/ext/state.h"):
            change(house, other, '#include "', '#include <stddef.h>\n#include "')
    folder = name.split("/")[0].replace("python", "python/ext")
    for path in (house / folder).rglob("*.h"):
        path.write_text("")
    plant(house, name, text)
    status, said = run("headers", house)
    assert status == 1
    assert f"{name}:1: does not compile alone: include in it what it uses\n" in said
    assert "error: unknown type name" in said


# ------------------------------------------------------------------------------------------ places


@pytest.fixture
def subjects(house):
    """The house, with a test for each subject that has one of its own."""
    said = run("places", house)[1]
    for line in said.splitlines():
        floor, subject = line.partition("no test of ")[2].partition(":")[0].split("/")
        plant_test(house, f"{floor}/test_{subject}")
    return house


def plant_test(house, name):
    plant(house, f"tests/unit/{name}.c", "/* What it tests is elsewhere. */\n")
    with (house / "tests/meson.build").open("a") as listed:
        listed.write(f"'{name}'\n")


def test_places__says_what_it_looked_at(subjects):
    assert quiet("places", subjects).endswith(" unit tests, each where its file is, each listed\n")


@pytest.mark.parametrize(
    ("name", "violation"),
    [
        ("test_os", "src/os.c is not there: move the test to tests/unit/base/test_os.c"),
        ("disk/test_os", "src/disk/os.c is not there: "),
        ("base/test_other", "src/base/other.c is not there: "),
    ],
)
def test_places__a_test_without_its_file(subjects, name, violation):
    plant_test(subjects, name)
    expect(f"tests/unit/{name}.c:1: {violation}", "places", subjects)


def test_places__a_test_that_is_not_listed(subjects):
    change(subjects, "tests/meson.build", "'base/test_os'", "'base/test_os_'")
    expect("tests/unit/base/test_os.c:1: never runs: ", "places", subjects)


def test_places__a_subject_without_a_test(house):
    status, said = run("places", house)
    assert status == 1
    assert "tools/house/places.py:1: no test of cache/threads: take it out of SUBJECTS\n" in said
