/* What bounds a handle's results, as its options say it, put to work by the floor below: room for
 * what is stored (disk/room.h), entries that are too many or too old (disk/limits.h), and the uses
 * that tell what goes first. */
#include "cache/bounds.h"
#include "base/system.h"
#include "cache/recall.h"

#define DAY (INT64_C(86400) * INT64_C(1000000000))
/* An entry's time of use may be older than the truth by this part of max_age, and by a day at most:
 * a write for every hit would cost more than the hit. */
#define AGE_PART 16
/* With max_entries and max_bytes, so long (nanoseconds) a result is given from memory before its
 * use is noted once more. */
#define NOTED_EVERY (60 * INT64_C(1000000000))
/* Fewer results that are evicted soon after they were stored are no sign of anything. */
#define THRASHING_LEAST 16

static int64_t positive(int64_t number)
{
    return number > 0 ? number : 0;
}

lc_limits lc_bounds_of(const locache_options *options)
{
    return (lc_limits){.max_entries = options->max_entries,
                       .max_age = options->max_age,
                       .max_bytes = positive(options->max_bytes),
                       .ttl = positive(options->ttl),
                       .stale = positive(options->stale)};
}

bool lc_bounds_any(const lc_limits *limits)
{
    return limits->max_entries > 0 || limits->max_age > 0 || limits->max_bytes > 0 ||
           limits->ttl > 0 || limits->stale > 0;
}

bool lc_bounds_by_use(const lc_limits *limits)
{
    return limits->max_entries > 0 || limits->max_bytes > 0;
}

/* ----------------------------------------------------------------------------------------- uses */

/* Nanoseconds for which a use need not be noted, once one was. */
static int64_t use_grain(const locache *cache)
{
    int64_t part = cache->limits.max_age / AGE_PART;
    return part < DAY ? part : DAY;
}

/* Limits go by when an entry was last used. With max_age it is the file's time of modification that
 * says so, which is moved seldom, since a large file has to be verified again after it. Else, with
 * max_entries or max_bytes, it is the time of access, once a minute: whatever moves it makes others
 * read the file again that have its result in memory. What is not noted there this process
 * remembers. */
void lc_bounds_note_use(const locache *cache, const char *name, locache_value *value)
{
    bool by_use = lc_bounds_by_use(&cache->limits);
    if (cache->flags & LOCACHE_OPEN_READ_ONLY || (cache->limits.max_age <= 0 && !by_use))
        return;
    lc_directory at = lc_handle_directory(cache, atomic_load(&cache->funcdir));
    if (cache->limits.max_age > 0 &&
        lc_limits_age(value->stamp.words[LC_STAMP_MTIME]) > use_grain(cache))
        lc_limits_touch(&at, name);
    else if (by_use && lc_limits_age(value->used) > NOTED_EVERY)
        lc_limits_note_use(&at, name, value);
    else if (by_use)
        lc_recall_note_use(cache, (ino_t)value->stamp.words[LC_STAMP_INO]);
}

/* What is given from memory notes no use: so it is given until it ends, or its use has to be noted.
 * Then it is read as a first hit is. */
int64_t lc_bounds_until(const locache *cache, const lc_entry *entry, int64_t used)
{
    int64_t noted;
    int64_t end = lc_limits_end(&cache->limits, entry->created, entry->expires);
    if (cache->limits.max_age > 0)
        noted = used < INT64_MAX - use_grain(cache) ? used + use_grain(cache) : INT64_MAX;
    else if (lc_bounds_by_use(&cache->limits) && !(cache->flags & LOCACHE_OPEN_READ_ONLY))
        noted = lc_now() + NOTED_EVERY;
    else
        return end;
    return end != 0 && end < noted ? end : noted;
}

bool lc_bounds_is_stale(const locache *cache, const lc_entry *entry)
{
    if (cache->limits.stale <= 0)
        return false;
    int64_t end = lc_limits_end(&cache->limits, entry->created, entry->expires);
    return end != 0 && end <= lc_now();
}

/* --------------------------------------------------------------------------------------- stores */

static void enter(void *context)
{
    lc_room_enter(context);
}

static void leave_room(void *context, const lc_stored *stored)
{
    lc_room_leave(context, stored);
}

static int64_t size_of(const lc_image *image)
{
    int64_t size = 0;
    for (size_t i = 0; i < image->count; i++)
        size += (int64_t)image->spans[i].size;
    return size;
}

