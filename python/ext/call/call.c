/* A call of a decorated function, from its arguments to its result. */
#include "call/call.h"

#include <string.h>

#include "call/awaitable.h"
#include "call/call_change.h"
#include "call/call_key.h"
#include "call/depend.h"
#include "call/kept.h"
#include "call/lookup.h"
#include "call/open.h"
#include "call/refreshed.h"
#include "call/stale.h"
#include "call/store.h"
#include "call/switch.h"
#include "call/verify.h"
#include "call/warn.h"
#include "plain/stack.h"

static PyObject *call_function(lcpy_persisted *self, const lcpy_call *call)
{
    return PyObject_Vectorcall(self->target.callable, call->args, (size_t)call->count,
                               call->kwnames);
}

/* --------------------------------------------------------------------------------------- the run
 *
 * The function may call itself, as deep as Python lets it: whatever is on the C stack while it runs
 * is there once for each level. So what is needed before and after lives in functions that have
 * returned by then, and what has to be kept from one to the other on the heap. */

/* A call that is to be computed. As long as its key is: a short one comes from where Python has
 * small objects. */
typedef struct pending {
    lcpy_run *run;
    locache_flight *flight; /* or NULL */
    int64_t start;
    int64_t others; /* lcpy_captures_clock() at its beginning */
    unsigned turn;  /* the version that it began with */
    lcpy_wanted wanted;
    bool quiet;
    bool simple;               /* as of lcpy_key */
    lcpy_check check;          /* of a hit that is computed again */
    locache_cbor_writer parts; /* lcpy_call_note_parts() */
    size_t key_size;
    unsigned char key[];
} pending;

/* What is left to do for a call once it was looked up. */
typedef enum step {
    FINISHED,  /* nothing: there is a result, or an exception */
    COMPUTE,   /* call the function and store what it returns */
    CALL_ONLY, /* call it */
    MISFIT     /* call it, and see whether it takes the arguments */
} step;

/* A call on its way, all that is left of its key while the function runs. */
typedef struct course {
    lcpy_call call;
    step next;
    pending *work; /* for COMPUTE */
    bool stale;    /* its result is computed anew behind it */
} course;

/* Its flight is ended, and who waits for it computes. */
static void drop_pending(pending *call)
{
    locache_abandon(call->flight);
    lcpy_verify_end(&call->check);
    locache_cbor_writer_clear(&call->parts);
    PyMem_Free(call);
}

/* NULL: there is an exception. Takes the flight, which may be NULL. */
static pending *prepare(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *arguments,
                        lcpy_wanted wanted, bool quiet, locache_flight *flight)
{
    size_t size = key->writer.length;
    pending *call = PyMem_Malloc(sizeof *call + size);
    if (call == NULL) {
        locache_abandon(flight);
        PyErr_NoMemory();
        return NULL;
    }
    call->wanted = wanted;
    call->quiet = quiet;
    call->flight = flight;
    call->simple = key->simple;
    call->check = (lcpy_check){.self = NULL};
    call->key_size = size;
    memcpy(call->key, key->writer.data, size);
    locache_cbor_writer_init(&call->parts, NULL, 0);
    if (lcpy_call_note_parts(self, &call->parts, key, arguments) < 0) {
        drop_pending(call);
        return NULL;
    }
    call->run = lcpy_captures_begin(&self->target.captures, call->key, size);
    if (call->run == NULL && PyErr_Occurred() != NULL) {
        drop_pending(call);
        return NULL;
    }
    call->turn = self->turn;
    call->others = self->reach != NULL ? lcpy_captures_clock() : 0;
    self->running++;
    call->start = lcpy_persisted_clock();
    return call;
}

