/* A function's directory: found, restored from an earlier version or made, and kept open.
 *
 * Everything is done relative to one descriptor, so that a directory that is moved to .versions/ by
 * another process stays the one that this process works with, and a name that somebody exchanges
 * leads nowhere else. Two things can happen to that descriptor behind the handle's back: its
 * directory is deleted, by a user who cleans up, or its number is closed and opened anew, by a
 * program that becomes a daemon. lc_dirhold_state_of() tells which.
 *
 * No lock: two threads that find the directory at once both open it, and one of the two descriptors
 * stays (adopt()). After fork() the child has the same descriptors, and goes on. */
#include "cache/funcdir.h"
#include "base/deep.h"
#include "base/error.h"
#include "base/log.h"
#include "base/os.h"
#include "base/text.h"
#include "cache/base.h"
#include "cache/dirhold.h"
#include "cache/recall.h"
#include "cache/root.h"
#include "disk/cleared.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/registry.h"
#include "disk/share.h"
#include "disk/tree.h"
#include "disk/versions.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A directory that others made while we waited for the lock may be gone again when it is looked
 * for; so often in a row, somebody removes it in a loop. */
#define FIND_ATTEMPTS 8

/* Apart: a path on the stack of every miss would be much for a small one. */
static __attribute__((noinline)) void announce_evicted(const locache *cache,
                                                       const lc_versions_news *news)
{
    char path[LOCACHE_PATH_MAX];
    for (unsigned i = 0; i < news->evicted; i++) {
        bool known = i < sizeof news->those / sizeof *news->those;
        const char *why = known && news->those[i].old
                              ? "an earlier version that was not used for a year"
                              : "the least recently used of too many earlier versions";
        char hex[2 * LOCACHE_ID_SIZE + 1] = "";
        if (known)
            lc_text_hex(hex, news->those[i].id.bytes, LOCACHE_ID_SIZE);
        snprintf(path, sizeof path, "%s/" LC_VERSIONS "/%s%s%s", cache->dir,
                 cache->names[atomic_load(&cache->chosen)], known ? "/" : "", hex);
        lc_log(LOCACHE_EVENT_EVICT, cache->function, path, why);
    }
}

/* Events of what a switch of versions did, sent when its lock is given up: who listens may run
 * anything, this function too. */
static void announce(locache *cache, const lc_versions_news *news)
{
    if (news->kept)
        lc_handle_event(cache, LOCACHE_EVENT_KEEP, "",
                        "the source changed, and is said to mean the same");
    else if (news->restored)
        lc_handle_event(cache, LOCACHE_EVENT_RESTORE, "",
                        "an earlier source came back, and its results with it");
    else if (news->moved)
        lc_handle_event(cache, LOCACHE_EVENT_INVALIDATE, "", "the source changed");
    if (news->evicted > 0 && lc_log_wanted())
        announce_evicted(cache, news);
}

bool lc_funcdir_gone(const locache *cache, int funcdir)
{
    return lc_dirhold_state_of(cache, funcdir) != LC_DIR_THERE;
}

/* What is made in a directory is of that one's group where it is set-group-ID, else of ours. */
static locache_status check_parent(int parent, const char *path, mode_t mode, locache_error *error)
{
    struct stat found;
    if (!(mode & S_IWGRP) || lc_fstat(parent, &found) != 0)
        return lc_owner_above(parent, path, true, "LOCACHE_DIR", error);
    gid_t group = found.st_mode & S_ISGID ? found.st_gid : getegid();
    return lc_owner_above_shared(parent, path, true, group, error);
}

/* Make the cache directory, and those above it. Only in a place where nobody else could exchange it
 * afterwards: that is asked of the parent before anything of ours is in it. EEXIST: another process
 * was quicker, and whose it is, lc_owner_open_dir() will say. */
static locache_status make_root(bool *made, const char *dir, mode_t mode, locache_error *error)
{
    char above[LOCACHE_PATH_MAX];
    int parent;
    size_t size = (size_t)(strrchr(dir, '/') - dir);
    memcpy(above, dir, size);
    /* "/." so that the last part may be a link, as any other part of the way may be. */
    memcpy(above + size, "", 1);
    if (size > 0 && lc_tree_make_as(above, mode) != 0)
        return lc_fail_os(error, errno, "cannot make the directory %s", above);
    memcpy(above + size, "/.", 3);
    parent = lc_openat(AT_FDCWD, above, O_RDONLY | O_DIRECTORY, 0);
    if (parent < 0)
        return lc_fail_os(error, errno, "cannot make the cache directory %s", dir);
    above[size > 0 ? size : 1] = '\0';
    locache_status status = check_parent(parent, above, mode, error);
    lc_close(parent);
    if (status != LOCACHE_OK)
        return status;
    *made = lc_share_mkdir(AT_FDCWD, dir, mode) == 0;
    return *made || errno == EEXIST
               ? LOCACHE_OK
               : lc_fail_os(error, errno, "cannot make the cache directory %s", dir);
}

