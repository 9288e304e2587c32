/* What is done to a function's results as a whole, or asked about them: remove, reset, count, list,
 * where they are, how often they were had. None of it is on the way of a hit or of a miss. */
#include "base/os.h"
#include "base/sized.h"
#include "cache/cache.h"
#include "cache/clear.h"
#include "cache/counting.h"
#include "cache/dirhold.h"
#include "cache/funcdir.h"
#include "cache/layers.h"
#include "cache/recall.h"
#include "cache/validate.h"
#include "disk/cleared.h"
#include "disk/front.h"
#include "disk/share.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* ----------------------------------------------------------------------------- remove and reset */

locache_status locache_remove(locache *cache, const void *key, size_t key_size,
                              locache_error *error)
{
    lc_address address;
    int funcdir;
    lc_error_clear(error);
    lc_handle_address(&address, cache, key, key_size);
    const char *name = lc_address_name(&address);
    if (name == NULL)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_remove() are not a key");
    (void)lc_dirhold_borrow(cache);
    locache_status status = lc_funcdir_find(&funcdir, cache, error);
    if (status == LOCACHE_OK) {
        lc_directory at = lc_handle_directory(cache, funcdir);
        status = lc_store_remove(&at, name, error);
    }
    lc_dirhold_return(cache);
    /* After the file is gone, and in any case: what is looked up between the two has no file to be
     * validated by. With `recheck` it would need none, and must go. */
    lc_recall_forget(cache, &address);
    if (status == LOCACHE_OK)
        lc_handle_event(cache, LOCACHE_EVENT_REMOVE, name, "");
    return status;
}

/* What the bases hold is not ours to forget: what was stored there before now does not count any
 * more, be it of this version or another. The function's directory may never have been made. */
static locache_status note_reset(locache *cache, locache_error *error)
{
    char path[LOCACHE_PATH_MAX];
    struct timespec now;
    locache_status status = lc_cache_make_directory(cache, error);
    if (status != LOCACHE_OK)
        return status;
    int fd = lc_layers_reset_path(path, cache) ? lc_openat(AT_FDCWD, path, O_WRONLY | O_CREAT, 0600)
                                               : -1;
    if (fd < 0 || lc_share_file(fd, cache->mode) != 0 || lc_utime_own(&now, fd) != 0)
        status = lc_fail_os(error, errno, "cannot note in %s that %s was reset", cache->dir,
                            cache->function);
    if (fd >= 0)
        lc_close(fd);
    return status;
}

/* Clear the directory that the handle has open. A large one that has its name still is let go, and
 * cleared by that name: nobody may have it open for that, nor may we. */
static locache_status clear_open(locache *cache, locache_error *error)
{
    struct stat named;
    int funcdir = lc_dirhold_borrow(cache);
    bool there = funcdir >= 0 && !lc_funcdir_gone(cache, funcdir);
    bool by_name = there && lc_cleared_is_large(funcdir) &&
                   lc_fstatat(AT_FDCWD, lc_handle_path(cache), &named) == 0 &&
                   named.st_dev == atomic_load(&cache->funcdir_device) &&
                   named.st_ino == atomic_load(&cache->funcdir_inode);
    lc_directory at = lc_handle_directory(cache, funcdir);
    locache_status status = there && !by_name ? lc_store_clear(&at, error) : LOCACHE_OK;
    if (there && !by_name && status == LOCACHE_OK)
        lc_counts_forget(funcdir);
    lc_dirhold_return(cache);
    if (by_name)
        lc_dirhold_let_go(cache);
    return status;
}

/* Three places hold results: the directory that the handle has open, the one that has the
 * function's name now, and the earlier versions. Memory last, as in locache_remove(). A cache
 * directory that is not there (MISS) is as good as empty. */
locache_status locache_reset(locache *cache, locache_error *error)
{
    int root;
    lc_error_clear(error);
    locache_status status = clear_open(cache, error);
    if (status == LOCACHE_OK)
        status = lc_funcdir_open_root(&root, cache, error);
    if (status == LOCACHE_OK) {
        int base = lc_funcdir_names(cache, root);
        for (int i = 0; i < LC_FOLDED_NAMES && status == LOCACHE_OK; i++)
            if (cache->names[base + i] != NULL)
                status = lc_clear_name(
                    &(lc_slot){root, cache->dir, cache->names[base + i], cache->mode}, error);
        lc_close(root);
    }
    if (cache->layers != NULL && (status == LOCACHE_OK || status == LOCACHE_MISS))
        status = note_reset(cache, error);
    lc_recall_forget(cache, NULL);
    lc_counting_forget(cache);
    atomic_store(&cache->counted, false);
    atomic_store(&cache->swept, false); /* the next store looks for what was cleared */
    if (status != LOCACHE_OK && status != LOCACHE_MISS)
        return status;
    lc_handle_event(cache, LOCACHE_EVENT_RESET, "", "");
    return LOCACHE_OK;
}

