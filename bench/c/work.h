/* One function's calls by the API, as bench.c times them and counted.c counts them: work(x, NUM),
 * which is x * NUM. */
#ifndef BENCH_WORK_H
#define BENCH_WORK_H

#include <locache.h>

enum {
    SETTLED = 30000000, /* nanoseconds: longer than a file's time tells nothing of it, 20 ms */
    NUM = 3             /* the second argument, the same in every call */
};

static inline void make_key(locache_cbor_writer *key, void *room, size_t size, int x)
{
    locache_cbor_writer_init(key, room, size);
    locache_key_begin(key, 2);
    locache_key_name(key, "x", 1);
    locache_cbor_write_int(key, x);
    locache_key_name(key, "num", 3);
    locache_cbor_write_int(key, NUM);
}

/* The result of work(x, NUM), which is in `body` from then on. */
static inline locache_record make_record(locache_cbor_writer *body, void *room, size_t size, int x)
{
    locache_cbor_writer_init(body, room, size);
    locache_cbor_write_int(body, (int64_t)x * NUM);
    return (locache_record){.size = sizeof(locache_record),
                            .codec = LOCACHE_CODEC_CBOR,
                            .body = body->data,
                            .body_size = body->length};
}

static inline locache_status put_work(locache *handle, int x, locache_error *error)
{
    unsigned char room[64];
    unsigned char body_room[16];
    locache_cbor_writer key;
    locache_cbor_writer body;
    make_key(&key, room, sizeof room, x);
    locache_record record = make_record(&body, body_room, sizeof body_room, x);
    locache_status status = locache_put(handle, key.data, key.length, &record, error);
    locache_cbor_writer_clear(&body);
    locache_cbor_writer_clear(&key);
    return status;
}

static inline locache_status get_work(locache_value **value, locache *handle, int x,
                                      locache_error *error)
{
    unsigned char room[64];
    locache_cbor_writer key;
    make_key(&key, room, sizeof room, x);
    locache_status status = locache_get(value, handle, key.data, key.length, error);
    locache_cbor_writer_clear(&key);
    return status;
}

static inline locache_status open_work(locache **handle, const char *dir, locache_error *error)
{
    locache_identity identity = {.size = sizeof identity};
    locache_options options = {.size = sizeof options, .function = "work", .identity = &identity};
    locache_identity_explicit(&identity, "1");
    return locache_open(handle, dir, &options, error);
}

#endif
