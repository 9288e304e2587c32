/* What a handle counted, added to the function's counts on disk.
 *
 * A hit in memory counts in the table, under the lock that it takes anyhow, and each 32nd looks at
 * the coarse clock; a first hit and a miss look each time. What is due goes to disk in some six
 * system calls, at most once a second, so that a process which is killed loses the second before.
 * What cannot be written stays in the process, and is tried again a minute later.
 *
 * What was added is known by a copy of the numbers then. A child of fork() has its parent's
 * numbers, which the parent adds: so in a child all copies are taken anew before anything else
 * happens there, which is what the list of open handles is for. Its lock is held over fork(), and
 * nowhere while anything is called that could take long. */
#include "cache/counting.h"
#include "base/system.h"
#include "cache/dirhold.h"
#include "cache/layers.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define EVERY SECOND
#define RETRY (60 * SECOND) /* longer than what is full or read-only stays so by mistake */

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static locache *first; /* of the open handles */
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static _Atomic uint64_t of_closed[LC_COUNTS];

/* ------------------------------------------------------------------------------------- numbers */

uint64_t lc_counting_hits(const locache *cache)
{
    const lc_recall *recall = &cache->recall;
    return recall->table == NULL ? 0 : lc_table_found(recall->table) - atomic_load(&recall->stale);
}

uint64_t lc_counting_saved(const locache *cache)
{
    const lc_recall *recall = &cache->recall;
    return recall->table == NULL ? 0
                                 : lc_table_saved(recall->table) - atomic_load(&recall->stale_time);
}

static uint64_t count_of(const locache *cache, locache_event_kind kind)
{
    return atomic_load_explicit(&cache->happened[kind], memory_order_relaxed);
}

/* What was found in a base is this cache's hit: nobody writes to the base. */
static void collect_base(uint64_t out[LC_COUNTS], const locache *base)
{
    out[LC_COUNT_HITS] += count_of(base, LOCACHE_EVENT_HIT);
    out[LC_COUNT_REJECTS] += count_of(base, LOCACHE_EVENT_REJECT);
    out[LC_COUNT_SAVED_TIME] += atomic_load_explicit(&base->saved_time, memory_order_relaxed);
    out[LC_COUNT_BYTES_READ] += atomic_load_explicit(&base->counting.read, memory_order_relaxed);
}

static void collect(uint64_t out[LC_COUNTS], const locache *cache)
{
    const lc_counting *counting = &cache->counting;
    out[LC_COUNT_HITS] = count_of(cache, LOCACHE_EVENT_HIT) + lc_counting_hits(cache);
    out[LC_COUNT_MISSES] = count_of(cache, LOCACHE_EVENT_MISS);
    out[LC_COUNT_REJECTS] = count_of(cache, LOCACHE_EVENT_REJECT);
    out[LC_COUNT_STORES] = count_of(cache, LOCACHE_EVENT_STORE);
    out[LC_COUNT_SAVED_TIME] =
        atomic_load_explicit(&cache->saved_time, memory_order_relaxed) + lc_counting_saved(cache);
    out[LC_COUNT_COMPUTE_TIME] = atomic_load_explicit(&cache->compute_time, memory_order_relaxed);
    out[LC_COUNT_BYTES_READ] = atomic_load_explicit(&counting->read, memory_order_relaxed);
    out[LC_COUNT_BYTES_STORED] = atomic_load_explicit(&counting->stored, memory_order_relaxed);
    for (size_t i = 0; cache->layers != NULL && i < cache->layers->count; i++)
        collect_base(out, cache->layers->bases[i]);
}

static void take_as_added(locache *cache)
{
    uint64_t now[LC_COUNTS];
    collect(now, cache);
    for (unsigned i = 0; i < LC_COUNTS; i++)
        atomic_store_explicit(&cache->counting.added[i], now[i], memory_order_relaxed);
    atomic_store_explicit(&cache->counting.since, lc_now(), memory_order_relaxed);
}

/* What is not added yet. False: nothing. A number may be less than it was, for a moment, or where a
 * hit was taken back: then nothing is added of it until it has come up again. */
static bool take_more(lc_counts *out, const locache *cache)
{
    uint64_t now[LC_COUNTS];
    bool any = false;
    *out = (lc_counts){
        .since = atomic_load_explicit(&cache->counting.since, memory_order_relaxed),
        .until = lc_now(),
        .process = lc_process(),
    };
    collect(now, cache);
    for (unsigned i = 0; i < LC_COUNTS; i++) {
        uint64_t added = atomic_load_explicit(&cache->counting.added[i], memory_order_relaxed);
        out->numbers[i] = now[i] > added ? now[i] - added : 0;
        any = any || out->numbers[i] > 0;
    }
    return any;
}

/* ------------------------------------------------------------------------------------------ add */

static int add_to_file(locache *cache, const lc_counts *more, bool make)
{
    int funcdir = lc_dirhold_borrow(cache);
    lc_directory at = lc_handle_directory(cache, funcdir);
    int result = funcdir >= 0 && lc_dirhold_state_of(cache, funcdir) == LC_DIR_THERE
                     ? lc_counts_add(&at, more, make)
                     : -1;
    lc_dirhold_return(cache);
    return result;
}

/* Within a call the file is made where there is none. Else it is not: a function that is forgotten,
 * or a process that ends, may do so while somebody deletes the cache. */
