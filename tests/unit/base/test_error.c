/* Statuses and messages: what is pinned, and how messages are made and cut. */
#include "base/error.h"
#include "base/text.h"
#include "format/cbor.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static bool message_is_sound(const locache_error *error)
{
    size_t length = strnlen(error->message, sizeof error->message);
    return length < sizeof error->message &&
           lc_text_is_utf8((const unsigned char *)error->message, length);
}

static void test_error__statuses_are_pinned_and_named(void **state)
{
    static const struct {
        int value;
        locache_status status;
        const char *name;
    } all[] = {
        {0, LOCACHE_OK, "LOCACHE_OK"},
        {1, LOCACHE_MISS, "LOCACHE_MISS"},
        {2, LOCACHE_NEED_SOURCE, "LOCACHE_NEED_SOURCE"},
        {3, LOCACHE_END, "LOCACHE_END"},
        {4, LOCACHE_PENDING, "LOCACHE_PENDING"},
        {-1, LOCACHE_EINVAL, "LOCACHE_EINVAL"},
        {-2, LOCACHE_ENOMEM, "LOCACHE_ENOMEM"},
        {-3, LOCACHE_EIO, "LOCACHE_EIO"},
        {-4, LOCACHE_ECORRUPT, "LOCACHE_ECORRUPT"},
        {-5, LOCACHE_EUNTRUSTED, "LOCACHE_EUNTRUSTED"},
        {-6, LOCACHE_ETYPE, "LOCACHE_ETYPE"},
        {-7, LOCACHE_ELIMIT, "LOCACHE_ELIMIT"},
        {-8, LOCACHE_EFORMAT, "LOCACHE_EFORMAT"},
        {-9, LOCACHE_EBUSY, "LOCACHE_EBUSY"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_equal((int)all[i].status, all[i].value);
        assert_string_equal(locache_status_name(all[i].status), all[i].name);
    }
    assert_string_equal(locache_status_name((locache_status)-100), "LOCACHE_(unknown)");
    assert_string_equal(locache_status_name((locache_status)5), "LOCACHE_(unknown)");
}

static void test_error__version_agrees_with_its_numbers(void **state)
{
    char numbers[32];
    (void)state;
    snprintf(numbers, sizeof numbers, "%d.%d.%d", LOCACHE_VERSION_MAJOR, LOCACHE_VERSION_MINOR,
             LOCACHE_VERSION_PATCH);
    assert_string_equal(locache_version(), LOCACHE_VERSION_STRING);
    assert_memory_equal(locache_version(), numbers, strlen(numbers));
    assert_int_equal(locache_version_number(), LOCACHE_VERSION_NUMBER);
    assert_true(LOCACHE_VERSION_MINOR < 100 && LOCACHE_VERSION_PATCH < 100);
}

static void test_error__fail_fills_and_returns(void **state)
{
    locache_error error = {.status = LOCACHE_OK, .os_error = 7};
    (void)state;
    assert_int_equal(lc_fail(&error, LOCACHE_ECORRUPT, "%s: byte %d", "x=1", 12), LOCACHE_ECORRUPT);
    assert_int_equal(error.status, LOCACHE_ECORRUPT);
    assert_int_equal(error.os_error, 0);
    assert_string_equal(error.message, "x=1: byte 12");
}

static void test_error__null_error_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(lc_fail(NULL, LOCACHE_EINVAL, "%s", "x"), LOCACHE_EINVAL);
    assert_int_equal(lc_fail_os(NULL, EACCES, "%s", "x"), LOCACHE_EIO);
    assert_int_equal(lc_fail_os(NULL, ENOMEM, "%s", "x"), LOCACHE_ENOMEM);
    lc_error_clear(NULL);
}

static void test_error__clear_forgets(void **state)
{
    locache_error error;
    (void)state;
    assert_int_equal(lc_fail_os(&error, EACCES, "no"), LOCACHE_EIO);
    lc_error_clear(&error);
    assert_int_equal(error.status, LOCACHE_OK);
    assert_int_equal(error.os_error, 0);
    assert_string_equal(error.message, "");
}

static void test_error__arguments_may_be_the_old_message(void **state)
{
    locache_error error;
    (void)state;
    assert_int_equal(lc_fail(&error, LOCACHE_EINVAL, "inner"), LOCACHE_EINVAL);
    assert_int_equal(lc_fail(&error, LOCACHE_EIO, "outer: %s", error.message), LOCACHE_EIO);
    assert_string_equal(error.message, "outer: inner");
    assert_int_equal(lc_fail_os(&error, EINTR, "again: %s", error.message), LOCACHE_EIO);
    assert_non_null(strstr(error.message, "again: outer: inner: "));
}

