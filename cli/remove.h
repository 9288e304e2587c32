/* What rm, reset and gc share: files that are removed, or would be, and the count of them. */
#ifndef CLI_REMOVE_H
#define CLI_REMOVE_H

#include "progress.h"
#include "walk.h"

typedef struct cli_removal {
    bool dry_run;
    bool verbose;
    bool as_json;
    uint64_t removed;
    uint64_t bytes;
    int code;
    cli_progress progress;
} cli_removal;

/* Options that all three have, at the beginning of their tables. */
enum { CLI_REMOVE_DRY, CLI_REMOVE_VERBOSE, CLI_REMOVE_JSON, CLI_REMOVE_OPTIONS };
#define CLI_REMOVE_TABLE                                                                           \
    [CLI_REMOVE_DRY] = {'n', "dry-run", NULL, "remove nothing, say what would go"},                \
    [CLI_REMOVE_VERBOSE] = {'v', "verbose", NULL, "a line for each result that goes"},             \
    [CLI_REMOVE_JSON] = {0, "json", NULL, "the numbers as a JSON object"}

void cli_removal_option(cli_removal *removal, int option);
/* Count a file as removed, and say so where each is to be said. */
void cli_removal_count(cli_removal *removal, const cli_visit *visit, const locache_file *file);
/* Remove one, or only count it. False: it is not there any more, or could not be removed, which was
 * said. */
bool cli_removal_take(cli_removal *removal, const cli_visit *visit, const locache_file *file);
/* The numbers at the end; `kept`: bytes that stay, where that is known, else negative. */
void cli_removal_end(cli_removal *removal, int64_t kept);

#endif
