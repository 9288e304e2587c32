/* What the tests of CBOR writers share: one writer, fresh for each test, and random numbers that
 * can be had again. */
#ifndef LC_TEST_WRITER_H
#define LC_TEST_WRITER_H

#include "base/fault.h"
#include "base/system.h"
#include "fault.h"
#include "format/cbor.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>

#include <cmocka.h>

static locache_cbor_writer writer;

static inline int begin(void **state)
{
    (void)state;
    locache_cbor_writer_init(&writer, NULL, 0);
    return 0;
}

static inline int end(void **state)
{
    (void)state;
    lc_fault_hook = NULL;
    locache_cbor_writer_clear(&writer);
    return 0;
}

/* The bytes since the last time, in hexadecimal. */
static inline void assert_written(const char *expected)
{
    char text[512] = "";
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    assert_true(writer.length < sizeof text / 2);
    for (size_t i = 0; i < writer.length; i++)
        snprintf(text + 2 * i, 3, "%02x", writer.data[i]);
    assert_string_equal(text, expected);
    locache_cbor_writer_reset(&writer);
}

static inline void assert_fails(locache_status expected)
{
    assert_int_equal(locache_cbor_writer_status(&writer), expected);
    locache_cbor_writer_reset(&writer);
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
}

/* Different each time; a failure is reproduced by the seed that it printed. */
static uint64_t random_state;

static inline uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static inline void random_start(void)
{
    const char *given = getenv("LOCACHE_TEST_SEED");
    random_state = given ? strtoull(given, NULL, 0) : (uint64_t)lc_now() | 1;
    print_message("LOCACHE_TEST_SEED=0x%llx\n", (unsigned long long)random_state);
}

#define WRITE_TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

#endif
