/* What is counted of the use of functions' results, as listings show it. */
#ifndef CLI_COUNTED_H
#define CLI_COUNTED_H

#include "json.h"
#include "locache.h"

/* Add what was counted of a folder to *sum, which starts as zeros; folder may be NULL. */
void cli_counted_add(locache_counts *sum, locache_folder *folder);
void cli_counted_join(locache_counts *sum, const locache_counts *more);

/* The part of all look-ups that hit; negative: there were none. */
double cli_counted_ratio(const locache_counts *counts);
/* "99.8%", "100%", "-" where there were none. */
#define CLI_RATIO_TEXT 8
void cli_counted_ratio_text(char out[CLI_RATIO_TEXT], const locache_counts *counts);
/* 1204 as "1,204". */
#define CLI_COUNT_TEXT 32
void cli_counted_text(char out[CLI_COUNT_TEXT], uint64_t count);
/* A time of counts, which may be larger than any span. */
int64_t cli_counted_span(uint64_t nanoseconds);

/* Cells of a line: hits, and time saved; "-" where nothing was counted. Their heads. */
void cli_counted_cells(const locache_counts *counts);
void cli_counted_heads(void);
/* Members of an object: hits, misses, saved_seconds. */
void cli_counted_json(cli_json *json, const locache_counts *counts);

#endif
