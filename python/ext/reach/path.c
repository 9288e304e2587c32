/* Where a path of a code leads: through modules, classes and objects of the user's, as far as each
 * step is a plain look-up that a guard can watch. Where it is not, what was reached so far counts
 * as a whole. */
#include "key/walk.h"
#include "reach/names.h"
#include "reach/owner.h"
#include "reach/walk.h"

#include <string.h>

#include "plain/names.h"

/* Names that say where a module is, not what is in it. */
static bool is_place_name(PyObject *name)
{
    static const lcpy_text names[] = {
        LCPY_TEXT("__name__"),        LCPY_TEXT("__file__"),   LCPY_TEXT("__package__"),
        LCPY_TEXT("__spec__"),        LCPY_TEXT("__loader__"), LCPY_TEXT("__path__"),
        LCPY_TEXT("__builtins__"),    LCPY_TEXT("__dict__"),   LCPY_TEXT("__cached__"),
        LCPY_TEXT("__annotations__"), LCPY_TEXT("__debug__"),  LCPY_TEXT("__qualname__"),
        LCPY_TEXT("__module__"),      LCPY_TEXT("__class__")};
    return lcpy_names_is_one_of(name, names, sizeof names / sizeof *names);
}

/* -------------------------------------------------------------------------------------- imports */

static PyObject *absolute_name(PyObject *globals, long level, PyObject *name)
{
    if (level == 0)
        return Py_NewRef(name);
    PyObject *package = PyDict_GetItemString(globals, "__package__");
    if (package == NULL || !PyUnicode_Check(package))
        return Py_NewRef(name);
    Py_ssize_t end = PyUnicode_GET_LENGTH(package);
    for (long i = 1; i < level && end > 0; i++)
        end = PyUnicode_FindChar(package, '.', 0, end, -1);
    PyObject *base = PyUnicode_Substring(package, 0, end > 0 ? end : 0);
    PyObject *whole = base == NULL                      ? NULL
                      : PyUnicode_GET_LENGTH(name) == 0 ? Py_NewRef(base)
                                                        : PyUnicode_FromFormat("%U.%U", base, name);
    Py_XDECREF(base);
    return whole;
}

/* sys.modules says which module it is, at each call. */
static int guard_import(lcpy_reacher *r, PyObject *name, PyObject *module)
{
    PyObject *modules = PySys_GetObject("modules");
    return modules != NULL && PyDict_CheckExact(modules)
               ? lcpy_guard_add_name(&r->out->guard, modules, name,
                                     module != NULL && PyModule_Check(module) ? module : NULL)
               : 0;
}

static PyObject *load_own(PyObject *name)
{
    PyObject *helper = PyImport_ImportModule("locache._packages");
    PyObject *module = helper != NULL ? PyObject_CallMethod(helper, "load_own", "O", name) : NULL;
    Py_XDECREF(helper);
    if (module == Py_None)
        Py_CLEAR(module);
    return module;
}

/* A module that a function imports itself: loaded for it where it is the user's, who would load it
 * a moment later; of others only the version counts. New reference; NULL, perhaps with an
 * exception. */
static PyObject *imported(lcpy_reacher *r, PyObject *spelled, PyObject *globals)
{
    Py_ssize_t end = PyUnicode_FindChar(spelled, '>', 0, PyUnicode_GET_LENGTH(spelled), 1);
    bool names = PyUnicode_READ_CHAR(spelled, end - 1) == '.';
    PyObject *digits = PyUnicode_Substring(spelled, 1, end - names);
    PyObject *number = digits != NULL ? PyLong_FromUnicodeObject(digits, 10) : NULL;
    long level = number != NULL ? PyLong_AsLong(number) : 0;
    PyObject *bare = PyUnicode_Substring(spelled, end + 1, PyUnicode_GET_LENGTH(spelled));
    PyObject *name = bare != NULL ? absolute_name(globals, level, bare) : NULL;
    PyObject *module = name != NULL ? PyImport_GetModule(name) : NULL;
    Py_XDECREF(digits);
    Py_XDECREF(number);
    Py_XDECREF(bare);
    if (name != NULL && module == NULL && PyErr_Occurred() == NULL)
        module = lcpy_owner_unloaded(r->state, name);
    if (module == Py_None)
        Py_CLEAR(module); /* the standard library's */
    else if (name != NULL && module == NULL && PyErr_Occurred() == NULL)
        module = load_own(name);
    if (name != NULL && PyErr_Occurred() == NULL && guard_import(r, name, module) < 0)
        Py_CLEAR(module);
    Py_XDECREF(name);
    return module;
}

