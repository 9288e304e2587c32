/* What the user says that a function depends on besides: functions, classes, modules, files and
 * variables of the environment. */
#include "reach/owner.h"
#include "reach/walk.h"

#include <string.h>

#include "plain/names.h"

static PyObject *told_part(const char *function, PyObject *object)
{
    PyObject *helper = PyImport_ImportModule("locache._depends");
    PyObject *part = helper != NULL ? PyObject_CallMethod(helper, function, "O", object) : NULL;
    Py_XDECREF(helper);
    return part;
}

/* By its content: its path is not the same on every machine. */
static int write_file(lcpy_reacher *r, PyObject *path)
{
    PyObject *content = NULL;
    PyObject *name = PyObject_Str(path);
    PyObject *bytes = NULL;
    int status = name != NULL && PyUnicode_FSConverter(path, &bytes) ? 0 : -1;
    if (status == 0)
        status = lcpy_guard_add_file(&r->out->guard, bytes);
    if (status == 0) {
        content = told_part("file_digest", path);
        status = content != NULL ? lcpy_reach_content(r, "file", name, content) : -1;
    }
    Py_XDECREF(content);
    Py_XDECREF(bytes);
    Py_XDECREF(name);
    return status;
}

/* os.environ keeps its variables in a dict of bytes. */
static int write_variable(lcpy_reacher *r, PyObject *variable)
{
    PyObject *name = PyObject_GetAttrString(variable, "name");
    PyObject *key = name != NULL ? PyUnicode_EncodeFSDefault(name) : NULL;
    PyObject *environment = lcpy_names_loaded("os", "environ");
    PyObject *data = environment != NULL ? PyObject_GetAttrString(environment, "_data") : NULL;
    PyErr_Clear();
    int status = key != NULL ? 0 : -1;
    if (status == 0 && data != NULL && PyDict_Check(data)) {
        PyObject *value = PyDict_GetItemWithError(data, key);
        status = value == NULL && PyErr_Occurred() != NULL
                     ? -1
                     : lcpy_guard_add_name(&r->out->guard, data, key, value);
        if (status == 0)
            status = lcpy_reach_content(r, "variable", name, value);
    }
    Py_XDECREF(data);
    Py_XDECREF(key);
    Py_XDECREF(name);
    return status;
}

/* A package that is named counts, also where those that are only used do not. */
static int write_told_module(lcpy_reacher *r, PyObject *module)
{
    unsigned scope = r->scope;
    PyObject *name = PyModule_GetNameObject(module);
    int owner = name != NULL ? lcpy_owner_of_module(r->state, name) : -1;
    int status = owner < 0 ? -1 : 0;
    if (owner == LCPY_OWNER_USER || owner == LCPY_OWNER_COMPILED) {
        status = lcpy_reach_value(r, module);
    } else if (owner >= 0) {
        r->scope |= LCPY_REACH_PACKAGES;
        status = lcpy_reach_package(r, name);
        r->scope = scope;
    }
    Py_XDECREF(name);
    return status;
}

/* What a function's or class's own name leads to by now in its module: a cell of a notebook that
 * was run again, or a reload, made another one of it. A new reference; the object itself where
 * that is none of its kind. */
static PyObject *find_present(lcpy_reacher *r, PyObject *object)
{
    PyObject *present = Py_NewRef(object);
    if (!PyFunction_Check(object) && !PyType_Check(object))
        return present;
    PyObject *name = PyObject_GetAttrString(object, "__qualname__");
    PyObject *module_name = PyObject_GetAttrString(object, "__module__");
    PyObject *module = module_name != NULL ? PyImport_GetModule(module_name) : NULL;
    PyErr_Clear();
    if (name != NULL && module != NULL && PyModule_Check(module)) {
        PyObject *dict = PyModule_GetDict(module);
        PyObject *found = PyDict_GetItemWithError(dict, name);
        if (found == NULL && PyErr_Occurred() != NULL)
            Py_CLEAR(present);
        else if (lcpy_guard_add_name(&r->out->guard, dict, name, found) < 0)
            Py_CLEAR(present);
        else if (found != NULL && Py_TYPE(found) == Py_TYPE(object))
            Py_SETREF(present, Py_NewRef(found));
    }
    Py_XDECREF(module);
    Py_XDECREF(module_name);
    Py_XDECREF(name);
    return present;
}

int lcpy_reach_told(lcpy_reacher *r, PyObject *object)
{
    if (PyModule_Check(object))
        return write_told_module(r, object);
    if (lcpy_names_is_of(object, "pathlib", "PurePath"))
        return write_file(r, object);
    if (lcpy_names_is_of(object, "locache._depends", "env"))
        return write_variable(r, object);
    PyObject *present = find_present(r, object);
    int status = present != NULL ? lcpy_reach_value(r, present) : -1;
    Py_XDECREF(present);
    return status;
}