/* ------------------------------------------------------------------------------- count and list */

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
    (void)lc_dirhold_borrow(cache);
    locache_status status = lc_funcdir_find(&funcdir, cache, error);
    if (status == LOCACHE_OK) {
        lc_directory at = lc_handle_directory(cache, funcdir);
        status = lc_store_each(&at, fn, context, error);
    }
    lc_dirhold_return(cache);
    return status == LOCACHE_MISS ? LOCACHE_OK : status;
}

typedef struct listing {
    const locache *cache;
    lc_directory at;
    bool (*fn)(void *context, const locache_listed *entry);
    void *context;
} listing;

static bool list_one(void *context, const char *name)
{
    const listing *in = context;
    lc_front front;
    if (!lc_front_read(&front, &in->at, name) || !lc_validate_function(&front.entry, in->cache) ||
        lc_validate_use(&front.entry, front.modified, in->cache) != NULL)
        return true;
    const lc_entry *entry = &front.entry;
    const locache_listed listed = {
        .size = sizeof listed,
        .name = name,
        .file_size = front.size,
        .created = entry->created,
        .compute_time = entry->compute_time > 0 ? entry->compute_time : 0,
        .key = entry->key.data,
        .key_size = entry->key.size,
    };
    return in->fn(in->context, &listed);
}

locache_status locache_list(locache *cache, bool (*fn)(void *context, const locache_listed *entry),
                            void *context, locache_error *error)
{
    int funcdir;
    lc_error_clear(error);
    (void)lc_dirhold_borrow(cache);
    locache_status status = lc_funcdir_find(&funcdir, cache, error);
    if (status == LOCACHE_OK) {
        listing in = {cache, lc_handle_directory(cache, funcdir), fn, context};
        status = lc_store_each(&in.at, list_one, &in, error);
    }
    lc_dirhold_return(cache);
    return status == LOCACHE_MISS ? LOCACHE_OK : status;
}

/* The current version has the function's name, whichever it is: nothing is looked up. */
locache_status locache_path(char out[LOCACHE_PATH_MAX], locache *cache, const void *key,
                            size_t key_size, locache_error *error)
{
    lc_address address;
    lc_error_clear(error);
    lc_handle_address(&address, cache, key, key_size);
    const char *name = lc_address_name(&address);
    if (name == NULL)
        return lc_fail(error, LOCACHE_EINVAL, "the bytes given to locache_path() are not a key");
    snprintf(out, LOCACHE_PATH_MAX, "%s/%s", lc_handle_path(cache), name);
    return LOCACHE_OK;
}

locache_status locache_value_path(char out[LOCACHE_PATH_MAX], const locache_value *value,
                                  locache *cache, const void *key, size_t key_size,
                                  locache_error *error)
{
    locache *from = lc_layers_of(cache, &value->stamp);
    if (from != NULL)
        return locache_path(out, from, key, key_size, error);
    return lc_fail(error, LOCACHE_EINVAL, "a value of another cache than that of %s",
                   cache->function);
}

/* ----------------------------------------------------------------------------------- the handle */

static uint64_t happened(const locache *cache, locache_event_kind kind)
{
    return atomic_load_explicit(&cache->happened[kind], memory_order_relaxed);
}

/* As much as the program's version of the struct has room for: `size` is the caller's and stays. */
locache_status locache_info(locache_statistics *out, const locache *cache)
{
    const locache_statistics now = {
        .hits = happened(cache, LOCACHE_EVENT_HIT) + lc_counting_hits(cache) +
                lc_layers_happened(cache, LOCACHE_EVENT_HIT),
        .misses = happened(cache, LOCACHE_EVENT_MISS),
        .rejects =
            happened(cache, LOCACHE_EVENT_REJECT) + lc_layers_happened(cache, LOCACHE_EVENT_REJECT),
        .stores = happened(cache, LOCACHE_EVENT_STORE),
        .removals = happened(cache, LOCACHE_EVENT_REMOVE),
        .resets = happened(cache, LOCACHE_EVENT_RESET),
        .compute_time = atomic_load_explicit(&cache->compute_time, memory_order_relaxed),
        .saved_time = atomic_load_explicit(&cache->saved_time, memory_order_relaxed) +
                      lc_counting_saved(cache) + lc_layers_saved(cache),
        .bytes_read = atomic_load_explicit(&cache->counting.read, memory_order_relaxed),
        .bytes_stored = atomic_load_explicit(&cache->counting.stored, memory_order_relaxed),
        .base_hits = lc_layers_happened(cache, LOCACHE_EVENT_HIT),
        .thrashing = atomic_load_explicit(&cache->thrashes, memory_order_relaxed),
    };
    if (out->size < LC_SIZED_UP_TO(locache_statistics, hits))
        return LOCACHE_EINVAL;
    lc_sized_give(out, &now, sizeof now);
    return LOCACHE_OK;
}

const char *locache_function(const locache *cache)
{
    return cache->function;
}

const char *locache_directory(const locache *cache)
{
    return lc_handle_path(cache);
}
