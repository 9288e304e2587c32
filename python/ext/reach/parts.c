/* What a function depends on, part by part, for who asks what changed: noted by a walk that is told
 * to, which most are not. A place is "module:qualified.name" of what it is, wherever it is reached
 * from. */
#include "reach/walk.h"

#include "plain/names.h"

static int add_part(lcpy_reacher *r, const char *kind, PyObject *digest, PyObject *object)
{
    PyObject *part = digest != NULL ? Py_BuildValue("(sOOO)", kind, r->place, digest,
                                                    object != NULL ? object : Py_None)
                                    : NULL;
    int status = part != NULL ? PyList_Append(r->out->parts, part) : -1;
    Py_XDECREF(part);
    return status;
}

int lcpy_reach_part(lcpy_reacher *r, const char *kind, lcpy_reach_bytes of, PyObject *object)
{
    locache_id id;
    if (!lcpy_reach_notes_parts(r))
        return 0;
    locache_id_of(&id, of.data, of.size);
    PyObject *digest = PyBytes_FromStringAndSize((const char *)id.bytes, sizeof id.bytes);
    int status = add_part(r, kind, digest, object);
    Py_XDECREF(digest);
    return status;
}

int lcpy_reach_code_part(lcpy_reacher *r, const char *kind, PyObject *object)
{
    return lcpy_reach_notes_parts(r) ? add_part(r, kind, Py_None, object) : 0;
}

/* --------------------------------------------------------------------------------------- places */

PyObject *lcpy_reach_place_of(lcpy_reacher *r, PyObject *object)
{
    if (lcpy_reach_notes_parts(r) && (PyFunction_Check(object) || PyType_Check(object))) {
        PyObject *place = lcpy_names_global(r->state, object);
        if (place != NULL)
            return place;
        PyErr_Clear();
    }
    return Py_NewRef(r->place);
}

PyObject *lcpy_reach_place_in(lcpy_reacher *r, const char *format, PyObject *name)
{
    return lcpy_reach_notes_parts(r) ? PyUnicode_FromFormat(format, r->place, name)
                                     : Py_NewRef(r->place);
}

/* The place of a module's or a class's own dict. NULL without an exception: it is of neither. */
static PyObject *place_of_container(lcpy_reacher *r, PyObject *container, PyObject *name)
{
    if (container == NULL)
        return NULL;
    if (PyType_Check(container)) {
        PyObject *of = lcpy_names_global(r->state, container);
        PyObject *place = of != NULL ? PyUnicode_FromFormat("%U.%U", of, name) : NULL;
        PyErr_Clear();
        Py_XDECREF(of);
        return place;
    }
    PyObject *module = PyDict_Check(container) ? PyDict_GetItemString(container, "__name__") : NULL;
    if (module == NULL || !PyUnicode_Check(module) ||
        PyDict_GetItemString(container, "__builtins__") == NULL)
        return NULL;
    PyObject *shown = lcpy_names_module(r->state, module);
    PyObject *place = shown != NULL ? PyUnicode_FromFormat("%U:%U", shown, name) : NULL;
    Py_XDECREF(shown);
    return place;
}

PyObject *lcpy_reach_place_at(lcpy_reacher *r, PyObject *module, PyObject *path,
                              const lcpy_found_path *found)
{
    if (!lcpy_reach_notes_parts(r))
        return Py_NewRef(r->place);
    PyObject *place = place_of_container(r, found->container, found->name);
    if (place != NULL || PyErr_Occurred() != NULL)
        return place;
    return PyUnicode_FromFormat("%U:%U", module, path);
}
