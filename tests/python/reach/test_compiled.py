"""What was compiled and is of no package counts by its file: extension modules, as Cython makes
them, and libraries that ctypes loads."""

import pytest
from compiling import build, build_extension

pytestmark = pytest.mark.once

# A function, classes that are static and made at run time, and a callable of a type of its own, as
# Cython's functions are. LIMIT stands in the module as a variable.
FAST = """
#include <Python.h>
static PyObject *scale(PyObject *self, PyObject *x)
{
    (void)self;
    return PyLong_FromLong(PyLong_AsLong(x) * FACTOR);
}
static PyMethodDef scale_def = {"scale", scale, METH_O, NULL};

typedef struct { PyObject_HEAD int a; } box;
static PyObject *box_reduce(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_BuildValue("O()", Py_TYPE(self));
}
static PyMethodDef box_methods[] = {{"scale", scale, METH_O, NULL},
                                       {"__reduce__", box_reduce, METH_NOARGS, NULL},
                                       {NULL, NULL, 0, NULL}};
static PyTypeObject static_box = {PyVarObject_HEAD_INIT(NULL, 0) "fast.StaticBox"};
static PyType_Slot box_slots[] = {{Py_tp_methods, box_methods}, {0, NULL}};
static PyType_Spec box_spec = {"fast.Box", sizeof(box), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, box_slots};

static PyObject *call(PyObject *self, PyObject *args, PyObject *keywords)
{
    (void)keywords;
    return scale(self, PyTuple_GetItem(args, 0));
}
static PyObject *told(PyObject *self, void *what)
{
    (void)self;
    return PyUnicode_FromString(what);
}
static PyObject *by_name(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    return PyUnicode_FromString("odd");
}
static PyGetSetDef odd_told[] = {{"__module__", told, NULL, NULL, "fast"},
                                 {"__name__", told, NULL, NULL, "odd"},
                                 {"__qualname__", told, NULL, NULL, "odd"},
                                 {NULL, NULL, NULL, NULL, NULL}};
static PyMethodDef odd_methods[] = {{"__reduce__", by_name, METH_NOARGS, NULL},
                                    {NULL, NULL, 0, NULL}};
static PyType_Slot odd_slots[] = {
    {Py_tp_call, call}, {Py_tp_getset, odd_told}, {Py_tp_methods, odd_methods}, {0, NULL}};
static PyType_Spec odd_spec = {"elsewhere.odd_function", sizeof(box), 0, Py_TPFLAGS_DEFAULT,
                               odd_slots};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_fast(void)
{
    PyObject *fast = PyModule_Create(&module);
    PyObject *odd = PyType_FromSpec(&odd_spec);
    static_box.tp_basicsize = sizeof(box);
    static_box.tp_flags = Py_TPFLAGS_DEFAULT;
    static_box.tp_methods = box_methods;
    static_box.tp_new = PyType_GenericNew;
    PyType_Ready(&static_box);
    PyModule_AddObject(fast, "scale",
                       PyCFunction_NewEx(&scale_def, fast, PyUnicode_FromString("fast")));
    PyModule_AddObject(fast, "StaticBox", (PyObject *)&static_box);
    PyModule_AddObject(fast, "Box", PyType_FromSpec(&box_spec));
    PyModule_AddObject(fast, "odd", PyObject_CallNoArgs(odd));
    PyModule_AddIntConstant(fast, "LIMIT", 10);
    return fast;
}
"""
USES = [
    "fast.scale(x)",
    "scale(x)",
    "fast.odd(x)",
    "odd(x)",
    "fast.Box().scale(x)",
    "fast.StaticBox().scale(x)",
    "Sub().scale(x)",
    "BOX.scale(x)",
    "within(x)",
]
ARGUMENTS = ["fast.Box()", "fast.StaticBox()", "fast.odd", "scale", "Sub()"]
PROGRAM = """
import fast
from fast import odd, scale
from locache import persist
class Sub(fast.Box):
    pass
BOX = fast.StaticBox()
def within(x):
    from fast import scale as own
    return own(x)
computed = []
@persist
def f(x):
    computed.append(x)
    return {body}
"""


@pytest.fixture
def project(script):
    (script.place / "fast.c").write_text(FAST)

    def run(program, *options):
        build_extension(script.place, "fast", *options)
        return script(program).out

    return run


