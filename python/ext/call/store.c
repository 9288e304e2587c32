/* Storing a result: encode it, write its file without the GIL, keep it in memory. */
#include "call/store.h"

#include "call/kept.h"
#include "call/open.h"
#include "call/warn.h"
#include "call/weigh.h"
#include "result/result.h"

void lcpy_store_forget(lcpy_persisted *self)
{
    self->forgotten++;
    if (self->cache != NULL)
        locache_forget_memory(self->cache);
}

static locache_status put_encoded(lcpy_persisted *self, const lcpy_key *key,
                                  const lcpy_encoded *encoded, locache_record *record,
                                  locache_flight *flight, locache_error *error)
{
    record->size = sizeof *record;
    record->codec = encoded->codec;
    record->body = encoded->body.data;
    record->body_size = encoded->body.length;
    record->buffers = encoded->buffers;
    record->buffer_sizes = encoded->buffer_sizes;
    record->buffer_count = encoded->buffer_count;
    record->flags = encoded->arrays ? 0U : LOCACHE_RECORD_COPIED;
    locache_status status;
    LCPY_BEGIN_WITHOUT_GIL(self);
    status = flight != NULL
                 ? locache_commit(flight, record, error)
                 : locache_put(cache, key->writer.data, key->writer.length, record, error);
    LCPY_END_WITHOUT_GIL(self);
    return status;
}

/* What was stored is what the next hit gives; of what can be changed, that is read first.
 * `forgotten`: as before it was stored. */
static void keep_stored(lcpy_persisted *self, const lcpy_key *key, const locache_stamp *stamp,
                        const lcpy_computed *computed, locache_codec codec, uint64_t forgotten)
{
    bool kept = self->in_memory && self->forgotten == forgotten && codec == LOCACHE_CODEC_CBOR &&
                lcpy_kept_store(self, key, stamp, computed->result, NULL);
    if (!computed->fresh)
        return;
    self->forgotten++;
    /* the old result would be given for as long as its file is not asked */
    if (!kept && self->options.recheck > 0 && self->cache != NULL)
        locache_forget_memory(self->cache);
}

/* keep=: is this result to be stored? -1 with an exception. */
static int ask_keep(lcpy_persisted *self, PyObject *result)
{
    if (self->options.keep == NULL)
        return 1;
    PyObject *answer = PyObject_CallOneArg(self->options.keep, result);
    int wanted = answer != NULL ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    return wanted;
}

/* ttl=, where a callable says it: when the result expires, as locache_record.expires. False: it is
 * over already, and need not be stored; or there is an exception. */
static bool ask_expires(int64_t *out, lcpy_persisted *self, PyObject *result)
{
    *out = 0;
    if (self->options.ttl_of == NULL)
        return true;
    PyObject *module = PyImport_ImportModule("locache._bounds");
    PyObject *told =
        module != NULL ? PyObject_CallMethod(module, "expires", "OO", self->options.ttl_of, result)
                       : NULL;
    if (told != NULL)
        *out = PyLong_AsLongLong(told);
    Py_XDECREF(told);
    Py_XDECREF(module);
    return *out >= 0 && PyErr_Occurred() == NULL;
}

/* Bounds that evict what was just stored are said. 0, or -1 with an exception. */
static int look_at_bounds(lcpy_persisted *self)
{
    locache_statistics counted = {.size = sizeof counted};
    if ((self->options.max_bytes <= 0 && self->options.max_entries <= 0) ||
        self->said & 1U << LCPY_TROUBLE_BOUNDS || self->cache == NULL ||
        locache_info(&counted, self->cache) != LOCACHE_OK || counted.thrashing == 0)
        return 0;
    const locache_error error = {.message = "as many results as there are were evicted soon after "
                                            "they were stored or used; raise max_bytes= or "
                                            "max_entries="};
    self->errors--; /* nothing went wrong */
    return lcpy_warn(self, LCPY_TROUBLE_BOUNDS, &error, NULL);
}

/* Encode, and say what cannot be. 0; -1 with an exception; 1: said. */
static int encode(lcpy_persisted *self, lcpy_encoded *encoded, int64_t *expires,
                  const lcpy_computed *computed)
{
    int wanted = ask_keep(self, computed->result);
    if (wanted > 0 && !ask_expires(expires, self, computed->result))
        wanted = PyErr_Occurred() != NULL ? -1 : 0;
    if (wanted == 0)
        return 1;
    if (wanted > 0 && lcpy_encode(self->state, encoded, computed->result,
                                  (self->options.flags & LOCACHE_OPEN_NO_PICKLE) != 0) == 0)
        return 0;
    /* What keep= or ttl= says of itself needs no other remedy. */
    lcpy_trouble trouble = wanted < 0 ? LCPY_TROUBLE_WRITE : LCPY_TROUBLE_ENCODE;
    int told = computed->quiet ? lcpy_warn_count(self) : lcpy_warn(self, trouble, NULL, NULL);
    return told < 0 ? -1 : 1;
}

static int store(lcpy_persisted *self, const lcpy_key *key, const lcpy_computed *computed,
                 locache_flight **flight)
{
    if (self->mode == LCPY_READONLY)
        return 0;
    if (self->cache == NULL) {
        lcpy_found opened = lcpy_open_for_call(self);
        if (opened != LCPY_FOUND)
            return opened == LCPY_INTERRUPTED ? -1 : 0;
    }
    lcpy_encoded encoded;
    int64_t expires;
    int told = encode(self, &encoded, &expires, computed);
    if (told != 0)
        return told < 0 ? -1 : 0;
    locache_error error;
    locache_stamp stamp;
    if (self->cache == NULL && lcpy_open(self, &error) != LOCACHE_OK) {
        lcpy_encoded_clear(&encoded);
        return lcpy_warn_count(self);
    }
    locache_record record = {
        .compute_time = computed->compute_time, .expires = expires, .stamp = &stamp};
    uint64_t forgotten = self->forgotten;
    locache_status status = put_encoded(self, key, &encoded, &record, *flight, &error);
    *flight = NULL;
    if (status == LOCACHE_OK)
        keep_stored(self, key, &stamp, computed, encoded.codec, forgotten);
    lcpy_encoded_clear(&encoded);
    if (status == LOCACHE_OK && look_at_bounds(self) < 0)
        return -1;
    if (status == LOCACHE_OK)
        return self->weighed || computed->fresh ? 0 : lcpy_weigh_first(self, key);
    if (computed->quiet)
        return lcpy_warn_count(self);
    return lcpy_warn(self, status == LOCACHE_EFORMAT ? LCPY_TROUBLE_FORMAT : LCPY_TROUBLE_WRITE,
                     &error, NULL);
}

void lcpy_store_give_up(locache_flight *flight)
{
    if (flight != NULL)
        (void)!locache_commit(flight, NULL, NULL);
}

int lcpy_store(lcpy_persisted *self, const lcpy_key *key, const lcpy_computed *computed)
{
    locache_flight *flight = computed->flight;
    int status = store(self, key, computed, &flight);
    lcpy_store_give_up(flight);
    return status;
}
