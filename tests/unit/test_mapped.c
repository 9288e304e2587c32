/* Large results: mappings that belong to the caller, and files that are verified once and never believed for longer than they
 * stay what they were. */
#include "scratch.h"

#include "fault.h"
#include "store.h"

#include <sys/resource.h>

#define LARGE (LOCACHE_MAP_FROM + 5000) /* of a buffer */
#define RECORD 128
#define ENTRY "my_func/x=1"
#define TABLE "my_func/.locache/verified"

/* Longer than the clock of a file system stands still (docs/format.md, "What was verified"). */
static void age(void)
{
    usleep(40000);
}

static unsigned char *pattern(size_t size, unsigned seed)
{
    unsigned char *data = malloc(size);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)((i + seed) * 2654435761U >> 13);
    return data;
}

static locache_status put_buffer(locache *cache, int64_t x, size_t size, unsigned seed, locache_codec codec)
{
    key k = key_of(x);
    unsigned char *data = pattern(size, seed);
    const locache_buffer buffers[] = {{data, size}, {data, 100}};
    locache_record record = {
        .size = sizeof record, .codec = codec, .body = "body", .body_size = 4, .buffers = buffers, .buffer_count = 2};
    locache_status status = locache_put(cache, k.bytes, k.size, &record, &error);
    free(data);
    return status;
}

static void must_put_buffer(locache *cache, int64_t x, size_t size, unsigned seed)
{
    locache_status status = put_buffer(cache, x, size, seed, LOCACHE_RAW);
    if (status != LOCACHE_OK)
        fail_msg("locache_put: %s: %s", locache_status_name(status), error.message);
}

static void assert_pattern(locache_value *value, size_t size, unsigned seed)
{
    unsigned char *data = pattern(size, seed);
    size_t body_size;
    const void *body = locache_value_body(value, &body_size);
    assert_int_equal(body_size, 4);
    assert_memory_equal(body, "body", 4);
    assert_int_equal(locache_value_buffer_count(value), 2);
    locache_buffer buffer = locache_value_buffer(value, 0);
    assert_int_equal(buffer.size, size);
    assert_memory_equal(buffer.data, data, size);
    assert_int_equal((uintptr_t)buffer.data % 64, 0);
    buffer = locache_value_buffer(value, 1);
    assert_int_equal(buffer.size, 100);
    assert_memory_equal(buffer.data, data, 100);
    free(data);
}

/* The value of x, which must be there and right. */
static locache_value *must_get(locache *cache, int64_t x, size_t size, unsigned seed)
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
static bool get_mapped(locache *cache, int64_t x, size_t size, unsigned seed)
{
    locache_value *value = must_get(cache, x, size, seed);
    bool mapped = value->mapped;
    locache_value_free(value);
    return mapped;
}

static void overwrite(const char *path, off_t at, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, data, size, at), size);
    close(fd);
}

static off_t size_of(const char *path)
{
    struct stat seen;
    assert_int_equal(stat(path, &seen), 0);
    return seen.st_size;
}

static locache *open_flags(unsigned flags)
{
    locache_options options = options_for("my_func");
    options.flags = flags;
    return open_with(&options);
}

/* ------------------------------------------------------------------------------------------------- what is counted */

static struct {
    int calls;
    int reads; /* of parts of a file */
    int maps;
} counted;

static int count_call(const char *call)
{
    counted.calls += strcmp(call, "alloc") != 0;
    counted.reads += strcmp(call, "pread") == 0;
    counted.maps += strcmp(call, "map") == 0;
    return 0;
}

static void count_hit(locache *cache, int64_t x)
{
    key k = key_of(x);
    locache_value *value = NULL;
    memset(&counted, 0, sizeof counted);
    lc_os_fault = count_call;
    locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
    lc_os_fault = NULL;
    assert_int_equal(status, LOCACHE_OK);
    locache_value_free(value);
}

/* Key and body, and the record: two. */
#define was_read_through() (counted.reads > 2)

/* ------------------------------------------------------------------------------------------------------ whose memory */

