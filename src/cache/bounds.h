/* What bounds a handle's results: how many entries and bytes its directory keeps, how long they last
 * and which uses are noted for that. Any thread. */
#ifndef LC_BOUNDS_H
#define LC_BOUNDS_H

#include "cache/handle.h"
#include "disk/room.h"

lc_limits lc_bounds_of(const locache_options *options);
/* Is what goes first told by uses, which are to be noted? */
bool lc_bounds_by_use(const lc_limits *limits);

/* A result was read and validated: note its use where a bound goes by it. */
void lc_bounds_note_use(const locache *cache, const char *name, locache_value *value);
/* Is an entry past its end, and given for as long as `stale` says? */
bool lc_bounds_is_stale(const locache *cache, const lc_entry *entry);
/* Set what a result is remembered by, beside its file: until when, and what giving it saves. */
void lc_bounds_mark(locache_stamp *stamp, const locache *cache, const lc_entry *entry);

/* One store. */
typedef struct lc_bounds_store {
    locache *cache;
    lc_directory at;
    lc_evictions evictions;
    lc_newcomer newcomer;
    lc_room room;
    lc_gate gate;
} lc_bounds_store;

/* Before an entry is written: with max_bytes, its image gets a gate that makes room for it. OK;
 * ELIMIT: it is larger than the bound. */
locache_status lc_bounds_admit(lc_bounds_store *out, locache *cache, const char *name,
                               lc_image *image, locache_error *error);
/* After it was: evict what is beyond the other bounds. */
void lc_bounds_keep(lc_bounds_store *of, const lc_stored *stored);

#endif
