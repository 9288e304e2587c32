/* A result by its address: looked up and stored, as locache_get() and locache_put() do. Any
 * thread. */
#ifndef LC_CACHE_H
#define LC_CACHE_H

#include "cache/handle.h"

/* Look it up, in memory and then on disk: as locache_get(). */
locache_status lc_cache_get(locache_value **out, locache *cache, lc_address *address,
                            locache_error *error);
/* One part of that: how to look, and what was found that is no result. */
typedef struct lc_look {
    bool trusting;   /* that the directory is there still is found out otherwise */
    bool quiet;      /* what is not valid was told already */
    bool counted;    /* as a hit: another result takes the place of one that was found */
    int64_t from;    /* only what was stored since, nanoseconds since 1970-01-01 UTC; 0: all */
    bool was_there;  /* out: something was there, and not to be had */
    const char *why; /* out: as a miss's event says it; or NULL */
} lc_look;

/* As locache_get(), but on disk alone (what is in memory: recall.h), and without the event of a
 * miss, which the caller tells once it is one. */
locache_status lc_cache_look(locache_value **out, locache *cache, lc_address *address,
                             lc_look *look, locache_error *error);
void lc_cache_tell_miss(locache *cache, const lc_address *address, const lc_look *look,
                        const locache_error *error);
/* Once more, after it was a miss: OK or MISS, and no event but a hit's. */
locache_status lc_cache_look_again(locache_value **out, locache *cache, lc_address *address,
                                   lc_look *look);
/* The directory to write into: open for who borrows it, and made where it is not there. */
locache_status lc_cache_make_directory(locache *cache, locache_error *error);
/* Store a result, and see to the limits: as locache_put(). */
locache_status lc_cache_put(locache *cache, lc_address *address, const locache_record *record,
                            locache_error *error);

#endif
