/* What is made where a group shares a cache, and what is trusted there.
 *
 * Trust begins at the cache directory, and with a user who says so (owner.c: lc_owner_open_root());
 * without that a directory that a group can write to is refused, and nothing in it is ever looked
 * at. So what is below may be told by what it is in: in a directory that is set-group-ID and
 * writable by its group, files of that group are its members', since nobody else can make or put
 * one there. That needs no list of the group's members, which the system may not be able to give.
 *
 * Rights are set by fchmod(), which no umask takes from. The set-group-ID bit gives what is made in
 * a directory its group, and new directories the bit. */
#include "disk/share.h"
#include "base/alloc.h"
#include "base/system.h"
#include "disk/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool lc_share_is_mode(uint32_t mode)
{
    /* Members must be able to remove what is another's, which a sticky directory prevents. */
    bool known = !(mode & ~(uint32_t)(S_ISGID | 0777)) && !(mode & S_IWOTH);
    bool owned = (mode & S_IRWXU) == S_IRWXU;
    /* New files belong to the group by that bit alone. */
    bool shared = !(mode & S_IWGRP) || (mode & S_ISGID && (mode & S_IRWXG) == S_IRWXG);
    return mode == 0 || (known && owned && shared);
}

locache_status lc_share_told(uint32_t *out, locache_error *error)
{
    const char *told = lc_environment("LOCACHE_MODE");
    *out = 0;
    if (told == NULL || told[0] == '\0')
        return LOCACHE_OK;
    if (strcmp(told, "group") == 0) {
        *out = LC_SHARE_GROUP;
        return LOCACHE_OK;
    }
    char *end;
    unsigned long mode = strtoul(told, &end, 8);
    if (told[0] < '0' || told[0] > '7' || *end != '\0' || mode > 07777 ||
        !lc_share_is_mode((uint32_t)mode))
        return lc_fail(error, LOCACHE_EINVAL,
                       "LOCACHE_MODE=%s is neither \"group\" nor a mode for directories as 2770, "
                       "2750 or 0755",
                       told);
    *out = (uint32_t)mode;
    return LOCACHE_OK;
}

bool lc_share_is_member(gid_t group)
{
    if (group == getegid())
        return true;
    int count = getgroups(0, NULL);
    gid_t *groups = count > 0 ? lc_alloc((size_t)count * sizeof *groups) : NULL;
    bool found = false;
    if (groups == NULL)
        return false;
    count = getgroups(count, groups);
    for (int i = 0; i < count && !found; i++)
        found = groups[i] == group;
    lc_free(groups);
    return found;
}

bool lc_share_is_shared(const struct stat *dir)
{
    return S_ISDIR(dir->st_mode) && dir->st_mode & S_ISGID && dir->st_mode & S_IWGRP;
}

bool lc_share_trusts(int dir, int fd, const struct stat *file)
{
    struct stat in;
    return dir >= 0 && lc_fstat(dir, &in) == 0 && lc_share_is_shared(&in) &&
           file->st_gid == in.st_gid && !lc_writers_beside(fd, file, in.st_gid);
}

int lc_share_file(int fd, mode_t mode)
{
    return mode != 0 ? lc_fchmod(fd, (mode & 0666) | S_IRUSR | S_IWUSR) : 0;
}

int lc_share_directory(int fd, mode_t mode)
{
    return mode != 0 ? lc_fchmod(fd, mode) : 0;
}

mode_t lc_share_like(int dir)
{
    struct stat found;
    if (lc_fstat(dir, &found) != 0 || !(found.st_mode & (S_IRWXG | S_IRWXO)))
        return 0;
    return found.st_mode & (S_ISGID | S_IRWXU | S_IRWXG | S_IROTH | S_IXOTH);
}

int lc_share_mkdir(int at, const char *name, mode_t mode)
{
    if (mode == 0)
        return lc_mkdirat(at, name, 0700);
    /* As much as the umask leaves of it from the beginning: who comes in between finds it open. */
    if (lc_mkdirat(at, name, mode & 0777) != 0)
        return -1;
    int fd = lc_openat(at, name, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return -1;
    int result = lc_share_directory(fd, mode);
    lc_close(fd);
    return result;
}
