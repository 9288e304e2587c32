/* The strict CBOR reader: the RFC's examples, every kind of item, and what it refuses. */
#include "format/cbor.h"
#include "reencode.h"
#include "sanitized.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* Tests run in the project's root. */
#define APPENDIX_A "tests/golden/rfc8949/appendix_a.tsv"

static locache_cbor_reader over(const void *data, size_t size)
{
    locache_cbor_reader reader;
    locache_cbor_reader_init(&reader, data, size);
    return reader;
}

/* A reader fails without moving and without touching its output. */
static void assert_refused(const unsigned char *data, size_t size, locache_status expected)
{
    locache_cbor_item item;
    locache_cbor_item before;
    locache_cbor_reader reader = over(data, size);
    const unsigned char *at = reader.at;
    memset(&item, 0xA5, sizeof item);
    memcpy(&before, &item, sizeof item);
    assert_int_equal(locache_cbor_read(&item, &reader), expected);
    assert_memory_equal(&item, &before, sizeof item);
    assert_ptr_equal(reader.at, at);
    assert_int_equal(locache_cbor_skip(&reader), expected);
    assert_ptr_equal(reader.at, at);
    assert_int_equal(lc_cbor_check(data, size), LOCACHE_ECORRUPT);
}

static void assert_identity(const unsigned char *data, size_t size)
{
    locache_cbor_writer writer;
    locache_cbor_reader reader = over(data, size);
    locache_cbor_writer_init(&writer, NULL, 0);
    assert_int_equal(reencode(&writer, &reader), LOCACHE_END);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    assert_int_equal(writer.length, size);
    assert_memory_equal(writer.data, data, size);
    locache_cbor_writer_clear(&writer);
}

static unsigned unhex(unsigned char *out, const char *text, size_t digits)
{
    unsigned value;
    for (size_t i = 0; i < digits / 2; i++) {
        assert_int_equal(sscanf(text + 2 * i, "%2x", &value), 1);
        out[i] = (unsigned char)value;
    }
    return (unsigned)(digits / 2);
}

/* --------------------------------------------------------------------------- the RFC's examples */

/* Calls fn with every row: whether it is in the subset, and the bytes, in a buffer of exactly their
 * size. */
static void each_example(void (*fn)(bool accepted, const unsigned char *data, size_t size))
{
    char line[512];
    unsigned accepted = 0;
    unsigned refused = 0;
    FILE *file = fopen(APPENDIX_A, "r");
    if (file == NULL)
        fail_msg("cannot open %s", APPENDIX_A);
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == '#')
            continue;
        const char *hex = strchr(line, '\t');
        assert_non_null(hex);
        size_t digits = strcspn(++hex, "\t");
        unsigned char *data = malloc(digits / 2);
        assert_non_null(data);
        size_t size = unhex(data, hex, digits);
        bool accept = strncmp(line, "accept\t", 7) == 0;
        assert_true(accept || strncmp(line, "refuse:", 7) == 0);
        *(accept ? &accepted : &refused) += 1;
        fn(accept, data, size);
        free(data);
    }
    fclose(file);
    assert_int_equal(accepted, 61);
    assert_int_equal(refused, 21);
}

static void check_example(bool accepted, const unsigned char *data, size_t size)
{
    locache_cbor_reader reader = over(data, size);
    if (!accepted) {
        assert_int_equal(lc_cbor_check(data, size), LOCACHE_ECORRUPT);
        assert_int_equal(locache_cbor_skip(&reader), LOCACHE_ECORRUPT);
        return;
    }
    assert_int_equal(lc_cbor_check(data, size), LOCACHE_OK);
    assert_int_equal(locache_cbor_skip(&reader), LOCACHE_OK);
    assert_int_equal(locache_cbor_reader_end(&reader), LOCACHE_OK);
    assert_identity(data, size);
}

static void test_cbor_read__rfc8949_examples_round_trip_or_are_refused(void **state)
{
    (void)state;
    each_example(check_example);
}

