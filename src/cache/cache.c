/* The way of a hit:   key -> in memory, and the file is still that file? -> the value. A process's
 * first:  -> name -> the file, read whole or mapped -> believed? -> the value, and into memory. The
 * way of a miss:  -> no such file -> is the directory still there? -> the caller computes
 *                     -> put: directory (found, restored or made) -> entry laid out -> temporary file -> rename ->
 * memory. */
#include "base/sized.h"
#include "cache/flight.h"
#include "cache/funcdir.h"
#include "cache/recall.h"
#include "cache/validate.h"
#include "disk/owner.h"
#include "disk/versions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A put finds its directory deleted, before it or under it: that is a user who cleans up, more
 * often in a row is a loop that does. */
#define PUT_ATTEMPTS 4
#define DAY (INT64_C(86400) * INT64_C(1000000000))
/* An entry's time of use may be older than the truth by this part of max_age, and by a day at
 * most. */
#define AGE_PART 16

/* ------------------------------------------------------------------------------------------ get */

/* For how long the time of an entry's last use may be the one that its file says. */
static int64_t use_grain(const locache *cache)
{
    int64_t part = cache->limits.max_age / AGE_PART;
    return part < DAY ? part : DAY;
}

/* What limits go by is when an entry was last used: keep it true enough. */
static void note_use(const locache *cache, const char *name, const locache_value *value)
{
    lc_store store = lc_handle_store(cache, atomic_load(&cache->home));
    if (cache->limits.max_age > 0 &&
        lc_store_age(value->stamp.words[LC_STAMP_MTIME]) > use_grain(cache))
        lc_store_touch(&store, name);
    else if (cache->limits.max_entries > 0)
        lc_store_note_use(&store, name, value);
}

/* Until when a result may be given from memory: it expires, or its use has to be noted. 0: for
 * good. */
static int64_t memory_until(const locache *cache, int64_t expires, int64_t used)
{
    if (cache->limits.max_age <= 0)
        return expires;
    int64_t noted = used < INT64_MAX - use_grain(cache) ? used + use_grain(cache) : INT64_MAX;
    return expires != 0 && expires < noted ? expires : noted;
}

