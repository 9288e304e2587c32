/* What was compiled, and is told by its file: extension modules of the user's, and libraries that
 * ctypes loaded. */
#include "reach/owner.h"
#include "reach/walk.h"

#include "plain/names.h"

/* Nothing but its file says what is in a module; and what Python can see in it may be used there,
 * too: names that it imported, or that somebody gave another value. */
int lcpy_reach_build(lcpy_reacher *r, PyObject *module_name)
{
    PyObject *module = PyImport_GetModule(module_name);
    PyObject *build = PyErr_Occurred() == NULL ? lcpy_owner_build(module_name) : NULL;
    int status = -1;
    locache_cbor_write_array(r->writer, 2);
    if (build != NULL)
        status = lcpy_reach_content(r, "extension", module_name, build);
    if (status == 0)
        status = module != NULL && PyModule_Check(module)
                     ? lcpy_reach_node(r, module, LCPY_NODE_WHOLE)
                     : lcpy_reach_left_out(r);
    Py_XDECREF(build);
    Py_XDECREF(module);
    return status;
}

int lcpy_reach_library(lcpy_reacher *r, PyObject *value, PyObject **declared)
{
    if (!lcpy_names_is_of(value, "ctypes", "CDLL") &&
        !lcpy_names_is_of(value, "_ctypes", "CFuncPtr"))
        return 0;
    PyObject *helper = PyImport_ImportModule("locache._builds");
    PyObject *told = helper != NULL ? PyObject_CallMethod(helper, "library_of", "O", value) : NULL;
    PyObject *name;
    PyObject *digest;
    int status = told == NULL ? -1 : told != Py_None;
    if (status > 0)
        status = PyArg_ParseTuple(told, "UOO", &name, &digest, declared) ? 1 : -1;
    if (status > 0) {
        locache_cbor_write_array(r->writer, 2);
        status = lcpy_reach_content(r, "library", name, digest) < 0 ? -1 : 1;
    }
    if (status > 0)
        Py_INCREF(*declared);
    Py_XDECREF(told);
    Py_XDECREF(helper);
    return status;
}
