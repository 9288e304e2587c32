/* The cache of a decorated function: opened, looked into, stored to. */
#include "call/persisted.h"

#include <string.h>
#include <time.h>

#include "call/kept.h"
#include "call/warn.h"
#include "identity.h"

int64_t lcpy_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The function's own code and that of what it wraps; of one function, just its code. */
static int code_identity(locache_id *out, PyObject *functions)
{
    locache_id ids[2];
    Py_ssize_t depth = PyTuple_GET_SIZE(functions);
    for (Py_ssize_t i = 0; i < depth; i++) {
        if (lcpy_code_id(&ids[1], PyFunction_GET_CODE(PyTuple_GET_ITEM(functions, i))) < 0)
            return -1;
        if (i == 0)
            ids[0] = ids[1];
        else
            locache_id_of(&ids[0], ids, sizeof ids);
    }
    *out = ids[0];
    return 0;
}

/* The same for their sources: 1, 0 where one of them has none, or -1. */
static int source_identity(lcpy_state *state, locache_id *out, PyObject *functions)
{
    locache_id ids[2];
    Py_ssize_t depth = PyTuple_GET_SIZE(functions);
    for (Py_ssize_t i = 0; i < depth; i++) {
        int found = lcpy_source_id(state, &ids[1], PyTuple_GET_ITEM(functions, i));
        if (found <= 0)
            return found;
        if (i == 0)
            ids[0] = ids[1];
        else
            locache_id_of(&ids[0], ids, sizeof ids);
    }
    *out = ids[0];
    return 1;
}

static locache_status open_without_gil(locache **out, const char *directory,
                                       const locache_options *options, locache_error *error)
{
    locache_status status;
    Py_BEGIN_ALLOW_THREADS status = locache_open(out, directory, options, error);
    Py_END_ALLOW_THREADS return status;
}

locache_status lcpy_persisted_open_at(locache **out, lcpy_persisted *self, const lcpy_place *place,
                                      locache_error *error)
{
    char directory[LOCACHE_PATH_MAX];
    char tag[LCPY_TAG_MAX + 1];
    PyObject *functions = self->target.functions;
    locache_options options = {
        .size = sizeof options,
        .function = PyUnicode_AsUTF8(self->target.qualname),
        .flags = self->options.flags,
        .max_entries = self->options.max_entries,
        .max_age = self->options.max_age,
        .memory_entries = self->options.memory_entries,
        .memory_bytes = self->options.memory_bytes,
        .recheck = self->options.recheck,
        .retain = lcpy_memory_retain,
        .release = lcpy_memory_release,
    };
    if (options.function == NULL)
        return LOCACHE_ETYPE;
    if (self->options.version != NULL) {
        const char *version = PyUnicode_AsUTF8(self->options.version);
        if (version == NULL)
            return LOCACHE_ETYPE;
        locache_identity_explicit(&options.identity, version);
    } else if (PyTuple_GET_SIZE(functions) > 0) {
        if (lcpy_code_tag(tag) < 0 || code_identity(&options.identity.code, functions) < 0)
            return LOCACHE_ETYPE;
        options.identity.code_tag = tag;
    }
    locache_status status = lcpy_place_find(directory, place, error);
    if (status == LOCACHE_OK)
        status = open_without_gil(out, directory, &options, error);
    if (status == LOCACHE_NEED_SOURCE) {
        int found = source_identity(self->state, &options.identity.source, functions);
        if (found < 0)
            return LOCACHE_ETYPE;
        options.identity.has_source = found > 0;
        options.identity.no_source = found == 0;
        status = open_without_gil(out, directory, &options, error);
    }
    return status;
}

locache_status lcpy_persisted_open(lcpy_persisted *self, locache_error *error)
{
    if (self->cache != NULL)
        return LOCACHE_OK;
    locache *cache = NULL;
    locache_status status = lcpy_persisted_open_at(&cache, self, &self->place, error);
    if (status != LOCACHE_OK)
        return status;
    if (self->cache != NULL) /* another thread was faster */
        locache_close(cache);
    else
        self->cache = cache;
    return LOCACHE_OK;
}

