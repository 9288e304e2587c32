/* A call of a decorated function, from its arguments to its result. */
#include "call/call.h"

#include "call/kept.h"
#include "call/lookup.h"
#include "call/simple.h"
#include "call/store.h"
#include "call/warn.h"

lcpy_bound lcpy_call_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                         PyObject **culprit)
{
    locache_writer_init(&key->writer, key->room, sizeof key->room);
    if (self->target.is_simple && lcpy_simple_key(&key->writer, &self->target.plan, call)) {
        *culprit = NULL;
        return LCPY_BOUND;
    }
    locache_writer_reset(&key->writer);
    return lcpy_target_key(self->state, &key->writer, &self->target, call, (PyObject *)self,
                           culprit);
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
                                 bool fresh)
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

PyObject *lcpy_call_compute(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call,
                            bool fresh, bool quiet)
{
    if (self->target.is_async)
        return start_coroutine(self, key, call, fresh);
    lcpy_captures_begin(&self->target.captures);
    int64_t start = lcpy_persisted_clock();
    PyObject *result = call_function(self, call);
    int64_t elapsed = lcpy_persisted_clock() - start;
    if (lcpy_captures_end(self->state, &self->target.captures) < 0 ||
        (result != NULL &&
         lcpy_store(self, key, &(lcpy_computed){result, elapsed, fresh, quiet}) < 0))
        Py_CLEAR(result);
    return result;
}

PyObject *lcpy_call_without_key(lcpy_persisted *self, const lcpy_call *call, lcpy_bound bound,
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
    lcpy_found found = lcpy_lookup_file(&result, self, key);
    if (found == LCPY_ABSENT || found == LCPY_REJECTED)
        return lcpy_call_compute(self, key, call, false, found == LCPY_REJECTED);
    return found == LCPY_UNUSABLE ? call_function(self, call) : result;
}

/* Memory has this for the key. */
static PyObject *decode_or_compute(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call,
                                   void *object)
{
    PyObject *result = NULL;
    lcpy_found found = lcpy_lookup_kept(&result, self, key, object);
    return found == LCPY_REJECTED ? lcpy_call_compute(self, key, call, false, true) : result;
}

PyObject *lcpy_call_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf,
                               PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_call call = {args, PyVectorcall_NARGS(nargsf), kwnames};
    lcpy_key key;
    PyObject *culprit = NULL;
    PyObject *result;
    void *known;
    lcpy_bound bound = lcpy_call_key(self, &key, &call, &culprit);
    if (bound != LCPY_BOUND) {
        result = lcpy_call_without_key(self, &call, bound, culprit);
    } else if (self->target.is_async) {
        result = lcpy_call_compute(self, &key, &call, false, false);
    } else if (self->cache == NULL || locache_recall(&known, self->cache, key.writer.data,
                                                     key.writer.length) != LOCACHE_OK) {
        result = read_or_compute(self, &key, &call);
    } else if (!lcpy_kept_is_result(known)) {
        result = decode_or_compute(self, &key, &call, known);
    } else {
        self->hits++;
        result = known;
    }
    Py_XDECREF(culprit);
    locache_writer_clear(&key.writer);
    return result;
}
