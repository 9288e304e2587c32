/* How much there is in each of a user's caches, as it was last counted: one file in the user's
 * state directory, so that to sum them up looks into none of them. Any thread; processes exclude
 * each other. */
#ifndef LC_SUMS_H
#define LC_SUMS_H

#include "disk/registry.h"
#include "disk/tally.h"
#include "disk/worth.h"

typedef struct lc_sum {
    unsigned char id[LOCACHE_ID_SIZE]; /* of the cache directory's path, as it is registered */
    lc_tally tally;
} lc_sum;

typedef struct lc_sums {
    int fd;
    lc_worth_clock clock; /* of what is evicted for all of them together */
    lc_sum *items;
    size_t count;
    size_t room;
} lc_sums;

/* Open and lock it, made where it is missing, and read what it says. False: it is not to be had, or
 * somebody else has it; nothing is to be closed then. */
bool lc_sums_begin(lc_sums *out);
/* The record of a cache, made with zeros where there is none; NULL: no memory. Valid until the next
 * is made. */
lc_sum *lc_sums_by_id(lc_sums *sums, const unsigned char id[LOCACHE_ID_SIZE], bool make);
void lc_sums_remove(lc_sums *sums, lc_sum *sum);
lc_tally lc_sums_total(const lc_sums *sums);
/* Write it, and give it up. */
void lc_sums_end(lc_sums *sums);

#endif
