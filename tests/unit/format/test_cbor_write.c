/* The CBOR writer: its buffer and its failures, and the shortest form of every item. */
#include "base/text.h"
#include "doubles.h"
#include "sanitized.h"
#include "writer.h"

/* --------------------------------------------------------------------------------------- buffer */

static void test_cbor_write__uses_the_room_until_it_is_full(void **state)
{
    unsigned char room[4];
    locache_cbor_writer own;
    (void)state;
    memset(room, 0xEE, sizeof room);
    locache_cbor_writer_init(&own, room, 3);
    for (uint64_t i = 0; i < 3; i++)
        locache_cbor_write_uint(&own, i);
    assert_ptr_equal(own.data, room);
    assert_false(own.owned);
    assert_int_equal(own.length, 3);
    locache_cbor_write_uint(&own, 3);
    assert_true(own.owned);
    assert_ptr_not_equal(own.data, room);
    assert_int_equal(own.length, 4);
    assert_memory_equal(own.data, "\0\1\2\3", 4);
    assert_int_equal(room[3], 0xEE);
    assert_int_equal(locache_cbor_writer_status(&own), LOCACHE_OK);
    locache_cbor_writer_clear(&own);
    assert_null(own.data);
    assert_int_equal(own.length, 0);
}

static void test_cbor_write__needs_no_room(void **state)
{
    (void)state;
    assert_null(writer.data);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    locache_cbor_write_null(&writer);
    assert_written("f6");
    locache_cbor_writer_clear(&writer);
    locache_cbor_writer_clear(&writer);
    locache_cbor_writer_init(&writer, NULL, 100);
    assert_int_equal(writer.capacity, 0);
    locache_cbor_write_null(&writer);
    assert_written("f6");
}

static void test_cbor_write__reset_keeps_the_memory(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++)
        locache_cbor_write_uint(&writer, i);
    unsigned char *data = writer.data;
    size_t capacity = writer.capacity;
    locache_cbor_writer_reset(&writer);
    assert_int_equal(writer.length, 0);
    assert_ptr_equal(writer.data, data);
    assert_int_equal(writer.capacity, capacity);
    locache_cbor_write_uint(&writer, 1);
    assert_ptr_equal(writer.data, data);
    assert_written("01");
}

static void test_cbor_write__grows_to_any_size(void **state)
{
    (void)state;
    unsigned char chunk[997];
    memset(chunk, 0x5A, sizeof chunk);
    for (int i = 0; i < 3000; i++)
        locache_cbor_write_raw(&writer, chunk, sizeof chunk);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    assert_int_equal(writer.length, 3000 * sizeof chunk);
    for (size_t i = 0; i < writer.length; i++)
        assert_true(writer.data[i] == 0x5A);
}

static void test_cbor_write__refuses_impossible_sizes_without_looking(void **state)
{
    (void)state;
    locache_cbor_write_null(&writer);
    locache_cbor_write_raw(&writer, "", SIZE_MAX);
    assert_fails(LOCACHE_ENOMEM);
    locache_cbor_write_bytes(&writer, "", SIZE_MAX - 1);
    assert_fails(LOCACHE_ENOMEM);
    locache_cbor_write_raw(&writer, "", SIZE_MAX / 2);
    assert_fails(LOCACHE_ENOMEM);
}

static void write_one_of_each(locache_cbor_writer *into)
{
    static const unsigned char magnitude[10] = {1};
    locache_cbor_write_map(into, 2);
    locache_cbor_write_text(into, "a", 1);
    locache_cbor_write_int(into, -1000);
    locache_cbor_write_bytes(into, "xyz", 3);
    locache_cbor_write_array(into, 8);
    locache_cbor_write_uint(into, 1 << 20);
    locache_cbor_write_bigint(into, false, magnitude, 10);
    locache_cbor_write_bigint(into, true, magnitude, 10);
    locache_cbor_write_real(into, 1.1);
    locache_cbor_write_bool(into, true);
    locache_cbor_write_null(into);
    locache_cbor_write_tag(into, LOCACHE_TAG_SET);
    locache_cbor_write_array(into, 2);
    size_t start = into->length;
    locache_cbor_write_int(into, 2);
    locache_cbor_write_int(into, 1);
    locache_cbor_write_sorted(into, start, 1);
    locache_cbor_write_raw(into, "\xF6", 1);
}

