/* The calls that a process has computed under LOCACHE=refresh, by their keys. */
#include "call/refreshed.h"

static PyObject *bytes_of(const lcpy_key *key)
{
    return PyBytes_FromStringAndSize((const char *)key->writer.data,
                                     (Py_ssize_t)key->writer.length);
}

int lcpy_refreshed_has(const lcpy_persisted *self, const lcpy_key *key)
{
    if (self->refreshed == NULL)
        return 0;
    PyObject *bytes = bytes_of(key);
    int known = bytes != NULL ? PySet_Contains(self->refreshed, bytes) : -1;
    Py_XDECREF(bytes);
    return known;
}

int lcpy_refreshed_add(lcpy_persisted *self, const lcpy_key *key)
{
    if (self->refreshed == NULL && (self->refreshed = PySet_New(NULL)) == NULL)
        return -1;
    PyObject *bytes = bytes_of(key);
    int status = bytes != NULL ? PySet_Add(self->refreshed, bytes) : -1;
    Py_XDECREF(bytes);
    return status;
}
