/* A hand that goes round a large directory, a few names at a time, and evicts what was used least
 * recently of what it comes by (CLOCK; Corbato, 1968). Where it is, all processes know by
 * .locache/hand: deleted, it begins anew. One process at a time; any thread. */
#ifndef LC_HAND_H
#define LC_HAND_H

#include "disk/limits.h"

/* So many at once, at most; each has 1/64 of the names that the hand comes by at least. */
#define LC_HAND_EVICTS 8

/* Move it on, and evict what is beyond max_entries, or some more, but none of the name `keep`.
 * `count` is how many entries there are said to be; what is beyond LC_HAND_EVICTS stays. How many
 * there are then, as far as that is known, and no fewer; or -1: the directory could not be read. */
int64_t lc_hand_move(const lc_directory *at, const lc_limits *limits, const char *keep,
                     int64_t count);

#endif
