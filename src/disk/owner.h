/* Which directories and files are ours alone, by their owner and permissions (docs/format.md,
 * "Trust"). Any thread. */
#ifndef LC_OWNER_H
#define LC_OWNER_H

#include "base/error.h"
#include "base/os.h"

/* Open a directory in `at` that is ours and that nobody else can write to. `where` is the path of
 * `at`, for messages ("" where name is a whole path). OK: *out is the caller's to close. MISS:
 * there is none (error untouched). EUNTRUSTED: a symbolic link, no directory, another user's, or
 * writable by others. EIO, ENOMEM. */
locache_status lc_owner_open_dir(int *out, int at, const char *name, const char *where,
                                 locache_error *error);

/* Is .locache/ in the open directory `dir` of `us` a directory of ours too, closed to others?
 * Nobody else can exchange it then, so that its name is as good as a descriptor. */
bool lc_owner_meta(int dir, uid_t us);

/* The same for an open file, `us` being who must own it: OK, or EUNTRUSTED where it is not a
 * regular file, another user's or writable by others. A second name (a hard link, as some backup
 * tools make) is no harm: what is in the file is verified, and it is never written to. */
locache_status lc_owner_file(const struct stat *file, uid_t us, const char *where, const char *name,
                             locache_error *error);

/* Can nobody else exchange the open directory `dir` (whose path is `path`) for another? Every
 * directory above it, and `dir` itself where `itself` says so, must be closed to others or sticky.
 * OK, EUNTRUSTED, EIO. */
locache_status lc_owner_above(int dir, const char *path, bool itself, locache_error *error);

/* A walk from a directory up to the root. */
typedef struct lc_climb {
    const char *path; /* of the directory where it starts */
    /* Called with each directory, 0 levels up at first; what it returns but OK ends the walk. */
    locache_status (*visit)(const struct lc_climb *how, const struct stat *here, int depth);
    const void *context;
    locache_error *error;
} lc_climb;
/* OK, what visit() returned, EUNTRUSTED: too deep, EIO. */
locache_status lc_owner_climb(int dir, const lc_climb *how);

#endif
