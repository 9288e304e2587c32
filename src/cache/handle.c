/* What every file above does with a handle: send and count its events, and take from it what the
 * floor below needs to know.
 *
 * Each field that threads share is read by itself, and no lock makes several of them one picture.
 * What a torn picture could do is said where it is read. */
#include "cache/handle.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/watched.h"

#include <stdio.h>
#include <string.h>

const char *lc_handle_path(const locache *cache)
{
    return cache->paths[atomic_load(&cache->chosen)];
}

void lc_handle_retain(locache *cache)
{
    atomic_fetch_add(&cache->users, 1);
}

void lc_handle_release(locache *cache)
{
    lc_watched_before(&cache->users);
    if (atomic_fetch_sub(&cache->users, 1) == 1) {
        lc_watched_after(&cache->users);
        cache->destroy(cache);
    }
}

void lc_handle_log(const locache *cache, locache_event_kind kind, const char *name,
                   const char *detail)
{
    /* Before the path is put together: nobody listens, mostly. */
    if (!lc_log_wanted())
        return;
    /* Not on the stack: who listens is called on top of it, on what may be a small one. */
    const char *dir = lc_handle_path(cache);
    size_t size = strlen(dir) + 1 + strlen(name) + 1;
    char *path = lc_alloc(size);
    if (path != NULL)
        snprintf(path, size, "%s%s%s", dir, name[0] ? "/" : "", name);
    lc_log(kind, cache->function, path != NULL ? path : dir, detail);
    lc_free(path);
}

void lc_handle_event(locache *cache, locache_event_kind kind, const char *name, const char *detail)
{
    /* Relaxed: a count orders nothing, and locache_info() says that it is exact only when no other
     * thread is busy. */
    atomic_fetch_add_explicit(&cache->happened[kind], 1, memory_order_relaxed);
    lc_handle_log(cache, kind, name, detail);
}

/* The key is read only from LC_KEY_THERE on: the release of that store and the acquire of this load
 * are what make its bytes whole (lc_validate_key()). */
lc_directory lc_handle_directory(const locache *cache, int funcdir)
{
    return (lc_directory){.dir = funcdir,
                          .owner = atomic_load(&cache->owner),
                          .function = cache->function,
                          .path = lc_handle_path(cache),
                          .grain = atomic_load(&cache->recall.grain),
                          .map = !(cache->flags & LOCACHE_OPEN_UNMAPPED),
                          .key = atomic_load(&cache->key_state) == LC_KEY_THERE ? cache->key : NULL,
                          .mode = cache->mode};
}

/* Two halves, each atomic: while another thread adopts a directory, they can be of two versions.
 * That id is nobody's, so an entry that is compared with it is a miss, and one that is written with
 * it is a miss for whoever reads it. */
locache_id lc_handle_version(const locache *cache)
{
    locache_id id;
    uint64_t halves[2] = {atomic_load(&cache->version[0]), atomic_load(&cache->version[1])};
    memcpy(id.bytes, halves, sizeof halves);
    return id;
}