/* ---------------------------------------------------------------------------------------- steps */

/* A submodule that a function imports from its package is an attribute of that once it is loaded:
 * loaded for the function, as imported() does. 0, or -1. */
static int load_submodule(lcpy_found_path *at, PyObject *name)
{
    PyObject *package = PyModule_GetNameObject(at->value);
    PyObject *full = package != NULL ? PyUnicode_FromFormat("%U.%U", package, name) : NULL;
    PyErr_Clear();
    PyObject *loaded = full != NULL ? load_own(full) : NULL;
    Py_XDECREF(loaded);
    Py_XDECREF(full);
    Py_XDECREF(package);
    return PyErr_Occurred() != NULL ? -1 : 0;
}

/* The module gives names that it does not have by a function, as those that import what is behind a
 * name when it is asked for: asked here, as the function will a moment later. The value is stored
 * where it is code, or was put under the name; what is computed anew each time is none. */
static PyObject *given_name(PyObject *module, PyObject *dict, PyObject *name)
{
    PyObject *value = PyObject_GetAttr(module, name);
    PyErr_Clear();
    if (value != NULL && !PyFunction_Check(value) && !PyType_Check(value) &&
        !PyModule_Check(value) && PyDict_GetItemWithError(dict, name) != value)
        Py_CLEAR(value);
    PyErr_Clear();
    return value;
}

/* Of a module: what its own dict has under the name; what it gives for it; 0 where that is nothing,
 * and 2 where its __getattr__ stands for it. */
static int step_into_module(lcpy_reacher *r, lcpy_found_path *at, PyObject *name)
{
    PyObject *dict = PyModule_GetDict(at->value);
    if (at->imports && PyDict_GetItemWithError(dict, name) == NULL && load_submodule(at, name) < 0)
        return -1;
    PyObject *giver = PyDict_GetItemString(dict, "__getattr__");
    PyObject *value = Py_XNewRef(PyDict_GetItemWithError(dict, name));
    if (value == NULL && giver != NULL)
        value = given_name(at->value, dict, name);
    PyObject *stands = PyDict_GetItemWithError(dict, name);
    if (PyErr_Occurred() != NULL || lcpy_guard_add_name(&r->out->guard, dict, name, stands) < 0) {
        Py_XDECREF(value);
        return -1;
    }
    at->container = dict;
    at->name = name;
    if (value != NULL) {
        Py_SETREF(at->value, value);
        return 1;
    }
    if (giver != NULL)
        Py_SETREF(at->value, Py_NewRef(giver));
    else
        Py_CLEAR(at->value);
    at->whole = giver != NULL;
    return giver != NULL ? 2 : 0;
}

/* A member of an enumeration: 1, 0, or -1. */
static int step_member(lcpy_reacher *r, lcpy_found_path *at, PyObject *name)
{
    PyTypeObject *type = (PyTypeObject *)at->value;
    PyObject *map =
        type->tp_dict != NULL ? PyDict_GetItemString(type->tp_dict, "_member_map_") : NULL;
    PyObject *member = map != NULL && PyDict_Check(map) ? PyDict_GetItemWithError(map, name) : NULL;
    if (member == NULL)
        return PyErr_Occurred() != NULL ? -1 : 0;
    Py_INCREF(member);
    int status = lcpy_guard_add_class(&r->out->guard, type);
    at->container = NULL;
    at->name = name;
    Py_SETREF(at->value, member);
    return status < 0 ? -1 : 1;
}

