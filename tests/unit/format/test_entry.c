/* Entries as bytes: the golden files, read and written, and every damage to them. */
#include "disk/packed.h"
#include "golden/cases.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

/* -------------------------------------------------------------------------------------- helpers */

static unsigned char *read_golden(size_t *size, const char *kind, const char *name)
{
    char path[4096];
    assert_in_range(snprintf(path, sizeof path, "tests/golden/v2/%s/%s", kind, name), 1,
                    sizeof path - 1);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    unsigned char *bytes = malloc(8192);
    assert_non_null(bytes);
    *size = fread(bytes, 1, 8192, file);
    fclose(file);
    /* Exactly as large as the content, so that a sanitizer sees the first byte past it. */
    unsigned char *exact = malloc(*size > 0 ? *size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, *size);
    free(bytes);
    return exact;
}

/* What a compressed file holds, as it is in memory; or what is wrong with it. */
static locache_status expand_copy(locache_value **out, const unsigned char *bytes, size_t size,
                                  locache_error *error)
{
    locache_value *value = lc_value_new(size);
    assert_non_null(value);
    memcpy(value->bytes, bytes, size);
    assert_int_equal(lc_entry_parse(&value->entry, value->bytes, size, NULL), LOCACHE_OK);
    locache_status status = lc_packed_expand(&value, error);
    if (status == LOCACHE_OK && out != NULL)
        *out = value;
    else
        locache_value_free(value);
    return status;
}

static locache_status parse_copy(const unsigned char *bytes, size_t size)
{
    lc_entry entry;
    locache_error error;
    unsigned char *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    locache_status status = lc_entry_parse(&entry, exact, size, &error);
    if (status == LOCACHE_OK && entry.compressed)
        status = expand_copy(NULL, exact, size, &error);
    if (status < 0) {
        assert_int_equal(error.status, status);
        assert_true(strlen(error.message) > 0);
    }
    free(exact);
    return status;
}

static void assert_span(lc_span span, const void *data, size_t size)
{
    assert_int_equal(span.size, size);
    assert_memory_equal(span.data, data, size);
}

/* --------------------------------------------------------------------------------------- golden */

/* In one piece as in two, wherever they meet past the header. */
static bool is_authentic(const unsigned char *bytes, size_t size, const unsigned char *mac_key)
{
    bool whole = lc_entry_authentic((lc_span){bytes, size}, (lc_span){NULL, 0}, mac_key);
    for (size_t first = LC_ENTRY_HEADER; first < size; first += 7)
        assert_int_equal(lc_entry_authentic((lc_span){bytes, first},
                                            (lc_span){bytes + first, size - first}, mac_key),
                         whole);
    return whole;
}

/* A part of a good case, as it is in its file. */
static void assert_part(lc_span part, const golden_good *good, const unsigned char *content,
                        size_t size)
{
    unsigned char frame[272];
    if (golden_is_compressed(good))
        assert_span(part, frame, golden_frame(frame, content, size));
    else
        assert_span(part, content, size);
}

static size_t golden_buffer(unsigned char *out, const golden_good *good, uint32_t n)
{
    for (size_t i = 0; i < good->buffers[n]; i++)
        out[i] = golden_byte(n, i);
    return good->buffers[n];
}

/* Once it is decompressed, nothing tells that it was compressed. */
static void check_expanded(const golden_good *good, const unsigned char *bytes, size_t size)
{
    unsigned char expected[256];
    locache_value *value;
    locache_error error;
    assert_int_equal(expand_copy(&value, bytes, size, &error), LOCACHE_OK);
    assert_false(value->entry.compressed);
    assert_int_equal(value->entry.has_mac, good->has_mac);
    assert_span(value->entry.key, expected, golden_unhex(expected, good->key));
    assert_span(value->entry.body, expected, golden_unhex(expected, good->body));
    assert_int_equal(locache_value_buffer_count(value), good->buffer_count);
    for (uint32_t n = 0; n < good->buffer_count; n++) {
        size_t buffer_size;
        const void *buffer = locache_value_buffer(&buffer_size, value, n);
        assert_int_equal((uintptr_t)buffer % LC_ENTRY_ALIGN, 0);
        assert_span((lc_span){buffer, buffer_size}, expected, golden_buffer(expected, good, n));
    }
    locache_value_free(value);
}

