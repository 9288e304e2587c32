/* Entries as listings see them, by header and key, whatever else lies in the directory. */
#include "large.h"

#include <sys/socket.h>
#include <sys/un.h>

#define LISTED_MAX 8

/* What was listed, by name. */
typedef struct listing {
    int count;
    char names[LISTED_MAX][LOCACHE_NAME_MAX + 1];
    locache_listed entries[LISTED_MAX]; /* but for what they point to */
    unsigned char keys[LISTED_MAX][LOCACHE_KEY_LONG];
} listing;

static listing listed;

static bool note(void *context, const locache_listed *entry)
{
    (void)context;
    assert_true(listed.count < LISTED_MAX);
    assert_true(entry->key_size < LOCACHE_KEY_LONG);
    snprintf(listed.names[listed.count], LOCACHE_NAME_MAX + 1, "%s", entry->name);
    memcpy(listed.keys[listed.count], entry->key, entry->key_size);
    listed.entries[listed.count++] = *entry;
    return true;
}

static int list(locache *cache)
{
    listed.count = 0;
    assert_int_equal(locache_list(cache, note, NULL, &error), LOCACHE_OK);
    return listed.count;
}

/* The place in `listed` of a name. */
static int place_of(const char *name)
{
    for (int i = 0; i < listed.count; i++)
        if (strcmp(listed.names[i], name) == 0)
            return i;
    fail_msg("%s is not listed", name);
    return -1;
}

static void test_front__lists_what_entries_say_of_themselves(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    key k = key_of(2);
    assert_int_equal(list(cache), 0);
    must_put(cache, 1, "one");
    must_put_buffer(cache, 2, 300000, 5);
    assert_int_equal(list(cache), 2);
    int at = place_of("x=1");
    assert_int_equal(listed.entries[at].file_size, size_of(in_foo("my_func/x=1")));
    assert_int_equal(listed.entries[at].compute_time, RESULT_TOOK);
    assert_true(listed.entries[at].created > INT64_C(1600000000) * 1000000000);
    at = place_of("x=2");
    assert_int_equal(listed.entries[at].file_size, size_of(in_foo("my_func/x=2")));
    assert_int_equal(listed.entries[at].key_size, k.size);
    assert_memory_equal(listed.keys[at], k.bytes, k.size);
    locache_close(cache);
}

static bool stop_there(void *context, const locache_listed *entry)
{
    (void)entry;
    ++*(int *)context;
    return false;
}

static void test_front__listing_stops_and_may_find_nothing(void **unused)
{
    (void)unused;
    int count = 0;
    locache *cache = open_function("my_func");
    assert_int_equal(locache_list(cache, stop_there, &count, &error), LOCACHE_OK);
    assert_int_equal(count, 0);
    must_put(cache, 1, "r");
    must_put(cache, 2, "r");
    assert_int_equal(locache_list(cache, stop_there, &count, &error), LOCACHE_OK);
    assert_int_equal(count, 1);
    locache_close(cache);
}

/* A long key stands in its entry as its digest, by which its name is told. */
static void test_front__lists_long_keys(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_cbor_writer writer;
    char path[LOCACHE_PATH_MAX];
    locache_cbor_writer_init(&writer, NULL, 0);
    locache_key_begin(&writer, 1000);
    for (uint64_t i = 0; i < 1000; i++) {
        locache_key_index(&writer, i);
        locache_cbor_write_uint(&writer, i * 1000);
    }
    const locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = "r", .body_size = 1};
    assert_int_equal(locache_put(cache, writer.data, writer.length, &record, &error), LOCACHE_OK);
    assert_int_equal(list(cache), 1);
    assert_true(listed.entries[0].key_size < 64);
    assert_int_equal(locache_path(path, cache, writer.data, writer.length, &error), LOCACHE_OK);
    assert_string_equal(strrchr(path, '/') + 1, listed.names[0]);
    assert_int_equal(rename(path, in_foo("my_func/x=0~00000000000000000000000000000000")), 0);
    assert_int_equal(list(cache), 0);
    locache_cbor_writer_clear(&writer);
    locache_close(cache);
}