/* Of a class with an ordinary metaclass: what is found without a descriptor's help. */
static int step_into_class(lcpy_reacher *r, lcpy_found_path *at, PyObject *name)
{
    PyTypeObject *type = (PyTypeObject *)at->value;
    if (lcpy_owner_of_class(r->state, at->value) != LCPY_OWNER_USER)
        return 0;
    if (Py_TYPE(type) != &PyType_Type)
        return step_member(r, at, name);
    PyObject *value = _PyType_Lookup(type, name);
    if (value == NULL)
        return 0;
    bool fixed = Py_IS_TYPE(value, &PyStaticMethod_Type);
    if (!fixed && Py_TYPE(value)->tp_descr_get != NULL && !PyFunction_Check(value))
        return 0;
    /* The guard holds the class from here on. */
    if (lcpy_guard_add_class(&r->out->guard, type) < 0)
        return -1;
    value = fixed ? PyObject_GetAttrString(value, "__func__") : Py_NewRef(value);
    if (value == NULL)
        return -1;
    at->container = fixed ? NULL : (PyObject *)type;
    at->name = name;
    Py_SETREF(at->value, value);
    return 1;
}

/* Of an object of the user's, or a function: an attribute that is its own. */
static int step_into(lcpy_reacher *r, lcpy_found_path *at, PyObject *name)
{
    PyTypeObject *type = Py_TYPE(at->value);
    bool function = PyFunction_Check(at->value);
    if (!function && type != r->state->persisted_type &&
        (lcpy_owner_of_class(r->state, (PyObject *)type) != LCPY_OWNER_USER ||
         type->tp_getattro != PyObject_GenericGetAttr))
        return 0;
    PyObject *found = _PyType_Lookup(type, name);
    /* What a cached property has kept there is of its function, as it was before. */
    if (found != NULL &&
        (Py_TYPE(found)->tp_descr_set != NULL || lcpy_walk_may_be_noted(type, name)))
        return 0;
    PyObject *dict = function ? Py_XNewRef(((PyFunctionObject *)at->value)->func_dict)
                              : PyObject_GenericGetDict(at->value, NULL);
    PyErr_Clear();
    PyObject *value = dict != NULL ? Py_XNewRef(PyDict_GetItemWithError(dict, name)) : NULL;
    int status = value == NULL ? 0 : 1;
    if (value != NULL && lcpy_guard_add_entry(&r->out->guard, dict, name, value) < 0)
        status = -1;
    if (status > 0) {
        at->container = dict;
        at->name = name;
        Py_SETREF(at->value, Py_NewRef(value));
    }
    Py_XDECREF(value);
    Py_XDECREF(dict); /* its object holds it */
    return status;
}

/* What a call gives, or what is in a container, is followed no further. */
static bool is_unknown_step(PyObject *name)
{
    return PyUnicode_CompareWithASCIIString(name, LCPY_STEP_CALL) == 0 ||
           PyUnicode_CompareWithASCIIString(name, LCPY_STEP_ITEM) == 0;
}

static int take_step(lcpy_reacher *r, lcpy_found_path *at, PyObject *name)
{
    if (is_unknown_step(name))
        return 0;
    if (PyModule_Check(at->value))
        return step_into_module(r, at, name);
    if (PyType_Check(at->value))
        return step_into_class(r, at, name);
    return step_into(r, at, name);
}

