/* Caches that the members of a group share: which rights what is made there has, and whose files
 * are as good as one's own. docs/sharing.md tells what that means. Any thread. */
#ifndef LC_SHARE_H
#define LC_SHARE_H

#include "base/error.h"
#include "base/os.h"

/* What is allowed of locache_options.mode: rights for the group and for others to read, never for
 * others to write. 0: nobody but the owner. */
#define LC_SHARE_GROUP ((mode_t)(S_ISGID | S_IRWXU | S_IRWXG))
bool lc_share_is_mode(uint32_t mode);
/* The mode that LOCACHE_MODE says: "group", or an octal number; 0 where it is not set. EINVAL. */
locache_status lc_share_told(uint32_t *out, locache_error *error);

/* Is this process of that group? */
bool lc_share_is_member(gid_t group);

/* Is the open directory one that a group shares: set-group-ID, and writable by its group? */
bool lc_share_is_shared(const struct stat *dir);
/* May `file`, which is another's or which its group may write to, be used in the open directory
 * `dir`? Where that is shared, and the file is of the same group, and of nobody else's. */
bool lc_share_trusts(int dir, int fd, const struct stat *file);

/* Give an open file or directory that was made here the rights that belong to `mode`, whatever the
 * umask says; 0: it stays as it was made. 0, or -1 and errno. */
int lc_share_file(int fd, mode_t mode);
int lc_share_directory(int fd, mode_t mode);
/* Make a directory of these rights: as mkdirat(). */
int lc_share_mkdir(int at, const char *name, mode_t mode);
/* The mode of an open directory that locache made, for what is made in it; 0: nobody but its owner
 * has rights there. */
mode_t lc_share_like(int dir);

#endif
