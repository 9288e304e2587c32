/* Who owns a file or directory, and who else may write to it or exchange it.
 *
 * Whoever can write to a cache can make up results. So a directory is used only where nobody but
 * its user can write to it, and where nobody can put another in its place, which who may write to a
 * directory above can do. What is checked is what was opened: a check of a name and a use of that
 * name later may be of two files, while a descriptor stays what it is. A name is only used again
 * within a directory that was found to be closed to others. Root may do anything and is not guarded
 * against. */
#include "disk/owner.h"
#include "disk/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

/* "../" this often is what one path can hold; nobody has directories so deep. */
#define DEPTH_MAX (LOCACHE_PATH_MAX / 3 - 1)
/* Records of /etc/passwd and /etc/group: a group that needs more has members, and is not
 * private. */
#define RECORD_MAX 4096

/* ---------------------------------------------------------------------------------- permissions */

/* Is it the group that many systems give each user for himself? */
static bool group_is_private(gid_t gid)
{
    char user_room[RECORD_MAX];
    char group_room[RECORD_MAX];
    struct passwd user;
    struct passwd *user_found = NULL;
    struct group group;
    struct group *group_found = NULL;
    if (gid != getegid() ||
        getpwuid_r(geteuid(), &user, user_room, sizeof user_room, &user_found) != 0 ||
        user_found == NULL || user.pw_gid != gid)
        return false;
    if (getgrgid_r(gid, &group, group_room, sizeof group_room, &group_found) != 0 ||
        group_found == NULL)
        return false;
    for (char **member = group.gr_mem; *member != NULL; member++)
        if (strcmp(*member, user.pw_name) != 0)
            return false;
    return true;
}

/* By mode bits. An ACL that grants more shows in them as the group's mask. */
static bool others_can_write(const struct stat *file)
{
    if (file->st_mode & S_IWOTH)
        return true;
    return (file->st_mode & S_IWGRP) && !group_is_private(file->st_gid);
}

static const char *slash(const char *where)
{
    return where[0] == '\0' ? "" : "/";
}

/* Ours, and closed to others? */
static locache_status check_owner(const struct stat *file, uid_t us, const char *where,
                                  const char *name, locache_error *error)
{
    if (file->st_uid != us) {
        char room[RECORD_MAX];
        struct passwd user;
        struct passwd *found = NULL;
        bool known = getpwuid_r(file->st_uid, &user, room, sizeof room, &found) == 0 && found;
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "%s%s%s belongs to another user, %s%suid %lu%s: delete it, or set "
                       "LOCACHE_DIR to a directory of yours",
                       where, slash(where), name, known ? user.pw_name : "", known ? " (" : "",
                       (unsigned long)file->st_uid, known ? ")" : "");
    }
    if (others_can_write(file))
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "%s%s%s can be written to by other users: chmod go-w '%s%s%s'", where,
                       slash(where), name, where, slash(where), name);
    return LOCACHE_OK;
}

/* Why could a directory not be opened? */
static locache_status refuse_dir(int at, const char *name, const char *where, int code,
                                 locache_error *error)
{
    struct stat found;
    if (code == ENOENT)
        return LOCACHE_MISS;
    /* For the message only: what is there now may be another thing than what was refused. */
    if ((code == ELOOP || code == ENOTDIR) && lc_fstatat(at, name, &found) == 0) {
        if (S_ISLNK(found.st_mode))
            return lc_fail(error, LOCACHE_EUNTRUSTED,
                           "%s%s%s is a symbolic link, which is not followed: delete it, or set "
                           "LOCACHE_DIR to where it leads",
                           where, slash(where), name);
        if (!S_ISDIR(found.st_mode))
            return lc_fail(error, LOCACHE_EUNTRUSTED,
                           "%s%s%s is not a directory: delete or rename it", where, slash(where),
                           name);
    }
    return lc_fail_os(error, code, "cannot open the directory %s%s%s", where, slash(where), name);
}

