/* Costs of entries in memory, in a table by the number of their files: a later one takes the place
 * of an earlier. Read and written without a lock: one that is torn says a wrong cost, for which an
 * entry goes too soon or too late, and no longer than until it is noted again. */
#include "disk/costs.h"
#include "base/alloc.h"
#include "disk/stamp.h"

#include <stdatomic.h>
#include <string.h>

/* A handle with max_bytes has 160 KiB of them, from when it is opened. */
#define SLOTS 4096

struct lc_costs {
    struct lc_cost_slot {
        _Atomic uint64_t inode; /* 0: none */
        _Atomic int64_t modified;
        _Atomic int64_t took;
        _Atomic int64_t created;
        _Atomic int64_t expires;
    } slots[SLOTS];
};

lc_costs *lc_costs_new(void)
{
    lc_costs *made = lc_alloc(sizeof *made);
    if (made != NULL)
        memset(made, 0, sizeof *made);
    return made;
}

void lc_costs_free(lc_costs *costs)
{
    lc_free(costs);
}

static int64_t read_slot(const _Atomic int64_t *from)
{
    return atomic_load_explicit(from, memory_order_relaxed);
}

bool lc_costs_find(lc_cost *out, const lc_costs *costs, const struct stat *found)
{
    if (costs == NULL)
        return false;
    const struct lc_cost_slot *slot = &costs->slots[(uint64_t)found->st_ino % SLOTS];
    if (atomic_load_explicit(&slot->inode, memory_order_relaxed) != (uint64_t)found->st_ino ||
        read_slot(&slot->modified) != lc_stamp_nanoseconds(&found->st_mtim))
        return false;
    *out = (lc_cost){read_slot(&slot->took), read_slot(&slot->created), read_slot(&slot->expires)};
    return true;
}

static void write_slot(_Atomic int64_t *to, int64_t value)
{
    atomic_store_explicit(to, value, memory_order_relaxed);
}

void lc_costs_note(lc_costs *costs, uint64_t inode, int64_t modified, const lc_cost *cost)
{
    if (costs == NULL)
        return;
    struct lc_cost_slot *slot = &costs->slots[inode % SLOTS];
    atomic_store_explicit(&slot->inode, inode, memory_order_relaxed);
    write_slot(&slot->modified, modified);
    write_slot(&slot->took, cost->took);
    write_slot(&slot->created, cost->created);
    write_slot(&slot->expires, cost->expires);
}
