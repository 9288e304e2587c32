/* Classes that are not the user's, and what counts of their objects: functions by class, those that
 * users have given (locache.key_for) and those that locache has for well-known packages
 * (locache._known). A function gets an object and returns any value that says what it is.
 *
 * Nothing is imported for it but locache's own module, and that only once one of the packages is
 * there: an object of a package's class proves that it is. */
#include "key/known.h"

#include <string.h>

/* Packages that locache._known has something to say of. */
static const char *const packages[] = {"numpy",  "networkx", "scipy",  "xarray",  "torch",
                                       "pandas", "pyarrow",  "polars", "pydantic"};
/* And classes of the standard library, of modules that are loaded in most programs that have no
 * object of these. */
static const char *const of_library[] = {"ForwardRef",   "ParamSpec",     "TypeVar",
                                         "TypeVarTuple", "TypeAliasType", "cached_property"};

static bool is_any_loaded(PyObject *modules)
{
    for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++)
        if (PyDict_GetItemString(modules, packages[i]) != NULL)
            return true;
    return false;
}

static bool has_library_name(const PyTypeObject *type)
{
    const char *dot = strrchr(type->tp_name, '.');
    const char *name = dot != NULL ? dot + 1 : type->tp_name;
    for (size_t i = 0; i < sizeof of_library / sizeof of_library[0]; i++)
        if (strcmp(name, of_library[i]) == 0)
            return true;
    return false;
}

/* Let locache._known add the classes of what was imported since. Modules are only counted: that is
 * quick, and a class that is found a little later has another key until then, no wrong one. */
static int update(lcpy_state *state, PyTypeObject *type)
{
    PyObject *modules = PySys_GetObject("modules");
    PyObject *known;
    PyObject *done;
    bool asked;

    if (state->known == NULL && (state->known = PyDict_New()) == NULL)
        return -1;
    if (modules == NULL || !PyDict_Check(modules))
        return 0;
    asked =
        has_library_name(type) && PyDict_GetItemWithError(state->known, (PyObject *)type) == NULL;
    PyErr_Clear(); /* a metaclass may have a hash that fails */
    if (PyDict_GET_SIZE(modules) == state->known_modules && !asked)
        return 0;
    state->known_modules = PyDict_GET_SIZE(modules);
    if (!asked && !is_any_loaded(modules))
        return 0;
    known = PyImport_ImportModule("locache._known");
    done = known == NULL ? NULL : PyObject_CallMethod(known, "add_loaded", "O", state->known);
    state->known_turn++;
    Py_XDECREF(done);
    Py_XDECREF(known);
    return done == NULL ? -1 : 0;
}

bool lcpy_known_is_same(const lcpy_state *state, unsigned turn)
{
    PyObject *modules = PyImport_GetModuleDict();

    return turn == state->known_turn && PyDict_Check(modules) &&
           PyDict_GET_SIZE(modules) == state->known_modules;
}

int lcpy_known_find(PyObject **out, lcpy_state *state, PyTypeObject *type)
{
    PyObject *order = type->tp_mro;

    if (update(state, type) < 0)
        return -1;
    if (PyDict_GET_SIZE(state->known) == 0 || order == NULL)
        return 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(order); i++) {
        PyObject *function = PyDict_GetItemWithError(state->known, PyTuple_GET_ITEM(order, i));

        if (function != NULL) {
            *out = Py_NewRef(function);
            return 1;
        }
        /* A metaclass may have a hash that fails: then this is no class that anybody named. */
        PyErr_Clear();
    }
    return 0;
}

PyObject *lcpy_known_set(PyObject *module, PyObject *const *arguments, Py_ssize_t count)
{
    lcpy_state *state = PyModule_GetState(module);

    if (count != 2 || !PyType_Check(arguments[0]) || !PyCallable_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "key_for() takes a class, and gives a decorator for a "
                                         "function that takes an object of it");
        return NULL;
    }
    state->known_turn++;
    if (update(state, (PyTypeObject *)arguments[0]) < 0 ||
        PyDict_SetItem(state->known, arguments[0], arguments[1]) < 0)
        return NULL;
    Py_RETURN_NONE;
}