locache_status lc_owner_open_dir(int *out, int at, const char *name, const char *where,
                                 locache_error *error)
{
    /* Opened first, then checked: the descriptor cannot be exchanged any more. */
    int fd = lc_openat(at, name, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return refuse_dir(at, name, where, errno, error);
    struct stat found;
    locache_status status;
    if (lc_fstat(fd, &found) != 0)
        status = lc_fail_os(error, errno, "cannot examine the directory %s%s%s", where,
                            slash(where), name);
    else
        status = check_owner(&found, geteuid(), where, name, error);
    if (status != LOCACHE_OK) {
        lc_close(fd);
        return status;
    }
    *out = fd;
    return LOCACHE_OK;
}

bool lc_owner_meta(int dir, uid_t us)
{
    struct stat found;
    /* Stricter than others_can_write(), and without its look into /etc/group: locache makes it
     * 0700, and this is asked at every write. */
    return lc_fstatat(dir, LC_META, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == us &&
           !(found.st_mode & (S_IWGRP | S_IWOTH));
}

locache_status lc_owner_file(const struct stat *file, uid_t us, const char *where, const char *name,
                             locache_error *error)
{
    if (!S_ISREG(file->st_mode))
        return lc_fail(error, LOCACHE_EUNTRUSTED, "%s%s%s is not a regular file: delete it", where,
                       slash(where), name);
    return check_owner(file, us, where, name, error);
}

/* The directory `up` levels above path, in words. For the message only, by names: without links in
 * them, a level up is what is before the last slash. */
static locache_status refuse_above(const char *path, int up, locache_error *error)
{
    char real[LOCACHE_PATH_MAX];
    if (lc_realpath(real, sizeof real, path) != 0)
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "a directory above %s can be written to by other users: chmod go-w it, or "
                       "set LOCACHE_DIR to a directory that is yours alone",
                       path);
    for (; up > 0 && strchr(real + 1, '/') != NULL; up--)
        *strrchr(real, '/') = '\0';
    if (up > 0)
        memcpy(real, "/", 2);
    return lc_fail(
        error, LOCACHE_EUNTRUSTED,
        "%s can be written to by other users, who could exchange %s: chmod go-w '%s', or "
        "set LOCACHE_DIR to a directory that is yours alone",
        real, path, real);
}

/* By "..", from the open directory: these are the directories that it is in, whereas those of its
 * path may be others by now. */
locache_status lc_owner_climb(int dir, const lc_climb *how)
{
    char up[3 * DEPTH_MAX + 3] = ".";
    size_t length = 0;
    struct stat below = {.st_ino = 0};
    struct stat here;
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        if (lc_fstatat(dir, up, &here) != 0)
            return lc_fail_os(how->error, errno, "cannot examine the directories above %s",
                              how->path);
        /* Only the root is its own parent. */
        if (depth > 0 && here.st_dev == below.st_dev && here.st_ino == below.st_ino)
            return LOCACHE_OK;
        locache_status status = how->visit(how, &here, depth);
        if (status != LOCACHE_OK)
            return status;
        below = here;
        memcpy(up + length, length == 0 ? ".." : "/..", length == 0 ? 3 : 4);
        length += length == 0 ? 2 : 3;
    }
    return lc_fail(how->error, LOCACHE_EUNTRUSTED, "%s lies too deep", how->path);
}

static locache_status check_above(const lc_climb *how, const struct stat *here, int depth)
{
    bool counts = depth > 0 || *(const bool *)how->context;
    /* In a sticky one, open to all, only the owner of a name may rename or remove it. */
    if (counts && !(here->st_mode & S_ISVTX) && others_can_write(here))
        return refuse_above(how->path, depth, how->error);
    return LOCACHE_OK;
}

locache_status lc_owner_above(int dir, const char *path, bool itself, locache_error *error)
{
    const lc_climb up = {.path = path, .visit = check_above, .context = &itself, .error = error};
    return lc_owner_climb(dir, &up);
}
