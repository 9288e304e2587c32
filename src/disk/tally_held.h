/* A tally that stays open between the stores of one handle, so that a store under a bound need not
 * open it. One thread at a time has it; another meanwhile opens its own, for a lock on an open file
 * keeps out only who opened it himself. Any thread. */
#ifndef LC_TALLY_HELD_H
#define LC_TALLY_HELD_H

#include "disk/directory.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Which file a descriptor stands for, as long as its number is not another's. */
typedef struct lc_tally_which {
    dev_t device;
    ino_t inode;
    dev_t dir_device; /* of the function's directory that it was opened in */
    ino_t dir_inode;
    /* lc_generation(): a child shares the lock of what its parent opened; 0: it was not held yet */
    unsigned generation;
} lc_tally_which;

typedef struct lc_tally_held {
    atomic_int fd; /* -1: nothing is held; -2: a thread looks at `which` */
    lc_tally_which which;
} lc_tally_held;

void lc_tally_held_init(lc_tally_held *held);
/* Is something held? Another thread may take it. */
static inline bool lc_tally_held_any(const lc_tally_held *held)
{
    return atomic_load_explicit(&held->fd, memory_order_relaxed) >= 0;
}
/* Take what is held for this directory, if it is a file there still: its descriptor, which is the
 * caller's; else -1. One system call. */
int lc_tally_held_take(lc_tally_which *which, const lc_directory *at);
/* Hold a descriptor from now on: one that was taken, or was opened just now (`which` is zero).
 * False: it is the caller's to close. */
bool lc_tally_held_put(const lc_directory *at, int fd, const lc_tally_which *which);
/* Close what is held. */
void lc_tally_held_close(lc_tally_held *held);

#endif