/* Is it a module that is not the user's? 1, 0, or -1. */
static int is_foreign_module(lcpy_reacher *r, PyObject *value)
{
    if (!PyModule_Check(value))
        return 0;
    PyObject *name = PyModule_GetNameObject(value);
    if (name == NULL) {
        PyErr_Clear();
        return 0;
    }
    int owner = lcpy_owner_of_module(r->state, name);
    Py_DECREF(name);
    return owner < 0 ? -1 : owner != LCPY_OWNER_USER && owner != LCPY_OWNER_COMPILED;
}

/* Is it one that somebody put among the builtins: a function or class of the user's, or a value? */
static bool is_put(lcpy_reacher *r, PyObject *value)
{
    return PyFunction_Check(value) || PyType_Check(value)
               ? lcpy_owner_of(r->state, value) == LCPY_OWNER_USER
               : lcpy_reach_is_data(value) && value != Py_None && !PyMethod_Check(value);
}

/* What is no global variable may be a builtin, of which Python's own count nothing. */
static int take_builtin(lcpy_reacher *r, lcpy_found_path *at, PyObject *name, PyObject *globals)
{
    PyObject *dict = PyDict_GetItemString(globals, "__builtins__");
    if (dict != NULL && PyModule_Check(dict))
        dict = PyModule_GetDict(dict);
    if (dict == NULL || !PyDict_CheckExact(dict))
        return 0;
    PyObject *value = PyDict_GetItemWithError(dict, name);
    if (value != NULL && is_put(r, value)) {
        at->value = Py_NewRef(value);
        at->container = dict;
    }
    return PyErr_Occurred() != NULL ? -1
           : at->value != NULL || lcpy_guard_has_versions()
               ? lcpy_guard_add_name(&r->out->guard, dict, name, value)
               : 0;
}

static int take_first(lcpy_reacher *r, lcpy_found_path *at, PyObject *name, PyObject *globals)
{
    Py_UCS4 sign = PyUnicode_READ_CHAR(name, 0);
    if (sign == '=' || sign == '^')
        return 0; /* nothing of a module's */
    if (sign == '<') {
        at->value = imported(r, name, globals);
        at->package = at->value != NULL && PyUnicode_Check(at->value);
        at->imports = PyUnicode_FindChar(name, '.', 0, 3, 1) > 0;
        return PyErr_Occurred() != NULL ? -1 : 0;
    }
    if (is_place_name(name))
        return 0;
    PyObject *value = PyDict_GetItemWithError(globals, name);
    if (value == NULL && PyErr_Occurred() != NULL)
        return -1;
    at->value = Py_XNewRef(value);
    at->container = globals;
    at->name = name;
    if (lcpy_guard_add_name(&r->out->guard, globals, name, value) < 0)
        return -1;
    return value == NULL ? take_builtin(r, at, name, globals) : 0;
}

int lcpy_reach_resolve(lcpy_reacher *r, lcpy_found_path *out, PyObject *path, PyObject *globals)
{
    Py_ssize_t size = PyTuple_GET_SIZE(path);
    *out = (lcpy_found_path){.whole = false};
    int status = take_first(r, out, PyTuple_GET_ITEM(path, 0), globals);
    for (Py_ssize_t i = 1; status >= 0 && out->value != NULL && !out->package; i++) {
        int foreign = is_foreign_module(r, out->value);
        out->package = foreign > 0;
        out->whole = i == size;
        PyObject *name = i < size ? PyTuple_GET_ITEM(path, i) : NULL;
        if (foreign != 0 || name == NULL || is_place_name(name)) {
            status = foreign < 0 ? -1 : 0;
            /* Where a module stands says nothing; its dict is all that it has. */
            if (foreign == 0 && name != NULL && PyModule_Check(out->value) &&
                PyUnicode_CompareWithASCIIString(name, "__dict__") != 0)
                Py_CLEAR(out->value);
            break;
        }
        status = take_step(r, out, name);
        out->imports = false;
        if (status != 1)
            break;
    }
    if (status < 0)
        Py_CLEAR(out->value);
    return status < 0 ? -1 : 0;
}