static void truncate_example(bool accepted, const unsigned char *data, size_t size)
{
    for (size_t length = 0; accepted && length < size; length++) {
        unsigned char *cut = malloc(length ? length : 1);
        assert_non_null(cut);
        memcpy(cut, data, length);
        locache_cbor_reader reader = over(cut, length);
        assert_int_equal(locache_cbor_skip(&reader), length == 0 ? LOCACHE_END : LOCACHE_ECORRUPT);
        assert_int_equal(lc_cbor_check(cut, length), LOCACHE_ECORRUPT);
        free(cut);
    }
}

static void test_cbor_read__every_truncation_is_corrupt(void **state)
{
    (void)state;
    each_example(truncate_example);
}

static void extend_example(bool accepted, const unsigned char *data, size_t size)
{
    unsigned char *longer = malloc(size + 1);
    assert_non_null(longer);
    memcpy(longer, data, size);
    for (unsigned extra = 0; accepted && extra < 256; extra++) {
        longer[size] = (unsigned char)extra;
        locache_cbor_reader reader = over(longer, size + 1);
        assert_int_equal(lc_cbor_check(longer, size + 1), LOCACHE_ECORRUPT);
        assert_int_equal(locache_cbor_skip(&reader), LOCACHE_OK);
        assert_ptr_equal(reader.at, longer + size);
        assert_int_equal(locache_cbor_reader_end(&reader), LOCACHE_ECORRUPT);
    }
    free(longer);
}

static void test_cbor_read__trailing_bytes_are_corrupt(void **state)
{
    (void)state;
    each_example(extend_example);
}

/* ---------------------------------------------------------------------------------------- items */

static void test_cbor_read__items_carry_what_their_kind_says(void **state)
{
    static const unsigned char data[] =
        "\x01\x20\x42\x01\x02\x62hi\x82\xA1\xC1\xF4\xF5\xF6\xF9\x3C\x00\x40\x60";
    static const locache_cbor_item expected[] = {
        {.kind = LOCACHE_KIND_UINT, .number = 1},
        {.kind = LOCACHE_KIND_NEGATIVE, .number = 0},
        {.kind = LOCACHE_KIND_BYTES, .data = data + 3, .size = 2},
        {.kind = LOCACHE_KIND_TEXT, .data = data + 6, .size = 2},
        {.kind = LOCACHE_KIND_ARRAY, .number = 2},
        {.kind = LOCACHE_KIND_MAP, .number = 1},
        {.kind = LOCACHE_KIND_TAG, .number = 1},
        {.kind = LOCACHE_KIND_FALSE},
        {.kind = LOCACHE_KIND_TRUE},
        {.kind = LOCACHE_KIND_NULL},
        {.kind = LOCACHE_KIND_REAL, .real = 1.0},
        {.kind = LOCACHE_KIND_BYTES, .data = data + 18, .size = 0},
        {.kind = LOCACHE_KIND_TEXT, .data = data + 19, .size = 0},
    };
    locache_cbor_reader reader = over(data, sizeof data - 1);
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        locache_cbor_item item;
        memset(&item, 0xA5, sizeof item);
        assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
        assert_int_equal(item.kind, expected[i].kind);
        assert_true(item.number == expected[i].number);
        assert_true(item.real == expected[i].real);
        assert_ptr_equal(item.data, expected[i].data);
        assert_int_equal(item.size, expected[i].size);
    }
    locache_cbor_item item;
    assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_END);
    assert_int_equal(locache_cbor_skip(&reader), LOCACHE_END);
    assert_int_equal(locache_cbor_reader_end(&reader), LOCACHE_OK);
}

static void test_cbor_read__nothing_may_be_null(void **state)
{
    locache_cbor_reader reader = over(NULL, 0);
    locache_cbor_item item;
    (void)state;
    assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_END);
    assert_int_equal(locache_cbor_skip(&reader), LOCACHE_END);
    assert_int_equal(locache_cbor_reader_end(&reader), LOCACHE_OK);
    assert_int_equal(lc_cbor_check(NULL, 0), LOCACHE_ECORRUPT);
}

/* All strings of one byte, of two, and of three with a selection for the third: what is read is
 * written the same. */