/* The directory, for who stores in it. */
static lc_directory bounded_directory(lc_bounds_store *of, bool meta_known)
{
    locache *cache = of->cache;
    lc_directory at = lc_handle_directory(cache, atomic_load(&cache->funcdir));
    at.evictions = &of->evictions;
    at.meta_known = meta_known;
    if (atomic_load(&cache->dir_held)) {
        at.tally = &cache->tally;
        at.device = atomic_load(&cache->funcdir_device);
        at.inode = atomic_load(&cache->funcdir_inode);
    }
    return at;
}

locache_status lc_bounds_admit(lc_bounds_store *out, locache *cache, const char *name,
                               lc_image *image, locache_error *error)
{
    const lc_limits *limits = &cache->limits;
    if (!cache->bounded)
        return LOCACHE_OK;
    *out = (lc_bounds_store){.cache = cache, .newcomer.name = name, .meta_known = image->tallied};
    if (limits->max_bytes <= 0)
        return LOCACHE_OK;
    out->newcomer = (lc_newcomer){.name = name,
                                  .size = size_of(image),
                                  .roomed = true,
                                  .counted = atomic_load(&cache->counted),
                                  .uses = lc_recall_uses,
                                  .context = cache};
    if (out->newcomer.size > limits->max_bytes)
        return lc_fail(error, LOCACHE_ELIMIT,
                       "%s/%s would take %lld bytes, which is more than max_bytes allows for all "
                       "results together (%lld)",
                       lc_handle_path(cache), name, (long long)out->newcomer.size,
                       (long long)limits->max_bytes);
    /* The gate is entered after lc_store_write() has asked. */
    out->at = bounded_directory(out, image->tallied);
    out->room = (lc_room){
        .at = &out->at, .limits = limits, .newcomer = &out->newcomer, .costs = cache->costs};
    out->gate = (lc_gate){.enter = enter, .leave = leave_room, .context = &out->room};
    image->gate = &out->gate;
    return LOCACHE_OK;
}

/* Is as much evicted soon after it was stored or used as there is in all? Then the bound is too
 * small for what is asked for. Looked at ever more seldom. */
static void weigh_evictions(locache *cache, const lc_directory *at, int64_t more)
{
    lc_tally tally = {0, 0};
    uint64_t before = atomic_fetch_add(&cache->evicted_young, (uint64_t)more);
    uint64_t young = before + (uint64_t)more;
    uint64_t next = THRASHING_LEAST;
    while (next <= before)
        next *= 2;
    if (young >= next && lc_tally_read(&tally, at) && young >= (uint64_t)tally.entries)
        atomic_store(&cache->thrashes, true);
}

/* What was stored need not be opened to know what it cost. */
static void note_cost(const locache *cache, const locache_stamp *stamp, int64_t expires)
{
    const lc_cost cost = {
        .took = stamp->words[LC_STAMP_TOOK],
        .created = stamp->words[LC_STAMP_MTIME],
        .expires = expires,
    };
    lc_costs_note(cache->costs, (uint64_t)stamp->words[LC_STAMP_INO], cost.created, &cost);
}

void lc_bounds_keep(lc_bounds_store *of, const lc_stored *stored, int64_t expires)
{
    locache *cache = of->cache;
    const lc_limits *limits = &cache->limits;
    const char *name = of->newcomer.name;
    note_cost(cache, &stored->stamp, expires);
    if (!lc_bounds_by_use(limits) && limits->max_age <= 0)
        return;
    lc_directory at = bounded_directory(of, of->meta_known);
    /* What was used last must be newest, by a time finer than the file system's own stamps, which
     * may stand still for a tick. Where the grain is known, lc_store_write() gave it one
     * already. */
    if (lc_bounds_by_use(limits) && at.grain < 0)
        lc_limits_touch(&at, name);
    const lc_newcomer newcomer = {.name = name,
                                  .size = stored->stamp.words[LC_STAMP_SIZE],
                                  .replaced = stored->replaced,
                                  .replaced_size = stored->replaced_size,
                                  .roomed = of->newcomer.roomed,
                                  .counted = atomic_exchange(&cache->counted, true),
                                  .uses = lc_recall_uses,
                                  .context = cache};
    if (limits->max_entries > 0 || limits->max_age > 0)
        lc_limits_keep(&at, limits, &newcomer);
    if (of->evictions.young > 0)
        weigh_evictions(cache, &at, of->evictions.young);
}
