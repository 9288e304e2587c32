/* Folders of results on their way in from elsewhere.
 *
 * They are filled in .versions/.tmp/, where no reader looks, and get their places at the end: a
 * folder that nobody has yet by one rename, and else each of its files by one. So a reader never
 * sees a file that is not whole, nor any of what turned out to be damaged later. Filling takes as
 * long as the data does, and the lock on .versions/ is not held for it. What tells a folder that is
 * being filled from one that was left there is a guard, a temporary file whose lock goes with its
 * process: switching.c clears away folders whose guard is gone. */
#include "disk/staged.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/text.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/tally.h"
#include "disk/version_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Digits of a folder's number that its name has room for: more functions than anybody has. */
#define COUNT_MAX 9999999
#define GUARD_PREFIX "tmp-" /* lc_temporary's, in 16 digits behind it */
#define HEX_SIZE (2 * LOCACHE_ID_SIZE + 1)

locache_status lc_staging_begin(lc_staging *out, const lc_slot *slot, locache_error *error)
{
    *out = (lc_staging){.work = -1};
    locache_status status = lc_switching_open_work(&out->work, slot, error);
    if (status != LOCACHE_OK)
        return status;
    if (lc_temporary_create(&out->guard, out->work) == 0)
        return LOCACHE_OK;
    status = lc_fail_os(error, errno, "cannot write in %s/" LC_VERSIONS, slot->root_path);
    lc_close(out->work);
    return status;
}

void lc_staging_end(lc_staging *staging)
{
    lc_temporary_discard(&staging->guard);
    lc_close(staging->work);
}

/* --------------------------------------------------------------------------------------- filled */

locache_status lc_staged_begin(lc_staged *out, lc_staging *staging, const lc_version *record,
                               lc_span note, locache_error *error)
{
    if (staging->count >= COUNT_MAX)
        return lc_fail(error, LOCACHE_ELIMIT, "more than %d functions", COUNT_MAX);
    (void)snprintf(out->name, sizeof out->name, LC_SWITCHING_STAGED "%.16s-%u",
                   staging->guard.name + strlen(GUARD_PREFIX), staging->count++);
    out->dir = -1;
    if (lc_mkdirat(staging->work, out->name, 0700) != 0)
        return lc_fail_os(error, errno, "cannot make a directory in " LC_VERSIONS);
    locache_status status =
        lc_owner_open_dir(&out->dir, staging->work, out->name, LC_VERSIONS, error);
    if (status == LOCACHE_OK)
        status = lc_version_file_make(out->dir, record, out->name, error);
    if (status == LOCACHE_OK)
        status = lc_version_file_make_note(out->dir, note, out->name, error);
    if (status == LOCACHE_MISS)
        status = lc_fail_os(error, ENOENT, "the directory is removed while it is filled");
    if (status != LOCACHE_OK) {
        lc_staged_close(out);
        lc_staged_discard(out, staging);
    }
    return status;
}

locache_status lc_staged_write(const lc_staged *staged, const char *name, lc_span content,
                               locache_error *error)
{
    struct iovec all = {.iov_base = (void *)(uintptr_t)content.data, .iov_len = content.size};
    int fd = lc_openat(staged->dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0 && errno == EEXIST)
        return lc_fail(error, LOCACHE_EINVAL, "%s is there twice", name);
    int code = fd < 0 || lc_write_full(fd, &all, 1) != 0 ? errno : 0;
    if (fd >= 0 && lc_close(fd) != 0 && code == 0)
        code = errno;
    return code == 0 ? LOCACHE_OK : lc_fail_os(error, code, "cannot write %s", name);
}

void lc_staged_close(lc_staged *staged)
{
    if (staged->dir >= 0)
        lc_close(staged->dir);
    staged->dir = -1;
}

void lc_staged_discard(const lc_staged *staged, const lc_staging *staging)
{
    lc_ours_remove(staging->work, staged->name);
}

/* --------------------------------------------------------------------------------------- placed */

static locache_status refuse_place(const lc_switching *in, locache_error *error)
{
    return lc_fail(error, LOCACHE_EINVAL,
                   "%s holds files that locache did not make, and is left alone: rename it, or "
                   "import into another directory",
                   in->path);
}

/* Move the whole folder there. */
static locache_status move_whole(const lc_staged *staged, const lc_switching *in, int dir,
                                 const char *name, locache_error *error)
{
    if (lc_renameat(in->work, staged->name, dir, name) != 0)
        return lc_fail_os(error, errno, "cannot move a directory to %s/%s",
                          dir == in->root ? in->root_path : in->family_path, name);
    lc_utime_now(dir, name);
    return LOCACHE_OK;
}

