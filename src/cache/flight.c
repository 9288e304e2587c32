#include "cache/flight.h"
#include "base/os.h"

#include <string.h>

locache_status lc_flight_start(locache_flight **out, locache *cache, const void *key,
                               size_t key_size, locache_error *error)
{
    locache_flight *flight = lc_alloc(sizeof *flight + key_size);
    if (flight == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory to begin a computation");
    flight->cache = cache;
    flight->key_size = key_size;
    memcpy(flight->key, key, key_size);
    *out = flight;
    return LOCACHE_OK;
}

void lc_flight_end(locache_flight *flight)
{
    lc_free(flight);
}
