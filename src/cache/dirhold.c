/* The descriptor of a handle's function directory: borrowed, held, given up and opened again.
 *
 * A handle works with its directory by a descriptor that follows wherever the directory is moved.
 * To hold one for each function would leave a program with a thousand functions none for itself. So
 * at most LC_DIRHOLD_MAX handles of a process hold theirs, those that were used last (CLOCK;
 * Corbato, 1968), and of these only such as lc_hold_below() allows. Any other opens its directory
 * for a call, by its path, and knows it by device and number: where another is there now, the
 * handle has none and looks it up anew, as a process does that just began.
 *
 * No thread may read through a number that is closed, and perhaps a file of the program's by then.
 * So who works with it is counted (dir_users). Who gives it up takes the number away first and then
 * looks at the count; who borrows counts himself first and then reads the number: one of the two
 * sees the other. If somebody came in between the number is put back; where he has opened another
 * already, it waits (dir_retired) until nobody borrows any more. One thread at a time gives it up
 * (dir_giving), and looks once more when it is done.
 *
 * The lock is held for some hundred instructions and the close of a descriptor. Who does not get it
 * holds nothing, and closes after the call. In a child of fork() it is taken over, as that of the
 * table is: each slot is whole at any moment. A count that a parent's other thread had raised, or
 * its giving up, stays as it was in the child, which holds that directory for good. */
#include "cache/dirhold.h"
#include "base/latch.h"
#include "base/lock.h"
#include "base/os.h"
#include "base/system.h"
#include "cache/held.h"
#include "disk/cleared.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

/* Who has the lock alone renames a few directories. So many nanoseconds between two attempts, and
 * so many of these. */
#define SHARE_PAUSE INT64_C(200000)
#define SHARE_STEPS 250

static lc_latch pool_lock;
static _Atomic(locache *) pool[LC_DIRHOLD_MAX];
static unsigned pool_hand; /* under the lock */

/* ------------------------------------------------------------------------------------- give up */

lc_dirhold_state lc_dirhold_state_of(const locache *cache, int funcdir)
{
    struct stat found;
    if (lc_fstat(funcdir, &found) != 0)
        /* ESTALE is a server's word for deleted. Other failures say nothing of the directory. */
        return errno == EBADF ? LC_DIR_ANOTHERS : errno == ESTALE ? LC_DIR_DELETED : LC_DIR_THERE;
    /* First, and not by device and number: while another thread adopts a directory in the place of
     * a deleted one, those are the new one's already and the descriptor is still the old one's. */
    if (found.st_nlink == 0 && S_ISDIR(found.st_mode))
        return LC_DIR_DELETED;
    bool same = found.st_dev == atomic_load(&cache->funcdir_device) &&
                found.st_ino == atomic_load(&cache->funcdir_inode);
    return same ? LC_DIR_THERE : LC_DIR_ANOTHERS;
}

static void close_ours(const locache *cache, int funcdir)
{
    if (funcdir >= 0 && lc_dirhold_state_of(cache, funcdir) != LC_DIR_ANOTHERS)
        lc_close(funcdir);
}

/* One attempt, by who has dir_giving, so that no second one needs dir_retired. False: somebody
 * borrows, and what he may have is back in its place, or waits. */
static bool try_to_give_up(locache *cache)
{
    int none = -1;
    int retired = atomic_exchange(&cache->dir_retired, -1);
    /* The count is read after the number is out of reach: one who borrowed before may have it. */
    if (retired >= 0 && atomic_load(&cache->dir_users) != 0) {
        atomic_store(&cache->dir_retired, retired);
        return false;
    }
    close_ours(cache, retired);
    int funcdir = atomic_exchange(&cache->funcdir, -1);
    if (funcdir < 0)
        return true;
    if (atomic_load(&cache->dir_users) == 0) {
        close_ours(cache, funcdir);
        return true;
    }
    if (!atomic_compare_exchange_strong(&cache->funcdir, &none, funcdir))
        atomic_store(&cache->dir_retired, funcdir);
    return false;
}

/* Close the directory where nobody borrows it. False: somebody does, or another thread is at it.
 * Whoever borrows and returns between the look at the count and the end of the attempt may find
 * nothing to close, or that this thread is at it: what he left is this thread's to close. */
static bool give_up_directory(locache *cache)
{
    bool given_up = false;
    do {
        if (atomic_load(&cache->dir_users) != 0 || atomic_exchange(&cache->dir_giving, true))
            return given_up;
        given_up = try_to_give_up(cache) || given_up;
        atomic_store(&cache->dir_giving, false);
    } while ((atomic_load(&cache->funcdir) >= 0 && !atomic_load(&cache->dir_held)) ||
             atomic_load(&cache->dir_retired) >= 0);
    return given_up;
}

/* Descriptors that are held with a directory: a tally, where there are bounds. */
static int held_with(const locache *cache)
{
    return cache->bounded ? 2 : 1;
}

/* Under the lock: is the slot's handle without its directory now? */
static bool empty_slot(_Atomic(locache *) *slot, locache *held)
{
    /* Before it is given up, so that whoever opens another meanwhile closes that himself. */
    atomic_store(&held->dir_held, false);
    if (give_up_directory(held)) {
        atomic_store(slot, NULL);
        lc_tally_held_close(&held->tally);
        lc_held_count_directory(-held_with(held));
        return true;
    }
    atomic_store(&held->dir_held, true);
    return false;
}

