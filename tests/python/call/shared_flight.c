/* A C program for test_shared.py: asks for results by the numbers on its input, while a Python
 * program asks for the same ones.
 *
 *     shared_flight DIRECTORY
 *
 * For each number a line: the result, and whether this program computed it. */
#include <locache.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct timespec while_others_ask = {.tv_nsec = 30 * 1000 * 1000};

static locache_status make_key(locache_cbor_writer *key, int64_t number)
{
    locache_key_begin(key, 1);
    locache_key_name(key, "number", strlen("number"));
    locache_cbor_write_int(key, number);
    return locache_cbor_writer_status(key);
}

static locache_status compute(int64_t *result, locache_flight *flight, int64_t number,
                              locache_error *error)
{
    unsigned char room[16];
    locache_cbor_writer body;
    nanosleep(&while_others_ask, NULL);
    *result = number * number;
    locache_cbor_writer_init(&body, room, sizeof room);
    locache_cbor_write_int(&body, *result);
    const locache_record record = {.size = sizeof record,
                                   .codec = LOCACHE_CODEC_CBOR,
                                   .body = body.data,
                                   .body_size = body.length};
    locache_status status = locache_commit(flight, &record, error);
    locache_cbor_writer_clear(&body);
    return status;
}

static locache_status ask(locache *cache, int64_t number, locache_error *error)
{
    unsigned char room[64];
    locache_cbor_writer key;
    locache_value *value = NULL;
    locache_flight *flight = NULL;
    int64_t result = 0;
    locache_cbor_writer_init(&key, room, sizeof room);
    locache_status status = make_key(&key, number);
    if (status == LOCACHE_OK)
        status = locache_begin(&value, &flight, cache, key.data, key.length, error);
    locache_cbor_writer_clear(&key);
    bool computes = status == LOCACHE_MISS;
    if (computes)
        status = compute(&result, flight, number, error);
    else if (status == LOCACHE_OK)
        status = locache_value_int(&result, value);
    locache_value_free(value);
    if (status == LOCACHE_OK) {
        printf("%" PRId64 " %d\n", result, computes);
        fflush(stdout);
    }
    return status;
}

int main(int argc, char **argv)
{
    locache_identity identity = {.size = sizeof identity};
    locache_options options = {.size = sizeof options, .function = "f", .identity = &identity};
    locache_error error = {.status = LOCACHE_OK};
    locache *cache;
    int64_t number;
    if (argc != 2)
        return 2;
    locache_identity_explicit(&identity, "1");
    locache_status status = locache_open(&cache, argv[1], &options, &error);
    if (status == LOCACHE_OK) {
        while (status == LOCACHE_OK && scanf("%" SCNd64, &number) == 1)
            status = ask(cache, number, &error);
        locache_close(cache);
    }
    if (status != LOCACHE_OK)
        fprintf(stderr, "%s %s\n", locache_status_name(status), error.message);
    return status != LOCACHE_OK;
}
