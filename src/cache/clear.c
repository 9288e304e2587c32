/* Forgetting what a cache directory holds: one function's results, or those of all.
 *
 * By the names that are there, whatever handle made them: another process with a changed source may
 * have moved a handle's own directory to .versions/ since. Only entries are removed, and only from
 * directories that carry our mark (disk/ours.c): a cache directory may be any that a user named. */
#include "cache/clear.h"
#include "base/listing.h"
#include "base/os.h"
#include "disk/cleared.h"
#include "disk/counts.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static locache_status clear_current(const lc_slot *slot, locache_error *error)
{
    char path[LOCACHE_PATH_MAX];
    int dir;
    locache_status status = lc_owner_open_dir(&dir, slot->root, slot->name, slot->root_path, error);
    if (status != LOCACHE_OK)
        return status;
    snprintf(path, sizeof path, "%s/%s", slot->root_path, slot->name);
    const lc_directory at = {.dir = dir, .path = path};
    bool ours = lc_ours_funcdir(dir);
    bool out = ours && lc_cleared_is_large(dir) && lc_cleared_exchange(slot) == LOCACHE_OK;
    if (ours && !out) {
        status = lc_store_clear(&at, error);
        if (status == LOCACHE_OK)
            lc_counts_forget(dir);
    }
    lc_close(dir);
    return status;
}

locache_status lc_clear_name(const lc_slot *slot, locache_error *error)
{
    locache_status status = clear_current(slot, error);
    if (status != LOCACHE_OK && status != LOCACHE_MISS)
        return status;
    return lc_versions_forget(slot, error);
}

/* -------------------------------------------------------------------------- a whole directory */

typedef struct sweep {
    int root;
    const char *path;
    locache_status status; /* the first failure */
    locache_error *error;  /* of that */
} sweep;

/* What cannot be a function's directory, as a file of the user's or a link, is passed over. */
static bool clear_one(void *context, const char *name)
{
    sweep *in = context;
    locache_error own;
    if (name[0] == '.')
        return true;
    locache_status status =
        lc_clear_name(&(lc_slot){.root = in->root, .root_path = in->path, .name = name}, &own);
    if (status != LOCACHE_OK && status != LOCACHE_EUNTRUSTED && in->status == LOCACHE_OK) {
        in->status = status;
        if (in->error != NULL)
            *in->error = own;
    }
    return true;
}

/* Functions whose current directory was deleted may have earlier ones. */
static locache_status clear_each(sweep *in, locache_error *error)
{
    int versions;
    if (lc_each_name(in->root, clear_one, in) != 0)
        return lc_fail_os(error, errno, "cannot list %s", in->path);
    if (lc_owner_open_dir(&versions, in->root, LC_VERSIONS, in->path, NULL) == LOCACHE_OK) {
        if (lc_each_name(versions, clear_one, in) != 0 && in->status == LOCACHE_OK)
            in->status = lc_fail_os(error, errno, "cannot list %s/" LC_VERSIONS, in->path);
        lc_close(versions);
    }
    return in->status;
}

locache_status locache_clear(const char *dir, locache_error *error)
{
    sweep in = {.path = dir, .error = error};
    lc_error_clear(error);
    if (dir == NULL || dir[0] != '/')
        return lc_fail(error, LOCACHE_EINVAL, "a cache directory is an absolute path");
    locache_status status = lc_owner_open_told(&in.root, dir, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    status = clear_each(&in, error);
    lc_close(in.root);
    return status;
}