/* Opened before its parents are looked at, since the descriptor is what is used from then on.
 * Deleted between being made and being opened is an error: somebody removes it as fast as it is
 * made. */
locache_status lc_funcdir_root(int *out, bool *made, const char *dir, mode_t mode, bool make,
                               locache_error *error)
{
    *made = false;
    locache_status status = lc_owner_open_root(out, dir, mode, error);
    if (status == LOCACHE_MISS && make) {
        status = make_root(made, dir, mode, error);
        if (status == LOCACHE_OK)
            status = lc_owner_open_root(out, dir, mode, error);
        if (status == LOCACHE_MISS)
            status = lc_fail_os(error, ENOENT, "cannot open the cache directory %s", dir);
    }
    return status;
}

locache_status lc_funcdir_open_root(int *out, const locache *cache, locache_error *error)
{
    bool made;
    return lc_funcdir_root(out, &made, cache->dir, cache->mode, false, error);
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

/* A function's directory that was found. */
typedef struct opened {
    int dir;
    struct stat found;
    uid_t us; /* who found it ours */
    lc_file_system system;
} opened;

/* Take the open directory, of version id, as the handle's own; its descriptor is consumed.
 *
 * Another thread may be reading through the descriptor that it replaces: it is replaced in one step
 * (dup over it), so that the number is valid throughout and leads to either directory. What a
 * reader compares (the version, the owner, device and number, the file system's grain) is stored
 * before: whoever goes through the new directory has the new words. Who still has the old directory
 * and reads the new words finds another version, which is a miss. A number that is another's by now
 * stays what it is, and the handle takes a new one. */
static locache_status adopt(locache *cache, const opened *of, const locache_id *id,
                            locache_error *error)
{
    uint64_t halves[2];
    int dir = of->dir;
    int funcdir = atomic_load(&cache->funcdir);
    bool ours = funcdir >= 0 && lc_dirhold_state_of(cache, funcdir) != LC_DIR_ANOTHERS;
    bool another = of->found.st_dev != atomic_load(&cache->funcdir_device) ||
                   of->found.st_ino != atomic_load(&cache->funcdir_inode);
    memcpy(halves, id->bytes, sizeof halves);
    atomic_store(&cache->version[0], halves[0]);
    atomic_store(&cache->version[1], halves[1]);
    atomic_store(&cache->owner, of->us);
    atomic_store(&cache->funcdir_device, of->found.st_dev);
    atomic_store(&cache->funcdir_inode, of->found.st_ino);
    lc_recall_found_directory(cache, of->system, another);
    /* Where another thread was quicker, `funcdir` is its number from here on, and ours to
     * replace. */
    bool adopted = !ours && atomic_compare_exchange_strong(&cache->funcdir, &funcdir, dir);
    int result = adopted ? 0 : lc_dup_over(dir, funcdir);
    int code = errno;
    if (!adopted)
        lc_close(dir);
    if (result == 0)
        lc_dirhold_keep(cache);
    return result == 0
               ? LOCACHE_OK
               : lc_fail_os(error, code, "cannot use the directory %s", lc_handle_path(cache));
}

/* What is under one of the function's names. OK: the wanted version, open. MISS: nothing, or what
 * is not the wanted version, or not ours. */
static locache_status look(lc_settled *out, locache *cache, int root, int which,
                           const lc_wanted *wanted, locache_error *error)
{
    lc_version found;
    int dir;
    out->there = false;
    out->taken = out->made = false;
    locache_status status = lc_owner_open_dir(&dir, root, cache->names[which], cache->dir, error);
    if (status != LOCACHE_OK)
        return status;
    out->there = true;
    status = lc_version_file_read(&found, dir, cache->paths[which], error);
    /* With a record it is ours, and need not be asked. */
    out->taken = status == LOCACHE_OK && found.lost && !lc_ours_funcdir(dir);
    if (out->taken)
        status = LOCACHE_MISS;
    else if (status == LOCACHE_OK)
        status = lc_version_file_compare(&found, dir, cache->paths[which], wanted);
    if (status == LOCACHE_OK) {
        out->dir = dir;
        out->id = found.id;
    } else {
        lc_close(dir);
    }
    return status;
}

int lc_funcdir_names(locache *cache, int root)
{
    bool folds = lc_versions_fold_case(root);
    atomic_store(&cache->folds, folds);
    return folds ? LC_FOLDED_NAMES : 0;
}

static locache_status settle(lc_settled *out, locache *cache, int root, int which,
                             const lc_wanted *wanted, locache_error *error)
{
    atomic_store(&cache->chosen, which);
    return lc_versions_settle(out,
                              &(lc_slot){.root = root,
                                         .root_path = cache->dir,
                                         .name = cache->names[which],
                                         .mode = cache->mode},
                              wanted, error);
}

/* A cache directory may be any that dir= names, and what has the function's name in it a user's own
 * directory: then the function's has its other name, and keeps it for as long as it is there.
 *
 * The lookup without a lock comes first: it is what nearly every process finds, its own version in
 * its place. Only where that misses, and the effort goes so far, does the switch of versions take
 * its lock and look once more (disk/versions.c). */
static locache_status find_once(lc_settled *out, locache *cache, int root, lc_effort how,
                                const lc_wanted *wanted, locache_error *error)
{
    /* To know what the file system does, something of ours has to be there. */
    if (how == LC_CREATE)
        (void)!lc_share_mkdir(root, LC_VERSIONS, cache->mode);
    int base = lc_funcdir_names(cache, root);
    bool has_other = cache->names[base + LC_OTHER_NAME] != NULL;
    locache_status status = look(out, cache, root, base + LC_OWN_NAME, wanted, error);
    bool free = !out->there;
    bool other = has_other && out->taken;
    if (status != LOCACHE_MISS) {
        atomic_store(&cache->chosen, base + LC_OWN_NAME);
        return status;
    }
    if (has_other) {
        status = look(out, cache, root, base + LC_OTHER_NAME, wanted, error);
        if (status != LOCACHE_MISS) {
            atomic_store(&cache->chosen, base + LC_OTHER_NAME);
            return status;
        }
        other = other || (free && out->there);
    }
    if (how == LC_LOOK)
        return LOCACHE_MISS;
    status =
        settle(out, cache, root, other ? base + LC_OTHER_NAME : base + LC_OWN_NAME, wanted, error);
    if (out->taken && !other && has_other) {
        lc_error_clear(error);
        status = settle(out, cache, root, base + LC_OTHER_NAME, wanted, error);
    }
    return status;
}

/* Thousands of processes that start at once want the same directory: one makes it, under the lock,
 * and the others find it without. */
static locache_status find_directory(lc_settled *out, locache *cache, int root, lc_effort how,
                                     const lc_wanted *wanted, locache_error *error)
{
    locache_status status = LOCACHE_PENDING;
    for (int attempt = 0; status == LOCACHE_PENDING && attempt < FIND_ATTEMPTS; attempt++)
        status = find_once(out, cache, root, how, wanted, error);
    return status == LOCACHE_PENDING
               ? lc_fail(error, LOCACHE_EBUSY, "%s comes and goes", lc_handle_path(cache))
               : status;
}

lc_wanted lc_funcdir_wanted(const locache *cache, lc_effort how)
{
    const lc_told *told = cache->told;
    lc_wanted wanted = {.asked = {.main = &cache->identity},
                        .keep = cache->flags & LOCACHE_OPEN_KEEP,
                        .make = how == LC_CREATE,
                        .read_only = cache->flags & LOCACHE_OPEN_READ_ONLY};
    if (told != NULL) {
        wanted.asked.others = told->others;
        wanted.asked.count = told->count;
        wanted.note = told->note;
        wanted.kept_by = told->kept_by;
    }
    return wanted;
}

typedef struct attaching {
    locache *cache;
    lc_effort how;
    locache_error *error;
    lc_versions_news news;
    locache_status status;
} attaching;

/* The usual case once more: the current version, in a cache directory that this process has found
 * sound. False: it takes a closer look. */
static bool attach_known(locache *cache, const lc_wanted *wanted)
{
    lc_root root;
    lc_version record;
    opened own = {.us = geteuid()};
    if (cache->flags & LOCACHE_OPEN_DURABLE || !lc_root_find(&root, cache->dir, own.us))
        return false;
    int which = (root.folds ? LC_FOLDED_NAMES : 0) + LC_OWN_NAME;
    const char *path = cache->paths[which];
    own.dir = path != NULL ? lc_openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0) : -1;
    if (own.dir < 0)
        return false;
    own.system = root.system;
    if (!lc_dirhold_share(own.dir, own.system.holds) || lc_fstat(own.dir, &own.found) != 0 ||
        lc_cleared_is_out(&own.found) || !lc_root_has(&root, own.dir, &own.found) ||
        lc_version_file_read(&record, own.dir, path, NULL) != LOCACHE_OK || record.lost ||
        record.newer || lc_version_file_compare(&record, own.dir, path, wanted) != LOCACHE_OK) {
        lc_close(own.dir);
        return false;
    }
    atomic_store(&cache->folds, root.folds);
    atomic_store(&cache->chosen, which);
    return adopt(cache, &own, &record.id, NULL) == LOCACHE_OK;
}

