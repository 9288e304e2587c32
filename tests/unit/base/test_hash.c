/* Checksums, BLAKE2b, randomness and hexadecimal. */
#define PATTERN_SIZE 3145805

#include "base/blake.h"
#include "base/hash.h"
#include "base/sodium.h"
#include "base/text.h"
#include "pattern.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static void assert_hex(const unsigned char *bytes, size_t size, const char *expected)
{
    char text[2 * 64 + 1];
    lc_text_hex(text, bytes, size);
    assert_string_equal(text, expected);
}

/* ------------------------------------------------------------------------------------ checksums */

static void test_hash__checksum_is_xxh3_128(void **state)
{
    /* By the python-xxhash package, over the pattern's first bytes. */
    static const struct {
        size_t size;
        const char *hex;
    } known[] = {
        {0, "99aa06d3014798d86001c324468d497f"},
        {1, "a6cd5e9392000f6ac44bdff4074eecdb"},
        {3, "977fcbc0448b49f6e14090f554a5ea90"},
        {4, "4e82b36688c5328f4ee6926f0426173e"},
        {9, "200d098a7113e15fee5940d4df4715ae"},
        {17, "1ea709ada2b9c32e33bed349ec1c0ce7"},
        {129, "1240f4d960139642cfb3fed667226458"},
        {241, "e817e20e53e42a8c2d431e984c441f15"},
        {1000, "fac4e9a77d6c8b108d3e88d833cd4a80"},
        {1025, "63e845aab7eb695f83cba9b371e4e7f4"},
        {100000, "169bf5c50b17f183920056915640359f"},
        {262143, "75b98a0a72e2e5c0cf966aacdbabe762"},
        {262144, "21dcc77224867b7d2eb9d78a803979a4"},
        {262145, "7a1f34e0d0257044accf4a53634eac32"},
        {1048576, "7e34237c007b503ea60868b9a5018405"},
        {3145805, "2cd8430f5e08d648f2766b9744ecf312"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        unsigned char sum[LC_CHECKSUM_SIZE];
        const lc_span span = {pattern, known[i].size};
        lc_checksum(sum, &span, 1);
        assert_hex(sum, sizeof sum, known[i].hex);
    }
}

/* However the bytes are cut into spans, and wherever the ways of gathering and streaming meet. */
static void test_hash__checksum_is_of_the_bytes_not_of_the_spans(void **state)
{
    static const size_t sizes[] = {0,    1,    2,    16,   17,   128,   240,   241,
                                   1023, 1024, 1025, 2048, 2049, 70000, 900000};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t size = sizes[i];
        unsigned char whole[LC_CHECKSUM_SIZE];
        lc_checksum(whole, &(lc_span){pattern, size}, 1);
        for (size_t cut = 0; cut <= size; cut += cut < 70 || size < 3000 ? 1 : size / 70) {
            size_t second = (size - cut) / 3;
            const lc_span spans[] = {{NULL, 0},
                                     {pattern, cut},
                                     {NULL, 0},
                                     {pattern + cut, second},
                                     {pattern + cut + second, size - cut - second}};
            unsigned char sum[LC_CHECKSUM_SIZE];
            lc_checksum(sum, spans, 5);
            assert_memory_equal(sum, whole, sizeof sum);
        }
    }
}

static void test_hash__checksum_of_nothing_is_defined(void **state)
{
    unsigned char none[LC_CHECKSUM_SIZE];
    unsigned char null[LC_CHECKSUM_SIZE];
    (void)state;
    lc_checksum(none, NULL, 0);
    lc_checksum(null, &(lc_span){NULL, 0}, 1);
    assert_hex(none, sizeof none, "99aa06d3014798d86001c324468d497f");
    assert_memory_equal(none, null, sizeof none);
}

