/* What may be asked of a decorated function's results, or given to them, without a call of it. */
#include "call/queries.h"

#include "call/asked.h"
#include "call/lookup.h"
#include "call/open.h"
#include "call/store.h"
#include "call/switch.h"

const char lcpy_queries_get_doc[] =
    "get($self, /, *args, default=None, **kwargs)\n--\n\n"
    "The stored result of a call with these arguments, or the default where there is none. The\n"
    "function is not called.\n\n"
    "Raises TypeError where the arguments do not fit or cannot be part of a key.";
const char lcpy_queries_put_doc[] =
    "put($self, value, /, *args, **kwargs)\n--\n\n"
    "Store a value as the result of a call with these arguments, as if the function had returned\n"
    "it.\n\n"
    "Raises TypeError where the arguments do not fit or cannot be part of a key.";
/* 1: the cache is to be used; 0: it is switched off; -1 with an exception. */
static int is_on(lcpy_persisted *self)
{
    if (!lcpy_switch_is_plain(self) && lcpy_open_refresh(self) < 0)
        return -1;
    return lcpy_open_follow(self) < 0 ? -1 : self->mode != LCPY_OFF;
}

static PyObject *find(lcpy_persisted *self, const lcpy_call *call, PyObject *fallback)
{
    lcpy_key key;
    PyObject *result = NULL;
    if (lcpy_asked_key(self, &key, call) == 0) {
        int on = is_on(self);
        lcpy_found found = on > 0    ? lcpy_lookup(&result, self, &key)
                           : on == 0 ? LCPY_ABSENT
                                     : LCPY_INTERRUPTED;
        if (found != LCPY_FOUND)
            result = found != LCPY_INTERRUPTED ? Py_NewRef(fallback) : NULL;
    }
    locache_cbor_writer_clear(&key.writer);
    return result;
}

/* Where in the keywords is default=? -1: it is not. */
static Py_ssize_t find_default(PyObject *kwnames)
{
    Py_ssize_t count = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; i < count; i++)
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, i), "default") == 0)
            return i;
    return -1;
}

PyObject *lcpy_queries_get(PyObject *object, PyObject *const *args, Py_ssize_t count,
                           PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_call call = {args, count, kwnames};
    Py_ssize_t at = find_default(kwnames);
    if (at < 0)
        return find(self, &call, Py_None);
    Py_ssize_t rest = PyTuple_GET_SIZE(kwnames) - 1;
    PyObject *names = PyTuple_New(rest);
    PyObject **values = PyMem_Malloc((size_t)(count + rest + 1) * sizeof *values);
    PyObject *result = NULL;
    if (names != NULL && values != NULL) {
        for (Py_ssize_t i = 0; i < count; i++)
            values[i] = args[i];
        for (Py_ssize_t i = 0; i < rest; i++) {
            Py_ssize_t from = i + (i >= at);
            PyTuple_SET_ITEM(names, i, Py_NewRef(PyTuple_GET_ITEM(kwnames, from)));
            values[count + i] = args[count + from];
        }
        call = (lcpy_call){values, count, rest > 0 ? names : NULL};
        result = find(self, &call, args[count + at]);
    } else if (names != NULL) {
        PyErr_NoMemory();
    }
    PyMem_Free(values);
    Py_XDECREF(names);
    return result;
}

PyObject *lcpy_queries_put(PyObject *object, PyObject *const *args, Py_ssize_t count,
                           PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    if (count == 0) {
        PyErr_SetString(PyExc_TypeError, "put() takes the value, then the call's arguments");
        return NULL;
    }
    lcpy_call call = {args + 1, count - 1, kwnames};
    lcpy_key key;
    int status = -1;
    if (lcpy_asked_key(self, &key, &call) == 0) {
        status = is_on(self);
        if (status > 0)
            status = lcpy_store(self, &key, &(lcpy_computed){.result = args[0], .fresh = true});
    }
    locache_cbor_writer_clear(&key.writer);
    return status < 0 ? NULL : Py_NewRef(Py_None);
}
