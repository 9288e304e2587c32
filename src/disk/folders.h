/* The directories of results in a cache directory, earlier versions too, each with what its tally
 * says. One thread at a time for each list. */
#ifndef LC_FOLDERS_H
#define LC_FOLDERS_H

#include "disk/directory.h"
#include "disk/tally.h"

/* "my_func", or ".versions/my_func/<id>". */
#define LC_FOLDERS_NAME (sizeof ".versions//" + (size_t)2 * LOCACHE_NAME_MAX)

typedef struct lc_folder_entry {
    int root; /* the open cache directory that it is in, and its path: the caller's */
    const char *root_path;
    lc_tally tally;
    char name[LC_FOLDERS_NAME];
} lc_folder_entry;

/* Zeros: none. */
typedef struct lc_folders {
    lc_folder_entry *items;
    size_t count;
    size_t room;
    lc_tally sum;
    bool failed; /* no memory */
} lc_folders;

/* Add those of an open cache directory. Where there is no tally, the directory is counted, and
 * keeps one from then on. */
void lc_folders_add(lc_folders *out, int root, const char *path);
void lc_folders_free(lc_folders *folders);
/* Open one. *at is of it, with `path` (LOCACHE_PATH_MAX bytes) for its own; at->dir is the caller's
 * to close. False: it is gone, or not ours. */
bool lc_folders_open(lc_directory *at, char *path, const lc_folder_entry *entry);

#endif
