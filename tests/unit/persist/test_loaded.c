/* Functions that are loaded and unloaded in any order are found while they are there. */
#include "scratch.h"

#include "persist/loaded.h"

enum { FUNCTIONS = 4 };

static locache_function_record records[FUNCTIONS];
static const char codes[FUNCTIONS]; /* whose addresses stand for those of code */

static void load_all(void)
{
    for (size_t i = 0; i < FUNCTIONS; i++) {
        records[i].code = &codes[i];
        locache_function_begin(&records[i]);
    }
}

static void test_loaded__in_every_order(void **unused)
{
    (void)unused;
    /* Which goes first, and in which direction the others follow. */
    for (size_t first = 0; first < FUNCTIONS; first++) {
        for (size_t step = 1; step < FUNCTIONS; step += 2) {
            load_all();
            for (size_t gone = 0; gone < FUNCTIONS; gone++) {
                lc_loaded_leave(&records[(first + gone * step) % FUNCTIONS]);
                for (size_t i = 0; i < FUNCTIONS; i++) {
                    bool there = true;
                    for (size_t j = 0; j <= gone; j++)
                        there = there && i != (first + j * step) % FUNCTIONS;
                    assert_ptr_equal(lc_loaded_find(&codes[i]), there ? &records[i] : NULL);
                }
            }
        }
    }
}

/* One that was never loaded may leave. */
static void test_loaded__not_there(void **unused)
{
    (void)unused;
    locache_function_record other = {.size = sizeof other};
    lc_loaded_leave(&other);
    assert_null(lc_loaded_find(&other));
    assert_int_equal(locache_reset_function(&other), LOCACHE_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_loaded__in_every_order),
        scratch_test(test_loaded__not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
