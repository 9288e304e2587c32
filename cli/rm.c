/* `locache rm`: single results are forgotten, by name or by what is said of them. */
#include "command.h"
#include "print.h"
#include "remove.h"

static const cli_option options[] = {CLI_REMOVE_TABLE, CLI_FILTER_OPTIONS};

typedef struct rm {
    cli_removal removal;
    cli_filter filter;
} rm;

static bool remove_file(void *context, const cli_visit *visit, const locache_file *file)
{
    rm *in = context;
    cli_progress_step(&in->removal.progress);
    if (cli_filter_takes(&in->filter, file) && (file->ours || visit->place->entry != NULL))
        (void)cli_removal_take(&in->removal, visit, file);
    return true;
}

/* All results of a function are more than somebody may have meant. */
static bool is_narrow(const cli_places *places, const cli_filter *filter)
{
    for (size_t i = 0; i < places->count && !cli_filter_is_set(filter); i++)
        if (places->items[i].entry == NULL) {
            cli_error("rm takes files of results, or --older, --larger or --name beside a cache; "
                      "locache reset forgets all that is in one");
            return false;
        }
    return true;
}

static int refuse_all(void)
{
    cli_error("rm --all needs --older, --larger or --name, which say what is to go; locache reset "
              "--all forgets everything");
    return CLI_USAGE;
}

static int run_rm(cli_parse *parse)
{
    rm in = {.filter.older = 0};
    const cli_visitor visitor = {.file = remove_file, .context = &in};
    cli_places places;
    int option;
    while ((option = cli_parse_next(parse)) >= 0) {
        if (option < CLI_REMOVE_OPTIONS)
            cli_removal_option(&in.removal, option);
        else if (!cli_filter_read(&in.filter, option - CLI_REMOVE_OPTIONS, parse->value))
            return CLI_USAGE;
    }
    if (option != CLI_OPTIONS_END)
        return cli_parse_ended(option);
    if (parse->all && !cli_filter_is_set(&in.filter))
        return refuse_all();
    if (parse->operands == 0 && !parse->all) {
        cli_error("rm needs results: their files, or a cache and --older, --larger or --name");
        return CLI_USAGE;
    }
    int code = cli_places_of(&places, parse);
    if (!is_narrow(&places, &in.filter)) {
        cli_places_clear(&places);
        return CLI_USAGE;
    }
    cli_progress_begin(&in.removal.progress, "looked at", &places);
    int walked = cli_walk(&places, &visitor);
    cli_removal_end(&in.removal, -1);
    cli_places_clear(&places);
    code = walked > code ? walked : code;
    return in.removal.code > code ? in.removal.code : code;
}

const cli_command cli_rm_command = {
    .name = "rm",
    .operands = "[options] RESULT...",
    .summary = "forget single results",
    .about = "Each RESULT is the file of one, or a cache, source file or function, of which\n"
             "those go that the filters say, all of them at once. A process that uses them\n"
             "computes them again. What locache did not make stays.",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .takes_all = true,
    .run = run_rm,
};
