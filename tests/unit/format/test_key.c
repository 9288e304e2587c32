/* File names, made of the bytes of a key: scalars, text, labels, and back. */
#include "base/hash.h"
#include "base/text.h"
#include "format/name.h"
#include "locache.h"
#include "sanitized.h"
#include "unname.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* -------------------------------------------------------------------------------------- helpers */

typedef struct key_under_test {
    locache_cbor_writer writer;
    unsigned char room[256];
    char name[LOCACHE_NAME_MAX + 1];
} key_under_test;

static void begin(key_under_test *key, uint64_t count)
{
    locache_cbor_writer_init(&key->writer, key->room, sizeof key->room);
    locache_key_begin(&key->writer, count);
}

/* f(x=...): the value is to follow. */
static locache_cbor_writer *begin_x(key_under_test *key)
{
    begin(key, 1);
    locache_key_name(&key->writer, "x", 1);
    return &key->writer;
}

static const char *finish(key_under_test *key)
{
    assert_int_equal(locache_cbor_writer_status(&key->writer), LOCACHE_OK);
    assert_int_equal(locache_key_filename(key->name, key->writer.data, key->writer.length),
                     LOCACHE_OK);
    if (unname_complaint(key->name) != NULL)
        fail_msg("%s: %s", key->name, unname_complaint(key->name));
    locache_cbor_writer_clear(&key->writer);
    return key->name;
}

static void assert_name(key_under_test *key, const char *expected)
{
    assert_string_equal(finish(key), expected);
}

/* A name that ends in the hash of its key, whatever that is. */
static void assert_hashed(key_under_test *key, const char *expected)
{
    locache_id id;
    char hash[2 * sizeof id.bytes + 1];
    locache_id_of(&id, key->writer.data, key->writer.length);
    lc_text_hex(hash, id.bytes, sizeof id.bytes);
    finish(key);
    size_t prefix = strlen(expected);
    assert_int_equal(strlen(key->name), prefix + LC_NAME_HASH);
    assert_memory_equal(key->name, expected, prefix);
    assert_int_equal(key->name[prefix], '~');
    assert_string_equal(key->name + prefix + 1, hash);
}

static void assert_text_name(const char *text, const char *expected)
{
    key_under_test key;
    locache_cbor_write_text(begin_x(&key), text, strlen(text));
    assert_name(&key, expected);
}

static void assert_real_name(double value, const char *expected)
{
    key_under_test key;
    locache_cbor_write_real(begin_x(&key), value);
    assert_name(&key, expected);
}

static void assert_no_key(const void *data, size_t size, locache_status expected)
{
    char name[LOCACHE_NAME_MAX + 1];
    unsigned char *exact = malloc(size > 0 ? size : 1);
    assert_non_null(exact);
    memcpy(exact, data, size);
    assert_int_equal(locache_key_filename(name, exact, size), expected);
    free(exact);
}

/* -------------------------------------------------------------------------------------- scalars */

static void test_key__no_arguments(void **state)
{
    key_under_test key;
    (void)state;
    begin(&key, 0);
    assert_name(&key, "_");
}

static void test_key__pairs_in_order(void **state)
{
    key_under_test key;
    (void)state;
    begin(&key, 2);
    locache_key_name(&key.writer, "x", 1);
    locache_cbor_write_int(&key.writer, 1);
    locache_key_name(&key.writer, "num", 3);
    locache_cbor_write_int(&key.writer, 3);
    assert_name(&key, "x=1_num=3");
}

