/* `locache gc`: what is expired, long unused, or too much for a bound: one that is given, or those
 * that are set, of each cache and of all of the user's together (gc_cut.c says what goes). */
#include "command.h"
#include "gc_cut.h"
#include "gc_set.h"
#include "print.h"
#include "remove.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GC_MAX_SIZE = CLI_REMOVE_OPTIONS, GC_SETS, GC_FILTERS = GC_SETS + CLI_SET_COUNT };

static const cli_option options[] = {
    CLI_REMOVE_TABLE,
    [GC_MAX_SIZE] = {'s', "max-size", "SIZE", "until they take no more than SIZE on disk"},
    CLI_SET_OPTIONS,
    CLI_FILTER_OPTIONS,
};

/* What holds for one place: its own bound, and what of it goes for that. */
typedef struct rule {
    cli_bound bound;
    cli_cut cut;
    cli_cut left; /* of it, in this pass: what goes in a dry run is there in the next */
} rule;

typedef struct gc {
    cli_removal removal;
    cli_filter filter;
    cli_setting setting;
    bool has_max;
    cli_bound given;
    int64_t now;
    const cli_places *places;
    rule *rules;        /* one for each place */
    rule all;           /* of all places together */
    cli_worths *worths; /* NULL: nothing is bounded */
    bool first;         /* time through: what expired or is meant by filters goes */
    bool counts;        /* what stays is `kept` */
    bool by_size;       /* bounds that are set are of files' sizes, not of what they take */
    uint64_t bytes;     /* of what stays, as the bound counts them */
    uint64_t entries;
    uint64_t kept; /* on disk */
} gc;

/* What a file takes: some file systems say too little of blocks. */
static uint64_t taken_by(const locache_file *file)
{
    return file->disk_size > file->file_size ? file->disk_size : file->file_size;
}

static uint64_t weight_of(const gc *in, const locache_file *file)
{
    return in->by_size ? file->file_size : taken_by(file);
}

/* A newer locache may still want what this one cannot read. */
static bool may_go(const locache_file *file)
{
    return file->ours && file->status != LOCACHE_EFORMAT && file->status != LOCACHE_EIO;
}

static bool is_older(const gc *in, const locache_file *file, const cli_bound *bound)
{
    return bound->max_age > 0 && file->used <= in->now - bound->max_age;
}

/* Does it go whatever else there is? */
static bool goes_anyway(const gc *in, const locache_file *file, const rule *of)
{
    bool expired = file->status == LOCACHE_OK && file->expires != 0 && file->expires <= in->now;
    bool meant = cli_filter_is_set(&in->filter) && cli_filter_takes(&in->filter, file);
    return expired || meant || is_older(in, file, &of->bound) || is_older(in, file, &in->all.bound);
}

static rule *rule_of(const gc *in, const cli_visit *visit)
{
    return &in->rules[visit->place - in->places->items];
}

static bool weigh_file(void *context, const cli_visit *visit, const locache_file *file)
{
    gc *in = context;
    rule *of = rule_of(in, visit);
    cli_progress_step(&in->removal.progress);
    if (!file->ours)
        return true;
    uint64_t weight = weight_of(in, file);
    size_t worth = cli_worth_of(file, weight, in->now);
    if (may_go(file) && goes_anyway(in, file, of)) {
        /* In a dry run it is there the next time, too. */
        if (!in->first || cli_removal_take(&in->removal, visit, file))
            return true;
    } else if (in->removal.dry_run && !in->first && may_go(file) &&
               cli_cut_takes(&of->left, worth)) {
        cli_cut_count(&of->left, worth, weight);
        return true;
    }
    in->kept += in->counts ? taken_by(file) : 0;
    in->bytes += weight;
    in->entries++;
    if (in->worths != NULL && may_go(file))
        cli_worths_add(in->worths, worth, weight);
    return true;
}

/* Temporaries of writers that died. */
static void sweep(void *context, const cli_visit *visit)
{
    const gc *in = context;
    if (visit->folder != NULL && !in->removal.dry_run)
        locache_folder_sweep(visit->folder);
}

/* A second time through. */
typedef struct cutting {
    gc *in;
    cli_cut *cut;
    bool all; /* after the places' own cuts */
} cutting;