static void test_mapped__a_value_is_the_callers_to_write_to(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    locache_value *first = must_get(cache, 1, LARGE, 0);
    locache_value *second = must_get(cache, 1, LARGE, 0);
    assert_true(first->mapped && second->mapped);
    memset(locache_value_buffer(first, 0).data, 'x', LARGE);
    memset(locache_value_buffer(first, 1).data, 'y', 100);
    assert_pattern(second, LARGE, 0);
    locache_value *third = must_get(cache, 1, LARGE, 0);
    locache_value_free(second);
    locache_value_free(third);
    for (size_t i = 0; i < LARGE; i++)
        assert_int_equal(((unsigned char *)locache_value_buffer(first, 0).data)[i], 'x');
    locache_value_free(first);
    locache_close(cache);
    cache = open_flags(LOCACHE_UNMAPPED);
    assert_false(get_mapped(cache, 1, LARGE, 0));
    locache_close(cache);
}

static void test_mapped__a_value_outlives_all_else(void **unused)
{
    (void)unused;
    int before = open_descriptors();
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    locache_value *value = must_get(cache, 1, LARGE, 0);
    locache_value_retain(value);
    locache_value_free(value);
    must_put_buffer(cache, 1, LARGE, 1);
    assert_pattern(value, LARGE, 0);
    locache_close(cache);
    remove_all(foo);
    assert_pattern(value, LARGE, 0);
    assert_int_equal(open_descriptors(), before);
    locache_value_free(value);
}

static void test_mapped__a_copy_is_apart(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    locache_value *value = must_get(cache, 1, LARGE, 0);
    locache_value *copy;
    assert_int_equal(locache_value_copy(&copy, value), LOCACHE_OK);
    memset(locache_value_buffer(value, 0).data, 'x', LARGE);
    assert_pattern(copy, LARGE, 0);
    memset(locache_value_buffer(copy, 0).data, 'y', LARGE);
    assert_int_equal(*(char *)locache_value_buffer(value, 0).data, 'x');
    assert_int_equal(locache_value_size(copy), locache_value_size(value));
    locache_value_free(value);
    locache_value_free(copy);
    fault_set("alloc", 2, ENOMEM);
    value = must_get(cache, 1, LARGE, 0);
    fault_clear();
    fault_set("alloc", 1, ENOMEM);
    assert_int_equal(locache_value_copy(&copy, value), LOCACHE_ENOMEM);
    assert_true(fault_clear());
    locache_value_free(value);
    locache_close(cache);
}

/* A value in a child of fork() is the child's. */
static void write_in_child(void *context)
{
    locache_value *value = context;
    memset(locache_value_buffer(value, 0).data, 'x', LARGE);
    locache_value_free(value);
}

static void test_mapped__a_child_has_its_own(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    locache_value *value = must_get(cache, 1, LARGE, 0);
    wait_for(in_child(write_in_child, value));
    assert_pattern(value, LARGE, 0);
    locache_value_free(value);
    locache_close(cache);
}

/* ------------------------------------------------------------------------------------------------------ what is mapped */

static void test_mapped__from_a_size_on(void **unused)
{
    (void)unused;
    /* Header, table, a key of 4 bytes, the body: 168, so that the first buffer begins at 192; the second one has 100 bytes. */
    const size_t around = LOCACHE_MAP_FROM - 192 - 100;
    locache *cache = open_function("my_func");
    bool seen[2] = {false, false};
    for (size_t size = around - 70; size <= around + 70; size++) {
        must_put_buffer(cache, 1, size, 0);
        bool large = (size_t)size_of(in_foo(ENTRY)) >= LOCACHE_MAP_FROM;
        assert_int_equal(get_mapped(cache, 1, size, 0), large);
        seen[large] = true;
    }
    assert_true(seen[0] && seen[1]);
    locache_close(cache);
}

static void test_mapped__what_has_no_buffers_is_read(void **unused)
{
    (void)unused;
    char *body = calloc(1, LARGE + 1);
    memset(body, 'a', LARGE);
    locache *cache = open_function("my_func");
    must_put(cache, 1, body);
    key k = key_of(1);
    locache_value *value;
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_false(value->mapped);
    locache_value_free(value);
    assert_false(exists(in_foo(TABLE)));
    locache_close(cache);
    free(body);
}