/* After the run: takes `result`, which may be NULL, and gives it back, or NULL. */
static __attribute__((noinline)) PyObject *finish(lcpy_persisted *self, pending *work,
                                                  const lcpy_call *call, PyObject *result)
{
    lcpy_computed computed = {result, lcpy_persisted_clock() - work->start,
                              work->wanted != LCPY_ANY, work->quiet, work->flight};
    lcpy_key key;
    int stored = result != NULL;
    locache_cbor_writer_init(&key.writer, work->key, work->key_size); /* full, and only read */
    key.writer.length = work->key_size;
    self->running--;
    PyObject *hit = Py_XNewRef(work->check.stored);
    if (stored && hit == NULL)
        self->computed += (uint64_t)computed.compute_time;
    if (stored && !work->simple)
        stored =
            lcpy_call_may_be_stored(self, &(lcpy_changed_key){&key.writer, &work->parts}, call);
    if (stored > 0)
        stored = lcpy_depend_ended(self, work->turn, work->others);
    if (lcpy_captures_end(self->state, &self->target.captures, work->run) < 0)
        stored = -1;
    if (hit != NULL && stored >= 0)
        computed.result = result = lcpy_verify_settle(self, &key, hit, result, &stored);
    else
        Py_XDECREF(hit);
    if (stored > 0 && work->wanted == LCPY_REFRESHED)
        computed.flight = NULL; /* noted before the next takes its turn: lcpy_refreshed_has() */
    else if (stored >= 0 && result != NULL)
        work->flight = NULL;
    if (stored > 0)
        stored = lcpy_store(self, &key, &computed);
    else if (stored == 0 && result != NULL) /* nor will that of who waits be */
        lcpy_store_give_up(computed.flight);
    if (stored >= 0 && result != NULL && work->wanted == LCPY_REFRESHED)
        stored = lcpy_refreshed_add(self, &key);
    if (stored < 0)
        Py_CLEAR(result);
    drop_pending(work);
    return result;
}

static __attribute__((noinline)) PyObject *warn_of_misfit(lcpy_persisted *self, PyObject *result)
{
    locache_error error = {.message = "its decorators take other arguments than it does; keep "
                                      "functools.wraps() off them"};
    if (result != NULL && lcpy_warn(self, LCPY_TROUBLE_MISFIT, &error, NULL) < 0)
        Py_CLEAR(result);
    return result;
}

/* The rest of a call, with nothing else on the C stack. Not inlined: a hit saves no registers for
 * it. */
static __attribute__((noinline)) PyObject *run(lcpy_persisted *self, const course *call)
{
    PyObject *result = call_function(self, &call->call);
    if (call->next == COMPUTE)
        return finish(self, call->work, &call->call, result);
    return call->next == MISFIT ? warn_of_misfit(self, result) : result;
}

/* No key could be made. */
static step go_without_key(lcpy_persisted *self, lcpy_bound bound, PyObject *culprit)
{
    self->bypassed++;
    if (bound == LCPY_BIND_ERROR && PyErr_Occurred() != NULL &&
        lcpy_warn(self, LCPY_TROUBLE_KEY, NULL, culprit) < 0)
        return FINISHED;
    return bound == LCPY_MISFIT ? MISFIT : CALL_ONLY;
}

PyObject *lcpy_call_without_key(lcpy_persisted *self, const lcpy_call *call, lcpy_bound bound,
                                PyObject *culprit)
{
    const course ready = {*call, go_without_key(self, bound, culprit), NULL, false};
    return ready.next == FINISHED ? NULL : run(self, &ready);
}

/* ------------------------------------------------------------------------------- the looking up */

/* The function is to be called. */
static void compute_next(lcpy_persisted *self, course *call, const lcpy_key *key, bool quiet,
                         locache_flight *flight)
{
    call->work = prepare(self, key, &call->call, LCPY_ANY, quiet, flight);
    call->next = call->work != NULL ? COMPUTE : FINISHED;
}

