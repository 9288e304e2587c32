/* Bounds of a cache as a whole and of all of a user's caches together, kept by who stores. Any
 * thread, any number of processes. */
#ifndef LC_OVERALL_H
#define LC_OVERALL_H

#include "base/system.h"
#include "disk/directory.h"
#include "disk/settings.h"

#include <stdatomic.h>
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

/* That no bound was set when somebody asked last: a handle's own, all zeros at first. */
typedef struct lc_unbounded {
    _Atomic int64_t until;  /* ticks */
    atomic_uint generation; /* of the settings */
} lc_unbounded;

/* Is lc_overall_keep() known to have nothing to do? */
static inline bool lc_overall_is_unbounded(const lc_unbounded *known)
{
    return atomic_load_explicit(&known->until, memory_order_acquire) > lc_ticks() &&
           atomic_load_explicit(&known->generation, memory_order_relaxed) ==
               lc_settings_generation();
}

/* See to the bounds that are set, sending EVICT events. What is set is asked every ten seconds at
 * most; where nothing is, *unbounded says so for as long. */
void lc_overall_keep(const lc_overall_store *of, lc_unbounded *unbounded);

#endif