/* Is the open directory still the one that has its name? */
static bool is_in_place(const locache *cache, int root, const struct stat *found)
{
    struct stat named;
    return lc_fstatat(root, cache->names[atomic_load(&cache->chosen)], &named) == 0 &&
           named.st_dev == found->st_dev && named.st_ino == found->st_ino;
}

/* Take what was settled, and note what was found of the cache directory for the next function.
 * PENDING: it was cleared meanwhile, and another directory has its place. */
static locache_status take_settled(locache *cache, const lc_settled *settled, int root,
                                   locache_error *error)
{
    lc_root known;
    opened own = {.dir = settled->dir, .us = cache->foreign ? LC_OWNER_ANYONE : geteuid()};
    own.system = lc_file_system_of(own.dir);
    if (!lc_dirhold_share(own.dir, own.system.holds) || lc_fstat(own.dir, &own.found) != 0) {
        int code = errno;
        lc_close(own.dir);
        return lc_fail_os(error, code, "cannot use the directory %s", lc_handle_path(cache));
    }
    if (!cache->foreign && lc_cleared_is_out(&own.found) && !is_in_place(cache, root, &own.found)) {
        lc_close(own.dir);
        return LOCACHE_PENDING;
    }
    /* In a new one no writer has left anything. And that it was not there says nothing against what
     * is known of the cache directory. */
    if (settled->made)
        atomic_store(&cache->swept, true);
    if (!cache->foreign && (!settled->made || !lc_root_find(&known, cache->dir, own.us)))
        lc_root_note(cache->dir, root, own.us, atomic_load(&cache->folds), own.system);
    return adopt(cache, &own, &settled->id, error);
}

