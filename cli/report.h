/* What the parts of `locache report` share: the numbers of the page, and the functions that each
 * file has for the others. One thread. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include "rows.h"

#include <stdio.h>

/* Bounds of what is told one by one, whatever there is: the page stays below 1 MB. */
#define CLI_REPORT_ROWS 200   /* functions in the table: the largest, and as many costliest */
#define CLI_REPORT_TILES 40   /* in a map: smaller ones would be too small to be read */
#define CLI_REPORT_RESULTS 20 /* the largest */

/* Ages at which groups of results end; the last has no end. */
#define CLI_REPORT_AGES 7

typedef struct cli_report {
    FILE *to;
    const char *title; /* what was looked at */
    int64_t now;
    uint64_t caches;
    uint64_t functions;
    uint64_t versions; /* earlier ones */
    cli_sums sums;
    cli_sums earlier; /* of these, in earlier versions */
    /* What processes counted. */
    uint64_t hits;
    uint64_t misses;
    uint64_t saved;
    uint64_t counts[CLI_REPORT_AGES];
    uint64_t bytes[CLI_REPORT_AGES];
    cli_rows by_size; /* of functions with all of their versions */
    cli_rows by_time; /* saved; or, where no hits were counted, computed */
    cli_rows results; /* the largest */
    /* Those of by_size, then those of by_time that are not among them: what the table shows. */
    const cli_row *rows[2 * CLI_REPORT_ROWS];
    size_t row_count;
} cli_report;

/* report_page.c: the page. */
void cli_report_page(cli_report *report);

/* Made of report.css and report.js when this is built: their lines, and NULL. */
extern const char *const cli_report_css[];
extern const char *const cli_report_js[];

/* report_html.c: text of somebody else's within HTML, between quotes too. What is not printable is
 * \xNN. Of more than `max` bytes the middle is left out; 0: all is written. */
void cli_html_text(FILE *to, const char *text, size_t max);
/* A path as it is shown, shortened. */
void cli_html_path(FILE *to, const char *path);
/* A number with its thousands apart. */
#define CLI_HTML_COUNT 32
const char *cli_html_count(char out[CLI_HTML_COUNT], uint64_t number);

/* report_map.c: a treemap of the functions: by bytes, or by time. */
void cli_report_map(const cli_report *report, bool by_time);
/* The time that a function saved; where no hits were counted at all, what its results took to
 * compute, which each hit saves. */
double cli_report_time(const cli_report *report, const cli_row *row);

/* report_table.c: the functions, and the largest results. */
void cli_report_functions(const cli_report *report);
void cli_report_results(const cli_report *report);
/* The number of a function's row in the table. */
size_t cli_report_number(const cli_report *report, const cli_row *row);

/* report_cache.c: the number of a cache among those of the largest functions, from 0: its colour
 * and pattern in the maps. The last stands for all further ones. */
size_t cli_report_cache(const cli_report *report, const char *cache);
#define CLI_REPORT_PATTERNS 8

#endif
