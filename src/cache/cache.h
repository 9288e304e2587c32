/* A result by its address: looked up and stored, as locache_get() and locache_put() do. Any
 * thread. */
#ifndef LC_CACHE_H
#define LC_CACHE_H

#include "cache/handle.h"

/* Look it up, in memory and then on disk: as locache_get(). */
locache_status lc_cache_get(locache_value **out, locache *cache, lc_address *address,
                            locache_error *error);
/* Once more, on disk alone, after it was a miss: OK or MISS, and no event but a hit's. `was_there`:
 * something was there, and was not valid. */
locache_status lc_cache_get_again(locache_value **out, locache *cache, lc_address *address,
                                  bool was_there);
/* The directory to write into: open, and made where it is not there. */
locache_status lc_cache_make_directory(locache *cache, locache_error *error);
/* Store a result, and see to the limits: as locache_put(). */
locache_status lc_cache_put(locache *cache, lc_address *address, const locache_record *record,
                            locache_error *error);

#endif
