/* One function's directory: what is read, written and removed, and what stands in an entry's
 * place. */
#include "fault.h"
#include "named.h"
#include "scratch.h"

#include <sys/sysmacros.h>
#include <time.h>

/* ------------------------------------------------------------------------------- read and write */

static void test_store__put_then_get(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    assert_miss(cache, 1);
    must_put(cache, 1, "three");
    assert_hit(cache, 1, "three");
    assert_true(exists(in_foo("my_func/x=1")));
    assert_int_equal(names_in(in_foo("my_func"), ""), 2);
    /* The version and the counts. */
    assert_int_equal(names_in(in_foo("my_func/.locache"), ""), 2);
    must_put(cache, 1, "four");
    assert_hit(cache, 1, "four");
    locache_close(cache);
    cache = open_function("my_func");
    assert_hit(cache, 1, "four");
    locache_close(cache);
}

static void test_store__files_are_private(void **unused)
{
    (void)unused;
    struct stat seen;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "three");
    locache_close(cache);
    static const char *const directories[] = {"", "my_func", "my_func/.locache", ".versions"};
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        assert_int_equal(stat(in_foo(directories[i]), &seen), 0);
        assert_int_equal(seen.st_mode & 07777, 0700);
    }
    assert_int_equal(stat(in_foo("my_func/x=1"), &seen), 0);
    assert_int_equal(seen.st_mode & 07777, 0600);
    assert_memory_equal(read_bytes(in_foo("CACHEDIR.TAG")).data,
                        "Signature: 8a477f597d28d172789f06886806bc55", 43);
    assert_memory_equal(read_bytes(in_foo(".gitignore")).data, "*\n", 2);
}

static void test_store__a_deleted_file_is_forgotten(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "three");
    assert_int_equal(unlink(in_foo("my_func/x=1")), 0);
    assert_miss(cache, 1);
    locache_close(cache);
}

static void test_store__value_says_what_was_stored(void **unused)
{
    (void)unused;
    unsigned char first[100];
    unsigned char third[7];
    memset(first, 1, sizeof first);
    memset(third, 3, sizeof third);
    const outlying buffers[] = {{first, sizeof first}, {NULL, 0}, {third, sizeof third}};
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_PICKLE,
                             .body = "body",
                             .body_size = 4,
                             .compute_time = 12345};
    set_buffers(&record, buffers, 3);
    key k = key_of(1);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    locache *cache = open_function("my_func");
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    locache_value *value;
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
    locache_close(cache);
    size_t size;
    assert_memory_equal(locache_value_body(&size, value), "body", 4);
    assert_int_equal(size, 4);
    assert_int_equal(locache_value_codec(value), LOCACHE_CODEC_PICKLE);
    assert_int_equal(locache_value_compute_time(value), 12345);
    int64_t created = locache_value_created(value) / 1000000000;
    assert_in_range(created, now.tv_sec - 1, now.tv_sec + 60);
    assert_int_equal(locache_value_buffer_count(value), 3);
    for (size_t i = 0; i < 3; i++) {
        outlying got = buffer_of(value, i);
        assert_int_equal(got.size, buffers[i].size);
        assert_int_equal((uintptr_t)got.data % 64, 0);
        if (got.size > 0)
            assert_memory_equal(got.data, buffers[i].data, got.size);
    }
    memset(buffer_of(value, 0).data, 9, sizeof first);
    assert_null(buffer_of(value, 3).data);
    locache_value_free(value);
    locache_value_free(NULL);
}

/* Past 1 MiB the header is read first. */
static void test_store__large_entries(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    for (size_t size = ((size_t)1 << 20) - HEADER - 64; size < (size_t)3 << 20; size += 999983) {
        char *body = malloc(size + 1);
        memset(body, 'a', size);
        body[size] = '\0';
        must_put(cache, 1, body);
        assert_hit(cache, 1, body);
        assert_int_equal(truncate(in_foo("my_func/x=1"), (off_t)size), 0);
        assert_rejected(cache, 1, LOCACHE_ECORRUPT);
        free(body);
    }
    locache_close(cache);
}

