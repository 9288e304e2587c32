/* What a result is worth.
 *
 * GreedyDual-Size gives each entry a priority when it is used: the clock, and its cost divided by
 * its size. What has the lowest goes, and the clock becomes that priority: so what is cheap for its
 * size goes early, and what was dear goes, too, once it was not used for long.
 *
 * A priority at each entry would have to be written at each use. But the files have the time of the
 * last use already, and the clock only moves when something is evicted: it is noted what it was at
 * which time, and an entry's priority follows from these. Since it never goes back, moments that
 * are forgotten are known to lie between those before and after. */
#include "disk/worth.h"

#include <math.h>
#include <string.h>

/* Results that are said to have taken no time are told apart by their size and last use. */
#define COST_LEAST 1000.0 /* nanoseconds */

/* The level of the last point that is not after that time; before all, nothing had gone yet. */
static double level_at(const lc_worth_clock *clock, int64_t when)
{
    int64_t low = 0;
    int64_t high = clock->count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (clock->points[middle].when <= when)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? clock->points[low - 1].level : 0;
}

double lc_worth_of(const lc_worth_clock *clock, int64_t used, int64_t cost, int64_t size)
{
    double dear = (double)cost > COST_LEAST ? (double)cost : COST_LEAST;
    return level_at(clock, used) + dear / (double)(size > 0 ? size : 1);
}

/* Forget the moment that is missed least: where the levels before and after it are closest, for how
 * long ago they were. So what is known gets coarser with age, and reaches as far back as there are
 * evictions. */
static void forget_one(lc_worth_clock *clock)
{
    const struct lc_worth_point *points = clock->points;
    double last = points[clock->count - 1].level;
    double least = INFINITY;
    int64_t which = 1;
    for (int64_t i = 1; i < clock->count - 1; i++) {
        double missed = (points[i + 1].level - points[i - 1].level) / (last - points[i - 1].level);
        if (missed < least) {
            least = missed;
            which = i;
        }
    }
    clock->count--;
    memmove(clock->points + which, clock->points + which + 1,
            (size_t)(clock->count - which) * sizeof clock->points[0]);
}

void lc_worth_advance(lc_worth_clock *clock, int64_t now, double worth)
{
    struct lc_worth_point *last = clock->count > 0 ? clock->points + clock->count - 1 : NULL;
    if (!isfinite(worth) || worth <= 0 || (last != NULL && worth <= last->level))
        return;
    /* A clock of the system that went back, or stands still: the later level counts. */
    if (last != NULL && now <= last->when) {
        last->level = worth;
        return;
    }
    if (clock->count == LC_WORTH_POINTS)
        forget_one(clock);
    clock->points[clock->count++] = (struct lc_worth_point){now, worth};
}

bool lc_worth_is_sound(const lc_worth_clock *clock)
{
    if (clock->count < 0 || clock->count > LC_WORTH_POINTS)
        return false;
    for (int64_t i = 0; i < clock->count; i++)
        if (!isfinite(clock->points[i].level) || clock->points[i].level < 0 ||
            (i > 0 && clock->points[i].when <= clock->points[i - 1].when))
            return false;
    return true;
}
