/* What a function changes by running, as far as its code says so: known by the object that holds it
 * and its name there, or by the object that is changed. */
#include "plain/lazy_set.h"
#include "reach/walk.h"

PyObject *lcpy_reach_state_key(PyObject *container, PyObject *name)
{
    return Py_BuildValue("(nO)", (Py_ssize_t)(intptr_t)container, name);
}

int lcpy_reach_is_state(lcpy_reacher *r, PyObject *container, PyObject *name, PyObject *value)
{
    int found = 0;
    if (container != NULL && r->assigned != NULL) {
        PyObject *key = lcpy_reach_state_key(container, name);
        found = key != NULL ? PySet_Contains(r->assigned, key) : -1;
        Py_XDECREF(key);
    }
    if (found == 0 && r->mutated != NULL) {
        PyObject *id = PyLong_FromVoidPtr(value);
        found = id != NULL ? PySet_Contains(r->mutated, id) : -1;
        Py_XDECREF(id);
    }
    return found;
}

/* Add to a set of what is state; what is new there may have been counted already. */
int lcpy_reach_add_state(lcpy_reacher *r, PyObject **set, PyObject *key)
{
    Py_ssize_t before = *set != NULL ? PySet_GET_SIZE(*set) : 0;
    int status = key != NULL ? lcpy_lazy_set_add(set, key) : -1;
    r->grown = r->grown || (*set != NULL && PySet_GET_SIZE(*set) > before);
    Py_XDECREF(key);
    return status;
}
