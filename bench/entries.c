/* Fill a function's cache with results, as quickly as the library stores them: what the benchmark's
 * rows of scale need.
 *
 *     entries CACHE-DIRECTORY FIRST COUNT [MAX-BYTES]
 *
 * Under a bound of so many bytes, whose tally is kept from the first on. The results are those of
 * work(x, num=3) = x * num of workload.py for x from FIRST on, for `@persist(dir=CACHE-DIRECTORY,
 * version="bench")`. */
#include <locache.h>
#include <stdio.h>
#include <stdlib.h>

enum { NUM = 3 };

static _Noreturn void fail(const char *what, const locache_error *error)
{
    fprintf(stderr, "entries: %s: %s\n", what, error->message);
    exit(1);
}

static void put(locache *cache, int64_t x)
{
    unsigned char key_room[64];
    unsigned char body_room[16];
    locache_cbor_writer key;
    locache_cbor_writer body;
    locache_error error;
    locache_cbor_writer_init(&key, key_room, sizeof key_room);
    locache_key_begin(&key, 2);
    locache_key_name(&key, "x", 1);
    locache_cbor_write_int(&key, x);
    locache_key_name(&key, "num", 3);
    locache_cbor_write_int(&key, NUM);
    locache_cbor_writer_init(&body, body_room, sizeof body_room);
    locache_cbor_write_int(&body, x * NUM);
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_CBOR,
                             .body = body.data,
                             .body_size = body.length};
    if (locache_put(cache, key.data, key.length, &record, &error) != LOCACHE_OK)
        fail("locache_put", &error);
    locache_cbor_writer_clear(&body);
    locache_cbor_writer_clear(&key);
}

int main(int argc, char **argv)
{
    locache *cache;
    locache_error error;
    locache_identity identity = {.size = sizeof identity};
    locache_options options = {.size = sizeof options,
                               .function = "workload.work",
                               .memory_entries = -1,
                               .identity = &identity};
    if (argc != 4 && argc != 5) {
        fputs("usage: entries CACHE-DIRECTORY FIRST COUNT [MAX-BYTES]\n", stderr);
        return 2;
    }
    if (argc == 5)
        options.max_bytes = strtoll(argv[4], NULL, 10);
    long first = strtol(argv[2], NULL, 10);
    long count = strtol(argv[3], NULL, 10);
    locache_identity_explicit(&identity, "bench");
    if (locache_open(&cache, argv[1], &options, &error) != LOCACHE_OK)
        fail("locache_open", &error);
    for (long x = first; x < first + count; x++)
        put(cache, x);
    locache_close(cache);
    return 0;
}
