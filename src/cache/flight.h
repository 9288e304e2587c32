/* A flight: the undertaking to compute one result, whose it is and of which key. Whatever will make
 * callers wait for each other belongs here. */
#ifndef LC_FLIGHT_H
#define LC_FLIGHT_H

#include "base/error.h"
#include "cache/address.h"

struct locache_flight {
    locache *cache;     /* borrowed: open for as long as the flight lasts */
    lc_address address; /* of the copy in key */
    unsigned char key[];
};

/* OK: *out is the caller's, end it with lc_flight_end(). ENOMEM. Any thread. */
locache_status lc_flight_start(locache_flight **out, locache *cache, const lc_address *address,
                               locache_error *error);
/* NULL is allowed. Any thread. */
void lc_flight_end(locache_flight *flight);

#endif
