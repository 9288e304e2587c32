/* The way of a hit:   key -> in memory, and the file is still that file? -> the value. A process's
 * first:  -> name -> the file, read whole or mapped -> valid? -> the value, and into memory. The
 * way of a miss:  -> no such file -> is the directory still there? -> the caller computes
 *-> put: directory (found, restored or made) -> entry laid out -> temporary file -> rename ->
 * memory. */
#include "base/alloc.h"
#include "base/sized.h"
#include "base/system.h"
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
    lc_directory at = lc_handle_directory(cache, atomic_load(&cache->funcdir));
    if (cache->limits.max_age > 0 &&
        lc_limits_age(value->stamp.words[LC_STAMP_MTIME]) > use_grain(cache))
        lc_limits_touch(&at, name);
    else if (cache->limits.max_entries > 0)
        lc_limits_note_use(&at, name, value);
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
static locache_status read_entry(locache_value **out, locache *cache, const char *name,
                                 locache_error *error)
{
    int funcdir = atomic_load(&cache->funcdir);
    locache_status status = LOCACHE_MISS;
    if (funcdir >= 0) {
        lc_directory at = lc_handle_directory(cache, funcdir);
        status = lc_store_read(out, &at, name, error);
        if (status != LOCACHE_MISS || !lc_funcdir_gone(cache, funcdir))
            return status;
        lc_error_clear(error);
    }
    /* Somebody else may have made the directory since we last looked. */
    status = lc_funcdir_attach(cache, LC_LOOK, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_ENOMEM ? status : LOCACHE_MISS;
    lc_directory at = lc_handle_directory(cache, atomic_load(&cache->funcdir));
    return lc_store_read(out, &at, name, error);
}

/* What to do with a file that was read: *out, or the reason why it is none. OK; MISS, REJECT in
 * words: *why. */
static locache_status take_valid(locache_value **out, locache_value *value, locache *cache,
                                 lc_address *address, locache_error *error)
{
    const char *why = NULL;
    locache_status status = lc_validate(&why, value, cache, address, error);
    if (status == LOCACHE_OK) {
        int64_t used = value->stamp.words[LC_STAMP_MTIME];
        value->stamp.words[LC_STAMP_UNTIL] = memory_until(cache, value->entry.expires, used);
        note_use(cache, address->name, value);
        lc_recall_keep(cache, address, value);
        *out = value;
        lc_handle_say(cache, LOCACHE_EVENT_HIT, address->name, "");
        return LOCACHE_OK;
    }
    locache_value_free(value);
    if (status == LOCACHE_MISS)
        lc_handle_say(cache, LOCACHE_EVENT_MISS, address->name, why);
    return status;
}

static locache_status get_at(locache_value **out, locache *cache, lc_address *address,
                             locache_error *error)
{
    locache_value *value;
    if (lc_recall_value(out, cache, address) == LOCACHE_OK)
        return LOCACHE_OK;
    if (lc_address_name(address) == NULL)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_get() are not a key");
    locache_status status = read_entry(&value, cache, address->name, error);
    if (status == LOCACHE_OK) {
        status = take_valid(out, value, cache, address, error);
        if (status == LOCACHE_OK || status == LOCACHE_MISS)
            return status;
    }
    if (status == LOCACHE_ENOMEM)
        return status;
    lc_handle_say(cache, error->status == LOCACHE_OK ? LOCACHE_EVENT_MISS : LOCACHE_EVENT_REJECT,
                  address->name, error->message);
    return LOCACHE_MISS;
}

locache_status locache_get(locache_value **out, locache *cache, const void *key, size_t key_size,
                           locache_error *error)
{
    locache_error own;
    lc_address address;
    if (error == NULL)
        error = &own;
    lc_error_clear(error);
    lc_address_init(&address, key, key_size);
    return get_at(out, cache, &address, error);
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

/* out->spans is owned, with what they point to but the buffers. */
static locache_status lay_out(lc_image *out, locache *cache, const lc_address *address,
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
        .key = {address->key, address->key_size},
        .body = {record->body, record->body_size},
        .buffer_count = (uint32_t)record->buffer_count,
    };
    size_t front_size = lc_entry_front_size(&entry);
    size_t count = lc_entry_span_count(&entry);
    if (front_size == 0)
        return lc_fail(error, LOCACHE_EINVAL, "a result of %s is too large to store",
                       cache->function);
    locache_status status = sign ? lc_validate_key(secret, cache, true, error) : LOCACHE_OK;
    if (status != LOCACHE_OK)
        return status;
    lc_span *spans = lc_alloc(count * sizeof *spans + front_size);
    if (spans == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to store a result of %s", cache->function);
    lc_entry_build((unsigned char *)(spans + count), spans, &entry, record->buffers,
                   sign ? secret : NULL);
    *out = (lc_image){.spans = spans, .count = count, .durable = cache->flags & LOCACHE_DURABLE};
    return LOCACHE_OK;
}

/* The directory to write into. */
static locache_status make_funcdir(locache *cache, locache_error *error)
{
    int funcdir = atomic_load(&cache->funcdir);
    if (funcdir >= 0 && !lc_funcdir_gone(cache, funcdir))
        return LOCACHE_OK;
    return lc_funcdir_attach(cache, LC_CREATE, error);
}

/* One attempt. MISS: the directory was deleted meanwhile. */
static locache_status publish(bool *replaced, locache *cache, lc_address *address,
                              const locache_record *record, locache_error *error)
{
    lc_image image = {.spans = NULL};
    lc_stored stored;
    locache_status status = lay_out(&image, cache, address, record, error);
    if (status != LOCACHE_OK)
        return status;
    lc_directory at = lc_handle_directory(cache, atomic_load(&cache->funcdir));
    if (!atomic_exchange(&cache->swept, true))
        lc_store_sweep(&at);
    status = lc_store_write(&stored, &at, address->name, &image, error);
    if (status == LOCACHE_OK) {
        locache_stamp *stamp = &stored.stamp;
        stamp->words[LC_STAMP_UNTIL] =
            memory_until(cache, record->expires, stamp->words[LC_STAMP_MTIME]);
        lc_recall_keep_written(cache, address, stamp, &image);
        if (record->stamp != NULL)
            *record->stamp = *stamp;
        *replaced = stored.replaced;
    }
    lc_free(image.spans);
    return status;
}

/* Keep to the limits, now that `name` is there. */
static void limit(locache *cache, const char *name, bool replaced)
{
    const lc_limits *limits = &cache->limits;
    lc_directory at = lc_handle_directory(cache, atomic_load(&cache->funcdir));
    if (limits->max_entries <= 0 && limits->max_age <= 0)
        return;
    /* Elsewhere it was given a time of its own when it was written. */
    if (limits->max_entries > 0 && at.grain < 0)
        lc_limits_touch(&at, name);
    int64_t count = atomic_load(&cache->count);
    if (count >= 0 && !replaced)
        count = atomic_fetch_add(&cache->count, 1) + 1;
    if (count < 0 || (limits->max_entries > 0 && count > limits->max_entries))
        atomic_store(&cache->count, lc_limits_trim(&at, limits, name));
}

static locache_status put_at(locache *cache, lc_address *address, const locache_record *record,
                             locache_error *error)
{
    locache_record known;
    bool replaced = false;
    lc_error_clear(error);
    if (lc_address_name(address) == NULL)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_put() are not a key");
    if (record == NULL ||
        !lc_sized_take(&known, sizeof known, LC_SIZED_UP_TO(locache_record, body_size), record))
        return lc_fail(error, LOCACHE_EINVAL, "record.size is not sizeof(locache_record)");
    locache_status status = check_record(cache, &known, error);
    if (status != LOCACHE_OK)
        return status;
    status = LOCACHE_MISS;
    for (int attempt = 0; attempt < PUT_ATTEMPTS && status == LOCACHE_MISS; attempt++) {
        status = make_funcdir(cache, error);
        if (status == LOCACHE_OK)
            status = publish(&replaced, cache, address, &known, error);
    }
    if (status == LOCACHE_MISS)
        return lc_fail_os(error, ENOENT, "%s is removed again and again, last while writing %s",
                          cache->path, address->name);
    if (status != LOCACHE_OK)
        return status;
    limit(cache, address->name, replaced);
    lc_handle_say(cache, LOCACHE_EVENT_STORE, address->name, "");
    return LOCACHE_OK;
}

locache_status locache_put(locache *cache, const void *key, size_t key_size,
                           const locache_record *record, locache_error *error)
{
    lc_address address;
    lc_address_init(&address, key, key_size);
    return put_at(cache, &address, record, error);
}

/* --------------------------------------------------------------------------------------- flight */

locache_status locache_begin(locache_value **value, locache_flight **flight, locache *cache,
                             const void *key, size_t key_size, locache_error *error)
{
    locache_error own;
    lc_address address;
    if (error == NULL)
        error = &own;
    lc_error_clear(error);
    lc_address_init(&address, key, key_size);
    locache_status status = get_at(value, cache, &address, error);
    if (status != LOCACHE_MISS)
        return status;
    return lc_flight_start(flight, cache, &address, error) == LOCACHE_OK ? LOCACHE_MISS
                                                                         : LOCACHE_ENOMEM;
}

locache_status locache_commit(locache_flight *flight, const locache_record *record,
                              locache_error *error)
{
    locache_status status = put_at(flight->cache, &flight->address, record, error);
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
    lc_address address;
    int funcdir;
    lc_error_clear(error);
    lc_address_init(&address, key, key_size);
    const char *name = lc_address_name(&address);
    if (name == NULL)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_remove() are not a key");
    locache_status status = lc_funcdir_find(&funcdir, cache, error);
    if (status == LOCACHE_OK) {
        lc_directory at = lc_handle_directory(cache, funcdir);
        status = lc_store_remove(&at, name, error);
    }
    lc_recall_forget(cache, &address);
    if (status == LOCACHE_OK) {
        if (atomic_load(&cache->count) > 0)
            atomic_fetch_sub(&cache->count, 1);
        lc_handle_say(cache, LOCACHE_EVENT_REMOVE, name, "");
    }
    return status;
}

static locache_status clear_funcdir(locache *cache, int funcdir, locache_error *error)
{
    lc_directory at = lc_handle_directory(cache, funcdir);
    return lc_store_clear(&at, error);
}

/* Clear the version that is in place, which may be another than the handle's. */
static locache_status clear_current(locache *cache, int root, locache_error *error)
{
    int dir;
    locache_status status = lc_owner_open_dir(&dir, root, cache->name, cache->dir, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    status = clear_funcdir(cache, dir, error);
    lc_close(dir);
    return status;
}

locache_status locache_reset(locache *cache, locache_error *error)
{
    int root;
    lc_error_clear(error);
    int funcdir = atomic_load(&cache->funcdir);
    bool there = funcdir >= 0 && !lc_funcdir_gone(cache, funcdir);
    locache_status status = there ? clear_funcdir(cache, funcdir, error) : LOCACHE_OK;
    if (status == LOCACHE_OK)
        status = lc_funcdir_open_root(&root, cache, false, error);
    if (status == LOCACHE_OK) {
        status = clear_current(cache, root, error);
        if (status == LOCACHE_OK)
            status = lc_versions_forget(
                &(lc_slot){.root = root, .root_path = cache->dir, .name = cache->name}, error);
        lc_close(root);
    }
    lc_recall_forget(cache, NULL);
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
    int funcdir;
    lc_error_clear(error);
    locache_status status = lc_funcdir_find(&funcdir, cache, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    lc_directory at = lc_handle_directory(cache, funcdir);
    return lc_store_each(&at, fn, context, error);
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
