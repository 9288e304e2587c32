/* What a decorated function has beside being called: cache_info() and the like. What is asked for
 * here by name and cannot be done is an exception, unlike on the way of a call. */
#include "call/methods.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "call/asked.h"
#include "call/call.h"
#include "call/call_key.h"
#include "call/coroutine.h"
#include "call/counts.h"
#include "call/depend.h"
#include "call/explain.h"
#include "call/harmless.h"
#include "call/listing.h"
#include "call/open.h"
#include "call/queries.h"
#include "call/stale.h"
#include "call/store.h"
#include "call/tasks.h"
#include "call/warn.h"

static int open_or_raise(lcpy_persisted *self)
{
    locache_error error;
    locache_status status = lcpy_open(self, &error);
    if (status != LOCACHE_OK) {
        lcpy_warn_raise(status, &error);
        return -1;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------ the whole */

PyDoc_STRVAR(cache_parameters_doc,
             "cache_parameters($self, /)\n--\n\n"
             "A new dict of maxsize (max_entries; None: no limit) and typed (True: 1 and 1.0 are "
             "two arguments).");

static PyObject *cache_parameters(PyObject *object, PyObject *unused)
{
    (void)unused;
    PyObject *maxsize = lcpy_counts_maxsize((lcpy_persisted *)object);
    return maxsize != NULL ? Py_BuildValue("{s:N,s:O}", "maxsize", maxsize, "typed", Py_True)
                           : NULL;
}

/* Empty a cache of the function's. */
static PyObject *reset_results(lcpy_persisted *self, locache *cache)
{
    locache_error error;
    locache_status status;
    self->busy++; /* it may be the function's own */
    LCPY_BEGIN_ALLOW_THREADS;
    status = locache_reset(cache, &error);
    LCPY_END_ALLOW_THREADS;
    self->busy--;
    lcpy_store_forget(self);
    if (status < 0)
        return lcpy_warn_raise(status, &error);
    self->hits = self->misses = self->bypassed = self->errors = self->computed = 0;
    self->verified = self->mismatches = 0;
    self->saved -= lcpy_open_saved(self);
    lcpy_warn_again(self);
    return Py_NewRef(Py_None);
}

PyDoc_STRVAR(
    cache_clear_doc,
    "cache_clear($self, /)\n--\n\n"
    "Forget every result of the function, also of its earlier versions, and the counts.\n\n"
    "Raises OSError where they cannot be removed.");

static PyObject *cache_clear(PyObject *object, PyObject *unused)
{
    (void)unused;
    lcpy_persisted *self = (lcpy_persisted *)object;
    return open_or_raise(self) < 0 ? NULL : reset_results(self, self->cache);
}

/* The same of the cache that is elsewhere: for reset_cache(), which says where. False: there is no
 * such cache directory. */
static PyObject *clear_at(PyObject *object, PyObject *told)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    if (!PyTuple_Check(told)) {
        PyErr_SetString(PyExc_TypeError, "where a cache is is a tuple");
        return NULL;
    }
    lcpy_where where;
    locache *cache = NULL;
    PyObject *result = NULL;
    if (lcpy_where_init(&where, told) == 0) {
        locache_error error;
        char directory[LOCACHE_PATH_MAX];
        if (lcpy_where_find(directory, &where, &error) == LOCACHE_OK &&
            access(directory, F_OK) != 0) {
            lcpy_where_clear(&where);
            return Py_NewRef(Py_False);
        }
        locache_status status = lcpy_open_at(&cache, self, &where, &error);
        result =
            status == LOCACHE_OK ? reset_results(self, cache) : lcpy_warn_raise(status, &error);
    }
    locache_close(cache);
    lcpy_where_clear(&where);
    return result;
}

/* ------------------------------------------------------------------------------------- one call */

PyDoc_STRVAR(cache_path_doc, "cache_path($self, /, *args, **kwargs)\n--\n\n"
                             "The file that holds, or would hold, the result of a call with these "
                             "arguments: a pathlib.Path.\n\n"
                             "Raises TypeError where the arguments do not fit or cannot be part of "
                             "a key, OSError where there\n"
                             "is no cache directory that can be used.");

static PyObject *as_path(const char *text)
{
    PyObject *pathlib = PyImport_ImportModule("pathlib");
    PyObject *string = pathlib != NULL ? PyUnicode_DecodeFSDefault(text) : NULL;
    PyObject *path = string != NULL ? PyObject_CallMethod(pathlib, "Path", "O", string) : NULL;
    Py_XDECREF(string);
    Py_XDECREF(pathlib);
    return path;
}

static PyObject *cache_path(PyObject *object, PyObject *const *args, Py_ssize_t count,
                            PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_call call = {args, count, kwnames};
    lcpy_key key;
    PyObject *result = NULL;
    if (lcpy_asked_key(self, &key, &call) == 0 && open_or_raise(self) == 0) {
        char path[LOCACHE_PATH_MAX];
        locache_error error;
        locache_status status =
            locache_path(path, self->cache, key.writer.data, key.writer.length, &error);
        result = status == LOCACHE_OK ? as_path(path) : lcpy_warn_raise(status, &error);
    }
    locache_cbor_writer_clear(&key.writer);
    return result;
}

PyDoc_STRVAR(
    is_cached_doc,
    "is_cached($self, /, *args, **kwargs)\n--\n\n"
    "Is there a result of a call with these arguments, whole and to be trusted? A bool.\n\n"
    "Raises TypeError where the arguments do not fit or cannot be part of a key.");

static PyObject *is_cached(PyObject *object, PyObject *const *args, Py_ssize_t count,
                           PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_call call = {args, count, kwnames};
    lcpy_key key;
    PyObject *result = NULL;
    if (lcpy_asked_key(self, &key, &call) == 0) {
        locache_value *value = NULL;
        locache_error error;
        locache_status status = lcpy_open(self, &error);
        if (status == LOCACHE_OK) {
            LCPY_BEGIN_WITHOUT_GIL(self);
            status = locache_get(&value, cache, key.writer.data, key.writer.length, &error);
            lcpy_counts_looked(cache, status, value, &error);
            LCPY_END_WITHOUT_GIL(self);
            locache_value_free(value);
        }
        PyErr_Clear(); /* no cache that can be used: nothing is in it */
        result = PyBool_FromLong(status == LOCACHE_OK);
    }
    locache_cbor_writer_clear(&key.writer);
    return result;
}

PyDoc_STRVAR(forget_doc,
             "forget($self, /, *args, **kwargs)\n--\n\n"
             "Forget the result of a call with these arguments. True where there was one.\n\n"
             "Raises TypeError where the arguments do not fit or cannot be part of a key, OSError "
             "where it cannot\n"
             "be removed.");

static PyObject *forget(PyObject *object, PyObject *const *args, Py_ssize_t count,
                        PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_call call = {args, count, kwnames};
    lcpy_key key;
    PyObject *result = NULL;
    if (lcpy_asked_key(self, &key, &call) == 0 && open_or_raise(self) == 0) {
        locache_error error;
        locache_status status;
        LCPY_BEGIN_WITHOUT_GIL(self);
        status = locache_remove(cache, key.writer.data, key.writer.length, &error);
        LCPY_END_WITHOUT_GIL(self);
        lcpy_store_forget(self);
        result =
            status < 0 ? lcpy_warn_raise(status, &error) : PyBool_FromLong(status == LOCACHE_OK);
    }
    locache_cbor_writer_clear(&key.writer);
    return result;
}

PyDoc_STRVAR(refresh_doc,
             "refresh($self, /, *args, **kwargs)\n--\n\n"
             "Call the function, whatever is stored, and store what it returns. Returns that.");

static PyObject *refresh(PyObject *object, PyObject *const *args, Py_ssize_t count,
                         PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_call call = {args, count, kwnames};
    lcpy_key key;
    PyObject *culprit = NULL;
    PyObject *result = NULL;
    if (lcpy_asked_check(self, &call) < 0)
        return NULL;
    lcpy_bound bound = lcpy_call_key(self, &key, &call, &culprit);
    if (bound == LCPY_BOUND)
        result = lcpy_call_compute(self, &key, &call);
    else
        result = lcpy_call_without_key(self, &call, bound, culprit);
    Py_XDECREF(culprit);
    locache_cbor_writer_clear(&key.writer);
    return result;
}

/* ------------------------------------------------------------------------------------- protocol */

static PyObject *call_of(const char *module_name, const char *name, PyObject *object,
                         PyObject *argument)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *function = module != NULL ? PyObject_GetAttrString(module, name) : NULL;
    PyObject *result =
        function != NULL ? PyObject_CallFunctionObjArgs(function, object, argument, NULL) : NULL;
    Py_XDECREF(function);
    Py_XDECREF(module);
    return result;
}