/* Whatever comes after a failure is ignored, and what was there before it stays. */
static void test_cbor_write__keeps_the_first_failure(void **state)
{
    (void)state;
    locache_cbor_write_uint(&writer, 7);
    locache_cbor_write_text(&writer, "\xFF", 1);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_EINVAL);
    write_one_of_each(&writer);
    locache_cbor_write_sorted(&writer, 99, 0);
    locache_cbor_write_raw(&writer, "", SIZE_MAX);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_EINVAL);
    assert_int_equal(writer.length, 1);
    assert_int_equal(writer.data[0], 7);
}

static void test_cbor_write__fails_cleanly_at_every_allocation(void **state)
{
    bool failed = true;
    (void)state;
    for (size_t room_size = 0; room_size < 100; room_size += 9) {
        failed = true;
        for (int n = 1; failed; n++) {
            unsigned char room[100];
            locache_cbor_writer own;
            locache_cbor_writer_init(&own, room, room_size);
            fault_set("alloc", n, ENOMEM);
            write_one_of_each(&own);
            failed = fault_clear();
            assert_int_equal(locache_cbor_writer_status(&own),
                             failed ? LOCACHE_ENOMEM : LOCACHE_OK);
            if (!failed)
                assert_int_equal(lc_cbor_check(own.data, own.length), LOCACHE_OK);
            locache_cbor_writer_clear(&own);
        }
    }
}

static void test_cbor_write__can_go_on_after_memory_ran_out(void **state)
{
    unsigned char chunk[600] = {0};
    (void)state;
    locache_cbor_write_uint(&writer, 7);
    fault_set("alloc", 1, ENOMEM);
    locache_cbor_write_raw(&writer, chunk, sizeof chunk);
    assert_true(fault_clear());
    assert_fails(LOCACHE_ENOMEM);
    locache_cbor_write_raw(&writer, chunk, sizeof chunk);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    assert_int_equal(writer.length, sizeof chunk);
}

/* --------------------------------------------------------------------------- heads and integers */

static const struct {
    uint64_t value;
    const char *argument; /* after the major type: low five bits, then the bytes that follow */
    unsigned low;
} heads[] = {
    {0, "", 0},
    {1, "", 1},
    {23, "", 23},
    {24, "18", 24},
    {255, "ff", 24},
    {256, "0100", 25},
    {65535, "ffff", 25},
    {65536, "00010000", 26},
    {UINT32_MAX, "ffffffff", 26},
    {(uint64_t)UINT32_MAX + 1, "0000000100000000", 27},
    {INT64_MAX, "7fffffffffffffff", 27},
    {(uint64_t)INT64_MAX + 1, "8000000000000000", 27},
    {UINT64_MAX, "ffffffffffffffff", 27},
};
enum { HEAD_COUNT = sizeof heads / sizeof *heads };

static void assert_head(unsigned major, size_t i)
{
    char expected[32];
    snprintf(expected, sizeof expected, "%02x%s", major << 5 | heads[i].low, heads[i].argument);
    assert_written(expected);
}

static void test_cbor_write__heads_are_the_shortest(void **state)
{
    (void)state;
    for (size_t i = 0; i < HEAD_COUNT; i++) {
        uint64_t value = heads[i].value;
        locache_cbor_write_uint(&writer, value);
        assert_head(0, i);
        locache_cbor_write_array(&writer, value);
        assert_head(4, i);
        locache_cbor_write_map(&writer, value);
        assert_head(5, i);
        locache_cbor_write_tag(&writer, value);
        assert_head(6, i);
        if (value <= INT64_MAX) {
            locache_cbor_write_int(&writer, (int64_t)value);
            assert_head(0, i);
            locache_cbor_write_int(&writer, -1 - (int64_t)value);
            assert_head(1, i);
        }
    }
}