static void check_good(const golden_good *good, const unsigned char *bytes, size_t size)
{
    lc_entry entry;
    unsigned char expected[256];
    unsigned char mac_key[LC_MAC_KEY_SIZE];
    locache_id id;
    assert_int_equal(lc_entry_parse(&entry, bytes, size, NULL), LOCACHE_OK);
    assert_int_equal(entry.codec, good->codec);
    assert_int_equal(entry.has_mac, good->has_mac);
    assert_true(entry.created == good->created);
    assert_true(entry.compute_time == good->compute_time);
    assert_true(entry.expires == good->expires);
    locache_id_of(&id, good->function, strlen(good->function));
    assert_memory_equal(entry.function.bytes, id.bytes, sizeof id.bytes);
    locache_id_of(&id, "golden", 6);
    assert_memory_equal(entry.version.bytes, id.bytes, sizeof id.bytes);
    assert_span(entry.key, expected, golden_unhex(expected, good->key));
    assert_part(entry.body, good, expected, golden_unhex(expected, good->body));
    assert_int_equal(entry.compressed, golden_is_compressed(good));
    assert_int_equal(entry.buffer_count, good->buffer_count);
    for (uint32_t n = 0; n < good->buffer_count; n++) {
        lc_span buffer = lc_entry_buffer(bytes, &entry, n);
        assert_int_equal((size_t)((const unsigned char *)buffer.data - bytes) % LC_ENTRY_ALIGN, 0);
        assert_part(buffer, good, expected, golden_buffer(expected, good, n));
    }
    if (golden_is_compressed(good))
        check_expanded(good, bytes, size);
    golden_mac_key(mac_key);
    assert_int_equal(is_authentic(bytes, size, mac_key), good->has_mac);
    mac_key[31] ^= 1;
    assert_false(is_authentic(bytes, size, mac_key));
}

static void test_entry__reads_golden_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT(golden_goods); i++) {
        size_t size;
        unsigned char *bytes = read_golden(&size, "good", golden_goods[i].name);
        check_good(&golden_goods[i], bytes, size);
        free(bytes);
    }
}

static void test_entry__writes_golden_files_byte_for_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT(golden_goods); i++) {
        size_t size, built_size;
        unsigned char *bytes = read_golden(&size, "good", golden_goods[i].name);
        unsigned char *built = golden_build(&built_size, &golden_goods[i]);
        assert_int_equal(built_size, size);
        assert_memory_equal(built, bytes, size);
        free(built);
        free(bytes);
    }
}

/* "len_past_eof.ECORRUPT" says LOCACHE_ECORRUPT. */
static void test_entry__rejects_golden_bad_files_with_the_status_in_their_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT(golden_bads); i++) {
        size_t size;
        unsigned char *bytes = read_golden(&size, "bad", golden_bads[i].name);
        locache_status status = parse_copy(bytes, size);
        const char *expected = strrchr(golden_bads[i].name, '.') + 1;
        if (strcmp(locache_status_name(status) + strlen("LOCACHE_"), expected) != 0)
            fail_msg("%s: %s", golden_bads[i].name, locache_status_name(status));
        free(bytes);
    }
}

/* Whoever can write can make the checksum right: the MAC itself must see every bit but its own and
 * the checksum's. */
static void test_entry__mac_binds_every_bit(void **state)
{
    static const char *const names[] = {"pickle_mac", "pickle_mac_buffer"};
    unsigned char mac_key[LC_MAC_KEY_SIZE];
    (void)state;
    golden_mac_key(mac_key);
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        unsigned char *bytes = golden_build(&size, golden_find(names[i]));
        for (size_t bit = 0; bit < 8 * size; bit++) {
            bool is_checksum =
                bit / 8 >= LC_ENTRY_HEADER - LC_CHECKSUM_SIZE && bit / 8 < LC_ENTRY_HEADER;
            bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
            assert_int_equal(is_authentic(bytes, size, mac_key), is_checksum);
            bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        }
        free(bytes);
    }
}

