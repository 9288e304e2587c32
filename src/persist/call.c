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
#include "base/error.h"
#include "base/say.h"
#include "base/system.h"
#include "persist/convert.h"
#include "persist/left.h"
#include "persist/source.h"
#include "persist/where.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

/* What a digest is of, as the tag of its code: two digests of different things are never
 * compared. */
#define TAG_DEFINITION "c-definition"
#define TAG_FILE "c-file"

/* Nanoseconds after which a wait asks whether its thread is to be cancelled. */
#define WAIT_PART INT64_C(50000000)

static atomic_bool verbose;

/* --------------------------------------------------------------------------------------- events */

static void print_event(void *context, const locache_event *event)
{
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
    (void)context;
    lc_say("locache: %s %s: %s%s%s%s\n", name ? name : "event", event->function, event->path,
           detailed ? " (" : "", event->detail, detailed ? ")" : "");
}

void locache_verbose(bool on)
{
    atomic_store(&verbose, on);
    locache_set_log(on ? print_event : NULL, NULL);
}

/* Once for each function, whatever fails: a program that calls it a million times must not print as
 * often. */
static void complain(locache_function_record *function, const char *what,
                     const locache_error *error)
{
    if (!atomic_exchange(&function->warned, true))
        lc_say("locache: %s(): %s: %s\n", function->name, what, error->message);
}

/* ------------------------------------------------------------------------------------- identity */

/* What of one text is the function. False where it is not in there, which cannot be where the whole
 * counts. */
static locache_status digest_text(bool *found, locache_id *out,
                                  const locache_function_record *function, lc_span text, bool whole)
{
    lc_source *tokens;
    lc_span part;
    locache_status status = lc_source_make(&tokens, text);
    if (status != LOCACHE_OK)
        return status;
    *found = whole || lc_source_definition(&part, tokens, function->name, function->line);
    if (whole)
        part = lc_source_all(tokens);
    if (*found)
        locache_id_of(out, part.data, part.size);
    lc_source_free(tokens);
    return LOCACHE_OK;
}

/* The digest of the texts that the function may be from: several where files of one name, in
 * different directories, were compiled into the program. That is more than need be, and never too
 * little. */
static locache_status digest_texts(bool *any, locache_id *out,
                                   const locache_function_record *function, bool whole)
{
    const unsigned char *at = function->texts;
    bool mine = function->text != NULL && strcmp(function->file, function->base_file) == 0;
    lc_span text = {function->text, function->text_size};
    locache_id id;
    *any = false;
    /* An embedded text of the compiler's own (#embed) first, then those of the section. */
    while (mine ||
           (at != NULL && lc_source_next(&text, &at, function->texts_end, function->file))) {
        bool found;
        locache_status status = digest_text(&found, &id, function, text, whole);
        if (status != LOCACHE_OK)
            return status;
        mine = false;
        if (found && *any && memcmp(id.bytes, out->bytes, LOCACHE_ID_SIZE) != 0) {
            lc_span both[] = {{out->bytes, LOCACHE_ID_SIZE}, {id.bytes, LOCACHE_ID_SIZE}};
            lc_blake2b(out->bytes, LOCACHE_ID_SIZE, both, 2);
        } else if (found) {
            *out = id;
        }
        *any = *any || found;
    }
    return LOCACHE_OK;
}

/* What the function is. Its definition where it is found, else the whole file, else only what
 * LOCACHE_VERSION says. Never a source to be asked for later: the text is in the program. */
static locache_status identity_of(locache_identity *out, const locache_function_record *function,
                                  locache_error *error)
{
    bool found = false;
    bool whole = function->whole_file;
    const char *version = *function->version;
    *out = (locache_identity){.no_source = true};
    locache_status status = digest_texts(&found, &out->code, function, whole);
    /* A definition that another macro hides: any change may be one of it. */
    if (status == LOCACHE_OK && !found && !whole) {
        whole = true;
        status = digest_texts(&found, &out->code, function, whole);
    }
    if (status != LOCACHE_OK)
        return lc_fail(error, status, "no memory to read the source");
    if (found) {
        out->code_tag = whole ? TAG_FILE : TAG_DEFINITION;
        lc_span parts[] = {{out->code.bytes, LOCACHE_ID_SIZE},
                           {version, version ? strlen(version) : 0}};
        lc_blake2b(out->code.bytes, LOCACHE_ID_SIZE, parts, 2);
    } else if (version != NULL) {
        locache_identity_explicit(out, version);
    } else if (atomic_load(&verbose)) {
        lc_say("locache: %s(): its source is not in the program, and there is no LOCACHE_VERSION: "
               "a change of it will "
               "not invalidate\n",
               function->name);
    }
    return LOCACHE_OK;
}

/* --------------------------------------------------------------------------------------- handle */

static locache_status open_handle(locache **out, locache_function_record *function,
                                  locache_error *error)
{
    char dir[LOCACHE_PATH_MAX];
    locache_options options = {.size = sizeof options, .function = function->name};
    locache_status status = lc_where(dir, function, error);
    if (status == LOCACHE_OK)
        status = identity_of(&options.identity, function, error);
    if (status == LOCACHE_OK)
        status = locache_open(out, dir, &options, error);
    return status;
}

/* The function's handle, which stays open for as long as the process lives. Two threads that open
 * it at once: the exchange keeps the first, and the other's is closed. Acquire, so that whoever
 * sees the pointer sees what it points to. */