static void test_store__large_files_that_are_no_entry(void **unused)
{
    (void)unused;
    const size_t size = (size_t)2 << 20;
    unsigned char *file = malloc(size);
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    bytes small = read_bytes(in_foo("my_func/x=1"));
    memset(file, 'x', size);
    write_bytes(in_foo("my_func/x=1"), file, size);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    /* A sound one with more after it: known before memory is taken for it. */
    memcpy(file, small.data, small.size);
    write_bytes(in_foo("my_func/x=1"), file, size);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    assert_non_null(strstr(error.message, "not as long as it says"));
    /* A newer one is only known by its checksum. */
    file[8] = 3;
    write_bytes(in_foo("my_func/x=1"), file, size);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    memset(file + HEADER - LC_CHECKSUM_SIZE, 0, LC_CHECKSUM_SIZE);
    unsigned char sum[LC_CHECKSUM_SIZE];
    lc_checksum(sum, &(lc_span){file, size}, 1);
    memcpy(file + HEADER - LC_CHECKSUM_SIZE, sum, sizeof sum);
    write_bytes(in_foo("my_func/x=1"), file, size);
    assert_rejected(cache, 1, LOCACHE_EFORMAT);
    assert_int_equal(put(cache, 1, "two"), LOCACHE_EFORMAT);
    for (int n = 1; n <= 2; n++) {
        fault_set("read", n, EIO);
        assert_rejected(cache, 1, LOCACHE_EIO);
        assert_true(fault_clear());
    }
    locache_close(cache);
    free(file);
}

/* Some file systems cannot rename without replacing. */
static void test_store__where_a_free_name_cannot_be_asked_for(void **unused)
{
    (void)unused;
    locache *cache = open_named();
    must_put(cache, 1, "one");
    for (int round = 0; round < 2; round++) {
        fault_set("rename", 1, EINVAL);
        must_put(cache, 2, round == 0 ? "two" : "again");
        assert_true(fault_clear());
        assert_hit(cache, 2, round == 0 ? "two" : "again");
    }
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
    locache_close(cache);
}

static void test_store__durable(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.flags = LOCACHE_OPEN_DURABLE;
    locache *cache = open_with(&options);
    must_put(cache, 1, "three");
    assert_hit(cache, 1, "three");
    locache_close(cache);
}

