/* The descriptor of a handle's function directory: lent to who works with it, and held between
 * calls for at most 64 handles of the process. Any thread, but where it says otherwise. */
#ifndef LC_DIRHOLD_H
#define LC_DIRHOLD_H

#include "cache/handle.h"

/* Directories that a process holds: programs may have thousands of functions, and 1,024
 * descriptors. */
#define LC_DIRHOLD_MAX 64

/* Borrow the descriptor, opened again where it was given up: cache->funcdir, or -1: there is none,
 * and it is to be found anew. Whichever cache->funcdir is until the return stays open. It may be
 * borrowed several times, and each is returned. */
int lc_dirhold_borrow(locache *cache);
void lc_dirhold_return(locache *cache);

/* What an open directory's number is now. ANOTHERS: whoever closed it, it is not ours to close or
 * to replace. */
typedef enum lc_dirhold_state { LC_DIR_THERE, LC_DIR_DELETED, LC_DIR_ANOTHERS } lc_dirhold_state;
lc_dirhold_state lc_dirhold_state_of(const locache *cache, int funcdir);

/* cache->funcdir was set by who borrows it: hold it from now on, if it may be held. */
void lc_dirhold_keep(locache *cache);
/* Close it where it is ours, and hold it no longer. One thread, the last that uses the handle. */
void lc_dirhold_close(locache *cache);

#endif
