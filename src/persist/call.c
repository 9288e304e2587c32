/* One call of a function that LOCACHE_PERSIST defines.
 *
 * The way of a hit: begin (the function's handle, opened by the first call) -> its arguments, as
 * key -> take (the key is looked up) -> the result. The way of a miss: -> take begins the flight ->
 * the body runs -> keep (the flight is committed).
 *
 * What a hit costs: the key on the stack, what locache_begin() costs, and the result copied out;
 * nothing is allocated but a string that is the result (docs/speed.md, "From C").
 *
 * No lock is held while the body runs but the turn of its call (cache/flight.c), nor anywhere
 * here: two first calls at the same time both open, and one handle stays. Whatever fails leaves
 * the call without a handle, so that the body runs, and is said once for each function. errno is
 * the body's: what happens here leaves it as it was. */
#include "persist/call.h"
#include "base/deep.h"
#include "base/error.h"
#include "base/system.h"
#include "base/warn.h"
#include "cache/handle.h"
#include "cache/summary.h"
#include "persist/convert.h"
#include "persist/defaults.h"
#include "persist/ignored.h"
#include "persist/left.h"
#include "persist/number.h"
#include "persist/opened.h"
#include "persist/vector.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Nanoseconds after which a wait asks whether its thread is to be cancelled. */
#define WAIT_PART INT64_C(50000000)

/* --------------------------------------------------------------------------------------- events */

static void print_deep(void *context)
{
    const locache_event *event = context;
    static const char *const names[] = {
        [LOCACHE_EVENT_HIT] = "hit",         [LOCACHE_EVENT_MISS] = "miss",
        [LOCACHE_EVENT_STORE] = "store",     [LOCACHE_EVENT_REMOVE] = "remove",
        [LOCACHE_EVENT_RESET] = "reset",     [LOCACHE_EVENT_INVALIDATE] = "invalidate",
        [LOCACHE_EVENT_RESTORE] = "restore", [LOCACHE_EVENT_EVICT] = "evict",
        [LOCACHE_EVENT_REJECT] = "reject",   [LOCACHE_EVENT_WAIT] = "wait",
        [LOCACHE_EVENT_KEEP] = "keep",
    };
    const char *name =
        (size_t)event->kind < sizeof names / sizeof *names ? names[event->kind] : NULL;
    bool detailed = event->detail[0] != '\0';
    char line[LOCACHE_PATH_MAX + LC_WARN_MAX];
    snprintf(line, sizeof line, "%s %s: %s%s%s%s", name ? name : "event", event->function,
             event->path, detailed ? " (" : "", event->detail, detailed ? ")" : "");
    lc_warn_print(line);
}

static void print_event(void *context, const locache_event *event)
{
    (void)context;
    (void)lc_deep_run(print_deep, (void *)(uintptr_t)event);
}

void locache_verbose(bool on)
{
    locache_set_log(on ? print_event : NULL, NULL);
    lc_summary_at_exit(on);
}

/* Once for each function, whatever fails: a program that calls it a million times must not print as
 * often. */
static void complain(locache_function_record *function, const char *what,
                     const locache_error *error)
{
    if (!atomic_exchange(&function->warned, true))
        lc_warn("%s(): %s: %s", function->name, what, error->message);
}

static void complain_of_bounds(locache_function_record *function)
{
    if (!atomic_exchange(&function->warned, true))
        lc_warn("%s(): as many results as there are were evicted soon after they were stored or "
                "used: raise max_bytes or max_entries",
                function->name);
}

/* ---------------------------------------------------------------------------------------- calls */

/* Whose next call in this thread runs its body. */
static _Thread_local const locache_function_record *fresh;

void locache_call_begin(locache_call *of, locache_function_record *function, uint64_t count)
{
    lc_call *call = lc_call_within(of);
    locache_error error;
    int code = errno;
    call->function = function;
    call->cache = NULL;
    call->flight = NULL;
    call->began = 0;
    call->discarded = false;
    call->fresh = fresh == function;
    if (call->fresh)
        fresh = NULL;
    locache_cbor_writer_init(&call->key, call->room, sizeof call->room);
    locache_key_begin(&call->key,
                      lc_ignored_any(function) ? count - lc_ignored_count(function) : count);
    if (lc_opened_enter(&call->cache, function, &error) != LOCACHE_OK && error.status != LOCACHE_OK)
        complain(function, "runs uncached", &error);
    errno = code;
}

