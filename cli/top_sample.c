/* What `locache top` shows, taken from the caches: counts, their rates since the sample before, and
 * the turns that are held. */
#include "command.h"
#include "print.h"
#include "top.h"
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND 1e9
/* Who counted longer ago is not told as a user of the cache: processes add once a second, where
 * they do anything. */
#define RECENT (INT64_C(10) * 1000000000)
/* And rates are shown for so long where nothing was added since: twice as long as whoever is busy
 * takes to add. */
#define HELD (INT64_C(3) * 1000000000)

static void *more_room(void *items, size_t *room, size_t size)
{
    *room = *room * 2 + 16;
    void *larger = realloc(items, *room * size);
    if (larger == NULL) {
        cli_error("no memory: name fewer caches");
        exit(CLI_FAILED);
    }
    return larger;
}

static char *kept_path(const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL) {
        cli_error("no memory: name fewer caches");
        exit(CLI_FAILED);
    }
    return copy;
}

/* ----------------------------------------------------------------------------------- one folder */

typedef struct taking {
    top_sample *sample;
    top_row *row;
} taking;

static void take_counts(void *context, const locache_counts *counts)
{
    taking *in = context;
    top_row *row = in->row;
    cli_counted_join(&row->counts, counts);
    if (counts->process == 0 || counts->until < in->sample->taken - RECENT)
        return;
    for (size_t i = 0; i < row->process_count && i < TOP_PROCESSES; i++)
        if (row->processes[i] == counts->process)
            return;
    if (row->process_count < TOP_PROCESSES)
        row->processes[row->process_count] = counts->process;
    row->process_count++;
}

static bool take_computing(void *context, const locache_computing *one)
{
    taking *in = context;
    top_sample *sample = in->sample;
    if (sample->computing_count == sample->computing_room)
        sample->computing =
            more_room(sample->computing, &sample->computing_room, sizeof *sample->computing);
    sample->computing[sample->computing_count++] =
        (top_computing){one->process, one->since, sample->count};
    in->row->computing++;
    return true;
}

static bool take_folder(void *context, const cli_visit *visit)
{
    top_sample *sample = context;
    const locache_folder_info *info = visit->info;
    locache_folder *folder;
    if (locache_folder_open(&folder, info->path, NULL) != LOCACHE_OK)
        return false;
    if (sample->count == sample->room)
        sample->rows = more_room(sample->rows, &sample->room, sizeof *sample->rows);
    top_row *row = &sample->rows[sample->count];
    *row = (top_row){.path = kept_path(info->path),
                     .cache = kept_path(visit->place->dir),
                     .function = kept_path(info->name),
                     .current = info->current,
                     .has_version = info->has_version,
                     .version = info->version};
    taking in = {sample, row};
    (void)!locache_folder_each_counts(folder, take_counts, &in);
    locache_folder_computing(folder, take_computing, &in);
    locache_folder_close(folder);
    sample->count++;
    return false;
}

/* --------------------------------------------------------------------------------------- rates */

static const top_row *find_path(const top_sample *sample, const char *path)
{
    for (size_t i = 0; i < sample->count; i++)
        if (strcmp(sample->rows[i].path, path) == 0)
            return &sample->rows[i];
    return NULL;
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
    return now > before ? (double)(now - before) / seconds : 0;
}

/* By the moments at which it was counted, since a process adds what it did in a second or more, and
 * not what it did between two looks of ours. Of what was not there before, by how long it counted
 * itself. */
static void set_rates(top_row *row, const top_row *before, int64_t now)
{
    static const locache_counts nothing;
    const locache_counts *then = before != NULL ? &before->counts : &nothing;
    int64_t from = then->since != 0 ? then->until : row->counts.since;
    double seconds = (double)(row->counts.until - from) / SECOND;
    if (seconds <= 0) {
        bool held = before != NULL && now - row->counts.until < HELD;
        row->hits = held ? before->hits : 0;
        row->misses = held ? before->misses : 0;
        row->saved = held ? before->saved : 0;
        return;
    }
    row->hits = rate(row->counts.hits, then->hits, seconds);
    row->misses = rate(row->counts.misses, then->misses, seconds);
    row->saved = rate(row->counts.saved_time, then->saved_time, seconds) / SECOND;
}

void cli_top_take(top_sample *out, const cli_places *places, const top_sample *before)
{
    const cli_visitor visitor = {.begin = take_folder, .context = out, .quiet = before != NULL};
    *out = (top_sample){.taken = cli_now()};
    out->code = cli_walk(places, &visitor);
    for (size_t i = 0; before != NULL && i < out->count; i++) {
        /* Folders come in the same order, mostly. */
        bool same = i < before->count && strcmp(before->rows[i].path, out->rows[i].path) == 0;
        set_rates(&out->rows[i], same ? &before->rows[i] : find_path(before, out->rows[i].path),
                  out->taken);
    }
}

void cli_top_clear(top_sample *sample)
{
    for (size_t i = 0; i < sample->count; i++) {
        free(sample->rows[i].path);
        free(sample->rows[i].cache);
        free(sample->rows[i].function);
    }
    free(sample->rows);
    free(sample->computing);
    *sample = (top_sample){.count = 0};
}

/* --------------------------------------------------------------------------------------- order */

bool cli_top_active(const top_row *row)
{
    return row->computing > 0 || row->hits > 0 || row->misses > 0;
}

static int compare_activity(const void *left, const void *right)
{
    const top_row *a = *(const top_row *const *)left;
    const top_row *b = *(const top_row *const *)right;
    double more = b->hits + b->misses - a->hits - a->misses;
    if (a->computing != b->computing)
        return a->computing > b->computing ? -1 : 1;
    if (more > 0 || more < 0)
        return more > 0 ? 1 : -1;
    if (a->counts.until != b->counts.until)
        return a->counts.until > b->counts.until ? -1 : 1;
    return strcmp(a->path, b->path);
}

const top_row **cli_top_order(size_t *count, const top_sample *sample, bool all)
{
    const top_row **rows = calloc(sample->count + 1, sizeof *rows);
    if (rows == NULL) {
        cli_error("no memory: name fewer caches");
        exit(CLI_FAILED);
    }
    *count = 0;
    for (size_t i = 0; i < sample->count; i++)
        if (all || cli_top_active(&sample->rows[i]))
            rows[(*count)++] = &sample->rows[i];
    qsort(rows, *count, sizeof *rows, compare_activity);
    return rows;
}

void cli_top_command(char out[TOP_COMMAND], uint32_t process)
{
    char path[40];
    out[0] = '\0';
    (void)snprintf(path, sizeof path, "/proc/%u/cmdline", (unsigned)process);
    FILE *file = process != 0 ? fopen(path, "re") : NULL;
    if (file == NULL)
        return;
    size_t size = fread(out, 1, TOP_COMMAND - 1, file);
    (void)fclose(file);
    /* Its words end with NUL. */
    for (size_t i = 0; i + 1 < size; i++)
        if (out[i] == '\0')
            out[i] = ' ';
    out[size] = '\0';
}