static void test_mapped__not_where_it_is_not_wanted(void **unused)
{
    (void)unused;
    locache *cache = open_flags(LOCACHE_UNMAPPED);
    must_put_buffer(cache, 1, LARGE, 0);
    assert_false(get_mapped(cache, 1, LARGE, 0));
    count_hit(cache, 1);
    assert_int_equal(counted.maps, 0);
    locache_close(cache);
    cache = open_function("my_func");
    assert_true(get_mapped(cache, 1, LARGE, 0));
    locache_close(cache);
}

static void test_mapped__not_where_a_change_would_not_show(void **unused)
{
    (void)unused;
    fault_set("statfs", 1, EIO);
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    assert_true(fault_clear());
    assert_false(get_mapped(cache, 1, LARGE, 0));
    age();
    assert_false(get_mapped(cache, 1, LARGE, 0));
    assert_false(exists(in_foo(TABLE)));
    locache_close(cache);
}

/* Another's work of this very moment: no later change could be told from it. */
static void test_mapped__not_while_it_is_young(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    bool young = false;
    for (int attempt = 0; attempt < 100 && !young; attempt++) {
        unlink(in_foo(TABLE));
        overwrite(in_foo(ENTRY), 0, "\x89", 1);
        young = !get_mapped(cache, 1, LARGE, 0);
    }
    assert_true(young);
    assert_false(exists(in_foo(TABLE)));
    age();
    assert_true(get_mapped(cache, 1, LARGE, 0));
    assert_true(exists(in_foo(TABLE)));
    locache_close(cache);
}

static void test_mapped__read_where_nothing_can_be_mapped(void **unused)
{
    (void)unused;
    static const int codes[] = {ENOMEM, ENODEV, EAGAIN};
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        fault_set("map", 1, codes[i]);
        assert_false(get_mapped(cache, 1, LARGE, 0));
        assert_true(fault_clear());
    }
    locache_close(cache);
}

/* ------------------------------------------------------------------------------------------------------- what it costs */

static void test_mapped__its_writer_has_verified_it(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    count_hit(cache, 1);
    assert_int_equal(counted.maps, 1);
    assert_false(was_read_through());
    locache_close(cache);
}

static void test_mapped__it_is_verified_once_by_whoever_reads_it(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    unlink(in_foo(TABLE));
    age();
    count_hit(cache, 1);
    assert_true(was_read_through());
    count_hit(cache, 1);
    assert_false(was_read_through());
    locache_close(cache);
    cache = open_function("my_func");
    count_hit(cache, 1);
    assert_false(was_read_through());
    locache_close(cache);
}

static void test_mapped__a_hit_costs_the_same_whatever_the_size(void **unused)
{
    (void)unused;
    int calls[3];
    for (int i = 0; i < 3; i++) {
        locache *cache = open_function("my_func");
        size_t size = LARGE << (3 * i);
        must_put_buffer(cache, i, size, 0);
        count_hit(cache, i);
        count_hit(cache, i);
        calls[i] = counted.calls;
        locache_close(cache);
    }
    assert_int_equal(calls[0], calls[1]);
    assert_int_equal(calls[0], calls[2]);
    /* open, fstat, header, front; .locache, mount, the table's open, fstat, record and close; map; close. */
    assert_in_range(calls[0], 1, 12);
}

/* Its use is noted at the file, and yet it needs not be verified again. */
static void test_mapped__with_max_entries_it_stays_verified(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.max_entries = 2;
    locache *cache = open_with(&options);
    must_put_buffer(cache, 1, LARGE, 0);
    must_put_buffer(cache, 2, LARGE, 0);
    for (int i = 0; i < 5; i++) {
        count_hit(cache, 1);
        assert_int_equal(counted.maps, 1);
        /* And the record, to replace it. */
        assert_in_range(counted.reads, 2, 3);
        if (i == 2)
            age();
    }
    must_put_buffer(cache, 3, LARGE, 0);
    assert_true(exists(in_foo("my_func/x=1")));
    assert_false(exists(in_foo("my_func/x=2")));
    overwrite(in_foo(ENTRY), 5000, "flip", 4);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    locache_close(cache);
}

/* Somebody writes to the file in the moment between its being read and its use being noted. */
static int calls_before_write;

static int write_at_nth(const char *call)
{
    if (strcmp(call, "alloc") == 0 || --calls_before_write != 0)
        return 0;
    lc_os_fault = NULL;
    overwrite(in_foo(ENTRY), 5000, "flip", 4);
    lc_os_fault = write_at_nth;
    return 0;
}

