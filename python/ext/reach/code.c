/* A function that is reached: its code, its defaults, what is in its closure, and what its code
 * reads of the modules. */
#include "reach/names.h"
#include "reach/owner.h"
#include "reach/walk.h"

#include "plain/compat.h"
#include "plain/names.h"

/* ---------------------------------------------------------------------------------------- state */

/* All of a path but its last step. */
static PyObject *path_before(PyObject *path)
{
    return PyTuple_GetSlice(path, 0, PyTuple_GET_SIZE(path) - 1);
}

static int note_assigned(lcpy_reacher *r, PyObject *path, PyObject *globals)
{
    Py_ssize_t size = PyTuple_GET_SIZE(path);
    PyObject *name = PyTuple_GET_ITEM(path, size - 1);
    if (size == 1)
        return lcpy_reach_add_state(r, &r->assigned, lcpy_reach_state_key(globals, name));
    lcpy_found_path found;
    PyObject *before = path_before(path);
    int status = before != NULL ? lcpy_reach_resolve(r, &found, before, globals) : -1;
    Py_XDECREF(before);
    if (status < 0 || found.value == NULL || !found.whole || found.package) {
        if (status == 0)
            Py_XDECREF(found.value);
        return status;
    }
    PyObject *container = Py_NewRef(found.value);
    if (PyModule_Check(found.value))
        Py_SETREF(container, Py_NewRef(PyModule_GetDict(found.value)));
    else if (PyFunction_Check(found.value))
        Py_SETREF(container, PyObject_GetAttrString(found.value, "__dict__"));
    else if (!PyType_Check(found.value)) {
        PyObject *dict = PyObject_GenericGetDict(found.value, NULL);
        PyErr_Clear();
        if (dict != NULL)
            Py_SETREF(container, dict);
    }
    status = container != NULL
                 ? lcpy_reach_add_state(r, &r->assigned, lcpy_reach_state_key(container, name))
                 : -1;
    Py_XDECREF(container);
    Py_DECREF(found.value);
    return status;
}

/* What has no methods of the user's behind the names that change containers. */
static bool may_be_mutated(PyObject *value)
{
    return !PyModule_Check(value) && !PyType_Check(value) && !PyFunction_Check(value);
}

static int note_mutated(lcpy_reacher *r, PyObject *path, PyObject *globals)
{
    lcpy_found_path found;
    if (lcpy_reach_resolve(r, &found, path, globals) < 0)
        return -1;
    int status = 0;
    if (found.value != NULL && !found.package && found.whole && may_be_mutated(found.value))
        status = lcpy_reach_add_state(r, &r->mutated, PyLong_FromVoidPtr(found.value));
    Py_XDECREF(found.value);
    return status;
}

static int note_each(lcpy_reacher *r, PyObject *paths, PyObject *globals,
                     int (*note)(lcpy_reacher *r, PyObject *path, PyObject *globals))
{
    if (paths == NULL)
        return 0;
    PyObject *list = PySequence_List(paths);
    int status = list != NULL ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++)
        status = note(r, PyList_GET_ITEM(list, i), globals);
    Py_XDECREF(list);
    return status;
}

/* ---------------------------------------------------------------------------------------- paths */

/* `bound`: it only has a name here, whose every use is a path of its own. */
static int write_found(lcpy_reacher *r, lcpy_found_path *found, bool bound)
{
    if (bound && !found->package && PyModule_Check(found->value))
        return lcpy_reach_left_out(r);
    if (found->package && PyUnicode_Check(found->value))
        return lcpy_reach_version(r, found->value);
    int state = lcpy_reach_is_state(r, found->container, found->name, found->value);
    if (state != 0)
        return state < 0 ? -1 : lcpy_reach_left_out(r);
    return lcpy_reach_value(r, found->value);
}