static void test_store__remove(void **unused)
{
    (void)unused;
    key k = key_of(1);
    locache *cache = open_function("my_func");
    assert_int_equal(locache_remove(cache, k.bytes, k.size, &error), LOCACHE_MISS);
    must_put(cache, 1, "three");
    must_put(cache, 2, "four");
    assert_int_equal(locache_remove(cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_int_equal(locache_remove(cache, k.bytes, k.size, &error), LOCACHE_MISS);
    assert_miss(cache, 1);
    assert_hit(cache, 2, "four");
    assert_int_equal(locache_remove(cache, "no key", 6, &error), LOCACHE_EINVAL);
    locache_close(cache);
}

static bool stop_after_two(void *context, const char *name)
{
    assert_int_equal(strncmp(name, "x=", 2), 0);
    return ++*(int *)context < 2;
}

static bool unlink_entry(void *context, const char *name)
{
    (void)context;
    char path[64];
    snprintf(path, sizeof path, "my_func/%s", name);
    return unlink(in_foo(path)) == 0;
}

static void test_store__count_and_iterate(void **unused)
{
    (void)unused;
    int seen = 0;
    locache *cache = open_function("my_func");
    assert_int_equal(count_of(cache), 0);
    assert_int_equal(locache_iterate(cache, stop_after_two, &seen, &error), LOCACHE_OK);
    assert_int_equal(seen, 0);
    for (int x = 0; x < 5; x++)
        must_put(cache, x, "r");
    assert_int_equal(count_of(cache), 5);
    assert_int_equal(locache_iterate(cache, stop_after_two, &seen, &error), LOCACHE_OK);
    assert_int_equal(seen, 2);
    assert_int_equal(locache_iterate(cache, unlink_entry, NULL, &error), LOCACHE_OK);
    assert_int_equal(count_of(cache), 0);
    locache_close(cache);
}

static void test_store__path(void **unused)
{
    (void)unused;
    char path[LOCACHE_PATH_MAX];
    key k = key_of(1);
    locache *cache = open_function("Class.method");
    assert_int_equal(locache_path(path, cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_string_equal(path, in_foo("Class.method/x=1"));
    assert_int_equal(locache_path(path, cache, "no key", 6, &error), LOCACHE_EINVAL);
    locache_close(cache);
}

/* --------------------------------------------------------------------------------------- damage */

static void flip_every_bit(locache_codec codec)
{
    locache *cache = open_function("my_func");
    assert_int_equal(put_as(cache, 1, "\x83\x01\x02\x03", codec), LOCACHE_OK);
    bytes right = read_bytes(in_foo("my_func/x=1"));
    for (size_t at = 0; at < right.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes wrong = right;
            wrong.data[at] ^= (unsigned char)(1 << bit);
            write_bytes(in_foo("my_func/x=1"), wrong.data, wrong.size);
            assert_int_equal(get(cache, 1, ""), LOCACHE_MISS);
            assert_int_not_equal(error.status, LOCACHE_OK);
        }
    }
    write_bytes(in_foo("my_func/x=1"), right.data, right.size);
    assert_hit(cache, 1, "\x83\x01\x02\x03");
    locache_close(cache);
}

static void test_store__every_flipped_bit_is_a_miss(void **unused)
{
    (void)unused;
    flip_every_bit(LOCACHE_CODEC_CBOR);
    flip_every_bit(LOCACHE_CODEC_PICKLE);
}

static void test_store__every_other_length_is_a_miss(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    assert_int_equal(put_as(cache, 1, "\x83\x01\x02\x03", LOCACHE_CODEC_CBOR), LOCACHE_OK);
    bytes right = read_bytes(in_foo("my_func/x=1"));
    for (size_t size = 0; size < right.size; size++) {
        write_bytes(in_foo("my_func/x=1"), right.data, size);
        assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    }
    static const size_t longer[] = {1, 2, 63, 64, 4096, 1 << 20, 1 << 21};
    for (size_t i = 0; i < sizeof longer / sizeof longer[0]; i++) {
        write_bytes(in_foo("my_func/x=1"), right.data, right.size);
        assert_int_equal(truncate(in_foo("my_func/x=1"), (off_t)(right.size + longer[i])), 0);
        assert_int_equal(get(cache, 1, ""), LOCACHE_MISS);
        assert_int_not_equal(error.status, LOCACHE_OK);
    }
    must_put(cache, 1, "again");
    assert_hit(cache, 1, "again");
    locache_close(cache);
}

static void test_store__zeros_of_the_right_length_are_a_miss(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "three");
    bytes file = read_bytes(in_foo("my_func/x=1"));
    memset(file.data, 0, file.size);
    write_bytes(in_foo("my_func/x=1"), file.data, file.size);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    locache_close(cache);
}

static void test_store__swapped_entries_are_misses(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache *other = open_function("other");
    must_put(cache, 1, "one");
    must_put(cache, 2, "two");
    must_put(other, 1, "other one");
    assert_int_equal(rename(in_foo("my_func/x=1"), in_foo("my_func/x=2")), 0);
    assert_rejected(cache, 2, LOCACHE_ECORRUPT);
    assert_int_equal(rename(in_foo("other/x=1"), in_foo("my_func/x=1")), 0);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    locache_close(cache);
    locache_close(other);
}

static void test_store__a_directory_under_another_name_is_all_misses(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    locache_close(cache);
    assert_int_equal(rename(in_foo("my_func"), in_foo("other")), 0);
    locache *other = open_function("other");
    assert_rejected(other, 1, LOCACHE_ECORRUPT);
    locache_close(other);
}

static void test_store__a_newer_format_is_left_alone(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    bytes newer = read_bytes(in_foo("my_func/x=1"));
    newer.data[8] = 3;
    write_bytes(in_foo("my_func/x=1"), newer.data, newer.size);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    must_put(cache, 1, "one");
    restamp(&newer);
    write_bytes(in_foo("my_func/x=1"), newer.data, newer.size);
    assert_rejected(cache, 1, LOCACHE_EFORMAT);
    assert_int_equal(put(cache, 1, "two"), LOCACHE_EFORMAT);
    assert_memory_equal(read_bytes(in_foo("my_func/x=1")).data, newer.data, newer.size);
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
    locache_close(cache);
}

/* Entries of development states: no news, and in nobody's way. */
static void test_store__an_earlier_format_is_a_plain_miss(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    bytes now = read_bytes(in_foo("my_func/x=1"));
    bytes earlier = now;
    earlier.data[8] = 1;
    write_bytes(in_foo("my_func/x=1"), earlier.data, earlier.size);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    restamp(&earlier);
    write_bytes(in_foo("my_func/x=1"), earlier.data, earlier.size);
    assert_miss(cache, 1);
    must_put(cache, 1, "two");
    assert_hit(cache, 1, "two");
    locache_close(cache);
}

/* As large as what is mapped: its header is looked at first. */
static void test_store__a_large_earlier_format_is_a_plain_miss(void **unused)
{
    enum { LARGE = 1 << 20 };
    static unsigned char file[LARGE + 4096];
    static const char zeros[LARGE];
    (void)unused;
    key k = key_of(1);
    const outlying buffer = {(void *)(uintptr_t)zeros, LARGE};
    locache_record record = {.size = sizeof record, .codec = LOCACHE_CODEC_RAW};
    set_buffers(&record, &buffer, 1);
    locache *cache = open_function("my_func");
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    FILE *from = fopen(in_foo("my_func/x=1"), "rb");
    assert_non_null(from);
    size_t size = fread(file, 1, sizeof file, from);
    fclose(from);
    file[8] = 1;
    memset(file + HEADER - LC_CHECKSUM_SIZE, 0, LC_CHECKSUM_SIZE);
    unsigned char sum[LC_CHECKSUM_SIZE];
    lc_checksum(sum, &(lc_span){file, size}, 1);
    memcpy(file + HEADER - sizeof sum, sum, sizeof sum);
    write_bytes(in_foo("my_func/x=1"), file, size);
    assert_miss(cache, 1);
    must_put(cache, 1, "two");
    assert_hit(cache, 1, "two");
    locache_close(cache);
}

/* x = a list of `count` times one number, but for the last. */
static locache_cbor_writer long_key(size_t count, double last)
{
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, NULL, 0);
    locache_key_begin(&writer, 1);
    locache_key_name(&writer, "x", 1);
    locache_cbor_write_array(&writer, count);
    for (size_t i = 0; i < count; i++)
        locache_cbor_write_real(&writer, i + 1 < count ? 0.1 : last);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    return writer;
}

static locache_status get_long(locache *cache, const locache_cbor_writer *long_one)
{
    locache_value *value;
    locache_status status = locache_get(&value, cache, long_one->data, long_one->length, &error);
    if (status == LOCACHE_OK)
        locache_value_free(value);
    return status;
}

/* Of whatever length, it is the whole key that counts: also in a file under another's name. */
static void test_store__a_long_key_stands_as_its_digest(void **unused)
{
    char path[LOCACHE_PATH_MAX], other[LOCACHE_PATH_MAX];
    locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = "b", .body_size = 1};
    (void)unused;
    locache_options options = options_for("my_func");
    options.memory_entries = -1;
    locache *cache = open_with(&options);
    locache_cbor_writer asked = long_key(1000, 0.1);
    locache_cbor_writer similar = long_key(1000, 0.2);
    assert_true(asked.length >= LOCACHE_KEY_LONG);
    assert_int_equal(locache_put(cache, asked.data, asked.length, &record, &error), LOCACHE_OK);
    assert_int_equal(get_long(cache, &asked), LOCACHE_OK);
    assert_int_equal(get_long(cache, &similar), LOCACHE_MISS);
    assert_int_equal(locache_path(path, cache, asked.data, asked.length, &error), LOCACHE_OK);
    assert_int_equal(locache_path(other, cache, similar.data, similar.length, &error), LOCACHE_OK);
    bytes file = read_bytes(path);
    /* 49609([size, 32 bytes]), with nothing of the list. */
    unsigned char stored[41] = {0xd9, 0xc1, 0xc9, 0x82, 0x19};
    stored[5] = (unsigned char)(asked.length >> 8);
    stored[6] = (unsigned char)asked.length;
    memcpy(stored + 7, "\x58\x20", 2);
    locache_digest(stored + 9, asked.data, asked.length);
    assert_int_equal(file.size, HEADER + sizeof stored + 1);
    assert_memory_equal(file.data + HEADER, stored, sizeof stored);
    write_bytes(other, file.data, file.size);
    assert_int_equal(get_long(cache, &similar), LOCACHE_MISS);
    assert_string_equal(locache_status_name(error.status), "LOCACHE_ECORRUPT");
    locache_cbor_writer_clear(&asked);
    locache_cbor_writer_clear(&similar);
    locache_close(cache);
}