static bool is_case(const char *kind, const char *name)
{
    bool found = name[0] == '.';
    for (size_t i = 0; i < GOLDEN_COUNT(golden_goods) && strcmp(kind, "good") == 0; i++)
        found = found || strcmp(name, golden_goods[i].name) == 0;
    for (size_t i = 0; i < GOLDEN_COUNT(golden_bads) && strcmp(kind, "bad") == 0; i++)
        found = found || strcmp(name, golden_bads[i].name) == 0;
    return found;
}

static void test_entry__every_golden_file_is_a_case(void **state)
{
    static const char *const kinds[] = {"good", "bad"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char path[4096];
        assert_in_range(snprintf(path, sizeof path, "tests/golden/v2/%s", kinds[i]), 1,
                        sizeof path - 1);
        DIR *directory = opendir(path);
        assert_non_null(directory);
        for (struct dirent *item = readdir(directory); item != NULL; item = readdir(directory)) {
            if (!is_case(kinds[i], item->d_name))
                fail_msg("%s/%s is in no table", path, item->d_name);
        }
        closedir(directory);
    }
}

/* --------------------------------------------------------------------------------------- damage */

/* faults.md, "byte flips": every bit of every byte of every codec, and each byte as 00 and FF. */
static void test_entry__rejects_every_flipped_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT(golden_goods); i++) {
        size_t size;
        unsigned char *bytes = golden_build(&size, &golden_goods[i]);
        for (size_t at = 0; at < size; at++) {
            unsigned char was = bytes[at];
            for (unsigned change = 0; change < 10; change++) {
                unsigned char to = (unsigned char)(change < 8    ? was ^ 1U << change
                                                   : change == 8 ? 0
                                                                 : 0xFF);
                bytes[at] = to;
                if (to != was && parse_copy(bytes, size) != LOCACHE_ECORRUPT)
                    fail_msg("%s: byte %zu as %02x is not noticed", golden_goods[i].name, at, to);
            }
            bytes[at] = was;
        }
        free(bytes);
    }
}

static void test_entry__rejects_every_truncation(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT(golden_goods); i++) {
        size_t size;
        unsigned char *bytes = golden_build(&size, &golden_goods[i]);
        for (size_t cut = 0; cut < size; cut++) {
            assert_int_equal(parse_copy(bytes, cut), LOCACHE_ECORRUPT);
            /* Even where the checksum was made right for what is left. */
            unsigned char *left = malloc(cut + 1);
            assert_non_null(left);
            memcpy(left, bytes, cut);
            golden_stamp(left, cut);
            assert_int_equal(parse_copy(left, cut), LOCACHE_ECORRUPT);
            free(left);
        }
        free(bytes);
    }
}

/* What a crash before the data reached the disk can leave: the right length, and zeros from
 * somewhere on. */
static void test_entry__rejects_zeros_from_anywhere_on(void **state)
{
    size_t size;
    (void)state;
    for (size_t from = 0; from < 153; from++) {
        unsigned char *bytes = golden_build(&size, golden_find("cbor"));
        memset(bytes + from, 0, size - from);
        assert_int_equal(parse_copy(bytes, size), LOCACHE_ECORRUPT);
        free(bytes);
    }
}

static void test_entry__error_may_be_null(void **state)
{
    lc_entry entry;
    (void)state;
    assert_int_equal(lc_entry_parse(&entry, (const unsigned char *)"x", 1, NULL), LOCACHE_ECORRUPT);
}

static void test_entry__failure_leaves_out_untouched(void **state)
{
    lc_entry entry = {.created = 42};
    size_t size;
    unsigned char *bytes = golden_build(&size, golden_find("cbor"));
    (void)state;
    bytes[size - 1] ^= 1;
    assert_int_equal(lc_entry_parse(&entry, bytes, size, NULL), LOCACHE_ECORRUPT);
    assert_true(entry.created == 42);
    free(bytes);
}

/* ----------------------------------------------------------------------------------------- peek */

static void test_entry__peek_tells_sizes_before_anything_is_read(void **state)
{
    uint64_t least, table;
    size_t size;
    (void)state;
    unsigned char *bytes = golden_build(&size, golden_find("cbor"));
    assert_int_equal(lc_entry_peek(&least, &table, bytes, NULL), LOCACHE_OK);
    assert_int_equal(table, LC_ENTRY_HEADER);
    assert_int_equal(least, size);
    free(bytes);
    bytes = golden_build(&size, golden_find("many_buffers"));
    assert_int_equal(lc_entry_peek(&least, &table, bytes, NULL), LOCACHE_OK);
    assert_int_equal(table, LC_ENTRY_HEADER + 4 * 8);
    assert_true(least > table && least < size);
    free(bytes);
}