static void test_cbor_write__heads_of_strings_are_the_shortest(void **state)
{
    static char text[70000];
    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t size = 0; size < sizeof text;
         size += size < 300 || (size > 65500 && size < 65600) ? 1 : 100) {
        size_t head = size < 24 ? 1 : size < 256 ? 2 : size < 65536 ? 3 : 5;
        locache_cbor_write_bytes(&writer, text, size);
        assert_int_equal(writer.length, head + size);
        assert_int_equal(writer.data[0] >> 5, 2);
        assert_memory_equal(writer.data + head, text, size);
        assert_int_equal(lc_cbor_check(writer.data, writer.length), LOCACHE_OK);
        locache_cbor_writer_reset(&writer);
        locache_cbor_write_text(&writer, text, size);
        assert_int_equal(writer.length, head + size);
        assert_int_equal(writer.data[0] >> 5, 3);
        assert_int_equal(lc_cbor_check(writer.data, writer.length), LOCACHE_OK);
        locache_cbor_writer_reset(&writer);
    }
}

static void test_cbor_write__simple_values(void **state)
{
    (void)state;
    locache_cbor_write_bool(&writer, false);
    locache_cbor_write_bool(&writer, true);
    locache_cbor_write_null(&writer);
    assert_written("f4f5f6");
}

static void test_cbor_write__empty_strings_may_be_null(void **state)
{
    (void)state;
    locache_cbor_write_bytes(&writer, NULL, 0);
    locache_cbor_write_text(&writer, NULL, 0);
    locache_cbor_write_raw(&writer, NULL, 0);
    assert_written("4060");
}

