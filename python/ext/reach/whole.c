/* What is reached as a whole, since nothing says what is used of it: a module that is passed on;
 * and objects that cannot be looked into, of which the user's code within counts. */
#include "reach/owner.h"
#include "reach/walk.h"

#include <string.h>

#include "plain/compat.h"

/* -------------------------------------------------------------------------------------- modules */

/* Names with two underscores say where a module is and how it was loaded, but for the one that
 * gives names which are not there. */
static bool is_own_name(PyObject *name)
{
    const char *text = PyUnicode_AsUTF8(name);
    PyErr_Clear();
    return text != NULL && (strncmp(text, "__", 2) != 0 || strcmp(text, "__getattr__") == 0);
}

static PyObject *own_names_of(PyObject *dict)
{
    PyObject *names = PyList_New(0);
    PyObject *name;
    PyObject *value;
    Py_ssize_t at = 0;
    int status = names != NULL ? 0 : -1;
    while (status == 0 && PyDict_Next(dict, &at, &name, &value))
        if (PyUnicode_Check(name) && is_own_name(name))
            status = PyList_Append(names, name);
    if (status == 0)
        status = PyList_Sort(names);
    if (status < 0)
        Py_CLEAR(names);
    return names;
}

static int write_global(lcpy_reacher *r, PyObject *dict, PyObject *name)
{
    PyObject *value = Py_XNewRef(PyDict_GetItemWithError(dict, name));
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);
    int status = text == NULL || value == NULL ? -1 : 0;
    if (status == 0)
        status = lcpy_guard_add_name(&r->out->guard, dict, name, value);
    if (status == 0) {
        locache_cbor_write_text(r->writer, text, (size_t)size);
        status = lcpy_reach_is_state(r, dict, name, value);
    }
    if (status >= 0)
        status = status > 0 ? lcpy_reach_left_out(r) : lcpy_reach_value(r, value);
    Py_XDECREF(value);
    return status;
}

int lcpy_reach_module(lcpy_reacher *r, PyObject *module)
{
    PyObject *dict = PyModule_GetDict(module);
    PyObject *names = own_names_of(dict);
    PyObject *before = r->place;
    int status = names != NULL ? lcpy_guard_add_size(&r->out->guard, dict) : -1;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        r->place = before;
        r->place = lcpy_reach_place_in(r, "%U.%U", name);
        status = r->place != NULL ? write_global(r, dict, name) : -1;
        Py_XDECREF(r->place);
    }
    r->place = before;
    Py_XDECREF(names);
    return status;
}

/* ------------------------------------------------------------------------------ opaque objects */

/* Objects that are looked at for code within: enough for what wraps a function or a few. */
#define LOOKED_AT_MAX 200

/* A list of what is to be looked at: what was found stays in it, so that all is looked at once. */
static int add_found(PyObject *found, void *list)
{
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE((PyObject *)list); i++)
        if (PyList_GET_ITEM((PyObject *)list, i) == found)
            return 0;
    return PyList_GET_SIZE((PyObject *)list) < LOOKED_AT_MAX ? PyList_Append(list, found) : 0;
}

/* What runs has in it what it is about to do; the order of a set is no order. */
static bool is_closed(PyObject *object)
{
    return PyGen_Check(object) || PyCoro_CheckExact(object) || PyAsyncGen_CheckExact(object) ||
           PyAnySet_Check(object) || PyModule_Check(object) || PyType_Check(object) ||
           PyFunction_Check(object) || strcmp(Py_TYPE(object)->tp_name, "frame") == 0;
}

static int look_into(PyObject *object, PyObject *list)
{
    if (is_closed(object))
        return 0;
    if (PyWeakref_CheckRef(object)) {
        PyObject *referent = lcpy_compat_referent(object);
        int status = referent != NULL ? add_found(referent, list) : 0;
        Py_XDECREF(referent);
        return status;
    }
    return Py_TYPE(object)->tp_traverse != NULL && PyObject_IS_GC(object)
               ? Py_TYPE(object)->tp_traverse(object, add_found, list)
               : 0;
}

/* Take the user's functions and classes out of the list, which grows meanwhile: pairs of a name and
 * the object. */
static int find_code(lcpy_reacher *r, PyObject *list, PyObject *code)
{
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *found = PyList_GET_ITEM(list, i);
        bool is_code = PyFunction_Check(found) || PyType_Check(found);
        int owner = is_code ? lcpy_owner_of(r->state, found) : LCPY_OWNER_PYTHON;
        if (owner < 0)
            return -1;
        if (owner != LCPY_OWNER_USER && !Py_IS_TYPE(found, r->state->persisted_type)) {
            status = look_into(found, list);
            continue;
        }
        PyObject *name = PyObject_GetAttrString(found, "__qualname__");
        PyErr_Clear();
        PyObject *pair = Py_BuildValue("(OnO)", name != NULL ? name : Py_None, i, found);
        status = pair != NULL ? PyList_Append(code, pair) : -1;
        Py_XDECREF(pair);
        Py_XDECREF(name);
    }
    return status;
}

/* By their names, since the order in which they are found is the interpreter's business. */
static int write_code_within(lcpy_reacher *r, PyObject *list)
{
    PyObject *code = PyList_New(0);
    int status = code != NULL ? find_code(r, list, code) : -1;
    if (status == 0)
        status = PyList_Sort(code);
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(code); i++)
        status = lcpy_reach_value(r, PyTuple_GET_ITEM(PyList_GET_ITEM(code, i), 2));
    Py_XDECREF(code);
    return status;
}

/* What C has of it that is no object. */
static PyObject *known_part(PyObject *object)
{
    PyObject *part = strcmp(Py_TYPE(object)->tp_name, "_struct.Struct") == 0
                         ? PyObject_GetAttrString(object, "format")
                         : NULL;
    PyErr_Clear();
    return part;
}

int lcpy_reach_opaque(lcpy_reacher *r, PyObject *object)
{
    PyObject *part = known_part(object);
    PyObject *list = PyList_New(0);
    int status = list != NULL ? PyList_Append(list, object) : -1;
    if (status == 0)
        status = part != NULL ? lcpy_reach_value(r, part) : lcpy_reach_left_out(r);
    if (status == 0)
        status = write_code_within(r, list);
    Py_XDECREF(list);
    Py_XDECREF(part);
    return status;
}
