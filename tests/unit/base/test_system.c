/* What is asked of the system that concerns no file: the clock. */
#include "base/system.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <setjmp.h>

#include <cmocka.h>

static void test_system__now_is_now(void **state)
{
    (void)state;
    int64_t now = lc_now() / 1000000000;
    assert_true(llabs((long long)now - (long long)time(NULL)) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_system__now_is_now)};
    return cmocka_run_group_tests_name("system", tests, NULL, NULL);
}