static void test_hash__checksum_sees_every_bit(void **state)
{
    unsigned char whole[LC_CHECKSUM_SIZE];
    unsigned char bytes[300];
    (void)state;
    memcpy(bytes, pattern, sizeof bytes);
    lc_checksum(whole, &(lc_span){bytes, sizeof bytes}, 1);
    for (size_t bit = 0; bit < 8 * sizeof bytes; bit++) {
        unsigned char sum[LC_CHECKSUM_SIZE];
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
        lc_checksum(sum, &(lc_span){bytes, sizeof bytes}, 1);
        assert_memory_not_equal(sum, whole, sizeof sum);
        bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
}

/* -------------------------------------------------------------------------------------- BLAKE2b */

static void test_hash__blake2b_gives_the_published_digests(void **state)
{
    static const char *const abc[] = {
        "cf4ab791c62b8d2b2109c90275287816",
        "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
        /* RFC 7693, Appendix A */
        ("ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
         "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"),
    };
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        unsigned char out[64];
        lc_blake2b(out, (size_t)16 << i, &(lc_span){"abc", 3}, 1);
        assert_hex(out, (size_t)16 << i, abc[i]);
        const lc_span spans[] = {{"a", 1}, {NULL, 0}, {"bc", 2}};
        lc_blake2b(out, (size_t)16 << i, spans, 3);
        assert_hex(out, (size_t)16 << i, abc[i]);
    }
}

static void test_hash__id_is_blake2b_128(void **state)
{
    locache_id id;
    (void)state;
    locache_id_of(&id, NULL, 0);
    assert_hex(id.bytes, sizeof id.bytes, "cae66941d9efbd404e4d88758ea67670");
    locache_id_of(&id, pattern, 3);
    assert_hex(id.bytes, sizeof id.bytes, "8a9ce0ba0a30fcb868f5d102721a5907");
    locache_id_of(&id, pattern, 1000);
    assert_hex(id.bytes, sizeof id.bytes, "88f07915c3bd7db45d772925b9ef57c0");
}

#define PERSON "a use of the key" /* 16 bytes */

/* By Python's hashlib.blake2b(..., digest_size=32, key=bytes(range(32)), person=PERSON). */
static void test_hash__mac_is_keyed_blake2b_256(void **state)
{
    static const struct {
        size_t size;
        const char *hex;
    } known[] = {
        {0, "0de9f3b862e4762d6918394a13fa66aa9561929258b5e12ad38166b9264e465f"},
        {3, "51183e939f6140ae6258ce1bb6bab9022830c3ebcb17d3aad3df632989a2fb14"},
        {1000, "eac16f696af954c45e9f1b1ad7d931d82e9a767e19346a8006b3b5d9c5a1021f"},
    };
    unsigned char key[LC_MAC_KEY_SIZE];
    (void)state;
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        unsigned char mac[LC_MAC_SIZE];
        lc_mac(mac, key, PERSON, &(lc_span){pattern, known[i].size}, 1);
        assert_hex(mac, sizeof mac, known[i].hex);
        const lc_span spans[] = {{pattern, known[i].size / 2},
                                 {pattern + known[i].size / 2, known[i].size - known[i].size / 2}};
        lc_mac(mac, key, PERSON, spans, 2);
        assert_hex(mac, sizeof mac, known[i].hex);
    }
}

