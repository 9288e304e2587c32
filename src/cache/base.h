/* A function's directory in a cache that its user named as a base: found, and never changed. Any
 * thread. */
#ifndef LC_BASE_H
#define LC_BASE_H

#include "cache/handle.h"
#include "disk/versions.h"

/* The directory of the wanted version in cache->dir, under the function's name or among the earlier
 * versions. OK: out->dir is open, the caller's; MISS: it is not there; NEED_SOURCE; EUNTRUSTED:
 * every user can write to it; EIO. */
locache_status lc_base_find(lc_settled *out, locache *cache, const lc_wanted *wanted,
                            locache_error *error);
/* The record of the version in an open directory of a base; a lost one where there is none. */
void lc_base_record(lc_version *out, int dir);

#endif
