/* A function's versions: which there are, what is known of them, and what is said of them by hand.
 * None of it is on the way of a hit or of a miss. */
#include "base/alloc.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/text.h"
#include "cache/dirhold.h"
#include "cache/funcdir.h"
#include "disk/keep.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/stamp.h"
#include "disk/versions.h"
#include "format/function_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* ------------------------------------------------------------------------------ which there are */

/* A look at a function's directories. */
typedef struct lookout {
    bool (*fn)(void *context, const locache_version_info *version);
    void *context;
    int family;       /* .versions/<name>/ */
    const char *path; /* of that */
    bool stopped;
} lookout;

/* Tell of one directory, which is open. What has no record is passed over. */
static void show(lookout *to, int dir, const char *path, bool current)
{
    lc_version record;
    struct stat found;
    if (lc_version_file_read(&record, dir, path, NULL) != LOCACHE_OK || record.lost ||
        record.newer || lc_fstat(dir, &found) != 0)
        return;
    const lc_version_kept *last = record.kept + record.kept_count - 1;
    const locache_version_info version = {
        .size = sizeof version,
        .id = record.id,
        .path = path,
        .current = current,
        .has_before = record.has_before,
        .before = record.before,
        .used = lc_stamp_nanoseconds(&found.st_mtim),
        .state = record.state,
        .kept = record.kept_count > 0 ? last->said : "",
        .kept_count = record.kept_count,
    };
    to->stopped = !to->fn(to->context, &version);
}

static bool tell_earlier(void *context, const char *name)
{
    lookout *to = context;
    char path[LOCACHE_PATH_MAX];
    locache_id id;
    int dir;
    if (!lc_text_unhex(id.bytes, LOCACHE_ID_SIZE, name) ||
        (size_t)snprintf(path, sizeof path, "%s/%s", to->path, name) >= sizeof path ||
        lc_owner_open_dir(&dir, to->family, name, to->path, NULL) != LOCACHE_OK)
        return true;
    show(to, dir, path, false);
    lc_close(dir);
    return !to->stopped;
}

/* Those under one of the function's names. */
static locache_status tell_name(lookout *to, int root, const char *root_path, const char *name,
                                locache_error *error)
{
    char path[LOCACHE_PATH_MAX];
    int dir;
    int versions;
    if ((size_t)snprintf(path, sizeof path, "%s/" LC_VERSIONS "/%s", root_path, name) >=
        sizeof path)
        return lc_fail(error, LOCACHE_EINVAL, "the path of %s is too long", name);
    (void)snprintf(path, sizeof path, "%s/%s", root_path, name);
    locache_status status = lc_owner_open_dir(&dir, root, name, root_path, error);
    if (status == LOCACHE_OK) {
        if (lc_ours_funcdir(dir))
            show(to, dir, path, true);
        lc_close(dir);
    }
    if (to->stopped || (status != LOCACHE_OK && status != LOCACHE_MISS))
        return status;
    status = lc_owner_open_dir(&versions, root, LC_VERSIONS, root_path, error);
    if (status != LOCACHE_OK)
        return status;
    (void)snprintf(path, sizeof path, "%s/" LC_VERSIONS "/%s", root_path, name);
    status = lc_owner_open_dir(&to->family, versions, name, root_path, error);
    lc_close(versions);
    if (status != LOCACHE_OK)
        return status;
    to->path = path;
    if (lc_each_name(to->family, tell_earlier, to) != 0)
        status = lc_fail_os(error, errno, "cannot list %s", path);
    lc_close(to->family);
    return status;
}