static void test_key__integers_of_any_size(void **state)
{
    static const unsigned char two_to_64[] = {1, 0, 0, 0, 0, 0, 0, 0, 0};
    static const unsigned char over_64[] = {1, 0, 0, 0, 0, 0, 0, 0, 1};
    key_under_test key;
    (void)state;
    locache_cbor_write_int(begin_x(&key), 0);
    assert_name(&key, "x=0");
    locache_cbor_write_int(begin_x(&key), INT64_MIN);
    assert_name(&key, "x=-9223372036854775808");
    locache_cbor_write_uint(begin_x(&key), UINT64_MAX);
    assert_name(&key, "x=18446744073709551615");
    locache_cbor_write_bigint(begin_x(&key), true, two_to_64, sizeof two_to_64);
    assert_name(&key, "x=-18446744073709551616");
    locache_cbor_write_bigint(begin_x(&key), false, two_to_64, sizeof two_to_64);
    assert_name(&key, "x=18446744073709551616");
    locache_cbor_write_bigint(begin_x(&key), true, over_64, sizeof over_64);
    assert_name(&key, "x=-18446744073709551617");
}

/* 138 digits fit with "x=", 139 do not. */
static void test_key__longest_integers(void **state)
{
    char digits[140];
    char expected[LOCACHE_NAME_MAX + 1];
    unsigned char magnitude[160];
    key_under_test key;
    (void)state;
    memset(digits, '9', sizeof digits);
    unname_magnitude(magnitude, digits, 138);
    locache_cbor_write_bigint(begin_x(&key), false, magnitude, UNNAME_BYTES);
    assert_int_equal(snprintf(expected, sizeof expected, "x=%.138s", digits), 140);
    assert_name(&key, expected);
    unname_magnitude(magnitude, digits, 139);
    locache_cbor_write_bigint(begin_x(&key), false, magnitude, UNNAME_BYTES);
    assert_int_equal(snprintf(expected, sizeof expected, "x=%.105s", digits), LC_NAME_PREFIX);
    assert_hashed(&key, expected);
    memset(magnitude, 0xFF, sizeof magnitude);
    locache_cbor_write_bigint(begin_x(&key), true, magnitude, sizeof magnitude);
    assert_hashed(&key, "x=bigint.160");
}

static void test_key__reals_as_python_writes_them(void **state)
{
    (void)state;
    assert_real_name(0.0, "x=0.0");
    assert_real_name(-0.0, "x=-0.0");
    assert_real_name(1.0, "x=1.0");
    assert_real_name(0.1, "x=0.1");
    assert_real_name(0.1 + 0.2, "x=0.30000000000000004");
    assert_real_name(1e15, "x=1000000000000000.0");
    assert_real_name(9999999999999998.0, "x=9999999999999998.0");
    assert_real_name(1e16, "x=1e+16");
    assert_real_name(123456789012345680.0, "x=1.2345678901234568e+17");
    assert_real_name(1e100, "x=1e+100");
    assert_real_name(0.0001, "x=0.0001");
    assert_real_name(0.00001, "x=1e-05");
    assert_real_name(1.5e-7, "x=1.5e-07");
    assert_real_name(5e-324, "x=5e-324");
    assert_real_name(2.2250738585072014e-308, "x=2.2250738585072014e-308");
    assert_real_name(1.7976931348623157e308, "x=1.7976931348623157e+308");
    /* 2^-44: the nearest 16 digits do not read back, the next ones up do. */
    assert_real_name(0x1p-44, "x=5.684341886080802e-14");
    assert_real_name(HUGE_VAL, "x=inf");
    assert_real_name(-HUGE_VAL, "x=-inf");
    assert_real_name((double)NAN, "x=nan");
}

static void test_key__nan_with_payload_is_another_key(void **state)
{
    static const unsigned char negative[] = {0xF9, 0xFE, 0x00};
    key_under_test key;
    (void)state;
    locache_cbor_write_raw(begin_x(&key), negative, sizeof negative);
    assert_hashed(&key, "x=nan");
}

static void test_key__constants(void **state)
{
    key_under_test key;
    (void)state;
    locache_cbor_write_null(begin_x(&key));
    assert_name(&key, "x=None");
    locache_cbor_write_bool(begin_x(&key), true);
    assert_name(&key, "x=True");
    locache_cbor_write_bool(begin_x(&key), false);
    assert_name(&key, "x=False");
}

/* ----------------------------------------------------------------------------------------- text */

