/* A version that somebody says is the same as the one before it: the results of both are the
 * results of both. Under the lock of a switch. One thread. */
#ifndef LC_KEEP_H
#define LC_KEEP_H

#include "disk/switching.h"
#include "disk/version_file.h"

/* Say it of a version that has no directory yet: what is in place, whose record `current` is, is
 * its. OK; EUNTRUSTED, EIO. */
locache_status lc_keep_new(const lc_switching *in, const lc_version *current,
                           const lc_wanted *wanted, locache_error *error);

/* Say it of the version in place: the one before takes its place, and its entries with it, where
 * that has none of their names. OK; MISS: what is in place is another's, or there is none before
 * it; EUNTRUSTED, EIO, EBUSY. */
locache_status lc_keep_current(const lc_slot *slot, const lc_wanted *wanted, locache_error *error);

#endif
