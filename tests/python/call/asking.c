/* A C program for test_flight_shared.py: asks for f(0) ... f(KEYS - 1), from f(FIRST) on, and
 * computes what is not there, as Python's f does beside it.
 *
 *     asking DIRECTORY LOG KEYS FIRST
 *
 * It begins when its standard input ends. For each computation a line goes to LOG. */
#include <locache.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void must(int holds, const char *what, const locache_error *error)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %s\n", what, error->message);
    exit(1);
}

static int64_t compute(const char *log, int64_t x)
{
    const struct timespec while_others_ask = {.tv_nsec = 2000000};
    char line[32];
    int length = snprintf(line, sizeof line, "c:%lld\n", (long long)x);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || write(fd, line, (size_t)length) != length)
        exit(2);
    close(fd);
    nanosleep(&while_others_ask, NULL);
    return 2 * x;
}

static void make_key(locache_cbor_writer *key, int64_t x)
{
    locache_key_begin(key, 1);
    locache_key_name(key, "x", 1);
    locache_cbor_write_int(key, x);
}

static int64_t ask(locache *cache, const char *log, int64_t x)
{
    locache_error error = {.status = LOCACHE_OK};
    locache_cbor_writer key, body;
    locache_value *value = NULL;
    locache_flight *flight = NULL;
    int64_t result = -1;
    locache_cbor_writer_init(&key, NULL, 0);
    make_key(&key, x);
    locache_status status = locache_begin(&value, &flight, cache, key.data, key.length, &error);
    if (status == LOCACHE_OK) {
        must(locache_value_int(&result, value) == LOCACHE_OK, "the result is no number", &error);
        locache_value_free(value);
    } else {
        must(status == LOCACHE_MISS && flight != NULL, "locache_begin()", &error);
        result = compute(log, x);
        locache_cbor_writer_init(&body, NULL, 0);
        locache_cbor_write_int(&body, result);
        const locache_record record = {.size = sizeof record,
                                       .codec = LOCACHE_CODEC_CBOR,
                                       .body = body.data,
                                       .body_size = body.length};
        must(locache_commit(flight, &record, &error) == LOCACHE_OK, "locache_commit()", &error);
        locache_cbor_writer_clear(&body);
    }
    locache_cbor_writer_clear(&key);
    return result;
}

int main(int argc, char **argv)
{
    locache_identity identity = {.size = sizeof identity};
    locache_options options = {.size = sizeof options, .function = "f", .identity = &identity};
    locache_error error = {.status = LOCACHE_OK};
    locache *cache;
    char nothing;
    if (argc != 5)
        return 2;
    int keys = atoi(argv[3]), first = atoi(argv[4]);
    locache_identity_explicit(&identity, "1");
    must(locache_open(&cache, argv[1], &options, &error) == LOCACHE_OK, "locache_open()", &error);
    while (read(STDIN_FILENO, &nothing, 1) > 0)
        ;
    for (int i = 0; i < keys; i++) {
        int64_t x = (first + i) % keys;
        must(ask(cache, argv[2], x) == 2 * x, "a wrong result", &error);
    }
    locache_close(cache);
    return 0;
}