/* What stands for a key is none itself. */
static void test_store__the_digest_of_a_key_is_no_key(void **unused)
{
    unsigned char room[64];
    char name[LOCACHE_NAME_MAX + 1];
    locache_cbor_writer stored;
    (void)unused;
    locache_cbor_writer asked = long_key(1000, 0.1);
    locache_cbor_writer_init(&stored, room, sizeof room);
    locache_key_bytes(&stored, asked.data, asked.length);
    assert_int_equal(locache_key_filename(name, stored.data, stored.length), LOCACHE_ECORRUPT);
    locache_cbor_writer_clear(&asked);
}

/* -------------------------------------------------------------------------- in an entry's place */

static void as_link(const char *path)
{
    assert_int_equal(symlink("/etc/hostname", path), 0);
}

static void as_dangling_link(const char *path)
{
    char target[128];
    snprintf(target, sizeof target, "%s/outside", scratch);
    assert_int_equal(symlink(target, path), 0);
}

static void as_fifo(const char *path)
{
    assert_int_equal(mkfifo(path, 0600), 0);
}

static void as_device(const char *path)
{
    if (mknod(path, S_IFCHR | 0600, makedev(1, 5)) != 0)
        as_fifo(path);
}

static void as_hole(const char *path)
{
    write_text(path, "");
    assert_int_equal(truncate(path, (off_t)1 << 40), 0);
}