/* On the way of a call. Trying again may take a hundredth of the time that passes. */
static lcpy_found open_for_call(lcpy_persisted *self)
{
    int64_t start = lcpy_clock();
    if (start < self->retry_from)
        return LCPY_UNUSABLE;
    locache_error error;
    locache_status status = lcpy_persisted_open(self, &error);
    if (status == LOCACHE_OK)
        return LCPY_FOUND;
    int64_t now = lcpy_clock();
    self->retry_from = now + 100 * (now - start);
    int told = lcpy_warn(self, LCPY_TROUBLE_OPEN, status == LOCACHE_ETYPE ? NULL : &error, NULL);
    return told < 0 ? LCPY_INTERRUPTED : LCPY_UNUSABLE;
}

/* An entry that is there, but is no result. */
static lcpy_found disbelieved(lcpy_persisted *self, const locache_error *error)
{
    lcpy_trouble trouble = LCPY_TROUBLE_READ;
    if (error->status == LOCACHE_EUNTRUSTED)
        trouble = LCPY_TROUBLE_TRUST;
    else if (error->status == LOCACHE_EFORMAT)
        trouble = LCPY_TROUBLE_FORMAT;
    return lcpy_warn(self, trouble, error, NULL) < 0 ? LCPY_INTERRUPTED : LCPY_DISBELIEVED;
}

