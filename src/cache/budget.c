/* One bound for what all tables of a process keep in memory.
 *
 * Each table has bounds of its own, but a program may have thousands of functions. So every byte
 * that a table takes is counted here, in one number, and where that would pass the bound others
 * have to go first: a hand goes round over the tables (CLOCK; Corbato, 1968), passes over those
 * that gave a result since it came by last, and has the others evict what they would evict next
 * themselves, the asking table among them. What a table evicts is its own queues' to say (table.c).
 * A hit has no part in it.
 *
 * Objects are freed by their binding's release(), which may run anything and needs what the binding
 * holds in its own calls, an interpreter's lock say. So a table only makes those of its own group
 * evict, from within its own calls, and frees what they evicted when no lock is held. What another
 * group has it does without.
 *
 * The list changes by one store at a time, so that a child of fork(), which takes the lock over
 * from a thread of its parent, finds it whole forwards; the way back is made anew then. What such a
 * thread had taken and not kept yet stays taken in the child: an entry's worth. */
#include "cache/budget.h"
#include "base/error.h"
#include "base/latch.h"

#include <stdatomic.h>
#include <stddef.h>

static lc_latch lock;
static lc_budget_member *first;
static lc_budget_member *hand; /* the next to be looked at; NULL: the first */
static _Atomic int64_t taken;  /* by all */
static _Atomic int64_t limit = LOCACHE_MEMORY_BYTES;

/* ----------------------------------------------------------------------------------------- lock */

static void mend_list(void)
{
    lc_budget_member *previous = NULL;
    for (lc_budget_member *at = first; at != NULL; at = at->next) {
        at->previous = previous;
        previous = at;
    }
    hand = NULL;
}

static bool lock_list(void)
{
    lc_latch_state state = lc_latch_try(&lock);
    if (state == LC_LATCH_TAKEN_OVER)
        mend_list();
    return state != LC_LATCH_BUSY;
}

static void lock_list_in_any_case(void)
{
    if (lc_latch_have(&lock) == LC_LATCH_TAKEN_OVER)
        mend_list();
}

/* -------------------------------------------------------------------------------------- members */

void lc_budget_join(lc_budget_member *member)
{
    lock_list_in_any_case();
    member->previous = NULL;
    member->next = first;
    if (first != NULL)
        first->previous = member;
    first = member;
    lc_latch_release(&lock);
}

void lc_budget_leave(lc_budget_member *member)
{
    lock_list_in_any_case();
    if (hand == member)
        hand = member->next;
    *(member->previous != NULL ? &member->previous->next : &first) = member->next;
    if (member->next != NULL)
        member->next->previous = member->previous;
    lc_latch_release(&lock);
}

/* ---------------------------------------------------------------------------------------- bytes */

static lc_budget_member *next_member(void)
{
    lc_budget_member *member = hand != NULL ? hand : first;
    hand = member != NULL ? member->next : NULL;
    return member;
}

/* Have one member of a group evict, going round at most twice: over those that were not used, and
 * over all. False: none had anything. */
static bool evict_one(const void *group, int64_t bytes)
{
    void *evicted = NULL;
    lc_budget_member *member = NULL;
    const lc_budget_member *start = NULL;
    int rounds = 0;
    if (!lock_list())
        return false;
    while (evicted == NULL && (member = next_member()) != NULL) {
        if (member == start && ++rounds == 2)
            break;
        if (start == NULL)
            start = member;
        if (member->group == group)
            evicted = member->evict(member, bytes, rounds > 0);
    }
    /* The member may leave, and be gone, once the lock is. */
    void (*dispose)(void *, void (*)(void *)) = evicted != NULL ? member->dispose : NULL;
    void (*release)(void *) = evicted != NULL ? member->release : NULL;
    lc_latch_release(&lock);
    if (dispose != NULL)
        dispose(evicted, release);
    return dispose != NULL;
}

/* False: what is over the bound is not to be had from that group. Also where none had anything it
 * may have become less: others gave back, or a table began anew. */
static bool evict_down_to(int64_t most, const void *group)
{
    int64_t over = atomic_load(&taken) - most;
    while (over > 0 && evict_one(group, over))
        over = atomic_load(&taken) - most;
    return over <= 0 || atomic_load(&taken) <= most;
}

bool lc_budget_take(const lc_budget_member *member, int64_t bytes)
{
    int64_t most = atomic_load(&limit);
    if (bytes > most)
        return false;
    int64_t total = atomic_fetch_add(&taken, bytes) + bytes;
    if (total <= most || evict_down_to(most, member->group))
        return true;
    atomic_fetch_sub(&taken, bytes);
    return false;
}

void lc_budget_give(int64_t bytes)
{
    atomic_fetch_sub_explicit(&taken, bytes, memory_order_relaxed);
}

int64_t lc_budget_limit(void)
{
    return atomic_load_explicit(&limit, memory_order_relaxed);
}

void locache_set_memory(int64_t bytes, const void *group)
{
    int64_t most = bytes > 0 ? bytes : bytes == 0 ? LOCACHE_MEMORY_BYTES : 0;
    atomic_store(&limit, most);
    (void)evict_down_to(most, group);
}