/* The file, or who computes it; as lcpy_lookup_begin(). */
static lcpy_found look_or_begin(PyObject **out, locache_flight **flight, lcpy_persisted *self,
                                lcpy_key *key, const lcpy_call *call, lcpy_asking *how)
{
    bool fresh = how->fresh;
    *flight = NULL;
    for (;;) {
        if (self->mode == LCPY_READONLY || self->mode == LCPY_OFF)
            return fresh ? LCPY_ABSENT : lcpy_lookup_file(out, self, key);
        lcpy_found found = lcpy_lookup_begin(out, flight, self, key, how);
        if ((found != LCPY_ABSENT && found != LCPY_REJECTED) || !how->waited || key->simple)
            return found;
        int same = lcpy_call_key_again(self, key, call);
        if (same > 0)
            return found;
        locache_abandon(*flight);
        *flight = NULL;
        if (same < 0)
            return PyErr_Occurred() != NULL ? LCPY_INTERRUPTED : LCPY_UNUSABLE;
        how->fresh = fresh;
        how->waited = false;
    }
}

/* There is no result in memory that could be given. Not inlined: most hits do without. */
static __attribute__((noinline)) PyObject *look_further(lcpy_persisted *self, course *call,
                                                        lcpy_key *key, bool rejected)
{
    PyObject *result = NULL;
    if (self->target.is_async)
        return lcpy_awaitable_new(self, key, &call->call, LCPY_ANY);
    if (lcpy_stack_check() < 0)
        return NULL;
    locache_flight *flight = NULL;
    lcpy_asking how = {.fresh = rejected};
    lcpy_found found = look_or_begin(&result, &flight, self, key, &call->call, &how);
    if (found == LCPY_ABSENT || found == LCPY_REJECTED)
        compute_next(self, call, key, rejected || found == LCPY_REJECTED, flight);
    else if (found == LCPY_UNUSABLE)
        call->next = CALL_ONLY;
    else if (flight != NULL && lcpy_stale_refresh(self, key, &call->call, flight) < 0)
        Py_CLEAR(result);
    call->stale = flight != NULL;
    return result;
}

/* There is a result, which is to be computed again: takes it. Not inlined: most hits do without. */
static __attribute__((noinline)) PyObject *check_next(lcpy_persisted *self, course *call,
                                                      const lcpy_key *key, PyObject *stored)
{
    if (lcpy_stack_check() < 0) {
        PyErr_Clear();
        return stored;
    }
    call->work = prepare(self, key, &call->call, LCPY_NEW, false, NULL);
    if (call->work == NULL) {
        Py_DECREF(stored);
        return NULL;
    }
    lcpy_verify_begin(&call->work->check, self, stored);
    call->next = COMPUTE;
    return NULL;
}

static __attribute__((noinline)) void look_without_key(lcpy_persisted *self, course *call,
                                                       lcpy_bound bound, PyObject *culprit)
{
    call->next = lcpy_stack_check() < 0 ? FINISHED : go_without_key(self, bound, culprit);
    Py_XDECREF(culprit);
}

/* What memory has for a key: the result; or NULL, and *rejected where it is no good. */
static inline PyObject *look_in_memory(lcpy_persisted *self, const lcpy_key *key, bool *found,
                                       bool *rejected)
{
    void *known;
    PyObject *result = NULL;
    if (self->cache == NULL || self->target.is_async ||
        locache_recall(&known, self->cache, key->writer.data, key->writer.length) != LOCACHE_OK)
        return NULL;
    *found = true;
    if (lcpy_kept_is_result(known)) {
        self->hits++;
        return known;
    }
    *rejected = lcpy_lookup_kept(&result, self, key, known) == LCPY_REJECTED;
    *found = !*rejected;
    return result;
}

/* Not inlined: the key would be on the C stack while the function runs. call->next is set where
 * something is left to do. */
static __attribute__((noinline)) PyObject *look_up(lcpy_persisted *self, course *call)
{
    lcpy_key key;
    PyObject *culprit;
    PyObject *result = NULL;
    bool found = false;
    bool rejected = false;
    lcpy_bound bound = lcpy_call_key_in_time(self, &key, &call->call, &culprit);
    if (bound != LCPY_BOUND) {
        look_without_key(self, call, bound, culprit);
    } else {
        result = look_in_memory(self, &key, &found, &rejected);
        if (!found)
            result = look_further(self, call, &key, rejected);
        if (self->options.verify != 0 && result != NULL && !self->target.is_async && !call->stale &&
            lcpy_verify_draws(self))
            result = check_next(self, call, &key, result);
    }
    locache_cbor_writer_clear(&key.writer);
    return result;
}

