/* Which results in memory have their files' descriptors held, by use (CLOCK).
 *
 * All but lc_held_close() runs under the lock of the table, and makes no system call: what is to be
 * opened was opened before, what is to be closed is closed after. */
#include "cache/held.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/stamp.h"

#include <stdatomic.h>

/* The part of the process's descriptors that all tables and function directories may hold, and how
 * many in any case. Sixteen times as many is what most programs have to themselves. */
#define HELD_PART 16
#define HELD_LEAST 256
/* But no more than three quarters of the numbers that are low enough for that (lc_hold_below()):
 * select() never takes higher ones, and some are to be left to the program. */
#define LOW_PART 8
#define LOW_MOST 1000
#define OF_LOW(low) ((low) / 4 * 3)
/* Where all are held, so many hits without one pass before another entry may take one over: opening
 * it costs as much as several of the hits that it makes faster. */
#define PIN_EVERY 16

/* Descriptors held by the process: of all tables, and of directories. A child of fork() has copies
 * of them all, and counts on. One whose table begins anew (lc_held_forget()) leaves that table's
 * counted: they are open still, and nobody knows their numbers any more. */
static atomic_int held_in_all;

static int budget(void)
{
    int all = lc_descriptors();
    int share = all / HELD_PART > HELD_LEAST ? all / HELD_PART : HELD_LEAST;
    int low = all / LOW_PART < LOW_MOST ? all / LOW_PART : LOW_MOST;
    return share < OF_LOW(low) ? share : OF_LOW(low);
}

static bool has_room(void)
{
    /* And one more; 0: not asked yet. Two threads that ask at once get the same. */
    static atomic_int most;
    int limit = atomic_load_explicit(&most, memory_order_relaxed);
    if (limit == 0) {
        limit = budget() + 1;
        atomic_store_explicit(&most, limit, memory_order_relaxed);
    }
    /* Two tables may pass this at once and be a few over: it is a share, not a limit that anything
     * depends on. */
    return atomic_load_explicit(&held_in_all, memory_order_relaxed) < limit - 1;
}

void lc_held_count_directory(int more)
{
    atomic_fetch_add_explicit(&held_in_all, more, memory_order_relaxed);
}

/* One step of the hand (CLOCK; Corbato, 1968): it stops at one that was not used since it came by.
 * One step for each offer, so that no hit pays for a whole round. */
static bool hand_stops(lc_held *held)
{
    if (held->hand == NULL)
        return false;
    held->hand = held->hand->next;
    bool idle = !held->hand->used;
    held->hand->used = false;
    return idle;
}

bool lc_held_offer(lc_held *held)
{
    return has_room() || (++held->hits_without % PIN_EVERY == 0 && hand_stops(held));
}

/* Evict the holder at the hand. Between lc_held_offer(), which stopped the hand there, and now the
 * file was opened, without the lock: others may have used that holder meanwhile, or taken its
 * descriptor. Then the hand stops at none, and the next offer tries again. */
static bool evict_at_hand(lc_held *held, lc_holder *evicted)
{
    lc_holder *holder = held->hand;
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
    if (!has_room() && !evict_at_hand(held, evicted))
        return false;
    holder->descriptor = descriptor;
    holder->used = true;
    /* Where the hand comes by last. */
    lc_holder *next = held->hand != NULL ? held->hand->next : holder;
    holder->next = next;
    holder->last = held->hand != NULL ? held->hand : holder;
    holder->last->next = holder;
    next->last = holder;
    held->hand = holder;
    atomic_fetch_add_explicit(&held_in_all, 1, memory_order_relaxed);
    return true;
}

void lc_held_release(lc_held *held, lc_holder *holder)
{
    if (held->hand == holder)
        held->hand = holder->last != holder ? holder->last : NULL;
    holder->last->next = holder->next;
    holder->next->last = holder->last;
    atomic_fetch_sub_explicit(&held_in_all, 1, memory_order_relaxed);
}

void lc_held_forget(lc_held *held)
{
    held->hand = NULL;
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
