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

uint64_t lcpy_lookup_saves(const locache_value *value)
{
    int64_t took = locache_value_compute_time(value);
    return took > 0 ? (uint64_t)took : 0;
}

/* Take a value that was read before results were forgotten for the nth time. */
static lcpy_found decode_read(PyObject **out, lcpy_persisted *self, const lcpy_key *key,
                              locache_value *value, uint64_t n)
{
    locache_stamp stamp;
    locache_value *kept = self->in_memory ? lcpy_kept_value(value) : NULL;
    locache_value_stamp(&stamp, value);
    uint64_t took = lcpy_lookup_saves(value);
    *out = lcpy_decode(self->state, value, self->target.module);
    if (*out == NULL)
        self->saved -= took;
    /* not where the cache is another now, which counts as forgotten, too */
    if (*out != NULL && self->in_memory && self->forgotten == n)
        (void)lcpy_kept_store(self, key, &stamp, *out, kept);
    locache_value_free(kept);
    return count_found(self, key, *out);
}

lcpy_found lcpy_lookup_open(lcpy_persisted *self)
{
    if (self->cache != NULL)
        return LCPY_FOUND;
    lcpy_found opened = lcpy_open_for_call(self);
    if (opened != LCPY_FOUND)
        self->bypassed++;
    return opened;
}

lcpy_found lcpy_lookup_answer(PyObject **out, lcpy_persisted *self, const lcpy_key *key,
                              const lcpy_answer *answer)
{
    if (answer->status == LOCACHE_OK)
        return decode_read(out, self, key, answer->value, answer->forgotten);
    if (!answer->fresh)
        self->misses++;
    if (answer->status == LOCACHE_PENDING ||
        (answer->status == LOCACHE_MISS && answer->error.status == LOCACHE_OK))
        return LCPY_ABSENT;
    return reject_entry(self, &answer->error);
}

lcpy_found lcpy_lookup_file(PyObject **out, lcpy_persisted *self, const lcpy_key *key)
{
    lcpy_found opened = lcpy_lookup_open(self);
    if (opened != LCPY_FOUND)
        return opened;
    lcpy_answer answer = {.forgotten = self->forgotten};
    const lcpy_sought asked = {self, key, false};
    const lcpy_sought *outer = lcpy_explain_enter(&asked);
    LCPY_BEGIN_WITHOUT_GIL(self);
    answer.status =
        locache_get(&answer.value, cache, key->writer.data, key->writer.length, &answer.error);
    LCPY_END_WITHOUT_GIL(self);
    lcpy_explain_asked = outer;
    return lcpy_lookup_answer(out, self, key, &answer);
}

/* Nanoseconds that the next part of a wait may take; 0: it is over. */
static int64_t next_part(const lcpy_persisted *self, int64_t start)
{
    if (self->options.wait == 0)
        return LCPY_WAIT_PART;
    int64_t rest = self->options.wait - (lcpy_persisted_clock() - start);
    return rest < LCPY_WAIT_PART ? (rest > 0 ? rest : 0) : LCPY_WAIT_PART;
}

/* Ask, and wait in parts. False: an exception came in between. */
static bool ask_in_parts(lcpy_answer *answer, locache_flight **flight, lcpy_persisted *self,
                         const lcpy_key *key, lcpy_asking *how)
{
    locache_request request = {.size = sizeof request,
                               .key = key->writer.data,
                               .key_size = key->writer.length,
                               .fresh = how->fresh,
                               .behind = true};
    int64_t start = lcpy_persisted_clock();
    const locache *asked = self->cache;
    const lcpy_sought call = {self, key, false};
    const lcpy_sought *outer = lcpy_explain_enter(&call);
    bool goes_on;
    bool interrupted;
    do {
        int64_t part = how->at_once ? 0 : next_part(self, start);
        request.wait = part > 0 ? part : -1;
        LCPY_BEGIN_WITHOUT_GIL(self);
        answer->status = locache_ask(&answer->value, flight, cache, &request, &answer->error);
        LCPY_END_WITHOUT_GIL(self);
        how->waited = how->waited || request.asked > 0;
        goes_on = answer->status == LOCACHE_PENDING && part > 0 && self->cache == asked;
        interrupted = goes_on && PyErr_CheckSignals() < 0;
    } while (goes_on && !interrupted);
    lcpy_explain_asked = outer;
    locache_give_up(&request);
    return !interrupted;
}

static void drop(const lcpy_answer *answer, locache_flight **flight)
{
    locache_abandon(*flight);
    *flight = NULL;
    if (answer->status == LOCACHE_OK)
        locache_value_free(answer->value);
}

/* Ask the cache that is open. True: it is another one by now, since what the function depends on
 * changed while it was waited: that is to be asked. */
static bool ask_once(lcpy_found *found, PyObject **out, locache_flight **flight,
                     lcpy_persisted *self, const lcpy_key *key, lcpy_asking *how)
{
    const locache *asked = self->cache;
    lcpy_answer answer = {.forgotten = self->forgotten, .fresh = how->fresh};
    *found = LCPY_INTERRUPTED;
    if (!ask_in_parts(&answer, flight, self, key, how))
        return false;
    bool follows = !how->waited || lcpy_open_follow(self) == 0;
    if (!follows || self->cache != asked) {
        drop(&answer, flight);
        return follows;
    }
    *found = lcpy_lookup_answer(out, self, key, &answer);
    if (*found == LCPY_INTERRUPTED && *flight != NULL) {
        locache_abandon(*flight);
        *flight = NULL;
    }
    return false;
}

lcpy_found lcpy_lookup_begin(PyObject **out, locache_flight **flight, lcpy_persisted *self,
                             const lcpy_key *key, lcpy_asking *how)
{
    bool rejected = false;
    lcpy_found found;
    *flight = NULL;
    for (;;) {
        found = lcpy_lookup_open(self);
        if (found != LCPY_FOUND)
            return found;
        if (ask_once(&found, out, flight, self, key, how))
            continue;
        if (found != LCPY_REJECTED || *flight != NULL || how->fresh)
            break;
        /* It is there, and no result of this program's: asked for anew, so that one computes it. */
        how->fresh = rejected = true;
    }
    if (rejected && found == LCPY_FOUND)
        self->misses--; /* it was none in the end */
    return rejected && found == LCPY_ABSENT ? LCPY_REJECTED : found;
}

lcpy_found lcpy_lookup(PyObject **out, lcpy_persisted *self, const lcpy_key *key)
{
    void *object;
    if (self->cache != NULL &&
        locache_recall(&object, self->cache, key->writer.data, key->writer.length) == LOCACHE_OK)
        return lcpy_lookup_kept(out, self, key, object);
    return lcpy_lookup_file(out, self, key);
}
