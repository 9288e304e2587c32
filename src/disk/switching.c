/* The lock on .versions/, what is opened under it, and the clearing away of what was left there.
 *
 * A switch is a few renames, and renames of different directories do not come in one step. The lock
 * keeps other processes out of the time between them. It is advisory and its holder may die: then
 * the kernel gives it up, and whoever gets it next finds .versions/.tmp/ as it was left, where
 * everything is half made or to be removed. Nothing that somebody needs is ever in there alone. */
#include "disk/switching.h"
#include "base/listing.h"
#include "base/os.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/share.h"
#include "disk/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WORK ".tmp" /* in .versions: directories on their way in or out */
#define LOCK ".lock"
/* Under the lock only names change and one small file is written: who holds it so long without
 * having changed anything has been stopped, or is something broken. While things change, thousands
 * of processes may be queueing, on a slow file system: then it is waited so many times as long. */
#define LOCK_MILLISECONDS 4000
#define LOCK_ROUNDS 45
/* A removed lock file is made anew; a few in a row are somebody's `rm -rf`, not bad luck. */
#define LOCK_ATTEMPTS 8

/* ----------------------------------------------------------------------------------------- lock */

/* Set by a wait in vain: until a lock is to be had again, nobody in this process waits for one,
 * since every call would. It may be another cache directory's: who does not get it at once
 * computes, and asks again. */
static atomic_bool impatient;

static bool is_made(const void *context)
{
    const lc_switching *in = context;
    struct stat found;
    return in->absent && lc_fstatat(in->root, in->name, &found) == 0;
}

/* What was changed last in .versions/.tmp/, which every switch goes through. */
static struct timespec last_change(const lc_switching *in)
{
    struct stat found = {.st_size = 0};
    (void)!lc_fstatat(in->versions, WORK, &found);
    return found.st_mtim;
}

/* 0, or errno as of lc_lock_within(). */
static int lock_or_code(int fd, const lc_switching *in)
{
    int code = EAGAIN;
    for (int round = 0; code == EAGAIN && round < LOCK_ROUNDS; round++) {
        struct timespec before = last_change(in);
        int patience = atomic_load(&impatient) ? 0 : LOCK_MILLISECONDS;
        code = lc_lock_within(fd, patience, is_made, in) == 0 ? 0 : errno;
        struct timespec after = last_change(in);
        if (before.tv_sec == after.tv_sec && before.tv_nsec == after.tv_nsec)
            break;
    }
    return code;
}

/* OK; PENDING: others made what was missing, meanwhile; EBUSY. */
static locache_status wait_for_lock(int fd, const lc_switching *in, locache_error *error)
{
    int code = lock_or_code(fd, in);
    if (code == EALREADY)
        return LOCACHE_PENDING;
    if (code != EAGAIN && code != EINTR) {
        /* Had; or failed: a file system without locks. Renames are atomic there too; what is lost
         * is only that the second of two processes finds the work done. */
        atomic_store(&impatient, false);
        return LOCACHE_OK;
    }
    if (code == EAGAIN)
        atomic_store(&impatient, true);
    lc_fail(error, LOCACHE_EBUSY, "another process holds the lock %s/" LOCK, in->versions_path);
    if (code == EINTR)
        error->os_error = EINTR;
    return LOCACHE_EBUSY;
}

/* Lock an open lock file. OK; MISS: somebody removed it meanwhile; PENDING: it is not needed any
 * more; EUNTRUSTED, EIO, EBUSY. */
static locache_status lock_open(int fd, const lc_switching *in, locache_error *error)
{
    struct stat held;
    struct stat named;
    if (lc_fstat(fd, &held) != 0)
        return lc_fail_os(error, errno, "cannot examine %s/" LOCK, in->versions_path);
    if (held.st_uid == geteuid() && lc_share_file(fd, lc_share_like(in->versions)) != 0)
        return lc_fail_os(error, errno, "cannot share %s/" LOCK, in->versions_path);
    /* A second name does no harm here: nothing is in it. */
    held.st_nlink = 1;
    locache_status status = lc_owner_file(fd, &held, &(lc_owner_in){in->versions, geteuid()},
                                          in->versions_path, LOCK, error);
    if (status != LOCACHE_OK)
        return status;
    status = wait_for_lock(fd, in, error);
    if (status != LOCACHE_OK)
        return status;
    /* The lock is the file's, not the name's: who holds that of a file that was removed excludes
     * nobody who came later. So the name must still lead to it, now that it is locked. */
    if (lc_fstatat(in->versions, LOCK, &named) != 0)
        return errno == ENOENT
                   ? LOCACHE_MISS
                   : lc_fail_os(error, errno, "cannot examine %s/" LOCK, in->versions_path);
    return named.st_dev == held.st_dev && named.st_ino == held.st_ino ? LOCACHE_OK : LOCACHE_MISS;
}

