/* The key that a group shares, which pickled results are signed with for each other.
 *
 * Who can read it can sign, and what is signed is run by whoever loads it: to name such a key in
 * LOCACHE_GROUP_KEY is to let all who can read it run code as oneself. So it is never made here and
 * never looked for anywhere else, and one that others than a group of ours can read is refused. Nor
 * may it be in the cache: a cache that is given away would bring the key along that it verifies
 * with. */
#include "disk/groupkey.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/owner.h"
#include "disk/share.h"
#include "disk/userkey.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define VARIABLE "LOCACHE_GROUP_KEY"

/* Who owns a directory above was trusted with the path; everybody was not. */
static locache_status check_step(const lc_climb *how, const lc_step *step)
{
    if ((step->here->st_mode & (S_IWOTH | S_ISVTX)) != S_IWOTH)
        return LOCACHE_OK;
    return lc_fail(how->error, LOCACHE_EUNTRUSTED,
                   "a directory above the group's key %s can be written to by every user, who "
                   "could exchange it: chmod o-w it, or set " VARIABLE " to another path",
                   how->path);
}

/* By what fstat() says of the open file. */
static locache_status check_file(const struct stat *file, const char *path, locache_error *error)
{
    if (!S_ISREG(file->st_mode) || file->st_size != LC_MAC_KEY_SIZE)
        return lc_fail(error, LOCACHE_EUNTRUSTED, "the group's key %s is not a file of %d bytes",
                       path, LC_MAC_KEY_SIZE);
    if (file->st_mode & S_IRWXO)
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "the group's key %s is open to every user, who may have read it: make a new "
                       "one, or if nobody did, chmod o= '%s'",
                       path, path);
    if (file->st_uid != 0 && file->st_uid != geteuid() && !lc_share_is_member(file->st_gid))
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "the group's key %s belongs to another user (uid %lu), and to no group of "
                       "yours",
                       path, (unsigned long)file->st_uid);
    return LOCACHE_OK;
}

static locache_status read_checked(unsigned char out[LC_MAC_KEY_SIZE], int fd, const char *path,
                                   locache_error *error)
{
    struct stat found;
    if (lc_fstat(fd, &found) != 0)
        return lc_fail_os(error, errno, "cannot examine the group's key %s", path);
    locache_status status = check_file(&found, path, error);
    if (status != LOCACHE_OK)
        return status;
    ssize_t got = lc_read_full(fd, out, LC_MAC_KEY_SIZE);
    return got == LC_MAC_KEY_SIZE
               ? LOCACHE_OK
               : lc_fail_os(error, got < 0 ? errno : EIO, "cannot read the group's key %s", path);
}

locache_status lc_groupkey_read(unsigned char out[LC_MAC_KEY_SIZE], const char *cache,
                                locache_error *error)
{
    char above[LOCACHE_PATH_MAX];
    const char *path = lc_environment(VARIABLE);
    if (path == NULL || path[0] == '\0')
        return LOCACHE_MISS;
    if (path[0] != '/' || strlen(path) >= sizeof above - 1)
        return lc_fail(error, LOCACHE_EINVAL, VARIABLE "=%s is no absolute path", path);
    size_t size = (size_t)(strrchr(path, '/') - path);
    memcpy(above, path, size);
    /* "/." so that the directory may be a link. */
    memcpy(above + size, "/.", 3);
    int dir = lc_openat(AT_FDCWD, above, O_RDONLY | O_DIRECTORY, 0);
    int fd = dir >= 0 ? lc_openat(dir, path + size + 1, O_RDONLY, 0) : -1;
    locache_status status = LOCACHE_OK;
    if (fd < 0)
        status = lc_fail_os(error, errno, "cannot open the group's key %s", path);
    const lc_climb up = {.path = path, .variable = VARIABLE, .visit = check_step, .error = error};
    if (status == LOCACHE_OK)
        status = lc_owner_climb(dir, &up);
    if (status == LOCACHE_OK)
        status = lc_userkey_check_outside(dir, &up, cache);
    if (status == LOCACHE_OK)
        status = read_checked(out, fd, path, error);
    if (fd >= 0)
        lc_close(fd);
    if (dir >= 0)
        lc_close(dir);
    return status;
}