static void test_key__text_is_bare(void **state)
{
    (void)state;
    assert_text_name("", "x=");
    assert_text_name("abc", "x=abc");
    assert_text_name("A", "x=A");
    assert_text_name("a", "x=a");
    assert_text_name("me@example.org", "x=me@example.org");
    assert_text_name("2024-02-29", "x=2024-02-29");
    assert_text_name("-", "x=-");
    assert_text_name("..", "x=..");
}

static void test_key__text_escapes(void **state)
{
    (void)state;
    assert_text_name("%", "x=%25");
    assert_text_name("%31", "x=%2531");
    assert_text_name("a_b=c~d", "x=a%5Fb%3Dc%7Ed");
    assert_text_name("/etc/passwd", "x=%2Fetc%2Fpasswd");
    assert_text_name("two words\n", "x=two%20words%0A");
    assert_text_name("caf\xC3\xA9", "x=caf%C3%A9");
    assert_text_name("\xF0\x9F\x98\x80", "x=%F0%9F%98%80");
    assert_text_name("\x01\x7F", "x=%01%7F");
    key_under_test key;
    locache_cbor_write_text(begin_x(&key), "a\0b", 3);
    assert_name(&key, "x=a%00b");
}

static void test_key__text_that_looks_like_a_literal(void **state)
{
    static const char *const literals[] = {
        "1",        "-1",   "+1",        "007",  "1.0",  "1.",   ".5",  "+.5e-3",
        "1e5",      "1E5",  "1e+05",     "1.e5", "None", "True", "inf", "False",
        "Infinity", "-inf", "+INFINITY", "nan",  "NaN",  "-nAn", "00",  "1234567890123456789012",
    };
    static const char *const others[] = {
        "1e",   "e5",      ".",    "+",     "-.",   "1.2.3", "1-2",  "+-1",
        "infi", "infinit", "nano", "none",  "TRUE", "0x1",   "0b10", "1,5",
        "1+2",  "1j",      ".e5",  "1e5.0", "1e+",  "in",    "n",    "Nonee",
    };
    (void)state;
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "x=%%%02X%s", (unsigned)literals[i][0],
                       literals[i] + 1);
        assert_text_name(literals[i], expected);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char expected[64];
        (void)snprintf(expected, sizeof expected, "x=%s", others[i]);
        assert_text_name(others[i], expected);
    }
    /* What Python reads as a number but is escaped anyway. */
    assert_text_name(" 1", "x=%201");
    assert_text_name("1_000", "x=1%5F000");
}

/* --------------------------------------------------------------------------------------- labels */

static void assert_label_name(const char *label, const char *expected)
{
    key_under_test key;
    begin(&key, 1);
    locache_key_name(&key.writer, label, strlen(label));
    locache_cbor_write_int(&key.writer, 1);
    assert_name(&key, expected);
}

static void test_key__labels(void **state)
{
    key_under_test key;
    (void)state;
    assert_label_name("", "=1");
    assert_label_name("_", "_=1");
    assert_label_name("my_name", "my_name=1");
    assert_label_name("\xC3\xA9t\xC3\xA9", "\xC3\xA9t\xC3\xA9=1");
    assert_label_name("a b", "a%20b=1");
    assert_label_name("a=b", "a%3Db=1");
    assert_label_name(".hidden", "%2Ehidden=1");
    assert_label_name("-rf", "%2Drf=1");
    assert_label_name("~", "%7E=1");
    assert_label_name("../x", "%2E%2E%2Fx=1");
    begin(&key, 2);
    locache_key_index(&key.writer, 0);
    locache_cbor_write_int(&key.writer, 7);
    locache_key_index(&key.writer, 10);
    locache_cbor_write_int(&key.writer, 8);
    assert_name(&key, "0=7_10=8");
}

/* f(**{"0": 1}) is not f(1). */
static void test_key__label_of_digits_is_no_position(void **state)
{
    (void)state;
    assert_label_name("0", "%30=1");
    assert_label_name("12", "%312=1");
    assert_label_name("x1", "x1=1");
}

/* ------------------------------------------------------------------------------ hash and length */

