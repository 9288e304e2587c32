#include "disk/owner.h"
#include "disk/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
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
    if (file->st_uid != us)
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "%s%s%s belongs to another user (uid %lu): delete it, or set LOCACHE_DIR to "
                       "a directory of yours",
                       where, slash(where), name, (unsigned long)file->st_uid);
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

locache_status lc_trust_open_dir(int *out, int at, const char *name, const char *where,
                                 locache_error *error)
{
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

bool lc_trust_meta(int dir, uid_t us)
{
    struct stat found;
    return lc_fstatat(dir, LC_META, &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == us &&
           !(found.st_mode & (S_IWGRP | S_IWOTH));
}

locache_status lc_trust_file(const struct stat *file, uid_t us, const char *where, const char *name,
                             locache_error *error)
{
    if (!S_ISREG(file->st_mode))
        return lc_fail(error, LOCACHE_EUNTRUSTED, "%s%s%s is not a regular file: delete it", where,
                       slash(where), name);
    return check_owner(file, us, where, name, error);
}

/* The directory `up` levels above path, in words. */
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

typedef struct climb {
    const char *path;         /* of the directory where it starts */
    bool itself;              /* look at that one too */
    const struct stat *cache; /* where the key must not be, or NULL */
    locache_error *error;
} climb;

/* Call visit with each directory from `dir` up to the root, until it finds fault with one. */
static locache_status walk_up(int dir, const climb *how,
                              locache_status (*visit)(const climb *how, const struct stat *here,
                                                      int depth))
{
    char up[3 * DEPTH_MAX + 3] = ".";
    size_t length = 0;
    struct stat below = {.st_ino = 0};
    struct stat here;
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        if (lc_fstatat(dir, up, &here) != 0)
            return lc_fail_os(how->error, errno, "cannot examine the directories above %s",
                              how->path);
        if (depth > 0 && here.st_dev == below.st_dev && here.st_ino == below.st_ino)
            return LOCACHE_OK;
        locache_status status = visit(how, &here, depth);
        if (status != LOCACHE_OK)
            return status;
        below = here;
        memcpy(up + length, length == 0 ? ".." : "/..", length == 0 ? 3 : 4);
        length += length == 0 ? 2 : 3;
    }
    return lc_fail(how->error, LOCACHE_EUNTRUSTED, "%s lies too deep", how->path);
}

static locache_status check_above(const climb *how, const struct stat *here, int depth)
{
    bool counts = depth > 0 || how->itself;
    if (counts && !(here->st_mode & S_ISVTX) && others_can_write(here))
        return refuse_above(how->path, depth, how->error);
    return LOCACHE_OK;
}

locache_status lc_trust_above(int dir, const char *path, bool itself, locache_error *error)
{
    return walk_up(dir, &(climb){.path = path, .itself = itself, .error = error}, check_above);
}

/* ----------------------------------------------------------------------------------- user's key */

locache_status lc_user_directory(char *out, size_t size, const char *variable,
                                 const char *otherwise, locache_error *error)
{
    char room[RECORD_MAX];
    struct passwd user;
    struct passwd *found = NULL;
    const char *value = getenv(variable);
    const char *rest = "";
    /* The XDG specification: what is relative there is to be ignored. */
    if (value == NULL || value[0] != '/') {
        value = getenv("HOME");
        rest = otherwise;
    }
    if (value == NULL || value[0] != '/') {
        if (getpwuid_r(geteuid(), &user, room, sizeof room, &found) != 0 || found == NULL ||
            found->pw_dir[0] != '/')
            return lc_fail(error, LOCACHE_EIO, "there is no home directory: set HOME or %s",
                           variable);
        value = found->pw_dir;
    }
    int needed = snprintf(out, size, "%s%s", value, rest);
    if (needed < 0 || (size_t)needed >= size)
        return lc_fail(error, LOCACHE_ELIMIT, "the path in %s is too long",
                       rest[0] ? "HOME" : variable);
    return LOCACHE_OK;
}

static locache_status check_outside(const climb *how, const struct stat *here, int depth)
{
    (void)depth;
    if (here->st_dev == how->cache->st_dev && here->st_ino == how->cache->st_ino)
        return lc_fail(how->error, LOCACHE_EUNTRUSTED,
                       "the key file %s/key lies inside the cache directory: set "
                       "XDG_STATE_HOME to a directory outside",
                       how->path);
    return LOCACHE_OK;
}

/* Whoever gives the cache away would give the key away with it. */
static locache_status check_place(int dir, const char *path, const char *cache,
                                  locache_error *error)
{
    struct stat inside;
    if (lc_fstatat(AT_FDCWD, cache, &inside) != 0)
        return errno == ENOENT ? LOCACHE_OK : lc_fail_os(error, errno, "cannot examine %s", cache);
    return walk_up(dir, &(climb){.path = path, .cache = &inside, .error = error}, check_outside);
}

static locache_status check_key(const struct stat *file, const char *path, locache_error *error)
{
    if (!S_ISREG(file->st_mode) || file->st_size != LC_MAC_KEY_SIZE)
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "the key file %s/key is not a file of %d bytes: delete it", path,
                       LC_MAC_KEY_SIZE);
    if (file->st_uid != geteuid())
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "the key file %s/key belongs to another user (uid %lu): delete it, or set "
                       "XDG_STATE_HOME to a directory of yours",
                       path, (unsigned long)file->st_uid);
    if (file->st_mode & (S_IRWXG | S_IRWXO))
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "the key file %s/key is open to other users, who may have read it: delete "
                       "it, or if nobody did, chmod 600 '%s/key'",
                       path, path);
    return LOCACHE_OK;
}

