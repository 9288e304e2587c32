/* `locache stats`: what is kept in numbers: how much, how old, how often it was used, and what it
 * would cost to make. */
#include "command.h"
#include "counted.h"
#include "ls.h"
#include "print.h"
#include "progress.h"
#include "rows.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

enum { STATS_JSON, STATS_TOP };

static const cli_option options[] = {
    [STATS_JSON] = {0, "json", NULL, "as a JSON object"},
    [STATS_TOP] = {'n', "top", "N", "N functions of each kind: costliest, useless, ... (5)"},
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
    locache_counts counts;
    uint64_t unused[AGES];
    uint64_t unused_bytes[AGES];
    cli_row row;
    cli_rows rows;
    cli_progress progress;
} statistics;

static bool begin_counted(void *context, const cli_visit *visit)
{
    statistics *in = context;
    in->functions += visit->info->current;
    in->versions += !visit->info->current;
    in->row = (cli_row){.cache = visit->place->dir,
                        .function = (char *)visit->info->name,
                        .path = (char *)visit->info->path,
                        .current = visit->info->current,
                        .has_version = visit->info->has_version,
                        .version = visit->info->version};
    return true;
}

static bool count_entry(void *context, const cli_visit *visit, const locache_file *file)
{
    statistics *in = context;
    size_t age = 0;
    (void)visit;
    cli_progress_step(&in->progress);
    if (!cli_is_entry(file))
        return true;
    cli_sums_add(&in->row.sums, file);
    if (file->status != LOCACHE_OK)
        return true;
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
    cli_counted_add(&in->row.counts, visit->folder);
    cli_counted_join(&in->counts, &in->row.counts);
    cli_sums_join(&in->sums, &in->row.sums);
    if (!visit->info->current)
        cli_sums_join(&in->earlier, &in->row.sums);
    if (in->row.sums.entries > 0)
        cli_rows_add(&in->rows, &in->row);
}

/* --------------------------------------------------------------------------- kinds of functions */

/* Bytes for each second of computing that they save: what is dear to keep. */
static double price_of(const cli_row *row)
{
    return (double)row->sums.bytes / ((double)row->sums.took / 1e9 + 1e-9);
}

static double cost_of(const cli_row *row)
{
    return (double)row->sums.took;
}

static double saving_of(const cli_row *row)
{
    return (double)row->counts.saved_time;
}

/* Stored, and never had from there. Of what was not counted, nobody knows. */
static double waste_of(const cli_row *row)
{
    bool useless = row->counts.since != 0 && row->counts.hits == 0;
    return useless ? (double)row->sums.bytes : 0;
}

/* What those are called which have most of something, in words and in JSON; none of it is no
 * kind. */
typedef struct kind {
    const char *title;
    const char *member;
    double (*of)(const cli_row *row);
} kind;