static void assert_strict(const unsigned char *data, size_t size)
{
    unsigned char room[64];
    locache_cbor_writer writer;
    locache_cbor_reader reader = over(data, size);
    locache_cbor_writer_init(&writer, room, sizeof room);
    locache_status end = reencode(&writer, &reader);
    if (end != LOCACHE_END && end != LOCACHE_ECORRUPT)
        fail_msg("status %d", (int)end);
    if (locache_cbor_writer_status(&writer) != LOCACHE_OK ||
        writer.length != (size_t)(reader.at - data) || memcmp(room, data, writer.length) != 0)
        fail_msg("%02x %02x %02x (%zu)", data[0], data[1], data[2], size);
}

static void test_cbor_read__short_inputs_are_read_strictly(void **state)
{
    static const unsigned char thirds[] = {0x00, 0x01, 0x17, 0x18, 0x1C, 0x20, 0x40,
                                           0x41, 0x60, 0x61, 0x80, 0x81, 0xA0, 0xA1,
                                           0xC2, 0xE0, 0xF6, 0xF7, 0xF9, 0xFB, 0xFF};
    const unsigned step = watched() ? 7 : 1;
    unsigned char data[3] = {0};
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        data[0] = (unsigned char)first;
        assert_strict(data, 1);
        for (unsigned second = 0; second < 256; second += step) {
            data[1] = (unsigned char)second;
            assert_strict(data, 2);
            for (size_t i = 0; i < sizeof thirds; i++) {
                data[2] = thirds[i];
                assert_strict(data, 3);
            }
        }
    }
}

/* ------------------------------------------------------------------------------------- refusals */

static void refuse(const char *hex)
{
    size_t digits = strlen(hex);
    unsigned char *data = malloc(digits / 2);
    assert_non_null(data);
    size_t size = unhex(data, hex, digits);
    assert_refused(data, size, LOCACHE_ECORRUPT);
    free(data);
}

static void test_cbor_read__reserved_heads_are_corrupt(void **state)
{
    (void)state;
    for (unsigned major = 0; major < 8; major++) {
        for (unsigned low = 28; low < 32; low++) {
            unsigned char data[10] = {
                (unsigned char)(major << 5 | low), 0, 0, 0, 0, 0, 0, 0, 0, 0xFF};
            assert_refused(data, sizeof data, LOCACHE_ECORRUPT);
            assert_refused(data, 1, LOCACHE_ECORRUPT);
        }
    }
}

static void test_cbor_read__simple_values_without_meaning_are_corrupt(void **state)
{
    (void)state;
    for (unsigned low = 0; low < 24; low++) {
        unsigned char data[1] = {(unsigned char)(0xE0 | low)};
        if (low < 20 || low > 22)
            assert_refused(data, 1, LOCACHE_ECORRUPT);
        else
            assert_int_equal(lc_cbor_check(data, 1), LOCACHE_OK);
    }
    for (unsigned value = 0; value < 256; value++) {
        unsigned char data[2] = {0xF8, (unsigned char)value};
        assert_refused(data, 2, LOCACHE_ECORRUPT);
    }
}

/* Content for any head: so many bytes that no length below is too much. */
static unsigned char *head_over(unsigned major, unsigned size, uint64_t argument, size_t content)
{
    unsigned char *data = calloc(1, 1 + size + content);
    assert_non_null(data);
    data[0] = (unsigned char)(major << 5 | (size == 1 ? 24 : size == 2 ? 25 : size == 4 ? 26 : 27));
    for (unsigned i = 0; i < size; i++)
        data[1 + i] = (unsigned char)(argument >> (8 * (size - 1 - i)));
    return data;
}

