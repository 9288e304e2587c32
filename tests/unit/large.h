/* What the tests of large results share: entries with a large buffer and a small one, and what a
 * hit on them costs. */
#ifndef TEST_LARGE_H
#define TEST_LARGE_H

#include "base/fault.h"
#include "base/os.h"
#include "disk/store.h"
#include "scratch.h"

#define LARGE (LOCACHE_MAP_FROM + 5000) /* of a buffer */
#define ENTRY "my_func/x=1"
#define TABLE "my_func/.locache/verified"

/* Longer than the clock of a file system stands still (docs/format.md, "What was verified"). */
static inline void age(void)
{
    usleep(40000);
}

static inline unsigned char *pattern(size_t size, unsigned seed)
{
    unsigned char *data = malloc(size);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)((i + seed) * 2654435761U >> 13);
    return data;
}

static inline locache_status put_buffer(locache *cache, int64_t x, size_t size, unsigned seed,
                                        locache_codec codec)
{
    key k = key_of(x);
    unsigned char *data = pattern(size, seed);
    const void *const buffers[] = {data, data};
    const size_t buffer_sizes[] = {size, 100};
    locache_record record = {.size = sizeof record,
                             .codec = codec,
                             .body = "body",
                             .body_size = 4,
                             .buffers = buffers,
                             .buffer_sizes = buffer_sizes,
                             .buffer_count = 2};
    locache_status status = locache_put(cache, k.bytes, k.size, &record, &error);
    free(data);
    return status;
}

static inline void must_put_buffer(locache *cache, int64_t x, size_t size, unsigned seed)
{
    locache_status status = put_buffer(cache, x, size, seed, LOCACHE_CODEC_RAW);
    if (status != LOCACHE_OK)
        fail_msg("locache_put: %s: %s", locache_status_name(status), error.message);
}

static inline void assert_pattern(locache_value *value, size_t size, unsigned seed)
{
    unsigned char *data = pattern(size, seed);
    size_t body_size;
    const void *body = locache_value_body(&body_size, value);
    assert_int_equal(body_size, 4);
    assert_memory_equal(body, "body", 4);
    assert_int_equal(locache_value_buffer_count(value), 2);
    outlying buffer = buffer_of(value, 0);
    assert_int_equal(buffer.size, size);
    assert_memory_equal(buffer.data, data, size);
    assert_int_equal((uintptr_t)buffer.data % 64, 0);
    buffer = buffer_of(value, 1);
    assert_int_equal(buffer.size, 100);
    assert_memory_equal(buffer.data, data, 100);
    free(data);
}

/* The value of x, which must be there and right. */
static inline locache_value *must_get(locache *cache, int64_t x, size_t size, unsigned seed)
{
    key k = key_of(x);
    locache_value *value = NULL;
    locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
    if (status != LOCACHE_OK)
        fail_msg("locache_get: %s: %s", locache_status_name(status), error.message);
    assert_pattern(value, size, seed);
    return value;
}

/* Is it there, and mapped? */
static inline bool get_mapped(locache *cache, int64_t x, size_t size, unsigned seed)
{
    locache_value *value = must_get(cache, x, size, seed);
    bool mapped = value->mapped;
    locache_value_free(value);
    return mapped;
}

static inline void overwrite(const char *path, off_t at, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, size, at), size);
    close(fd);
}

static inline off_t size_of(const char *path)
{
    struct stat seen;
    assert_int_equal(stat(path, &seen), 0);
    return seen.st_size;
}

static inline locache *open_flags(unsigned flags)
{
    locache_options options = options_for("my_func");
    options.flags = flags;
    return open_with(&options);
}

/* ------------------------------------------------------------------------------ what is counted */

static struct {
    int calls;
    int reads; /* of parts of a file */
    int maps;
} counted;

static inline int count_call(const char *call)
{
    counted.calls += strcmp(call, "alloc") != 0;
    counted.reads += strcmp(call, "pread") == 0;
    counted.maps += strcmp(call, "map") == 0;
    return 0;
}

static inline void count_hit(locache *cache, int64_t x)
{
    key k = key_of(x);
    locache_value *value = NULL;
    memset(&counted, 0, sizeof counted);
    lc_fault_hook = count_call;
    locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
    lc_fault_hook = NULL;
    assert_int_equal(status, LOCACHE_OK);
    locache_value_free(value);
}

/* Key and body, and the record: two. */
#define was_read_through() (counted.reads > 2)

#endif
