/* A lock that a child of fork() finds its way with: for what takes less than a microsecond, makes
 * no system call and waits for nothing. Zero: nobody has it. Any thread.
 *
 * It is free; or held by a thread of this process; or was held by a thread of the parent when this
 * process was copied, which the generation tells. That thread is not here and never gives the lock
 * up: it is taken over, and whoever does that mends what was left in the middle of a change. In
 * place: the table of results takes one at every hit. */
#ifndef LC_LATCH_H
#define LC_LATCH_H

#include "base/system.h"
#include "base/watched.h"

#include <stdatomic.h>

/* After so many looks, whoever holds it is not on a processor. */
#define LC_LATCH_LOOKS 1000
/* Nanoseconds until one who must have it tries again: a time slice is a few milliseconds. */
#define LC_LATCH_PAUSE INT64_C(100000)

typedef atomic_uint lc_latch; /* 0, or the generation of who holds it */

typedef enum lc_latch_state {
    LC_LATCH_BUSY, /* not had */
    LC_LATCH_HAD,
    LC_LATCH_TAKEN_OVER /* had, from a thread that is not here */
} lc_latch_state;

static inline lc_latch_state lc_latch_try(lc_latch *latch)
{
    unsigned mine = lc_generation();
    for (int look = 0; look < LC_LATCH_LOOKS; look++) {
        unsigned holder = 0;
        if (atomic_compare_exchange_weak_explicit(latch, &holder, mine, memory_order_acquire,
                                                  memory_order_relaxed)) {
            lc_watched_after(latch);
            return LC_LATCH_HAD;
        }
        /* It compares with what was seen, so that one thread of the child takes it over, and the
         * others see the child's own generation and wait. */
        if (holder != 0 && holder != mine &&
            atomic_compare_exchange_strong_explicit(latch, &holder, mine, memory_order_acquire,
                                                    memory_order_relaxed)) {
            lc_watched_after(latch);
            return LC_LATCH_TAKEN_OVER;
        }
    }
    return LC_LATCH_BUSY;
}

/* For what must be done. No deadlock: whoever holds it is a thread of this process, and runs sooner
 * or later. Never LC_LATCH_BUSY. */
static inline lc_latch_state lc_latch_have(lc_latch *latch)
{
    lc_latch_state state;
    while ((state = lc_latch_try(latch)) == LC_LATCH_BUSY)
        (void)lc_sleep(LC_LATCH_PAUSE);
    return state;
}

static inline void lc_latch_release(lc_latch *latch)
{
    lc_watched_before(latch);
    atomic_store_explicit(latch, 0, memory_order_release);
}

#endif