static void test_key__other_values_by_hash_with_a_hint(void **state)
{
    key_under_test key;
    (void)state;
    locache_cbor_write_bytes(begin_x(&key), "0123456789", 10);
    assert_hashed(&key, "x=bytes.10");
    locache_cbor_write_array(begin_x(&key), 0);
    assert_hashed(&key, "x=list.0");
    begin_x(&key);
    locache_cbor_write_tag(&key.writer, LOCACHE_TAG_TUPLE);
    locache_cbor_write_array(&key.writer, 2);
    locache_cbor_write_int(&key.writer, 1);
    locache_cbor_write_text(&key.writer, "a", 1);
    assert_hashed(&key, "x=tuple.2");
    begin(&key, 2);
    locache_key_name(&key.writer, "when", 4);
    locache_cbor_write_tag(&key.writer, LOCACHE_TAG_DATE);
    locache_cbor_write_text(&key.writer, "2024-02-29", 10);
    locache_key_name(&key.writer, "n", 1);
    locache_cbor_write_int(&key.writer, 3);
    assert_hashed(&key, "when=date.2024-02-29_n=3");
}

/* The prefix ends where the last whole atom does that leaves room for the hash. */
static void test_key__cuts_between_characters(void **state)
{
    static const char two_bytes[] = "\xC3\xA9";
    (void)state;
    for (size_t plain = 0; plain < 12; plain++) {
        key_under_test key;
        char text[LOCACHE_NAME_MAX];
        char expected[LOCACHE_NAME_MAX + 1] = "x=";
        size_t size = plain;
        memset(text, 'a', plain);
        while (size + 2 <= sizeof text) {
            memcpy(text + size, two_bytes, 2);
            size += 2;
        }
        locache_cbor_write_text(begin_x(&key), text, size);
        memcpy(expected + 2, text, plain);
        for (size_t length = 2 + plain; length + 6 <= LC_NAME_PREFIX; length += 6)
            memcpy(expected + length, "%C3%A9", 7);
        assert_hashed(&key, expected);
    }
    /* And in labels, where characters stand as they are. */
    for (size_t plain = 0; plain < 2; plain++) {
        key_under_test key;
        char label[2 * LOCACHE_NAME_MAX];
        memset(label, 'a', plain);
        for (size_t at = plain; at + 2 <= sizeof label; at += 2)
            memcpy(label + at, two_bytes, 2);
        begin(&key, 1);
        locache_key_name(&key.writer, label, sizeof label - plain);
        locache_cbor_write_int(&key.writer, 1);
        char expected[LOCACHE_NAME_MAX + 1] = {0};
        memcpy(expected, label, plain + (LC_NAME_PREFIX - plain) / 2 * 2);
        assert_hashed(&key, expected);
    }
}

static void test_key__whole_up_to_140_bytes(void **state)
{
    char text[LOCACHE_NAME_MAX];
    char expected[LOCACHE_NAME_MAX + 1];
    key_under_test key;
    (void)state;
    memset(text, 'a', sizeof text);
    locache_cbor_write_text(begin_x(&key), text, 138);
    assert_int_equal(snprintf(expected, sizeof expected, "x=%.138s", text), 140);
    assert_name(&key, expected);
    locache_cbor_write_text(begin_x(&key), text, 139);
    expected[LC_NAME_PREFIX] = '\0';
    assert_hashed(&key, expected);
}

/* faults.md, "names": values of 0 to 10^5 bytes. Every length in the long form, every one up to
 * 2,000 and one in 397 from there on in the short. */
static void test_key__values_of_every_length(void **state)
{
    enum { LENGTH_MAX = 100000, DENSE = 2000 };
    const size_t step = getenv("LOCACHE_TEST_LONG") != NULL ? 1 : 397;
    char last[LOCACHE_NAME_MAX + 1] = "";
    char *text = malloc(LENGTH_MAX);
    (void)state;
    assert_non_null(text);
    memset(text, 'a', LENGTH_MAX);
    for (size_t size = 0; size <= LENGTH_MAX; size += size < DENSE ? 1 : step) {
        key_under_test key;
        locache_cbor_write_text(begin_x(&key), text, size);
        finish(&key);
        assert_int_equal(strlen(key.name), size <= 138 ? size + 2 : LOCACHE_NAME_MAX);
        assert_string_not_equal(key.name, last);
        memcpy(last, key.name, sizeof last);
    }
    free(text);
}

