/* A directory of results that was opened by its path, whichever version it is of. One thread at a
 * time for each. */
#ifndef LC_FOLDER_H
#define LC_FOLDER_H

#include "base/error.h"
#include "base/hash.h"
#include "disk/directory.h"

struct locache_folder {
    int dir;
    uid_t owner;
    bool has_key; /* `key` was read; `key_asked`: or that was tried */
    bool key_asked;
    unsigned char key[LC_MAC_KEY_SIZE];
    char cache[LOCACHE_PATH_MAX]; /* the cache directory that it is in */
    char path[LOCACHE_PATH_MAX];
};

/* As the floor below is told of it. Borrowed. */
lc_directory lc_folder_directory(const locache_folder *folder);

#endif
