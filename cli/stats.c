/* `locache stats`: what is kept in numbers: how much, how old, and what it would cost to make. */
#include "command.h"
#include "json.h"
#include "print.h"
#include "rows.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

enum { STATS_JSON, STATS_TOP };

static const cli_option options[] = {
    [STATS_JSON] = {0, "json", NULL, "as a JSON object"},
    [STATS_TOP] = {'n', "top", "N", "the N costliest functions, and the N cheapest (5)"},
};

/* Ages, in days, at which groups of results end; the last has no end. */
static const int64_t ends[] = {1, 7, 30, 365};
enum { AGES = sizeof ends / sizeof *ends + 1 };
#define DAY (INT64_C(86400) * 1000000000)

typedef struct statistics {
    bool as_json;
    uint64_t top;
    int64_t now;
    uint64_t functions;
    uint64_t versions;
    cli_sums sums;
    cli_sums earlier; /* of these, in earlier versions */
    uint64_t unused[AGES];
    uint64_t unused_bytes[AGES];
    cli_row row;
    cli_rows rows;
} statistics;

static bool begin_counted(void *context, const cli_visit *visit)
{
    statistics *in = context;
    in->functions += visit->info->current;
    in->versions += !visit->info->current;
    in->row = (cli_row){.cache = visit->place->dir,
                        .function = (char *)visit->info->name,
                        .path = (char *)visit->info->path,
                        .current = visit->info->current};
    return true;
}

static bool count_entry(void *context, const cli_visit *visit, const locache_file *file)
{
    statistics *in = context;
    size_t age = 0;
    (void)visit;
    if (!file->ours)
        return true;
    cli_sums_add(&in->row.sums, file);
    int64_t days = file->used < in->now ? (in->now - file->used) / DAY : 0;
    while (age < AGES - 1 && days >= ends[age])
        age++;
    in->unused[age]++;
    in->unused_bytes[age] += file->file_size;
    return true;
}

static void end_counted(void *context, const cli_visit *visit)
{
    statistics *in = context;
    cli_sums_join(&in->sums, &in->row.sums);
    if (!visit->info->current)
        cli_sums_join(&in->earlier, &in->row.sums);
    if (in->row.sums.entries > 0)
        cli_rows_add(&in->rows, &in->row);
}

/* Bytes for each second of computing that they save: what is dear to keep. */
static double price_of(const cli_row *row)
{
    return (double)row->sums.bytes / ((double)row->sums.took / 1e9 + 1e-9);
}

static int compare_price(const void *left, const void *right)
{
    double a = price_of(left);
    double b = price_of(right);
    return a < b   ? 1
           : a > b ? -1
                   : strcmp(((const cli_row *)left)->path, ((const cli_row *)right)->path);
}

/* ------------------------------------------------------------------------------------- in words */

static void say_row(const cli_row *row)
{
    char size[CLI_SIZE_WORDS];
    char span[CLI_SPAN_TEXT];
    const char *shown = cli_shown_path(row->path);
    cli_span_text(span, row->sums.took);
    cli_size_words(size, row->sums.bytes);
    printf("  %8s of computing in %10s  ", span, size);
    cli_put_text(shown, strlen(shown));
    putchar('\n');
}

static void say_rows(statistics *in)
{
    if (in->rows.count < 2 || in->top == 0)
        return;
    puts("costliest to compute again");
    cli_rows_sort(&in->rows);
    for (size_t i = 0; i < in->rows.count && i < in->top; i++)
        say_row(&in->rows.items[i]);
    puts("most bytes for what they save");
    qsort(in->rows.items, in->rows.count, sizeof *in->rows.items, compare_price);
    for (size_t i = 0; i < in->rows.count && i < in->top; i++)
        say_row(&in->rows.items[i]);
}

static void say_ages(const statistics *in)
{
    static const char *const names[AGES] = {"within a day", "within a week", "within 30 days",
                                            "within a year", "longer ago"};
    char size[CLI_SIZE_WORDS];
    puts("last used");
    for (size_t i = 0; i < AGES; i++) {
        cli_size_words(size, in->unused_bytes[i]);
        printf("  %-15s %8llu result%s %10s\n", names[i], (unsigned long long)in->unused[i],
               in->unused[i] == 1 ? ", " : "s,", size);
    }
}

