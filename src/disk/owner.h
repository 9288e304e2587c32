/* Which directories and files are ours alone, by their owner and permissions (docs/format.md,
 * "Trust"). Any thread. */
#ifndef LC_OWNER_H
#define LC_OWNER_H

#include "base/error.h"
#include "base/os.h"

/* What is to be opened, in words. Borrowed. */
typedef struct lc_owner_place {
    const char *where; /* the path of the directory that it is in; "" where name is a path */
    const char *name;
    const char *variable; /* of the environment, that would put it elsewhere: the remedy */
    mode_t mode;          /* of a path's last directory: a group may share it, if this says so */
} lc_owner_place;

/* Open a directory in `at` that is ours and that nobody else can write to. OK: *out is
 * the caller's to close. MISS: there is none (error untouched). EUNTRUSTED: a symbolic link, no
 * directory, another user's, or writable by others. EIO, ENOMEM. */
locache_status lc_owner_open(int *out, int at, const lc_owner_place *place, locache_error *error);
/* The same of what LOCACHE_DIR would put elsewhere. */
locache_status lc_owner_open_dir(int *out, int at, const char *name, const char *where,
                                 locache_error *error);

/* Open the cache directory at a path, and ask whether nobody else can exchange it, as
 * lc_owner_above() does. `mode`: where the user said that a group shares it (disk/share.h), one
 * that is the group's, in places that are its own too, does as well. As lc_owner_open(). */
locache_status lc_owner_open_root(int *out, const char *path, mode_t mode, locache_error *error);

/* The same with what LOCACHE_MODE says: for who has no other word of the user's. */
locache_status lc_owner_open_told(int *out, const char *path, locache_error *error);

/* Is .locache/ in the open directory `dir` of `us` a directory of ours too, closed to others?
 * Nobody else can exchange it then, so that its name is as good as a descriptor. */
bool lc_owner_meta(int dir, uid_t us);

/* Whose a file must be that is used in an open directory. */
typedef struct lc_owner_in {
    int dir;  /* the directory, or the one that its .locache/ is in */
    uid_t us; /* or LC_OWNER_ANYONE */
} lc_owner_in;

/* In place of who must own something: anybody may, as long as not all users can write to it. It is
 * of a cache that the user named and that nothing is believed of but what data can do no harm. */
#define LC_OWNER_ANYONE ((uid_t)-1)

/* The same for an open file: OK, or EUNTRUSTED where it is not a regular file, another user's or
 * writable by others. A second name (a hard link, as some backup tools make) is no harm: what is
 * in the file is verified, and it is never written to. */
locache_status lc_owner_file(int fd, const struct stat *file, const lc_owner_in *in,
                             const char *where, const char *name, locache_error *error);
/* As lc_owner_open_dir(), of a directory that may be anyone's. */
locache_status lc_owner_open_anyones(int *out, int at, const char *name, const char *where,
                                     locache_error *error);

/* Can nobody else exchange the open directory `dir` (whose path is `path`) for another? Every
 * directory above it, and `dir` itself where `itself` says so, must be ours or root's, and closed
 * to others or sticky; and so must the directories of symbolic links that the path goes through,
 * and these links. `variable`: as in lc_owner_place. OK, EUNTRUSTED, EIO. */
locache_status lc_owner_above(int dir, const char *path, bool itself, const char *variable,
                              locache_error *error);
/* The same where members of a group may, too: it may be theirs. */
locache_status lc_owner_above_shared(int dir, const char *path, bool itself, gid_t group,
                                     locache_error *error);

/* One directory of a walk. */
typedef struct lc_step {
    int dir;        /* where it began */
    const char *up; /* the way from there */
    const struct stat *here;
    int depth; /* 0: where it began */
} lc_step;

/* A walk from a directory up to the root. */
typedef struct lc_climb {
    const char *path; /* of the directory where it starts */
    const char *variable;
    /* Called with each directory, from below; what it returns but OK ends the walk. */
    locache_status (*visit)(const struct lc_climb *how, const lc_step *step);
    const void *context;
    locache_error *error;
} lc_climb;
/* OK, what visit() returned, EUNTRUSTED: too deep, EIO. */
locache_status lc_owner_climb(int dir, const lc_climb *how);

#endif
