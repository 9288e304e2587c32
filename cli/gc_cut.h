/* How much is to go so that the rest is within a bound: what is worth least, in two passes. */
#ifndef CLI_GC_CUT_H
#define CLI_GC_CUT_H

#include "locache.h"

/* What some files may take together. UINT64_MAX, and an age of 0: no bound. */
typedef struct cli_bound {
    uint64_t max_bytes;
    uint64_t max_entries;
    int64_t max_age; /* nanoseconds since the last use */
} cli_bound;

#define CLI_BOUND_NONE                                                                             \
    ((cli_bound){.max_bytes = UINT64_MAX, .max_entries = UINT64_MAX, .max_age = 0})

bool cli_bound_is_set(const cli_bound *bound);

/* Files by what they are worth. */
typedef struct cli_worths cli_worths;

/* NULL: no memory. */
cli_worths *cli_worths_new(void);
void cli_worths_clear(cli_worths *worths);
/* What a file of that weight (bytes) is worth at that moment: one of some thousand classes, from
 * what goes first on. */
size_t cli_worth_of(const locache_file *file, uint64_t weight, int64_t now);
void cli_worths_add(cli_worths *worths, size_t worth, uint64_t weight);

/* What is to go: all that is worth less than `worth`, and of that class as much as is said. */
typedef struct cli_cut {
    bool is;
    size_t worth;
    uint64_t bytes;
    uint64_t entries;
} cli_cut;

/* The cut that brings so many bytes and entries in all within the bound, by what there is of each
 * worth. */
cli_cut cli_cut_of(const cli_worths *worths, const cli_bound *bound, uint64_t bytes,
                   uint64_t entries);
/* Is a file to go? */
bool cli_cut_takes(const cli_cut *cut, size_t worth);
/* It went. */
void cli_cut_count(cli_cut *cut, size_t worth, uint64_t weight);

#endif