static void test_mapped__what_is_written_to_meanwhile_is_not_remembered(void **unused)
{
    (void)unused;
    for (int limited = 0; limited < 2; limited++) {
        for (int n = 1; n < 40; n++) {
            locache_options options = options_for("my_func");
            options.max_entries = limited ? 10 : 0;
            locache *cache = open_with(&options);
            must_put_buffer(cache, 1, LARGE, 0);
            key k = key_of(1);
            locache_value *value = NULL;
            calls_before_write = n;
            lc_os_fault = write_at_nth;
            locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
            lc_os_fault = NULL;
            if (status == LOCACHE_OK)
                locache_value_free(value);
            if (calls_before_write <= 0)
                assert_rejected(cache, 1, LOCACHE_ECORRUPT);
            locache_close(cache);
        }
    }
}

/* ------------------------------------------------------------------------------------------------- what is not believed */

static void test_mapped__every_flipped_byte_is_a_miss(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    off_t size = size_of(in_foo(ENTRY));
    unsigned char *sound = malloc((size_t)size);
    int fd = open(in_foo(ENTRY), O_RDWR);
    assert_int_equal(pread(fd, sound, (size_t)size, 0), size);
    /* Each byte before the buffers, their ends, and some in between; young, since nothing waits. */
    for (off_t at = 0; at < size; at += at < 300 || at > size - 300 ? 1 : 1009) {
        unsigned char flipped = sound[at] ^ 0x04;
        assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
        key k = key_of(1);
        locache_value *value;
        if (locache_get(&value, cache, k.bytes, k.size, &error) != LOCACHE_MISS)
            fail_msg("the byte at %ld", (long)at);
        assert_int_not_equal(error.status, LOCACHE_OK);
        assert_int_equal(pwrite(fd, sound + at, 1, at), 1);
    }
    close(fd);
    free(sound);
    assert_false(get_mapped(cache, 1, LARGE, 0));
    age();
    assert_true(get_mapped(cache, 1, LARGE, 0));
    locache_close(cache);
}

/* Between two runs, after it was verified by a reader, and old. */
static void test_mapped__a_byte_flipped_later_is_a_miss(void **unused)
{
    (void)unused;
    static const off_t places[] = {0, 10, 20, 150, 170, 180, 200, 5000, 100000, LARGE};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        locache *cache = open_function("my_func");
        must_put_buffer(cache, 1, LARGE, 0);
        unlink(in_foo(TABLE));
        age();
        assert_true(get_mapped(cache, 1, LARGE, 0));
        assert_true(get_mapped(cache, 1, LARGE, 0));
        locache_close(cache);
        overwrite(in_foo(ENTRY), places[i], "\xA5", 1);
        for (int again = 0; again < 2; again++) {
            cache = open_function("my_func");
            key k = key_of(1);
            locache_value *value;
            assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_MISS);
            assert_int_not_equal(error.status, LOCACHE_OK);
            locache_close(cache);
            age();
        }
    }
}

static void test_mapped__every_other_length_is_a_miss(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    off_t size = size_of(in_foo(ENTRY));
    static const off_t changes[] = {-1, -4096, 1, 4096, -(off_t)LARGE, -5000, 100000};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        must_put_buffer(cache, 1, LARGE, 0);
        assert_true(get_mapped(cache, 1, LARGE, 0));
        assert_int_equal(truncate(in_foo(ENTRY), size + changes[i]), 0);
        for (int again = 0; again < 2; again++) {
            assert_rejected(cache, 1, LOCACHE_ECORRUPT);
            age();
        }
    }
    locache_close(cache);
}