static bool cut_file(void *context, const cli_visit *visit, const locache_file *file)
{
    cutting *now = context;
    gc *in = now->in;
    uint64_t weight = weight_of(in, file);
    size_t worth = cli_worth_of(file, weight, in->now);
    rule *of = rule_of(in, visit);
    cli_progress_step(&in->removal.progress);
    if (!may_go(file) || (in->removal.dry_run && goes_anyway(in, file, of)))
        return true;
    if (now->all && in->removal.dry_run && cli_cut_takes(&of->left, worth)) {
        cli_cut_count(&of->left, worth, weight);
        return true;
    }
    if (!cli_cut_takes(now->cut, worth) || !cli_removal_take(&in->removal, visit, file))
        return true;
    cli_cut_count(now->cut, worth, weight);
    uint64_t taken = taken_by(file);
    in->kept -= taken < in->kept ? taken : in->kept;
    return true;
}

/* ----------------------------------------------------------------------------------- the passes */

static void begin_pass(gc *in)
{
    for (size_t i = 0; i < in->places->count; i++)
        in->rules[i].left = in->rules[i].cut;
}

/* Through some places to count, and once more to cut where it is beyond the bound. */
static int collect(gc *in, const cli_places *places, const rule *of, cli_cut *cut)
{
    const cli_visitor first = {.file = weigh_file, .end = sweep, .context = in};
    cutting now = {.in = in, .all = of == &in->all};
    const cli_visitor second = {.file = cut_file, .context = &now, .quiet = true};
    in->bytes = in->entries = 0;
    if (in->worths != NULL)
        cli_worths_clear(in->worths);
    begin_pass(in);
    cli_progress_begin(&in->removal.progress, "looked at", places);
    int code = cli_walk(places, &first);
    if (in->worths == NULL)
        return code;
    *cut = cli_cut_of(in->worths, &of->bound, in->bytes, in->entries);
    cli_cut once = *cut;
    now.cut = &once;
    begin_pass(in);
    cli_progress_again(&in->removal.progress, "looked at again");
    int walked = cut->is ? cli_walk(places, &second) : CLI_DONE;
    return walked > code ? walked : code;
}

static bool is_cut_by(const cli_bound *bound)
{
    return bound->max_bytes != UINT64_MAX || bound->max_entries != UINT64_MAX;
}

/* Each place by itself, then all together. */
static int collect_all(gc *in, const cli_places *places)
{
    int code = CLI_DONE;
    bool each = false;
    bool together = is_cut_by(&in->all.bound);
    in->first = in->counts = true;
    for (size_t i = 0; i < places->count; i++)
        each = each || is_cut_by(&in->rules[i].bound);
    if (!each)
        return collect(in, places, &in->all, &in->all.cut);
    for (size_t i = 0; i < places->count; i++) {
        cli_places one = {.items = &places->items[i], .count = 1};
        int walked = collect(in, &one, &in->rules[i], &in->rules[i].cut);
        code = walked > code ? walked : code;
    }
    if (!together)
        return code;
    in->first = in->counts = false;
    int walked = collect(in, places, &in->all, &in->all.cut);
    return walked > code ? walked : code;
}

/* ----------------------------------------------------------------------------------- the bounds */

/* What is set for a whole cache; nothing of it for a function or a version. */
static int take_set(cli_bound *out, const char *dir)
{
    locache_error error;
    locache_bounds set = {.size = sizeof set};
    *out = CLI_BOUND_NONE;
    locache_status status = locache_get_bounds(&set, dir, &error);
    if (set.max_bytes > 0)
        out->max_bytes = (uint64_t)set.max_bytes;
    if (set.max_entries > 0)
        out->max_entries = (uint64_t)set.max_entries;
    out->max_age = set.max_age;
    /* What cannot be looked into says so when it is walked through. */
    if (status == LOCACHE_OK || (status == LOCACHE_EUNTRUSTED && dir != NULL))
        return CLI_DONE;
    cli_error("%s", error.message);
    return CLI_FAILED;
}

