/* Who owns a file or directory, and who else may write to it or exchange it.
 *
 * Whoever can write to a cache can make up results. So a directory is used only where nobody but
 * its user can write to it, and where nobody can put another in its place, which who may write to a
 * directory above can do. What is checked is what was opened: a check of a name and a use of that
 * name later may be of two files, while a descriptor stays what it is. A name is only used again
 * within a directory that was found to be closed to others. Root may do anything and is not guarded
 * against. */
#include "disk/owner.h"
#include "disk/share.h"
#include "disk/temporary.h"
#include "disk/writers.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "../" this often is what one path can hold; nobody has directories so deep. */
#define DEPTH_MAX (LOCACHE_PATH_MAX / 3 - 1)
/* A record of /etc/passwd: far longer ones are not in use. */
#define RECORD_MAX 4096
/* As many as Linux follows in one path. */
#define LINKS_MAX 40

static const char *slash(const char *where)
{
    return where[0] == '\0' ? "" : "/";
}

/* "name (uid 1)", or "uid 1" where nobody is known by it. */
typedef struct owner_text {
    char text[RECORD_MAX];
} owner_text;

static const char *name_owner(owner_text *out, uid_t uid)
{
    char room[RECORD_MAX];
    struct passwd user;
    struct passwd *found = NULL;
    bool known = getpwuid_r(uid, &user, room, sizeof room, &found) == 0 && found;
    snprintf(out->text, sizeof out->text, "%s%suid %lu%s", known ? user.pw_name : "",
             known ? " (" : "", (unsigned long)uid, known ? ")" : "");
    return out->text;
}

/* Anyone's, but not everyone's? A sticky directory is no better: who may make names in it makes up
 * results. */
static locache_status check_anyones(const struct stat *file, const lc_owner_place *place,
                                    locache_error *error)
{
    const char *where = place->where;
    if (file->st_mode & S_IWOTH)
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "%s%s%s can be written to by every user, and no result is taken from it: "
                       "its owner may chmod o-w '%s%s%s'",
                       where, slash(where), place->name, where, slash(where), place->name);
    return LOCACHE_OK;
}

/* What is only told is told by functions of their own: their texts' room would be touched on the
 * way of each opening else, and a page that is touched first costs more than a system call. */
__attribute__((noinline)) static locache_status refuse_owner(uid_t uid, const lc_owner_place *place,
                                                             locache_error *error)
{
    owner_text owner;
    const char *where = place->where;
    return lc_fail(error, LOCACHE_EUNTRUSTED,
                   "%s%s%s belongs to another user, %s: delete it, or set %s to a directory "
                   "of yours",
                   where, slash(where), place->name, name_owner(&owner, uid), place->variable);
}

/* Where a group is to share it, why it does not. */
__attribute__((noinline)) static locache_status
refuse_group(const struct stat *file, const lc_owner_place *place, locache_error *error)
{
    char room[RECORD_MAX];
    struct group group;
    struct group *found = NULL;
    const char *where = place->where;
    const char *name = place->name;
    unsigned long id = (unsigned long)file->st_gid;
    bool known = getgrgid_r(file->st_gid, &group, room, sizeof room, &found) == 0 && found != NULL;
    const char *called = known ? group.gr_name : "?";
    if (!lc_share_is_shared(file))
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "%s%s%s is to be shared by a group, %s (gid %lu), and is not: its owner may "
                       "chgrp it, and chmod 2770 '%s%s%s'",
                       where, slash(where), name, called, id, where, slash(where), name);
    if (!lc_share_is_member(file->st_gid))
        return lc_fail(error, LOCACHE_EUNTRUSTED,
                       "%s%s%s is shared by the group %s (gid %lu), of which this process is no "
                       "member: join it, or set %s to a directory of yours",
                       where, slash(where), name, called, id, place->variable);
    return lc_fail(error, LOCACHE_EUNTRUSTED,
                   "%s%s%s can be written to by others than its group %s (gid %lu): chmod o-w "
                   "'%s%s%s', and setfacl -b it",
                   where, slash(where), name, called, id, where, slash(where), name);
}