static void test_hash__mac_depends_on_every_bit_of_the_key(void **state)
{
    unsigned char key[LC_MAC_KEY_SIZE] = {0};
    unsigned char first[LC_MAC_SIZE];
    (void)state;
    lc_mac(first, key, PERSON, &(lc_span){"x", 1}, 1);
    for (size_t bit = 0; bit < 8 * sizeof key; bit++) {
        unsigned char mac[LC_MAC_SIZE];
        key[bit / 8] ^= (unsigned char)(1U << bit % 8);
        lc_mac(mac, key, PERSON, &(lc_span){"x", 1}, 1);
        assert_false(lc_mac_equal(mac, first));
        key[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
}

static void test_hash__mac_depends_on_the_use(void **state)
{
    const unsigned char key[LC_MAC_KEY_SIZE] = {1};
    unsigned char first[LC_MAC_SIZE], mac[LC_MAC_SIZE];
    char other[] = PERSON;
    (void)state;
    lc_mac(first, key, PERSON, &(lc_span){"x", 1}, 1);
    for (size_t i = 0; i < LC_PERSON_SIZE; i++) {
        other[i] ^= 1;
        lc_mac(mac, key, other, &(lc_span){"x", 1}, 1);
        assert_false(lc_mac_equal(mac, first));
        other[i] ^= 1;
    }
}

static void test_hash__mac_equal_compares_every_bit(void **state)
{
    unsigned char a[LC_MAC_SIZE];
    unsigned char b[LC_MAC_SIZE];
    (void)state;
    memcpy(a, pattern, sizeof a);
    memcpy(b, pattern, sizeof b);
    assert_true(lc_mac_equal(a, b));
    for (size_t bit = 0; bit < 8 * sizeof b; bit++) {
        b[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_false(lc_mac_equal(a, b));
        b[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
}

/* ------------------------------------------------------------------- randomness and hexadecimal */

static void test_hash__random_bytes_differ(void **state)
{
    unsigned char a[64] = {0};
    unsigned char b[64] = {0};
    (void)state;
    lc_random(a, sizeof a);
    lc_random(b, sizeof b);
    assert_memory_not_equal(a, b, 32);
    assert_memory_not_equal(a + 32, b + 32, 32);
    memset(a, 7, sizeof a);
    lc_random(a, 0);
    lc_random(a + 1, 16);
    assert_int_equal(a[0], 7);
    assert_int_equal(a[17], 7);
}

static void test_hash__hex_goes_both_ways_for_every_byte(void **state)
{
    unsigned char bytes[256];
    unsigned char back[256];
    char text[2 * 256 + 1];
    (void)state;
    for (unsigned i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    memset(text, 'x', sizeof text);
    lc_text_hex(text, bytes, sizeof bytes);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f1011", 36);
    assert_true(lc_text_unhex(back, sizeof back, text));
    assert_memory_equal(back, bytes, sizeof bytes);
    lc_text_hex(text, NULL, 0);
    assert_string_equal(text, "");
    assert_true(lc_text_unhex(back, 0, ""));
}

static void test_hash__unhex_takes_lower_case_digits_only(void **state)
{
    unsigned char out;
    (void)state;
    for (int i = 1; i < 256; i++) {
        const char high[] = {(char)i, '0', '\0'};
        const char low[] = {'0', (char)i, '\0'};
        bool digit = strchr("0123456789abcdef", i) != NULL;
        assert_int_equal(lc_text_unhex(&out, 1, high), digit);
        assert_int_equal(lc_text_unhex(&out, 1, low), digit);
    }
}

/* The text may be shorter than it should be: nothing behind its NUL is looked at. */
static void test_hash__unhex_takes_the_exact_length_only(void **state)
{
    unsigned char out[4];
    (void)state;
    for (size_t length = 0; length <= 10; length++) {
        char *text = malloc(length + 1);
        assert_non_null(text);
        memset(text, 'a', length);
        text[length] = '\0';
        assert_int_equal(lc_text_unhex(out, sizeof out, text), length == 8);
        free(text);
    }
}

/* Before libsodium is started, what is short is digested without it: by the same function. */
static void test_hash__short_messages_need_no_start(void **state)
{
    static const size_t sizes[] = {1, 15, 16, 17, 32, 64};
    (void)state;
    for (size_t size = 0; size < 700; size++) {
        unsigned char expected[64];
        unsigned char plain[64];
        size_t out_size = sizes[size % 6];
        const lc_span whole = {pattern, size};
        size_t cut = size * 2 / 3;
        const lc_span spans[] = {{pattern, cut}, {NULL, 0}, {pattern + cut, size - cut}};
        lc_sodium_start();
        assert_int_equal(crypto_generichash_blake2b(expected, out_size, pattern, size, NULL, 0), 0);
        lc_blake_digest(plain, out_size, &whole, 1);
        assert_memory_equal(plain, expected, out_size);
        memset(plain, 0, sizeof plain);
        lc_blake_digest(plain, out_size, spans, 3);
        assert_memory_equal(plain, expected, out_size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash__checksum_is_xxh3_128),
        cmocka_unit_test(test_hash__checksum_is_of_the_bytes_not_of_the_spans),
        cmocka_unit_test(test_hash__checksum_of_nothing_is_defined),
        cmocka_unit_test(test_hash__checksum_sees_every_bit),
        cmocka_unit_test(test_hash__blake2b_gives_the_published_digests),
        cmocka_unit_test(test_hash__id_is_blake2b_128),
        cmocka_unit_test(test_hash__short_messages_need_no_start),
        cmocka_unit_test(test_hash__mac_is_keyed_blake2b_256),
        cmocka_unit_test(test_hash__mac_depends_on_every_bit_of_the_key),
        cmocka_unit_test(test_hash__mac_depends_on_the_use),
        cmocka_unit_test(test_hash__mac_equal_compares_every_bit),
        cmocka_unit_test(test_hash__random_bytes_differ),
        cmocka_unit_test(test_hash__hex_goes_both_ways_for_every_byte),
        cmocka_unit_test(test_hash__unhex_takes_lower_case_digits_only),
        cmocka_unit_test(test_hash__unhex_takes_the_exact_length_only),
    };
    return cmocka_run_group_tests(tests, make_pattern, free_pattern);
}
