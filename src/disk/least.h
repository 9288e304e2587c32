/* Eviction from several directories of results at once: what is worth least of a sample of all.
 * One process at a time for each clock; any thread. */
#ifndef LC_LEAST_H
#define LC_LEAST_H

#include "disk/folders.h"
#include "disk/settings.h"
#include "disk/worth.h"

/* What they may hold together, and the last entry that was stored, which stays. */
typedef struct lc_least {
    lc_folders *folders;
    lc_tally others; /* what there is beside them: it counts, and is not looked at */
    const lc_settings *bounds;
    lc_worth_clock *clock;
    const char *keep; /* its name, in the directory of that device and number */
    dev_t keep_device;
    ino_t keep_inode;
    const char *why; /* as an event says it */
} lc_least;

bool lc_least_beyond(const lc_least *in);
/* Look at some names, at least once; and evict until they are within their bounds, or what is left
 * of the folders is not ours to evict. Their tallies are kept, on disk too. */
void lc_least_evict(lc_least *in);

#endif
