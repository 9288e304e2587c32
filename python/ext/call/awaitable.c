/* What a call of an `async def` function gives: a coroutine of locache._async, which looks the call
 * up and awaits the function when it is awaited itself. */
#include "call/awaitable.h"

static PyObject *keywords_of(const lcpy_call *call)
{
    PyObject *keywords = PyDict_New();
    Py_ssize_t count = call->kwnames != NULL ? PyTuple_GET_SIZE(call->kwnames) : 0;
    for (Py_ssize_t i = 0; keywords != NULL && i < count; i++)
        if (PyDict_SetItem(keywords, PyTuple_GET_ITEM(call->kwnames, i),
                           call->args[call->count + i]) < 0)
            Py_CLEAR(keywords);
    return keywords;
}

static int import_async(lcpy_state *state)
{
    if (state->async_call == NULL) {
        PyObject *module = PyImport_ImportModule("locache._async");
        state->async_call = module != NULL ? PyObject_GetAttrString(module, "call") : NULL;
        Py_XDECREF(module);
    }
    return state->async_call != NULL ? 0 : -1;
}

/* A coroutine is known by its function's name, as in "coroutine 'fetch' was never awaited". */
static int name_coroutine(lcpy_persisted *self, PyObject *coroutine)
{
    PyObject *function = self->target.named;
    return PyObject_SetAttrString(coroutine, "__name__",
                                  ((PyFunctionObject *)function)->func_name) < 0 ||
                   PyObject_SetAttrString(coroutine, "__qualname__",
                                          ((PyFunctionObject *)function)->func_qualname) < 0
               ? -1
               : 0;
}

PyObject *lcpy_awaitable_new(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call,
                             lcpy_wanted wanted)
{
    PyObject *coroutine = NULL;
    PyObject *number = PyLong_FromLong(wanted);
    PyObject *args = PyTuple_New(call->count);
    PyObject *keywords = keywords_of(call);
    PyObject *bytes =
        PyBytes_FromStringAndSize((const char *)key->writer.data, (Py_ssize_t)key->writer.length);
    if (number == NULL || args == NULL || keywords == NULL || bytes == NULL ||
        import_async(self->state) < 0)
        goto done;
    for (Py_ssize_t i = 0; i < call->count; i++)
        PyTuple_SET_ITEM(args, i, Py_NewRef(call->args[i]));
    PyObject *arguments[] = {(PyObject *)self, bytes, args, keywords, number};
    coroutine = PyObject_Vectorcall(self->state->async_call, arguments,
                                    sizeof arguments / sizeof *arguments, NULL);
    if (coroutine != NULL && name_coroutine(self, coroutine) < 0)
        Py_CLEAR(coroutine);
done:
    Py_XDECREF(number);
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    Py_XDECREF(bytes);
    return coroutine;
}