static void test_entry__peek_knows_a_newer_version(void **state)
{
    uint64_t least, table;
    size_t size;
    locache_error error;
    unsigned char *bytes = golden_build(&size, golden_find("cbor"));
    (void)state;
    bytes[8] = 9;
    assert_int_equal(lc_entry_peek(&least, &table, bytes, &error), LOCACHE_EFORMAT);
    assert_non_null(strstr(error.message, "format version 9"));
    free(bytes);
}

static void test_entry__peek_never_announces_more_than_a_file_can_be(void **state)
{
    static const uint64_t lengths[] = {
        0, 1, UINT32_MAX, INT64_MAX - 200, INT64_MAX, UINT64_MAX - 200, UINT64_MAX};
    (void)state;
    for (size_t i = 0; i < GOLDEN_COUNT(lengths); i++) {
        for (size_t j = 0; j < GOLDEN_COUNT(lengths); j++) {
            uint64_t least, table;
            size_t size;
            unsigned char *bytes = golden_build(&size, golden_find("cbor"));
            for (unsigned byte = 0; byte < 8; byte++) {
                bytes[16 + byte] = (unsigned char)(lengths[i] >> (8 * byte));
                bytes[24 + byte] = (unsigned char)(lengths[j] >> (8 * byte));
            }
            if (lc_entry_peek(&least, &table, bytes, NULL) == LOCACHE_OK) {
                assert_true(least <= INT64_MAX);
                assert_true(least - table == lengths[i] + lengths[j]);
            } else {
                assert_true(lengths[i] > INT64_MAX / 2 || lengths[j] > INT64_MAX / 2);
            }
            free(bytes);
        }
    }
}

/* ------------------------------------------------------------------------------------------ MAC */

/* A MAC covers everything but itself and the checksum: with the checksum made right again, parsing
 * finds nothing. */
static void test_entry__mac_covers_every_byte(void **state)
{
    unsigned char mac_key[LC_MAC_KEY_SIZE];
    size_t size;
    unsigned char *bytes = golden_build(&size, golden_find("pickle_mac_buffer"));
    (void)state;
    golden_mac_key(mac_key);
    for (size_t at = 0; at < size; at++) {
        if (at >= 128 && at < 144)
            continue;
        bytes[at] ^= 0x40;
        golden_stamp(bytes, size);
        assert_false(is_authentic(bytes, size, mac_key));
        bytes[at] ^= 0x40;
    }
    golden_stamp(bytes, size);
    assert_true(is_authentic(bytes, size, mac_key));
    free(bytes);
}

static void test_entry__mac_of_another_entry_does_not_verify(void **state)
{
    unsigned char mac_key[LC_MAC_KEY_SIZE];
    size_t size, other_size;
    unsigned char *bytes = golden_build(&size, golden_find("pickle_mac"));
    unsigned char *other = golden_build(&other_size, golden_find("pickle_mac_buffer"));
    (void)state;
    golden_mac_key(mac_key);
    memcpy(bytes + 96, other + 96, LC_MAC_SIZE);
    golden_stamp(bytes, size);
    assert_int_equal(parse_copy(bytes, size), LOCACHE_OK);
    assert_false(is_authentic(bytes, size, mac_key));
    free(bytes);
    free(other);
}

/* --------------------------------------------------------------------------------------- limits */

static void test_entry__what_no_file_holds_has_no_end(void **state)
{
    (void)state;
    assert_true(lc_entry_end_after(LC_ENTRY_HEADER + 1, 10) ==
                2 * LC_ENTRY_ALIGN + LC_ENTRY_ALIGN + 10);
    assert_true(lc_entry_end_after(INT64_MAX, 1) == UINT64_MAX);
    assert_true(lc_entry_end_after(64, INT64_MAX) == UINT64_MAX);
    assert_true(lc_entry_end_after(UINT64_MAX, 0) == UINT64_MAX);
}

