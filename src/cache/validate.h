/* What may be believed of an entry that was read. Any thread. */
#ifndef LC_BELIEVE_H
#define LC_BELIEVE_H

#include "cache/handle.h"

/* The user's key, read once for each handle. OK; EUNTRUSTED, EIO, ENOMEM. */
locache_status lc_believe_key(unsigned char out[LC_MAC_KEY_SIZE], locache *cache, bool make,
                              locache_error *error);
/* Parse *value: is it what was stored for the key, and to be had? OK. MISS: nothing is wrong with
 * it, and *why says why not. Else error says what is wrong: ECORRUPT, EFORMAT, EUNTRUSTED, EIO,
 * ENOMEM. */
locache_status lc_believe(const char **why, locache_value *value, locache *cache, const void *key,
                          size_t key_size, const char *name, locache_error *error);

#endif
