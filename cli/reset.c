/* `locache reset`: all results of functions, or of whole caches, are forgotten. */
#include "command.h"
#include "print.h"
#include "remove.h"

#include <stdlib.h>
#include <string.h>

static const cli_option options[] = {CLI_REMOVE_TABLE};

/* A function that is to be reset. */
typedef struct target {
    const char *dir; /* the place's */
    char *name;      /* own */
} target;

typedef struct reset {
    cli_removal removal;
    target *targets;
    size_t count;
    size_t room;
} reset;

/* Afterwards they go, not while they are listed; a function's folders follow one another nearly
 * always, and twice is no harm. */
static bool note_folder(void *context, const cli_visit *visit)
{
    reset *in = context;
    const char *dir = visit->place->dir;
    const target *last = in->count > 0 ? &in->targets[in->count - 1] : NULL;
    if (last != NULL && last->dir == dir && strcmp(last->name, visit->info->name) == 0)
        return true;
    if (in->count == in->room) {
        in->room = 2 * in->room + 16;
        in->targets = realloc(in->targets, in->room * sizeof *in->targets);
    }
    char *name = strdup(visit->info->name);
    if (in->targets == NULL || name == NULL) {
        cli_error("no memory");
        exit(CLI_FAILED);
    }
    in->targets[in->count++] = (target){dir, name};
    return true;
}

static bool count_file(void *context, const cli_visit *visit, const locache_file *file)
{
    reset *in = context;
    cli_progress_step(&in->removal.progress);
    if (file->ours)
        cli_removal_count(&in->removal, visit, file);
    return true;
}

static void clear_all(reset *in)
{
    locache_error error;
    for (size_t i = 0; i < in->count; i++) {
        if (!in->removal.dry_run &&
            locache_clear_folder(in->targets[i].dir, in->targets[i].name, &error) != LOCACHE_OK) {
            cli_error("%s", error.message);
            in->removal.code = CLI_FAILED;
        }
        free(in->targets[i].name);
    }
    free(in->targets);
}

/* Neither a single result nor one version is a function. */
static bool is_wide(const cli_places *places)
{
    for (size_t i = 0; i < places->count; i++) {
        const cli_place *place = &places->items[i];
        bool earlier = place->folder != NULL && strstr(place->folder, "/.versions/") != NULL &&
                       strstr(place->folder + strlen(place->dir), "/.versions/") != NULL;
        if (place->entry == NULL && !earlier)
            continue;
        cli_error("reset forgets all results of functions: %s is forgotten by locache rm%s",
                  place->entry != NULL ? place->entry : "one version",
                  earlier ? " --older 0s" : "");
        return false;
    }
    return true;
}

static int run_reset(cli_parse *parse)
{
    reset in = {.count = 0};
    const cli_visitor visitor = {.begin = note_folder, .file = count_file, .context = &in};
    cli_places places;
    int option;
    while ((option = cli_parse_next(parse)) >= 0)
        cli_removal_option(&in.removal, option);
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    if (parse->operands == 0 && !parse->all) {
        cli_error("reset needs a cache, a source file or a function: locache reset foo.py:my_func, "
                  "or locache reset . for all that are below, or --all for all of yours");
        return CLI_USAGE;
    }
    int code = cli_places_of(&places, parse);
    if (!is_wide(&places)) {
        cli_places_clear(&places);
        return CLI_USAGE;
    }
    cli_progress_begin(&in.removal.progress, "looked at", &places);
    int walked = cli_walk(&places, &visitor);
    clear_all(&in);
    cli_removal_end(&in.removal, -1);
    cli_places_clear(&places);
    code = walked > code ? walked : code;
    return in.removal.code > code ? in.removal.code : code;
}

const cli_command cli_reset_command = {
    .name = "reset",
    .operands = "[options] CACHE...",
    .summary = "forget all results of functions, or of whole caches",
    .about = "All results of the function, source file or cache go, those of earlier versions\n"
             "with them. A process that uses them computes them again. What locache did not\n"
             "make stays.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_reset,
};
