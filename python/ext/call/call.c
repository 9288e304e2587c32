/* The way of a call: bind and write the key, look up, or call the function and store. */
#include "call/persisted.h"

#include "call/kept.h"
#include "call/simple.h"
#include "call/warn.h"

lcpy_bound lcpy_persisted_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                              PyObject **culprit)
{
    locache_writer_init(&key->writer, key->room, sizeof key->room);
    if (self->target.is_simple && lcpy_quick_key(&key->writer, &self->target.plan, call)) {
        *culprit = NULL;
        return LCPY_BOUND;
    }
    locache_writer_reset(&key->writer);
    return lcpy_target_key(self->state, &key->writer, &self->target, call, (PyObject *)self,
                           culprit);
}

void lcpy_key_clear(lcpy_key *key)
{
    locache_writer_clear(&key->writer);
}

static PyObject *call_function(lcpy_persisted *self, const lcpy_call *call)
{
    return PyObject_Vectorcall(self->target.callable, call->args, (size_t)call->count,
                               call->kwnames);
}

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

static PyObject *start_coroutine(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call,
                                 int fresh)
{
    PyObject *coroutine = NULL;
    PyObject *args = PyTuple_New(call->count);
    PyObject *keywords = keywords_of(call);
    PyObject *bytes =
        PyBytes_FromStringAndSize((const char *)key->writer.data, (Py_ssize_t)key->writer.length);
    if (args == NULL || keywords == NULL || bytes == NULL || import_async(self->state) < 0)
        goto done;
    for (Py_ssize_t i = 0; i < call->count; i++)
        PyTuple_SET_ITEM(args, i, Py_NewRef(call->args[i]));
    PyObject *arguments[] = {(PyObject *)self, bytes, args, keywords, fresh ? Py_True : Py_False};
    coroutine = PyObject_Vectorcall(self->state->async_call, arguments,
                                    sizeof arguments / sizeof *arguments, NULL);
    if (coroutine != NULL && name_coroutine(self, coroutine) < 0)
        Py_CLEAR(coroutine);
done:
    Py_XDECREF(args);
    Py_XDECREF(keywords);
    Py_XDECREF(bytes);
    return coroutine;
}

PyObject *lcpy_persisted_compute(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call,
                                 int fresh, int quiet)
{
    if (self->target.is_async)
        return start_coroutine(self, key, call, fresh);
    lcpy_closure_begin(&self->target.closure);
    int64_t start = lcpy_clock();
    PyObject *result = call_function(self, call);
    int64_t elapsed = lcpy_clock() - start;
    if (lcpy_closure_end(self->state, &self->target.closure) < 0 ||
        (result != NULL && lcpy_persisted_store(self, key->writer.data, key->writer.length, result,
                                                elapsed, fresh, quiet) < 0))
        Py_CLEAR(result);
    return result;
}

PyObject *lcpy_persisted_without_key(lcpy_persisted *self, const lcpy_call *call, lcpy_bound bound,
                                     PyObject *culprit)
{
    self->bypassed++;
    if (bound == LCPY_BIND_ERROR && lcpy_warn(self, LCPY_TROUBLE_KEY, NULL, culprit) < 0)
        return NULL;
    PyObject *result = call_function(self, call);
    if (result != NULL && bound == LCPY_MISFIT) {
        locache_error error = {.message = "its decorators take other arguments than it does; keep "
                                          "functools.wraps() off them"};
        if (lcpy_warn(self, LCPY_TROUBLE_MISFIT, &error, NULL) < 0)
            Py_CLEAR(result);
    }
    return result;
}

/* Memory has nothing for the key. */
static PyObject *read_or_compute(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call)
{
    PyObject *result = NULL;
    lcpy_found found = lcpy_persisted_read(&result, self, key->writer.data, key->writer.length);
    if (found == LCPY_ABSENT || found == LCPY_DISBELIEVED)
        return lcpy_persisted_compute(self, key, call, 0, found == LCPY_DISBELIEVED);
    return found == LCPY_UNUSABLE ? call_function(self, call) : result;
}

/* Memory has this for the key. */
static PyObject *give_or_compute(lcpy_persisted *self, void *object, const lcpy_key *key,
                                 const lcpy_call *call)
{
    PyObject *result = NULL;
    lcpy_found found =
        lcpy_persisted_give(&result, self, object, key->writer.data, key->writer.length);
    return found == LCPY_DISBELIEVED ? lcpy_persisted_compute(self, key, call, 0, 1) : result;
}

PyObject *lcpy_persisted_call(PyObject *object, PyObject *const *args, size_t nargsf,
                              PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_call call = {args, PyVectorcall_NARGS(nargsf), kwnames};
    lcpy_key key;
    PyObject *culprit = NULL;
    PyObject *result;
    void *known;
    lcpy_bound bound = lcpy_persisted_key(self, &key, &call, &culprit);
    if (bound != LCPY_BOUND) {
        result = lcpy_persisted_without_key(self, &call, bound, culprit);
    } else if (self->target.is_async) {
        result = lcpy_persisted_compute(self, &key, &call, 0, 0);
    } else if (self->cache == NULL || locache_recall(&known, self->cache, key.writer.data,
                                                     key.writer.length) != LOCACHE_OK) {
        result = read_or_compute(self, &key, &call);
    } else if (!lcpy_memory_is_result(known)) {
        result = give_or_compute(self, known, &key, &call);
    } else {
        self->hits++;
        result = known;
    }
    Py_XDECREF(culprit);
    lcpy_key_clear(&key);
    return result;
}
