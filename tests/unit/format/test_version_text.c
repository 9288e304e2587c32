/* The record of a version: its text and back, and which codes it keeps. */
#include "scratch.h"

#include "format/version_text.h"

#include <string.h>

static locache_identity identity_with(const char *tag, unsigned char code)
{
    locache_identity identity = {.code_tag = tag, .has_source = true};
    memset(identity.code.bytes, code, LOCACHE_ID_SIZE);
    memset(identity.source.bytes, 0xAB, LOCACHE_ID_SIZE);
    return identity;
}

static void test_version_text__prints_what_it_parses(void **state_)
{
    (void)state_;
    char text[LC_VERSION_TEXT_MAX];
    lc_version from = {.id = {{1, 2, 3}}};
    lc_version back;
    locache_identity first = identity_with("cpython-311", 1);
    locache_identity second = identity_with("cpython-312", 2);
    assert_true(lc_version_learn(&from, &first));
    assert_true(lc_version_learn(&from, &second));
    size_t size = lc_version_print(text, &from);
    assert_true(lc_version_parse(&back, text, size));
    assert_int_equal(back.count, 2);
    assert_true(back.has_source);
    assert_true(lc_version_same_id(&back.id, &from.id));
    assert_int_equal(lc_version_compare(&back, &first), LOCACHE_OK);
}

static void test_version_text__anything_else_is_a_lost_record(void **state_)
{
    (void)state_;
    static const char *const texts[] = {"",
                                        "locache",
                                        "locache 1\n",
                                        "locache 0\n",
                                        "locache 1\nid 00\n",
                                        "locache 1\nid 00112233445566778899aabbccddeeff"};
    lc_version version;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(lc_version_parse(&version, texts[i], strlen(texts[i])));
        assert_true(version.lost);
    }
    const char cut[] = "locache 1\nid 00112233445566778899aabbccddeeff\n\0source";
    assert_false(lc_version_parse(&version, cut, sizeof cut - 1));
    char *large = malloc(LC_VERSION_TEXT_MAX + 1);
    memset(large, '\n', LC_VERSION_TEXT_MAX + 1);
    assert_false(lc_version_parse(&version, large, LC_VERSION_TEXT_MAX + 1));
    free(large);
}

/* Two layouts of one source, as two checkouts are, are both known from their second run on. */
static void test_version_text__several_codes_of_one_tag_are_kept(void **state_)
{
    (void)state_;
    lc_version version = {.count = 0};
    for (unsigned char code = 1; code <= LC_VERSION_CODES_OF_TAG; code++) {
        locache_identity identity = identity_with("cpython-311", code);
        assert_true(lc_version_learn(&version, &identity));
        assert_false(lc_version_learn(&version, &identity));
    }
    for (unsigned char code = 1; code <= LC_VERSION_CODES_OF_TAG; code++) {
        locache_identity identity = identity_with("cpython-311", code);
        identity.has_source = false;
        assert_int_equal(lc_version_compare(&version, &identity), LOCACHE_OK);
    }
}

static void test_version_text__the_oldest_code_of_a_full_tag_goes(void **state_)
{
    (void)state_;
    lc_version version = {.count = 0};
    locache_identity other = identity_with("cpython-312", 9);
    assert_true(lc_version_learn(&version, &other));
    for (unsigned char code = 1; code <= LC_VERSION_CODES_OF_TAG + 1; code++) {
        locache_identity identity = identity_with("cpython-311", code);
        assert_true(lc_version_learn(&version, &identity));
    }
    assert_int_equal(version.count, LC_VERSION_CODES_OF_TAG + 1);
    locache_identity oldest = identity_with("cpython-311", 1);
    oldest.has_source = false;
    assert_int_equal(lc_version_compare(&version, &oldest), LOCACHE_NEED_SOURCE);
    /* Another interpreter's is not pushed out by an editor at work. */
    other.has_source = false;
    assert_int_equal(lc_version_compare(&version, &other), LOCACHE_OK);
}

static void test_version_text__all_that_it_may_hold_fits_its_text(void **state_)
{
    (void)state_;
    char text[LC_VERSION_TEXT_MAX];
    char tag[LC_TAG_MAX + 1];
    lc_version version = {.count = 0};
    lc_version back;
    for (unsigned char i = 0; i < 2 * LC_VERSION_CODES_MAX; i++) {
        memset(tag, 'a' + i % 26, LC_TAG_MAX);
        tag[LC_TAG_MAX] = '\0';
        locache_identity identity = identity_with(tag, i);
        assert_true(lc_version_learn(&version, &identity));
    }
    assert_int_equal(version.count, LC_VERSION_CODES_MAX);
    size_t size = lc_version_print(text, &version);
    assert_true(lc_version_parse(&back, text, size));
    assert_int_equal(back.count, version.count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_text__prints_what_it_parses),
        cmocka_unit_test(test_version_text__anything_else_is_a_lost_record),
        cmocka_unit_test(test_version_text__several_codes_of_one_tag_are_kept),
        cmocka_unit_test(test_version_text__the_oldest_code_of_a_full_tag_goes),
        cmocka_unit_test(test_version_text__all_that_it_may_hold_fits_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
