/* Rows of a listing, sorted, and bounded in number: of a million entries the largest ten need no
 * memory for the rest. */
#include "rows.h"
#include "command.h"
#include "options.h"
#include "print.h"

#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------- sums */

static int64_t earlier(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void cli_sums_join(cli_sums *sums, const cli_sums *more)
{
    sums->entries += more->entries;
    sums->unusable += more->unusable;
    sums->bytes += more->bytes;
    sums->disk += more->disk;
    sums->oldest = earlier(sums->oldest, more->oldest);
    sums->newest = later(sums->newest, more->newest);
    sums->used = later(sums->used, more->used);
    /* What headers say may be anything. */
    sums->took = sums->took > INT64_MAX - more->took ? INT64_MAX : sums->took + more->took;
}

void cli_sums_add(cli_sums *sums, const locache_file *file)
{
    bool sound = file->status == LOCACHE_OK;
    const cli_sums one = {.entries = sound,
                          .unusable = !sound,
                          .bytes = file->file_size,
                          .disk = file->disk_size,
                          .oldest = file->created,
                          .newest = file->created,
                          .used = file->used,
                          .took = file->compute_time};
    cli_sums_join(sums, &one);
}

/* ---------------------------------------------------------------------------------------- order */

static const char *const words[] = {"name", "size",  "disk", "age",   "used",
                                    "time", "count", "hits", "saved", "none"};

static const char *next_word(void *context)
{
    size_t *at = context;
    return *at < sizeof words / sizeof *words ? words[(*at)++] : NULL;
}

bool cli_sort_read(cli_sort *out, const char *word)
{
    size_t at = 0;
    for (size_t n = 0; n < sizeof words / sizeof *words; n++)
        if (strcmp(word, words[n]) == 0) {
            *out = (cli_sort)n;
            return true;
        }
    const char *near = cli_nearest(word, next_word, &at);
    cli_error("--sort takes name, size, disk, age, used, time, count, hits, saved or none, not "
              "'%.99s'%s%s%s",
              word, near != NULL ? ": did you mean " : "", near != NULL ? near : "",
              near != NULL ? "?" : "");
    return false;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? 1 : a > b ? -1 : 0; /* the largest first */
}

static int compare_times(int64_t a, int64_t b)
{
    return a < b ? 1 : a > b ? -1 : 0; /* the latest first */
}

static int compare_by(cli_sort sort, const cli_row *a, const cli_row *b)
{
    switch (sort) {
    case CLI_SORT_SIZE:
        return compare_numbers(a->sums.bytes, b->sums.bytes);
    case CLI_SORT_DISK:
        return compare_numbers(a->sums.disk, b->sums.disk);
    case CLI_SORT_AGE:
        return compare_times(a->sums.newest, b->sums.newest);
    case CLI_SORT_USED:
        return compare_times(a->sums.used, b->sums.used);
    case CLI_SORT_TIME:
        return compare_times(a->sums.took, b->sums.took);
    case CLI_SORT_COUNT:
        return compare_numbers(a->sums.entries, b->sums.entries);
    case CLI_SORT_HITS:
        return compare_numbers(a->counts.hits, b->counts.hits);
    case CLI_SORT_SAVED:
        return compare_numbers(a->counts.saved_time, b->counts.saved_time);
    case CLI_SORT_NAME:
    case CLI_SORT_NONE:
        break;
    }
    return 0;
}

/* qsort() gives no context: one listing is sorted at a time. */
static cli_sort sorted_by;
static bool reversed;

static int compare_rows(const void *left, const void *right)
{
    const cli_row *a = left;
    const cli_row *b = right;
    int by = compare_by(sorted_by, a, b);
    if (by == 0)
        by = strcmp(a->cache, b->cache);
    if (by == 0)
        by = strcmp(a->path, b->path);
    return reversed ? -by : by;
}

/* ----------------------------------------------------------------------------------------- rows */

static char *kept_text(const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL) {
        cli_error("no memory: list fewer, with --limit or --sort none");
        exit(CLI_FAILED);
    }
    return copy;
}

static void free_row(cli_row *row)
{
    free(row->cache);
    free(row->function);
    free(row->path);
}

void cli_rows_sort(cli_rows *rows)
{
    sorted_by = rows->sort;
    reversed = rows->reverse;
    if (rows->count > 0 && rows->sort != CLI_SORT_NONE)
        qsort(rows->items, rows->count, sizeof *rows->items, compare_rows);
    while (rows->limit > 0 && rows->count > rows->limit) {
        free_row(&rows->items[--rows->count]);
        rows->left_out++;
    }
}

void cli_rows_add(cli_rows *rows, const cli_row *row)
{
    if (rows->count == rows->room) {
        rows->room = rows->room * 2 + 64;
        rows->items = realloc(rows->items, rows->room * sizeof *rows->items);
        if (rows->items == NULL) {
            cli_error("no memory: list fewer, with --limit or --sort none");
            exit(CLI_FAILED);
        }
    }
    cli_row *copy = &rows->items[rows->count++];
    *copy = *row;
    copy->cache = kept_text(row->cache);
    copy->function = row->function != NULL ? kept_text(row->function) : NULL;
    copy->path = kept_text(row->path);
    if (row->entry != NULL)
        copy->entry = copy->path + (row->entry - row->path);
    /* Sorted when half of them will go: that is some comparisons a row, whatever their number. */
    if (rows->limit > 0 && rows->count >= 2 * rows->limit + 64)
        cli_rows_sort(rows);
}

void cli_rows_clear(cli_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++)
        free_row(&rows->items[i]);
    free(rows->items);
    rows->items = NULL;
    rows->count = rows->room = 0;
}
