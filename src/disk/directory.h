/* A function's open directory, as the files of this folder are told of it that work in one. */
#ifndef LC_DIRECTORY_H
#define LC_DIRECTORY_H

#include "locache.h"

#include <stdatomic.h>
#include <sys/types.h>

/* How many entries were evicted, and how many of them had been stored or used just before. */
typedef struct lc_evictions {
    int64_t all;
    int64_t young;
} lc_evictions;

struct lc_tally_held;

/* Borrowed, made for one call. */
typedef struct lc_directory {
    int dir;
    uid_t owner;          /* of dir and of whatever is used in it */
    const char *function; /* for events */
    const char *path;     /* of dir, for messages */
    int64_t grain;        /* of the file system's clock: lc_stamp_take() */
    bool map;             /* large results are mapped */
    bool unseen;          /* to read is no use: lc_open_unseen() */
    /* the user's, that entries written here are signed with, where it is known; else NULL */
    const unsigned char *key;
    /* set where files cannot be had without a name, or not be named later; NULL: not asked for */
    atomic_bool *named;
    lc_evictions *evictions;     /* counted here; NULL: by nobody */
    struct lc_tally_held *tally; /* where one is held between stores; NULL: nowhere */
    dev_t device;                /* of dir, where a tally is held */
    ino_t inode;
    mode_t mode;     /* of directories, where others share them: disk/share.h */
    bool meta_known; /* lc_owner_meta() said yes within this call, and stays true */
} lc_directory;

#endif
