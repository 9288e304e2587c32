/* One bound for what all tables of a process keep in memory. Any thread. */
#ifndef LC_BUDGET_H
#define LC_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A table, as it is known here: part of it. */
typedef struct lc_budget_member {
    struct lc_budget_member *next;
    struct lc_budget_member *previous;
    atomic_bool used; /* it gave a result since it was last looked at */
    /* Evict about so many bytes, but free nothing yet: what is to be freed, or NULL. Called under a
     * lock, and waits for nothing. */
    void *(*evict)(struct lc_budget_member *member, int64_t bytes);
    /* Free what evict() gave, under no lock. `context` is as below. */
    void (*dispose)(void *evicted, void (*context)(void *));
    void (*context)(void *);
    /* Members of one group, with one context, may evict each other's: these run code of the
     * binding's. */
    const void *group;
} lc_budget_member;

/* The member must stay where it is until it left. */
void lc_budget_join(lc_budget_member *member);
void lc_budget_leave(lc_budget_member *member);

/* Take so many bytes for a member, for which others may have to go. False: they are not to be
 * had. */
bool lc_budget_take(lc_budget_member *member, int64_t bytes);
/* Give them back. No lock, no system call. */
void lc_budget_give(int64_t bytes);
/* How many bytes all may have. */
int64_t lc_budget_limit(void);

#endif
