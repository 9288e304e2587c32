/* The tables of the report: functions, which a script in the page sorts, and the largest results.
 * Without it they are sorted by size. */
#include "places.h"
#include "print.h"
#include "report.h"

#include <string.h>

/* Bytes of a function's name in a cell. */
#define NAME_SHOWN 100

/* ---------------------------------------------------------------------------------------- cells */

/* A cell that is sorted by a number. */
static void open_number(FILE *to, double number)
{
    fprintf(to, "<td class=\"n\" data-v=\"%.17g\">", number);
}

static void cell_count(FILE *to, uint64_t number)
{
    char text[CLI_HTML_COUNT];
    open_number(to, (double)number);
    fprintf(to, "%s</td>", cli_html_count(text, number));
}

static void cell_size(FILE *to, uint64_t bytes)
{
    char text[CLI_SIZE_TEXT];
    open_number(to, (double)bytes);
    cli_size_text(text, bytes);
    fprintf(to, "%s</td>", text);
}

static void cell_span(FILE *to, int64_t span)
{
    char text[CLI_SPAN_TEXT];
    open_number(to, (double)span);
    cli_span_text(text, span);
    fprintf(to, "%s</td>", text);
}

/* How long ago a moment was. */
static void cell_ago(FILE *to, int64_t now, int64_t moment)
{
    if (moment == 0)
        fputs("<td class=\"n\" data-v=\"1e300\">\xE2\x80\x93</td>", to);
    else
        cell_span(to, moment < now ? now - moment : 0);
}

typedef struct heading {
    const char *text;
    const char *order; /* as it is sorted when it is pressed first */
    const char *title;
} heading;

static void row_of_headings(FILE *to, const heading *headings, size_t count, size_t sorted)
{
    fputs("<thead><tr>", to);
    for (size_t n = 0; n < count; n++)
        fprintf(to, "<th scope=\"col\" data-order=\"%s\" title=\"%s\"%s>%s</th>", headings[n].order,
                headings[n].title, n == sorted ? " aria-sort=\"descending\"" : "",
                headings[n].text);
    fputs("</tr></thead>\n<tbody>\n", to);
}

/* ------------------------------------------------------------------------------------ functions */

size_t cli_report_number(const cli_report *report, const cli_row *row)
{
    size_t n = 0;
    while (n < report->row_count && (strcmp(report->rows[n]->path, row->path) != 0))
        n++;
    return n;
}

/* Hits, which part they are of all calls that were looked up, and what they saved. */
static void cells_of_hits(FILE *to, const cli_row *row)
{
    double calls = (double)row->counts.hits + (double)row->counts.misses;
    cell_count(to, row->counts.hits);
    if (calls > 0)
        fprintf(to, "<td class=\"n\" data-v=\"%.6f\">%.1f%%</td>", (double)row->counts.hits / calls,
                (double)row->counts.hits / calls * 100);
    else
        fputs("<td class=\"n\" data-v=\"-1\">\xE2\x80\x93</td>", to);
    if (row->counts.saved_time > 0)
        cell_span(to,
                  row->counts.saved_time < INT64_MAX ? (int64_t)row->counts.saved_time : INT64_MAX);
    else
        cell_count(to, 0);
}

static void row_of_function(const cli_report *report, size_t n)
{
    const cli_row *row = report->rows[n];
    FILE *to = report->to;
    fprintf(to, "<tr id=\"f%zu\"><th scope=\"row\"><span class=\"key c%zu\"></span>", n,
            cli_report_cache(report, row->cache));
    cli_html_text(to, row->function, NAME_SHOWN);
    fputs("</th><td>", to);
    cli_html_path(to, row->cache);
    fputs("</td>", to);
    cell_count(to, row->sums.entries);
    cell_size(to, row->sums.bytes);
    cell_size(to, row->sums.disk);
    cell_span(to, row->sums.took);
    cells_of_hits(to, row);
    cell_ago(to, report->now, row->sums.newest);
    cell_ago(to, report->now, row->sums.used);
    cell_count(to, row->versions);
    fputs("</tr>\n", to);
}

void cli_report_functions(const cli_report *report)
{
    static const heading headings[] = {
        {"Function", "ascending", "its qualified name"},
        {"Cache", "ascending", "the directory that its results are in"},
        {"Results", "descending", "how many are kept"},
        {"Size", "descending", "bytes of their files"},
        {"On disk", "descending", "bytes that these take"},
        {"Computed", "descending", "time that the results took to compute"},
        {"Hits", "descending", "how often one was given"},
        {"Hit ratio", "descending", "hits as a part of hits and misses"},
        {"Saved", "descending", "what the hits would have taken to compute"},
        {"Stored", "ascending", "time since the last was stored"},
        {"Used", "ascending", "time since one was last used"},
        {"Earlier", "descending", "earlier versions of its source that are kept"},
    };
    char text[CLI_HTML_COUNT];
    FILE *to = report->to;
    fputs(
        "<div class=\"scroll\" role=\"region\" aria-label=\"Table of functions\" tabindex=\"0\">\n"
        "<table class=\"sortable\">\n<caption>",
        to);
    if (report->row_count < report->functions)
        fprintf(to, "The %s largest and costliest of ", cli_html_count(text, report->row_count));
    fprintf(to, "%s function%s, with the results of all of their versions</caption>\n",
            cli_html_count(text, report->functions), report->functions == 1 ? "" : "s");
    row_of_headings(to, headings, sizeof headings / sizeof *headings, 3);
    for (size_t n = 0; n < report->row_count; n++)
        row_of_function(report, n);
    fputs("</tbody>\n</table>\n</div>\n", to);
}

/* -------------------------------------------------------------------------------------- results */

static void row_of_result(const cli_report *report, const cli_row *row)
{
    FILE *to = report->to;
    fputs("<tr><th scope=\"row\">", to);
    cli_html_text(to, row->entry, NAME_SHOWN);
    fputs("</th><td>", to);
    cli_html_text(to, row->function, NAME_SHOWN);
    fputs("</td>", to);
    cell_size(to, row->sums.bytes);
    cell_span(to, row->sums.took);
    cell_ago(to, report->now, row->sums.newest);
    cell_ago(to, report->now, row->sums.used);
    fputs("</tr>\n", to);
}

void cli_report_results(const cli_report *report)
{
    static const heading headings[] = {
        {"Result", "ascending", "the call"},
        {"Function", "ascending", "its qualified name"},
        {"Size", "descending", "bytes of its file"},
        {"Compute time", "descending", "what it took to compute"},
        {"Stored", "ascending", "time since it was stored"},
        {"Used", "ascending", "time since it was last used"},
    };
    FILE *to = report->to;
    fputs("<div class=\"scroll\" role=\"region\" aria-label=\"Table of results\" tabindex=\"0\">\n"
          "<table class=\"sortable\">\n",
          to);
    row_of_headings(to, headings, sizeof headings / sizeof *headings, 2);
    for (size_t n = 0; n < report->results.count; n++)
        row_of_result(report, &report->results.items[n]);
    fputs("</tbody>\n</table>\n</div>\n", to);
}
