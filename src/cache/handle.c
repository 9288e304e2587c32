#include "cache/handle.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

void lc_handle_tell(const locache *cache, locache_event_kind kind, const char *name,
                    const char *detail)
{
    char path[LOCACHE_PATH_MAX];
    if (!lc_log_wanted())
        return;
    snprintf(path, sizeof path, "%s%s%s", cache->path, name[0] ? "/" : "", name);
    lc_log(kind, cache->function, path, detail);
}

void lc_handle_say(locache *cache, locache_event_kind kind, const char *name, const char *detail)
{
    atomic_fetch_add_explicit(&cache->happened[kind], 1, memory_order_relaxed);
    lc_handle_tell(cache, kind, name, detail);
}

lc_directory lc_handle_directory(const locache *cache, int funcdir)
{
    return (lc_directory){.dir = funcdir,
                          .owner = atomic_load(&cache->owner),
                          .function = cache->function,
                          .path = cache->path,
                          .grain = atomic_load(&cache->recall.grain),
                          .map = !(cache->flags & LOCACHE_UNMAPPED),
                          .key =
                              atomic_load(&cache->key_state) == LC_KEY_THERE ? cache->key : NULL};
}

locache_id lc_handle_version(const locache *cache)
{
    locache_id id;
    uint64_t halves[2] = {atomic_load(&cache->version[0]), atomic_load(&cache->version[1])};
    memcpy(id.bytes, halves, sizeof halves);
    return id;
}