static void test_entry__front_size_refuses_what_no_file_holds(void **state)
{
    lc_entry entry = {.codec = LOCACHE_CODEC_RAW};
    (void)state;
    assert_int_equal(lc_entry_front_size(&entry), LC_ENTRY_HEADER);
    entry.key.size = SIZE_MAX;
    assert_int_equal(lc_entry_front_size(&entry), 0);
    entry.key.size = SIZE_MAX / 2;
    entry.body.size = SIZE_MAX / 2;
    assert_int_equal(lc_entry_front_size(&entry), 0);
    entry.key.size = entry.body.size = 0;
    entry.buffer_count = LC_ENTRY_BUFFERS_MAX;
    assert_int_equal(lc_entry_front_size(&entry),
                     LC_ENTRY_HEADER + 8 * (size_t)LC_ENTRY_BUFFERS_MAX);
    entry.buffer_count++;
    assert_int_equal(lc_entry_front_size(&entry), 0);
}

/* As many buffers as there may be: found in one step each, or this takes minutes under valgrind. */
static void test_entry__holds_as_many_buffers_as_allowed(void **state)
{
    lc_entry entry = {.codec = LOCACHE_CODEC_RAW, .buffer_count = LC_ENTRY_BUFFERS_MAX};
    size_t front_size = lc_entry_front_size(&entry);
    unsigned char content[2] = {1, 2};
    size_t size = 0;
    (void)state;
    unsigned char *front = malloc(front_size);
    lc_span *spans = calloc(lc_entry_span_count(&entry), sizeof *spans);
    const void **buffers = calloc(LC_ENTRY_BUFFERS_MAX, sizeof *buffers);
    size_t *sizes = calloc(LC_ENTRY_BUFFERS_MAX, sizeof *sizes);
    if (front == NULL || spans == NULL || buffers == NULL || sizes == NULL)
        abort();
    for (size_t i = 0; i < LC_ENTRY_BUFFERS_MAX; i++) {
        buffers[i] = content;
        sizes[i] = i % 3;
    }
    lc_entry_build(front, spans, &entry, buffers, sizes, NULL);
    for (size_t i = 0; i < lc_entry_span_count(&entry); i++)
        size += spans[i].size;
    unsigned char *file = malloc(size);
    assert_non_null(file);
    size_t at = 0;
    for (size_t i = 0; i < lc_entry_span_count(&entry); i++) {
        if (spans[i].size > 0)
            memcpy(file + at, spans[i].data, spans[i].size);
        at += spans[i].size;
    }
    assert_int_equal(lc_entry_parse(&entry, file, size, NULL), LOCACHE_OK);
    for (uint32_t i = 0; i < LC_ENTRY_BUFFERS_MAX; i++)
        assert_int_equal(lc_entry_buffer(file, &entry, i).size, i % 3);
    free(file);
    free(buffers);
    free(sizes);
    free(spans);
    free(front);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entry__reads_golden_files),
        cmocka_unit_test(test_entry__writes_golden_files_byte_for_byte),
        cmocka_unit_test(test_entry__rejects_golden_bad_files_with_the_status_in_their_name),
        cmocka_unit_test(test_entry__every_golden_file_is_a_case),
        cmocka_unit_test(test_entry__mac_binds_every_bit),
        cmocka_unit_test(test_entry__rejects_every_flipped_byte),
        cmocka_unit_test(test_entry__rejects_every_truncation),
        cmocka_unit_test(test_entry__rejects_zeros_from_anywhere_on),
        cmocka_unit_test(test_entry__error_may_be_null),
        cmocka_unit_test(test_entry__failure_leaves_out_untouched),
        cmocka_unit_test(test_entry__peek_tells_sizes_before_anything_is_read),
        cmocka_unit_test(test_entry__peek_knows_a_newer_version),
        cmocka_unit_test(test_entry__peek_never_announces_more_than_a_file_can_be),
        cmocka_unit_test(test_entry__mac_covers_every_byte),
        cmocka_unit_test(test_entry__mac_of_another_entry_does_not_verify),
        cmocka_unit_test(test_entry__what_no_file_holds_has_no_end),
        cmocka_unit_test(test_entry__front_size_refuses_what_no_file_holds),
        cmocka_unit_test(test_entry__holds_as_many_buffers_as_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
