/* A call's result, looked up and stored: get and put. Both as one flight are ask.c's.
 *
 * The way of a hit in memory:  key -> looked up in the table, and its file still valid? (recall.c)
 * -> the value. Of a process's first hit:  -> the file's name -> read whole or mapped (store.c) ->
 * validate (validate.c) -> kept in memory -> the value.
 *
 * The way of a miss:  -> no such file -> is the directory still there? (funcdir.c) -> the caller
 * computes -> put: the directory found, restored or made -> entry laid out -> temporary file,
 * renamed -> kept in memory -> evict what is beyond the limits.
 *
 * What it costs: a hit in memory is a hash, recall.c and nothing here. A first hit allocates one
 * value and makes four system calls (open, fstat, read, close); nothing is written but where a
 * limit needs the use to be noted. */
#include "cache/cache.h"
#include "base/alloc.h"
#include "base/os.h"
#include "base/sized.h"
#include "base/system.h"
#include "cache/bounds.h"
#include "cache/counting.h"
#include "cache/dirhold.h"
#include "cache/funcdir.h"
#include "cache/layers.h"
#include "cache/recall.h"
#include "cache/validate.h"
#include "disk/cleared.h"
#include "disk/overall.h"
#include "disk/packed.h"
#include "disk/registry.h"

#include <errno.h>

/* A put that finds its directory deleted, before it or under it, makes it again: that is a user who
 * cleans up. So often in a row, it is a loop that does, and the put gives up. */
#define PUT_ATTEMPTS 4

/* ------------------------------------------------------------------------------------------ get */

/* Count the time that a result took. */
static void count_time(_Atomic uint64_t *sum, const locache_stamp *stamp)
{
    atomic_fetch_add_explicit(sum, (uint64_t)stamp->words[LC_STAMP_TOOK], memory_order_relaxed);
}

/* Read an entry's file. OK, MISS (error->status says why), ENOMEM.
 *
 * Only a miss asks whether the directory is still there: a hit has shown it. One that was deleted
 * reads as empty for ever, through the descriptor that is kept. `trusting`: who asks finds that out
 * otherwise. */
