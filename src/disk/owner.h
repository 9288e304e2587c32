/* What may be believed: directories and files by their owner and permissions, pickles by a key that
 * only the user has. Any thread. */
#ifndef LC_TRUST_H
#define LC_TRUST_H

#include "base/error.h"
#include "base/hash.h"
#include "base/os.h"

/* Open a directory in `at` that is ours and that nobody else can write to. `where` is the path of
 * `at`, for messages ("" where name is a whole path). OK: *out is the caller's to close. MISS:
 * there is none (error untouched). EUNTRUSTED: a symbolic link, no directory, another user's, or
 * writable by others. EIO, ENOMEM. */
locache_status lc_trust_open_dir(int *out, int at, const char *name, const char *where,
                                 locache_error *error);

/* Is .locache/ in the open directory `dir` of `us` a directory of ours too, closed to others?
 * Nobody else can exchange it then, so that its name is as good as a descriptor. */
bool lc_trust_meta(int dir, uid_t us);

/* The same for an open file, `us` being who must own it: OK, or EUNTRUSTED where it is not a
 * regular file, another user's or writable by others. A second name (a hard link, as some backup
 * tools make) is no harm: what is in the file is verified, and it is never written to. */
locache_status lc_trust_file(const struct stat *file, uid_t us, const char *where, const char *name,
                             locache_error *error);

/* Can nobody else exchange the open directory `dir` (whose path is `path`) for another? Every
 * directory above it, and `dir` itself where `itself` says so, must be closed to others or sticky.
 * OK, EUNTRUSTED, EIO. */
locache_status lc_trust_above(int dir, const char *path, bool itself, locache_error *error);

/* The user's own key, $XDG_STATE_HOME/locache/key; made where it is missing and `make` says so.
 * EUNTRUSTED: there is none, or one that others may know: not 0600, not ours, a link, or inside the
 * cache directory `cache`. EIO, ENOMEM. */
locache_status lc_trust_key(unsigned char out[LC_MAC_KEY_SIZE], bool make, const char *cache,
                            locache_error *error);

/* Into out (of size bytes): the value of an XDG variable, or the home directory and `otherwise`.
 * OK, ELIMIT, EIO: no home. */
locache_status lc_user_directory(char *out, size_t size, const char *variable,
                                 const char *otherwise, locache_error *error);

#endif
