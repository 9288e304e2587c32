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

/* Encode, and say what cannot be. 0; -1 with an exception; 1: said. */
static int encode(lcpy_persisted *self, lcpy_encoded *encoded, const lcpy_computed *computed)
{
    int wanted = ask_keep(self, computed->result);
    if (wanted == 0)
        return 1;
    if (wanted > 0 && lcpy_encode(self->state, encoded, computed->result,
                                  (self->options.flags & LOCACHE_OPEN_NO_PICKLE) != 0) == 0)
        return 0;
    int told =
        computed->quiet ? lcpy_warn_count(self) : lcpy_warn(self, LCPY_TROUBLE_ENCODE, NULL, NULL);
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
    int told = encode(self, &encoded, computed);
    if (told != 0)
        return told < 0 ? -1 : 0;
    locache_error error;
    locache_stamp stamp;
    if (self->cache == NULL && lcpy_open(self, &error) != LOCACHE_OK) {
        lcpy_encoded_clear(&encoded);
        return lcpy_warn_count(self);
    }
    locache_record record = {.compute_time = computed->compute_time, .stamp = &stamp};
    uint64_t forgotten = self->forgotten;
    locache_status status = put_encoded(self, key, &encoded, &record, *flight, &error);
    *flight = NULL;
    if (status == LOCACHE_OK)
        keep_stored(self, key, &stamp, computed, encoded.codec, forgotten);
    lcpy_encoded_clear(&encoded);
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