def test_another_build_of_what_is_used_or_given_computes_again(project):
    program = PROGRAM.format(body="x")
    for n, use in enumerate(USES):
        function = f"def use{n}(x):\n    computed.append({use!r})\n    return {use}\n"
        program += f"@persist\n{function}assert use{n}(10) == fast.scale(10)\n"
    program += (
        "@persist(auto_invalidate='self')\ndef passed(one, x, said):\n    computed.append(said)\n"
        "    return (one if callable(one) else one.scale)(x)\n"
    )
    for one in ARGUMENTS:
        program += f"assert passed({one}, 10, {one!r}) == fast.scale(10)\n"
    program += "print(*computed, sep='|')"
    seen = [project(program, f"-DFACTOR={factor}") for factor in (2, 2, 3, 2)]
    everything = "|".join(USES + ARGUMENTS) + "\n"
    assert seen == [everything, "\n", everything, "\n"]


def test_a_value_that_an_extension_module_has_is_seen(project):
    program = PROGRAM.format(body="x + fast.LIMIT") + (
        "\nprint(f(1), len(computed))\nfast.LIMIT = 20\nprint(f(1), len(computed))"
    )
    assert project(program, "-DFACTOR=1") == "11 1\n21 2\n"
    assert project(program, "-DFACTOR=1") == "11 0\n21 0\n"


def test_explained_by_the_module(project):
    program = PROGRAM.format(body="fast.scale(x)") + "\nprint(f.explain(10).line)\nf(10)"
    project(program, "-DFACTOR=2")
    assert project(program, "-DFACTOR=3") == "miss: extension fast changed\n"


def test_a_build_that_was_replaced_before_the_first_call_is_not_taken_for_the_new_one(project):
    program = PROGRAM.format(body="fast.scale(x)") + "\nprint(f(10), len(computed))"
    replacing = program.replace(
        "computed = []",
        "import os\ncomputed = []\npath = fast.__file__\n"
        "open('other', 'wb').write(open(path, 'rb').read() + b'0')\nos.replace('other', path)",
    )
    assert project(replacing, "-DFACTOR=2") == "20 1\n"
    assert project(replacing, "-DFACTOR=2") == "20 1\n"
    assert project(program, "-DFACTOR=2") == "20 1\n"


LIBRARY = """
import ctypes, os
from locache import persist
fast = ctypes.CDLL(os.path.abspath("libfast.so"))
fast.scale.restype = ctypes.c_double
fast.scale.argtypes = [ctypes.{type}]
scale = fast.scale
computed = []
@persist
def f(x):
    computed.append(x)
    return {body}
print(f(10), f(10), len(computed))
"""


@pytest.mark.parametrize("body", ["fast.scale(x)", "scale(x)"])
def test_another_build_of_a_library_or_declaration_of_its_function_computes_again(script, body):
    source = "double scale(double x) { return x * FACTOR; }"
    (script.place / "fast.c").write_text(source)
    seen = []
    for factor in (2, 2, 3, 2):
        build(script.place, "libfast.so", "fast.c", f"-DFACTOR={factor}")
        seen.append(script(LIBRARY.format(body=body, type="c_double")).out)
    assert seen == ["20.0 20.0 1\n", "20.0 20.0 0\n", "30.0 30.0 1\n", "20.0 20.0 0\n"]
    build(script.place, "libfast.so", "fast.c", "-DFACTOR=2")
    changed = LIBRARY.format(body=body, type="c_double").replace("c_double", "c_float", 1)
    assert script(changed).out.endswith(" 1\n")


def test_the_systems_own_libraries_count_by_name(script):
    program = """
    import ctypes
    from locache import persist
    libc = ctypes.CDLL(None)
    computed = []
    @persist
    def f(x):
        computed.append(x)
        return libc.abs(x)
    print(f(-1), f(-1), len(computed))
    """
    assert script(program).out == "1 1 1\n"
    assert script(program).out == "1 1 0\n"


CALLBACK = """
import ctypes
from locache import persist
def plain(x):
    return x + {n}
back = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(plain)
computed = []
@persist
def f(x):
    computed.append(x)
    return back(x)
print(f(1), len(computed))
"""


def test_what_a_callback_calls_counts(script):
    seen = [script(CALLBACK.format(n=n)).out for n in (1, 1, 2)]
    assert seen == ["2 1\n", "2 0\n", "3 1\n"]