static void test_error__os_failure_has_cause_and_remedy(void **state)
{
    static const struct {
        int code;
        const char *remedy;
    } all[] = {
        {ENOSPC, "LOCACHE_DIR"}, {EDQUOT, "quota"},   {EACCES, "permission"},
        {EPERM, "permission"},   {EROFS, "writable"}, {EMFILE, "ulimit -n"},
        {ENFILE, "open files"},  {EIO, ""},           {ENOMEM, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        locache_error error;
        locache_status expected = all[i].code == ENOMEM ? LOCACHE_ENOMEM : LOCACHE_EIO;
        assert_int_equal(lc_fail_os(&error, all[i].code, "cannot write %s", "/a/b"), expected);
        assert_int_equal(error.status, expected);
        assert_int_equal(error.os_error, all[i].code);
        assert_memory_equal(error.message, "cannot write /a/b: ", 19);
        assert_memory_equal(error.message + 19, strerror(all[i].code),
                            strlen(strerror(all[i].code)));
        assert_non_null(strstr(error.message, all[i].remedy));
    }
}

static void test_error__unknown_errno_is_told(void **state)
{
    locache_error error;
    (void)state;
    assert_int_equal(lc_fail_os(&error, 123456, "call"), LOCACHE_EIO);
    assert_int_equal(error.os_error, 123456);
    assert_true(strlen(error.message) > strlen("call: "));
    assert_true(message_is_sound(&error));
}

/* Whatever is cut off where, what remains is UTF-8, and the cause of a failed call is never
 * lost. */
static void test_error__long_messages_are_cut_between_characters(void **state)
{
    static const char *const characters[] = {"a", "\xC3\xA9", "\xE6\xB0\xB4", "\xF0\x90\x85\x91"};
    (void)state;
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++) {
        for (size_t shift = 0; shift < 5; shift++) {
            char text[2048] = "";
            locache_error error;
            memset(text, '.', shift);
            for (size_t at = shift; at + 4 < sizeof text; at += strlen(characters[i]))
                memcpy(text + at, characters[i], strlen(characters[i]));
            text[sizeof text - 5] = '\0';
            assert_int_equal(lc_fail(&error, LOCACHE_EINVAL, "%s", text), LOCACHE_EINVAL);
            assert_true(message_is_sound(&error));
            assert_in_range(strlen(error.message), LOCACHE_MESSAGE_MAX - strlen(characters[i]),
                            LOCACHE_MESSAGE_MAX - 1);
            assert_string_equal(error.message + strlen(error.message) - 3, "...");
            assert_int_equal(lc_fail_os(&error, ENOSPC, "%s", text), LOCACHE_EIO);
            assert_true(message_is_sound(&error));
            assert_non_null(strstr(error.message, "...: "));
            assert_non_null(strstr(error.message, "LOCACHE_DIR"));
        }
    }
}

static void test_error__messages_of_every_length_are_whole(void **state)
{
    char text[2048];
    (void)state;
    memset(text, 'x', sizeof text);
    for (size_t length = 0; length < sizeof text; length++) {
        locache_error error;
        text[length] = '\0';
        assert_int_equal(lc_fail(&error, LOCACHE_EINVAL, "%s", text), LOCACHE_EINVAL);
        size_t kept = length < LOCACHE_MESSAGE_MAX ? length : LOCACHE_MESSAGE_MAX - 4;
        assert_memory_equal(error.message, text, kept);
        assert_string_equal(error.message + kept, kept == length ? "" : "...");
        assert_int_equal(lc_fail_os(&error, EACCES, "%s", text), LOCACHE_EIO);
        assert_true(message_is_sound(&error));
        assert_non_null(strstr(error.message, strerror(EACCES)));
        text[length] = 'x';
    }
}

static void test_error__bytes_that_are_not_utf8_are_replaced(void **state)
{
    static const struct {
        const char *given, *kept;
    } all[] = {
        {"a\xFFz", "a\\xffz"},
        {"a\xC3", "a\\xc3"},
        {"a\xC3z", "a\\xc3z"},
        {"\xE6\xB0", "\\xe6\\xb0"},
        {"\xC0\xAF", "\\xc0\\xaf"},
        {"\xED\xA0\x80", "\\xed\\xa0\\x80"},
        {"\xF5\x80\x80\x80", "\\xf5\\x80\\x80\\x80"},
        {"\x80\xC3\xA9", "\\x80\xC3\xA9"},
        {"\xF0\x90\x85\x91\xF0\x90", "\xF0\x90\x85\x91\\xf0\\x90"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        locache_error error;
        char expected[64];
        assert_int_equal(lc_fail(&error, LOCACHE_EINVAL, "%s", all[i].given), LOCACHE_EINVAL);
        assert_string_equal(error.message, all[i].kept);
        assert_int_equal(lc_fail_os(&error, EIO, "%s", all[i].given), LOCACHE_EIO);
        snprintf(expected, sizeof expected, "%s: ", all[i].kept);
        assert_memory_equal(error.message, expected, strlen(expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error__statuses_are_pinned_and_named),
        cmocka_unit_test(test_error__version_agrees_with_its_numbers),
        cmocka_unit_test(test_error__fail_fills_and_returns),
        cmocka_unit_test(test_error__null_error_is_allowed),
        cmocka_unit_test(test_error__clear_forgets),
        cmocka_unit_test(test_error__arguments_may_be_the_old_message),
        cmocka_unit_test(test_error__os_failure_has_cause_and_remedy),
        cmocka_unit_test(test_error__unknown_errno_is_told),
        cmocka_unit_test(test_error__long_messages_are_cut_between_characters),
        cmocka_unit_test(test_error__messages_of_every_length_are_whole),
        cmocka_unit_test(test_error__bytes_that_are_not_utf8_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
