/* What the operands of a command line name: caches, functions, entries. */
#ifndef CLI_PLACES_H
#define CLI_PLACES_H

#include "locache.h"
#include "options.h"

/* One cache, or what of it is meant. All its own memory. */
typedef struct cli_place {
    char *dir;      /* the cache directory, absolute */
    char *function; /* a qualified name or a pattern of such; NULL: all */
    char *folder;   /* of one folder, its absolute path; NULL: all */
    char *entry;    /* of one entry, its name; NULL: all */
} cli_place;

typedef struct cli_places {
    cli_place *items;
    size_t count;
    size_t room;
    bool failed; /* something could not be looked at, and was said on stderr */
} cli_places;

/* Into *out what the operands name; without any, all caches below the working directory. What is
 * named and is not there is said on stderr. CLI_DONE, CLI_FOUND (something is not there),
 * CLI_FAILED. cli_places_clear() in any case. */
int cli_places_find(cli_places *out, int count, char **operands);
/* The same of a command line that was read: with --all every cache of this user, wherever it is. */
int cli_places_of(cli_places *out, const cli_parse *parse);
/* Add every cache of this user that is not there as a whole already. CLI_DONE, CLI_FAILED. */
int cli_places_add_all(cli_places *places);
void cli_places_clear(cli_places *places);

/* Is that the name of the directory of a function of this qualified name, or of one that the
 * pattern means? */
bool cli_is_function(const char *directory, const char *function);
/* The id of the qualified name that a directory's name stands for. */
void cli_function_id(locache_id *out, const char *directory);
/* A function directory's name as the qualified name that it stands for, as far as it says it.
 * `out` has room for LOCACHE_NAME_MAX + 1 bytes. */
void cli_function_name(char *out, const char *directory);

#endif