void locache_call_argument(locache_call *of, const char *name, unsigned kind, const void *value,
                           size_t size, const locache_layout *layout)
{
    lc_call *call = lc_call_within(of);
    if (call->cache == NULL ||
        (lc_ignored_any(call->function) && lc_ignored_is(call->function, name)))
        return;
    locache_key_name(&call->key, name, strlen(name));
    lc_convert_key(&call->key, kind, value, size, layout);
}

/* The call goes on without a handle. */
static void go_uncached(lc_call *call)
{
    if (call->cache == NULL)
        return;
    call->cache = NULL;
    locache_cbor_writer_clear(&call->key);
    lc_opened_leave(call->function);
}

/* A thread that is cancelled while it waits. */
typedef struct waiting {
    lc_call *call;
    locache_request *request;
} waiting;

static void stop_waiting(void *context)
{
    waiting *this = context;
    locache_give_up(this->request);
    go_uncached(this->call);
}

/* Ask for the call's result, or for the undertaking to compute it, as long as it takes. Every now
 * and then the wait is one that can be cancelled. */
static locache_status ask_for(locache_value **value, lc_call *call, locache_error *error)
{
    locache_request request = {.size = sizeof request,
                               .wait = WAIT_PART,
                               .key = call->key.data,
                               .key_size = call->key.length,
                               .fresh = call->fresh};
    waiting this = {call, &request};
    locache_status status;
    do {
        status = locache_ask(value, &call->flight, call->cache, &request, error);
        if (status == LOCACHE_PENDING) {
            pthread_cleanup_push(stop_waiting, &this);
            pthread_testcancel();
            pthread_cleanup_pop(0);
        }
    } while (status == LOCACHE_PENDING);
    /* It is stale, and this call the one that computes it anew: here and now, since nobody knows
     * what the arguments point to once the caller goes on. All others are given the stale one. */
    if (status == LOCACHE_OK && call->flight != NULL) {
        locache_value_free(*value);
        lc_error_clear(error);
        status = LOCACHE_MISS;
    }
    return status;
}

/* Look the call up. True: *result is set. Without a handle nothing is stored. */
static bool look_call_up(void *result, lc_call *call, const void *frame)
{
    locache_error error;
    locache_value *value;
    locache_function_record *function = call->function;
    locache_status status = locache_cbor_writer_status(&call->key);
    if (status != LOCACHE_OK) {
        lc_fail(&error, status, "an argument has no key (%s)", locache_status_name(status));
        complain(function, "runs uncached", &error);
        go_uncached(call);
        return false;
    }
    lc_left_find(frame);
    status = ask_for(&value, call, &error);
    if (status == LOCACHE_OK) {
        bool read =
            lc_convert_read(result, value, function->kind, function->result_size, function->layout);
        locache_value_free(value);
        return read;
    }
    /* A miss with an error is an entry that was not valid: the result takes its place. */
    if (status != LOCACHE_MISS)
        go_uncached(call);
    if (error.status != LOCACHE_OK)
        complain(function, "computes again", &error);
    if (status == LOCACHE_MISS)
        lc_left_watch(call, frame);
    return false;
}

bool locache_call_take(void *result, locache_call *of)
{
    lc_call *call = lc_call_within(of);
    int code = errno;
    bool found = call->cache != NULL && look_call_up(result, call, __builtin_frame_address(0));
    /* On a miss the key stays until the result is stored (locache_call_keep()). */
    if (found)
        go_uncached(call);
    else if (call->cache != NULL)
        call->began = lc_monotonic();
    errno = code;
    return found;
}

void locache_call_discard(locache_call *call)
{
    lc_call_within(call)->discarded = true;
}

/* Commit the flight, or put. Whatever comes of it, the flight is gone. */
static locache_status store_result(lc_call *call, const locache_record *record,
                                   locache_error *error)
{
    locache_flight *flight = call->flight;
    call->flight = NULL;
    if (flight != NULL)
        return locache_commit(flight, record, error);
    /* There was an entry, of another type than the function's result. */
    return locache_put(call->cache, call->key.data, call->key.length, record, error);
}

/* Is it a result that C returns where something failed? */
static bool is_failure(const locache_function_record *function, const void *result)
{
    const char *data;
    locache_persist_options options;
    if (lc_number_discardable(function->kind))
        return lc_defaults_of(&options, function, NULL) == LOCACHE_OK && options.discard != 0 &&
               lc_number_discarded(function->kind, result, function->result_size, options.discard);
    if (function->kind != LOCACHE_CTYPE_TEXT && function->kind != LOCACHE_CTYPE_CONST_TEXT &&
        function->kind < LOCACHE_CTYPE_ARRAY)
        return false;
    /* Of an array it is the first member. */
    memcpy(&data, result, sizeof data);
    return data == NULL;
}