static __attribute__((noinline)) void add_now(locache *cache, bool make)
{
    lc_counts more;
    lc_counting *counting = &cache->counting;
    int code = errno;
    if (cache->flags & LOCACHE_OPEN_READ_ONLY || atomic_exchange(&counting->adding, true))
        return;
    atomic_store_explicit(&counting->due, lc_ticks() + EVERY, memory_order_relaxed);
    if (take_more(&more, cache)) {
        if (add_to_file(cache, &more, make) == 0) {
            for (unsigned i = 0; i < LC_COUNTS; i++)
                atomic_fetch_add_explicit(&counting->added[i], more.numbers[i],
                                          memory_order_relaxed);
            atomic_store_explicit(&counting->since, more.until, memory_order_relaxed);
        } else {
            atomic_store_explicit(&counting->due, lc_ticks() + RETRY, memory_order_relaxed);
        }
    }
    atomic_store(&counting->adding, false);
    errno = code;
}

void lc_counting_note(locache *cache)
{
    if (lc_ticks() >= atomic_load_explicit(&cache->counting.due, memory_order_relaxed))
        add_now(cache, true);
}

void lc_counting_soon(locache *cache)
{
    atomic_store_explicit(&cache->counting.due, 0, memory_order_relaxed);
}

void lc_counting_forget(locache *cache)
{
    take_as_added(cache);
    lc_counting_soon(cache);
}

/* ------------------------------------------------------------------------------------- the list */

static void hold_list(void)
{
    pthread_mutex_lock(&list_lock);
}

static void give_list(void)
{
    pthread_mutex_unlock(&list_lock);
}

static void begin_child(void)
{
    for (locache *cache = first; cache != NULL; cache = cache->counting.next) {
        take_as_added(cache);
        /* Whoever was adding is not here. */
        atomic_store(&cache->counting.adding, false);
    }
    pthread_mutex_unlock(&list_lock);
}

static void prepare_counting(void)
{
    /* It fails without memory only: then a child adds its parent's numbers once more. */
    int failed = pthread_atfork(hold_list, give_list, begin_child);
    (void)failed;
}

void lc_counting_begin(locache *cache)
{
    lc_counting *counting = &cache->counting;
    pthread_once(&prepared, prepare_counting);
    atomic_store_explicit(&counting->due, lc_ticks() + EVERY, memory_order_relaxed);
    atomic_store_explicit(&counting->since, lc_now(), memory_order_relaxed);
    pthread_mutex_lock(&list_lock);
    counting->next = first;
    counting->before = NULL;
    if (first != NULL)
        first->counting.before = cache;
    first = cache;
    pthread_mutex_unlock(&list_lock);
}

void lc_counting_end(locache *cache)
{
    const lc_counting *counting = &cache->counting;
    uint64_t all[LC_COUNTS];
    pthread_mutex_lock(&list_lock);
    *(counting->before != NULL ? &counting->before->counting.next : &first) = counting->next;
    if (counting->next != NULL)
        counting->next->counting.before = counting->before;
    pthread_mutex_unlock(&list_lock);
    add_now(cache, false);
    collect(all, cache);
    for (unsigned i = 0; i < LC_COUNTS; i++)
        atomic_fetch_add_explicit(&of_closed[i], all[i], memory_order_relaxed);
    /* What the table counted goes with it. */
    uint64_t hits = lc_counting_hits(cache);
    uint64_t saved = lc_counting_saved(cache);
    atomic_fetch_add_explicit(&cache->happened[LOCACHE_EVENT_HIT], hits, memory_order_relaxed);
    atomic_fetch_add_explicit(&cache->saved_time, saved, memory_order_relaxed);
}

void lc_counting_last(locache *cache)
{
    add_now(cache, false);
}

/* The next one after those that were added before this moment, with one user more. */
static locache *next_to_add(uint64_t round)
{
    locache *found;
    pthread_mutex_lock(&list_lock);
    for (found = first; found != NULL; found = found->counting.next)
        if (found->counting.round != round) {
            found->counting.round = round;
            lc_handle_retain(found);
            break;
        }
    pthread_mutex_unlock(&list_lock);
    return found;
}

void lc_counting_exit(void)
{
    static _Atomic uint64_t rounds;
    uint64_t round = atomic_fetch_add(&rounds, 1) + 1;
    locache *cache;
    while ((cache = next_to_add(round)) != NULL) {
        add_now(cache, false);
        lc_handle_release(cache);
    }
}

#if defined(__GNUC__)
__attribute__((destructor))
#endif
static void
add_at_exit(void)
{
    lc_counting_exit();
}

/* --------------------------------------------------------------------------------- what is told */

void lc_counting_all(lc_counts *out)
{
    lc_counts one = {.since = 0};
    *out = (lc_counts){.until = lc_now(), .process = lc_process()};
    for (unsigned i = 0; i < LC_COUNTS; i++)
        out->numbers[i] = atomic_load_explicit(&of_closed[i], memory_order_relaxed);
    pthread_mutex_lock(&list_lock);
    for (const locache *cache = first; cache != NULL; cache = cache->counting.next) {
        collect(one.numbers, cache);
        for (unsigned i = 0; i < LC_COUNTS; i++)
            out->numbers[i] += one.numbers[i];
    }
    pthread_mutex_unlock(&list_lock);
}

void lc_counting_total(lc_counts *out, locache *cache)
{
    lc_counts more;
    int funcdir = lc_dirhold_borrow(cache);
    lc_directory at = lc_handle_directory(cache, funcdir);
    *out = (lc_counts){.since = 0};
    if (funcdir >= 0)
        (void)lc_counts_read(out, &at);
    lc_dirhold_return(cache);
    if (take_more(&more, cache))
        lc_counts_join(out, &more);
}
