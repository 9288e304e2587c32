/* How often results were used, told to programs: by a folder, by a handle, by the process. */
#include "base/os.h"
#include "base/sized.h"
#include "cache/counting.h"
#include "cache/dirhold.h"
#include "cache/folder.h"
#include "cache/funcdir.h"
#include "disk/store.h"
#include "disk/turns.h"

#include <string.h>

/* The size of the caller's struct stays as he set it. False: it is too small. */
static bool give(locache_counts *out, const lc_counts *counts)
{
    const uint64_t *numbers = counts->numbers;
    const locache_counts all = {
        .size = sizeof all,
        .hits = numbers[LC_COUNT_HITS],
        .misses = numbers[LC_COUNT_MISSES],
        .rejects = numbers[LC_COUNT_REJECTS],
        .stores = numbers[LC_COUNT_STORES],
        .saved_time = numbers[LC_COUNT_SAVED_TIME],
        .compute_time = numbers[LC_COUNT_COMPUTE_TIME],
        .bytes_read = numbers[LC_COUNT_BYTES_READ],
        .bytes_stored = numbers[LC_COUNT_BYTES_STORED],
        .since = counts->since,
        .until = counts->until,
        .process = counts->process,
    };
    if (out->size < LC_SIZED_UP_TO(locache_counts, hits))
        return false;
    lc_sized_give(out, &all, sizeof all);
    return true;
}

/* ------------------------------------------------------------------------------------- a folder */

locache_status locache_folder_counts(locache_counts *out, locache_folder *folder)
{
    const lc_directory at = lc_folder_directory(folder);
    lc_counts sum;
    bool there = lc_counts_read(&sum, &at) && sum.since != 0;
    if (!give(out, &sum))
        return LOCACHE_EINVAL;
    return there ? LOCACHE_OK : LOCACHE_MISS;
}

typedef struct telling {
    void (*fn)(void *context, const locache_counts *counts);
    void *context;
} telling;

static void tell_counts(void *context, const lc_counts *one)
{
    const telling *in = context;
    locache_counts counts = {.size = sizeof counts};
    if (give(&counts, one))
        in->fn(in->context, &counts);
}

locache_status locache_folder_each_counts(locache_folder *folder,
                                          void (*fn)(void *context, const locache_counts *counts),
                                          void *context)
{
    const lc_directory at = lc_folder_directory(folder);
    telling in = {fn, context};
    return lc_counts_each(&at, tell_counts, &in) ? LOCACHE_OK : LOCACHE_MISS;
}

typedef struct watching {
    bool (*fn)(void *context, const locache_computing *one);
    void *context;
} watching;

static bool tell_holder(void *context, const lc_turn_holder *holder)
{
    const watching *in = context;
    const locache_computing one = {
        .size = sizeof one, .process = holder->process, .since = holder->since};
    return in->fn(in->context, &one);
}

void locache_folder_computing(locache_folder *folder,
                              bool (*fn)(void *context, const locache_computing *one),
                              void *context)
{
    const lc_directory at = lc_folder_directory(folder);
    watching in = {fn, context};
    lc_turns_each(&at, tell_holder, &in);
}

/* ----------------------------------------------------------------------- a handle, the process */

locache_status locache_total(locache_counts *out, locache *cache)
{
    lc_counts sum;
    lc_counting_total(&sum, cache);
    return give(out, &sum) ? LOCACHE_OK : LOCACHE_EINVAL;
}

locache_status locache_process_counts(locache_counts *out)
{
    lc_counts sum;
    lc_counting_all(&sum);
    return give(out, &sum) ? LOCACHE_OK : LOCACHE_EINVAL;
}

void locache_add_counts(void)
{
    lc_counting_exit();
}

void locache_uncount(locache *cache, const locache_value *value)
{
    if (value == NULL) {
        atomic_fetch_sub_explicit(&cache->happened[LOCACHE_EVENT_MISS], 1, memory_order_relaxed);
        return;
    }
    int64_t took = value->stamp.words[LC_STAMP_TOOK];
    atomic_fetch_sub_explicit(&cache->happened[LOCACHE_EVENT_HIT], 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&cache->saved_time, (uint64_t)took, memory_order_relaxed);
}

/* ------------------------------------------------------------------------------- what is stored */

typedef struct measured {
    int dir;
    uint64_t count;
    uint64_t bytes;
} measured;

static bool measure_one(void *context, const char *name)
{
    measured *in = context;
    struct stat found;
    if (lc_fstatat(in->dir, name, &found) != 0)
        return true; /* somebody removed it meanwhile */
    in->count++;
    in->bytes += found.st_size > 0 ? (uint64_t)found.st_size : 0;
    return true;
}

locache_status locache_measure(uint64_t *count, uint64_t *bytes, locache *cache,
                               locache_error *error)
{
    measured in = {.count = 0};
    lc_error_clear(error);
    (void)lc_dirhold_borrow(cache);
    locache_status status = lc_funcdir_find(&in.dir, cache, error);
    if (status == LOCACHE_OK) {
        lc_directory at = lc_handle_directory(cache, in.dir);
        status = lc_store_each(&at, measure_one, &in, error);
    }
    lc_dirhold_return(cache);
    if (status != LOCACHE_OK && status != LOCACHE_MISS)
        return status;
    *count = in.count;
    *bytes = in.bytes;
    return LOCACHE_OK;
}
