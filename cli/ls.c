/* `locache ls`: what is there, by caches, by functions, or entry by entry. */
#include "ls.h"
#include "command.h"
#include "counted.h"
#include "print.h"
#include "progress.h"
#include "units.h"

#include <stdio.h>
#include <string.h>

/* Rows that are kept for sorting, where nothing is said: some 30 MB of them. */
#define LIMIT_DEFAULT 100000

enum {
    LS_CACHES,
    LS_ENTRIES,
    LS_TREE,
    LS_SORT,
    LS_REVERSE,
    LS_LIMIT,
    LS_JSON,
    LS_FILTERS,
};

static const cli_option options[] = {
    [LS_CACHES] = {'c', "caches", NULL, "a line for each cache"},
    [LS_ENTRIES] = {'e', "entries", NULL, "a line for each result"},
    [LS_TREE] = {'t', "tree", NULL, "below the caches what is in them"},
    [LS_SORT] = {'s', "sort", "KEY", "name, size, disk, age, used, time, count, hits, saved, none"},
    [LS_REVERSE] = {'r', "reverse", NULL, "the other way round"},
    [LS_LIMIT] = {'n', "limit", "N", "only the first N lines (100000; 0: all)"},
    [LS_JSON] = {0, "json", NULL, "as a JSON array of objects"},
    CLI_FILTER_OPTIONS,
};

typedef struct listing {
    cli_level level;
    bool level_given;
    bool tree;
    bool as_json;
    cli_filter filter;
    cli_rows rows;
    cli_row row; /* of the folder, or of the cache, that is being looked through */
    const cli_place *place;
    cli_json json;
    cli_sums total;
    cli_progress progress;
} listing;

/* ------------------------------------------------------------------------------------- the rows */

static void emit(listing *in, const cli_row *row, const cli_row *before)
{
    if (in->as_json)
        cli_ls_json(&in->json, in->level, row);
    else if (in->tree)
        cli_ls_tree(in->level, row, before);
    else
        cli_ls_line(in->level, row);
}

/* Without an order nothing need be kept. */
static void take_row(listing *in, const cli_row *row)
{
    if (in->rows.sort != CLI_SORT_NONE) {
        cli_rows_add(&in->rows, row);
    } else if (in->rows.limit == 0 || in->rows.count < in->rows.limit) {
        in->rows.count++;
        emit(in, row, NULL);
    } else {
        in->rows.left_out++;
    }
}

static bool begin_folder(void *context, const cli_visit *visit)
{
    listing *in = context;
    if (in->level == CLI_CACHES && in->place == visit->place) {
        in->row.functions += visit->info->current;
        in->row.versions += !visit->info->current;
        return true;
    }
    in->place = visit->place;
    in->row = (cli_row){.cache = visit->place->dir, .path = visit->place->dir};
    in->row.functions = visit->info->current;
    in->row.versions = !visit->info->current;
    if (in->level == CLI_CACHES)
        return true;
    in->row.function = (char *)visit->info->name;
    in->row.path = (char *)visit->info->path;
    in->row.current = visit->info->current;
    in->row.has_version = visit->info->has_version;
    in->row.version = visit->info->version;
    return true;
}

static void take_entry(listing *in, const cli_visit *visit, const locache_file *file)
{
    char path[LOCACHE_PATH_MAX];
    cli_row row = in->row;
    int folder = snprintf(path, sizeof path, "%s/", visit->info->path);
    (void)snprintf(path + folder, sizeof path - (size_t)folder, "%s", file->name);
    row.path = path;
    row.entry = path + folder;
    row.sums = (cli_sums){.entries = 0};
    cli_sums_add(&row.sums, file);
    row.status = file->status;
    row.codec = file->codec;
    row.signature = file->signature;
    row.expires = file->expires;
    if (file->status == LOCACHE_OK) {
        row.has_version = true;
        row.version = file->version;
    }
    take_row(in, &row);
}

static bool take_file(void *context, const cli_visit *visit, const locache_file *file)
{
    listing *in = context;
    cli_progress_step(&in->progress);
    if (!cli_is_entry(file) || !cli_filter_takes(&in->filter, file))
        return true;
    cli_sums_add(&in->total, file);
    if (in->level == CLI_ENTRIES)
        take_entry(in, visit, file);
    else
        cli_sums_add(&in->row.sums, file);
    return true;
}

static void end_folder(void *context, const cli_visit *visit)
{
    listing *in = context;
    if (in->level != CLI_ENTRIES)
        cli_counted_add(&in->row.counts, visit->folder);
    /* With a filter, what nothing is found in is not shown. */
    bool nothing = in->row.sums.entries + in->row.sums.unusable == 0;
    if (in->level == CLI_FUNCTIONS && !(nothing && cli_filter_is_set(&in->filter)))
        take_row(in, &in->row);
}

/* ---------------------------------------------------------------------------------- the command */

