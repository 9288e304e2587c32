/* The way through all that some places name: folder by folder, file by file, nothing kept. */
#ifndef CLI_WALK_H
#define CLI_WALK_H

#include "places.h"

/* Where the way is. */
typedef struct cli_visit {
    const cli_place *place;
    const locache_folder_info *info;
    locache_folder *folder; /* NULL where it cannot be used */
} cli_visit;

typedef struct cli_visitor {
    /* Before a folder's files: false: they are not asked for. */
    bool (*begin)(void *context, const cli_visit *visit);
    /* Each file in it; NULL: none is asked for. False: no more of this folder. */
    bool (*file)(void *context, const cli_visit *visit, const locache_file *file);
    void (*end)(void *context, const cli_visit *visit);
    void *context;
    bool quiet; /* what is wrong was said already, or will be */
} cli_visitor;

/* Go there. What cannot be opened or listed is said on stderr, and the way goes on. CLI_DONE;
 * CLI_FOUND: a function or an entry that was named is not there; CLI_FAILED. Any of the visitor's
 * functions may be NULL. */
int cli_walk(const cli_places *places, const cli_visitor *visitor);

/* Is a file's result one of the function that its folder is of? Else it is a miss there. */
bool cli_is_of_folder(const locache_file *file, const cli_visit *visit);

/* A path as it is shown: relative to the working directory where it is below that. */
const char *cli_shown_path(const char *path);

/* Is it an entry, or what is in the place of one? What locache did not make is none. */
bool cli_is_entry(const locache_file *file);

/* Which entries are meant. */
typedef struct cli_filter {
    int64_t older;       /* nanoseconds since the last use, at least; 0: any */
    uint64_t larger;     /* bytes of the file, at least; 0: any */
    const char *pattern; /* of the name, as fnmatch() has them; NULL: any */
    int64_t now;
} cli_filter;

/* Nanoseconds since 1970. */
int64_t cli_now(void);
bool cli_filter_is_set(const cli_filter *filter);
bool cli_filter_takes(const cli_filter *filter, const locache_file *file);

/* The options that set one, for a command's table, and what reads them. */
#define CLI_FILTER_OPTIONS                                                                         \
    {0, "older", "AGE", "last used longer ago than AGE (90s, 10m, 12h, 30d, 1y)"},                 \
        {0, "larger", "SIZE", "of at least SIZE bytes (500K, 10M, 1.5G)"},                         \
    {                                                                                              \
        0, "name", "GLOB", "whose name matches, as 'x=1*'"                                         \
    }
enum { CLI_FILTER_COUNT = 3 };
/* The nth of these options. False: its value is wrong, and that was said. */
bool cli_filter_read(cli_filter *out, int n, const char *value);

#endif