/* Is what is not ours alone a group's that the user trusts? In an open directory that tells it; the
 * first of all, which is named by a path, he has to have said so. */
static bool is_groups(int fd, const struct stat *file, const lc_owner_in *in,
                      const lc_owner_place *place)
{
    if (in->dir != AT_FDCWD)
        return lc_share_trusts(in->dir, fd, file);
    return place->mode & S_IWGRP && lc_share_is_shared(file) && lc_share_is_member(file->st_gid) &&
           !lc_writers_beside(fd, file, file->st_gid);
}

/* Ours, and closed to others? */
static locache_status check_owner(int fd, const struct stat *file, const lc_owner_in *in,
                                  const lc_owner_place *place, locache_error *error)
{
    const char *where = place->where;
    uid_t us = in->us;
    if (us == LC_OWNER_ANYONE)
        return check_anyones(file, place, error);
    bool ours = file->st_uid == us;
    if ((!ours || file->st_mode & (S_IWGRP | S_IWOTH)) && is_groups(fd, file, in, place))
        return LOCACHE_OK;
    if (ours && (!(file->st_mode & (S_IWGRP | S_IWOTH)) || !lc_writers_others(fd, file)))
        return LOCACHE_OK;
    if (place->mode & S_IWGRP)
        return refuse_group(file, place, error);
    if (!ours)
        return refuse_owner(file->st_uid, place, error);
    /* chmod takes the right from an access control list's mask, too. */
    return lc_fail(error, LOCACHE_EUNTRUSTED,
                   "%s%s%s can be written to by other users: chmod go-w '%s%s%s'", where,
                   slash(where), place->name, where, slash(where), place->name);
}

/* Why could a directory not be opened? */
static locache_status refuse_dir(int at, const lc_owner_place *place, int code,
                                 locache_error *error)
{
    struct stat found;
    const char *where = place->where;
    const char *name = place->name;
    if (code == ENOENT)
        return LOCACHE_MISS;
    /* For the message only: what is there now may be another thing than what was refused. */
    if ((code == ELOOP || code == ENOTDIR) && lc_fstatat(at, name, &found) == 0) {
        if (S_ISLNK(found.st_mode))
            return lc_fail(error, LOCACHE_EUNTRUSTED,
                           "%s%s%s is a symbolic link, which is not followed: delete it, or set "
                           "%s to where it leads",
                           where, slash(where), name, place->variable);
        if (!S_ISDIR(found.st_mode))
            return lc_fail(error, LOCACHE_EUNTRUSTED,
                           "%s%s%s is not a directory: delete or rename it", where, slash(where),
                           name);
    }
    return lc_fail_os(error, code, "cannot open the directory %s%s%s", where, slash(where), name);
}