/* ---------------------------------------------------------------------------------- injectivity */

typedef struct named {
    unsigned char name[LC_CHECKSUM_SIZE];
    unsigned char key[LC_CHECKSUM_SIZE];
} named;

static int by_name(const void *a, const void *b)
{
    return memcmp(((const named *)a)->name, ((const named *)b)->name, LC_CHECKSUM_SIZE);
}

static uint64_t random_state;

/* SplitMix64: two keys in a million are not alike by the generator's fault. */
static uint64_t random_bits(void)
{
    uint64_t z = random_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static size_t random_below(size_t limit)
{
    return (size_t)(random_bits() % limit);
}

/* Few letters and short, so that what could be confused comes up often. */
static void random_text(locache_cbor_writer *key)
{
    static const char *const parts[] = {"1",  "0",    ".",    "e",   "+",   "-",       "_",
                                        "=",  "%",    "3",    "a",   "A",   "~",       "/",
                                        "\n", "None", "True", "inf", "nan", "\xC3\xA9"};
    char text[256];
    size_t size = 0;
    for (size_t left = random_below(random_below(50) == 0 ? 60 : 6); left > 0; left--) {
        const char *part = parts[random_below(sizeof parts / sizeof *parts)];
        memcpy(text + size, part, strlen(part));
        size += strlen(part);
    }
    locache_cbor_write_text(key, text, size);
}

static void random_value(locache_cbor_writer *key)
{
    unsigned char magnitude[80];
    uint64_t bits = random_bits();
    double real = (double)(int64_t)(random_bits() % 2000) / 100 - 10;
    switch (random_below(8)) {
    case 0:
        locache_cbor_write_int(key, (int64_t)random_below(200) - 100);
        break;
    case 1:
        for (size_t i = 0; i < sizeof magnitude; i++)
            magnitude[i] = (unsigned char)random_bits();
        locache_cbor_write_bigint(key, bits % 2 != 0, magnitude,
                                  1 + random_below(sizeof magnitude));
        break;
    case 2:
        memcpy(&real, &bits, sizeof real);
        locache_cbor_write_real(key, isnan(real) ? (double)NAN : real);
        break;
    case 3:
        locache_cbor_write_real(key, real);
        break;
    case 4:
        if (bits % 3 == 0)
            locache_cbor_write_null(key);
        else
            locache_cbor_write_bool(key, bits % 3 == 1);
        break;
    case 5:
        locache_cbor_write_bytes(key, &bits, random_below(3));
        break;
    default:
        random_text(key);
    }
}

static void random_key(locache_cbor_writer *key)
{
    size_t count = random_below(4);
    locache_key_begin(key, count);
    for (size_t i = 0; i < count; i++) {
        if (random_below(4) == 0)
            locache_key_index(key, random_below(30));
        else
            random_text(key);
        random_value(key);
    }
}

/* A name without a hash gives its key back. */
static void assert_says_its_key(const char *name, const locache_cbor_writer *key)
{
    locache_cbor_writer said;
    unsigned char room[512];
    locache_cbor_writer_init(&said, room, sizeof room);
    if (!unname(&said, name) || locache_cbor_writer_status(&said) != LOCACHE_OK ||
        said.length != key->length || memcmp(said.data, key->data, key->length) != 0)
        fail_msg("%s does not say its key", name);
    locache_cbor_writer_clear(&said);
}

/* faults.md, "names": of 10^6 generated calls, those that share a name are equal. */
static void test_key__a_million_keys_are_told_apart(void **state)
{
    /* One in DECODED is decoded, which takes longest. */
    enum { COUNT = SANITIZED ? 100000 : 1000000, DECODED = 5 };
    named *all = malloc(COUNT * sizeof *all);
    locache_cbor_writer key;
    unsigned char room[512];
    const char *seed = getenv("LOCACHE_TEST_SEED");
    size_t equal = 0;
    (void)state;
    assert_non_null(all);
    random_state = seed != NULL ? strtoull(seed, NULL, 10) : 20240229;
    print_message("LOCACHE_TEST_SEED=%llu\n", (unsigned long long)random_state);
    locache_cbor_writer_init(&key, room, sizeof room);
    for (size_t i = 0; i < COUNT; i++) {
        char name[LOCACHE_NAME_MAX + 1];
        locache_cbor_writer_reset(&key);
        random_key(&key);
        if (locache_key_filename(name, key.data, key.length) != LOCACHE_OK ||
            unname_complaint(name) != NULL)
            fail_msg("%s: %s", name, unname_complaint(name));
        if (i % DECODED == 0 && strchr(name, '~') == NULL)
            assert_says_its_key(name, &key);
        lc_checksum(all[i].name, &(lc_span){name, strlen(name)}, 1);
        lc_checksum(all[i].key, &(lc_span){key.data, key.length}, 1);
    }
    qsort(all, COUNT, sizeof *all, by_name);
    for (size_t i = 1; i < COUNT; i++) {
        if (by_name(&all[i - 1], &all[i]) != 0)
            continue;
        equal++;
        assert_memory_equal(all[i - 1].key, all[i].key, LC_CHECKSUM_SIZE);
    }
    assert_in_range(equal, 1, COUNT / 2); /* the generator is neither too wild nor too tame */
    locache_cbor_writer_clear(&key);
    free(all);
}

/* ------------------------------------------------------------------------------------ bad input */

static void test_key__rejects_what_is_no_key(void **state)
{
    (void)state;
    assert_no_key("", 0, LOCACHE_ECORRUPT);
    assert_no_key("\x01", 1, LOCACHE_ECORRUPT);                  /* no array */
    assert_no_key("\xA0", 1, LOCACHE_ECORRUPT);                  /* a map */
    assert_no_key("\x81\x61x", 3, LOCACHE_ECORRUPT);             /* a label without a value */
    assert_no_key("\x82\x61x", 3, LOCACHE_ECORRUPT);             /* the same, cut off */
    assert_no_key("\x82\x20\x01", 3, LOCACHE_ECORRUPT);          /* a negative label */
    assert_no_key("\x82\x41x\x01", 4, LOCACHE_ECORRUPT);         /* a label of bytes */
    assert_no_key("\x82\x61x\x01\x00", 5, LOCACHE_ECORRUPT);     /* trailing bytes */
    assert_no_key("\x82\x61x\x18\x01", 5, LOCACHE_ECORRUPT);     /* a longer head than needed */
    assert_no_key("\x82\x61\xFF\x01", 4, LOCACHE_ECORRUPT);      /* no UTF-8 */
    assert_no_key("\x82\x61x\x61\xC3", 5, LOCACHE_ECORRUPT);     /* no UTF-8 in the value */
    assert_no_key("\x82\x61x\x81\x61\xC3", 6, LOCACHE_ECORRUPT); /* nor deeper */
    assert_no_key("\x82\x61x\xC2\x41\x05", 6, LOCACHE_ECORRUPT); /* a bignum that is an integer */
    assert_no_key("\x9B\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE", 9, LOCACHE_ECORRUPT);
}

static void test_key__rejects_what_is_nested_too_deep(void **state)
{
    unsigned char key[4 + LOCACHE_DEPTH_MAX + 2] = {0x82, 0x61, 'x'};
    (void)state;
    memset(key + 3, 0x81, sizeof key - 4);
    key[sizeof key - 1] = 0;
    assert_no_key(key, sizeof key, LOCACHE_ELIMIT);
}

static void test_key__begin_refuses_more_pairs_than_an_array_holds(void **state)
{
    locache_cbor_writer key;
    (void)state;
    locache_cbor_writer_init(&key, NULL, 0);
    locache_key_begin(&key, UINT64_MAX / 2 + 1);
    assert_int_equal(locache_cbor_writer_status(&key), LOCACHE_EINVAL);
    locache_cbor_writer_clear(&key);
}

/* From LOCACHE_KEY_LONG bytes on, the id in a name is that of the key's digest, as an entry has
 * it. */
static void test_key__a_long_key_is_named_after_its_digest(void **state)
{
    (void)state;
    for (size_t size = LOCACHE_KEY_LONG - 1; size <= LOCACHE_KEY_LONG; size++) {
        char name[LOCACHE_NAME_MAX + 1], hex[2 * LOCACHE_ID_SIZE + 1];
        unsigned char room[64];
        locache_id id;
        locache_cbor_writer key, stored;
        locache_cbor_writer_init(&key, NULL, 0);
        locache_key_begin(&key, 1);
        locache_key_name(&key, "x", 1);
        locache_cbor_write_array(&key, size - 6);
        for (size_t i = 0; i < size - 6; i++)
            locache_cbor_write_uint(&key, i % 24);
        assert_int_equal(key.length, size);
        locache_cbor_writer_init(&stored, room, sizeof room);
        locache_key_bytes(&stored, key.data, key.length);
        if (size < LOCACHE_KEY_LONG)
            locache_id_of(&id, key.data, key.length);
        else
            locache_id_of(&id, stored.data, stored.length);
        lc_text_hex(hex, id.bytes, sizeof id.bytes);
        assert_int_equal(locache_key_filename(name, key.data, key.length), LOCACHE_OK);
        assert_string_equal(strchr(name, '~') + 1, hex);
        locache_cbor_writer_clear(&key);
        locache_cbor_writer_clear(&stored);
    }
}

/* --------------------------------------------------------------------------------------- golden */

/* Each line: a key in hexadecimal, a space, its name. */
static void test_key__names_are_the_golden_ones(void **state)
{
    static char line[4096];
    unsigned char bytes[sizeof line / 2];
    char name[LOCACHE_NAME_MAX + 1];
    size_t count = 0;
    FILE *file = fopen("tests/golden/v2/names", "r");
    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        char *space = strchr(line, ' ');
        assert_non_null(space);
        space[strcspn(space, "\n")] = '\0';
        size_t size = (size_t)(space - line) / 2;
        for (size_t i = 0; i < size; i++) {
            char pair[3] = {line[2 * i], line[2 * i + 1], '\0'};
            bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
        }
        assert_int_equal(locache_key_filename(name, bytes, size), LOCACHE_OK);
        assert_string_equal(name, space + 1);
        count++;
    }
    fclose(file);
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key__no_arguments),
        cmocka_unit_test(test_key__pairs_in_order),
        cmocka_unit_test(test_key__integers_of_any_size),
        cmocka_unit_test(test_key__longest_integers),
        cmocka_unit_test(test_key__reals_as_python_writes_them),
        cmocka_unit_test(test_key__nan_with_payload_is_another_key),
        cmocka_unit_test(test_key__constants),
        cmocka_unit_test(test_key__text_is_bare),
        cmocka_unit_test(test_key__text_escapes),
        cmocka_unit_test(test_key__text_that_looks_like_a_literal),
        cmocka_unit_test(test_key__labels),
        cmocka_unit_test(test_key__label_of_digits_is_no_position),
        cmocka_unit_test(test_key__other_values_by_hash_with_a_hint),
        cmocka_unit_test(test_key__cuts_between_characters),
        cmocka_unit_test(test_key__whole_up_to_140_bytes),
        cmocka_unit_test(test_key__values_of_every_length),
        cmocka_unit_test(test_key__a_million_keys_are_told_apart),
        cmocka_unit_test(test_key__rejects_what_is_no_key),
        cmocka_unit_test(test_key__rejects_what_is_nested_too_deep),
        cmocka_unit_test(test_key__begin_refuses_more_pairs_than_an_array_holds),
        cmocka_unit_test(test_key__a_long_key_is_named_after_its_digest),
        cmocka_unit_test(test_key__names_are_the_golden_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
