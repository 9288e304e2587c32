/* One entry of a directory: when it was used last, and its removal. Any thread. */
#ifndef LC_EVICT_H
#define LC_EVICT_H

#include "disk/directory.h"

#include <stdint.h>
#include <sys/stat.h>

/* Why. */
#define LC_EVICTED_OLD "not used for longer than max_age"
#define LC_EVICTED_MANY "least recently used of more than max_entries"
#define LC_EVICTED_WORTH "worth least of more than max_bytes"
#define LC_EVICTED_EXPIRED "expired"

/* Nanoseconds since 1970-01-01 UTC. */
int64_t lc_evict_last_use(const struct stat *found);
/* Remove it, where it is ours, count it in at->evictions, and send the event that says why. `used`:
 * last, by its times or as this process knows it; INT64_MIN: that does not matter. A reader that has
 * it open or mapped keeps it: the name goes, the file with its last descriptor. */
void lc_evict_entry(const lc_directory *at, const char *name, int64_t used, const char *why);
/* The same of what was just found to be ours. */
void lc_evict_known(const lc_directory *at, const char *name, int64_t used, const char *why);

#endif
