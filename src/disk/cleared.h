/* A function's directory with very many results, cleared at one stroke: it goes out of sight, an
 * empty one takes its place, and what was in it is removed bit by bit by whoever stores next. One
 * thread at a time for each; processes exclude each other. */
#ifndef LC_CLEARED_H
#define LC_CLEARED_H

#include "disk/switching.h"

#include <sys/stat.h>

/* Up to so many results are removed one by one at once, which takes a millisecond or two. */
#define LC_CLEARED_FEW 256

/* Has the open directory more entries than that? */
bool lc_cleared_is_large(int dir);
/* Put an empty directory in the place of the slot's, with all that is known of the function. OK, or
 * MISS where that cannot be: another handle has the directory open, of whatever process, and would
 * go on giving results from it; or the file system is not one whose results are kept in memory. */
locache_status lc_cleared_exchange(const lc_slot *slot);
/* Is a directory that somebody has locked one that was exchanged before he had the lock? */
bool lc_cleared_is_out(const struct stat *found);

/* What was cleared in the cache directory of an open function's directory: is there any? */
bool lc_cleared_any(int funcdir);
/* Remove some of it, for about a millisecond; *place: where the last call with this cache directory
 * stopped, 0 at first. False: there is no more, or nothing that could be removed. */
bool lc_cleared_remove_some(int funcdir, int64_t *place);
/* Remove all of it. */
void lc_cleared_remove(int funcdir);

#endif
