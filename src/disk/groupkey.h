/* The key that a group shares, to sign pickled results for each other: docs/sharing.md. Any thread,
 * while none changes the environment. */
#ifndef LC_GROUPKEY_H
#define LC_GROUPKEY_H

#include "base/error.h"
#include "base/hash.h"

/* Read the key that LOCACHE_GROUP_KEY names. `cache`: the cache directory, in which it must not be.
 * OK; MISS: none is named; EUNTRUSTED: it is a link, no file of that size, or others than its group
 * may read it or exchange it; EIO. */
locache_status lc_groupkey_read(unsigned char out[LC_MAC_KEY_SIZE], const char *cache,
                                locache_error *error);

#endif
