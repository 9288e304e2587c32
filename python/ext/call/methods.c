/* What a decorated function has beside being called: cache_info() and the like. What is asked for
 * here by name and cannot be done is an exception, unlike on the way of a call. */
#include "call/methods.h"

#include <errno.h>
#include <string.h>

#include "call/call.h"
#include "call/lookup.h"
#include "call/open.h"
#include "call/store.h"

/* The error of an operation that was asked for, as an OSError or the like; an exception that is set
 * already stays. */
static PyObject *raise_error(locache_status status, const locache_error *error)
{
    if (status == LOCACHE_ETYPE)
        return NULL;
    if (status == LOCACHE_ENOMEM)
        return PyErr_NoMemory();
    PyObject *message =
        PyUnicode_DecodeUTF8(error->message, (Py_ssize_t)strlen(error->message), "replace");
    PyObject *arguments =
        message != NULL ? Py_BuildValue("(iN)", error->os_error ? error->os_error : EPERM, message)
                        : NULL;
    if (arguments != NULL) {
        PyErr_SetObject(PyExc_OSError, arguments);
        Py_DECREF(arguments);
    }
    return NULL;
}

static int open_or_raise(lcpy_persisted *self)
{
    locache_error error;
    locache_status status = lcpy_open(self, &error);
    if (status != LOCACHE_OK) {
        raise_error(status, &error);
        return -1;
    }
    return 0;
}

/* The key of a call that is only spoken of. 0, or -1 with TypeError. */
static int key_or_raise(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call)
{
    PyObject *culprit = NULL;
    lcpy_bound bound = lcpy_call_key(self, key, call, &culprit);
    Py_XDECREF(culprit);
    if (bound == LCPY_MISFIT) {
        PyErr_Format(PyExc_TypeError,
                     "these arguments do not fit the signature of %U() (of a method, give the "
                     "object as the first one)",
                     self->target.qualname);
    }
    return bound == LCPY_BOUND ? 0 : -1;
}

/* ------------------------------------------------------------------------------------ the whole */

static PyStructSequence_Field info_fields[] = {
    {"hits", "results served from files"},
    {"misses", "results that were not there"},
    {"maxsize", "max_entries, or None for no limit"},
    {"currsize", "results stored now, by any process"},
    {"bypassed", "calls that did without the cache"},
    {"errors", "what went wrong with the cache, said or not"},
    {NULL, NULL},
};

static PyStructSequence_Desc info_description = {
    .name = "locache.CacheInfo",
    .doc = "What a function's cache did in this process, and how many results it holds.",
    .fields = info_fields,
    .n_in_sequence = 4,
};

static uint64_t entry_count(lcpy_persisted *self)
{
    uint64_t count = 0;
    locache_error error;
    locache_status status = lcpy_open(self, &error);
    if (status != LOCACHE_OK) {
        PyErr_Clear();
        return 0;
    }
    Py_BEGIN_ALLOW_THREADS;
    status = locache_count(&count, self->cache, &error);
    Py_END_ALLOW_THREADS;
    return status == LOCACHE_OK ? count : 0;
}

PyDoc_STRVAR(cache_info_doc, "cache_info($self, /)\n--\n\n"
                             "Counts of this process, and the number of results stored: "
                             "CacheInfo(hits, misses, maxsize, currsize).\n\n"
                             "Beside these it has the attributes `bypassed` (calls that did "
                             "without the cache) and `errors`.");

static PyObject *cache_info(PyObject *object, PyObject *unused)
{
    (void)unused;
    lcpy_persisted *self = (lcpy_persisted *)object;
    PyObject *maxsize = self->options.max_entries > 0
                            ? PyLong_FromLongLong(self->options.max_entries)
                            : Py_NewRef(Py_None);
    PyObject *info = maxsize != NULL ? PyStructSequence_New(self->state->cache_info_type) : NULL;
    if (info == NULL) {
        Py_XDECREF(maxsize);
        return NULL;
    }
    uint64_t count = entry_count(self);
    PyStructSequence_SetItem(info, 0, PyLong_FromUnsignedLongLong(self->hits));
    PyStructSequence_SetItem(info, 1, PyLong_FromUnsignedLongLong(self->misses));
    PyStructSequence_SetItem(info, 2, maxsize);
    PyStructSequence_SetItem(info, 3, PyLong_FromUnsignedLongLong(count));
    PyStructSequence_SetItem(info, 4, PyLong_FromUnsignedLongLong(self->bypassed));
    PyStructSequence_SetItem(info, 5, PyLong_FromUnsignedLongLong(self->errors));
    if (PyErr_Occurred() != NULL)
        Py_CLEAR(info);
    return info;
}