/* Under the lock: a slot that is free, or made free; NULL: all are borrowed. */
static _Atomic(locache *) *free_slot(void)
{
    for (unsigned step = 0; step < 2 * LC_DIRHOLD_MAX; step++) {
        _Atomic(locache *) *slot = &pool[pool_hand++ % LC_DIRHOLD_MAX];
        locache *held = atomic_load(slot);
        if (held == NULL)
            return slot;
        /* Used since the hand passed: one more round. */
        if (atomic_exchange(&held->dir_used, false))
            continue;
        if (empty_slot(slot, held))
            return slot;
    }
    return NULL;
}

/* In a child of fork(): a lock on what it shares with its parent would outlive the parent, which
 * may be killed while it stores, and keep all others waiting for as long as the child runs. */
static void close_tallies(void)
{
    for (unsigned i = 0; i < LC_DIRHOLD_MAX; i++) {
        locache *held = atomic_load(&pool[i]);
        if (held != NULL)
            lc_tally_held_close(&held->tally);
    }
}

static void prepare_fork(void)
{
    /* It fails without memory only: then a child keeps what it shares until it stores itself. */
    int failed = pthread_atfork(NULL, NULL, close_tallies);
    (void)failed;
}

void lc_dirhold_keep(locache *cache)
{
    static pthread_once_t prepared = PTHREAD_ONCE_INIT;
    int funcdir = atomic_load(&cache->funcdir);
    if (atomic_load(&cache->dir_held) || funcdir < 0 || funcdir >= lc_hold_below() ||
        lc_latch_try(&pool_lock) == LC_LATCH_BUSY)
        return;
    if (cache->bounded)
        pthread_once(&prepared, prepare_fork);
    /* Another thread may have done it meanwhile. */
    _Atomic(locache *) *slot = atomic_load(&cache->dir_held) ? NULL : free_slot();
    if (slot != NULL) {
        lc_held_count_directory(held_with(cache));
        atomic_store(slot, cache);
        atomic_store(&cache->dir_held, true);
    }
    lc_latch_release(&pool_lock);
}

void lc_dirhold_let_go(locache *cache)
{
    (void)lc_latch_have(&pool_lock);
    for (unsigned i = 0; i < LC_DIRHOLD_MAX; i++)
        if (atomic_load(&pool[i]) == cache)
            (void)empty_slot(&pool[i], cache);
    lc_latch_release(&pool_lock);
}

void lc_dirhold_close(locache *cache)
{
    /* No other thread closes this handle, but one may be looking at it in its slot, and says
     * meanwhile that it is not held. */
    (void)lc_latch_have(&pool_lock);
    for (unsigned i = 0; i < LC_DIRHOLD_MAX; i++)
        if (atomic_load(&pool[i]) == cache) {
            atomic_store(&pool[i], NULL);
            lc_held_count_directory(-held_with(cache));
        }
    lc_latch_release(&pool_lock);
    lc_tally_held_close(&cache->tally);
    close_ours(cache, atomic_exchange(&cache->funcdir, -1));
    close_ours(cache, atomic_exchange(&cache->dir_retired, -1));
}

/* -------------------------------------------------------------------------------------- borrow */

bool lc_dirhold_share(int dir, bool holds)
{
    int result = lc_lock_shared(dir);
    for (int step = 0; result != 0 && errno == EAGAIN && step < SHARE_STEPS; step++) {
        (void)lc_sleep(SHARE_PAUSE);
        result = lc_lock_shared(dir);
    }
    /* Where it does not matter, as on file systems that have no such locks, nothing is exchanged
     * either. */
    return result == 0 || (!holds && errno != EAGAIN);
}

/* The directory that was given up, if it still has its name: it was found sound, and is known by
 * its number. */
int lc_dirhold_open(locache *cache)
{
    struct stat found;
    int none = -1;
    if (atomic_load(&cache->funcdir_inode) == 0)
        return -1;
    int dir = lc_openat(AT_FDCWD, lc_handle_path(cache), O_RDONLY | O_DIRECTORY, 0);
    if (dir < 0)
        return -1;
    bool same = lc_dirhold_share(dir, atomic_load(&cache->recall.holds)) &&
                lc_fstat(dir, &found) == 0 && !lc_cleared_is_out(&found) &&
                found.st_dev == atomic_load(&cache->funcdir_device) &&
                found.st_ino == atomic_load(&cache->funcdir_inode) && found.st_uid == geteuid() &&
                !(found.st_mode & (S_IWGRP | S_IWOTH));
    /* Or another thread was quicker. */
    if (same && atomic_compare_exchange_strong(&cache->funcdir, &none, dir)) {
        lc_dirhold_keep(cache);
        return dir;
    }
    lc_close(dir);
    return same ? none : -1;
}

void lc_dirhold_settle(locache *cache, bool held)
{
    /* What waited for the last one is closed either way, and with it what is held: it is opened
     * again when it is needed. */
    if (!held || atomic_load(&cache->dir_retired) >= 0)
        (void)give_up_directory(cache);
}
