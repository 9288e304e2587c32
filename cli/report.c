/* `locache report`: what is kept as one HTML page, for a browser without a network. All is summed
 * up on the way: of a million results the page tells no more than of a thousand. */
#include "report.h"
#include "command.h"
#include "counted.h"
#include "print.h"
#include "progress.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REPORT_OUTPUT };

static const cli_option options[] = {
    [REPORT_OUTPUT] = {'o', "output", "FILE", "write the page to FILE, not to standard output"},
};

/* Where the groups of results by their last use end, in seconds. */
static const int64_t ends[CLI_REPORT_AGES - 1] = {3600,       86400,      7 * 86400,
                                                  30 * 86400, 90 * 86400, 365 * 86400};

typedef struct gathering {
    cli_report report;
    cli_progress progress;
    /* The function that is being looked through, all of its versions; its texts are own. */
    char cache[LOCACHE_PATH_MAX];
    char path[LOCACHE_PATH_MAX];
    char function[LOCACHE_NAME_MAX + 1];
    cli_row row;
    cli_sums version;
    /* Which of the two is shown is known at the end. */
    cli_rows by_took;
    cli_rows by_saved;
} gathering;

/* ---------------------------------------------------------------------------------- on the way */

static void end_function(gathering *in)
{
    if (in->row.path == NULL)
        return;
    in->report.functions++;
    if (in->row.sums.entries + in->row.sums.unusable + in->row.counts.hits + in->row.counts.misses >
        0) {
        cli_rows_add(&in->report.by_size, &in->row);
        cli_rows_add(&in->by_took, &in->row);
        if (in->row.counts.saved_time > 0)
            cli_rows_add(&in->by_saved, &in->row);
    }
    in->row.path = NULL;
}

static bool report_version(void *context, const cli_visit *visit)
{
    gathering *in = context;
    char path[LOCACHE_PATH_MAX];
    /* Folders of one function follow each other. */
    (void)snprintf(path, sizeof path, "%s/%s", visit->place->dir, visit->info->name);
    if (in->row.path == NULL || strcmp(in->path, path) != 0) {
        end_function(in);
        in->report.caches += strcmp(in->cache, visit->place->dir) != 0;
        memcpy(in->path, path, strlen(path) + 1);
        (void)snprintf(in->cache, sizeof in->cache, "%s", visit->place->dir);
        cli_function_name(in->function, visit->info->name);
        in->row = (cli_row){.cache = in->cache, .function = in->function, .path = in->path};
    }
    in->row.versions += !visit->info->current;
    in->report.versions += !visit->info->current;
    in->version = (cli_sums){.entries = 0};
    return true;
}

static void keep_largest(gathering *in, const cli_visit *visit, const locache_file *file)
{
    cli_rows *results = &in->report.results;
    char path[LOCACHE_PATH_MAX];
    cli_row row = in->row;
    int folder = snprintf(path, sizeof path, "%s/", visit->info->path);
    (void)snprintf(path + folder, sizeof path - (size_t)folder, "%s", file->name);
    row.path = path;
    row.entry = path + folder;
    row.sums = (cli_sums){.entries = 0};
    cli_sums_add(&row.sums, file);
    cli_rows_add(results, &row);
}

static bool report_result(void *context, const cli_visit *visit, const locache_file *file)
{
    gathering *in = context;
    size_t age = 0;
    cli_progress_step(&in->progress);
    if (!cli_is_entry(file))
        return true;
    cli_sums_add(&in->version, file);
    if (file->status != LOCACHE_OK)
        return true;
    int64_t unused = file->used < in->report.now ? in->report.now - file->used : 0;
    while (age < CLI_REPORT_AGES - 1 && unused / 1000000000 >= ends[age])
        age++;
    in->report.counts[age]++;
    in->report.bytes[age] += file->file_size;
    keep_largest(in, visit, file);
    return true;
}

static void add_counts(gathering *in, const cli_visit *visit)
{
    locache_counts counts = {0};
    cli_counted_add(&counts, visit->folder);
    cli_counted_join(&in->row.counts, &counts);
    in->report.hits += counts.hits;
    in->report.misses += counts.misses;
    in->report.saved += counts.saved_time;
}