PyObject *lcpy_methods_delegate(const char *name, PyObject *object, PyObject *argument)
{
    return call_of("locache._sending", name, object, argument);
}

/* For notebooks. */
static PyObject *html(PyObject *self, PyObject *unused)
{
    (void)unused;
    return call_of("locache._html", "function", self, NULL);
}

static PyObject *reduce(PyObject *self, PyObject *protocol)
{
    return lcpy_methods_delegate("reduce", self, protocol);
}

static PyObject *set_state(PyObject *self, PyObject *told)
{
    return lcpy_methods_delegate("set_state", self, told);
}

static PyObject *copy(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(self);
}

static PyObject *deep_copy(PyObject *self, PyObject *memo)
{
    return lcpy_methods_delegate("deep_copy", self, memo);
}

/* Be what another decorated function is, and it what this one was. */
static PyObject *become(PyObject *object, PyObject *other)
{
    if (!Py_IS_TYPE(other, Py_TYPE(object))) {
        PyErr_SetString(PyExc_TypeError, "only a persisted function can be become");
        return NULL;
    }
    lcpy_persisted *one = (lcpy_persisted *)object;
    lcpy_persisted *two = (lcpy_persisted *)other;
    lcpy_persisted was = *one;
    /* All but what the objects themselves are: PyObject_HEAD, and who refers to them. */
    size_t start = offsetof(lcpy_persisted, vectorcall);
    size_t size = offsetof(lcpy_persisted, weak_references) - start;
    memcpy((char *)one + start, (char *)two + start, size);
    memcpy((char *)two + start, (char *)&was + start, size);
    one->below = two->below = LCPY_BELOW_UNKNOWN; /* classmethods hold the objects */
    return Py_NewRef(Py_None);
}

