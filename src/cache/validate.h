/* Validate an entry that was read: is it the result that is asked for, and may it be given? Any
 * thread. */
#ifndef LC_VALIDATE_H
#define LC_VALIDATE_H

#include "cache/address.h"
#include "cache/handle.h"

/* The user's key, read once for each handle; with `make`, made where there is none. OK; EUNTRUSTED,
 * EIO, ENOMEM. */
locache_status lc_validate_key(unsigned char out[LC_MAC_KEY_SIZE], locache *cache, bool make,
                               locache_error *error);
/* Validate *value: is it sound, the result of the address (which has its name), and to be given?
 * OK. MISS: nothing is wrong with it, and *why says why not. Else error says what is wrong:
 * ECORRUPT, EFORMAT, EUNTRUSTED, EIO, ENOMEM. It is parsed then, and stays the caller's. */
locache_status lc_validate(const char **why, locache_value *value, locache *cache,
                           lc_address *address, locache_error *error);
/* Its parts that take no more than a header: is it this function's? And why is an entry that is
 * sound and ours, last used then, all the same no result for this handle? NULL: it is. */
bool lc_validate_function(const lc_entry *entry, const locache *cache);
const char *lc_validate_use(const lc_entry *entry, int64_t used, const locache *cache);

#endif