static locache_status read_entry(locache_value **out, locache *cache, const char *name,
                                 bool trusting, locache_error *error)
{
    int funcdir = atomic_load(&cache->funcdir);
    locache_status status = LOCACHE_MISS;
    if (funcdir >= 0) {
        lc_directory at = lc_handle_directory(cache, funcdir);
        status = lc_store_read(out, &at, name, error);
        if (status != LOCACHE_MISS || trusting || !lc_funcdir_gone(cache, funcdir))
            return status;
        lc_error_clear(error);
    }
    /* Somebody else may have made the directory since we last looked. Where it cannot be used, that
     * is a miss like any other, and the error says why. */
    status = lc_funcdir_attach(cache, LC_LOOK, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_ENOMEM ? status : LOCACHE_MISS;
    lc_directory at = lc_handle_directory(cache, atomic_load(&cache->funcdir));
    return lc_store_read(out, &at, name, error);
}

/* Decompress a value that is valid. */
static __attribute__((noinline)) locache_status
expand(locache_value **value, const locache *cache, const lc_address *address, locache_error *error)
{
    locache_status status = lc_packed_expand(value, error);
    return status == LOCACHE_OK || error == NULL
               ? status
               : lc_fail(error, status, "%s/%s: %s", lc_handle_path(cache), address->name,
                         error->message);
}

/* Validate a value that was read. OK: *out is the caller's, and kept in memory. MISS: it is sound
 * and not to be had, as look->why says. Else it is not valid, and error says why. It is freed but
 * on OK. */
static locache_status take_valid(locache_value **out, locache_value *value, locache *cache,
                                 lc_address *address, lc_look *look, locache_error *error)
{
    locache_status status = lc_validate(&look->why, value, cache, address, error);
    if (status == LOCACHE_OK && value->entry.created < look->from)
        status = LOCACHE_MISS;
    if (status == LOCACHE_OK && value->entry.compressed)
        status = expand(&value, cache, address, error);
    if (status != LOCACHE_OK) {
        locache_value_free(value);
        if (status == LOCACHE_MISS && look->why != NULL)
            lc_error_remark(error, look->why);
        return status;
    }
    /* Before it is kept, and before its use is noted, which moves a time: then the stamp is of an
     * earlier state, and the next hit reads the file once more. */
    lc_bounds_mark(&value->stamp, cache, &value->entry);
    if (!look->counted) {
        count_time(&cache->saved_time, &value->stamp);
        lc_counting_bytes(&cache->counting.read, value->size);
    }
    if (cache->bounded) {
        lc_bounds_note_use(cache, address->name, value);
        value->stale = lc_bounds_is_stale(cache, &value->entry);
    }
    if (!value->stale)
        lc_recall_keep(cache, address, value);
    *out = value;
    if (look->counted)
        return LOCACHE_OK;
    lc_handle_event(cache, LOCACHE_EVENT_HIT, address->name,
                    value->stale     ? "stale"
                    : cache->foreign ? "from the base"
                                     : "");
    lc_counting_note(cache);
    return LOCACHE_OK;
}

/* Whatever is wrong with a file is a MISS whose error says so, and an event: the caller computes,
 * and puts in its place. */
static locache_status look_here(locache_value **out, locache *cache, lc_address *address,
                                lc_look *look, locache_error *error)
{
    locache_value *value;
    if (lc_address_name(address) == NULL)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_get() are not a key");
    (void)lc_dirhold_borrow(cache);
    locache_status status = read_entry(&value, cache, address->name, look->trusting, error);
    if (status == LOCACHE_OK) {
        look->was_there = true;
        status = take_valid(out, value, cache, address, look, error);
    }
    lc_dirhold_return(cache);
    if (status == LOCACHE_OK || status == LOCACHE_ENOMEM)
        return status;
    if (error->status != LOCACHE_OK) {
        look->was_there = true;
        if (!look->quiet)
            lc_handle_event(cache, LOCACHE_EVENT_REJECT, address->name, error->message);
    }
    return LOCACHE_MISS;
}

/* In the bases, one after the other. OK: kept in memory as the handle's own is. MISS: error says
 * what was found that is not valid, where it said nothing yet. */
static locache_status look_below(locache_value **out, locache *cache, lc_address *address,
                                 lc_look *look, locache_error *error)
{
    int64_t reset_at = lc_layers_reset_at(cache);
    for (size_t i = 0; i < cache->layers->count; i++) {
        lc_address below;
        locache_error why;
        locache *base = cache->layers->bases[i];
        lc_look its = {.quiet = look->quiet, .from = look->from};
        if (its.from <= reset_at && reset_at > 0)
            its.from = reset_at + 1;
        lc_error_clear(&why);
        lc_handle_address(&below, base, address->key, address->key_size);
        locache_status status = look_here(out, base, &below, &its, &why);
        if (status == LOCACHE_OK) {
            lc_layers_mark(&(*out)->stamp, i, reset_at);
            if (!(*out)->stale)
                lc_recall_keep(cache, address, *out);
            lc_error_clear(error);
        }
        if (status != LOCACHE_MISS)
            return status;
        if (error->status == LOCACHE_OK && why.status != LOCACHE_OK)
            *error = why;
    }
    if (error->status == LOCACHE_OK && atomic_exchange(&cache->layers->is_wrong, false))
        *error = cache->layers->wrong;
    return LOCACHE_MISS;
}

locache_status lc_cache_look(locache_value **out, locache *cache, lc_address *address,
                             lc_look *look, locache_error *error)
{
    locache_status status = look_here(out, cache, address, look, error);
    return status == LOCACHE_MISS && cache->layers != NULL
               ? look_below(out, cache, address, look, error)
               : status;
}

void lc_cache_tell_miss(locache *cache, const lc_address *address, const lc_look *look,
                        const locache_error *error)
{
    if (error->status == LOCACHE_OK)
        lc_handle_event(cache, LOCACHE_EVENT_MISS, address->name,
                        look->why != NULL ? look->why : "");
}

locache_status lc_cache_get(locache_value **out, locache *cache, lc_address *address,
                            locache_error *error)
{
    if (lc_recall_value(out, cache, address) == LOCACHE_OK)
        return LOCACHE_OK;
    lc_look look = {.trusting = false};
    locache_status status = lc_cache_look(out, cache, address, &look, error);
    if (status == LOCACHE_MISS)
        lc_cache_tell_miss(cache, address, &look, error);
    return status;
}

/* Nothing is there, mostly: asked by name, which costs half of an open that fails. */
locache_status lc_cache_look_again(locache_value **out, locache *cache, lc_address *address,
                                   lc_look *look)
{
    locache_value *value;
    locache_error unheard;
    struct stat found;
    int funcdir = lc_dirhold_borrow(cache);
    lc_directory at = lc_handle_directory(cache, funcdir);
    lc_error_clear(&unheard);
    /* The directory may have been made since the first look. */
    lc_address_set_folds(address, atomic_load_explicit(&cache->folds, memory_order_relaxed));
    const char *name = lc_address_name(address);
    bool there =
        funcdir >= 0 && name != NULL && (look->was_there || lc_fstatat(funcdir, name, &found) == 0);
    bool valid = there && lc_store_read(&value, &at, name, &unheard) == LOCACHE_OK &&
                 take_valid(out, value, cache, address, look, &unheard) == LOCACHE_OK;
    lc_dirhold_return(cache);
    return valid ? LOCACHE_OK : LOCACHE_MISS;
}

locache_status locache_get(locache_value **out, locache *cache, const void *key, size_t key_size,
                           locache_error *error)
{
    locache_error own;
    lc_address address;
    if (error == NULL)
        error = &own;
    lc_error_clear(error);
    lc_handle_address(&address, cache, key, key_size);
    return lc_cache_get(out, cache, &address, error);
}

/* ------------------------------------------------------------------------------------------ put */

/* What a program may get wrong in a record, before anything is made of it. */
static locache_status check_record(const locache *cache, const locache_record *record,
                                   locache_error *error)
{
    if (cache->flags & LOCACHE_OPEN_READ_ONLY)
        return lc_fail(error, LOCACHE_EINVAL, "the cache of %s is open for reading only",
                       cache->function);
    if (record->codec != LOCACHE_CODEC_CBOR && record->codec != LOCACHE_CODEC_PICKLE &&
        record->codec != LOCACHE_CODEC_RAW)
        return lc_fail(error, LOCACHE_EINVAL, "unknown codec: %d", (int)record->codec);
    if (record->codec == LOCACHE_CODEC_PICKLE && cache->flags & LOCACHE_OPEN_NO_PICKLE)
        return lc_fail(error, LOCACHE_EINVAL, "pickles are forbidden for %s", cache->function);
    if ((record->body == NULL && record->body_size > 0) ||
        ((record->buffers == NULL || record->buffer_sizes == NULL) && record->buffer_count > 0))
        return lc_fail(error, LOCACHE_EINVAL, "a record with a size and no data");
    if (record->flags & ~(uint64_t)(LOCACHE_RECORD_COPIED | LOCACHE_RECORD_PASSING))
        return lc_fail(error, LOCACHE_EINVAL, "unknown flags of a record");
    if (record->buffer_count > LC_ENTRY_BUFFERS_MAX || record->expires < 0)
        return lc_fail(error, LOCACHE_EINVAL,
                       "a record with too many buffers, or a time before 1970");
    for (size_t i = 0; i < record->buffer_count; i++)
        if (record->buffers[i] == NULL && record->buffer_sizes[i] > 0)
            return lc_fail(error, LOCACHE_EINVAL, "a buffer with a size and no data");
    return LOCACHE_OK;
}

/* The entry as it is to be written: its front is built, body and buffers stay where they are, or
 * are in `packed`, whose memory is the caller's to free, whatever is returned. out->spans is owned,
 * and the front with it, in one allocation. A pickle is signed, with a key
 * that is made where there is none yet. The version is the handle's at this moment: where another
 * thread adopts another directory meanwhile, the entry is a miss for its readers, never a wrong
 * hit. */
static locache_status lay_out(lc_image *out, lc_packed *packed, locache *cache, lc_address *address,
                              const locache_record *record, locache_error *error)
{
    lc_parts parts = {{record->body, record->body_size},
                      record->buffers,
                      record->buffer_sizes,
                      record->buffer_count};
    bool compressed =
        cache->compress != 0 && lc_packed_make(packed, &parts, cache->compress,
                                               !(cache->flags & LOCACHE_OPEN_UNMAPPED) &&
                                                   !(record->flags & LOCACHE_RECORD_COPIED));
    if (compressed)
        parts = packed->parts;
    unsigned char secret[LC_MAC_KEY_SIZE];
    bool sign = record->codec == LOCACHE_CODEC_PICKLE;
    bool passing = record->flags & LOCACHE_RECORD_PASSING && !compressed;
    lc_entry entry = {
        .codec = record->codec,
        .has_mac = sign,
        .created = lc_now(),
        .compute_time = record->compute_time,
        .expires = record->expires,
        .function = cache->function_id,
        .version = lc_handle_version(cache),
        .key = lc_address_stored(address),
        .body = parts.body,
        .buffer_count = (uint32_t)parts.count,
        .compressed = compressed,
        .passing = passing,
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
    lc_entry_build((unsigned char *)(spans + count), spans, &entry, parts.buffers, parts.sizes,
                   sign ? secret : NULL);
    *out = (lc_image){.spans = spans,
                      .count = count,
                      .durable = cache->flags & LOCACHE_OPEN_DURABLE,
                      .packed = compressed,
                      .passing = passing};
    return LOCACHE_OK;
}

locache_status lc_cache_make_directory(locache *cache, locache_error *error)
{
    int funcdir = lc_dirhold_borrow(cache);
    bool there = funcdir >= 0 && !lc_funcdir_gone(cache, funcdir);
    locache_status status = there ? LOCACHE_OK : lc_funcdir_attach(cache, LC_CREATE, error);
    lc_dirhold_return(cache);
    return status;
}

/* Bytes of an entry's file: its stamp has them only where it proves something. */
static uint64_t stored_size(const lc_image *image)
{
    uint64_t size = 0;
    for (size_t i = 0; i < image->count; i++)
        size += image->spans[i].size;
    return size;
}

/* Is it set for the first time? A load where it is set: an exchange for each store would cost as
 * much as a hundred instructions. */
static bool is_done_first(atomic_bool *done)
{
    return !atomic_load_explicit(done, memory_order_relaxed) && !atomic_exchange(done, true);
}

/* Lay an entry out, write it where nobody sees it, and give it its name. MISS: the directory
 * was deleted meanwhile, to be tried again. The layout is part of the attempt, since a directory
 * that is made anew has another version. */
static locache_status publish(lc_stored *stored, lc_bounds_store *of, locache *cache,
                              lc_address *address, const locache_record *record,
                              locache_error *error)
{
    lc_image image = {.spans = NULL};
    lc_packed packed = {.memory = NULL};
    locache_status status = lay_out(&image, &packed, cache, address, record, error);
    if (status != LOCACHE_OK) {
        lc_free(packed.memory);
        return status;
    }
    lc_directory at = lc_handle_directory(cache, atomic_load(&cache->funcdir));
    at.named = &cache->named;
    /* An open tally is used without looking for .locache/. */
    image.tallied = (cache->bounded && !lc_tally_held_any(&cache->tally)) ||
                    !lc_overall_is_unbounded(&cache->unbounded);
    /* Once for each handle, by who writes first: a hit never lists a directory. */
    if (is_done_first(&cache->swept)) {
        lc_store_sweep(&at);
        atomic_store(&cache->cleared_waits, lc_cleared_any(at.dir));
    }
    status = lc_bounds_admit(of, cache, address->name, &image, error);
    if (status == LOCACHE_OK)
        status = lc_store_write(stored, &at, address->name, &image, error);
    if (status == LOCACHE_OK) {
        if (is_done_first(&cache->registered)) {
            lc_registry_note(cache->dir, false);
            lc_counting_soon(cache);
        }
        locache_stamp *stamp = &stored->stamp;
        /* Its own time of modification is that at which it was made. */
        const lc_entry made = {.created = stamp->words[LC_STAMP_MTIME],
                               .expires = record->expires,
                               .compute_time = record->compute_time};
        lc_bounds_mark(stamp, cache, &made);
        count_time(&cache->compute_time, stamp);
        const uint64_t size = stored_size(&image);
        lc_counting_bytes(&cache->counting.stored, size);
        lc_recall_keep_written(cache, address, stamp, &image);
        if (record->stamp != NULL)
            *record->stamp = *stamp;
        at.meta_known = image.tallied;
        if (!lc_overall_is_unbounded(&cache->unbounded))
            lc_overall_keep(&(lc_overall_store){.dir = cache->dir,
                                                .at = &at,
                                                .name = address->name,
                                                .size = (int64_t)size,
                                                .change = (int64_t)size - stored->replaced_size,
                                                .replaced = stored->replaced,
                                                .tallied = lc_bounds_by_use(&cache->limits)},
                            &cache->unbounded);
    }
    lc_free(image.spans);
    lc_free(packed.memory);
    return status;
}

/* Remove some of what was cleared. Two threads that do it at once do the same, which is no harm. */
static void remove_cleared(locache *cache)
{
    int64_t place = atomic_load(&cache->cleared_place);
    bool more = lc_cleared_remove_some(atomic_load(&cache->funcdir), &place);
    atomic_store(&cache->cleared_place, place);
    atomic_store(&cache->cleared_waits, more);
}

/* Store a result at an address, and see to the limits. */
locache_status lc_cache_put(locache *cache, lc_address *address, const locache_record *record,
                            locache_error *error)
{
    locache_record known;
    lc_stored stored;
    lc_bounds_store of;
    lc_error_clear(error);
    if (lc_address_name(address) == NULL)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_put() are not a key");
    if (record == NULL ||
        !lc_sized_take(&known, sizeof known, LC_SIZED_UP_TO(locache_record, body_size), record))
        return lc_fail(error, LOCACHE_EINVAL, "record.size is not sizeof(locache_record)");
    locache_status status = check_record(cache, &known, error);
    if (status != LOCACHE_OK)
        return status;
    (void)lc_dirhold_borrow(cache);
    status = LOCACHE_MISS;
    for (int attempt = 0; attempt < PUT_ATTEMPTS && status == LOCACHE_MISS; attempt++) {
        status = lc_cache_make_directory(cache, error);
        /* What the file system does with capital letters is known by now. */
        lc_address_set_folds(address, atomic_load(&cache->folds));
        if (status == LOCACHE_OK && lc_address_name(address) != NULL)
            status = publish(&stored, &of, cache, address, &known, error);
    }
    if (status == LOCACHE_OK) {
        if (cache->bounded)
            lc_bounds_keep(&of, &stored, known.expires);
        if (atomic_load_explicit(&cache->cleared_waits, memory_order_relaxed))
            remove_cleared(cache);
    }
    lc_dirhold_return(cache);
    if (status == LOCACHE_MISS)
        return lc_fail_os(error, ENOENT, "%s is removed again and again, last while writing %s",
                          lc_handle_path(cache), address->name);
    if (status != LOCACHE_OK)
        return status;
    lc_handle_event(cache, LOCACHE_EVENT_STORE, address->name, "");
    lc_counting_note(cache);
    return LOCACHE_OK;
}

locache_status locache_put(locache *cache, const void *key, size_t key_size,
                           const locache_record *record, locache_error *error)
{
    lc_address address;
    lc_handle_address(&address, cache, key, key_size);
    return lc_cache_put(cache, &address, record, error);
}
