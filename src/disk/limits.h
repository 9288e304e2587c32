/* What a function's directory may hold: the use of entries is noted, and what is too old or too
 * much evicted. Any thread. */
#ifndef LC_LIMITS_H
#define LC_LIMITS_H

#include "disk/directory.h"

#include <stdbool.h>

/* What a directory may hold; 0: no limit. */
typedef struct lc_limits {
    int64_t max_entries;
    int64_t max_age; /* nanoseconds since last use */
} lc_limits;

/* Note that an entry is used now: what max_age goes by, its time of modification. What is large has
 * to be verified again. */
void lc_limits_touch(const lc_directory *at, const char *name);
/* The same of a value that was read and validated, for max_entries only: its time of access. It
 * stays verified. */
void lc_limits_note_use(const lc_directory *at, const char *name, const locache_value *value);
/* Nanoseconds since an entry that was last used then; what lies in the future counts as now. */
int64_t lc_limits_age(int64_t used);
/* An entry was stored: see to the limits. All processes count together what they store, in
 * .locache/count, so that max_entries is the directory's and not each one's. `keep` is the new
 * entry's name, `replaced`: it took another's place; `counted`: this handle has come here
 * before. */
void lc_limits_keep(const lc_directory *at, const lc_limits *limits, const char *keep,
                    bool replaced, bool counted);
/* Remove what is too old, and the least recently used of what is too many, but for `keep`, sending
 * EVICT events. The number of entries that stay, or -1 where that is not known. */
int64_t lc_limits_trim(const lc_directory *at, const lc_limits *limits, const char *keep);

#endif