/* A look into the directory. OK, MISS (error->status says why), ENOMEM. */
static locache_status look_up(locache_value **out, locache *cache, const char *name,
                              locache_error *error)
{
    int home = atomic_load(&cache->home);
    locache_status status = LOCACHE_MISS;
    if (home >= 0) {
        lc_store store = lc_handle_store(cache, home);
        status = lc_store_read(out, &store, name, error);
        if (status != LOCACHE_MISS || !lc_home_gone(cache, home))
            return status;
        lc_error_clear(error);
    }
    /* Somebody else may have made the directory since we last looked. */
    status = lc_home_attach(cache, LC_LOOK, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_ENOMEM ? status : LOCACHE_MISS;
    lc_store store = lc_handle_store(cache, atomic_load(&cache->home));
    return lc_store_read(out, &store, name, error);
}

locache_status locache_get(locache_value **out, locache *cache, const void *key, size_t key_size,
                           locache_error *error)
{
    char name[LOCACHE_NAME_MAX + 1];
    locache_error own;
    locache_value *value;
    if (error == NULL)
        error = &own;
    lc_error_clear(error);
    if (lc_memory_get(out, cache, key, key_size) == LOCACHE_OK)
        return LOCACHE_OK;
    if (locache_key_filename(name, key, key_size) != LOCACHE_OK)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_get() are not a key");
    locache_status status = look_up(&value, cache, name, error);
    if (status == LOCACHE_OK) {
        const char *why = NULL;
        status = lc_believe(&why, value, cache, key, key_size, name, error);
        if (status == LOCACHE_OK) {
            int64_t used = value->stamp.words[LC_STAMP_MTIME];
            value->stamp.words[LC_STAMP_UNTIL] = memory_until(cache, value->entry.expires, used);
            note_use(cache, name, value);
            lc_memory_keep(cache, key, key_size, value);
            *out = value;
            lc_handle_say(cache, LOCACHE_EVENT_HIT, name, "");
            return LOCACHE_OK;
        }
        locache_value_free(value);
        if (status == LOCACHE_MISS) {
            lc_handle_say(cache, LOCACHE_EVENT_MISS, name, why);
            return LOCACHE_MISS;
        }
    }
    if (status == LOCACHE_ENOMEM)
        return status;
    lc_handle_say(cache, error->status == LOCACHE_OK ? LOCACHE_EVENT_MISS : LOCACHE_EVENT_REJECT,
                  name, error->message);
    return LOCACHE_MISS;
}

/* ------------------------------------------------------------------------------------------ put */

static locache_status check_record(const locache *cache, const locache_record *record,
                                   locache_error *error)
{
    if (record->codec != LOCACHE_CBOR && record->codec != LOCACHE_PICKLE &&
        record->codec != LOCACHE_RAW)
        return lc_fail(error, LOCACHE_EINVAL, "unknown codec: %d", (int)record->codec);
    if (record->codec == LOCACHE_PICKLE && cache->flags & LOCACHE_NO_PICKLE)
        return lc_fail(error, LOCACHE_EINVAL, "pickles are forbidden for %s", cache->function);
    if ((record->body == NULL && record->body_size > 0) ||
        (record->buffers == NULL && record->buffer_count > 0))
        return lc_fail(error, LOCACHE_EINVAL, "a record with a size and no data");
    if (record->buffer_count > LC_ENTRY_BUFFERS_MAX || record->expires < 0)
        return lc_fail(error, LOCACHE_EINVAL,
                       "a record with too many buffers, or a time before 1970");
    for (size_t i = 0; i < record->buffer_count; i++)
        if (record->buffers[i].data == NULL && record->buffers[i].size > 0)
            return lc_fail(error, LOCACHE_EINVAL, "a buffer with a size and no data");
    return LOCACHE_OK;
}

/* An entry laid out: `spans` of it, in order. */
typedef struct image {
    lc_span *spans; /* owned, with what they point to but the buffers */
    size_t count;
} image;

static locache_status lay_out(image *out, locache *cache, const void *key, size_t key_size,
                              const locache_record *record, locache_error *error)
{
    unsigned char secret[LC_MAC_KEY_SIZE];
    bool sign = record->codec == LOCACHE_PICKLE;
    lc_entry entry = {
        .codec = record->codec,
        .has_mac = sign,
        .created = lc_now(),
        .compute_time = record->compute_time,
        .expires = record->expires,
        .function = cache->function_id,
        .version = lc_handle_version(cache),
        .key = {key, key_size},
        .body = {record->body, record->body_size},
        .buffer_count = (uint32_t)record->buffer_count,
    };
    size_t front_size = lc_entry_front_size(&entry);
    size_t count = lc_entry_span_count(&entry);
    if (front_size == 0)
        return lc_fail(error, LOCACHE_EINVAL, "a result of %s is too large to store",
                       cache->function);
    locache_status status = sign ? lc_believe_key(secret, cache, true, error) : LOCACHE_OK;
    if (status != LOCACHE_OK)
        return status;
    lc_span *spans = lc_alloc(count * sizeof *spans + front_size);
    if (spans == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to store a result of %s", cache->function);
    lc_entry_build((unsigned char *)(spans + count), spans, &entry, record->buffers,
                   sign ? secret : NULL);
    *out = (image){.spans = spans, .count = count};
    return LOCACHE_OK;
}

/* The directory to write into. */
static locache_status make_home(locache *cache, locache_error *error)
{
    int home = atomic_load(&cache->home);
    if (home >= 0 && !lc_home_gone(cache, home))
        return LOCACHE_OK;
    return lc_home_attach(cache, LC_CREATE, error);
}

/* One attempt. MISS: the directory was deleted meanwhile. */
static locache_status publish(bool *replaced, locache *cache, const void *key, size_t key_size,
                              const char *name, const locache_record *record, locache_error *error)
{
    image entry = {.spans = NULL};
    locache_stamp stamp;
    locache_status status = lay_out(&entry, cache, key, key_size, record, error);
    if (status != LOCACHE_OK)
        return status;
    lc_store store = lc_handle_store(cache, atomic_load(&cache->home));
    if (!atomic_exchange(&cache->swept, true))
        lc_store_sweep(&store);
    status = lc_store_write(replaced, &stamp, &store, name, entry.spans, entry.count,
                            cache->flags & LOCACHE_DURABLE, error);
    if (status == LOCACHE_OK) {
        stamp.words[LC_STAMP_UNTIL] =
            memory_until(cache, record->expires, stamp.words[LC_STAMP_MTIME]);
        lc_memory_keep_written(cache, key, key_size, &stamp, entry.spans, entry.count);
        if (record->stamp != NULL)
            *record->stamp = stamp;
    }
    lc_free(entry.spans);
    return status;
}

/* Keep to the limits, now that `name` is there. */
static void limit(locache *cache, const char *name, bool replaced)
{
    const lc_limits *limits = &cache->limits;
    lc_store store = lc_handle_store(cache, atomic_load(&cache->home));
    if (limits->max_entries <= 0 && limits->max_age <= 0)
        return;
    /* Elsewhere it was given a time of its own when it was written. */
    if (limits->max_entries > 0 && store.grain < 0)
        lc_store_touch(&store, name);
    int64_t count = atomic_load(&cache->count);
    if (count >= 0 && !replaced)
        count = atomic_fetch_add(&cache->count, 1) + 1;
    if (count < 0 || (limits->max_entries > 0 && count > limits->max_entries))
        atomic_store(&cache->count, lc_store_trim(&store, limits, name));
}

locache_status locache_put(locache *cache, const void *key, size_t key_size,
                           const locache_record *record, locache_error *error)
{
    char name[LOCACHE_NAME_MAX + 1];
    locache_record known;
    bool replaced = false;
    lc_error_clear(error);
    if (locache_key_filename(name, key, key_size) != LOCACHE_OK)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_put() are not a key");
    if (record == NULL ||
        !lc_sized_take(&known, sizeof known, LC_SIZED_UP_TO(locache_record, body_size), record))
        return lc_fail(error, LOCACHE_EINVAL, "record.size is not sizeof(locache_record)");
    locache_status status = check_record(cache, &known, error);
    if (status != LOCACHE_OK)
        return status;
    status = LOCACHE_MISS;
    for (int attempt = 0; attempt < PUT_ATTEMPTS && status == LOCACHE_MISS; attempt++) {
        status = make_home(cache, error);
        if (status == LOCACHE_OK)
            status = publish(&replaced, cache, key, key_size, name, &known, error);
    }
    if (status == LOCACHE_MISS)
        return lc_fail_os(error, ENOENT, "%s is removed again and again, last while writing %s",
                          cache->path, name);
    if (status != LOCACHE_OK)
        return status;
    limit(cache, name, replaced);
    lc_handle_say(cache, LOCACHE_EVENT_STORE, name, "");
    return LOCACHE_OK;
}

/* --------------------------------------------------------------------------------------- flight */

locache_status locache_begin(locache_value **value, locache_flight **flight, locache *cache,
                             const void *key, size_t key_size, int64_t wait, locache_error *error)
{
    (void)wait;
    locache_status status = locache_get(value, cache, key, key_size, error);
    if (status != LOCACHE_MISS)
        return status;
    return lc_flight_start(flight, cache, key, key_size, error) == LOCACHE_OK ? LOCACHE_MISS
                                                                              : LOCACHE_ENOMEM;
}

locache_status locache_commit(locache_flight *flight, const locache_record *record,
                              locache_error *error)
{
    locache_status status =
        locache_put(flight->cache, flight->key, flight->key_size, record, error);
    lc_flight_end(flight);
    return status;
}

void locache_abandon(locache_flight *flight)
{
    lc_flight_end(flight);
}

/* ------------------------------------------------------------------------------ other questions */

locache_status locache_remove(locache *cache, const void *key, size_t key_size,
                              locache_error *error)
{
    char name[LOCACHE_NAME_MAX + 1];
    int home;
    lc_error_clear(error);
    if (locache_key_filename(name, key, key_size) != LOCACHE_OK)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_remove() are not a key");
    locache_status status = lc_home_find(&home, cache, error);
    if (status == LOCACHE_OK) {
        lc_store store = lc_handle_store(cache, home);
        status = lc_store_remove(&store, name, error);
    }
    lc_memory_forget(cache, key, key_size);
    if (status == LOCACHE_OK) {
        if (atomic_load(&cache->count) > 0)
            atomic_fetch_sub(&cache->count, 1);
        lc_handle_say(cache, LOCACHE_EVENT_REMOVE, name, "");
    }
    return status;
}

static locache_status clear_home(locache *cache, int home, locache_error *error)
{
    lc_store store = lc_handle_store(cache, home);
    return lc_store_clear(&store, error);
}

/* Clear the version that is in place, which may be another than the handle's. */
static locache_status clear_current(locache *cache, int root, locache_error *error)
{
    int dir;
    locache_status status = lc_trust_open_dir(&dir, root, cache->name, cache->dir, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    status = clear_home(cache, dir, error);
    lc_close(dir);
    return status;
}

locache_status locache_reset(locache *cache, locache_error *error)
{
    int root;
    lc_error_clear(error);
    int home = atomic_load(&cache->home);
    bool there = home >= 0 && !lc_home_gone(cache, home);
    locache_status status = there ? clear_home(cache, home, error) : LOCACHE_OK;
    if (status == LOCACHE_OK)
        status = lc_home_open_root(&root, cache, false, error);
    if (status == LOCACHE_OK) {
        status = clear_current(cache, root, error);
        if (status == LOCACHE_OK)
            status = lc_version_forget(root, cache->dir, cache->name, error);
        lc_close(root);
    }
    lc_memory_forget(cache, NULL, 0);
    atomic_store(&cache->count, -1);
    if (status != LOCACHE_OK && status != LOCACHE_MISS)
        return status;
    lc_handle_say(cache, LOCACHE_EVENT_RESET, "", "");
    return LOCACHE_OK;
}

static bool count_one(void *context, const char *name)
{
    (void)name;
    ++*(uint64_t *)context;
    return true;
}

locache_status locache_count(uint64_t *out, locache *cache, locache_error *error)
{
    uint64_t count = 0;
    locache_status status = locache_iterate(cache, count_one, &count, error);
    if (status == LOCACHE_OK)
        *out = count;
    return status;
}

locache_status locache_iterate(locache *cache, bool (*fn)(void *context, const char *name),
                               void *context, locache_error *error)
{
    int home;
    lc_error_clear(error);
    locache_status status = lc_home_find(&home, cache, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    lc_store store = lc_handle_store(cache, home);
    return lc_store_each(&store, fn, context, error);
}

locache_status locache_path(char out[LOCACHE_PATH_MAX], locache *cache, const void *key,
                            size_t key_size, locache_error *error)
{
    char name[LOCACHE_NAME_MAX + 1];
    lc_error_clear(error);
    if (locache_key_filename(name, key, key_size) != LOCACHE_OK)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_path() are not a key");
    snprintf(out, LOCACHE_PATH_MAX, "%s/%s", cache->path, name);
    return LOCACHE_OK;
}