/* Find, and take: both once more where it was cleared in between. */
static locache_status find_and_take(lc_settled *settled, locache *cache, int root, lc_effort how,
                                    const lc_wanted *wanted, locache_error *error)
{
    locache_status status = LOCACHE_PENDING;
    for (int attempt = 0; status == LOCACHE_PENDING && attempt < FIND_ATTEMPTS; attempt++) {
        status = find_directory(settled, cache, root, how, wanted, error);
        /* Whether this call made the directory or not: who made it may not be durable. */
        if (status == LOCACHE_OK && cache->flags & LOCACHE_OPEN_DURABLE && how != LC_LOOK)
            sync_names(root);
        if (status == LOCACHE_OK)
            status = take_settled(cache, settled, root, error);
    }
    return status == LOCACHE_PENDING
               ? lc_fail(error, LOCACHE_EBUSY, "%s is cleared again and again",
                         lc_handle_path(cache))
               : status;
}

static locache_status attach(lc_versions_news *news, locache *cache, lc_effort how,
                             locache_error *error)
{
    int root;
    lc_settled settled = {.dir = -1};
    lc_wanted wanted = lc_funcdir_wanted(cache, how);
    if (cache->foreign) {
        locache_status found = lc_base_find(&settled, cache, &wanted, error);
        return found == LOCACHE_OK ? take_settled(cache, &settled, -1, error) : found;
    }
    if (attach_known(cache, &wanted))
        return LOCACHE_OK;
    locache_status status =
        lc_funcdir_root(&root, &wanted.made_root, cache->dir, cache->mode, wanted.make, error);
    if (status != LOCACHE_OK)
        return status;
    status = find_and_take(&settled, cache, root, how, &wanted, error);
    lc_close(root);
    /* One that was removed meanwhile may have been dropped. */
    if (status == LOCACHE_OK && wanted.made_root)
        lc_registry_note(cache->dir, true);
    *news = settled.news;
    return status;
}

static void attach_deep(void *context)
{
    attaching *this = context;
    this->status = attach(&this->news, this->cache, this->how, this->error);
}

locache_status lc_funcdir_attach(locache *cache, lc_effort how, locache_error *error)
{
    attaching this = {.cache = cache, .how = how, .error = error};
    if (!lc_deep_run(attach_deep, &this))
        return lc_fail_os(error, errno,
                          "too little stack is left to open %s, and no thread can be started",
                          lc_handle_path(cache));
    /* On the thread that asked: receivers are told there what happens. */
    announce(cache, &this.news);
    return this.status;
}

locache_status lc_funcdir_find(int *funcdir, locache *cache, locache_error *error)
{
    *funcdir = atomic_load(&cache->funcdir);
    if (*funcdir >= 0 && !lc_funcdir_gone(cache, *funcdir))
        return LOCACHE_OK;
    locache_status status = lc_funcdir_attach(cache, LC_LOOK, error);
    *funcdir = atomic_load(&cache->funcdir);
    return status;
}