static void as_open_file(const char *path)
{
    write_text(path, "");
    assert_int_equal(chmod(path, 0606), 0);
}

static void test_store__a_thing_in_an_entrys_place_is_a_miss_and_is_replaced(void **unused)
{
    (void)unused;
    static void (*const things[])(const char *path) = {as_link,   as_dangling_link, as_fifo,
                                                       as_device, as_open_file,     as_hole};
    locache *cache = open_function("my_func");
    must_put(cache, 2, "two");
    for (size_t i = 0; i < sizeof things / sizeof things[0]; i++) {
        things[i](in_foo("my_func/x=1"));
        assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
        assert_non_null(strstr(error.message, in_foo("my_func/x=1")));
        must_put(cache, 1, "right");
        assert_hit(cache, 1, "right");
        struct stat seen;
        assert_int_equal(lstat(in_foo("my_func/x=1"), &seen), 0);
        assert_true(S_ISREG(seen.st_mode));
        assert_int_equal(unlink(in_foo("my_func/x=1")), 0);
    }
    char outside[128];
    snprintf(outside, sizeof outside, "%s/outside", scratch);
    assert_false(exists(outside));
    locache_close(cache);
}

/* A header that says that all of a terabyte is body. */
static void test_store__a_hole_that_lies_about_its_size_is_a_miss(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    bytes file = read_bytes(in_foo("my_func/x=1"));
    uint64_t body = ((uint64_t)1 << 40) - HEADER - file.data[16];
    for (int i = 0; i < 8; i++)
        file.data[24 + i] = (unsigned char)(body >> (8 * i));
    write_bytes(in_foo("my_func/x=1"), file.data, file.size);
    assert_int_equal(truncate(in_foo("my_func/x=1"), (off_t)1 << 40), 0);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    locache_close(cache);
}

