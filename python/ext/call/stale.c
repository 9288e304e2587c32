/* A stale result was found, and the undertaking to compute it anew with it: locache._stale does that
 * behind the caller, who goes on with what is there. */
#include "call/stale.h"

#include "call/tasks.h"
#include "call/warn.h"

/* The call's arguments as Python has them: a tuple and a dict, borrowed by nobody. */
static int gather(PyObject **args, PyObject **keywords, const lcpy_call *call)
{
    *args = PyTuple_New(call->count);
    *keywords = *args != NULL ? PyDict_New() : NULL;
    if (*keywords == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < call->count; i++)
        PyTuple_SET_ITEM(*args, i, Py_NewRef(call->args[i]));
    Py_ssize_t count = call->kwnames != NULL ? PyTuple_GET_SIZE(call->kwnames) : 0;
    for (Py_ssize_t i = 0; i < count; i++)
        if (PyDict_SetItem(*keywords, PyTuple_GET_ITEM(call->kwnames, i),
                           call->args[call->count + i]) < 0)
            return -1;
    return 0;
}

int lcpy_stale_refresh(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call,
                       locache_flight *flight)
{
    PyObject *args = NULL;
    PyObject *keywords = NULL;
    PyObject *done = NULL;
    PyObject *bytes =
        PyBytes_FromStringAndSize((const char *)key->writer.data, (Py_ssize_t)key->writer.length);
    PyObject *request = lcpy_tasks_hold(bytes, flight);
    PyObject *module = request != NULL && gather(&args, &keywords, call) == 0
                           ? PyImport_ImportModule("locache._stale")
                           : NULL;
    if (module != NULL)
        done =
            PyObject_CallMethod(module, "refresh", "OOOOO", self, bytes, args, keywords, request);
    Py_XDECREF(module);
    Py_XDECREF(keywords);
    Py_XDECREF(args);
    Py_XDECREF(request);
    Py_XDECREF(bytes);
    if (done == NULL)
        return lcpy_warn_count(self);
    Py_DECREF(done);
    return 0;
}

PyObject *lcpy_stale_warn(PyObject *object, PyObject *raised)
{
    PyErr_SetObject((PyObject *)Py_TYPE(raised), raised);
    int told = lcpy_warn((lcpy_persisted *)object, LCPY_TROUBLE_STALE, NULL, NULL);
    return told < 0 ? NULL : Py_NewRef(Py_None);
}
