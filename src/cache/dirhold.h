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
static inline int lc_dirhold_borrow(locache *cache);
static inline void lc_dirhold_return(locache *cache);

/* What an open directory's number is now. ANOTHERS: whoever closed it, it is not ours to close or
 * to replace. */
typedef enum lc_dirhold_state { LC_DIR_THERE, LC_DIR_DELETED, LC_DIR_ANOTHERS } lc_dirhold_state;
lc_dirhold_state lc_dirhold_state_of(const locache *cache, int funcdir);

/* cache->funcdir was set by who borrows it: hold it from now on, if it may be held. */
void lc_dirhold_keep(locache *cache);
/* Take part in the lock on an open directory that is to be worked with, so that nobody can put
 * another in its place (disk/cleared.h): before it is looked at whether it is the one that it is
 * meant to be. `holds`: lc_file_system of it. False, and errno: it may not be used. */
bool lc_dirhold_share(int dir, bool holds);
/* Give it up where nobody borrows it, as for a handle whose turn it is. */
void lc_dirhold_let_go(locache *cache);
/* Close it where it is ours, and hold it no longer. One thread, the last that uses the handle. */
void lc_dirhold_close(locache *cache);

/* For those below alone: every first hit runs through them. */
int lc_dirhold_open(locache *cache);
void lc_dirhold_settle(locache *cache, bool held);

static inline int lc_dirhold_borrow(locache *cache)
{
    atomic_fetch_add(&cache->dir_users, 1);
    int funcdir = atomic_load(&cache->funcdir);
    if (__builtin_expect(funcdir < 0, 0))
        return lc_dirhold_open(cache);
    if (!atomic_load_explicit(&cache->dir_used, memory_order_relaxed))
        atomic_store_explicit(&cache->dir_used, true, memory_order_relaxed);
    return funcdir;
}

static inline void lc_dirhold_return(locache *cache)
{
    bool held = atomic_load(&cache->dir_held);
    /* The last one closes what waited for it; who comes now has never seen that number. */
    if (atomic_fetch_sub(&cache->dir_users, 1) != 1)
        return;
    if (__builtin_expect(!held || atomic_load(&cache->dir_retired) >= 0, 0))
        lc_dirhold_settle(cache, held);
}

#endif