locache_status locache_each_version(const char *dir, const char *function,
                                    bool (*fn)(void *context, const locache_version_info *version),
                                    void *context, locache_error *error)
{
    lookout to = {.fn = fn, .context = context};
    char name[LOCACHE_NAME_MAX + 1];
    int root;
    lc_error_clear(error);
    if (dir == NULL || dir[0] != '/' || function == NULL || function[0] == '\0')
        return lc_fail(error, LOCACHE_EINVAL, "an absolute path and a function's name are needed");
    locache_status status = lc_owner_open_told(&root, dir, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    bool folds = lc_versions_fold_case(root);
    for (int other = 0; other <= 1; other++)
        if ((status == LOCACHE_OK || (other && status == LOCACHE_MISS)) && !to.stopped &&
            lc_function_name(name, function, folds, other))
            status = tell_name(&to, root, dir, name, error);
    lc_close(root);
    return status == LOCACHE_MISS ? LOCACHE_OK : status;
}

locache_status locache_version_note(void *out, size_t *size, const char *path, locache_error *error)
{
    int dir;
    lc_error_clear(error);
    if (path == NULL || path[0] != '/')
        return lc_fail(error, LOCACHE_EINVAL, "an absolute path is needed");
    locache_status status = lc_owner_open_told(&dir, path, error);
    if (status != LOCACHE_OK)
        return status;
    status = lc_version_file_note(size, out, dir, path, error);
    lc_close(dir);
    return status;
}

/* ------------------------------------------------------------------------------- what is said */

static locache_status amend(const locache *cache, int funcdir, const lc_alternative *without,
                            lc_span note, locache_error *error)
{
    lc_version record;
    const char *path = lc_handle_path(cache);
    locache_identity identity = without->identity;
    locache_status status = lc_version_file_read(&record, funcdir, path, error);
    if (status != LOCACHE_OK)
        return status;
    if (record.lost || record.newer)
        return LOCACHE_MISS;
    identity.code_tag = cache->identity.code_tag;
    memcpy(record.state, without->state, strlen(without->state) + 1);
    /* The same version by another source: what it was with the state in it is nobody's. */
    record.has_source = false;
    (void)lc_version_learn(&record, &identity);
    status = lc_version_file_write(funcdir, &record, path, error);
    return status == LOCACHE_OK ? lc_version_file_write_note(funcdir, note, path, error) : status;
}

locache_status locache_amend(locache *cache, const locache_alternative *without, const void *note,
                             size_t note_size, locache_error *error)
{
    lc_alternative known;
    lc_error_clear(error);
    if (cache->flags & LOCACHE_OPEN_READ_ONLY || !lc_told_alternative(&known, without) ||
        note_size > LOCACHE_NOTE_MAX)
        return lc_fail(error, LOCACHE_EINVAL,
                       "a handle for reading only, a state that is none, or too long a note");
    int funcdir = lc_dirhold_borrow(cache);
    bool there = funcdir >= 0 && !lc_funcdir_gone(cache, funcdir);
    locache_status status =
        there ? amend(cache, funcdir, &known, (lc_span){note, note_size}, error) : LOCACHE_MISS;
    lc_dirhold_return(cache);
    return status;
}

static locache_status keep_current(locache *cache, const char *who, locache_error *error)
{
    int root;
    lc_wanted wanted = lc_funcdir_wanted(cache, LC_SETTLE);
    wanted.kept_by = who;
    locache_status status = lc_funcdir_open_root(&root, cache, error);
    if (status != LOCACHE_OK)
        return status;
    status = lc_keep_current(
        &(lc_slot){root, cache->dir, cache->names[atomic_load(&cache->chosen)], cache->mode},
        &wanted, error);
    lc_close(root);
    return status;
}

locache_status locache_keep_results(locache *cache, const char *who, locache_error *error)
{
    lc_error_clear(error);
    if (cache->flags & LOCACHE_OPEN_READ_ONLY)
        return lc_fail(error, LOCACHE_EINVAL, "the cache of %s is open for reading only",
                       cache->function);
    (void)lc_dirhold_borrow(cache);
    /* Another process with another source may have moved ours to .versions/. */
    locache_status status = lc_funcdir_attach(cache, LC_SETTLE, error);
    if (status == LOCACHE_OK)
        status = keep_current(cache, who != NULL ? who : "?", error);
    bool kept = status == LOCACHE_OK;
    if (kept) {
        atomic_store(&cache->counted, false);
        status = lc_funcdir_attach(cache, LC_LOOK, error);
    }
    lc_dirhold_return(cache);
    if (!kept)
        return status;
    lc_handle_event(cache, LOCACHE_EVENT_KEEP, "",
                    "the source is said to mean the same as the one before");
    return status;
}
