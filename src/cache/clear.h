/* Forgetting what a cache directory holds, by names of functions. Any thread. */
#ifndef LC_CLEAR_H
#define LC_CLEAR_H

#include "disk/versions.h"

/* Clear the version that is current by one of a function's names, and the earlier versions of that
 * name. What is not locache's own stays. OK; EUNTRUSTED, EIO, EBUSY, ENOMEM. */
locache_status lc_clear_name(const lc_slot *slot, locache_error *error);

#endif