/* Closing is not enough where another thread forked meanwhile: the child has the descriptor too,
 * and may live long. */
static void end_lock(int fd)
{
    lc_unlock(fd);
    lc_close(fd);
}

static locache_status take_lock(lc_switching *in, locache_error *error)
{
    for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
        /* Open for writing, without which there are no exclusive locks. */
        int fd = lc_openat(in->versions, LOCK, O_RDWR | O_CREAT, 0600);
        /* A link, a directory or a socket in its place. */
        if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
            return lc_fail(error, LOCACHE_EUNTRUSTED,
                           "%s/" LOCK " is not a regular file: delete it", in->versions_path);
        if (fd < 0)
            return lc_fail_os(error, errno, "cannot open %s/" LOCK, in->versions_path);
        locache_status status = lock_open(fd, in, error);
        if (status == LOCACHE_OK)
            in->lock = fd;
        else
            end_lock(fd);
        if (status != LOCACHE_MISS)
            return status;
    }
    return lc_fail(error, LOCACHE_EBUSY, "%s/" LOCK " is removed again and again",
                   in->versions_path);
}

/* ------------------------------------------------------------------------------------- sweeping */

/* A look through .versions/.tmp/. */
typedef struct sweeping {
    int work;
    bool files; /* there is something else than directories of ours */
} sweeping;

static bool sweep_new(void *context, const char *name)
{
    sweeping *in = context;
    if (strncmp(name, LC_SWITCHING_NEW, strlen(LC_SWITCHING_NEW)) == 0)
        lc_ours_remove(in->work, name);
    else if (strncmp(name, LC_SWITCHING_TRASH, strlen(LC_SWITCHING_TRASH)) != 0 &&
             strncmp(name, LC_SWITCHING_CLEARED, strlen(LC_SWITCHING_CLEARED)) != 0)
        in->files = true;
    return true;
}

/* "import-<digits of the guard>-<number>", whose guard is gone: locks of dead writers can be had,
 * and their temporaries were swept before this. */
static bool sweep_staged(void *context, const char *name)
{
    const lc_switching *in = context;
    char guard[LC_TEMPORARY_NAME];
    struct stat found;
    if (strncmp(name, LC_SWITCHING_STAGED, strlen(LC_SWITCHING_STAGED)) != 0)
        return true;
    (void)snprintf(guard, sizeof guard, "tmp-%.16s", name + strlen(LC_SWITCHING_STAGED));
    if (lc_fstatat(in->work, guard, &found) != 0 && errno == ENOENT)
        (void)!lc_switching_discard(in, in->work, name);
    return true;
}

/* Whoever made these held the lock, and no longer does. Mostly nothing is there, and one listing
 * says so. */
static void sweep_work(lc_switching *at)
{
    sweeping in = {.work = at->work};
    lc_each_name(at->work, sweep_new, &in);
    if (in.files) {
        lc_temporary_sweep(at->work);
        lc_each_name(at->work, sweep_staged, at);
    }
}

/* Are there directories in it? Where a file system does not count them, they are looked for. */
static bool may_hold_trash(int work)
{
    struct stat found;
    return lc_fstat(work, &found) != 0 || found.st_nlink != LC_SWITCHING_LINKS;
}

static bool sweep_trash(void *context, const char *name)
{
    if (strncmp(name, LC_SWITCHING_TRASH, strlen(LC_SWITCHING_TRASH)) == 0)
        lc_ours_remove(*(const int *)context, name);
    return true;
}

int lc_switching_discard(const lc_switching *in, int dir, const char *name)
{
    char trash[LC_SWITCHING_NAME];
    lc_temporary_name(trash, LC_SWITCHING_TRASH);
    return lc_renameat(dir, name, in->work, trash);
}

