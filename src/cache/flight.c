/* A flight: the undertaking to compute one result, from its begin to its commit or abandon.
 *
 * It holds no lock and no file, so that a child of fork() that inherits one has nothing to give
 * back: whoever ends it, in whichever thread, frees memory and nothing else. */
#include "cache/flight.h"
#include "base/alloc.h"

#include <string.h>

locache_status lc_flight_start(locache_flight **out, locache *cache, const lc_address *address,
                               locache_error *error)
{
    locache_flight *flight = lc_alloc(sizeof *flight + address->key_size);
    if (flight == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to begin a computation");
    flight->cache = cache;
    /* The key is the caller's, who may free it before the commit; the name was made by the look-up
     * that missed, and is not made again. */
    flight->address = *address;
    flight->address.key = memcpy(flight->key, address->key, address->key_size);
    *out = flight;
    return LOCACHE_OK;
}

void lc_flight_end(locache_flight *flight)
{
    lc_free(flight);
}
