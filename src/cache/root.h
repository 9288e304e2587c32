/* What the process knows of cache directories that it has found sound: so that the functions of one
 * do not ask the same of all directories above it, one after the other. Any thread. */
#ifndef LC_ROOT_H
#define LC_ROOT_H

#include "base/os.h"

/* Levels of directories: few paths have more. */
#define LC_ROOT_DEPTH 16

/* One of the directories that a cache directory lies in, or itself. */
typedef struct lc_root_level {
    dev_t device;
    ino_t inode;
    mode_t mode;
    uid_t owner;
    int64_t modified; /* nanoseconds since 1970-01-01 UTC */
    int64_t changed;
} lc_root_level;

/* A cache directory that was found ours, and closed to others with all that is above it. */
typedef struct lc_root {
    uid_t owner; /* we, who found that */
    bool folds;  /* capital letters of names in it */
    lc_file_system system;
    unsigned number; /* of the record: no two have the same */
    int64_t looked;  /* lc_ticks() when all levels were as follows */
    unsigned depth;  /* of the levels, from itself to "/" */
    lc_root_level levels[LC_ROOT_DEPTH];
} lc_root;

/* The directory of that path was found sound, by the same user. */
bool lc_root_find(lc_root *out, const char *path, uid_t us);
/* Is an open function directory in it, and it and all above as they were? What is above is looked
 * at again where the last look at it is longer ago than LC_LATELY. `found` is the function
 * directory's own fstat(). */
bool lc_root_has(const lc_root *root, int funcdir, const struct stat *found);
/* The open directory of that path, in which the function directory is, was found sound. The second
 * time it is known from then on, where that can be told again by a look at each level. */
void lc_root_note(const char *path, int root, uid_t us, bool folds, lc_file_system system);

#endif
