/* `make bench`, what it adds to a miss that nobody else asks for that no two compute it:
 *
 *     once DIRECTORY
 *
 * locache_begin() and locache_commit() against locache_get() and locache_put(), which do the same
 * and take no turn, call by call in the same directory, so that a machine whose speed drifts slows
 * both alike. Shown are medians. */
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    PAIRS = 5000,
    TARGET = 3000 /* nanoseconds */
};

static double with_turn[PAIRS];
static double without[PAIRS];

static void must(locache_status status, locache_status expected, const char *what,
                 const locache_error *error)
{
    if (status == expected)
        return;
    fprintf(stderr, "once: %s: %s\n", what, error->message);
    exit(1);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void store_with_turn(locache *handle, int x)
{
    unsigned char room[64];
    unsigned char body_room[16];
    locache_cbor_writer key;
    locache_cbor_writer body;
    locache_value *value;
    locache_flight *flight;
    locache_error error;
    make_key(&key, room, sizeof room, x);
    must(locache_begin(&value, &flight, handle, key.data, key.length, &error), LOCACHE_MISS,
         "locache_begin", &error);
    locache_record record = make_record(&body, body_room, sizeof body_room, x);
    must(locache_commit(flight, &record, &error), LOCACHE_OK, "locache_commit", &error);
    locache_cbor_writer_clear(&body);
    locache_cbor_writer_clear(&key);
}

static void store(locache *handle, int x)
{
    locache_value *value;
    locache_error error;
    must(get_work(&value, handle, x, &error), LOCACHE_MISS, "locache_get", &error);
    must(put_work(handle, x, &error), LOCACHE_OK, "locache_put", &error);
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double times[PAIRS])
{
    qsort(times, PAIRS, sizeof *times, compare);
    return times[PAIRS / 2];
}

int main(int argc, char **argv)
{
    char dir[LOCACHE_PATH_MAX];
    locache *handle;
    locache_error error;
    if (argc != 2) {
        fputs("usage: once DIRECTORY\n", stderr);
        return 2;
    }
    snprintf(dir, sizeof dir, "%s/once.cache", argv[1]);
    must(open_work(&handle, dir, &error), LOCACHE_OK, "locache_open", &error);
    for (int i = 0; i < PAIRS; i++) {
        double start = now();
        store_with_turn(handle, 2 * i);
        double between = now();
        store(handle, 2 * i + 1);
        with_turn[i] = between - start;
        without[i] = now() - between;
    }
    locache_close(handle);
    double bare = median(without);
    double added = median(with_turn) - bare;
    printf(
        "a miss that nobody else asks for: its turn takes %.2f us beside %.1f us, at most %.0f us: "
        "%s\n",
        added / 1e3, bare / 1e3, TARGET / 1e3, added <= TARGET ? "met" : "missed");
    return 0;
}
