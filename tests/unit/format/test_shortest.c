/* The shortest decimals of doubles: read back, and no shorter one would do. */
#include "doubles.h"
#include "format/decimal.h"
#include "format/shortest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fenv.h>

#include <cmocka.h>

#define DRAWS 5000

static const char *text_of(double value)
{
    static char text[LC_DECIMAL_MAX + 1];
    text[lc_decimal_real(text, value)] = '\0';
    return text;
}

/* By the C library: the digits of the first precision that is read back. */
static int digits_needed(double value)
{
    char text[64];
    for (int count = 1; count < LC_SHORTEST_DIGITS_MAX; count++) {
        snprintf(text, sizeof text, "%.*e", count - 1, value);
        if (to_bits(strtod(text, NULL)) == to_bits(value))
            return count;
    }
    return LC_SHORTEST_DIGITS_MAX;
}

static void check(uint64_t bits)
{
    lc_shortest_digits digits;
    double value = from_bits(bits);
    if (to_bits(strtod(text_of(value), NULL)) != bits)
        fail_msg("%s is not read back as %a", text_of(value), value);
    lc_shortest(&digits, bits);
    /* Fewer where the nearest decimal of a precision is too far off, and the next one is not. */
    if (digits.count > digits_needed(value))
        fail_msg("%s: %d digits would do", text_of(value), digits_needed(value));
    assert_true(digits.text[0] != '0');
    assert_true(digits.text[digits.count - 1] != '0');
}

static void test_shortest__known_ones(void **state)
{
    (void)state;
    assert_string_equal(text_of(0.1), "0.1");
    assert_string_equal(text_of(0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(text_of(1e23), "1e+23");
    assert_string_equal(text_of(9.5367431640625e-07), "9.5367431640625e-07");
    assert_string_equal(text_of(9007199254740993.0), "9007199254740992.0");
    assert_string_equal(text_of(123456789012345680.0), "1.2345678901234568e+17");
    assert_string_equal(text_of(5e-324), "5e-324");
    assert_string_equal(text_of(2.2250738585072014e-308), "2.2250738585072014e-308");
    assert_string_equal(text_of(1.7976931348623157e308), "1.7976931348623157e+308");
    assert_string_equal(text_of(9.109383e-31), "9.109383e-31");
    assert_string_equal(text_of(-0.0), "-0.0");
}

/* Where a lower neighbour is nearer than the upper one. */
static void test_shortest__powers_of_two_and_their_neighbours(void **state)
{
    (void)state;
    for (uint64_t field = 1; field < 2047; field++)
        for (int64_t off = -2; off <= 2; off++)
            check((field << 52) + (uint64_t)off);
}

static void test_shortest__powers_of_ten(void **state)
{
    char text[16];
    (void)state;
    for (int power = -323; power <= 308; power++) {
        snprintf(text, sizeof text, "1e%d", power);
        check(to_bits(strtod(text, NULL)));
    }
}

static void test_shortest__drawn(void **state)
{
    uint64_t seed = (uint64_t)time(NULL) | 1;
    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < DRAWS; i++) {
        seed ^= seed << 13; /* xorshift64 (Marsaglia, 2003) */
        seed ^= seed >> 7;
        seed ^= seed << 17;
        uint64_t bits = seed & INT64_MAX;
        if (bits > 0 && bits < to_bits(1.0 / 0.0))
            check(bits);
        check(bits % 1000 + 1); /* subnormals of few bits */
        check(to_bits((double)(bits % 100000000) / 1000));
    }
}

/* A program may compute with another rounding mode, and have its flags looked at. */
static void test_shortest__in_every_rounding_mode(void **state)
{
    static const int modes[] = {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};
    static const double values[] = {0.1, 0.3, 123.456, 1e23, 5e-324, 2.5};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char nearest[LC_DECIMAL_MAX + 1];
        snprintf(nearest, sizeof nearest, "%s", text_of(values[i]));
        for (size_t mode = 0; mode < sizeof modes / sizeof *modes; mode++) {
            fesetround(modes[mode]);
            feclearexcept(FE_ALL_EXCEPT);
            const char *text = text_of(values[i]);
            int raised = fetestexcept(FE_ALL_EXCEPT);
            fesetround(FE_TONEAREST);
            assert_string_equal(text, nearest);
            assert_int_equal(raised, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shortest__known_ones),
        cmocka_unit_test(test_shortest__powers_of_two_and_their_neighbours),
        cmocka_unit_test(test_shortest__powers_of_ten),
        cmocka_unit_test(test_shortest__drawn),
        cmocka_unit_test(test_shortest__in_every_rounding_mode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