static const kind kinds[] = {
    {"costliest to compute again", "costliest", cost_of},
    {"most bytes for what they save", "dearest", price_of},
    {"most time saved", "most_saved", saving_of},
    {"stored and never used", "useless", waste_of},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* qsort() gives no context. */
static double (*ordered_by)(const cli_row *row);

static int compare_of_kind(const void *left, const void *right)
{
    double a = ordered_by(left);
    double b = ordered_by(right);
    return a < b   ? 1
           : a > b ? -1
                   : strcmp(((const cli_row *)left)->path, ((const cli_row *)right)->path);
}

/* Put the first of a kind in front: how many they are. */
static size_t find_kind(statistics *in, const kind *which)
{
    size_t count = 0;
    ordered_by = which->of;
    if (in->rows.count > 0)
        qsort(in->rows.items, in->rows.count, sizeof *in->rows.items, compare_of_kind);
    while (count < in->rows.count && count < in->top && which->of(&in->rows.items[count]) > 0)
        count++;
    return count;
}

/* ------------------------------------------------------------------------------------- in words */

static void say_row(const kind *which, const cli_row *row)
{
    char size[CLI_SIZE_WORDS];
    char span[CLI_SPAN_TEXT];
    char hits[CLI_COUNT_TEXT];
    const char *shown = cli_shown_path(row->path);
    bool saved = which->of == saving_of;
    cli_span_text(span, saved ? cli_counted_span(row->counts.saved_time) : row->sums.took);
    cli_size_words(size, row->sums.bytes);
    cli_counted_text(hits, row->counts.hits);
    if (saved)
        printf("  %8s saved by %s hit%s  ", span, hits, row->counts.hits == 1 ? "" : "s");
    else
        printf("  %8s of computing in %10s  ", span, size);
    cli_put_text(shown, strlen(shown));
    putchar('\n');
}

/* Of one function, all is said already, but that it is useless. */
static void say_kinds(statistics *in)
{
    for (size_t n = 0; n < KINDS; n++) {
        size_t count = find_kind(in, &kinds[n]);
        if (count == 0 || (in->rows.count < 2 && kinds[n].of != waste_of))
            continue;
        puts(kinds[n].title);
        for (size_t i = 0; i < count; i++)
            say_row(&kinds[n], &in->rows.items[i]);
    }
}

static void say_use(const statistics *in)
{
    char hits[CLI_COUNT_TEXT];
    char misses[CLI_COUNT_TEXT];
    char ratio[CLI_RATIO_TEXT];
    char saved[CLI_SPAN_TEXT];
    char read[CLI_SIZE_WORDS];
    char stored[CLI_SIZE_WORDS];
    const locache_counts *counts = &in->counts;
    if (counts->since == 0)
        return;
    cli_counted_text(hits, counts->hits);
    cli_counted_text(misses, counts->misses);
    cli_counted_ratio_text(ratio, counts);
    cli_span_text(saved, cli_counted_span(counts->saved_time));
    cli_size_words(read, counts->bytes_read);
    cli_size_words(stored, counts->bytes_stored);
    printf("%s hit%s and %s miss%s (%s), which saved %s; %s read, %s stored\n", hits,
           counts->hits == 1 ? "" : "s", misses, counts->misses == 1 ? "" : "es", ratio, saved,
           read, stored);
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
    printf("%llu result%s of %llu function%s, %s (%s on disk)\n"
           "%s to compute all of them again\n",
           (unsigned long long)in->sums.entries, cli_plural(in->sums.entries),
           (unsigned long long)in->functions, cli_plural(in->functions), size, disk, span);
    cli_size_words(size, in->earlier.bytes);
    if (in->versions > 0)
        printf("of these %llu in %llu earlier version%s, %s\n",
               (unsigned long long)in->earlier.entries, (unsigned long long)in->versions,
               in->versions == 1 ? "" : "s", size);
    if (in->sums.unusable > 0)
        printf("%llu file%s of no use: locache verify\n", (unsigned long long)in->sums.unusable,
               in->sums.unusable == 1 ? " is" : "s are");
    say_use(in);
    say_ages(in);
    say_kinds(in);
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

static void json_use(cli_json *json, const locache_counts *counts)
{
    double ratio = cli_counted_ratio(counts);
    cli_counted_json(json, counts);
    cli_json_name(json, "hit_ratio");
    if (ratio < 0)
        cli_json_null(json);
    else
        cli_json_real(json, ratio);
    cli_json_member_uint(json, "bytes_read", counts->bytes_read);
    cli_json_member_uint(json, "bytes_stored", counts->bytes_stored);
    cli_json_member_time(json, "counted_since", counts->since);
    cli_json_member_time(json, "counted_until", counts->until);
}

static void json_kind(cli_json *json, statistics *in, const kind *which)
{
    size_t count = find_kind(in, which);
    cli_json_name(json, which->member);
    cli_json_open(json, '[');
    for (size_t i = 0; i < count; i++) {
        const cli_row *row = &in->rows.items[i];
        cli_json_open(json, '{');
        cli_json_member_text(json, "path", row->path);
        cli_json_place(json, row);
        json_sums(json, &row->sums);
        cli_counted_json(json, &row->counts);
        cli_json_close(json, '}');
    }
    cli_json_close(json, ']');
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
    json_use(&json, &in->counts);
    for (size_t n = 0; n < KINDS; n++)
        json_kind(&json, in, &kinds[n]);
    cli_json_close(&json, '}');
    putchar('\n');
}

/* ---------------------------------------------------------------------------------- the command */

static int run_stats(cli_parse *parse)
{
    statistics in = {.top = 5, .now = cli_now()};
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
    cli_progress_begin(&in.progress, "looked at", &places);
    int walked = cli_walk(&places, &visitor);
    cli_progress_clear(&in.progress);
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
    .summary = "sum up: how much is kept, how it was used, what it would cost",
    .about = "How many results there are and what they take, how often they were used and what\n"
             "that saved, how long ago the last time was, what they took to compute, and which\n"
             "functions' are the costliest, the least worth their bytes, and never used.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_stats,
};