/* The exception that is set says why an entry becomes no object, but not which entry. */
static lcpy_found undecodable(lcpy_persisted *self, const void *key, size_t key_size)
{
    PyObject *type;
    PyObject *value;
    PyObject *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    char path[LOCACHE_PATH_MAX];
    PyObject *file = NULL;
    if (locache_path(path, self->cache, key, key_size, NULL) == LOCACHE_OK) {
        file = PyUnicode_DecodeFSDefault(path);
        PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
    int told = lcpy_warn(self, LCPY_TROUBLE_DECODE, NULL, file);
    Py_XDECREF(file);
    return told < 0 ? LCPY_INTERRUPTED : LCPY_DISBELIEVED;
}

/* Count what was found, or NULL: it is no result, and an exception says why. */
static lcpy_found count_found(lcpy_persisted *self, const PyObject *result, const void *key,
                              size_t key_size)
{
    if (result != NULL) {
        self->hits++;
        return LCPY_FOUND;
    }
    self->misses++;
    return undecodable(self, key, key_size);
}

/* An object that locache_recall() gave; its reference is taken. */
lcpy_found lcpy_persisted_give(PyObject **out, lcpy_persisted *self, void *object, const void *key,
                               size_t key_size)
{
    *out = lcpy_memory_is_result(object)
               ? object
               : lcpy_memory_decode(self->state, object, self->target.module);
    return count_found(self, *out, key, key_size);
}

/* Take a value that was read before results were forgotten for the nth time. */
static lcpy_found decode(PyObject **out, lcpy_persisted *self, locache_value *value, uint64_t n,
                         const void *key, size_t key_size)
{
    locache_stamp stamp;
    locache_value *kept = self->in_memory ? lcpy_memory_value(value) : NULL;
    locache_value_stamp(&stamp, value);
    *out = lcpy_decode(self->state, value, self->target.module);
    if (*out != NULL && self->in_memory && self->forgotten == n)
        (void)lcpy_memory_keep(self->state, self->cache, key, key_size, &stamp, *out, kept);
    locache_value_free(kept);
    return count_found(self, *out, key, key_size);
}

/* The file. */
lcpy_found lcpy_persisted_read(PyObject **out, lcpy_persisted *self, const void *key,
                               size_t key_size)
{
    if (self->cache == NULL) {
        lcpy_found opened = open_for_call(self);
        if (opened != LCPY_FOUND) {
            self->bypassed++;
            return opened;
        }
    }
    locache_value *value = NULL;
    locache_error error;
    locache_status status;
    uint64_t forgotten = self->forgotten;
    Py_BEGIN_ALLOW_THREADS status = locache_get(&value, self->cache, key, key_size, &error);
    Py_END_ALLOW_THREADS if (status == LOCACHE_OK)
    {
        return decode(out, self, value, forgotten, key, key_size);
    }
    self->misses++;
    if (status == LOCACHE_MISS && error.status == LOCACHE_OK)
        return LCPY_ABSENT;
    return disbelieved(self, &error);
}

lcpy_found lcpy_persisted_lookup(PyObject **out, lcpy_persisted *self, const void *key,
                                 size_t key_size)
{
    void *object;
    if (self->cache != NULL && locache_recall(&object, self->cache, key, key_size) == LOCACHE_OK)
        return lcpy_persisted_give(out, self, object, key, key_size);
    return lcpy_persisted_read(out, self, key, key_size);
}

void lcpy_persisted_forget(lcpy_persisted *self)
{
    self->forgotten++;
    if (self->cache != NULL)
        locache_forget_memory(self->cache);
}

static locache_status put(locache_stamp *stamp, lcpy_persisted *self, const void *key,
                          size_t key_size, const lcpy_encoded *encoded, int64_t compute_time,
                          locache_error *error)
{
    locache_record record = {
        .size = sizeof record,
        .codec = encoded->codec,
        .body = encoded->body.data,
        .body_size = encoded->body.length,
        .buffers = encoded->buffers,
        .buffer_count = encoded->buffer_count,
        .compute_time = compute_time,
        .stamp = stamp,
    };
    locache_status status;
    Py_BEGIN_ALLOW_THREADS status = locache_put(self->cache, key, key_size, &record, error);
    Py_END_ALLOW_THREADS return status;
}

/* What was stored is what the next hit gives; of what can be changed, that is read first.
 * `forgotten`: as before it was stored. */
static void remember_stored(lcpy_persisted *self, const void *key, size_t key_size,
                            const locache_stamp *stamp, const lcpy_encoded *encoded,
                            PyObject *result, int fresh, uint64_t forgotten)
{
    bool kept = self->in_memory && self->forgotten == forgotten && encoded->codec == LOCACHE_CBOR &&
                lcpy_memory_keep(self->state, self->cache, key, key_size, stamp, result, NULL);
    if (!fresh)
        return;
    self->forgotten++;
    if (!kept && self->options.recheck > 0)
        locache_forget_memory(self->cache);
}

int lcpy_persisted_store(lcpy_persisted *self, const void *key, size_t key_size, PyObject *result,
                         int64_t compute_time, int fresh, int quiet)
{
    if (self->cache == NULL) {
        lcpy_found opened = open_for_call(self);
        if (opened != LCPY_FOUND)
            return opened == LCPY_INTERRUPTED ? -1 : 0;
    }
    lcpy_encoded encoded;
    if (lcpy_encode(self->state, &encoded, result,
                          (self->options.flags & LOCACHE_NO_PICKLE) != 0) < 0)
        return quiet ? lcpy_count_error(self) : lcpy_warn(self, LCPY_TROUBLE_ENCODE, NULL, NULL);
    locache_error error;
    locache_stamp stamp;
    uint64_t forgotten = self->forgotten;
    locache_status status = put(&stamp, self, key, key_size, &encoded, compute_time, &error);
    if (status == LOCACHE_OK)
        remember_stored(self, key, key_size, &stamp, &encoded, result, fresh, forgotten);
    lcpy_encoded_clear(&encoded);
    if (status == LOCACHE_OK)
        return 0;
    if (quiet)
        return lcpy_count_error(self);
    return lcpy_warn(self, status == LOCACHE_EFORMAT ? LCPY_TROUBLE_FORMAT : LCPY_TROUBLE_WRITE,
                     &error, NULL);
}
