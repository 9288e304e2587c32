/* Is an entry that was read the result that is asked for, and may it be used? Any thread. */
#ifndef LC_VALIDATE_H
#define LC_VALIDATE_H

#include "cache/address.h"
#include "cache/handle.h"

/* The user's key, read once for each handle. OK; EUNTRUSTED, EIO, ENOMEM. */
locache_status lc_validate_key(unsigned char out[LC_MAC_KEY_SIZE], locache *cache, bool make,
                               locache_error *error);
/* Parse *value: is it what was stored for the address, which has its name, and to be had? OK. MISS: nothing is wrong with
 * it, and *why says why not. Else error says what is wrong: ECORRUPT, EFORMAT, EUNTRUSTED, EIO,
 * ENOMEM. */
locache_status lc_validate(const char **why, locache_value *value, locache *cache,
                           const lc_address *address, locache_error *error);

#endif
