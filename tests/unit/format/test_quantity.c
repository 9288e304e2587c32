/* Sizes and ages as people write them, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "format/quantity.h"

#include <string.h>

#define SECOND INT64_C(1000000000)

static void test_quantity__is_read_as_people_write_it(void **unused)
{
    static const struct {
        lc_quantity what;
        const char *text;
        int64_t value;
    } rows[] = {
        {LC_QUANTITY_COUNT, "1000", 1000},
        {LC_QUANTITY_COUNT, " \t7\r ", 7},
        {LC_QUANTITY_COUNT, "0", 0},
        {LC_QUANTITY_SIZE, "1024", 1024},
        {LC_QUANTITY_SIZE, "10B", 10},
        {LC_QUANTITY_SIZE, "500K", 500 * 1024},
        {LC_QUANTITY_SIZE, "1.5g", INT64_C(3) << 29},
        {LC_QUANTITY_SIZE, "10GiB", INT64_C(10) << 30},
        {LC_QUANTITY_SIZE, "10gb", INT64_C(10) << 30},
        {LC_QUANTITY_SIZE, ".5M", 1 << 19},
        {LC_QUANTITY_AGE, "90s", 90 * SECOND},
        {LC_QUANTITY_AGE, "0", 0},
        {LC_QUANTITY_AGE, "0h", 0},
        {LC_QUANTITY_AGE, "0.25s", SECOND / 4},
        {LC_QUANTITY_AGE, "10m", 600 * SECOND},
        {LC_QUANTITY_AGE, "12H", 43200 * SECOND},
        {LC_QUANTITY_AGE, "30d", 30 * 86400 * SECOND},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t found = -1;
        if (!lc_quantity_read(&found, rows[i].what, rows[i].text, strlen(rows[i].text)))
            fail_msg("\"%s\" is none", rows[i].text);
        assert_int_equal(found, rows[i].value);
    }
}

static void test_quantity__what_is_none_changes_nothing(void **unused)
{
    static const struct {
        lc_quantity what;
        const char *text;
    } rows[] = {
        {LC_QUANTITY_COUNT, ""},
        {LC_QUANTITY_COUNT, "  "},
        {LC_QUANTITY_COUNT, "."},
        {LC_QUANTITY_COUNT, "1.5"},
        {LC_QUANTITY_COUNT, "-1"},
        {LC_QUANTITY_COUNT, "10K"},
        {LC_QUANTITY_COUNT, "1e3"},
        {LC_QUANTITY_SIZE, "many"},
        {LC_QUANTITY_SIZE, "1.2.3K"},
        {LC_QUANTITY_SIZE, "10iB"},
        {LC_QUANTITY_SIZE, "10 K"},
        {LC_QUANTITY_SIZE, "10 kilobytes"},
        {LC_QUANTITY_SIZE, "10d"},
        {LC_QUANTITY_SIZE, "9999999999999G"},
        {LC_QUANTITY_SIZE, "10000000000000000000"},
        {LC_QUANTITY_AGE, "10GB"},
        {LC_QUANTITY_AGE, "90"},
        {LC_QUANTITY_AGE, "0.5"},
        {LC_QUANTITY_AGE, "300y"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t found = 42;
        if (lc_quantity_read(&found, rows[i].what, rows[i].text, strlen(rows[i].text)))
            fail_msg("\"%s\" is read as %lld", rows[i].text, (long long)found);
        assert_int_equal(found, 42);
    }
}

static void test_quantity__is_written_as_short_as_it_is_exact(void **unused)
{
    static const struct {
        lc_quantity what;
        int64_t value;
        const char *text;
    } rows[] = {
        {LC_QUANTITY_COUNT, 1000, "1000"},
        {LC_QUANTITY_SIZE, 0, "0"},
        {LC_QUANTITY_SIZE, 1023, "1023"},
        {LC_QUANTITY_SIZE, INT64_C(10) << 30, "10G"},
        {LC_QUANTITY_SIZE, INT64_C(3) << 29, "1536M"},
        {LC_QUANTITY_SIZE, INT64_MAX, "9223372036854775807"},
        {LC_QUANTITY_AGE, 30 * 86400 * SECOND, "30d"},
        {LC_QUANTITY_AGE, 90 * SECOND, "90s"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[LC_QUANTITY_TEXT];
        lc_quantity_write(text, rows[i].what, rows[i].value);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantity__is_read_as_people_write_it),
        cmocka_unit_test(test_quantity__what_is_none_changes_nothing),
        cmocka_unit_test(test_quantity__is_written_as_short_as_it_is_exact),
    };
    return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
