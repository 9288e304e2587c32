/* What is open and locked while a function's directory is switched to another version. One thread
 * at a time for each; processes exclude each other. */
#ifndef LC_SWITCHING_H
#define LC_SWITCHING_H

#include "base/error.h"

#include <sys/types.h>

#define LC_VERSIONS ".versions"

/* Names of any kind that are made in .versions/.tmp/: a prefix and 16 digits. */
#define LC_SWITCHING_NAME 32
#define LC_SWITCHING_NEW "new-"         /* a directory on its way in */
#define LC_SWITCHING_TRASH "trash-"     /* and on its way out */
#define LC_SWITCHING_CLEARED "cleared-" /* and out, with very many results: disk/cleared.h */
#define LC_SWITCHING_STAGED "import-"   /* filled without the lock: staged.c */

/* The links of a directory that has no others in it: its name, and its own. */
#define LC_SWITCHING_LINKS 2

/* Where a function's directory stands. Borrowed. */
typedef struct lc_slot {
    int root; /* the open cache directory */
    const char *root_path;
    const char *name; /* of the function's directory in it */
    mode_t mode;      /* of directories made there, where others share them: disk/share.h */
} lc_slot;

typedef struct lc_switching {
    int root;
    const char *root_path;
    const char *name;
    mode_t mode;
    bool absent;  /* nothing had the name when the lock was asked for, and it is to be made */
    int versions; /* .versions, ours alone */
    int lock;
    int work;                             /* .versions/.tmp */
    int family;                           /* .versions/<name>, or -1: there is none */
    char path[LOCACHE_PATH_MAX];          /* <root>/<name> */
    char versions_path[LOCACHE_PATH_MAX]; /* <root>/.versions */
    char family_path[LOCACHE_PATH_MAX];   /* <root>/.versions/<name> */
} lc_switching;

/* Open .versions/, lock it, and clear away what dead processes left. OK; MISS where there is none
 * and `make` is false; PENDING: what is to be made was made by others while this waited for the
 * lock, and may be looked up without it; EUNTRUSTED, EINVAL, EIO; EBUSY: the lock was not to be had
 * (os_error EINTR: for a signal that was handled meanwhile). `error` is not NULL.
 * lc_switching_end() in every case. */
locache_status lc_switching_begin(lc_switching *out, const lc_slot *slot, bool make,
                                  locache_error *error);
/* Open .versions/.tmp/, to work in without the lock. As lc_switching_begin() with `make`. */
locache_status lc_switching_open_work(int *out, const lc_slot *slot, locache_error *error);
/* Open .versions/<name>/, made where it is missing. OK, EUNTRUSTED, EIO. */
locache_status lc_switching_open_family(lc_switching *in, locache_error *error);
/* Move a directory out of sight, to be removed when the lock was given up. 0, or -1 and errno. */
int lc_switching_discard(const lc_switching *in, int dir, const char *name);
/* Give the lock up, then remove what was discarded. */
void lc_switching_end(lc_switching *in);

#endif