#define CALL_METHOD(function) ((PyCFunction)(void (*)(void))(function))

PyMethodDef lcpy_methods[] = {
    {"cache_info", lcpy_counts_info, METH_NOARGS, lcpy_counts_info_doc},
    {"cache_parameters", cache_parameters, METH_NOARGS, cache_parameters_doc},
    {"cache_clear", cache_clear, METH_NOARGS, cache_clear_doc},
    {"cache_path", CALL_METHOD(cache_path), METH_FASTCALL | METH_KEYWORDS, cache_path_doc},
    {"is_cached", CALL_METHOD(is_cached), METH_FASTCALL | METH_KEYWORDS, is_cached_doc},
    {"explain", CALL_METHOD(lcpy_explain), METH_FASTCALL | METH_KEYWORDS, lcpy_explain_doc},
    {"forget", CALL_METHOD(forget), METH_FASTCALL | METH_KEYWORDS, forget_doc},
    {"refresh", CALL_METHOD(refresh), METH_FASTCALL | METH_KEYWORDS, refresh_doc},
    {"get", CALL_METHOD(lcpy_queries_get), METH_FASTCALL | METH_KEYWORDS, lcpy_queries_get_doc},
    {"put", CALL_METHOD(lcpy_queries_put), METH_FASTCALL | METH_KEYWORDS, lcpy_queries_put_doc},
    {"entries", lcpy_listing_entries, METH_NOARGS, lcpy_listing_entries_doc},
    {"keep_results", CALL_METHOD(lcpy_harmless_keep), METH_VARARGS | METH_KEYWORDS,
     lcpy_harmless_doc},
    {"_ask", CALL_METHOD(lcpy_tasks_ask), METH_FASTCALL, NULL},
    {"_depends", lcpy_depend_parts, METH_NOARGS, NULL},
    {"_key_of", lcpy_coroutine_make_key, METH_VARARGS, NULL},
    {"_others", lcpy_coroutine_others, METH_NOARGS, NULL},
    {"_parts_of", lcpy_coroutine_note_parts, METH_VARARGS, NULL},
    {"_request", CALL_METHOD(lcpy_tasks_request), METH_FASTCALL, NULL},
    {"_settle", lcpy_coroutine_settle, METH_VARARGS, NULL},
    {"_store", lcpy_coroutine_store, METH_VARARGS, NULL},
    {"_warn_stale", lcpy_stale_warn, METH_O, NULL},
    {"_clear_at", clear_at, METH_O, NULL},
    {"_become", become, METH_O, NULL},
    {"_repr_html_", html, METH_NOARGS, NULL},
    {"__reduce_ex__", reduce, METH_O, NULL},
    {"__setstate__", set_state, METH_O, NULL},
    {"__copy__", copy, METH_NOARGS, NULL},
    {"__deepcopy__", deep_copy, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
