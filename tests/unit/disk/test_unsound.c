/* Large results that are not what they were: whatever was recorded of them, they are misses. And
 * what fails. */
#include "base/fault.h"
#include "fault.h"
#include "large.h"

#include <sys/resource.h>

#define RECORD 128 /* docs/format.md */

/* -------------------------------------------------------------------------- what does not count */

static void test_unsound__every_flipped_byte_is_a_miss(void **unused)
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
    /* Just written; once in many times at the latest, also where another process comes between. */
    bool young = false;
    for (int tries = 0; !young && tries < 100; tries++) {
        assert_int_equal(pwrite(fd, sound, 1, 0), 1);
        young = !get_mapped(cache, 1, LARGE, 0);
    }
    assert_true(young);
    close(fd);
    free(sound);
    age();
    assert_true(get_mapped(cache, 1, LARGE, 0));
    locache_close(cache);
}

/* Between two runs, after it was verified by a reader, and old. */
static void test_unsound__a_byte_flipped_later_is_a_miss(void **unused)
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

static void test_unsound__every_other_length_is_a_miss(void **unused)
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

/* What a crash can leave: the right length and the right times, the record too, and zeros where
 * data never reached the disk. */
static void test_unsound__what_was_verified_before_a_crash_is_verified_again(void **unused)
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
    assert_memory_equal((unsigned char *)buffer_of(value, 0).data + 8192 - 192, zeros,
                        sizeof zeros);
    locache_value_free(value);
    forge_record(0x55);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    must_put_buffer(cache, 1, LARGE, 0);
    assert_true(get_mapped(cache, 1, LARGE, 0));
    locache_close(cache);
}

static int reads_before_write;

static int write_at_nth_read(const char *call)
{
    if (strcmp(call, "pread") != 0 || --reads_before_write != 0)
        return 0;
    lc_fault_hook = NULL;
    overwrite(in_foo(ENTRY), 5000, "flip", 4);
    return 0;
}

/* Somebody writes to what was summed up already, while the rest is read. */
static void test_unsound__what_changes_while_it_is_verified(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put_buffer(cache, 1, LARGE, 0);
    unlink(in_foo(TABLE));
    age();
    /* After the front and the first piece. */
    reads_before_write = 3;
    lc_fault_hook = write_at_nth_read;
    locache_status status = get(cache, 1, "");
    lc_fault_hook = NULL;
    assert_int_equal(reads_before_write, 0);
    assert_int_equal(status, LOCACHE_MISS);
    assert_non_null(strstr(error.message, "changed while it was read"));
    assert_false(exists(in_foo(TABLE)));
    locache_close(cache);
}

static void test_unsound__garbage_in_the_table_is_no_harm(void **unused)
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

static void test_unsound__an_entry_of_another_call_is_a_miss(void **unused)
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

/* -------------------------------------------------------------------------------------- pickles */

static void test_unsound__pickles_are_verified_once(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    assert_int_equal(put_buffer(cache, 1, LARGE, 0, LOCACHE_CODEC_PICKLE), LOCACHE_OK);
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

static void test_unsound__a_pickle_needs_its_own_users_key(void **unused)
{
    (void)unused;
    char key_path[256];
    snprintf(key_path, sizeof key_path, "%s/locache/key", state);
    locache *cache = open_function("my_func");
    assert_int_equal(put_buffer(cache, 1, LARGE, 0, LOCACHE_CODEC_PICKLE), LOCACHE_OK);
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

/* --------------------------------------------------------------------------------------- faults */

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

static void test_unsound__each_system_call_fails(void **unused)
{
    (void)unused;
    static const int codes[] = {EIO, ENOSPC, EACCES, EMFILE, ENOENT};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        fail_each(NULL, codes[i], i % 2 == 0 ? LOCACHE_CODEC_RAW : LOCACHE_CODEC_PICKLE,
                  i % 2 == 0 ? 0 : 5);
    fail_each("alloc", ENOMEM, LOCACHE_CODEC_RAW, 0);
}

/* While it is verified: each time from the beginning, nothing recorded. */
static void test_unsound__each_system_call_of_verifying_fails(void **unused)
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
            assert_int_equal(status, failed && error.status != LOCACHE_ENOMEM ? LOCACHE_MISS
                                                                              : LOCACHE_ENOMEM);
        if (status == LOCACHE_OK)
            locache_value_free(value);
        else
            assert_false(exists(in_foo(TABLE)));
        assert_int_equal(maps_of_entries(), 0);
    }
    locache_close(cache);
}

static void test_unsound__what_cannot_be_read_says_why(void **unused)
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
    struct rlimit limit;
    child_require(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 0;
    child_require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    key k = key_of(1);
    locache_value *value;
    child_require(locache_get(&value, context, k.bytes, k.size, &error) == LOCACHE_OK);
    child_require(value->mapped);
    limit.rlim_cur = before; /* coverage is written, too */
    child_require(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void test_unsound__a_reader_may_be_forbidden_to_write(void **unused)
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
        scratch_test(test_unsound__every_flipped_byte_is_a_miss),
        scratch_test(test_unsound__a_byte_flipped_later_is_a_miss),
        scratch_test(test_unsound__every_other_length_is_a_miss),
        scratch_test(test_unsound__what_was_verified_before_a_crash_is_verified_again),
        scratch_test(test_unsound__what_changes_while_it_is_verified),
        scratch_test(test_unsound__garbage_in_the_table_is_no_harm),
        scratch_test(test_unsound__an_entry_of_another_call_is_a_miss),
        scratch_test(test_unsound__pickles_are_verified_once),
        scratch_test(test_unsound__a_pickle_needs_its_own_users_key),
        scratch_test(test_unsound__each_system_call_fails),
        scratch_test(test_unsound__each_system_call_of_verifying_fails),
        scratch_test(test_unsound__what_cannot_be_read_says_why),
        scratch_test(test_unsound__a_reader_may_be_forbidden_to_write),
    };
    return cmocka_run_group_tests_name("unsound", tests, NULL, NULL);
}