static void test_cbor_write__bigint_edges(void **state)
{
    static const struct {
        const char *magnitude;
        size_t size;
        const char *positive, *negative;
    } all[] = {
        {"", 0, "00", "00"},
        {"\0\0", 2, "00", "00"},
        {"\1", 1, "01", "20"},
        {"\0\0\0\0\0\0\0\0\0\0\0\1", 12, "01", "20"},
        {"\x18", 1, "1818", "37"},
        {"\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8, "1b7fffffffffffffff", "3b7ffffffffffffffe"},
        {"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8, "1bffffffffffffffff", "3bfffffffffffffffe"},
        {"\1\0\0\0\0\0\0\0\0", 9, "c249010000000000000000", "3bffffffffffffffff"},
        {"\0\1\0\0\0\0\0\0\0\0", 10, "c249010000000000000000", "3bffffffffffffffff"},
        {"\1\0\0\0\0\0\0\0\1", 9, "c249010000000000000001", "c349010000000000000000"},
        {"\2\0\0\0\0\0\0\0\0", 9, "c249020000000000000000", "c34901ffffffffffffffff"},
        {"\1\0\0\0\0\0\0\0\0\0", 10, "c24a01000000000000000000", "c349ffffffffffffffffff"},
        {"\1\0\0\0\0\0\0\0\1\0", 10, "c24a01000000000000000100", "c34a010000000000000000ff"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        locache_cbor_write_bigint(&writer, false, all[i].magnitude, all[i].size);
        assert_written(all[i].positive);
        locache_cbor_write_bigint(&writer, true, all[i].magnitude, all[i].size);
        assert_written(all[i].negative);
    }
}

/* Adding one to what a negative one holds gives its magnitude back, for every size and every run of
 * trailing zeros. */
static void test_cbor_write__bigint_of_every_size(void **state)
{
    enum { LARGEST = 300 };
    (void)state;
    random_start();
    for (size_t size = 9; size <= LARGEST; size++) {
        for (size_t zeros = 0; zeros < size; zeros += zeros < 12 ? 1 : 37) {
            unsigned char magnitude[LARGEST];
            unsigned char expected[LARGEST];
            locache_cbor_reader reader;
            locache_cbor_item item;
            for (size_t i = 0; i < size; i++)
                magnitude[i] = i < size - zeros ? (unsigned char)random_next() : 0;
            magnitude[0] |= 2;
            memcpy(expected, magnitude, size);
            locache_cbor_write_bigint(&writer, false, magnitude, size);
            locache_cbor_write_bigint(&writer, true, magnitude, size);
            assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
            locache_cbor_reader_init(&reader, writer.data, writer.length);
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            assert_int_equal(item.number, LOCACHE_TAG_BIGNUM);
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            assert_int_equal(item.size, size);
            assert_memory_equal(item.data, magnitude, size);
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            assert_int_equal(item.number, LOCACHE_TAG_BIGNUM_NEG);
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            for (size_t i = size; i > 0; i--) { /* minus one, by hand */
                if (expected[i - 1]-- != 0)
                    break;
            }
            assert_int_equal(item.size, size);
            assert_memory_equal(item.data, expected, size);
            assert_int_equal(locache_cbor_reader_end(&reader), LOCACHE_OK);
            locache_cbor_writer_reset(&writer);
        }
    }
}

/* --------------------------------------------------------------------------------------- floats */

/* What a binary16 means, by RFC 8949's Appendix D and IEEE 754: arithmetic, where the library
 * shifts bits. */
static double half_value(unsigned half)
{
    int exponent = (int)(half >> 10 & 31);
    int fraction = (int)(half & 0x3FF);
    double value;
    if (exponent == 31 && fraction != 0)
        return from_bits((uint64_t)(half >> 15) << 63 | UINT64_C(0x7FF) << 52 |
                         (uint64_t)fraction << 42);
    if (exponent == 31)
        value = INFINITY;
    else
        value = exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25);
    return half >> 15 ? -value : value;
}

static void test_cbor_write__every_half_float_is_written_as_one(void **state)
{
    (void)state;
    for (unsigned half = 0; half <= UINT16_MAX; half++) {
        locache_cbor_write_real(&writer, half_value(half));
        assert_int_equal(writer.length, 3);
        assert_int_equal(writer.data[0], 0xF9);
        assert_int_equal(writer.data[1] << 8 | writer.data[2], half);
        locache_cbor_writer_reset(&writer);
    }
}

static bool is_half(uint64_t bits)
{
    static bool ready;
    static uint64_t halves[65536];
    if (!ready) {
        for (unsigned half = 0; half <= UINT16_MAX; half++)
            halves[half] = to_bits(half_value(half));
        ready = true;
    }
    /* Positive ones, then negative ones, both in ascending order of their bits. */
    size_t low = 0;
    size_t high = 65536;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (halves[middle] <= bits)
            low = middle;
        else
            high = middle;
    }
    return halves[low] == bits;
}

/* The bits of a binary32 NaN would not survive a conversion. */
static uint64_t single_bits(uint32_t single)
{
    float value;
    if ((single >> 23 & 0xFF) == 0xFF)
        return (uint64_t)(single >> 31) << 63 | UINT64_C(0x7FF) << 52 |
               (uint64_t)(single & 0x7FFFFF) << 29;
    memcpy(&value, &single, sizeof value);
    return to_bits((double)value);
}

static void assert_single(uint32_t single)
{
    uint64_t encoding = 0;
    uint64_t bits = single_bits(single);
    unsigned size = lc_real_shortest(&encoding, bits);
    if (is_half(bits)) {
        assert_int_equal(size, 2);
    } else {
        assert_int_equal(size, 4);
        assert_int_equal(encoding, single);
    }
}

static void test_cbor_write__single_floats_are_written_as_such(void **state)
{
    (void)state;
    const uint32_t step = watched() ? 17 : 1;
    random_start();
    for (uint32_t exponent = 0; exponent < 512; exponent += step) { /* with the sign */
        for (uint32_t bit = 0; bit <= 23; bit++) {
            uint32_t fraction = (UINT32_C(1) << bit) & 0x7FFFFF;
            assert_single(exponent << 23 | fraction);
            assert_single(exponent << 23 | ((fraction - 1) & 0x7FFFFF));
            assert_single(exponent << 23 | (~fraction & 0x7FFFFF));
            assert_single(exponent << 23 | (uint32_t)(random_next() & 0x7FFFFF));
            assert_single(exponent << 23 | (uint32_t)(random_next() & 0x7FE000));
        }
    }
}

static bool is_single(uint64_t bits)
{
    if ((bits >> 52 & 0x7FF) == 0x7FF)
        return (bits & 0x1FFFFFFF) == 0;
    double value = from_bits(bits);
    return fabs(value) <= 3.4028234663852886e+38 && (double)(float)value == value;
}

static void assert_double(uint64_t bits)
{
    uint64_t encoding = 0;
    unsigned size = lc_real_shortest(&encoding, bits);
    assert_int_equal(size, is_half(bits) ? 2 : is_single(bits) ? 4 : 8);
    if (size == 8)
        assert_true(encoding == bits);
}

static void test_cbor_write__doubles_are_written_as_short_as_they_can_be(void **state)
{
    (void)state;
    const uint64_t step = watched() ? 67 : 1;
    random_start();
    for (uint64_t exponent = 0; exponent < 4096; exponent += step) { /* with the sign */
        for (unsigned bit = 0; bit <= 52; bit++) {
            uint64_t fraction = (UINT64_C(1) << bit) & 0xFFFFFFFFFFFFF;
            assert_double(exponent << 52 | fraction);
            assert_double(exponent << 52 | ((fraction - 1) & 0xFFFFFFFFFFFFF));
            assert_double(exponent << 52 | (~fraction & 0xFFFFFFFFFFFFF));
            assert_double(exponent << 52 | (~(fraction - 1) & 0xFFFFFFFFFFFFF));
            assert_double(exponent << 52 | (random_next() & 0xFFFFFFFFFFFFF));
        }
    }
}

static void test_cbor_write__nans_keep_their_bits(void **state)
{
    static const struct {
        uint64_t bits;
        const char *hex;
    } all[] = {
        {UINT64_C(0x7FF8000000000000), "f97e00"},
        {UINT64_C(0xFFF8000000000000), "f9fe00"},
        {UINT64_C(0x7FF0040000000000), "f97c01"}, /* signalling */
        {UINT64_C(0x7FF0000020000000), "fa7f800001"},
        {UINT64_C(0x7FFFFFFFE0000000), "fa7fffffff"},
        {UINT64_C(0x7FF0000000000001), "fb7ff0000000000001"},
        {UINT64_C(0xFFF8000000000001), "fbfff8000000000001"},
        {UINT64_C(0x7FF0000000000000), "f97c00"}, /* infinity, not one of them */
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        locache_cbor_write_real(&writer, from_bits(all[i].bits));
        assert_written(all[i].hex);
    }
}

static void test_cbor_write__zeros_keep_their_sign(void **state)
{
    (void)state;
    locache_cbor_write_real(&writer, 0.0);
    locache_cbor_write_real(&writer, -0.0);
    assert_written("f90000f98000");
}

/* ----------------------------------------------------------------------------------------- text */

static size_t utf8_of(unsigned char out[4], uint32_t point)
{
    if (point < 0x80) {
        out[0] = (unsigned char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        out[i] = (unsigned char)(0x80 | (point & 63));
    out[0] = (unsigned char)((size == 2 ? 0xC0 : size == 3 ? 0xE0 : 0xF0) | point);
    return size;
}

static void test_cbor_write__every_code_point_but_surrogates_is_text(void **state)
{
    unsigned char text[4];
    const uint32_t step = watched() ? 101 : 1;
    (void)state;
    for (uint32_t point = 0; point < 0x200000; point += step) {
        size_t size = utf8_of(text, point);
        bool valid = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
        if (lc_text_is_utf8(text, size) != valid)
            fail_msg("U+%X", (unsigned)point);
        for (size_t cut = 1; cut < size; cut++) {
            if (lc_text_is_utf8(text, cut) || lc_text_is_utf8(text + cut, size - cut))
                fail_msg("U+%X cut at %zu", (unsigned)point, cut);
        }
    }
}

/* Every string of two bytes, and of three and four with the bytes that matter in their places,
 * against the definition: valid is what is the encoding of some code points. */
static bool is_encoding(const unsigned char *text, size_t size)
{
    while (size > 0) {
        unsigned char again[4];
        uint32_t point = text[0];
        size_t length = point < 0x80 ? 1 : point < 0xE0 ? 2 : point < 0xF0 ? 3 : 4;
        if (length > size)
            return false;
        if (length > 1)
            point &= 0x7FU >> length;
        for (size_t i = 1; i < length; i++)
            point = point << 6 | (text[i] & 63);
        if (point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
            return false;
        if (utf8_of(again, point) != length || memcmp(again, text, length) != 0)
            return false;
        text += length;
        size -= length;
    }
    return true;
}

static void test_cbor_write__utf8_is_what_encodes_code_points(void **state)
{
    static const unsigned char edges[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0,
                                          0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xFF};
    const unsigned step = watched() ? 15 : 1;
    (void)state;
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second += step) {
            unsigned char text[4] = {(unsigned char)first, (unsigned char)second};
            assert_int_equal(lc_text_is_utf8(text, 2), is_encoding(text, 2));
            for (size_t i = 0; i < sizeof edges; i++) {
                text[2] = edges[i];
                assert_int_equal(lc_text_is_utf8(text, 3), is_encoding(text, 3));
                for (size_t j = 0; j < sizeof edges; j++) {
                    text[3] = edges[j];
                    assert_int_equal(lc_text_is_utf8(text, 4), is_encoding(text, 4));
                }
            }
        }
    }
}

/* Plain ASCII is passed over in words: a bad byte is found wherever it is in one. */
static void test_cbor_write__text_is_checked_at_every_offset(void **state)
{
    char text[40];
    (void)state;
    for (size_t size = 1; size <= sizeof text; size++) {
        memset(text, 'x', sizeof text);
        assert_true(lc_text_is_utf8((unsigned char *)text, size));
        for (size_t at = 0; at < size; at++) {
            text[at] = '\x80';
            locache_cbor_write_text(&writer, text, size);
            assert_fails(LOCACHE_EINVAL);
            text[at] = 'x';
            if (at + 2 <= size) {
                memcpy(text + at, "\xC3\xA9", 2);
                locache_cbor_write_text(&writer, text, size);
                assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
                locache_cbor_writer_reset(&writer);
                memcpy(text + at, "xx", 2);
            }
        }
    }
    locache_cbor_write_text(&writer, "a\0b", 3);
    assert_written("63610062");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITE_TEST(test_cbor_write__uses_the_room_until_it_is_full),
        WRITE_TEST(test_cbor_write__needs_no_room),
        WRITE_TEST(test_cbor_write__reset_keeps_the_memory),
        WRITE_TEST(test_cbor_write__grows_to_any_size),
        WRITE_TEST(test_cbor_write__refuses_impossible_sizes_without_looking),
        WRITE_TEST(test_cbor_write__keeps_the_first_failure),
        WRITE_TEST(test_cbor_write__fails_cleanly_at_every_allocation),
        WRITE_TEST(test_cbor_write__can_go_on_after_memory_ran_out),
        WRITE_TEST(test_cbor_write__heads_are_the_shortest),
        WRITE_TEST(test_cbor_write__heads_of_strings_are_the_shortest),
        WRITE_TEST(test_cbor_write__simple_values),
        WRITE_TEST(test_cbor_write__empty_strings_may_be_null),
        WRITE_TEST(test_cbor_write__bigint_edges),
        WRITE_TEST(test_cbor_write__bigint_of_every_size),
        WRITE_TEST(test_cbor_write__every_half_float_is_written_as_one),
        WRITE_TEST(test_cbor_write__single_floats_are_written_as_such),
        WRITE_TEST(test_cbor_write__doubles_are_written_as_short_as_they_can_be),
        WRITE_TEST(test_cbor_write__nans_keep_their_bits),
        WRITE_TEST(test_cbor_write__zeros_keep_their_sign),
        WRITE_TEST(test_cbor_write__every_code_point_but_surrogates_is_text),
        WRITE_TEST(test_cbor_write__utf8_is_what_encodes_code_points),
        WRITE_TEST(test_cbor_write__text_is_checked_at_every_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
