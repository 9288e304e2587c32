/* A line on the terminal that says how many are done, how fast, and how long it will take. */
#include "progress.h"
#include "print.h"
#include "walk.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>

/* Nothing is said of what is done in a second; then five times a second. */
#define QUIET 1000000000
#define INTERVAL 200000000

static int64_t monotonic(void)
{
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* By their names alone, which takes half a second for a million. */
static bool count_files(void *context, const cli_visit *visit)
{
    cli_progress *progress = context;
    DIR *dir = opendir(visit->info->path);
    const struct dirent *item;
    while (dir != NULL && (item = readdir(dir)) != NULL)
        progress->total += item->d_name[0] != '.';
    if (dir != NULL)
        closedir(dir);
    return false;
}

void cli_progress_begin(cli_progress *progress, const char *what, const cli_places *places)
{
    *progress = (cli_progress){.what = what, .began = monotonic()};
    /* An entry that was named is done at once. */
    for (size_t i = 0; i < places->count && cli_errors_on_terminal(); i++) {
        const cli_places one = {.items = &places->items[i], .count = 1};
        const cli_visitor visitor = {.begin = count_files, .context = progress, .quiet = true};
        if (places->items[i].entry == NULL)
            (void)cli_walk(&one, &visitor);
    }
}

void cli_progress_step(cli_progress *progress)
{
    char left[CLI_SPAN_TEXT];
    progress->done++;
    if (progress->quiet || progress->done % 16 != 0 || !cli_errors_on_terminal())
        return;
    int64_t now = monotonic();
    int64_t spent = now - progress->began;
    if (spent < QUIET || now - progress->said < INTERVAL)
        return;
    progress->said = now;
    double rate = (double)progress->done / ((double)spent / 1e9);
    if (progress->total == 0) {
        fprintf(stderr, "\r%llu %s, %.0f/s\x1b[K", (unsigned long long)progress->done,
                progress->what, rate);
        fflush(stderr);
        return;
    }
    double rest = progress->total > progress->done ? (double)(progress->total - progress->done) : 0;
    cli_span_text(left, (int64_t)(rest / rate * 1e9));
    fprintf(stderr, "\r%llu of %llu %s, %.0f/s, %s left\x1b[K", (unsigned long long)progress->done,
            (unsigned long long)progress->total, progress->what, rate, left);
    fflush(stderr);
}

void cli_progress_clear(cli_progress *progress)
{
    if (progress->said == 0)
        return;
    fputs("\r\x1b[K", stderr);
    fflush(stderr);
    progress->said = 0;
}