static locache_status handle_of(locache **out, locache_function_record *function,
                                locache_error *error)
{
    void *none = NULL;
    locache *mine;
    *out = atomic_load_explicit(&function->cache, memory_order_acquire);
    if (*out != NULL)
        return LOCACHE_OK;
    locache_status status = open_handle(&mine, function, error);
    if (status != LOCACHE_OK)
        return status;
    *out = mine;
    if (!atomic_compare_exchange_strong(&function->cache, &none, mine)) {
        locache_close(mine);
        *out = none;
    }
    return LOCACHE_OK;
}

locache_status locache_function_reset(locache_function_record *function)
{
    locache *cache;
    locache_error error;
    locache_status status = handle_of(&cache, function, &error);
    if (status == LOCACHE_OK)
        status = locache_reset(cache, &error);
    if (status != LOCACHE_OK)
        lc_say("locache: %s(): its results are not forgotten: %s\n", function->name, error.message);
    return status;
}

/* ---------------------------------------------------------------------------------------- calls */

void locache_call_begin(locache_call *call, locache_function_record *function, uint64_t count)
{
    locache_error error;
    int code = errno;
    call->function = function;
    call->cache = NULL;
    call->flight = NULL;
    call->began = 0;
    locache_writer_init(&call->key, call->room, sizeof call->room);
    locache_key_begin(&call->key, count);
    /* A call without a handle goes on writing its key, which nobody looks up, so
     * that programs need no branch for each argument. */
    if (handle_of(&call->cache, function, &error) != LOCACHE_OK)
        complain(function, "runs uncached", &error);
    errno = code;
}

void locache_call_argument(locache_call *call, const char *name, unsigned kind, const void *value,
                           size_t size, const locache_layout *layout)
{
    locache_key_name(&call->key, name, strlen(name));
    lc_convert_key(&call->key, kind, value, size, layout);
}

/* A thread that is cancelled while it waits. */
static void stop_waiting(void *context)
{
    locache_request *request = context;
    locache_give_up(request);
    locache_writer_clear((locache_writer *)(uintptr_t)request->key);
}

/* Ask for the call's result, or for the undertaking to compute it, as long as it takes. Every now
 * and then the wait is one that can be cancelled. */
static locache_status ask_for(locache_value **value, locache_call *call, locache_error *error)
{
    locache_request request = {.size = sizeof request, .wait = WAIT_PART};
    locache_status status;
    do {
        request.key = call->key.data;
        request.key_size = call->key.length;
        status = locache_ask(value, &call->flight, call->cache, &request, error);
        if (status == LOCACHE_PENDING) {
            request.key = &call->key;
            pthread_cleanup_push(stop_waiting, &request);
            pthread_testcancel();
            pthread_cleanup_pop(0);
        }
    } while (status == LOCACHE_PENDING);
    return status;
}

/* Look the call up. True: *result is set. */
static bool look_call_up(void *result, locache_call *call, const void *frame)
{
    locache_error error;
    locache_value *value;
    locache_function_record *function = call->function;
    locache_status status = locache_writer_status(&call->key);
    if (status != LOCACHE_OK) {
        lc_fail(&error, status, "an argument has no key (%s)", locache_status_name(status));
        complain(function, "runs uncached", &error);
        call->cache = NULL;
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
    /* Without a handle nothing is stored. A miss with an error is an entry that was not valid: the
     * result takes its place. */
    if (status != LOCACHE_MISS)
        call->cache = NULL;
    if (error.status != LOCACHE_OK)
        complain(function, "computes again", &error);
    if (status == LOCACHE_MISS)
        lc_left_watch(call, frame);
    return false;
}

bool locache_call_take(void *result, locache_call *call)
{
    int code = errno;
    bool found = call->cache != NULL && look_call_up(result, call, __builtin_frame_address(0));
    /* On a miss the key stays until the result is stored (locache_call_keep()). */
    if (found || call->cache == NULL)
        locache_writer_clear(&call->key);
    else
        call->began = lc_monotonic();
    errno = code;
    return found;
}

/* Commit the flight, or put. Whatever comes of it, the flight is gone. */
static locache_status store_result(locache_call *call, const locache_record *record,
                                   locache_error *error)
{
    locache_flight *flight = call->flight;
    call->flight = NULL;
    if (flight != NULL)
        return locache_commit(flight, record, error);
    /* There was an entry, of another type than the function's result. */
    return locache_put(call->cache, call->key.data, call->key.length, record, error);
}

void locache_call_keep(locache_call *call, const void *result)
{
    int code = errno;
    locache_error error;
    locache_writer body;
    unsigned char room[64];
    locache_function_record *function = call->function;
    if (call->cache == NULL)
        return;
    if (call->flight != NULL)
        lc_left_forget(call);
    locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CBOR, .compute_time = lc_monotonic() - call->began};
    locache_writer_init(&body, room, sizeof room);
    record.codec =
        lc_convert_write(&body, function->kind, result, function->result_size, function->layout);
    locache_status status = locache_writer_status(&body);
    record.body = body.data;
    record.body_size = body.length;
    if (status == LOCACHE_OK)
        status = store_result(call, &record, &error);
    else
        lc_fail(&error, status, "no memory to encode it");
    if (status != LOCACHE_OK)
        complain(function, "its result is not kept", &error);
    /* NULL once it was committed; else the result could not be encoded. */
    locache_abandon(call->flight);
    locache_writer_clear(&body);
    locache_writer_clear(&call->key);
    errno = code;
}