/* The record of a file as it is, made by hand, as of a boot that `boot` is xored to. */
static void forge_record(unsigned char boot)
{
    unsigned char header[HEADER];
    unsigned char record[RECORD];
    struct stat seen;
    locache_stamp stamp;
    FILE *file = fopen(in_foo(TABLE), "r+b");
    size_t at = 0;
    assert_non_null(file);
    while (fread(record, 1, RECORD, file) == RECORD && memcmp(record, "LOCVRFY", 7) != 0)
        at += RECORD;
    int entry = open(in_foo(ENTRY), O_RDONLY);
    assert_int_equal(read(entry, header, sizeof header), sizeof header);
    assert_int_equal(fstat(entry, &seen), 0);
    close(entry);
    lc_stamp_take(&stamp, &seen, 0, true);
    for (unsigned i = 0; i < 48; i++)
        record[32 + i] = (unsigned char)((uint64_t)stamp.words[i / 8] >> (8 * (i % 8)));
    memcpy(record + 80, header + 128, 16);
    record[8] ^= boot;
    lc_checksum(record + 112, &(lc_span){record, 112}, 1);
    assert_int_equal(fseek(file, (long)at, SEEK_SET), 0);
    assert_int_equal(fwrite(record, 1, RECORD, file), RECORD);
    fclose(file);
}

/* What a crash can leave: the right length and the right times, the record too, and zeros where data never reached the disk. */
static void test_mapped__what_was_verified_before_a_crash_is_verified_again(void **unused)
{
    (void)unused;
    static const unsigned char zeros[8192];
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    overwrite(in_foo(ENTRY), 8192, zeros, sizeof zeros);
    age();
    /* This boot's record decides: otherwise nothing would be shown here. */
    forge_record(0);
    key k = key_of(1);
    locache_value *value;
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_true(value->mapped);
    assert_memory_equal((unsigned char *)locache_value_buffer(value, 0).data + 8192 - 192, zeros, sizeof zeros);
    locache_value_free(value);
    forge_record(0x55);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    must_put_buffer(cache, 1, LARGE, 0);
    assert_true(get_mapped(cache, 1, LARGE, 0));
    locache_close(cache);
}

static void test_mapped__garbage_in_the_table_is_no_harm(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    age();
    unsigned char *garbage = pattern((size_t)2 << 20, 3);
    write_bytes(in_foo(TABLE), garbage, (size_t)2 << 20);
    free(garbage);
    assert_true(get_mapped(cache, 1, LARGE, 0));
    count_hit(cache, 1);
    assert_false(was_read_through());
    assert_int_equal(truncate(in_foo(TABLE), 0), 0);
    count_hit(cache, 1);
    assert_true(was_read_through());
    remove_all(in_foo("my_func/.locache"));
    assert_true(get_mapped(cache, 1, LARGE, 0));
    assert_false(exists(in_foo("my_func/.locache")));
    must_put_buffer(cache, 1, LARGE, 1);
    assert_true(get_mapped(cache, 1, LARGE, 1));
    locache_close(cache);
}

static void test_mapped__an_entry_of_another_call_is_a_miss(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    must_put_buffer(cache, 2, LARGE, 1);
    assert_int_equal(rename(in_foo("my_func/x=2"), in_foo(ENTRY)), 0);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    age();
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    locache_close(cache);
}

/* ------------------------------------------------------------------------------------------------------------- pickles */

static void test_mapped__pickles_are_verified_once(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    assert_int_equal(put_buffer(cache, 1, LARGE, 0, LOCACHE_PICKLE), LOCACHE_OK);
    count_hit(cache, 1);
    assert_int_equal(counted.maps, 1);
    assert_false(counted.reads > 3);
    age();
    unlink(in_foo(TABLE));
    count_hit(cache, 1);
    assert_true(was_read_through());
    assert_true(get_mapped(cache, 1, LARGE, 0));
    overwrite(in_foo(ENTRY), 5000, "\xA5", 1);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    locache_close(cache);
}

static void test_mapped__a_pickle_needs_its_own_users_key(void **unused)
{
    (void)unused;
    char key_path[256];
    snprintf(key_path, sizeof key_path, "%s/locache/key", state);
    locache *cache = open_function("my_func");
    assert_int_equal(put_buffer(cache, 1, LARGE, 0, LOCACHE_PICKLE), LOCACHE_OK);
    assert_true(get_mapped(cache, 1, LARGE, 0));
    locache_close(cache);
    bytes old = read_bytes(key_path);
    unsigned char other[LC_MAC_KEY_SIZE] = {1};
    write_bytes(key_path, other, sizeof other);
    for (int again = 0; again < 2; again++) {
        cache = open_function("my_func");
        assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
        locache_close(cache);
        age();
    }
    /* A reader with the other key found it sound, which is not a seal. */
    unlink(in_foo(TABLE));
    cache = open_function("my_func");
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    locache_close(cache);
    write_bytes(key_path, old.data, old.size);
    cache = open_function("my_func");
    assert_true(get_mapped(cache, 1, LARGE, 0));
    locache_close(cache);
}