static locache_status open_owned(int *out, const lc_owner_in *in, const lc_owner_place *place,
                                 locache_error *error)
{
    int at = in->dir;
    /* Opened first, then checked: the descriptor cannot be exchanged any more. */
    int fd = lc_openat(at, place->name, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return refuse_dir(at, place, errno, error);
    struct stat found;
    locache_status status;
    if (lc_fstat(fd, &found) != 0)
        status = lc_fail_os(error, errno, "cannot examine the directory %s%s%s", place->where,
                            slash(place->where), place->name);
    else
        status = check_owner(fd, &found, in, place, error);
    if (status != LOCACHE_OK) {
        lc_close(fd);
        return status;
    }
    *out = fd;
    return LOCACHE_OK;
}

locache_status lc_owner_open(int *out, int at, const lc_owner_place *place, locache_error *error)
{
    return open_owned(out, &(lc_owner_in){at, geteuid()}, place, error);
}

locache_status lc_owner_open_anyones(int *out, int at, const char *name, const char *where,
                                     locache_error *error)
{
    const lc_owner_place place = {.where = where, .name = name, .variable = "LOCACHE_BASE"};
    return open_owned(out, &(lc_owner_in){at, LC_OWNER_ANYONE}, &place, error);
}

locache_status lc_owner_open_dir(int *out, int at, const char *name, const char *where,
                                 locache_error *error)
{
    const lc_owner_place place = {.where = where, .name = name, .variable = "LOCACHE_DIR"};
    return lc_owner_open(out, at, &place, error);
}

bool lc_owner_meta(int dir, uid_t us)
{
    struct stat found;
    /* Stricter than lc_writers_others(), and without its look into /etc/group: locache makes it
     * 0700, and this is asked at every write. */
    if (lc_fstatat(dir, LC_META, &found) != 0 || !S_ISDIR(found.st_mode))
        return false;
    if (found.st_uid == us && !(found.st_mode & (S_IWGRP | S_IWOTH)))
        return true;
    int meta = lc_openat(dir, LC_META, O_RDONLY | O_DIRECTORY, 0);
    bool groups = meta >= 0 && lc_fstat(meta, &found) == 0 && lc_share_trusts(dir, meta, &found);
    if (meta >= 0)
        lc_close(meta);
    return groups;
}

locache_status lc_owner_file(int fd, const struct stat *file, const lc_owner_in *in,
                             const char *where, const char *name, locache_error *error)
{
    const lc_owner_place place = {.where = where, .name = name, .variable = "LOCACHE_DIR"};
    if (!S_ISREG(file->st_mode))
        return lc_fail(error, LOCACHE_EUNTRUSTED, "%s%s%s is not a regular file: delete it", where,
                       slash(where), name);
    return check_owner(fd, file, in, &place, error);
}

/* ------------------------------------------------------------------------------------- above it */

/* The directory `up` levels above path, in words. For the message only, by names: without links in
 * them, a level up is what is before the last slash. False: it has no such name any more. */
static bool name_above(char out[LOCACHE_PATH_MAX], const char *path, int up)
{
    if (lc_realpath(out, LOCACHE_PATH_MAX, path) != 0)
        return false;
    for (; up > 0 && strchr(out + 1, '/') != NULL; up--)
        *strrchr(out, '/') = '\0';
    if (up > 0)
        memcpy(out, "/", 2);
    return true;
}

__attribute__((noinline)) static locache_status refuse_writable(const lc_climb *how, int up)
{
    char real[LOCACHE_PATH_MAX];
    if (!name_above(real, how->path, up))
        return lc_fail(how->error, LOCACHE_EUNTRUSTED,
                       "a directory above %s can be written to by other users: chmod go-w it, or "
                       "set %s to a directory that is yours alone",
                       how->path, how->variable);
    return lc_fail(how->error, LOCACHE_EUNTRUSTED,
                   "%s can be written to by other users, who could exchange %s: chmod go-w '%s', "
                   "or set %s to a directory that is yours alone",
                   real, how->path, real, how->variable);
}

__attribute__((noinline)) static locache_status refuse_foreign(const lc_climb *how, int up,
                                                               uid_t uid)
{
    char real[LOCACHE_PATH_MAX];
    owner_text owner;
    bool named = name_above(real, how->path, up);
    return lc_fail(how->error, LOCACHE_EUNTRUSTED,
                   "%s%s belongs to another user, %s, who could exchange what is in it: set %s to "
                   "a directory that is yours alone",
                   named ? "" : "a directory above ", named ? real : how->path,
                   name_owner(&owner, uid), how->variable);
}

/* By "..", from the open directory: these are the directories that it is in, whereas those of its
 * path may be others by now. */
locache_status lc_owner_climb(int dir, const lc_climb *how)
{
    char up[3 * DEPTH_MAX + 3];
    size_t length = 0;
    struct stat below = {.st_ino = 0};
    struct stat here;
    memcpy(up, ".", 2); /* and not all of it */
    for (int depth = 0; depth < DEPTH_MAX; depth++) {
        if ((depth == 0 ? lc_fstat(dir, &here) : lc_fstatat(dir, up, &here)) != 0)
            return lc_fail_os(how->error, errno, "cannot examine the directories above %s",
                              how->path);
        /* Only the root is its own parent. */
        if (depth > 0 && here.st_dev == below.st_dev && here.st_ino == below.st_ino)
            return LOCACHE_OK;
        const lc_step step = {.dir = dir, .up = up, .here = &here, .depth = depth};
        locache_status status = how->visit(how, &step);
        if (status != LOCACHE_OK)
            return status;
        below = here;
        memcpy(up + length, length == 0 ? ".." : "/..", length == 0 ? 3 : 4);
        length += length == 0 ? 2 : 3;
    }
    return lc_fail(how->error, LOCACHE_EUNTRUSTED, "%s lies too deep", how->path);
}

/* Whose may be what is above. */
typedef struct whose_above {
    bool itself; /* and the first directory, too */
    bool shared; /* the members' of that group */
    gid_t group;
} whose_above;

/* Root may do anything in any case; whoever else owns a directory may rename what is in it, sticky
 * or not. */
static bool is_foreign(uid_t uid)
{
    return uid != 0 && uid != geteuid();
}

/* Whether others may write to a directory above, which is opened only where its bits ask for a
 * closer look. */
static bool others_can_write(const lc_step *step, const whose_above *whose)
{
    if (!(step->here->st_mode & (S_IWGRP | S_IWOTH)))
        return false;
    int fd = lc_openat(step->dir, step->up, O_RDONLY | O_DIRECTORY, 0);
    bool open = lc_writers_beside(fd, step->here, whose->shared ? whose->group : (gid_t)-1);
    if (fd >= 0)
        lc_close(fd);
    return open;
}

static locache_status check_above(const lc_climb *how, const lc_step *step)
{
    const whose_above *whose = how->context;
    bool members =
        whose->shared && step->here->st_gid == whose->group && step->here->st_mode & S_IWGRP;
    if (step->depth == 0 && !whose->itself)
        return LOCACHE_OK;
    if (is_foreign(step->here->st_uid) && !members)
        return refuse_foreign(how, step->depth, step->here->st_uid);
    /* In a sticky one, open to all, only the owner of a name may rename or remove it, and the
     * directory's own, who is no foreigner. */
    if (!(step->here->st_mode & S_ISVTX) && others_can_write(step, whose))
        return refuse_writable(how, step->depth);
    return LOCACHE_OK;
}

/* A link on the way, of `size` bytes of path: who could make it lead elsewhere leads us to another
 * cache, be that ours too. */
__attribute__((noinline)) static locache_status check_link(const lc_climb *how, const char *path,
                                                           size_t size, const struct stat *link)
{
    char above[LOCACHE_PATH_MAX];
    owner_text owner;
    whose_above whose = *(const whose_above *)how->context;
    if (is_foreign(link->st_uid) && !(whose.shared && link->st_gid == whose.group))
        return lc_fail(how->error, LOCACHE_EUNTRUSTED,
                       "%.*s is a symbolic link of another user, %s: set %s to a directory that "
                       "is yours alone",
                       (int)size, path, name_owner(&owner, link->st_uid), how->variable);
    while (size > 0 && path[size - 1] != '/')
        size--;
    memcpy(above, path, size);
    memcpy(above + size, ".", 2);
    int dir = lc_openat(AT_FDCWD, above, O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return lc_fail_os(how->error, errno, "cannot open the directory %s", above);
    above[size > 1 ? size - 1 : 1] = '\0';
    whose.itself = true;
    const lc_climb up = {.path = above,
                         .variable = how->variable,
                         .visit = check_above,
                         .context = &whose,
                         .error = how->error};
    locache_status status = lc_owner_climb(dir, &up);
    lc_close(dir);
    return status;
}

/* Put what the link of path[0..size) holds in its place. False: it is gone, or too long. */
__attribute__((noinline)) static bool follow(char path[LOCACHE_PATH_MAX], size_t *done, size_t size)
{
    char link[LOCACHE_PATH_MAX];
    char target[LOCACHE_PATH_MAX];
    memcpy(link, path, size);
    link[size] = '\0';
    if (lc_readlink(link, target, sizeof target) < 0)
        return false;
    size_t kept = target[0] == '/' ? 0 : *done;
    size_t length = strlen(target);
    size_t rest = strlen(path + size);
    if (kept + 1 + length + rest >= LOCACHE_PATH_MAX)
        return false;
    memmove(path + kept + 1 + length, path + size, rest + 1);
    path[kept] = '/';
    memcpy(path + kept + 1, target, length);
    *done = kept;
    return true;
}

/* The links that a path goes through; its last part is none, or was not followed. A part that is
 * not there any more ends the walk: what was opened is checked by itself. */
static locache_status check_way(const lc_climb *how)
{
    char path[LOCACHE_PATH_MAX];
    struct stat found;
    size_t done = 0; /* of path: no links in there */
    int links = 0;
    if (how->path[0] != '/' || strlen(how->path) >= sizeof path)
        return LOCACHE_OK;
    memcpy(path, how->path, strlen(how->path) + 1);
    for (;;) {
        size_t size = done;
        while (path[size] == '/')
            size++;
        while (path[size] != '/' && path[size] != '\0')
            size++;
        if (path[size] == '\0')
            return LOCACHE_OK;
        path[size] = '\0';
        bool there = lc_fstatat(AT_FDCWD, path, &found) == 0;
        path[size] = '/';
        if (!there)
            return LOCACHE_OK;
        if (!S_ISLNK(found.st_mode)) {
            done = size;
            continue;
        }
        locache_status status = check_link(how, path, size, &found);
        if (status != LOCACHE_OK)
            return status;
        if (++links > LINKS_MAX || !follow(path, &done, size))
            return LOCACHE_OK;
    }
}

locache_status lc_owner_above(int dir, const char *path, bool itself, const char *variable,
                              locache_error *error)
{
    const whose_above whose = {.itself = itself};
    const lc_climb up = {.path = path,
                         .variable = variable,
                         .visit = check_above,
                         .context = &whose,
                         .error = error};
    locache_status status = lc_owner_climb(dir, &up);
    return status == LOCACHE_OK ? check_way(&up) : status;
}

locache_status lc_owner_above_shared(int dir, const char *path, bool itself, gid_t group,
                                     locache_error *error)
{
    const whose_above whose = {.itself = itself, .shared = true, .group = group};
    const lc_climb up = {.path = path,
                         .variable = "LOCACHE_DIR",
                         .visit = check_above,
                         .context = &whose,
                         .error = error};
    locache_status status = lc_owner_climb(dir, &up);
    return status == LOCACHE_OK ? check_way(&up) : status;
}

locache_status lc_owner_open_root(int *out, const char *path, mode_t mode, locache_error *error)
{
    struct stat found;
    const lc_owner_place place = {
        .where = "", .name = path, .variable = "LOCACHE_DIR", .mode = mode};
    locache_status status = lc_owner_open(out, AT_FDCWD, &place, error);
    if (status != LOCACHE_OK)
        return status;
    bool shared = mode & S_IWGRP && lc_fstat(*out, &found) == 0 && lc_share_is_shared(&found) &&
                  lc_share_is_member(found.st_gid);
    status = shared ? lc_owner_above_shared(*out, path, false, found.st_gid, error)
                    : lc_owner_above(*out, path, false, "LOCACHE_DIR", error);
    if (status != LOCACHE_OK)
        lc_close(*out);
    return status;
}

locache_status lc_owner_open_told(int *out, const char *path, locache_error *error)
{
    uint32_t mode;
    locache_status status = lc_share_told(&mode, error);
    return status == LOCACHE_OK ? lc_owner_open_root(out, path, mode, error) : status;
}