static void end_reported(void *context, const cli_visit *visit)
{
    gathering *in = context;
    add_counts(in, visit);
    cli_sums_join(&in->row.sums, &in->version);
    cli_sums_join(&in->report.sums, &in->version);
    if (!visit->info->current)
        cli_sums_join(&in->report.earlier, &in->version);
}

/* ---------------------------------------------------------------------------------- the command */

/* The rows of the table, in their order. */
static void choose_rows(gathering *in)
{
    cli_report *report = &in->report;
    cli_rows_sort(&report->by_size);
    cli_rows_sort(&in->by_took);
    cli_rows_sort(&in->by_saved);
    report->by_time = report->saved > 0 ? in->by_saved : in->by_took;
    cli_rows_sort(&report->results);
    for (size_t n = 0; n < report->by_size.count; n++)
        report->rows[report->row_count++] = &report->by_size.items[n];
    for (size_t n = 0; n < report->by_time.count; n++) {
        const cli_row *row = &report->by_time.items[n];
        if (cli_report_number(report, row) == report->row_count)
            report->rows[report->row_count++] = row;
    }
}

/* False, told: it cannot be written. */
static bool write_page(cli_report *report, const char *output)
{
    report->to = output != NULL ? fopen(output, "we") : stdout;
    if (report->to == NULL) {
        cli_error("cannot write to %s: %s", output, strerror(errno));
        return false;
    }
    cli_report_page(report);
    if (output == NULL)
        return true; /* main() looks after standard output */
    bool written = fflush(report->to) == 0 && !ferror(report->to);
    int code = errno;
    if (fclose(report->to) != 0 && written) {
        code = errno;
        written = false;
    }
    if (!written)
        cli_error("cannot write to %s: %s", output, strerror(code));
    return written;
}

static int report_places(gathering *in, const cli_places *places, const char *output)
{
    const cli_visitor visitor = {
        .begin = report_version, .file = report_result, .end = end_reported, .context = in};
    cli_report *report = &in->report;
    cli_progress_begin(&in->progress, "looked at", places);
    int code = cli_walk(places, &visitor);
    end_function(in);
    cli_progress_clear(&in->progress);
    choose_rows(in);
    if (!write_page(report, output))
        code = CLI_FAILED;
    cli_rows_clear(&report->by_size);
    cli_rows_clear(&in->by_took);
    cli_rows_clear(&in->by_saved);
    cli_rows_clear(&report->results);
    return code;
}

/* What the page is called: the operand, or where we are. */
static const char *title_of(const cli_parse *parse, char here[LOCACHE_PATH_MAX])
{
    if (parse->all)
        return "all caches of this user";
    if (parse->operands == 1)
        return parse->argv[0];
    if (parse->operands > 1 || getcwd(here, LOCACHE_PATH_MAX) == NULL)
        return "several caches";
    return here;
}

static int run_report(cli_parse *parse)
{
    static gathering in;
    static char here[LOCACHE_PATH_MAX];
    const char *output = NULL;
    cli_places places;
    int option;
    while ((option = cli_parse_next(parse)) >= 0)
        output = parse->value;
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    if (output == NULL && cli_on_terminal()) {
        cli_error("report writes an HTML page: locache report -o report.html");
        return CLI_USAGE;
    }
    in.report = (cli_report){
        .now = cli_now(),
        .title = title_of(parse, here),
        .by_size = {.sort = CLI_SORT_SIZE, .limit = CLI_REPORT_ROWS},
        .results = {.sort = CLI_SORT_SIZE, .limit = CLI_REPORT_RESULTS},
    };
    in.by_took = (cli_rows){.sort = CLI_SORT_TIME, .limit = CLI_REPORT_ROWS};
    in.by_saved = (cli_rows){.sort = CLI_SORT_SAVED, .limit = CLI_REPORT_ROWS};
    int code = cli_places_of(&places, parse);
    int reported = report_places(&in, &places, output);
    cli_places_clear(&places);
    return reported > code ? reported : code;
}

const cli_command cli_report_command = {
    .name = "report",
    .operands = "[-o FILE] [CACHE...]",
    .summary = "write an HTML page: where the bytes and the time are",
    .about = "One page for a browser, which needs nothing else: maps of the functions by bytes\n"
             "and by the time that their results took to compute, how long results have been\n"
             "unused, tables of the functions and of the largest results.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_report,
};
