/* What a result is worth, to say which goes first: GreedyDual-Size (Cao, Irani: "Cost-aware WWW
 * proxy caching algorithms", USITS 1997), with the recorded compute time as the cost. No I/O but for
 * the clock's own file, no lock: one process at a time. */
#ifndef LC_WORTH_H
#define LC_WORTH_H

#include <stdbool.h>
#include <stdint.h>

/* So many moments of the clock are known: the last ones each, those before ever fewer. */
#define LC_WORTH_POINTS 128

/* The clock: what was worth least of what was there, when something was evicted for it. It never
 * goes back. */
typedef struct lc_worth_clock {
    int64_t count;
    struct lc_worth_point {
        int64_t when; /* nanoseconds since 1970-01-01 UTC, in order */
        double level; /* nanoseconds of computation for a byte, in order */
    } points[LC_WORTH_POINTS];
} lc_worth_clock;

/* Of an entry that was used last at `used`, took `cost` nanoseconds to compute and has `size` bytes:
 * what the clock said then, and its cost for a byte. The least goes first. */
double lc_worth_of(const lc_worth_clock *clock, int64_t used, int64_t cost, int64_t size);
/* Something that was worth so much is evicted now. */
void lc_worth_advance(lc_worth_clock *clock, int64_t now, double worth);
/* Can that be a clock? What is read from a file may be anything. */
bool lc_worth_is_sound(const lc_worth_clock *clock);

#endif
