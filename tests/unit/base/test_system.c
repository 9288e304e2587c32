/* What is asked of the system that concerns no file: the clock. */
#include "base/system.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include <setjmp.h>

#include <cmocka.h>

static void test_system__now_is_now(void **state)
{
    (void)state;
    int64_t now = lc_now() / 1000000000;
    assert_true(llabs((long long)now - (long long)time(NULL)) <= 1);
}

/* What the process may have is no more than it was told. */
static void test_system__memory_is_within_the_limit(void **state)
{
    struct rlimit before;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    assert_true(lc_memory_available() > 0);
    assert_true(lc_memory_available() <= lc_memory_size());
    const struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    uint64_t available = lc_memory_available();
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_true(available <= 1 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_system__now_is_now),
                                       cmocka_unit_test(test_system__memory_is_within_the_limit)};
    return cmocka_run_group_tests_name("system", tests, NULL, NULL);
}