/* -------------------------------------------------------------------------------- not as always */

/* Call the function anew. Not inlined: it returns before the function runs. */
static __attribute__((noinline)) PyObject *begin_anew(lcpy_persisted *self, course *call,
                                                      lcpy_key *key, lcpy_wanted wanted)
{
    PyObject *result = NULL;
    locache_flight *flight = NULL;
    lcpy_asking how = {.fresh = true, .at_once = wanted == LCPY_NEW};
    if (lcpy_stack_check() < 0 || lcpy_open_begin_run(self) < 0)
        return NULL;
    lcpy_found found = look_or_begin(&result, &flight, self, key, &call->call, &how);
    if (found == LCPY_FOUND || found == LCPY_INTERRUPTED)
        return result;
    int known = wanted == LCPY_REFRESHED ? lcpy_refreshed_has(self, key) : 0;
    if (known != 0) { /* by another thread, just before this one had the turn */
        locache_abandon(flight);
        return known > 0 ? look_further(self, call, key, false) : NULL;
    }
    call->work = prepare(self, key, &call->call, wanted, false, flight);
    call->next = call->work != NULL ? COMPUTE : FINISHED;
    return NULL;
}

static PyObject *compute_anew(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                              lcpy_wanted wanted)
{
    course ready = {*call, FINISHED, NULL, false};
    if (self->target.is_async)
        return lcpy_awaitable_new(self, key, call, wanted);
    PyObject *result = begin_anew(self, &ready, key, wanted);
    return ready.next == FINISHED ? result : run(self, &ready);
}

PyObject *lcpy_call_compute(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call)
{
    if (!lcpy_switch_is_plain(self) && lcpy_open_refresh(self) < 0)
        return NULL;
    return compute_anew(self, key, call, LCPY_NEW);
}

static bool refresh_call(PyObject **out, lcpy_persisted *self, const lcpy_call *call)
{
    lcpy_key key;
    PyObject *culprit = NULL;
    lcpy_bound bound = lcpy_call_key(self, &key, call, &culprit);
    int known = bound == LCPY_BOUND ? lcpy_refreshed_has(self, &key) : 0;
    bool done = known <= 0;
    *out = NULL;
    if (bound != LCPY_BOUND)
        *out = lcpy_call_without_key(self, call, bound, culprit);
    else if (known == 0)
        *out = compute_anew(self, &key, call, LCPY_REFRESHED);
    Py_XDECREF(culprit);
    locache_cbor_writer_clear(&key.writer);
    return done;
}

/* A call that is not plain. True: it is done, and *out is its result, or NULL with an exception;
 * false: it goes on as always. */
static __attribute__((noinline)) bool call_switched(PyObject **out, lcpy_persisted *self,
                                                    const lcpy_call *call)
{
    *out = NULL;
    if (lcpy_open_refresh(self) < 0)
        return true;
    if (self->mode == LCPY_REFRESH)
        return refresh_call(out, self, call);
    if (self->mode != LCPY_OFF)
        return false;
    self->bypassed++;
    *out =
        PyObject_Vectorcall(self->target.callable, call->args, (size_t)call->count, call->kwnames);
    return true;
}

PyObject *lcpy_call_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf,
                               PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    course call = {{args, PyVectorcall_NARGS(nargsf), kwnames}, FINISHED, NULL, false};
    PyObject *result;
    if (!lcpy_switch_is_plain(self) && call_switched(&result, self, &call.call))
        return result;
    if (lcpy_open_follow(self) < 0)
        return NULL;
    result = look_up(self, &call);
    return call.next == FINISHED ? result : run(self, &call);
}
