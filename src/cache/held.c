/* Which results in memory have their files' descriptors held, by use (CLOCK).
 *
 * All but lc_held_close() runs under the lock of the table, and makes no system call: what is to be
 * opened was opened before, what is to be closed is closed after. */
#include "cache/held.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/stamp.h"

#include <stdatomic.h>

/* The part of the process's descriptors that all tables may hold, and how many at most: a process
 * often has no more than 1,024, for all that it does, and select() never takes higher ones. */
#define HELD_PART 8
#define HELD_MOST 256
/* Where all are held, so many hits without one pass before another entry may take one over: opening
 * it costs as much as several of the hits that it makes faster. */
#define PIN_EVERY 16

/* Descriptors held by all tables of the process. A child of fork() has copies of them all, and
 * counts on. One whose table begins anew (lc_held_forget()) leaves that table's counted: they are
 * open still, and nobody knows their numbers any more. */
static atomic_int held_in_all;

static bool has_room(const lc_held *held)
{
    /* Of all tables, and one more; 0: not asked yet. Two threads that ask at once get the same. */
    static atomic_int most;
    int limit = atomic_load_explicit(&most, memory_order_relaxed);
    if (limit == 0) {
        limit = lc_descriptors() / HELD_PART + 1;
        if (limit > HELD_MOST + 1)
            limit = HELD_MOST + 1;
        atomic_store_explicit(&most, limit, memory_order_relaxed);
    }
    /* Two tables may pass this at once and be a few over: it is a share, not a limit that anything
     * depends on. */
    return held->count < LC_HELD_MAX &&
           atomic_load_explicit(&held_in_all, memory_order_relaxed) < limit - 1;
}

/* One step of the hand (CLOCK; Corbato, 1968): it stops at one that was not used since it came by.
 * One step for each offer, so that no hit pays for a whole round. */
static bool hand_stops(lc_held *held)
{
    if (held->count == 0)
        return false;
    held->hand = (held->hand + 1) % held->count;
    lc_holder *holder = held->holders[held->hand];
    bool idle = !holder->used;
    holder->used = false;
    return idle;
}

bool lc_held_offer(lc_held *held)
{
    return has_room(held) || (++held->hits_without % PIN_EVERY == 0 && hand_stops(held));
}

/* Evict the holder at the hand. Between lc_held_offer(), which stopped the hand there, and now the
 * file was opened, without the lock: others may have used that holder meanwhile, or taken its
 * descriptor. Then the hand stops at none, and the next offer tries again. */
static bool evict_at_hand(lc_held *held, lc_holder *evicted)
{
    lc_holder *holder = held->hand < held->count ? held->holders[held->hand] : NULL;
    if (holder == NULL || holder->used)
        return false;
    *evicted = *holder;
    lc_held_release(held, holder);
    holder->descriptor = -1;
    return true;
}

bool lc_held_pin(lc_held *held, lc_holder *holder, int descriptor, lc_holder *evicted)
{
    evicted->descriptor = -1;
    if (!has_room(held) && !evict_at_hand(held, evicted))
        return false;
    holder->descriptor = descriptor;
    holder->used = true;
    holder->index = (unsigned char)held->count;
    held->holders[held->count++] = holder;
    atomic_fetch_add_explicit(&held_in_all, 1, memory_order_relaxed);
    return true;
}

/* The last holder moves to the index that is free: no search, no shift. */
void lc_held_release(lc_held *held, const lc_holder *holder)
{
    lc_holder *last = held->holders[--held->count];
    held->holders[holder->index] = last;
    last->index = holder->index;
    atomic_fetch_sub_explicit(&held_in_all, 1, memory_order_relaxed);
}

void lc_held_forget(lc_held *held)
{
    held->count = held->hand = 0;
}

/* A program that becomes a daemon closes every descriptor that it finds, and opens others under
 * their numbers: those are not ours to close. By device and number alone, since the file may have
 * changed; as long as it is held, its number goes to no other. */
void lc_held_close(const lc_holder *holder)
{
    struct stat found;
    if (holder->descriptor >= 0 && lc_fstat(holder->descriptor, &found) == 0 &&
        lc_stamp_names(&holder->stamp, &found))
        lc_close(holder->descriptor);
}