/* ----------------------------------------------------------------------------------------- open */

/* Where a directory is, in words, and which rights it gets. */
typedef struct made_as {
    const char *where;
    mode_t mode;
} made_as;

/* Open a directory, made first where it is missing. It is checked in any case: between the two
 * calls somebody may have put something else there. */
static locache_status open_made(int *out, int dir, const char *name, const made_as *as,
                                locache_error *error)
{
    const char *where = as->where;
    locache_status status = lc_owner_open_dir(out, dir, name, where, error);
    if (status != LOCACHE_MISS)
        return status;
    if (lc_share_mkdir(dir, name, as->mode) != 0 && errno != EEXIST)
        return lc_fail_os(error, errno, "cannot make the directory %s/%s", where, name);
    status = lc_owner_open_dir(out, dir, name, where, error);
    return status == LOCACHE_MISS
               ? lc_fail_os(error, ENOENT, "cannot open the directory %s/%s", where, name)
               : status;
}

/* The descriptors unset, the paths written. EINVAL: they are too long. */
static locache_status prepare_paths(lc_switching *out, const lc_slot *slot, locache_error *error)
{
    const char *root_path = slot->root_path;
    *out = (lc_switching){.root = slot->root,
                          .root_path = root_path,
                          .name = slot->name,
                          .versions = -1,
                          .lock = -1,
                          .work = -1,
                          .family = -1};
    /* The longest of the three, so that the others fit. */
    int longest = snprintf(out->family_path, sizeof out->family_path, "%s/" LC_VERSIONS "/%s",
                           root_path, slot->name);
    if (longest < 0 || (size_t)longest >= sizeof out->family_path)
        return lc_fail(error, LOCACHE_EINVAL, "the path %s is too long", root_path);
    snprintf(out->path, sizeof out->path, "%s/%s", root_path, slot->name);
    snprintf(out->versions_path, sizeof out->versions_path, "%s/" LC_VERSIONS, root_path);
    return LOCACHE_OK;
}

locache_status lc_switching_begin(lc_switching *out, const lc_slot *slot, bool make,
                                  locache_error *error)
{
    struct stat found;
    locache_status status = prepare_paths(out, slot, error);
    out->absent = make && lc_fstatat(slot->root, slot->name, &found) != 0;
    if (status == LOCACHE_OK)
        status = make ? open_made(&out->versions, slot->root, LC_VERSIONS,
                                  &(made_as){slot->root_path, slot->mode}, error)
                      : lc_owner_open_dir(&out->versions, slot->root, LC_VERSIONS, slot->root_path,
                                          error);
    if (status == LOCACHE_OK)
        status = take_lock(out, error);
    if (status == LOCACHE_OK)
        status = open_made(&out->work, out->versions, WORK,
                           &(made_as){out->versions_path, lc_share_like(out->versions)}, error);
    if (status != LOCACHE_OK)
        return status;
    sweep_work(out);
    status = lc_owner_open_dir(&out->family, out->versions, slot->name, out->versions_path, error);
    return status == LOCACHE_MISS ? LOCACHE_OK : status;
}

locache_status lc_switching_open_work(int *out, const lc_slot *slot, locache_error *error)
{
    lc_switching in;
    locache_status status = lc_switching_begin(&in, slot, true, error);
    if (status == LOCACHE_OK) {
        *out = in.work;
        in.work = -1;
    }
    lc_switching_end(&in);
    return status;
}

locache_status lc_switching_open_family(lc_switching *in, locache_error *error)
{
    return in->family >= 0
               ? LOCACHE_OK
               : open_made(&in->family, in->versions, in->name,
                           &(made_as){in->versions_path, lc_share_like(in->versions)}, error);
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        lc_close(fd);
}

void lc_switching_end(lc_switching *in)
{
    if (in->lock >= 0)
        end_lock(in->lock);
    /* Last and without the lock: there may be a million files in it. Of two processes that remove
     * the same trash each finds some of it gone, which is no harm. */
    if (in->work >= 0 && may_hold_trash(in->work))
        lc_each_name(in->work, sweep_trash, &in->work);
    close_if_open(in->family);
    close_if_open(in->work);
    close_if_open(in->versions);
}
