/* The shortest decimal of a double, by integer arithmetic alone: the rounding mode, the locale, the
 * flags and traps of the processor's floating point have no part in it. No allocation. Any
 * thread. */
#ifndef LC_SHORTEST_H
#define LC_SHORTEST_H

#include <stdint.h>

#define LC_SHORTEST_DIGITS_MAX 17 /* DBL_DECIMAL_DIG: so many tell any two doubles apart */

/* 0.DIGITS times ten to the power of point. */
typedef struct lc_shortest_digits {
    char text[LC_SHORTEST_DIGITS_MAX];
    int count;
    int point;
} lc_shortest_digits;

/* Of the decimals that are read back as the double with these bits, which is positive and finite,
 * one with the fewest digits; of those the closest, and of two as close the one with an even last
 * digit. None ends in a zero. */
void lc_shortest(lc_shortest_digits *out, uint64_t bits);

#endif