/* Empty a cache of the function's. */
static PyObject *reset_results(lcpy_persisted *self, locache *cache)
{
    locache_error error;
    locache_status status;
    Py_BEGIN_ALLOW_THREADS;
    status = locache_reset(cache, &error);
    Py_END_ALLOW_THREADS;
    lcpy_store_forget(self);
    if (status < 0)
        return raise_error(status, &error);
    self->hits = self->misses = self->bypassed = self->errors = 0;
    self->said = 0;
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

/* The same of the cache that is elsewhere: for reset_cache(), which says where. */
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
        locache_status status = lcpy_open_at(&cache, self, &where, &error);
        result = status == LOCACHE_OK ? reset_results(self, cache) : raise_error(status, &error);
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
    if (key_or_raise(self, &key, &call) == 0 && open_or_raise(self) == 0) {
        char path[LOCACHE_PATH_MAX];
        locache_error error;
        locache_status status =
            locache_path(path, self->cache, key.writer.data, key.writer.length, &error);
        result = status == LOCACHE_OK ? as_path(path) : raise_error(status, &error);
    }
    locache_writer_clear(&key.writer);
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
    if (key_or_raise(self, &key, &call) == 0) {
        locache_value *value = NULL;
        locache_error error;
        locache_status status = lcpy_open(self, &error);
        if (status == LOCACHE_OK) {
            Py_BEGIN_ALLOW_THREADS;
            status = locache_get(&value, self->cache, key.writer.data, key.writer.length, &error);
            Py_END_ALLOW_THREADS;
            locache_value_free(value);
        }
        PyErr_Clear(); /* no cache that can be used: nothing is in it */
        result = PyBool_FromLong(status == LOCACHE_OK);
    }
    locache_writer_clear(&key.writer);
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
    if (key_or_raise(self, &key, &call) == 0 && open_or_raise(self) == 0) {
        locache_error error;
        locache_status status;
        Py_BEGIN_ALLOW_THREADS;
        status = locache_remove(self->cache, key.writer.data, key.writer.length, &error);
        Py_END_ALLOW_THREADS;
        lcpy_store_forget(self);
        result = status < 0 ? raise_error(status, &error) : PyBool_FromLong(status == LOCACHE_OK);
    }
    locache_writer_clear(&key.writer);
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
    lcpy_bound bound = lcpy_call_key(self, &key, &call, &culprit);
    if (bound == LCPY_BOUND)
        result = lcpy_call_compute(self, &key, &call, true, false);
    else
        result = lcpy_call_without_key(self, &call, bound, culprit);
    Py_XDECREF(culprit);
    locache_writer_clear(&key.writer);
    return result;
}

/* --------------------------------------------------------------------------- for locache._async */

/* A key that was made before, and goes through Python as bytes, which must outlive it. */
static int key_from_bytes(lcpy_key *key, PyObject *bytes)
{
    if (!PyBytes_Check(bytes)) {
        PyErr_SetString(PyExc_TypeError, "a key is bytes");
        return -1;
    }
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    locache_writer_init(&key->writer, PyBytes_AS_STRING(bytes), size); /* full, and only read */
    key->writer.length = size;
    return 0;
}

static PyObject *lookup_bytes(PyObject *object, PyObject *bytes)
{
    lcpy_key key;
    PyObject *value = NULL;
    if (key_from_bytes(&key, bytes) < 0)
        return NULL;
    lcpy_found found = lcpy_lookup(&value, (lcpy_persisted *)object, &key);
    if (found == LCPY_FOUND) {
        PyObject *result = PyTuple_Pack(1, value);
        Py_DECREF(value);
        return result;
    }
    return found == LCPY_INTERRUPTED ? NULL
                                     : Py_NewRef(found == LCPY_REJECTED ? Py_False : Py_None);
}

static PyObject *store_bytes(PyObject *object, PyObject *args)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_key key;
    PyObject *bytes;
    PyObject *result;
    long long compute_time = 0;
    int fresh = 0;
    int quiet = 0;
    if (!PyArg_ParseTuple(args, "OOLpp:_store", &bytes, &result, &compute_time, &fresh, &quiet) ||
        key_from_bytes(&key, bytes) < 0)
        return NULL;
    lcpy_captures_begin(&self->target.captures);
    int status = lcpy_captures_end(self->state, &self->target.captures);
    if (status == 0)
        status =
            lcpy_store(self, &key, &(lcpy_computed){result, compute_time, fresh != 0, quiet != 0});
    return status < 0 ? NULL : Py_NewRef(Py_None);
}

/* ------------------------------------------------------------------------------------- protocol */

static PyObject *reduce_to_name(PyObject *self, PyObject *unused)
{
    (void)unused;
    return PyObject_GetAttrString(self, "__qualname__");
}

static PyObject *copy(PyObject *self, PyObject *unused)
{
    (void)unused;
    return Py_NewRef(self);
}

#define CALL_METHOD(function) ((PyCFunction)(void (*)(void))(function))

PyMethodDef lcpy_methods[] = {
    {"cache_info", cache_info, METH_NOARGS, cache_info_doc},
    {"cache_clear", cache_clear, METH_NOARGS, cache_clear_doc},
    {"cache_path", CALL_METHOD(cache_path), METH_FASTCALL | METH_KEYWORDS, cache_path_doc},
    {"is_cached", CALL_METHOD(is_cached), METH_FASTCALL | METH_KEYWORDS, is_cached_doc},
    {"forget", CALL_METHOD(forget), METH_FASTCALL | METH_KEYWORDS, forget_doc},
    {"refresh", CALL_METHOD(refresh), METH_FASTCALL | METH_KEYWORDS, refresh_doc},
    {"_lookup", lookup_bytes, METH_O, NULL},
    {"_store", store_bytes, METH_VARARGS, NULL},
    {"_clear_at", clear_at, METH_O, NULL},
    {"__reduce__", reduce_to_name, METH_NOARGS, NULL},
    {"__copy__", copy, METH_NOARGS, NULL},
    {"__deepcopy__", copy, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

int lcpy_methods_exec(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    state->cache_info_type = PyStructSequence_NewType(&info_description);
    return state->cache_info_type != NULL ? 0 : -1;
}
