/* A round through the names of a directory that is too large to be listed for a store: some names
 * at each store, until all were seen. One process at a time; any thread. */
#ifndef LC_ROUND_H
#define LC_ROUND_H

#include "disk/tally.h"

typedef struct lc_round {
    int64_t place;    /* of the next name, as the file system says it; 0: the first */
    lc_tally seen;    /* in this round, that stay */
    lc_tally begin;   /* what there was said to be when it began */
    lc_tally evicted; /* in this round */
} lc_round;

/* All names were seen, and the next round begins. *tally is what there is said to be, and becomes
 * what is known now: as much as was seen, and as much more at most as was stored meanwhile. */
void lc_round_end(lc_round *in, lc_tally *tally);

#endif
