/* Bounds that `locache gc --set-...` writes down. */
#ifndef CLI_GC_SET_H
#define CLI_GC_SET_H

#include "options.h"
#include "places.h"
#include "walk.h"

/* Options for a command's table, and how many they are. */
#define CLI_SET_OPTIONS                                                                            \
    {0, "set-max-size", "SIZE", "from now on, no more than SIZE of results (10G)"},                \
        {0, "set-max-entries", "NUMBER", "from now on, no more than so many results"},             \
    {                                                                                              \
        0, "set-max-age", "AGE", "from now on, none last used longer ago than AGE (30d)"           \
    }
enum { CLI_SET_COUNT = 3 };

/* What is to be set. */
typedef struct cli_setting {
    bool given[CLI_SET_COUNT];
    int64_t values[CLI_SET_COUNT]; /* 0: no bound */
} cli_setting;

/* The nth of these options. False: its value is wrong, and that was said. */
bool cli_setting_read(cli_setting *out, int n, const char *value);
/* Write them down: with --all for all caches of the user together, else for those that the operands
 * name, and say what holds then, on stderr. CLI_DONE, also where nothing is to be set. */
int cli_setting_put(const cli_setting *setting, const cli_parse *parse, bool dry_run);

#endif