static bool take_ls_option(listing *in, int option, const char *value)
{
    switch (option) {
    case LS_CACHES:
    case LS_ENTRIES:
        in->level = option == LS_CACHES ? CLI_CACHES : CLI_ENTRIES;
        in->level_given = true;
        return true;
    case LS_TREE:
        in->tree = true;
        return true;
    case LS_SORT:
        return cli_sort_read(&in->rows.sort, value);
    case LS_REVERSE:
        in->rows.reverse = true;
        return true;
    case LS_LIMIT:
        return cli_read_count(&in->rows.limit, "limit", value);
    case LS_JSON:
        in->as_json = true;
        return true;
    default:
        return cli_filter_read(&in->filter, option - LS_FILTERS, value);
    }
}

/* Who names a function wants to see what is in it. */
static cli_level natural_level(const cli_places *places)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->items[i].function == NULL && places->items[i].folder == NULL)
            return CLI_FUNCTIONS;
    return places->count > 0 ? CLI_ENTRIES : CLI_FUNCTIONS;
}

static int walk_all(listing *in, const cli_places *places)
{
    const cli_visitor visitor = {
        .begin = begin_folder, .file = take_file, .end = end_folder, .context = in};
    if (in->level != CLI_CACHES)
        return cli_walk(places, &visitor);
    int code = CLI_DONE;
    for (size_t i = 0; i < places->count; i++) {
        const cli_places one = {.items = &places->items[i], .count = 1};
        in->place = NULL;
        in->row = (cli_row){.cache = places->items[i].dir, .path = places->items[i].dir};
        int ended = cli_walk(&one, &visitor);
        code = ended > code ? ended : code;
        /* Nothing can be said of what could not be looked into. */
        bool seen = ended != CLI_FAILED || in->row.functions + in->row.versions > 0;
        bool nothing = in->row.sums.entries + in->row.sums.unusable == 0;
        if (seen && !(nothing && cli_filter_is_set(&in->filter)))
            take_row(in, &in->row);
    }
    return code;
}

static void print_rows(listing *in)
{
    if (in->rows.sort == CLI_SORT_NONE)
        return;
    cli_rows_sort(&in->rows);
    for (size_t i = 0; i < in->rows.count; i++)
        emit(in, &in->rows.items[i], i > 0 ? &in->rows.items[i - 1] : NULL);
}

static void end_listing(listing *in)
{
    char size[CLI_SIZE_WORDS];
    char results[CLI_RESULTS_TEXT];
    cli_size_words(size, in->total.bytes);
    cli_results_text(results, in->total.entries, in->total.unusable);
    if (in->as_json) {
        cli_json_close(&in->json, ']');
        putchar('\n');
    } else if (cli_on_terminal() && in->rows.count > 1) {
        printf("%s%s, %s%s\n", cli_colour_on(CLI_DIM), results, size, cli_colour_off());
    }
    if (in->rows.left_out > 0)
        cli_error("%llu more line%s not shown: --limit %llu shows all",
                  (unsigned long long)in->rows.left_out, in->rows.left_out == 1 ? " is" : "s are",
                  (unsigned long long)(in->rows.left_out + in->rows.count));
    if (in->rows.sort != CLI_SORT_NONE)
        cli_rows_clear(&in->rows);
}

static int run_ls(cli_parse *parse)
{
    listing in = {.level = CLI_FUNCTIONS, .rows.limit = LIMIT_DEFAULT};
    cli_places places;
    int option;
    while ((option = cli_parse_next(parse)) >= 0)
        if (!take_ls_option(&in, option, parse->value))
            return CLI_USAGE;
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    if (in.tree && in.level == CLI_CACHES) {
        cli_error("--tree shows what is below caches: leave --caches out");
        return CLI_USAGE;
    }
    int code = cli_places_of(&places, parse);
    if (!in.level_given)
        in.level = natural_level(&places);
    if (in.as_json)
        cli_json_open(&in.json, '[');
    else if (places.count > 0)
        cli_ls_head(in.level);
    /* Lines that come as they are found say by themselves how far it is. */
    if (in.rows.sort != CLI_SORT_NONE || !cli_on_terminal())
        cli_progress_begin(&in.progress, "looked at", &places);
    else
        in.progress.quiet = true;
    int walked = walk_all(&in, &places);
    cli_progress_clear(&in.progress);
    print_rows(&in);
    end_listing(&in);
    cli_places_clear(&places);
    return walked > code ? walked : code;
}

const cli_command cli_ls_command = {
    .name = "ls",
    .operands = "[options] [CACHE...]",
    .summary = "list caches, functions and results: number, bytes, age, last use",
    .about = "A line for each function and each of its earlier versions; of a function that\n"
             "is named, a line for each result. SIZE is bytes, DISK what they take there,\n"
             "AGE since the last result was stored, USED since one was last used, as far as\n"
             "the file system notes it, TIME what the results took to compute. Elsewhere than\n"
             "on a terminal the cells of a line are parted by tabs, without heads.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_ls,
};
