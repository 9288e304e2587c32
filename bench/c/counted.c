/* The calls from C whose instructions bench/instructions.py counts: `counted DIRECTORY FEW MANY`.
 *
 * Each row is called FEW times between two marks, then MANY times: the difference is that of MANY - FEW calls, and of
 * nothing else. */
#include "marks.h"

#include <locache.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    NUM = 3,
    SETTLED = 30000000 /* nanoseconds: longer than a file's time tells nothing of it, 20 ms */
};

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

static void make_key(locache_writer *key, void *room, size_t size, int x)
{
    locache_writer_init(key, room, size);
    locache_key_begin(key, 2);
    locache_key_name(key, "x", 1);
    locache_write_int(key, x);
    locache_key_name(key, "num", 3);
    locache_write_int(key, NUM);
}

static void put(int x)
{
    unsigned char room[64];
    unsigned char body_room[16];
    locache_writer key;
    locache_writer body;
    make_key(&key, room, sizeof room, x);
    locache_writer_init(&body, body_room, sizeof body_room);
    locache_write_int(&body, (int64_t)x * NUM);
    locache_record record = {.size = sizeof record, .codec = LOCACHE_CBOR, .body = body.data, .body_size = body.length};
    must(locache_put(handle, key.data, key.length, &record, NULL), "locache_put");
    locache_writer_clear(&body);
    locache_writer_clear(&key);
}

static void get(int x)
{
    unsigned char room[64];
    locache_writer key;
    locache_value *value;
    make_key(&key, room, sizeof room, x);
    must(locache_get(&value, handle, key.data, key.length, NULL), "locache_get");
    locache_value_free(value);
    locache_writer_clear(&key);
}

static void get_again(int x)
{
    (void)x;
    get(0);
}

static void open_handle(const char *dir)
{
    locache_options options = {.size = sizeof options, .function = "work"};
    locache_identity_explicit(&options.identity, "1");
    if (handle != NULL)
        locache_close(handle);
    must(locache_open(&handle, dir, &options, NULL), "locache_open");
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
