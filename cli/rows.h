/* Rows of a listing: caches, functions or entries, with the numbers that they are sorted by. */
#ifndef CLI_ROWS_H
#define CLI_ROWS_H

#include "walk.h"

/* Sums over entries; of one entry, its own. */
typedef struct cli_sums {
    uint64_t entries;
    uint64_t unusable; /* damaged, or not to be trusted: no entries, but for their bytes */
    uint64_t bytes;
    uint64_t disk;
    int64_t oldest; /* when the first and the last were stored; 0: there is none */
    int64_t newest;
    int64_t used;
    int64_t took; /* nanoseconds that they took to compute */
} cli_sums;

void cli_sums_add(cli_sums *sums, const locache_file *file);
void cli_sums_join(cli_sums *sums, const cli_sums *more);

typedef struct cli_row {
    char *cache;       /* path of the cache directory */
    char *function;    /* name of the function's directory; NULL: of a whole cache */
    char *path;        /* of what the row is of */
    const char *entry; /* the end of path; NULL: it is none */
    bool current;
    bool has_version;
    locache_id version;
    uint64_t functions; /* of a cache */
    uint64_t versions;  /* earlier ones */
    cli_sums sums;
    locache_counts counts; /* of a function, or of a cache */
    /* of an entry */
    int status;
    uint32_t codec;
    uint32_t signature;
    int64_t expires;
} cli_row;

typedef enum cli_sort {
    CLI_SORT_NAME,
    CLI_SORT_SIZE,
    CLI_SORT_DISK,
    CLI_SORT_AGE,
    CLI_SORT_USED,
    CLI_SORT_TIME,
    CLI_SORT_COUNT,
    CLI_SORT_HITS,
    CLI_SORT_SAVED,
    CLI_SORT_NONE,
} cli_sort;

/* What a word says; false, said on stderr: it is none of them. */
bool cli_sort_read(cli_sort *out, const char *word);

/* The first `limit` rows in an order: twice as many are kept at most. 0: all. */
typedef struct cli_rows {
    cli_row *items;
    size_t count;
    size_t room;
    cli_sort sort;
    bool reverse;
    uint64_t limit;
    uint64_t left_out;
} cli_rows;

/* Its texts are copied. */
void cli_rows_add(cli_rows *rows, const cli_row *row);
/* Put them in order, and leave out what is beyond the limit. */
void cli_rows_sort(cli_rows *rows);
void cli_rows_clear(cli_rows *rows);

#endif