static void test_cbor_read__longer_heads_than_needed_are_corrupt(void **state)
{
    static const struct {
        unsigned size;
        uint64_t least; /* that needs this size */
    } sizes[] = {{1, 24}, {2, 256}, {4, 65536}, {8, (uint64_t)UINT32_MAX + 1}};
    (void)state;
    for (unsigned major = 0; major < 7; major++) {
        for (size_t i = 0; i < 4; i++) {
            size_t content = major < 2 || major == 6 ? 1 : i == 3 ? 64 : (size_t)sizes[i].least * 2;
            for (uint64_t below = 1; below <= 24; below++) {
                uint64_t argument = below == 24 ? 0 : sizes[i].least - below;
                unsigned char *data = head_over(major, sizes[i].size, argument, content);
                assert_refused(data, 1 + sizes[i].size + content, LOCACHE_ECORRUPT);
                free(data);
            }
            if (i == 3 && major >= 2 && major <= 5)
                continue;
            unsigned char *data = head_over(major, sizes[i].size, sizes[i].least, content);
            locache_cbor_reader reader = over(data, 1 + sizes[i].size + content);
            locache_cbor_item item;
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            free(data);
        }
    }
}

/* A length or a count is accepted only if so much can be there; nobody can be made to allocate by
 * it. */
static void test_cbor_read__lengths_past_the_end_are_corrupt(void **state)
{
    (void)state;
    for (unsigned major = 2; major <= 5; major++) {
        for (size_t content = 0; content < 24; content++) {
            unsigned char data[24] = {0};
            size_t most = major == 5 ? content / 2 : content;
            for (size_t count = 0; count < 24; count++) {
                locache_cbor_item item;
                locache_cbor_reader reader = over(data, 1 + content);
                data[0] = (unsigned char)(major << 5 | count);
                assert_int_equal(locache_cbor_read(&item, &reader),
                                 count <= most ? LOCACHE_OK : LOCACHE_ECORRUPT);
                if (count > most)
                    assert_refused(data, 1 + content, LOCACHE_ECORRUPT);
            }
        }
        for (unsigned bit = 32; bit < 64; bit++) {
            unsigned char *huge = head_over(major, 8, UINT64_C(1) << bit, 30);
            assert_refused(huge, 39, LOCACHE_ECORRUPT);
            free(huge);
            huge = head_over(major, 8, UINT64_MAX - bit, 30);
            assert_refused(huge, 39, LOCACHE_ECORRUPT);
            free(huge);
        }
    }
}

static void test_cbor_read__a_tag_needs_content(void **state)
{
    (void)state;
    refuse("c1");
    refuse("d818");
    refuse("d9c1c0");
    refuse("da00010000");
    refuse("dbffffffffffffffff");
}

static void test_cbor_read__bignums_are_what_no_integer_holds(void **state)
{
    (void)state;
    for (unsigned tag = 2; tag <= 3; tag++) {
        for (size_t size = 0; size < 23; size++) {
            for (int leading = 0; leading < 2; leading++) {
                unsigned char data[25] = {(unsigned char)(0xC0 | tag), (unsigned char)(0x40 | size),
                                          leading ? 0 : 1};
                if (size >= 9 && !leading)
                    assert_int_equal(lc_cbor_check(data, 2 + size), LOCACHE_OK);
                else
                    assert_refused(data, 2 + size, LOCACHE_ECORRUPT);
                if (size > 0)
                    assert_refused(data, 1 + size, LOCACHE_ECORRUPT);
            }
        }
    }
    refuse("c2");
    refuse("c200");
    refuse("c2f6");
    refuse("c269010000000000000000");
    refuse("c289010000000000000000");
    refuse("c258");
    refuse("c25f");
    refuse("c25bffffffffffffffff01");
    refuse("c2c249010000000000000000");
}

static void test_cbor_read__text_must_be_utf8(void **state)
{
    (void)state;
    refuse("6180");
    refuse("61c3");
    refuse("62c328");
    refuse("62c080");
    refuse("63eda080"); /* a surrogate */
    refuse("64f4908080");
    refuse("78186161616161616161616161616161616161616161616161ff");
}

/* --------------------------------------------------------------------------------------- floats */

static uint64_t real_bits(const unsigned char *data, size_t size)
{
    uint64_t bits;
    locache_cbor_item item;
    locache_cbor_reader reader = over(data, size);
    assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
    assert_int_equal(item.kind, LOCACHE_KIND_REAL);
    assert_int_equal(locache_cbor_reader_end(&reader), LOCACHE_OK);
    memcpy(&bits, &item.real, sizeof bits);
    return bits;
}

