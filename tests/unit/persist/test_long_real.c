/* Long doubles by their bits: as the compiler's own conversions have it. */
#include "scratch.h"

#include "persist/long_real.h"

#include <fenv.h>
#include <math.h>

static const double numbers[] = {
    0.0,     -0.0,     1.0,     -1.5,   0.1,       1e300,    -1e-300,
    DBL_MAX, -DBL_MAX, DBL_MIN, 5e-324, -1.5e-310, INFINITY, -INFINITY,
};

static void test_long_real__every_double_there_and_back(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint64_t bits, again;
        long double expected = (long double)numbers[i], made;
        memcpy(&bits, &numbers[i], sizeof bits);
        lc_long_real_widen(&made, bits);
        assert_memory_equal(&made, &expected, LC_LONG_REAL_SIZE);
        assert_true(lc_long_real_narrow(&again, &expected));
        assert_int_equal(again, bits);
    }
}

/* Half a unit, and what is beyond the range of doubles. */
static void test_long_real__what_is_no_double(void **unused)
{
    (void)unused;
    if (LDBL_MANT_DIG <= DBL_MANT_DIG)
        skip();
    const long double others[] = {0.1L,    1 + LDBL_EPSILON,         LDBL_MAX,  -LDBL_MIN,
                                  5e-324L, (long double)DBL_MAX * 2, 2.5e-324L, (long double)NAN};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        uint64_t bits;
        bool is = !((long double)(double)others[i] != others[i]);
        assert_int_equal(lc_long_real_narrow(&bits, &others[i]), is);
    }
}

static void test_long_real__no_flag_is_raised(void **unused)
{
    (void)unused;
    volatile long double inexact = 0.1L;
    uint64_t bits;
    feclearexcept(FE_ALL_EXCEPT);
    for (int mode = 0; mode < 2; mode++) {
        long double value = inexact;
        assert_false(LDBL_MANT_DIG > DBL_MANT_DIG && lc_long_real_narrow(&bits, &value));
        lc_long_real_widen(&value, 0x7FF0000000000001); /* a signalling NaN */
        assert_int_equal(fetestexcept(FE_ALL_EXCEPT), 0);
        fesetround(FE_UPWARD);
    }
    fesetround(FE_TONEAREST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_long_real__every_double_there_and_back),
        scratch_test(test_long_real__what_is_no_double),
        scratch_test(test_long_real__no_flag_is_raised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