/* ------------------------------------------------------------------------------------------------------------- writing */

static unsigned char *changing;

static int change_at_write(const char *call)
{
    if (strcmp(call, "write") == 0)
        changing[LARGE - 1]++;
    return 0;
}

/* Its checksum would tell; but once it is recorded, nobody looks at that. */
static void test_mapped__a_buffer_that_changes_while_it_is_written(void **unused)
{
    (void)unused;
    key k = key_of(1);
    locache *cache = open_function("my_func");
    must_put(cache, 1, "before");
    changing = pattern(LARGE, 0);
    const locache_buffer buffer = {changing, LARGE};
    locache_record record = {.size = sizeof record, .codec = LOCACHE_RAW, .buffers = &buffer, .buffer_count = 1};
    lc_os_fault = change_at_write;
    locache_status status = locache_put(cache, k.bytes, k.size, &record, &error);
    lc_os_fault = NULL;
    assert_int_equal(status, LOCACHE_EINVAL);
    assert_non_null(strstr(error.message, "changed"));
    assert_hit(cache, 1, "before");
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
    free(changing);
    locache_close(cache);
}

static void test_mapped__many_buffers(void **unused)
{
    (void)unused;
    enum { COUNT = 3000 };
    static locache_buffer buffers[COUNT];
    key k = key_of(1);
    unsigned char *data = pattern(COUNT * 2, 0);
    for (size_t i = 0; i < COUNT; i++)
        buffers[i] = (locache_buffer){data + i, i % 700};
    locache_record record = {.size = sizeof record, .codec = LOCACHE_RAW, .buffers = buffers, .buffer_count = COUNT};
    locache *cache = open_function("my_func");
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    for (int again = 0; again < 2; again++) {
        locache_value *value;
        assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
        assert_true(value->mapped);
        for (size_t i = 0; i < COUNT; i++) {
            locache_buffer buffer = locache_value_buffer(value, i);
            assert_int_equal(buffer.size, i % 700);
            assert_memory_equal(buffer.data, data + i, buffer.size);
        }
        locache_value_free(value);
        unlink(in_foo(TABLE));
        age();
    }
    locache_close(cache);
    free(data);
}

/* -------------------------------------------------------------------------------------------------------------- faults */

static int maps_of_entries(void)
{
    char line[LOCACHE_PATH_MAX];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL)
        count += strstr(line, "/x=") != NULL;
    fclose(maps);
    return count;
}

/* Whatever fails: a right value or a miss, and nothing stays open or mapped. */
static void fail_each(const char *call, int code, locache_codec codec, int max_entries)
{
    int before = open_descriptors();
    bool failed = true;
    for (int n = 1; failed; n++) {
        key k = key_of(1);
        locache_options options = options_for("my_func");
        options.max_entries = max_entries;
        locache *cache = open_with(&options);
        fault_set(call, n, code);
        (void)!put_buffer(cache, 1, LARGE, 0, codec);
        for (int again = 0; again < 2; again++) {
            locache_value *value = NULL;
            locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
            assert_true(status == LOCACHE_OK || status == LOCACHE_MISS || status == LOCACHE_ENOMEM);
            if (status == LOCACHE_OK)
                assert_pattern(value, LARGE, 0);
            if (status == LOCACHE_OK)
                locache_value_free(value);
            unlink(in_foo(TABLE));
        }
        failed = fault_clear();
        assert_int_equal(put_buffer(cache, 1, LARGE, 0, codec), LOCACHE_OK);
        assert_true(get_mapped(cache, 1, LARGE, 0));
        locache_close(cache);
        assert_int_equal(open_descriptors(), before);
        assert_int_equal(maps_of_entries(), 0);
        assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
    }
}

static void test_mapped__each_system_call_fails(void **unused)
{
    (void)unused;
    static const int codes[] = {EIO, ENOSPC, EACCES, EMFILE, ENOENT};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        fail_each(NULL, codes[i], i % 2 == 0 ? LOCACHE_RAW : LOCACHE_PICKLE, i % 2 == 0 ? 0 : 5);
    fail_each("alloc", ENOMEM, LOCACHE_RAW, 0);
}

