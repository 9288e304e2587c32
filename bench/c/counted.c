/* The calls from C whose instructions bench/instructions.py counts: `counted DIRECTORY FEW MANY`.
 *
 * Each row is called FEW times between two marks, then MANY times: the difference is that of MANY -
 * FEW calls, and of nothing else. */
#include "marks.h"
#include "work.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static locache *handle;

static void must(locache_status status, const char *what)
{
    if (status != LOCACHE_OK) {
        fprintf(stderr, "counted: %s: %s\n", what, locache_status_name(status));
        exit(1);
    }
}

LOCACHE_PERSIST(int, work, (int, x), (int, num))
{
    return x * num;
}

static void call_again(int x)
{
    (void)x;
    (void)work(0, NUM);
}

static void put(int x)
{
    must(put_work(handle, x, NULL), "locache_put");
}

static void get(int x)
{
    locache_value *value;
    must(get_work(&value, handle, x, NULL), "locache_get");
    locache_value_free(value);
}

static void get_again(int x)
{
    (void)x;
    get(0);
}

static void open_handle(const char *dir)
{
    if (handle != NULL)
        locache_close(handle);
    must(open_work(&handle, dir, NULL), "locache_open");
}

static void count_one(const char *row, int calls, int first, void (*run)(int x))
{
    char name[64];
    mark("between");
    for (int x = first; x < first + calls; x++)
        run(x);
    snprintf(name, sizeof name, "row %s %d", row, calls);
    mark(name);
}

static void count(const char *row, int few, int many, void (*run)(int x))
{
    run(0);
    nanosleep(&(struct timespec){.tv_nsec = SETTLED}, NULL);
    run(0);
    run(0);
    count_one(row, few, 1, run);
    count_one(row, many, 1 + few, run);
}

int main(int argc, char **argv)
{
    char dir[LOCACHE_PATH_MAX];
    if (argc != 4) {
        fputs("usage: counted DIRECTORY FEW MANY\n", stderr);
        return 2;
    }
    int few = (int)strtol(argv[2], NULL, 10);
    int many = (int)strtol(argv[3], NULL, 10);
    snprintf(dir, sizeof dir, "%s/macro.cache", argv[1]);
    must(locache_set_dir(dir, NULL), "locache_set_dir");
    snprintf(dir, sizeof dir, "%s/api.cache", argv[1]);
    open_handle(dir);
    count("put", few, many, put);
    open_handle(dir);
    count("first_hit", few, many, get);
    count("hit", few, many, get_again);
    count("hit_macro", few, many, call_again);
    locache_close(handle);
    return 0;
}