/* The bounds that hold, where none was given. */
static int take_bounds(gc *in, const cli_places *places, bool together)
{
    int code = CLI_DONE;
    bool set = !in->has_max && !cli_filter_is_set(&in->filter);
    for (size_t i = 0; i < places->count; i++) {
        const cli_place *place = &places->items[i];
        in->rules[i].bound = CLI_BOUND_NONE;
        int taken = set && place->function == NULL && place->folder == NULL
                        ? take_set(&in->rules[i].bound, place->dir)
                        : CLI_DONE;
        code = taken > code ? taken : code;
        in->by_size = in->by_size || cli_bound_is_set(&in->rules[i].bound);
    }
    in->all.bound = in->given;
    if (set && together) {
        int taken = take_set(&in->all.bound, NULL);
        code = taken > code ? taken : code;
        in->by_size = in->by_size || cli_bound_is_set(&in->all.bound);
    }
    return code;
}

static int collect_within(gc *in, const cli_places *places, bool together)
{
    in->places = places;
    in->rules = calloc(places->count + 1, sizeof *in->rules);
    if (in->rules == NULL) {
        cli_error("no memory");
        return CLI_FAILED;
    }
    int code = take_bounds(in, places, together);
    if ((in->by_size || in->has_max) && (in->worths = cli_worths_new()) == NULL) {
        cli_error("no memory");
        code = CLI_FAILED;
    } else {
        int walked = collect_all(in, places);
        code = walked > code ? walked : code;
        cli_removal_end(&in->removal, (int64_t)in->kept);
    }
    free(in->worths);
    free(in->rules);
    return in->removal.code > code ? in->removal.code : code;
}

/* ---------------------------------------------------------------------------------- the command */

static bool take_gc_option(gc *in, int option, const char *value)
{
    if (option < CLI_REMOVE_OPTIONS) {
        cli_removal_option(&in->removal, option);
        return true;
    }
    if (option >= GC_FILTERS)
        return cli_filter_read(&in->filter, option - GC_FILTERS, value);
    if (option >= GC_SETS)
        return cli_setting_read(&in->setting, option - GC_SETS, value);
    in->has_max = true;
    return cli_read_size(&in->given.max_bytes, "max-size", value);
}

/* Where all of the user's caches together are bounded, `locache gc` alone means all of them. */
static int find_collected(cli_places *out, const cli_parse *parse, const gc *in, bool *together)
{
    locache_error unheard; /* it is said when it is to hold */
    locache_bounds set = {.size = sizeof set};
    bool given = in->has_max || cli_filter_is_set(&in->filter);
    *together = parse->all || (parse->operands == 0 && !given);
    if (!parse->all && *together)
        (void)!locache_get_bounds(&set, NULL, &unheard);
    int code = cli_places_of(out, parse);
    if (set.max_bytes > 0 || set.max_entries > 0 || set.max_age > 0) {
        int added = cli_places_add_all(out);
        code = added > code ? added : code;
    }
    return code;
}

static int run_gc(cli_parse *parse)
{
    gc in = {.now = cli_now(), .given = CLI_BOUND_NONE};
    cli_places places;
    bool together;
    int option;
    while ((option = cli_parse_next(parse)) >= 0)
        if (!take_gc_option(&in, option, parse->value))
            return CLI_USAGE;
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    int set = cli_setting_put(&in.setting, parse, in.removal.dry_run);
    if (set != CLI_DONE)
        return set;
    int code = find_collected(&places, parse, &in, &together);
    int collected = collect_within(&in, &places, together);
    cli_places_clear(&places);
    return collected > code ? collected : code;
}

const cli_command cli_gc_command = {
    .name = "gc",
    .operands = "[options] [CACHE...]",
    .summary = "remove what is expired, long unused, or too much",
    .about = "Expired results go, and what dead processes left; with filters those that all of\n"
             "them say; with --max-size as many more as it takes, beginning with what was\n"
             "cheap to compute for its size and is long unused. Without these, as many as the\n"
             "bounds say that are set: of each cache, and of all of yours together. They are\n"
             "set by --set-max-size and the like: with --all for all of yours together, else\n"
             "for the caches that are named; 0 takes one back. Who stores keeps to them. A\n"
             "process that uses what goes computes it again. What locache did not make stays.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_gc,
};