/* ----------------------------------------------------------------------------- what is not ours */

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void test_front__passes_over_what_is_no_entry(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache *other = open_function("other");
    must_put(cache, 1, "one");
    must_put(other, 5, "five");
    bytes right = read_bytes(in_foo("my_func/x=1"));
    bytes foreign = read_bytes(in_foo("other/x=5"));
    write_text(in_foo("my_func/notes.txt"), "mine");
    write_text(in_foo("my_func/x=2"), "");
    write_bytes(in_foo("my_func/x=3"), right.data, 100);
    write_bytes(in_foo("my_func/x=4"), right.data, right.size);
    write_bytes(in_foo("my_func/x=5"), foreign.data, foreign.size);
    assert_int_equal(symlink("x=1", in_foo("my_func/x=6")), 0);
    assert_int_equal(mkdir(in_foo("my_func/x=7"), 0700), 0);
    assert_int_equal(mkfifo(in_foo("my_func/x=8"), 0600), 0);
    make_socket(in_foo("my_func/x=9"));
    write_bytes(in_foo("my_func/x=\xff\xfe"), right.data, right.size);
    assert_int_equal(chmod(in_foo("my_func/x=1"), 0622), 0);
    assert_int_equal(list(cache), 0);
    assert_int_equal(chmod(in_foo("my_func/x=1"), 0600), 0);
    assert_int_equal(list(cache), 1);
    place_of("x=1");
    locache_close(other);
    locache_close(cache);
}

/* Whatever the bytes of header and key are, nothing is read that is not there. */
static void test_front__survives_every_damaged_byte(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    assert_int_equal(put_as(cache, 1, "\x83\x01\x02\x03", LOCACHE_CODEC_CBOR), LOCACHE_OK);
    bytes right = read_bytes(in_foo("my_func/x=1"));
    for (size_t at = 0; at < right.size; at++) {
        for (int mask = 0x01; mask < 0x100; mask *= 0x7f) {
            bytes wrong = right;
            wrong.data[at] ^= (unsigned char)mask;
            write_bytes(in_foo("my_func/x=1"), wrong.data, wrong.size);
            assert_true(list(cache) <= 1);
        }
    }
    for (size_t size = 0; size < right.size; size++) {
        write_bytes(in_foo("my_func/x=1"), right.data, size);
        assert_int_equal(list(cache), 0);
    }
    locache_close(cache);
}

/* Of another version, expired, and of a kind that is not to be used: no results of this handle. */
static void test_front__lists_only_what_counts(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "r");
    bytes right = read_bytes(in_foo("my_func/x=1"));
    locache_close(cache);
    cache = open_source("t-1", 2);
    must_put(cache, 2, "r");
    write_bytes(in_foo("my_func/x=1"), right.data, right.size);
    assert_int_equal(list(cache), 1);
    place_of("x=2");
    locache_close(cache);
    locache_options options = options_for("my_func");
    options.identity = identity_at("t-1", 2);
    options.flags = LOCACHE_OPEN_KEEP;
    cache = open_with(&options);
    assert_int_equal(list(cache), 2);
    locache_close(cache);
    options.max_age = 1;
    cache = open_with(&options);
    age();
    assert_int_equal(list(cache), 0);
    locache_close(cache);
    options.max_age = 0;
    options.flags = LOCACHE_OPEN_NO_PICKLE | LOCACHE_OPEN_KEEP;
    cache = open_with(&options);
    assert_int_equal(list(cache), 2);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_front__lists_what_entries_say_of_themselves),
        scratch_test(test_front__listing_stops_and_may_find_nothing),
        scratch_test(test_front__lists_long_keys),
        scratch_test(test_front__passes_over_what_is_no_entry),
        scratch_test(test_front__survives_every_damaged_byte),
        scratch_test(test_front__lists_only_what_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
