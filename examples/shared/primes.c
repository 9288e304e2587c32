/* The same cache as primes.py: what one computes, the other finds.
 *
 *     cc primes.c $(pkg-config --cflags --libs locache) -o primes && ./primes 100000
 *
 * A cache is shared by who names the same directory, function and version, and calls with the same
 * arguments by the same names. The version stands for the source, which two languages cannot have
 * in common. */
#include <locache.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t count_primes(int64_t limit)
{
    int64_t count = 0;
    for (int64_t n = 2; n < limit; n++) {
        int64_t divisor = 2;
        while (divisor * divisor <= n && n % divisor != 0)
            divisor++;
        count += divisor * divisor > n;
    }
    return count;
}

/* The key of count_primes(limit). */
static locache_status make_key(locache_cbor_writer *key, int64_t limit)
{
    locache_key_begin(key, 1);
    locache_key_name(key, "limit", strlen("limit"));
    locache_cbor_write_int(key, limit);
    return locache_cbor_writer_status(key);
}

/* Store a result; what goes wrong is said, and no harm to the program. */
static void keep(locache_flight *flight, int64_t result)
{
    unsigned char room[16];
    locache_cbor_writer body;
    locache_error error;
    locache_cbor_writer_init(&body, room, sizeof room);
    locache_cbor_write_int(&body, result);
    const locache_record record = {.size = sizeof record,
                                   .codec = LOCACHE_CODEC_CBOR,
                                   .body = body.data,
                                   .body_size = body.length};
    if (locache_commit(flight, &record, &error) != LOCACHE_OK)
        fprintf(stderr, "not cached: %s\n", error.message);
    locache_cbor_writer_clear(&body);
}

static int64_t cached_count(locache *cache, int64_t limit)
{
    unsigned char room[64];
    locache_cbor_writer key;
    locache_value *value = NULL;
    locache_flight *flight = NULL;
    locache_error error;
    int64_t result;
    locache_cbor_writer_init(&key, room, sizeof room);
    locache_status status = make_key(&key, limit);
    if (status == LOCACHE_OK)
        status = locache_begin(&value, &flight, cache, key.data, key.length, &error);
    locache_cbor_writer_clear(&key);
    if (status == LOCACHE_OK && locache_value_int(&result, value) == LOCACHE_OK) {
        locache_value_free(value);
        return result;
    }
    locache_value_free(value);
    printf("C counts ...\n");
    result = count_primes(limit);
    if (flight != NULL)
        keep(flight, result);
    return result;
}

int main(int argc, char **argv)
{
    int64_t limit = argc > 1 ? strtoll(argv[1], NULL, 10) : 100000;
    char here[LOCACHE_PATH_MAX / 2];
    char dir[LOCACHE_PATH_MAX];
    locache_identity identity = {.size = sizeof identity};
    locache_options options = {
        .size = sizeof options, .function = "count_primes", .identity = &identity};
    locache_identity_explicit(&identity, "1");
    locache *cache;
    locache_error error;
    if (getcwd(here, sizeof here) == NULL) {
        perror("getcwd");
        return 1;
    }
    snprintf(dir, sizeof dir, "%s/primes.cache", here);
    if (locache_open(&cache, dir, &options, &error) != LOCACHE_OK) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    printf("%" PRId64 " primes below %" PRId64 "\n", cached_count(cache, limit), limit);
    locache_close(cache);
    return 0;
}