/* On some file systems nobody counts blocks, nor knows of holes: such a file is read, and its
 * checksum decides. */
static void test_store__what_counts_no_blocks_is_not_taken_for_a_hole(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    assert_int_equal(truncate(in_foo("my_func/x=1"), (off_t)300 << 20), 0);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    fault_set("seek", 1, EINVAL);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    assert_true(fault_clear());
    locache_close(cache);
}

/* ZFS stores no zeros. */
static void test_store__zeros_may_be_a_hole(void **unused)
{
    (void)unused;
    enum { SIZE = 4 << 20 };
    char *zeros = calloc(1, SIZE);
    locache *cache = open_function("my_func");
    key k = key_of(1);
    locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = zeros, .body_size = SIZE};
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    int fd = open(in_foo("my_func/x=1"), O_WRONLY);
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, SIZE - 8192) != 0) {
        close(fd);
        locache_close(cache);
        free(zeros);
        skip();
    }
    close(fd);
    struct stat seen;
    assert_int_equal(stat(in_foo("my_func/x=1"), &seen), 0);
    assert_true(seen.st_blocks * 512 < SIZE / 64);
    locache_value *value;
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
    locache_value_free(value);
    locache_close(cache);
    free(zeros);
}

static void test_store__a_foreign_entry_is_not_served(void **unused)
{
    (void)unused;
    skip_unless_root();
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    assert_int_equal(chown(in_foo("my_func/x=1"), NOBODY, NOBODY), 0);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    locache_close(cache);
}

/* Backup tools make them. */
static void test_store__a_second_name_is_no_harm(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    assert_int_equal(link(in_foo("my_func/x=1"), in_foo("my_func/other")), 0);
    assert_hit(cache, 1, "one");
    must_put(cache, 1, "changed");
    assert_hit(cache, 1, "changed");
    locache_close(cache);
}

static void test_store__a_directory_in_an_entrys_place(void **unused)
{
    (void)unused;
    key k = key_of(1);
    locache *cache = open_function("my_func");
    must_put(cache, 2, "two");
    assert_int_equal(mkdir(in_foo("my_func/x=1"), 0700), 0);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    assert_int_equal(put(cache, 1, "one"), LOCACHE_EIO);
    assert_int_equal(error.os_error, EISDIR);
    assert_non_null(strstr(error.message, "x=1"));
    assert_int_equal(locache_remove(cache, k.bytes, k.size, &error), LOCACHE_EIO);
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_true(exists(in_foo("my_func/x=1")));
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
    locache_close(cache);
}

/* --------------------------------------------------------------------------------- housekeeping */

static void test_store__locache_can_be_deleted(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    remove_all(in_foo("my_func/.locache"));
    assert_hit(cache, 1, "one");
    must_put(cache, 2, "two");
    locache_close(cache);
    remove_all(in_foo("my_func/.locache"));
    cache = open_function("my_func");
    assert_hit(cache, 1, "one");
    assert_hit(cache, 2, "two");
    assert_true(exists(in_foo("my_func/.locache/version")));
    locache_close(cache);
}

