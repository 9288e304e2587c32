/* Looking up a result of a decorated function. */
#include "call/lookup.h"

#include "call/explain.h"
#include "call/kept.h"
#include "call/open.h"
#include "call/warn.h"
#include "result/result.h"

/* An entry that is there, but is no result. */
static lcpy_found reject_entry(lcpy_persisted *self, const locache_error *error)
{
    lcpy_trouble trouble = LCPY_TROUBLE_READ;
    if (error->status == LOCACHE_EUNTRUSTED)
        trouble = LCPY_TROUBLE_TRUST;
    else if (error->status == LOCACHE_EFORMAT)
        trouble = LCPY_TROUBLE_FORMAT;
    return lcpy_warn(self, trouble, error, NULL) < 0 ? LCPY_INTERRUPTED : LCPY_REJECTED;
}

/* The exception that is set says why an entry becomes no object, but not which entry. */
static lcpy_found reject_undecoded(lcpy_persisted *self, const lcpy_key *key)
{
    PyObject *type;
    PyObject *value;
    PyObject *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    char path[LOCACHE_PATH_MAX];
    PyObject *file = NULL;
    if (self->cache != NULL &&
        locache_path(path, self->cache, key->writer.data, key->writer.length, NULL) == LOCACHE_OK) {
        file = PyUnicode_DecodeFSDefault(path);
        PyErr_Clear();
    }
    PyErr_Restore(type, value, traceback);
    int told = lcpy_warn(self, LCPY_TROUBLE_DECODE, NULL, file);
    Py_XDECREF(file);
    return told < 0 ? LCPY_INTERRUPTED : LCPY_REJECTED;
}

/* Count what was found, or NULL: it is no result, and an exception says why. */
static lcpy_found count_found(lcpy_persisted *self, const lcpy_key *key, const PyObject *result)
{
    if (result != NULL) {
        self->hits++;
        return LCPY_FOUND;
    }
    self->misses++;
    return reject_undecoded(self, key);
}

lcpy_found lcpy_lookup_kept(PyObject **out, lcpy_persisted *self, const lcpy_key *key, void *object)
{
    *out = lcpy_kept_is_result(object) ? object
                                       : lcpy_kept_decode(self->state, object, self->target.module);
    return count_found(self, key, *out);
}

/* Take a value that was read before results were forgotten for the nth time. */
static lcpy_found decode_read(PyObject **out, lcpy_persisted *self, const lcpy_key *key,
                              locache_value *value, uint64_t n)
{
    locache_stamp stamp;
    locache_value *kept = self->in_memory ? lcpy_kept_value(value) : NULL;
    locache_value_stamp(&stamp, value);
    *out = lcpy_decode(self->state, value, self->target.module);
    /* not where the cache is another now, which counts as forgotten, too */
    if (*out != NULL && self->in_memory && self->forgotten == n)
        (void)lcpy_kept_store(self, key, &stamp, *out, kept);
    locache_value_free(kept);
    return count_found(self, key, *out);
}

lcpy_found lcpy_lookup_file(PyObject **out, lcpy_persisted *self, const lcpy_key *key)
{
    if (self->cache == NULL) {
        lcpy_found opened = lcpy_open_for_call(self);
        if (opened != LCPY_FOUND) {
            self->bypassed++;
            return opened;
        }
    }
    locache_value *value = NULL;
    locache_error error;
    locache_status status;
    uint64_t forgotten = self->forgotten;
    const lcpy_asked asked = {self, key, false};
    const lcpy_asked *outer = lcpy_explain_asked;
    lcpy_explain_asked = self->state->verbose ? &asked : NULL;
    LCPY_BEGIN_WITHOUT_GIL(self);
    status = locache_get(&value, cache, key->writer.data, key->writer.length, &error);
    LCPY_END_WITHOUT_GIL(self);
    lcpy_explain_asked = outer;
    if (status == LOCACHE_OK)
        return decode_read(out, self, key, value, forgotten);
    self->misses++;
    if (status == LOCACHE_MISS && error.status == LOCACHE_OK)
        return LCPY_ABSENT;
    return reject_entry(self, &error);
}

lcpy_found lcpy_lookup(PyObject **out, lcpy_persisted *self, const lcpy_key *key)
{
    void *object;
    if (self->cache != NULL &&
        locache_recall(&object, self->cache, key->writer.data, key->writer.length) == LOCACHE_OK)
        return lcpy_lookup_kept(out, self, key, object);
    return lcpy_lookup_file(out, self, key);
}
