/* `locache gc`: what is expired, long unused, or too much.
 *
 * To a size, what goes first is what is cheap to make again for its size and long unused. Twice
 * through the files: once to sum up how many bytes there are of each worth, once to remove what is
 * below the worth at which enough is gone. So a million entries take no more memory than one, and
 * what somebody uses between the two is worth more then, and stays. */
#include "command.h"
#include "print.h"
#include "remove.h"
#include "units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GC_MAX_SIZE = CLI_REMOVE_OPTIONS, GC_FILTERS };

static const cli_option options[] = {
    CLI_REMOVE_TABLE,
    [GC_MAX_SIZE] = {'s', "max-size", "SIZE", "until they take no more than SIZE on disk"},
    CLI_FILTER_OPTIONS,
};

/* The upper 16 bits of a worth, which is a positive real: sign, exponent and 4 bits more, so that
 * worths within a sixteenth of each other are taken for the same. */
#define WORTHS 65536

/* A computation that took less was not measured better. */
#define TIME_LEAST 1e3

typedef struct gc {
    cli_removal removal;
    cli_filter filter;
    bool has_max;
    uint64_t max_size;
    int64_t now;
    uint64_t *weights; /* bytes, by worth */
    uint64_t total;    /* of all that stay */
    uint64_t limit;    /* worths below go, and of this one as much as is needed */
    uint64_t excess;
} gc;

/* What a file takes: some file systems say too little of blocks. */
static uint64_t weight_of(const locache_file *file)
{
    return file->disk_size > file->file_size ? file->disk_size : file->file_size;
}

/* Nanoseconds of computing that each byte saves, the less the longer it was not used. What is
 * damaged is worth nothing. */
static size_t worth_of(const gc *in, const locache_file *file)
{
    uint64_t bits;
    if (file->status != LOCACHE_OK)
        return 0;
    double took = (double)file->compute_time > TIME_LEAST ? (double)file->compute_time : TIME_LEAST;
    double unused = (double)in->now - (double)file->used;
    double worth = took / (double)(weight_of(file) + 1) / (unused > 1e9 ? unused / 1e9 : 1);
    memcpy(&bits, &worth, sizeof bits);
    return (size_t)(bits >> 48);
}

/* A newer locache may still want what this one cannot read. */
static bool may_go(const locache_file *file)
{
    return file->ours && file->status != LOCACHE_EFORMAT && file->status != LOCACHE_EIO;
}

static bool first_pass(void *context, const cli_visit *visit, const locache_file *file)
{
    gc *in = context;
    bool expired = file->status == LOCACHE_OK && file->expires != 0 && file->expires <= in->now;
    bool meant = cli_filter_is_set(&in->filter) && cli_filter_takes(&in->filter, file);
    cli_progress_step(&in->removal.progress);
    if (!file->ours)
        return true;
    if (may_go(file) && (expired || meant) && cli_removal_take(&in->removal, visit, file))
        return true;
    in->total += weight_of(file);
    if (in->weights != NULL && may_go(file))
        in->weights[worth_of(in, file)] += weight_of(file);
    return true;
}

/* Temporaries of writers that died. */
static void sweep(void *context, const cli_visit *visit)
{
    const gc *in = context;
    if (visit->folder != NULL && !in->removal.dry_run)
        locache_folder_sweep(visit->folder);
}

static bool second_pass(void *context, const cli_visit *visit, const locache_file *file)
{
    gc *in = context;
    uint64_t weight = weight_of(file);
    size_t worth = worth_of(in, file);
    if (!may_go(file) || worth > in->limit || (worth == in->limit && in->excess == 0))
        return true;
    /* In a dry run those of the first pass are still there. */
    bool gone = in->removal.dry_run &&
                ((file->status == LOCACHE_OK && file->expires != 0 && file->expires <= in->now) ||
                 (cli_filter_is_set(&in->filter) && cli_filter_takes(&in->filter, file)));
    if (gone || !cli_removal_take(&in->removal, visit, file))
        return true;
    in->total -= weight < in->total ? weight : in->total;
    /* Those below the limit go whatever was counted by then. */
    if (worth == in->limit)
        in->excess -= weight < in->excess ? weight : in->excess;
    return true;
}

/* Where enough is below: what is left over for that worth itself is in->excess. */
static void set_limit(gc *in)
{
    in->excess = in->total - in->max_size;
    for (in->limit = 0; in->limit + 1 < WORTHS && in->weights[in->limit] < in->excess; in->limit++)
        in->excess -= in->weights[in->limit];
}

static bool take_gc_option(gc *in, int option, const char *value)
{
    if (option < CLI_REMOVE_OPTIONS) {
        cli_removal_option(&in->removal, option);
        return true;
    }
    if (option != GC_MAX_SIZE)
        return cli_filter_read(&in->filter, option - GC_FILTERS, value);
    in->has_max = true;
    return cli_read_size(&in->max_size, "max-size", value);
}

static int collect(gc *in, const cli_places *places)
{
    const cli_visitor first = {.file = first_pass, .end = sweep, .context = in};
    const cli_visitor second = {.file = second_pass, .context = in, .quiet = true};
    if (in->has_max && (in->weights = calloc(WORTHS, sizeof *in->weights)) == NULL) {
        cli_error("no memory");
        return CLI_FAILED;
    }
    cli_progress_begin(&in->removal.progress, "looked at", places);
    int code = cli_walk(places, &first);
    if (in->has_max && in->total > in->max_size) {
        set_limit(in);
        int walked = cli_walk(places, &second);
        code = walked > code ? walked : code;
    }
    free(in->weights);
    cli_removal_end(&in->removal, (int64_t)in->total);
    return in->removal.code > code ? in->removal.code : code;
}

static int run_gc(cli_parse *parse)
{
    gc in = {.now = cli_now()};
    cli_places places;
    int option;
    while ((option = cli_parse_next(parse)) >= 0)
        if (!take_gc_option(&in, option, parse->value))
            return CLI_USAGE;
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    int code = cli_places_of(&places, parse);
    int collected = collect(&in, &places);
    cli_places_clear(&places);
    return collected > code ? collected : code;
}

const cli_command cli_gc_command = {
    .name = "gc",
    .operands = "[options] [CACHE...]",
    .summary = "remove what is expired, long unused, or too much",
    .about = "Expired results go, and what dead processes left; with filters those that all of\n"
             "them say; with --max-size as many more as it takes, beginning with what was\n"
             "cheap to compute for its size and is long unused. A process that uses them\n"
             "computes them again. What locache did not make stays.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_gc,
};
