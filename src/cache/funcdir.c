#include "cache/funcdir.h"
#include "base/log.h"
#include "cache/recall.h"
#include "disk/owner.h"
#include "disk/temporary.h"
#include "disk/tree.h"
#include "disk/versions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void announce(locache *cache, const lc_versions_news *news)
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

static state state_of(const locache *cache, int funcdir)
{
    struct stat found;
    if (lc_fstat(funcdir, &found) != 0)
        return errno == EBADF ? ANOTHERS : errno == ESTALE ? DELETED : THERE;
    /* Of a deleted one, another thread may have said already what takes its place. */
    if (found.st_nlink == 0 && S_ISDIR(found.st_mode))
        return DELETED;
    bool same = found.st_dev == atomic_load(&cache->funcdir_device) &&
                found.st_ino == atomic_load(&cache->funcdir_inode);
    return same ? THERE : ANOTHERS;
}

bool lc_funcdir_gone(const locache *cache, int funcdir)
{
    return state_of(cache, funcdir) != THERE;
}

void lc_funcdir_close(const locache *cache)
{
    int funcdir = atomic_load(&cache->funcdir);
    if (funcdir >= 0 && state_of(cache, funcdir) != ANOTHERS)
        lc_close(funcdir);
}

static locache_status make_root(const locache *cache, locache_error *error)
{
    char above[LOCACHE_PATH_MAX];
    int parent;
    size_t size = (size_t)(strrchr(cache->dir, '/') - cache->dir);
    memcpy(above, cache->dir, size);
    /* "/." so that the last part may be a link, as any other part of the way may be. */
    memcpy(above + size, "", 1);
    if (size > 0 && lc_tree_make(above) != 0)
        return lc_fail_os(error, errno, "cannot make the directory %s", above);
    memcpy(above + size, "/.", 3);
    parent = lc_openat(AT_FDCWD, above, O_RDONLY | O_DIRECTORY, 0);
    if (parent < 0)
        return lc_fail_os(error, errno, "cannot make the cache directory %s", cache->dir);
    above[size > 0 ? size : 1] = '\0';
    locache_status status = lc_owner_above(parent, above, true, error);
    lc_close(parent);
    if (status == LOCACHE_OK && lc_mkdirat(AT_FDCWD, cache->dir, 0700) != 0 && errno != EEXIST)
        status = lc_fail_os(error, errno, "cannot make the cache directory %s", cache->dir);
    return status;
}

/* Open the cache directory. OK, or MISS: it is not there, and not to be made. */
locache_status lc_funcdir_open_root(int *out, const locache *cache, bool make, locache_error *error)
{
    locache_status status = lc_owner_open_dir(out, AT_FDCWD, cache->dir, "", error);
    if (status == LOCACHE_MISS && make) {
        status = make_root(cache, error);
        if (status == LOCACHE_OK)
            status = lc_owner_open_dir(out, AT_FDCWD, cache->dir, "", error);
        if (status == LOCACHE_MISS)
            status = lc_fail_os(error, ENOENT, "cannot open the cache directory %s", cache->dir);
    }
    if (status != LOCACHE_OK)
        return status;
    status = lc_owner_above(*out, cache->dir, false, error);
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
    int funcdir = atomic_load(&cache->funcdir);
    bool ours = funcdir >= 0 && state_of(cache, funcdir) != ANOTHERS;
    if (lc_fstat(dir, &found) != 0) {
        int code = errno;
        lc_close(dir);
        return lc_fail_os(error, code, "cannot examine the directory %s", cache->path);
    }
    memcpy(halves, id->bytes, sizeof halves);
    atomic_store(&cache->version[0], halves[0]);
    atomic_store(&cache->version[1], halves[1]);
    atomic_store(&cache->owner, geteuid());
    atomic_store(&cache->funcdir_device, found.st_dev);
    atomic_store(&cache->funcdir_inode, found.st_ino);
    lc_recall_found_directory(cache, dir);
    if (!ours && atomic_compare_exchange_strong(&cache->funcdir, &funcdir, dir))
        return LOCACHE_OK;
    int result = lc_dup_over(dir, funcdir);
    int code = errno;
    lc_close(dir);
    return result == 0 ? LOCACHE_OK
                       : lc_fail_os(error, code, "cannot use the directory %s", cache->path);
}

/* Find the function's directory. OK: cache->funcdir is open. MISS: it is not there (or another
 * version's is, and the effort does not go so far); error is untouched. NEED_SOURCE, EUNTRUSTED,
 * EIO, ENOMEM, EBUSY. */
locache_status lc_funcdir_attach(locache *cache, lc_effort how, locache_error *error)
{
    int root;
    lc_version found;
    lc_settled settled = {.dir = -1};
    const lc_wanted wanted = {.identity = &cache->identity,
                              .keep = cache->flags & LOCACHE_KEEP,
                              .make = how == LC_CREATE};
    locache_status status = lc_funcdir_open_root(&root, cache, how == LC_CREATE, error);
    if (status != LOCACHE_OK)
        return status;
    status = lc_owner_open_dir(&settled.dir, root, cache->name, cache->dir, error);
    if (status == LOCACHE_OK) {
        status = lc_version_file_check(&found, settled.dir, cache->path, &wanted, error);
        settled.id = found.id;
        if (status != LOCACHE_OK)
            lc_close(settled.dir);
    }
    if (status == LOCACHE_MISS && how != LC_LOOK)
        status = lc_versions_settle(
            &settled, &(lc_slot){.root = root, .root_path = cache->dir, .name = cache->name},
            &wanted, error);
    if (status == LOCACHE_OK && cache->flags & LOCACHE_DURABLE && how != LC_LOOK)
        sync_names(root);
    lc_close(root);
    if (status == LOCACHE_OK)
        status = adopt(cache, settled.dir, &settled.id, error);
    announce(cache, &settled.news);
    return status;
}

/* The directory to look into, found again where it was deleted. MISS: there is none. */
locache_status lc_funcdir_find(int *funcdir, locache *cache, locache_error *error)
{
    *funcdir = atomic_load(&cache->funcdir);
    if (*funcdir >= 0 && !lc_funcdir_gone(cache, *funcdir))
        return LOCACHE_OK;
    locache_status status = lc_funcdir_attach(cache, LC_LOOK, error);
    *funcdir = atomic_load(&cache->funcdir);
    return status;
}
