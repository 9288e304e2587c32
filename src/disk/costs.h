/* What entries cost and when they end, as this process has read it from their headers or written it
 * there: so that who looks for what is worth least need not open them again. Advice; any thread. */
#ifndef LC_COSTS_H
#define LC_COSTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

typedef struct lc_costs lc_costs;

/* Of one entry. */
typedef struct lc_cost {
    int64_t took;    /* nanoseconds */
    int64_t created; /* nanoseconds since 1970-01-01 UTC */
    int64_t expires; /* likewise; 0: never */
} lc_cost;

/* NULL: no memory. */
lc_costs *lc_costs_new(void);
void lc_costs_free(lc_costs *costs);
/* False: it is not known of this file in this state. costs may be NULL. */
bool lc_costs_find(lc_cost *out, const lc_costs *costs, const struct stat *found);
/* The inode and the time of modification stand for the state: a file that another process wrote in
 * its place has others. */
void lc_costs_note(lc_costs *costs, uint64_t inode, int64_t modified, const lc_cost *cost);

#endif
