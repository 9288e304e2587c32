/* The report's page: one HTML file that needs nothing else. Its content is there without its
 * script, which sorts the tables; its policy forbids it any request. */
#include "print.h"
#include "report.h"

#include <string.h>

/* ----------------------------------------------------------------------------------- the caches */

/* Which pattern is which cache's: by the first row of each. */
static void page_legend(const cli_report *report)
{
    size_t next = 0;
    if (report->caches < 2)
        return;
    fputs("<ul class=\"legend\" aria-label=\"Caches\">\n", report->to);
    for (size_t n = 0; n < report->row_count && next < CLI_REPORT_PATTERNS; n++) {
        if (cli_report_cache(report, report->rows[n]->cache) != next)
            continue;
        fprintf(report->to, "<li><span class=\"key c%zu\"></span>", next++);
        if (next == CLI_REPORT_PATTERNS && report->caches > CLI_REPORT_PATTERNS)
            fputs("other caches", report->to);
        else
            cli_html_path(report->to, report->rows[n]->cache);
        fputs("</li>\n", report->to);
    }
    fputs("</ul>\n", report->to);
}

/* ---------------------------------------------------------------------------------- the numbers */

static void page_sum(FILE *to, const char *value, const char *name, const char *more)
{
    fprintf(to, "<div><dt>%s</dt><dd><strong>%s</strong> <span>%s</span></dd></div>\n", name, value,
            more);
}

static void page_hits(const cli_report *report)
{
    char value[CLI_HTML_COUNT], hits[CLI_HTML_COUNT], more[3 * CLI_HTML_COUNT];
    char span[CLI_SPAN_TEXT];
    double calls = (double)report->hits + (double)report->misses;
    if (calls <= 0) {
        page_sum(report->to, "\xE2\x80\x93", "Hit ratio", "nothing was counted so far");
        return;
    }
    (void)snprintf(value, sizeof value, "%.1f%%", (double)report->hits / calls * 100);
    (void)snprintf(more, sizeof more, "%s hit%s", cli_html_count(hits, report->hits),
                   report->hits == 1 ? "" : "s");
    page_sum(report->to, value, "Hit ratio", more);
    cli_span_text(span, report->saved < INT64_MAX ? (int64_t)report->saved : INT64_MAX);
    page_sum(report->to, span, "Saved", "by all hits");
}

static void page_sums(const cli_report *report)
{
    char value[CLI_HTML_COUNT], more[2 * CLI_HTML_COUNT], size[CLI_SIZE_WORDS];
    char span[CLI_SPAN_TEXT];
    FILE *to = report->to;
    fputs("<dl class=\"sums\">\n", to);
    cli_size_words(size, report->sums.disk);
    (void)snprintf(more, sizeof more, "%s on disk", size);
    cli_size_words(size, report->sums.bytes);
    page_sum(to, size, "Size", more);
    (void)snprintf(more, sizeof more, "of %s function%s", cli_html_count(value, report->functions),
                   report->functions == 1 ? "" : "s");
    page_sum(to, cli_html_count(value, report->sums.entries), "Results", more);
    cli_span_text(span, report->sums.took);
    page_sum(to, span, "Compute time", "to make all of them again");
    page_hits(report);
    cli_size_words(size, report->earlier.bytes);
    (void)snprintf(more, sizeof more, "%s in them", size);
    page_sum(to, cli_html_count(value, report->versions), "Earlier versions", more);
    if (report->sums.unusable > 0)
        page_sum(to, cli_html_count(value, report->sums.unusable), "Of no use",
                 "files: see locache verify");
    fputs("</dl>\n", to);
}

static void page_ages(const cli_report *report)
{
    static const char *const names[CLI_REPORT_AGES] = {
        "within an hour", "within a day",  "within a week", "within 30 days",
        "within 90 days", "within a year", "longer ago"};
    char count[CLI_HTML_COUNT], size[CLI_SIZE_TEXT];
    FILE *to = report->to;
    double all = report->sums.bytes > 0 ? (double)report->sums.bytes : 1;
    fputs("<table class=\"ages\">\n<caption>When results were last used, as far as the file system "
          "notes it</caption>\n<thead><tr><th scope=\"col\">Last used</th><th scope=\"col\">Results"
          "</th><th scope=\"col\">Size</th><th scope=\"col\">Part of all bytes</th></tr></thead>\n"
          "<tbody>\n",
          to);
    for (size_t n = 0; n < CLI_REPORT_AGES; n++) {
        double part = (double)report->bytes[n] / all * 100;
        cli_size_text(size, report->bytes[n]);
        fprintf(to,
                "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td><td class=\"n\">%s</td>"
                "<td><span class=\"bar\"><i style=\"width:%.2f%%\"></i></span> %.1f%%</td></tr>\n",
                names[n], cli_html_count(count, report->counts[n]), size, part, part);
    }
    fputs("</tbody>\n</table>\n", to);
}

/* ------------------------------------------------------------------------------------- the page */

static void page_lines(FILE *to, const char *const *lines)
{
    for (; *lines != NULL; lines++)
        fputs(*lines, to);
}

static void page_head(const cli_report *report)
{
    char when[CLI_TIME_TEXT];
    FILE *to = report->to;
    cli_time_text(when, report->now);
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>locache: ",
          to);
    cli_html_path(to, report->title);
    fputs("</title>\n<style>\n", to);
    page_lines(to, cli_report_css);
    fputs("</style>\n</head>\n<body>\n<header>\n<h1>What is kept in ", to);
    cli_html_path(to, report->title);
    fprintf(to,
            "</h1>\n<p><time datetime=\"%s\">%.10s %.5s UTC</time>, locache %s</p>\n</header>\n",
            when, when, strlen(when) > 11 ? when + 11 : "", locache_version());
}

static void page_section(FILE *to, const char *id, const char *title)
{
    fprintf(to, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n", id, id, title);
}

void cli_report_page(cli_report *report)
{
    FILE *to = report->to;
    page_head(report);
    fputs("<main>\n", to);
    page_sums(report);
    page_section(to, "by-size", "Where the bytes are");
    fputs("<p class=\"none\">By the size of the results' files.</p>\n", to);
    cli_report_map(report, false);
    page_legend(report);
    fputs("</section>\n", to);
    page_section(to, "by-time",
                 report->saved > 0 ? "Where time was saved" : "Where time can be saved");
    fprintf(to, "<p class=\"none\">By the %s.</p>\n",
            report->saved > 0 ? "computing time of the results that hits gave"
                              : "time that results took to compute: no hits were counted");
    cli_report_map(report, true);
    fputs("</section>\n", to);
    page_section(to, "ages", "How long they have been unused");
    page_ages(report);
    fputs("</section>\n", to);
    page_section(to, "functions", "Functions");
    cli_report_functions(report);
    fputs("</section>\n", to);
    page_section(to, "results", "The largest results");
    cli_report_results(report);
    fputs("</section>\n</main>\n<script>\n", to);
    page_lines(to, cli_report_js);
    fputs("</script>\n</body>\n</html>\n", to);
}
