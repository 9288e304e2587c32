/* A hand that goes round a large directory, a few names at a time, and evicts what was used least
 * recently of what it comes by (CLOCK; Corbato, 1968). Where it is, all processes know by
 * .locache/hand: deleted, it begins anew. One process at a time; any thread. */
#ifndef LC_HAND_H
#define LC_HAND_H

#include "disk/limits.h"
#include "disk/tally.h"

/* So many at once, at most; each has 1/64 of the names that the hand comes by at least. */
#define LC_HAND_EVICTS 8

/* Move it on, and evict what is beyond max_entries, or some more, but none of the name `keep`.
 * *tally is what there is said to be, and then what there is, as far as that is known, and no less;
 * what is beyond LC_HAND_EVICTS stays. False: the directory could not be read. */
bool lc_hand_move(lc_tally *tally, const lc_directory *at, const lc_limits *limits,
                  const char *keep);

#endif
