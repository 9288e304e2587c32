/* The handles of memoized functions.
 *
 * Two threads that open one at the same time both do, and the exchange keeps the first. No lock is
 * held, so that a child of fork() may go on. A handle may be closed only when no call uses it, so
 * calls are counted; a body that is left by longjmp() counts for ever, and its handle stays. */
#include "persist/opened.h"
#include "base/deep.h"
#include "base/error.h"
#include "base/system.h"
#include "base/warn.h"
#include "base/watched.h"
#include "disk/value.h"
#include "persist/defaults.h"
#include "persist/digests.h"
#include "persist/identity.h"
#include "persist/ignored.h"
#include "persist/lent.h"
#include "persist/loaded.h"
#include "persist/number.h"
#include "persist/where.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

/* In locache_function_record.users, far above any number of calls: no call may begin. */
#define ENDED 0x80000000U
/* Nanoseconds for which a failure to open is remembered: short enough that whoever mends it sees
 * that at once, long enough that a call of a cheap function costs what its body does. */
#define RETRY INT64_C(1000000000)

typedef struct opening {
    locache_function_record *function;
    locache *cache;
    locache_error *error;
    locache_status status;
} opening;

static locache_status open_handle(locache **out, locache_function_record *function,
                                  locache_error *error)
{
    char dir[LOCACHE_PATH_MAX];
    bool located;
    locache_identity identity;
    locache_persist_options said;
    locache_status status = lc_defaults_of(&said, function, error);
    if (status != LOCACHE_OK)
        return status;
    locache_options options = {
        .size = sizeof options,
        .function = function->name,
        .identity = &identity,
        .flags = said.flags,
        .max_entries = said.max_entries,
        .max_age = said.max_age,
        .memory_entries = said.memory_entries,
        .memory_bytes = said.memory_bytes,
        .recheck = said.recheck,
        .compress = said.compress,
        .max_bytes = said.max_bytes,
        .ttl = said.ttl,
        .stale = said.stale,
        .base = said.base,
        .mode = said.mode,
    };
    if (said.ignore != NULL && !lc_ignored_known(function))
        return lc_fail(error, LOCACHE_EINVAL,
                       "the option ignore names what is no parameter of it: \"%s\"", said.ignore);
    if (function->options->discard != 0 && !lc_number_discardable(function->kind))
        return lc_fail(error, LOCACHE_EINVAL,
                       "the option discard is for functions that return an integer, a real number "
                       "or bool");
    status = lc_where(dir, &located, function, error);
    if (status == LOCACHE_OK)
        status = lc_identity_of(&identity, function, located, error);
    if (status == LOCACHE_OK)
        status = locache_open(out, dir, &options, error);
    return status;
}

static void open_deep(void *context)
{
    opening *this = context;
    this->status = open_handle(&this->cache, this->function, this->error);
}

/* A first call may be made by a thread with a small stack. */
static locache_status open_anywhere(locache **out, locache_function_record *function,
                                    locache_error *error)
{
    opening this = {.function = function, .error = error};
    if (!lc_deep_run(open_deep, &this))
        return lc_fail_os(error, errno,
                          "too little stack is left to open it, and no thread can be started");
    *out = this.cache;
    return this.status;
}

void lc_opened_pause(locache_function_record *function)
{
    atomic_store(&function->retry, lc_ticks() + RETRY);
}

/* Acquire, so that whoever sees the pointer sees what it points to. */
static locache_status handle_of(locache **out, locache_function_record *function,
                                locache_error *error)
{
    void *none = NULL;
    locache *mine = NULL;
    lc_error_clear(error);
    int64_t retry = atomic_load_explicit(&function->retry, memory_order_relaxed);
    if (retry != 0 && lc_ticks() < retry)
        return LOCACHE_EBUSY;
    *out = atomic_load_explicit(&function->cache, memory_order_acquire);
    if (*out != NULL) {
        /* Hits need no clock. */
        if (retry != 0)
            atomic_store_explicit(&function->retry, 0, memory_order_relaxed);
        lc_watched_after(&function->cache);
        return LOCACHE_OK;
    }
    locache_status status = open_anywhere(&mine, function, error);
    if (status != LOCACHE_OK) {
        lc_opened_pause(function);
        return status;
    }
    *out = mine;
    lc_watched_before(&function->cache);
    if (!atomic_compare_exchange_strong(&function->cache, &none, mine)) {
        locache_close(mine);
        *out = none;
    }
    return LOCACHE_OK;
}

locache_status lc_opened_enter(locache **out, locache_function_record *function,
                               locache_error *error)
{
    *out = NULL;
    lc_error_clear(error);
    locache_status status = LOCACHE_EBUSY;
    if (!(atomic_fetch_add(&function->users, 1) & ENDED))
        status = handle_of(out, function, error);
    if (status != LOCACHE_OK)
        lc_opened_leave(function);
    return status;
}

static void close_handle(locache_function_record *function)
{
    locache_close(atomic_exchange(&function->cache, NULL));
}

void lc_opened_leave(locache_function_record *function)
{
    if (atomic_fetch_sub(&function->users, 1) == (ENDED | 1))
        close_handle(function);
}

void locache_function_end(locache_function_record *function)
{
    lc_loaded_leave(function);
    if (atomic_fetch_or(&function->users, ENDED) == 0)
        close_handle(function);
}

static void reset_deep(void *context)
{
    opening *this = context;
    this->status = locache_reset(this->cache, this->error);
}

static locache_status reset_anywhere(locache *cache, locache_error *error)
{
    opening this = {.cache = cache, .error = error};
    if (!lc_deep_run(reset_deep, &this))
        return lc_fail_os(error, errno, "too little stack is left, and no thread can be started");
    return this.status;
}

locache_status locache_function_reset(locache_function_record *function)
{
    locache *cache;
    locache_error error;
    atomic_store(&function->retry, 0);
    locache_status status = lc_opened_enter(&cache, function, &error);
    if (status == LOCACHE_OK) {
        status = reset_anywhere(cache, &error);
        lc_opened_leave(function);
    }
    if (status != LOCACHE_OK)
        lc_warn("%s(): its results are not forgotten: %s", function->name, error.message);
    return status;
}

locache_status locache_reset_function(const void *function)
{
    locache_function_record *found = lc_loaded_find(function);
    if (found != NULL)
        return locache_function_reset(found);
    lc_warn("LOCACHE_RESET is said of a function that is not memoized");
    return LOCACHE_EINVAL;
}

/* What the library itself holds goes with it. */
void locache_shutdown(void)
{
    lc_digests_clear();
    lc_where_clear();
    lc_defaults_clear();
    lc_lent_clear();
    lc_value_clear();
}

#if defined(__GNUC__)
__attribute__((destructor)) static void shut_down(void)
{
    locache_shutdown();
}
#endif
