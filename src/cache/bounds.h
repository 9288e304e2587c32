/* What bounds a handle's results: how many entries and bytes its directory keeps, how long they
 * last and which uses are noted for that. Any thread. */
#ifndef LC_BOUNDS_H
#define LC_BOUNDS_H

#include "cache/handle.h"
#include "disk/room.h"

lc_limits lc_bounds_of(const locache_options *options);
/* Is there any? Where a handle has none, nothing of what follows is needed but lc_bounds_mark() and
 * lc_bounds_admit(), which then cost next to nothing. */
bool lc_bounds_any(const lc_limits *limits);
/* Is what goes first told by uses, which are to be noted? */
bool lc_bounds_by_use(const lc_limits *limits);

/* A result was read and validated: note its use where a bound goes by it. */
void lc_bounds_note_use(const locache *cache, const char *name, locache_value *value);
/* Is an entry past its end, and given for as long as `stale` says? */
bool lc_bounds_is_stale(const locache *cache, const lc_entry *entry);
/* Until when a result may be given from memory; 0: for good. `used`: nanoseconds since 1970-01-01
 * UTC. */
int64_t lc_bounds_until(const locache *cache, const lc_entry *entry, int64_t used);
/* Set what a result is remembered by, beside its file: until when, and what giving it saves. A
 * negative time, of a program's or of an entry that was made by hand, saves nothing. */
static inline void lc_bounds_mark(locache_stamp *stamp, const locache *cache, const lc_entry *entry)
{
    stamp->words[LC_STAMP_UNTIL] = cache->bounded
                                       ? lc_bounds_until(cache, entry, stamp->words[LC_STAMP_MTIME])
                                       : entry->expires;
    stamp->words[LC_STAMP_TOOK] = entry->compute_time > 0 ? entry->compute_time : 0;
}

/* One store. */
typedef struct lc_bounds_store {
    locache *cache;
    lc_directory at;
    lc_evictions evictions;
    lc_newcomer newcomer;
    lc_room room;
    lc_gate gate;
    bool meta_known; /* as lc_directory's, once the entry is written */
} lc_bounds_store;

/* Before an entry is written: with max_bytes, its image gets a gate that makes room for it. OK;
 * ELIMIT: it is larger than the bound. *out is not set where the handle has no bounds. */
locache_status lc_bounds_admit(lc_bounds_store *out, locache *cache, const char *name,
                               lc_image *image, locache_error *error);
/* After it was, marked as what is remembered: evict what is beyond the other bounds. */
void lc_bounds_keep(lc_bounds_store *of, const lc_stored *stored, int64_t expires);

#endif
