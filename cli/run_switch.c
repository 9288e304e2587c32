/* LOCACHE: off, readonly, refresh or on, for all that is run or for some commands. It is read as
 * functions of Python read it, where a command is a function of the module `run`: off:run.make. */
#include "print.h"
#include "run.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const modes[] = {"on", "off", "readonly", "refresh"};
enum { MODE_ON, MODE_OFF, MODE_READONLY, MODE_REFRESH, MODE_COUNT };

static char *without_spaces(char *text)
{
    text += strspn(text, " \t\n");
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t\n", text[size - 1]) != NULL)
        text[--size] = '\0';
    return text;
}

static bool is_switched(const cli_run *run, const char *glob)
{
    char name[LOCACHE_NAME_MAX + 8] = "run.";
    char *function = cli_run_function(run);
    if (function == NULL)
        return false;
    (void)strncat(name, function, LOCACHE_NAME_MAX);
    free(function);
    return fnmatch(glob, name, 0) == 0 || fnmatch(glob, "run", 0) == 0;
}

/* The first part that is meant counts. */
static int find_mode(const cli_run *run, char *told, bool *wrong)
{
    char *rest = told;
    for (char *part; (part = strsep(&rest, ",")) != NULL;) {
        part = without_spaces(part);
        char *glob = strchr(part, ':');
        if (glob != NULL)
            *glob++ = '\0';
        int mode = MODE_ON;
        while (mode < MODE_COUNT && strcasecmp(part, modes[mode]) != 0)
            mode++;
        *wrong = *wrong || (mode == MODE_COUNT && (part[0] != '\0' || glob != NULL));
        if (mode < MODE_COUNT && (glob == NULL || glob[0] == '\0' || is_switched(run, glob)))
            return mode;
    }
    return MODE_ON;
}

void cli_run_take_switch(cli_run *run)
{
    const char *told = getenv("LOCACHE");
    char *copy = told != NULL && told[0] != '\0' ? strdup(told) : NULL;
    bool wrong = false;
    if (copy == NULL)
        return;
    int mode = find_mode(run, copy, &wrong);
    free(copy);
    if (wrong)
        cli_error("run: LOCACHE=%.200s: each part must be off, readonly, refresh or on, with a "
                  "glob behind it or none, as off:run.make; what is not is passed over",
                  told);
    run->off = mode == MODE_OFF;
    run->read_only = mode == MODE_READONLY;
    if (mode == MODE_REFRESH && !run->discard && !run->warm)
        run->force = true;
}