/* While it is verified: each time from the beginning, nothing recorded. */
static void test_mapped__each_system_call_of_verifying_fails(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, (size_t)1 << 20, 0);
    age();
    bool failed = true;
    for (int n = 1; failed; n++) {
        key k = key_of(1);
        locache_value *value = NULL;
        unlink(in_foo(TABLE));
        fault_set(NULL, n, EIO);
        locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
        failed = fault_clear();
        if (status == LOCACHE_OK)
            assert_pattern(value, (size_t)1 << 20, 0);
        else
            assert_int_equal(status, failed && error.status != LOCACHE_ENOMEM ? LOCACHE_MISS : LOCACHE_ENOMEM);
        if (status == LOCACHE_OK)
            locache_value_free(value);
        else
            assert_false(exists(in_foo(TABLE)));
        assert_int_equal(maps_of_entries(), 0);
    }
    locache_close(cache);
}

static void test_mapped__what_cannot_be_read_says_why(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    age();
    unlink(in_foo(TABLE));
    /* The front; then the first piece. */
    for (int n = 1; n <= 2; n++) {
        fault_set("pread", n, EIO);
        assert_rejected(cache, 1, LOCACHE_EIO);
        assert_true(fault_clear());
        assert_int_equal(error.os_error, EIO);
        assert_non_null(strstr(error.message, in_foo(ENTRY)));
        assert_non_null(strstr(error.message, "Input/output error"));
    }
    locache_close(cache);
}

static void hit_within_limit(void *context)
{
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    child_require(setrlimit(RLIMIT_FSIZE, &none) == 0);
    key k = key_of(1);
    locache_value *value;
    child_require(locache_get(&value, context, k.bytes, k.size, &error) == LOCACHE_OK);
    child_require(value->mapped);
}

static void test_mapped__a_reader_may_be_forbidden_to_write(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    unlink(in_foo(TABLE));
    age();
    wait_for(in_child(hit_within_limit, cache));
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_mapped__a_value_is_the_callers_to_write_to),
        scratch_test(test_mapped__a_value_outlives_all_else),
        scratch_test(test_mapped__a_copy_is_apart),
        scratch_test(test_mapped__a_child_has_its_own),
        scratch_test(test_mapped__from_a_size_on),
        scratch_test(test_mapped__what_has_no_buffers_is_read),
        scratch_test(test_mapped__not_where_it_is_not_wanted),
        scratch_test(test_mapped__not_where_a_change_would_not_show),
        scratch_test(test_mapped__not_while_it_is_young),
        scratch_test(test_mapped__read_where_nothing_can_be_mapped),
        scratch_test(test_mapped__its_writer_has_verified_it),
        scratch_test(test_mapped__it_is_verified_once_by_whoever_reads_it),
        scratch_test(test_mapped__a_hit_costs_the_same_whatever_the_size),
        scratch_test(test_mapped__with_max_entries_it_stays_verified),
        scratch_test(test_mapped__what_is_written_to_meanwhile_is_not_remembered),
        scratch_test(test_mapped__every_flipped_byte_is_a_miss),
        scratch_test(test_mapped__a_byte_flipped_later_is_a_miss),
        scratch_test(test_mapped__every_other_length_is_a_miss),
        scratch_test(test_mapped__what_was_verified_before_a_crash_is_verified_again),
        scratch_test(test_mapped__garbage_in_the_table_is_no_harm),
        scratch_test(test_mapped__an_entry_of_another_call_is_a_miss),
        scratch_test(test_mapped__pickles_are_verified_once),
        scratch_test(test_mapped__a_pickle_needs_its_own_users_key),
        scratch_test(test_mapped__a_buffer_that_changes_while_it_is_written),
        scratch_test(test_mapped__many_buffers),
        scratch_test(test_mapped__each_system_call_fails),
        scratch_test(test_mapped__each_system_call_of_verifying_fails),
        scratch_test(test_mapped__what_cannot_be_read_says_why),
        scratch_test(test_mapped__a_reader_may_be_forbidden_to_write),
    };
    return cmocka_run_group_tests_name("mapped", tests, NULL, NULL);
}
