/* The user's own key: what is signed with it was written by this user. Any thread. */
#ifndef LC_USERKEY_H
#define LC_USERKEY_H

#include "base/error.h"
#include "base/hash.h"
#include "disk/owner.h"

/* The user's own key, $XDG_STATE_HOME/locache/key; made where it is missing and `make` says so.
 * EUNTRUSTED: there is none, or one that others may know: not 0600, not ours, a link, or inside the
 * cache directory `cache`. EIO, ENOMEM. */
locache_status lc_userkey_read(unsigned char out[LC_MAC_KEY_SIZE], bool make, const char *cache,
                               locache_error *error);
/* Is a key that is in the open directory `dir` (a climb's begin, which says whose messages these
 * are) outside of the cache directory `cache`? OK, EUNTRUSTED, EIO. */
locache_status lc_userkey_check_outside(int dir, const lc_climb *from, const char *cache);

#endif