static void keep_result(lc_call *call, const void *result)
{
    locache_error error;
    locache_cbor_writer body;
    unsigned char room[64];
    const void *buffer;
    size_t buffer_size;
    locache_function_record *function = call->function;
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_CBOR,
                             .compute_time = lc_monotonic() - call->began};
    locache_cbor_writer_init(&body, room, sizeof room);
    record.codec =
        lc_convert_write(&body, function->kind, result, function->result_size, function->layout);
    locache_status status = locache_cbor_writer_status(&body);
    record.body = body.data;
    record.body_size = body.length;
    if (lc_vector_apart(&buffer, &buffer_size, function->kind, result)) {
        record.buffers = &buffer;
        record.buffer_sizes = &buffer_size;
        record.buffer_count = 1;
    }
    if (status == LOCACHE_OK)
        status = store_result(call, &record, &error);
    else
        lc_fail(&error, status,
                status == LOCACHE_EINVAL ? "an array of more bytes than memory has"
                                         : "no memory to encode it");
    if (status == LOCACHE_OK && atomic_load(&call->cache->thrashes))
        complain_of_bounds(function);
    if (status != LOCACHE_OK) {
        complain(function, "its result is not kept", &error);
        /* Without a directory there is nothing to be found either. */
        if (atomic_load(&call->cache->funcdir) < 0)
            lc_opened_pause(function);
    }
    locache_cbor_writer_clear(&body);
}

void locache_call_keep(locache_call *of, const void *result)
{
    lc_call *call = lc_call_within(of);
    int code = errno;
    if (call->cache == NULL)
        return;
    if (call->flight != NULL)
        lc_left_forget(call);
    bool kept = !call->discarded && !is_failure(call->function, result) &&
                !(call->cache->flags & LOCACHE_OPEN_READ_ONLY);
    if (kept)
        keep_result(call, result);
    /* NULL once it was committed. */
    locache_abandon(call->flight);
    go_uncached(call);
    errno = code;
}

/* ------------------------------------------------------------------------------- about one call */

void locache_call_refresh(const locache_function_record *function)
{
    fresh = function;
}

/* The program hands the call on by value: the key goes with it, on the heap. */
void locache_call_hold(locache_call *of)
{
    lc_call *call = lc_call_within(of);
    locache_cbor_writer key;
    locache_cbor_writer_init(&key, NULL, 0);
    if (call->cache != NULL) {
        locache_cbor_write_raw(&key, call->key.data, call->key.length);
        if (key.status == LOCACHE_OK)
            key.status = call->key.status;
        locache_cbor_writer_clear(&call->key);
        call->key = key;
    }
}

/* OK: the call has a handle and a key. What is wrong with the cache was said when it was opened. */
static locache_status check_held(lc_call *call)
{
    if (call->cache == NULL)
        return LOCACHE_EIO;
    locache_status status = locache_cbor_writer_status(&call->key);
    if (status != LOCACHE_OK)
        go_uncached(call);
    return status;
}

bool locache_call_contains(locache_call *of)
{
    lc_call *call = lc_call_within(of);
    locache_value *value = NULL;
    locache_error error;
    if (check_held(call) != LOCACHE_OK)
        return false;
    locache_status status =
        locache_get(&value, call->cache, call->key.data, call->key.length, &error);
    /* Looked at, and not given. */
    if (status == LOCACHE_OK || (status == LOCACHE_MISS && error.status == LOCACHE_OK))
        locache_uncount(call->cache, value);
    locache_value_free(value);
    go_uncached(call);
    return status == LOCACHE_OK;
}

locache_status locache_call_forget(locache_call *of)
{
    lc_call *call = lc_call_within(of);
    locache_status status = check_held(call);
    if (status != LOCACHE_OK)
        return status;
    status = locache_remove(call->cache, call->key.data, call->key.length, NULL);
    go_uncached(call);
    return status;
}

locache_status locache_call_path(char out[LOCACHE_PATH_MAX], locache_call *of)
{
    lc_call *call = lc_call_within(of);
    locache_status status = check_held(call);
    if (status != LOCACHE_OK)
        return status;
    status = locache_path(out, call->cache, call->key.data, call->key.length, NULL);
    go_uncached(call);
    return status;
}
