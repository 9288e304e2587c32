/* One bound for what all tables of a process keep in memory.
 *
 * Each table has bounds of its own, but a program may have thousands of functions. So every byte
 * that a table takes is counted here, in one number, and where that would pass the bound others
 * have to go first: a hand goes round over the tables (CLOCK; Corbato, 1968), passes over those
 * that gave a result since it came by last, and has the others evict what they would evict next
 * themselves, the asking table among them. What a table evicts is its own queues' to say (table.c).
 *
 * Objects are freed by their binding's release(), which may run anything and needs what the binding
 * holds in its own calls, an interpreter's lock say. So a table only makes those of its own group
 * evict, from within its own calls, and frees what they evicted when no lock is held.
 *
 * The list changes by one store at a time, so that a child of fork(), which takes the lock over
 * from a thread of its parent, finds it whole forwards; the way back is made anew then. */
#include "cache/budget.h"
#include "base/error.h"
#include "base/system.h"

#include <stddef.h>

/* The lock's holder is not on a processor after so many looks. */
#define LOOKS 1000
/* Nanoseconds until one that must have it tries again. */
#define PAUSE INT64_C(100000)

static atomic_uint lock; /* 0, or the generation of who holds it */
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
    unsigned mine = lc_generation();
    for (int look = 0; look < LOOKS; look++) {
        unsigned holder = 0;
        if (atomic_compare_exchange_weak(&lock, &holder, mine))
            return true;
        if (holder != 0 && holder != mine && atomic_compare_exchange_strong(&lock, &holder, mine)) {
            mend_list();
            return true;
        }
    }
    return false;
}

static void lock_list_in_any_case(void)
{
    while (!lock_list())
        (void)lc_sleep(PAUSE);
}

static void unlock_list(void)
{
    atomic_store(&lock, 0);
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
    unlock_list();
}

void lc_budget_leave(lc_budget_member *member)
{
    lock_list_in_any_case();
    if (hand == member)
        hand = member->next;
    *(member->previous != NULL ? &member->previous->next : &first) = member->next;
    if (member->next != NULL)
        member->next->previous = member->previous;
    unlock_list();
}

/* ---------------------------------------------------------------------------------------- bytes */

static lc_budget_member *next_member(void)
{
    lc_budget_member *member = hand != NULL ? hand : first;
    hand = member != NULL ? member->next : NULL;
    return member;
}

/* Members of whom a step is asked; `group` NULL: of any. */
typedef struct asked {
    const void *group;
    void (*context)(void *);
} asked;

static bool is_asked(const lc_budget_member *member, const asked *of)
{
    return of == NULL || (member->group == of->group && member->context == of->context);
}

/* Have one member evict, going round at most twice: once over those that were used. False: none
 * had anything. */
static bool evict_one(const asked *of, int64_t bytes)
{
    void *evicted = NULL;
    lc_budget_member *member = NULL;
    lc_budget_member *start = NULL;
    int rounds = 0;
    if (!lock_list())
        return false;
    while (evicted == NULL && (member = next_member()) != NULL) {
        if (member == start && ++rounds == 2)
            break;
        if (start == NULL)
            start = member;
        if (is_asked(member, of) && !atomic_exchange(&member->used, false))
            evicted = member->evict(member, bytes);
    }
    void (*dispose)(void *, void (*)(void *)) = evicted != NULL ? member->dispose : NULL;
    void (*context)(void *) = evicted != NULL ? member->context : NULL;
    unlock_list();
    if (dispose != NULL)
        dispose(evicted, context);
    return dispose != NULL;
}

bool lc_budget_take(lc_budget_member *member, int64_t bytes)
{
    const asked of = {.group = member->group, .context = member->context};
    int64_t most = atomic_load(&limit);
    if (bytes > most)
        return false;
    int64_t total = atomic_fetch_add(&taken, bytes) + bytes;
    while (total > most) {
        if (!evict_one(&of, total - most)) {
            atomic_fetch_sub(&taken, bytes);
            return false;
        }
        total = atomic_load(&taken);
    }
    return true;
}

void lc_budget_give(int64_t bytes)
{
    atomic_fetch_sub_explicit(&taken, bytes, memory_order_relaxed);
}

int64_t lc_budget_limit(void)
{
    return atomic_load_explicit(&limit, memory_order_relaxed);
}

void locache_set_memory(int64_t bytes)
{
    int64_t most = bytes > 0 ? bytes : bytes == 0 ? LOCACHE_MEMORY_BYTES : 0;
    atomic_store(&limit, most);
    for (int64_t total = atomic_load(&taken); total > most; total = atomic_load(&taken))
        if (!evict_one(NULL, total - most))
            break;
}
