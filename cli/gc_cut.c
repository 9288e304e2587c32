/* What goes first of some files, so that the rest is within a bound.
 *
 * It is what is cheap to make again for its size and long unused. Twice through the files: once to
 * sum up how many bytes and entries there are of each worth, once to remove what is below the worth
 * at which enough is gone. So a million entries take no more memory than one, and what somebody
 * uses between the two is worth more then, and stays. */
#include "gc_cut.h"

#include <stdlib.h>
#include <string.h>

/* The upper 16 bits of a worth, which is a positive real: sign, exponent and 4 bits more, so that
 * worths within a sixteenth of each other are taken for the same. */
#define WORTHS 65536

/* A computation that took less was not measured better. */
#define TIME_LEAST 1e3

struct cli_worths {
    uint64_t bytes[WORTHS];
    uint64_t entries[WORTHS];
};

bool cli_bound_is_set(const cli_bound *bound)
{
    return bound->max_bytes != UINT64_MAX || bound->max_entries != UINT64_MAX || bound->max_age > 0;
}

cli_worths *cli_worths_new(void)
{
    return calloc(1, sizeof(cli_worths));
}

void cli_worths_clear(cli_worths *worths)
{
    memset(worths, 0, sizeof *worths);
}

/* Nanoseconds of computing that each byte saves, the less the longer it was not used. What is
 * damaged is worth nothing. */
size_t cli_worth_of(const locache_file *file, uint64_t weight, int64_t now)
{
    uint64_t bits;
    if (file->status != LOCACHE_OK)
        return 0;
    double took = (double)file->compute_time > TIME_LEAST ? (double)file->compute_time : TIME_LEAST;
    double unused = (double)now - (double)file->used;
    double worth = took / (double)(weight + 1) / (unused > 1e9 ? unused / 1e9 : 1);
    memcpy(&bits, &worth, sizeof bits);
    return (size_t)(bits >> 48);
}

void cli_worths_add(cli_worths *worths, size_t worth, uint64_t weight)
{
    worths->bytes[worth] += weight;
    worths->entries[worth]++;
}

static uint64_t beyond(uint64_t number, uint64_t bound)
{
    return number > bound ? number - bound : 0;
}

/* Where enough is below: what is left over for that worth itself is the cut's. */
cli_cut cli_cut_of(const cli_worths *worths, const cli_bound *bound, uint64_t bytes,
                   uint64_t entries)
{
    cli_cut cut = {.bytes = beyond(bytes, bound->max_bytes),
                   .entries = beyond(entries, bound->max_entries)};
    cut.is = cut.bytes > 0 || cut.entries > 0;
    while (cut.is && cut.worth + 1 < WORTHS &&
           (worths->bytes[cut.worth] < cut.bytes || worths->entries[cut.worth] < cut.entries)) {
        cut.bytes = beyond(cut.bytes, worths->bytes[cut.worth]);
        cut.entries = beyond(cut.entries, worths->entries[cut.worth]);
        cut.worth++;
    }
    return cut;
}

bool cli_cut_takes(const cli_cut *cut, size_t worth)
{
    return cut->is &&
           (worth < cut->worth || (worth == cut->worth && (cut->bytes > 0 || cut->entries > 0)));
}

/* Those below the cut go whatever was counted by then. */
void cli_cut_count(cli_cut *cut, size_t worth, uint64_t weight)
{
    if (worth != cut->worth)
        return;
    cut->bytes -= weight < cut->bytes ? weight : cut->bytes;
    cut->entries -= cut->entries > 0;
}
