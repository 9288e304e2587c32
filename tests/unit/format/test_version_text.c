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

static locache_status compare(const lc_version *found, const locache_identity *identity)
{
    return lc_version_compare(NULL, found, &(lc_identities){.main = identity});
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
    assert_int_equal(compare(&back, &first), LOCACHE_OK);
}

#define ID "00112233445566778899aabbccddeeff"
#define RECORD "locache 1\nid " ID "\n"

static void test_version_text__anything_else_is_a_lost_record(void **state_)
{
    (void)state_;
    static const char *const texts[] = {"",
                                        "locache",
                                        "locache 1\n",
                                        "locache 0\n",
                                        "locache 1\nid 00\n",
                                        "locache 1\nid 00112233445566778899aabbccddeeff",
                                        RECORD "before 00\n",
                                        RECORD "state \n",
                                        RECORD "state a \n",
                                        RECORD "state a\nsource " ID "\n",
                                        RECORD "kept " ID " - \n",
                                        RECORD "kept " ID "\n",
                                        RECORD "kept " ID " " ID "\n",
                                        RECORD "kept - - now\n",
                                        RECORD "kept " ID " - \tnow\n"};
    assert_true(lc_version_parse(&(lc_version){.count = 0}, RECORD "kept " ID " - now\n",
                                 strlen(RECORD "kept " ID " - now\n")));
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
        assert_int_equal(compare(&version, &identity), LOCACHE_OK);
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
    assert_int_equal(compare(&version, &oldest), LOCACHE_NEED_SOURCE);
    /* Another interpreter's is not pushed out by an editor at work. */
    other.has_source = false;
    assert_int_equal(compare(&version, &other), LOCACHE_OK);
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
    char said[LC_SAID_MAX + 1];
    memset(said, 's', LC_SAID_MAX);
    said[LC_SAID_MAX] = '\0';
    for (unsigned char i = 0; i < LC_VERSION_KEPT_MAX; i++)
        lc_version_take(&version, &(lc_version){.id = {{i}}, .has_source = true}, said);
    version.has_before = true;
    memset(version.state, 's', LC_STATE_MAX);
    size_t size = lc_version_print(text, &version);
    assert_true(lc_version_parse(&back, text, size));
    assert_int_equal(back.count, version.count);
}

static void test_version_text__state_and_who_kept_it_come_back(void **state_)
{
    (void)state_;
    char text[LC_VERSION_TEXT_MAX];
    locache_identity one = identity_with("cpython-311", 1);
    lc_version from = {.id = {{1}}, .has_before = true, .before = {{2}}, .state = "main:A main:B"};
    lc_version later = {.id = {{3}}, .has_source = true, .source = {{4}}};
    lc_version back;
    assert_true(lc_version_learn(&from, &one));
    size_t size = lc_version_print(text, &from);
    assert_true(lc_version_parse(&back, text, size));
    assert_true(back.has_before);
    assert_string_equal(back.state, "main:A main:B");
    lc_version_take(&from, &later, "2024-02-29T12:30:00Z nn@host");
    lc_version_take(&from, &later, "2024-03-01T12:30:00Z nn@host");
    size = lc_version_print(text, &from);
    assert_true(lc_version_parse(&back, text, size));
    assert_int_equal(back.kept_count, 1);
    assert_string_equal(back.kept[0].said, "2024-02-29T12:30:00Z nn@host");
    assert_true(lc_version_has_id(&back, &later.id));
    assert_true(lc_version_has_id(&back, &from.id));
    assert_false(lc_version_has_id(&back, &from.before));
    assert_false(back.has_before);
}

/* Both sources are of it from then on, as is what was said of the other one. */
static void test_version_text__what_was_taken_in_compares_equal(void **state_)
{
    (void)state_;
    locache_identity one = identity_with("cpython-311", 1);
    locache_identity two = identity_with("cpython-311", 2);
    locache_identity three = identity_with("cpython-312", 3);
    memset(two.source.bytes, 0xCD, LOCACHE_ID_SIZE);
    three.source = two.source;
    lc_version from = {.id = {{1}}};
    lc_version later = {.id = {{2}}};
    assert_true(lc_version_learn(&from, &one));
    assert_true(lc_version_learn(&later, &two));
    assert_int_equal(compare(&from, &two), LOCACHE_MISS);
    lc_version_take(&from, &later, "now nn");
    assert_int_equal(compare(&from, &one), LOCACHE_OK);
    assert_int_equal(compare(&from, &two), LOCACHE_OK);
    assert_int_equal(compare(&from, &three), LOCACHE_OK);
}

static void test_version_text__the_first_said_of_too_many_goes(void **state_)
{
    (void)state_;
    lc_version from = {.id = {{0xFF}}};
    for (unsigned char n = 0; n < LC_VERSION_KEPT_MAX + 2; n++)
        lc_version_take(&from, &(lc_version){.id = {{n}}}, "now nn");
    assert_int_equal(from.kept_count, LC_VERSION_KEPT_MAX);
    assert_false(lc_version_has_id(&from, &(locache_id){{1}}));
    assert_true(lc_version_has_id(&from, &(locache_id){{2}}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_text__prints_what_it_parses),
        cmocka_unit_test(test_version_text__anything_else_is_a_lost_record),
        cmocka_unit_test(test_version_text__several_codes_of_one_tag_are_kept),
        cmocka_unit_test(test_version_text__the_oldest_code_of_a_full_tag_goes),
        cmocka_unit_test(test_version_text__all_that_it_may_hold_fits_its_text),
        cmocka_unit_test(test_version_text__state_and_who_kept_it_come_back),
        cmocka_unit_test(test_version_text__what_was_taken_in_compares_equal),
        cmocka_unit_test(test_version_text__the_first_said_of_too_many_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