/* To .versions/<name>/<id>: *target is what is there already, or -1, and it was moved. */
static locache_status place_earlier(int *target, const lc_staged *staged, lc_switching *in,
                                    const locache_id *id, locache_error *error)
{
    char hex[HEX_SIZE];
    lc_text_hex(hex, id->bytes, LOCACHE_ID_SIZE);
    locache_status status = lc_switching_open_family(in, error);
    if (status == LOCACHE_OK)
        status = lc_owner_open_dir(target, in->family, hex, in->family_path, error);
    if (status == LOCACHE_MISS)
        return move_whole(staged, in, in->family, hex, error);
    return status;
}

/* The folder that it is to be joined with, open in *target; -1: it has its own place now. */
static locache_status find_place(int *target, const lc_staged *staged, lc_switching *in,
                                 const lc_staged_place *place, locache_error *error)
{
    lc_version record = {.lost = true};
    int dir;
    *target = -1;
    locache_status status = lc_owner_open_dir(&dir, in->root, in->name, in->root_path, error);
    if (status == LOCACHE_MISS)
        return place->current ? move_whole(staged, in, in->root, in->name, error)
                              : place_earlier(target, staged, in, &place->id, error);
    if (status != LOCACHE_OK)
        return status;
    status = lc_ours_funcdir(dir) ? lc_version_file_read(&record, dir, in->path, error)
                                  : refuse_place(in, error);
    bool same = status == LOCACHE_OK && !record.lost && !record.newer &&
                lc_version_has_id(&record, &place->id);
    if (same) {
        *target = dir;
        return LOCACHE_OK;
    }
    lc_close(dir);
    return status == LOCACHE_OK ? place_earlier(target, staged, in, &place->id, error) : status;
}

typedef struct joining {
    int from;
    int to;
    bool replace;
    uint64_t stored;
    uint64_t kept;
    int code; /* errno of what failed */
} joining;

/* Where the system cannot rename without replacing: between the look and the rename another result
 * of the same call may come, and either is right. */
static bool join_file(void *context, const char *name)
{
    joining *in = context;
    struct stat found;
    if (name[0] == '.')
        return true;
    bool moved = !in->replace && lc_rename_new(in->from, name, in->to, name) == 0;
    if (!moved && !in->replace && lc_fstatat(in->to, name, &found) == 0) {
        in->kept++;
        return true;
    }
    moved = moved || lc_renameat(in->from, name, in->to, name) == 0;
    in->code = moved ? 0 : errno;
    in->stored += moved;
    return moved;
}

static bool count_file(void *context, const char *name)
{
    *(uint64_t *)context += name[0] != '.';
    return true;
}

static locache_status join_files(joining *in, const lc_staged *staged, const lc_staging *staging,
                                 const char *path, locache_error *error)
{
    locache_status status =
        lc_owner_open_dir(&in->from, staging->work, staged->name, LC_VERSIONS, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? lc_fail_os(error, ENOENT, "it was removed") : status;
    if (lc_each_name(in->from, join_file, in) != 0)
        in->code = errno;
    lc_close(in->from);
    /* How many there are is counted anew by who has a limit. */
    (void)lc_unlinkat(in->to, LC_TALLY, 0);
    return in->code == 0 ? LOCACHE_OK : lc_fail_os(error, in->code, "cannot write in %s", path);
}

locache_status lc_staged_give(uint64_t *stored, uint64_t *kept, const lc_staged *staged,
                              const lc_staging *staging, const lc_staged_place *place,
                              locache_error *error)
{
    lc_switching in;
    int dir = -1;
    uint64_t files = 0;
    int target = -1;
    if (lc_owner_open_dir(&dir, staging->work, staged->name, LC_VERSIONS, NULL) == LOCACHE_OK) {
        (void)lc_each_name(dir, count_file, &files);
        lc_close(dir);
    }
    locache_status status = lc_switching_begin(&in, &place->slot, true, error);
    /* Others made the function's directory while this waited: now it is no reason to end. */
    if (status == LOCACHE_PENDING) {
        lc_switching_end(&in);
        status = lc_switching_begin(&in, &place->slot, true, error);
    }
    if (status == LOCACHE_OK)
        status = find_place(&target, staged, &in, place, error);
    lc_switching_end(&in);
    if (status != LOCACHE_OK || target < 0) {
        *stored += status == LOCACHE_OK ? files : 0;
        return status;
    }
    joining how = {.to = target, .replace = place->replace};
    status = join_files(&how, staged, staging, in.path, error);
    *stored += how.stored;
    *kept += how.kept;
    lc_close(target);
    return status;
}
