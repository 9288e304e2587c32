/* One entry of a directory: when it was used last, and its removal. Any thread. */
#ifndef LC_EVICT_H
#define LC_EVICT_H

#include "disk/directory.h"

#include <stdint.h>
#include <sys/stat.h>

/* Why. */
#define LC_EVICTED_OLD "not used for longer than max_age"
#define LC_EVICTED_MANY "least recently used of more than max_entries"

/* Nanoseconds since 1970-01-01 UTC. */
int64_t lc_evict_last_use(const struct stat *found);
/* Remove it, where it is ours, and send the event that says why. A reader that has it open or
 * mapped keeps it: the name goes, the file with its last descriptor. */
void lc_evict_entry(const lc_directory *at, const char *name, const char *why);

#endif