static void say_all(statistics *in)
{
    char size[CLI_SIZE_WORDS];
    char disk[CLI_SIZE_WORDS];
    char span[CLI_SPAN_TEXT];
    cli_size_words(size, in->sums.bytes);
    cli_size_words(disk, in->sums.disk);
    cli_span_text(span, in->sums.took);
    printf("%llu results of %llu functions, %s (%s on disk)\n"
           "%s to compute all of them again\n",
           (unsigned long long)in->sums.entries, (unsigned long long)in->functions, size, disk,
           span);
    cli_size_words(size, in->earlier.bytes);
    if (in->versions > 0)
        printf("of these %llu in %llu earlier version%s, %s\n",
               (unsigned long long)in->earlier.entries, (unsigned long long)in->versions,
               in->versions == 1 ? "" : "s", size);
    if (in->sums.unusable > 0)
        printf("%llu files are of no use: locache verify\n", (unsigned long long)in->sums.unusable);
    say_ages(in);
    say_rows(in);
}

/* -------------------------------------------------------------------------------------- in JSON */

static void json_sums(cli_json *json, const cli_sums *sums)
{
    cli_json_member_uint(json, "entries", sums->entries);
    cli_json_member_uint(json, "unusable", sums->unusable);
    cli_json_member_uint(json, "bytes", sums->bytes);
    cli_json_member_uint(json, "disk_bytes", sums->disk);
    cli_json_member_span(json, "compute_seconds", sums->took);
}

static void json_all(statistics *in)
{
    cli_json json = {.comma = false};
    cli_json_open(&json, '{');
    cli_json_member_uint(&json, "functions", in->functions);
    cli_json_member_uint(&json, "earlier_versions", in->versions);
    json_sums(&json, &in->sums);
    cli_json_name(&json, "earlier");
    cli_json_open(&json, '{');
    json_sums(&json, &in->earlier);
    cli_json_close(&json, '}');
    cli_json_name(&json, "last_used");
    cli_json_open(&json, '[');
    for (size_t i = 0; i < AGES; i++) {
        cli_json_open(&json, '{');
        cli_json_name(&json, "within_days");
        if (i + 1 < AGES)
            cli_json_int(&json, ends[i]);
        else
            cli_json_null(&json);
        cli_json_member_uint(&json, "entries", in->unused[i]);
        cli_json_member_uint(&json, "bytes", in->unused_bytes[i]);
        cli_json_close(&json, '}');
    }
    cli_json_close(&json, ']');
    cli_json_close(&json, '}');
    putchar('\n');
}

/* ---------------------------------------------------------------------------------- the command */

static int run_stats(cli_parse *parse)
{
    statistics in = {.top = 5, .now = cli_now(), .rows.sort = CLI_SORT_TIME};
    const cli_visitor visitor = {
        .begin = begin_counted, .file = count_entry, .end = end_counted, .context = &in};
    cli_places places;
    int option;
    while ((option = cli_parse_next(parse)) >= 0) {
        in.as_json = in.as_json || option == STATS_JSON;
        if (option == STATS_TOP && !cli_read_count(&in.top, "top", parse->value))
            return CLI_USAGE;
    }
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    int code = cli_places_of(&places, parse);
    int walked = cli_walk(&places, &visitor);
    if (in.as_json)
        json_all(&in);
    else
        say_all(&in);
    cli_rows_clear(&in.rows);
    cli_places_clear(&places);
    return walked > code ? walked : code;
}

const cli_command cli_stats_command = {
    .name = "stats",
    .operands = "[options] [CACHE...]",
    .summary = "sum up: how much is kept, how long unused, what it would cost",
    .about = "How many results there are and what they take, how long ago they were last used,\n"
             "what they took to compute, and which functions' are the costliest and the least\n"
             "worth their bytes.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_stats,
};