static void test_store__only_dead_writers_temporaries_are_swept(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    locache_close(cache);
    write_text(in_foo("my_func/.locache/tmp-dead"), "left over");
    assert_int_equal(symlink("/etc/hostname", in_foo("my_func/.locache/tmp-link")), 0);
    assert_int_equal(mkfifo(in_foo("my_func/.locache/tmp-fifo"), 0600), 0);
    write_text(in_foo("my_func/.locache/tmp-live"), "being written");
    int live = open(in_foo("my_func/.locache/tmp-live"), O_WRONLY);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    assert_int_equal(fcntl(live, F_OFD_SETLK, &lock), 0);
    cache = open_function("my_func");
    must_put(cache, 2, "two");
    locache_close(cache);
    assert_true(exists(in_foo("my_func/.locache/tmp-live")));
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 1);
    close(live);
    cache = open_function("my_func");
    must_put(cache, 2, "two");
    locache_close(cache);
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
}

/* A sweeper takes the temporary in the moment before it is locked. */
static int sweeps;

static int sweep_before_lock(const char *call)
{
    struct dirent *entry;
    if (strcmp(call, "lock") != 0 || sweeps == 0)
        return 0;
    sweeps--;
    DIR *meta = opendir(in_foo("my_func/.locache"));
    while (meta != NULL && (entry = readdir(meta)) != NULL)
        if (strncmp(entry->d_name, "tmp-", 4) == 0)
            unlinkat(dirfd(meta), entry->d_name, 0);
    closedir(meta);
    return 0;
}

static void test_store__a_sweeper_that_is_faster(void **unused)
{
    (void)unused;
    locache *cache = open_named();
    int before = open_descriptors();
    sweeps = 2;
    lc_fault_hook = sweep_before_lock;
    must_put(cache, 2, "two");
    lc_fault_hook = NULL;
    assert_int_equal(sweeps, 0);
    assert_hit(cache, 2, "two");
    assert_int_equal(open_descriptors(), before);
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp-"), 0);
    locache_close(cache);
}

static void test_store__expired_entries_are_misses(void **unused)
{
    (void)unused;
    key k = key_of(1);
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_RAW,
                             .body = "r",
                             .body_size = 1,
                             .expires = 1};
    locache *cache = open_function("my_func");
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    assert_miss(cache, 1);
    record.expires = INT64_MAX;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_store__put_then_get),
        scratch_test(test_store__files_are_private),
        scratch_test(test_store__a_deleted_file_is_forgotten),
        scratch_test(test_store__value_says_what_was_stored),
        scratch_test(test_store__large_entries),
        scratch_test(test_store__large_files_that_are_no_entry),
        scratch_test(test_store__where_a_free_name_cannot_be_asked_for),
        scratch_test(test_store__durable),
        scratch_test(test_store__remove),
        scratch_test(test_store__count_and_iterate),
        scratch_test(test_store__path),
        scratch_test(test_store__every_flipped_bit_is_a_miss),
        scratch_test(test_store__every_other_length_is_a_miss),
        scratch_test(test_store__zeros_of_the_right_length_are_a_miss),
        scratch_test(test_store__swapped_entries_are_misses),
        scratch_test(test_store__a_directory_under_another_name_is_all_misses),
        scratch_test(test_store__a_newer_format_is_left_alone),
        scratch_test(test_store__an_earlier_format_is_a_plain_miss),
        scratch_test(test_store__a_large_earlier_format_is_a_plain_miss),
        scratch_test(test_store__a_long_key_stands_as_its_digest),
        scratch_test(test_store__the_digest_of_a_key_is_no_key),
        scratch_test(test_store__a_thing_in_an_entrys_place_is_a_miss_and_is_replaced),
        scratch_test(test_store__a_hole_that_lies_about_its_size_is_a_miss),
        scratch_test(test_store__what_counts_no_blocks_is_not_taken_for_a_hole),
        scratch_test(test_store__zeros_may_be_a_hole),
        scratch_test(test_store__a_foreign_entry_is_not_served),
        scratch_test(test_store__a_second_name_is_no_harm),
        scratch_test(test_store__a_directory_in_an_entrys_place),
        scratch_test(test_store__locache_can_be_deleted),
        scratch_test(test_store__only_dead_writers_temporaries_are_swept),
        scratch_test(test_store__a_sweeper_that_is_faster),
        scratch_test(test_store__expired_entries_are_misses),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