/* OK, MISS where there is none, or what is wrong with it. */
static locache_status read_key(unsigned char out[LC_MAC_KEY_SIZE], int dir, const char *path,
                               locache_error *error)
{
    int fd = lc_openat(dir, "key", O_RDONLY, 0);
    if (fd < 0 && errno == ENOENT)
        return LOCACHE_MISS;
    if (fd < 0 && (errno == ELOOP || errno == ENXIO))
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "the key file %s/key is not a regular file: delete it", path);
    if (fd < 0)
        return lc_fail_os(error, errno, "cannot open the key file %s/key", path);
    struct stat found;
    locache_status status;
    if (lc_fstat(fd, &found) != 0)
        status = lc_fail_os(error, errno, "cannot examine the key file %s/key", path);
    else
        status = check_key(&found, path, error);
    if (status == LOCACHE_OK) {
        ssize_t got = lc_read_full(fd, out, LC_MAC_KEY_SIZE);
        if (got < 0)
            status = lc_fail_os(error, errno, "cannot read the key file %s/key", path);
        else if (got != LC_MAC_KEY_SIZE)
            status = lc_fail(error, LOCACHE_EUNTRUSTED, "the key file %s/key is cut off: delete it",
                             path);
    }
    lc_close(fd);
    return status;
}

/* Of several makers one wins, and all read that one's key. */
static locache_status make_key(int dir, const char *path, locache_error *error)
{
    unsigned char key[LC_MAC_KEY_SIZE];
    lc_temporary temporary;
    lc_temporary_sweep(dir);
    lc_random(key, sizeof key);
    if (lc_temporary_create(&temporary, dir) != 0)
        return lc_fail_os(error, errno, "cannot make the key file %s/key", path);
    /* Flushed: a key that a power cut takes away takes all pickled results with it. */
    if (lc_temporary_write(&temporary, &(lc_span){key, sizeof key}, 1) != 0 ||
        lc_temporary_flush(&temporary) != 0)
        return lc_fail_os(error, errno, "cannot write the key file %s/key", path);
    if (lc_temporary_link(&temporary, dir, "key") != 0 && errno != EEXIST)
        return lc_fail_os(error, errno, "cannot make the key file %s/key", path);
    return LOCACHE_OK;
}

locache_status lc_trust_key(unsigned char out[LC_MAC_KEY_SIZE], bool make, const char *cache,
                            locache_error *error)
{
    char path[LOCACHE_PATH_MAX];
    int dir = -1;
    locache_status status = lc_user_directory(path, sizeof path - sizeof "/locache",
                                              "XDG_STATE_HOME", "/.local/state", error);
    if (status != LOCACHE_OK)
        return status;
    memcpy(path + strlen(path), "/locache", sizeof "/locache");
    if (make && lc_make_path(path) != 0)
        return lc_fail_os(
            error, errno,
            "cannot make the directory %s for the key that pickled results are signed with", path);
    status = lc_trust_open_dir(&dir, AT_FDCWD, path, "", error);
    if (status == LOCACHE_OK)
        status = check_place(dir, path, cache, error);
    if (status == LOCACHE_OK)
        status = read_key(out, dir, path, error);
    if (status == LOCACHE_MISS && make && (status = make_key(dir, path, error)) == LOCACHE_OK)
        status = read_key(out, dir, path, error);
    if (status == LOCACHE_MISS)
        status = lc_fail(error, LOCACHE_EUNTRUSTED,
                         "there is no key file %s/key to verify pickled results with", path);
    if (dir >= 0)
        lc_close(dir);
    return status;
}
