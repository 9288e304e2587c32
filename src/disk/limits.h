/* What a function's directory may hold: the use of entries is noted, and what is too old or too
 * much evicted. Any thread. */
#ifndef LC_LIMITS_H
#define LC_LIMITS_H

#include "disk/directory.h"
#include "disk/uses.h"

#include <stdbool.h>

/* What a directory may hold; 0: no limit. */
typedef struct lc_limits {
    int64_t max_entries;
    int64_t max_age; /* nanoseconds since last use */
    int64_t max_bytes;
    int64_t ttl;   /* nanoseconds since it was computed */
    int64_t stale; /* and after that, while it is refreshed; 0: none */
} lc_limits;

/* Note that an entry is used now: what max_age goes by, its time of modification. What is large has
 * to be verified again. */
void lc_limits_touch(const lc_directory *at, const char *name);
/* The same of a value that was read and validated, for max_entries only: its time of access. Its
 * stamp is of the file as it is then, and it stays verified. */
void lc_limits_note_use(const lc_directory *at, const char *name, locache_value *value);
/* Nanoseconds since an entry that was last used then; what lies in the future counts as now. */
int64_t lc_limits_age(int64_t used);

/* When an entry ends that was made at `created`, and says itself that it expires: the earlier of
 * that and of the reader's ttl; 0: never. */
int64_t lc_limits_end(const lc_limits *limits, int64_t created, int64_t expires);
/* Is it past that, and past the time in which it may be given stale? */
bool lc_limits_over(const lc_limits *limits, int64_t created, int64_t expires, int64_t now);

/* An entry that was stored, and by whom. */
typedef struct lc_newcomer {
    const char *name;
    int64_t size;          /* bytes of its file */
    bool replaced;         /* it took another's place, */
    int64_t replaced_size; /* which had so many */
    bool roomed;           /* the tally has it already: disk/room.h */
    bool counted;          /* this handle has come here before */
    /* This process's uses of results in memory, at most LC_LIMITS_USES: how many. Asked only where
     * something is evicted. */
    size_t (*uses)(lc_use *out, void *context);
    void *context;
} lc_newcomer;

/* An entry was stored: see to the limits, sending EVICT events. All processes count together what
 * they store, in .locache/tally, so that max_entries is the directory's and not each one's. */
void lc_limits_keep(const lc_directory *at, const lc_limits *limits, const lc_newcomer *newcomer);

#endif