/* Every binary16 in its own form, and refused in each of the longer ones. */
static void test_cbor_read__half_floats_have_one_form(void **state)
{
    (void)state;
    for (unsigned half = 0; half <= UINT16_MAX; half++) {
        int exponent = (int)(half >> 10 & 31);
        int fraction = (int)(half & 0x3FF);
        unsigned char data[9] = {0xF9, (unsigned char)(half >> 8), (unsigned char)half};
        uint64_t bits = real_bits(data, 3);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (exponent == 31) {
            assert_true(bits == ((uint64_t)(half >> 15) << 63 | UINT64_C(0x7FF) << 52 |
                                 (uint64_t)(unsigned)fraction << 42));
        } else {
            double size =
                exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25);
            assert_true(value == (half >> 15 ? -size : size));
            assert_int_equal(signbit(value) != 0, half >> 15);
        }
        data[0] = 0xFB;
        for (unsigned i = 0; i < 8; i++)
            data[1 + i] = (unsigned char)(bits >> (56 - 8 * i));
        assert_refused(data, 9, LOCACHE_ECORRUPT);
        uint32_t single;
        float narrow = (float)value;
        memcpy(&single, &narrow, sizeof single);
        if (exponent == 31)
            single = half >> 15 << 31 | UINT32_C(0xFF) << 23 | (uint32_t)fraction << 13;
        data[0] = 0xFA;
        for (unsigned i = 0; i < 4; i++)
            data[1 + i] = (unsigned char)(single >> (24 - 8 * i));
        assert_refused(data, 5, LOCACHE_ECORRUPT);
    }
}

static void test_cbor_read__single_floats_have_one_form(void **state)
{
    (void)state;
    for (uint32_t exponent = 0; exponent < 512; exponent++) {
        /* no binary16 has such a fraction, but as a subnormal */
        for (unsigned bit = 0; bit < 13; bit++) {
            uint32_t single = exponent << 23 | UINT32_C(1) << bit;
            unsigned char data[9] = {0xFA};
            for (unsigned i = 0; i < 4; i++)
                data[1 + i] = (unsigned char)(single >> (24 - 8 * i));
            uint64_t bits = real_bits(data, 5);
            if ((exponent & 0xFF) != 0xFF) {
                float narrow;
                double value;
                memcpy(&narrow, &single, sizeof narrow);
                memcpy(&value, &bits, sizeof value);
                assert_true((double)narrow == value);
            } else {
                assert_true(bits == ((uint64_t)(exponent >> 8) << 63 | UINT64_C(0x7FF) << 52 |
                                     UINT64_C(1) << (bit + 29)));
            }
            data[0] = 0xFB;
            for (unsigned i = 0; i < 8; i++)
                data[1 + i] = (unsigned char)(bits >> (56 - 8 * i));
            assert_refused(data, 9, LOCACHE_ECORRUPT);
        }
    }
}

static void test_cbor_read__floats_cut_off_are_corrupt(void **state)
{
    (void)state;
    refuse("f9");
    refuse("f93c");
    refuse("fa");
    refuse("fa47c350");
    refuse("fb3ff19999999999");
}

/* ---------------------------------------------------------------------------------------- depth */

/* `depth` heads, then a 0. */
static unsigned char *nested(const char *head, size_t head_size, size_t depth)
{
    unsigned char *data = malloc(depth * head_size + 1);
    assert_non_null(data);
    for (size_t i = 0; i < depth; i++)
        memcpy(data + i * head_size, head, head_size);
    data[depth * head_size] = 0;
    return data;
}

static void test_cbor_read__depth_is_bounded(void **state)
{
    static const struct {
        const char *head;
        size_t size;
    } heads[] = {{"\x81", 1}, {"\xC1", 1}, {"\xA1\x00", 2}, {"\xD9\xC1\xC0", 3}};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t depth = LOCACHE_DEPTH_MAX - 1; depth <= LOCACHE_DEPTH_MAX + 2; depth++) {
            unsigned char *data = nested(heads[i].head, heads[i].size, depth);
            size_t size = depth * heads[i].size + 1;
            locache_cbor_reader reader = over(data, size);
            locache_status expected = depth <= LOCACHE_DEPTH_MAX ? LOCACHE_OK : LOCACHE_ELIMIT;
            assert_int_equal(lc_cbor_check(data, size), expected);
            assert_int_equal(locache_cbor_skip(&reader), expected);
            assert_ptr_equal(reader.at, expected == LOCACHE_OK ? data + size : data);
            free(data);
        }
    }
}

