/* One bound for what all tables of a process keep in memory. Any thread. */
#ifndef LC_BUDGET_H
#define LC_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* A table, as it is known here: part of it, and where it is until it leaves. */
typedef struct lc_budget_member {
    struct lc_budget_member *next;
    struct lc_budget_member *previous;
    /* Evict about so many bytes, but free nothing yet: what is to be freed, or NULL. One that gave
     * a result since it was last asked evicts only where it has to, `used_too`. Called under a
     * lock, by one thread at a time; it waits for nothing. */
    void *(*evict)(struct lc_budget_member *member, int64_t bytes, bool used_too);
    /* Free what evict() gave, under no lock: by what the member's is freed by. */
    void (*dispose)(void *evicted, void (*release)(void *object));
    void (*release)(void *object);
    /* Only members of one group evict each other's. */
    const void *group;
} lc_budget_member;

void lc_budget_join(lc_budget_member *member);
void lc_budget_leave(lc_budget_member *member);

/* Take so many bytes for a member, for which others of its group may have to go. False: they are
 * not to be had. */
bool lc_budget_take(const lc_budget_member *member, int64_t bytes);
/* Give them back. No lock, no system call. */
void lc_budget_give(int64_t bytes);
/* How many bytes all may have: locache_set_memory(). */
int64_t lc_budget_limit(void);

#endif
