/* What is counted of the use of functions' results, as listings show it. */
#include "counted.h"
#include "print.h"

#include <stdio.h>

/* As wide as "999K" and "12min", with two blanks behind. */
#define HITS_WIDTH 6
#define SAVED_WIDTH 6

static uint64_t sum_of(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

void cli_counted_join(locache_counts *sum, const locache_counts *more)
{
    sum->hits = sum_of(sum->hits, more->hits);
    sum->misses = sum_of(sum->misses, more->misses);
    sum->rejects = sum_of(sum->rejects, more->rejects);
    sum->stores = sum_of(sum->stores, more->stores);
    sum->saved_time = sum_of(sum->saved_time, more->saved_time);
    sum->compute_time = sum_of(sum->compute_time, more->compute_time);
    sum->bytes_read = sum_of(sum->bytes_read, more->bytes_read);
    sum->bytes_stored = sum_of(sum->bytes_stored, more->bytes_stored);
    if (sum->since == 0 || (more->since != 0 && more->since < sum->since))
        sum->since = more->since;
    if (more->until > sum->until)
        sum->until = more->until;
}

void cli_counted_add(locache_counts *sum, locache_folder *folder)
{
    locache_counts counts = {.size = sizeof counts};
    if (folder != NULL && locache_folder_counts(&counts, folder) == LOCACHE_OK)
        cli_counted_join(sum, &counts);
}

double cli_counted_ratio(const locache_counts *counts)
{
    double hits = (double)counts->hits;
    double all = hits + (double)counts->misses + (double)counts->rejects;
    return all > 0 ? hits / all : -1;
}

void cli_counted_ratio_text(char out[CLI_RATIO_TEXT], const locache_counts *counts)
{
    double ratio = cli_counted_ratio(counts);
    if (ratio < 0)
        (void)snprintf(out, CLI_RATIO_TEXT, "-");
    else if (ratio >= 1)
        (void)snprintf(out, CLI_RATIO_TEXT, "100%%");
    else /* what is not all is not shown as all */
        (void)snprintf(out, CLI_RATIO_TEXT, "%.1f%%", ratio > 0.999 ? 99.9 : 100 * ratio);
}

void cli_counted_text(char out[CLI_COUNT_TEXT], uint64_t count)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count);
    char *at = out;
    for (int i = 0; i < size; i++) {
        if (i > 0 && (size - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
}

int64_t cli_counted_span(uint64_t nanoseconds)
{
    return nanoseconds < INT64_MAX ? (int64_t)nanoseconds : INT64_MAX;
}

/* Thousands, since these are no bytes. */
static void short_count(char out[CLI_COUNT_TEXT], uint64_t count)
{
    static const char units[] = "KMGTPE";
    double shown = (double)count / 1000;
    size_t unit = 0;
    if (count < 10000) {
        (void)snprintf(out, CLI_COUNT_TEXT, "%u", (unsigned)count);
        return;
    }
    for (; shown >= 999.5 && unit + 2 < sizeof units; unit++)
        shown /= 1000;
    (void)snprintf(out, CLI_COUNT_TEXT, shown < 9.95 ? "%.1f%c" : "%.0f%c", shown, units[unit]);
}

void cli_counted_cells(const locache_counts *counts)
{
    char hits[CLI_COUNT_TEXT] = "-";
    char saved[CLI_SPAN_TEXT] = "-";
    if (counts->since != 0) {
        if (cli_on_terminal())
            short_count(hits, counts->hits);
        else
            (void)snprintf(hits, sizeof hits, "%llu", (unsigned long long)counts->hits);
        cli_span_text(saved, cli_counted_span(counts->saved_time));
    }
    cli_put_cell(HITS_WIDTH, hits);
    cli_put_cell(SAVED_WIDTH, saved);
}

void cli_counted_heads(void)
{
    cli_put_cell(HITS_WIDTH, "HITS");
    cli_put_cell(SAVED_WIDTH, "SAVED");
}

void cli_counted_json(cli_json *json, const locache_counts *counts)
{
    cli_json_member_uint(json, "hits", counts->hits);
    cli_json_member_uint(json, "misses", counts->misses);
    cli_json_member_span(json, "saved_seconds", cli_counted_span(counts->saved_time));
}
