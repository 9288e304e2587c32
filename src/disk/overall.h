/* Bounds of a cache as a whole and of all of a user's caches together, kept by who stores. Any
 * thread, any number of processes. */
#ifndef LC_OVERALL_H
#define LC_OVERALL_H

#include "disk/directory.h"

#include <stdbool.h>
#include <stdint.h>

/* An entry that was stored. */
typedef struct lc_overall_store {
    const char *dir;        /* the cache directory's path */
    const lc_directory *at; /* the function's */
    const char *name;
    int64_t size;   /* bytes of its file */
    int64_t change; /* less those of the one that it took the place of */
    bool replaced;  /* there was one */
    bool tallied;   /* the function's tally has it already */
} lc_overall_store;

/* See to the bounds that are set, sending EVICT events. What is set is asked
 * once a second at most. */
void lc_overall_keep(const lc_overall_store *of);

#endif