/* Nothing is written of a path to nothing, or to Python's own: builtins, the standard library. */
static int write_one_path(lcpy_reacher *r, PyObject *path, PyObject *globals, PyObject *place,
                          bool bound)
{
    lcpy_found_path found;
    if (lcpy_reach_resolve(r, &found, path, globals) < 0)
        return -1;
    if (found.value == NULL)
        return 0;
    PyObject *dot = PyUnicode_FromString(".");
    PyObject *label = dot != NULL ? PyUnicode_Join(dot, path) : NULL;
    PyObject *before = r->place;
    Py_ssize_t size;
    const char *text = label != NULL ? PyUnicode_AsUTF8AndSize(label, &size) : NULL;
    int status = -1;
    r->place = text != NULL ? lcpy_reach_place_at(r, place, label, &found) : NULL;
    if (r->place != NULL) {
        locache_cbor_write_text(r->writer, text, (size_t)size);
        status = write_found(r, &found, bound);
    }
    Py_XDECREF(r->place);
    r->place = before;
    Py_XDECREF(label);
    Py_XDECREF(dot);
    Py_DECREF(found.value);
    return status;
}

static PyObject *place_of(lcpy_reacher *r, PyObject *globals)
{
    if (!lcpy_reach_notes_parts(r))
        return Py_NewRef(r->place);
    PyObject *name = PyDict_GetItemString(globals, "__name__");
    if (name == NULL || !PyUnicode_Check(name))
        return PyUnicode_FromString("");
    return lcpy_names_module(r->state, name);
}

static int write_paths(lcpy_reacher *r, PyObject *set, PyObject *globals, bool bound)
{
    if (set == NULL)
        return 0;
    PyObject *place = place_of(r, globals);
    PyObject *paths = place != NULL ? PySequence_List(set) : NULL;
    int status = paths != NULL ? PyList_Sort(paths) : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(paths); i++)
        status = write_one_path(r, PyList_GET_ITEM(paths, i), globals, place, bound);
    Py_XDECREF(paths);
    Py_XDECREF(place);
    return status;
}

/* ------------------------------------------------------------------------------------- bindings */

/* object() as a default says "not given". `name`, of which `format` makes a place, may be NULL. */
static int write_given(lcpy_reacher *r, PyObject *value, const char *format, PyObject *name)
{
    if (value == NULL || Py_IS_TYPE(value, &PyBaseObject_Type))
        return lcpy_reach_left_out(r);
    PyObject *before = r->place;
    r->place = name != NULL ? lcpy_reach_place_in(r, format, name) : Py_NewRef(before);
    int status = r->place != NULL ? lcpy_reach_value(r, value) : -1;
    Py_XDECREF(r->place);
    r->place = before;
    return status;
}

/* `known`: its `rebound` are variables that are state; NULL: of a package's wrapper, of which only
 * what it wraps and its options count. */
static int write_reached_closure(lcpy_reacher *r, PyObject *function, const lcpy_names *known)
{
    PyObject *names = lcpy_compat_code_free(PyFunction_GET_CODE(function));
    if (names == NULL)
        return -1;
    PyObject *cells = PyFunction_GET_CLOSURE(function);
    Py_ssize_t count = cells != NULL ? PyTuple_GET_SIZE(cells) : 0;
    int status = 0;
    locache_cbor_write_array(r->writer, (uint64_t)count);
    for (Py_ssize_t i = 0; status == 0 && i < count; i++) {
        PyCellObject *cell = (PyCellObject *)PyTuple_GET_ITEM(cells, i);
        PyObject *value = Py_XNewRef(PyCell_GET(cell));
        int skip = known != NULL
                       ? lcpy_lazy_set_has(known->rebound, PyTuple_GET_ITEM(names, i))
                       : value != NULL && !PyCallable_Check(value) && !lcpy_reach_is_data(value);
        status = skip < 0 ? -1 : 0;
        if (status == 0 && !skip)
            status = lcpy_guard_add_slot(&r->out->guard, (PyObject *)cell, &cell->ob_ref);
        if (status == 0)
            status = skip ? lcpy_reach_left_out(r)
                          : write_given(r, value, "%U.<%U>", PyTuple_GET_ITEM(names, i));
        Py_XDECREF(value);
    }
    Py_DECREF(names);
    return status;
}