static void test_cbor_read__what_is_empty_is_not_deeper(void **state)
{
    (void)state;
    unsigned char *data = nested("\x81", 1, LOCACHE_DEPTH_MAX);
    data[LOCACHE_DEPTH_MAX] = 0x80;
    assert_int_equal(lc_cbor_check(data, LOCACHE_DEPTH_MAX + 1), LOCACHE_OK);
    data[LOCACHE_DEPTH_MAX] = 0xA0;
    assert_int_equal(lc_cbor_check(data, LOCACHE_DEPTH_MAX + 1), LOCACHE_OK);
    free(data);
}

static void test_cbor_read__hostile_depth_costs_nothing(void **state)
{
    size_t depth = (size_t)16 << 20;
    (void)state;
    unsigned char *data = nested("\x81", 1, depth);
    assert_int_equal(lc_cbor_check(data, depth + 1), LOCACHE_ELIMIT);
    free(data);
}

static void test_cbor_read__wide_items_are_skipped_whole(void **state)
{
    locache_cbor_writer writer;
    (void)state;
    locache_cbor_writer_init(&writer, NULL, 0);
    locache_cbor_write_map(&writer, 1000);
    for (uint64_t i = 0; i < 1000; i++) {
        locache_cbor_write_uint(&writer, i);
        locache_cbor_write_array(&writer, 3);
        locache_cbor_write_tag(&writer, 1);
        locache_cbor_write_real(&writer, (double)i / 3);
        locache_cbor_write_array(&writer, 0);
        locache_cbor_write_text(&writer, "text", 4);
    }
    size_t whole = writer.length;
    locache_cbor_write_null(&writer);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    locache_cbor_reader reader = over(writer.data, writer.length);
    assert_int_equal(locache_cbor_skip(&reader), LOCACHE_OK);
    assert_ptr_equal(reader.at, writer.data + whole);
    assert_int_equal(lc_cbor_check(writer.data, whole), LOCACHE_OK);
    assert_int_equal(lc_cbor_check(writer.data, whole - 1), LOCACHE_ECORRUPT);
    assert_identity(writer.data, writer.length);
    locache_cbor_writer_clear(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cbor_read__rfc8949_examples_round_trip_or_are_refused),
        cmocka_unit_test(test_cbor_read__every_truncation_is_corrupt),
        cmocka_unit_test(test_cbor_read__trailing_bytes_are_corrupt),
        cmocka_unit_test(test_cbor_read__items_carry_what_their_kind_says),
        cmocka_unit_test(test_cbor_read__nothing_may_be_null),
        cmocka_unit_test(test_cbor_read__short_inputs_are_read_strictly),
        cmocka_unit_test(test_cbor_read__reserved_heads_are_corrupt),
        cmocka_unit_test(test_cbor_read__simple_values_without_meaning_are_corrupt),
        cmocka_unit_test(test_cbor_read__longer_heads_than_needed_are_corrupt),
        cmocka_unit_test(test_cbor_read__lengths_past_the_end_are_corrupt),
        cmocka_unit_test(test_cbor_read__a_tag_needs_content),
        cmocka_unit_test(test_cbor_read__bignums_are_what_no_integer_holds),
        cmocka_unit_test(test_cbor_read__text_must_be_utf8),
        cmocka_unit_test(test_cbor_read__half_floats_have_one_form),
        cmocka_unit_test(test_cbor_read__single_floats_have_one_form),
        cmocka_unit_test(test_cbor_read__floats_cut_off_are_corrupt),
        cmocka_unit_test(test_cbor_read__depth_is_bounded),
        cmocka_unit_test(test_cbor_read__what_is_empty_is_not_deeper),
        cmocka_unit_test(test_cbor_read__hostile_depth_costs_nothing),
        cmocka_unit_test(test_cbor_read__wide_items_are_skipped_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
