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

void cli_progress_again(cli_progress *progress, const char *what)
{
    progress->what = what;
    progress->done = 0;
    progress->first = 0;
}

/* How much is left for each that is done; negative: that is not known. */
static double rest_of(const cli_progress *progress)
{
    double done = (double)progress->done;
    double total = (double)progress->total;
    if (progress->total == 0)
        return progress->part > 0 ? 1 / progress->part - 1 : -1;
    return total > done ? total / done - 1 : 0;
}

void cli_progress_step(cli_progress *progress)
{
    char left[CLI_SPAN_TEXT];
    char total[32] = "";
    progress->done++;
    if (progress->quiet || (progress->done != 1 && progress->done % 16 != 0) ||
        !cli_errors_on_terminal())
        return;
    int64_t now = monotonic();
    if (progress->done == 1)
        progress->first = now;
    int64_t spent = now - progress->first;
    if (spent < INTERVAL || now - progress->began < QUIET || now - progress->said < INTERVAL)
        return;
    progress->said = now;
    double rest = rest_of(progress);
    if (progress->total > 0)
        (void)snprintf(total, sizeof total, " of %llu", (unsigned long long)progress->total);
    fprintf(stderr, "\r%llu%s %s, %.0f/s", (unsigned long long)progress->done, total,
            progress->what, (double)(progress->done - 1) / ((double)spent / 1e9));
    if (rest >= 0) {
        cli_span_text(left, (int64_t)(rest * (double)spent));
        fprintf(stderr, ", %s left", left);
    }
    fputs("\x1b[K", stderr);
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