static int write_reached_defaults(lcpy_reacher *r, PyObject *function)
{
    PyObject *defaults = PyFunction_GET_DEFAULTS(function);
    PyObject *named = PyFunction_GET_KW_DEFAULTS(function);
    Py_ssize_t count = defaults != NULL ? PyTuple_GET_SIZE(defaults) : 0;
    PyObject *code = PyFunction_GET_CODE(function);
    Py_ssize_t first = ((PyCodeObject *)code)->co_argcount - count;
    PyObject *names = lcpy_reach_notes_parts(r) ? lcpy_compat_code_variables(code) : NULL;
    int status = names == NULL && PyErr_Occurred() != NULL ? -1 : 0;
    locache_cbor_write_array(r->writer, (uint64_t)count);
    for (Py_ssize_t i = 0; status == 0 && i < count; i++)
        status = write_given(r, PyTuple_GET_ITEM(defaults, i), "%U(%U=)",
                             names != NULL && first + i >= 0 ? PyTuple_GET_ITEM(names, first + i)
                                                             : NULL);
    Py_XDECREF(names);
    if (status == 0 && named != NULL) {
        status = lcpy_guard_add_content(&r->out->guard, named);
        if (status == 0)
            status = lcpy_reach_dict(r, named, named, NULL);
    }
    return status;
}

int lcpy_reach_guard_function(lcpy_reacher *r, PyObject *function)
{
    PyFunctionObject *parts = (PyFunctionObject *)function;
    lcpy_guard *guard = &r->out->guard;
    return lcpy_guard_add_slot(guard, function, &parts->func_code) < 0 ||
                   lcpy_guard_add_slot(guard, function, &parts->func_defaults) < 0 ||
                   lcpy_guard_add_slot(guard, function, &parts->func_kwdefaults) < 0
               ? -1
               : 0;
}

static int write_wrapper(lcpy_reacher *r, PyObject *function)
{
    PyObject *name = PyDict_GetItemString(PyFunction_GET_GLOBALS(function), "__name__");
    int status = 0;
    locache_cbor_write_array(r->writer, 3);
    locache_cbor_write_int(r->writer, LCPY_FORM_WRAPPER);
    status = name != NULL && PyUnicode_Check(name) ? lcpy_reach_package(r, name)
                                                   : lcpy_reach_left_out(r);
    return status < 0 ? -1 : write_reached_closure(r, function, NULL);
}

/* What runs when a class is made, which was before: what it stores then is no state. */
static bool is_run_at_definition(PyObject *function)
{
    static const lcpy_text names[] = {LCPY_TEXT("__init_subclass__"), LCPY_TEXT("__set_name__"),
                                      LCPY_TEXT("__prepare__")};
    PyObject *name = ((PyCodeObject *)PyFunction_GET_CODE(function))->co_name;
    return lcpy_names_is_one_of(name, names, sizeof names / sizeof *names);
}

static int note_own_state(lcpy_reacher *r, PyObject *function, const lcpy_names *names)
{
    PyObject *globals = PyFunction_GET_GLOBALS(function);
    if (is_run_at_definition(function))
        return 0;
    return note_each(r, names->assigned, globals, note_assigned) < 0
               ? -1
               : note_each(r, names->mutated, globals, note_mutated);
}

int lcpy_reach_code(lcpy_reacher *r, PyObject *function, int mode)
{
    int owner = lcpy_owner_of_function(r->state, function);
    if (owner < 0 || lcpy_reach_guard_function(r, function) < 0)
        return -1;
    if (owner != LCPY_OWNER_USER)
        return mode == LCPY_NODE_ROOT ? 0 : write_wrapper(r, function);
    locache_cbor_write_array(r->writer, 4);
    locache_cbor_write_int(r->writer, LCPY_FORM_FUNCTION);
    lcpy_names names;
    PyObject *globals = PyFunction_GET_GLOBALS(function);
    int status = lcpy_names_init(&names, PyFunction_GET_CODE(function));
    if (status == 0)
        status = note_own_state(r, function, &names);
    lcpy_reach_add_shown(r, names.shown);
    if (status == 0 && mode != LCPY_NODE_ROOT)
        status = lcpy_reach_shown(r, function);
    if (status == 0 && mode != LCPY_NODE_ROOT &&
        (PyList_Append(r->out->functions, function) < 0 ||
         lcpy_reach_code_part(r, "function", function) < 0 ||
         write_reached_closure(r, function, &names) < 0 || write_reached_defaults(r, function) < 0))
        status = -1;
    /* What is bound first: modules that are imported are loaded by it. */
    if (status == 0)
        status = write_paths(r, names.bound, globals, true);
    if (status == 0)
        status = write_paths(r, names.read, globals, false);
    lcpy_names_clear(&names);
    return status;
}
