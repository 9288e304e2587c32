#include "cache/funcdir.h"
#include "base/log.h"
#include "cache/recall.h"
#include "disk/owner.h"
#include "disk/temporary.h"
#include "disk/versions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void announce(locache *cache, const lc_version_news *news)
{
    char path[LOCACHE_PATH_MAX];
    if (news->restored)
        lc_handle_say(cache, LOCACHE_EVENT_RESTORE, "",
                      "an earlier source came back, and its results with it");
    else if (news->moved)
        lc_handle_say(cache, LOCACHE_EVENT_INVALIDATE, "", "the source changed");
    if (news->evicted == 0 || !lc_log_wanted())
        return;
    snprintf(path, sizeof path, "%s/" LC_VERSIONS "/%s", cache->dir, cache->name);
    for (unsigned i = 0; i < news->evicted; i++)
        lc_log(LOCACHE_EVENT_EVICT, cache->function, path,
               "the least recently used of too many earlier versions");
}

/* What an open directory's number is now. A program that becomes a daemon closes all that it finds
 * open, and opens something else. */
typedef enum state { THERE, DELETED, ANOTHERS } state;

static state state_of(const locache *cache, int home)
{
    struct stat found;
    if (lc_fstat(home, &found) != 0)
        return errno == EBADF ? ANOTHERS : errno == ESTALE ? DELETED : THERE;
    /* Of a deleted one, another thread may have said already what takes its place. */
    if (found.st_nlink == 0 && S_ISDIR(found.st_mode))
        return DELETED;
    bool same = found.st_dev == atomic_load(&cache->home_device) &&
                found.st_ino == atomic_load(&cache->home_inode);
    return same ? THERE : ANOTHERS;
}

bool lc_home_gone(const locache *cache, int home)
{
    return state_of(cache, home) != THERE;
}

void lc_home_close(const locache *cache)
{
    int home = atomic_load(&cache->home);
    if (home >= 0 && state_of(cache, home) != ANOTHERS)
        lc_close(home);
}

static locache_status make_root(const locache *cache, locache_error *error)
{
    char above[LOCACHE_PATH_MAX];
    int parent;
    size_t size = (size_t)(strrchr(cache->dir, '/') - cache->dir);
    memcpy(above, cache->dir, size);
    /* "/." so that the last part may be a link, as any other part of the way may be. */
    memcpy(above + size, "", 1);
    if (size > 0 && lc_make_path(above) != 0)
        return lc_fail_os(error, errno, "cannot make the directory %s", above);
    memcpy(above + size, "/.", 3);
    parent = lc_openat(AT_FDCWD, above, O_RDONLY | O_DIRECTORY, 0);
    if (parent < 0)
        return lc_fail_os(error, errno, "cannot make the cache directory %s", cache->dir);
    above[size > 0 ? size : 1] = '\0';
    locache_status status = lc_trust_above(parent, above, true, error);
    lc_close(parent);
    if (status == LOCACHE_OK && lc_mkdirat(AT_FDCWD, cache->dir, 0700) != 0 && errno != EEXIST)
        status = lc_fail_os(error, errno, "cannot make the cache directory %s", cache->dir);
    return status;
}

/* Open the cache directory. OK, or MISS: it is not there, and not to be made. */
locache_status lc_home_open_root(int *out, const locache *cache, bool make, locache_error *error)
{
    locache_status status = lc_trust_open_dir(out, AT_FDCWD, cache->dir, "", error);
    if (status == LOCACHE_MISS && make) {
        status = make_root(cache, error);
        if (status == LOCACHE_OK)
            status = lc_trust_open_dir(out, AT_FDCWD, cache->dir, "", error);
        if (status == LOCACHE_MISS)
            status = lc_fail_os(error, ENOENT, "cannot open the cache directory %s", cache->dir);
    }
    if (status != LOCACHE_OK)
        return status;
    status = lc_trust_above(*out, cache->dir, false, error);
    if (status != LOCACHE_OK)
        lc_close(*out);
    return status;
}

/* The names that lead to a new directory must survive a power cut as its entries do. */
static void sync_names(int root)
{
    lc_fsync(root);
    int above = lc_openat(root, "..", O_RDONLY | O_DIRECTORY, 0);
    if (above < 0)
        return;
    lc_fsync(above);
    lc_close(above);
}

/* Take the open directory dir, of version id, as the handle's own; dir is consumed. Another thread
 * may be reading through the descriptor that it replaces: the number stays valid throughout, and
 * leads to either directory. A number that is another's by now stays what it is. */
static locache_status adopt(locache *cache, int dir, const locache_id *id, locache_error *error)
{
    struct stat found;
    uint64_t halves[2];
    int home = atomic_load(&cache->home);
    bool ours = home >= 0 && state_of(cache, home) != ANOTHERS;
    if (lc_fstat(dir, &found) != 0) {
        int code = errno;
        lc_close(dir);
        return lc_fail_os(error, code, "cannot examine the directory %s", cache->path);
    }
    memcpy(halves, id->bytes, sizeof halves);
    atomic_store(&cache->version[0], halves[0]);
    atomic_store(&cache->version[1], halves[1]);
    atomic_store(&cache->owner, geteuid());
    atomic_store(&cache->home_device, found.st_dev);
    atomic_store(&cache->home_inode, found.st_ino);
    lc_memory_place(cache, dir);
    if (!ours && atomic_compare_exchange_strong(&cache->home, &home, dir))
        return LOCACHE_OK;
    int result = lc_dup_over(dir, home);
    int code = errno;
    lc_close(dir);
    return result == 0 ? LOCACHE_OK
                       : lc_fail_os(error, code, "cannot use the directory %s", cache->path);
}

/* Find the function's directory. OK: cache->home is open. MISS: it is not there (or another
 * version's is, and the effort does not go so far); error is untouched. NEED_SOURCE, EUNTRUSTED,
 * EIO, ENOMEM, EBUSY. */
locache_status lc_home_attach(locache *cache, lc_effort how, locache_error *error)
{
    int root;
    int dir = -1;
    locache_id id;
    lc_version_news news = {.evicted = 0};
    const lc_wanted wanted = {.identity = &cache->identity,
                              .keep = cache->flags & LOCACHE_KEEP,
                              .make = how == LC_CREATE};
    locache_status status = lc_home_open_root(&root, cache, how == LC_CREATE, error);
    if (status != LOCACHE_OK)
        return status;
    status = lc_trust_open_dir(&dir, root, cache->name, cache->dir, error);
    if (status == LOCACHE_OK) {
        status = lc_version_check(&id, dir, cache->path, &wanted, error);
        if (status != LOCACHE_OK)
            lc_close(dir);
    }
    if (status == LOCACHE_MISS && how != LC_LOOK)
        status = lc_version_settle(&dir, &id, &news, root, cache->dir, cache->name, &wanted, error);
    if (status == LOCACHE_OK && cache->flags & LOCACHE_DURABLE && how != LC_LOOK)
        sync_names(root);
    lc_close(root);
    if (status == LOCACHE_OK)
        status = adopt(cache, dir, &id, error);
    announce(cache, &news);
    return status;
}

/* The directory to look into, found again where it was deleted. MISS: there is none. */
locache_status lc_home_find(int *home, locache *cache, locache_error *error)
{
    *home = atomic_load(&cache->home);
    if (*home >= 0 && !lc_home_gone(cache, *home))
        return LOCACHE_OK;
    locache_status status = lc_home_attach(cache, LC_LOOK, error);
    *home = atomic_load(&cache->home);
    return status;
}
