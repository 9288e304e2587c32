/* Messages side by side: of each the digest that libsodium gives of it alone. */
#define PATTERN_SIZE ((size_t)16 << 10)

#include "base/hash.h"
#include "base/lanes.h"
#include "pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <sodium.h>

#define PERSON "0123456789abcdef"

typedef void digest_several(unsigned char (*out)[LOCACHE_DIGEST_SIZE],
                            const unsigned char *const *messages, size_t size, const char *person);

static void digest_alone(unsigned char out[LOCACHE_DIGEST_SIZE], const unsigned char *data,
                         size_t size)
{
    int result = crypto_generichash_blake2b_salt_personal(
        out, LOCACHE_DIGEST_SIZE, data, size, NULL, 0, NULL, (const unsigned char *)PERSON);
    assert_int_equal(result, 0);
}

static void check(digest_several *several, unsigned count)
{
    unsigned char out[LC_LANES_MOST][LOCACHE_DIGEST_SIZE];
    unsigned char alone[LOCACHE_DIGEST_SIZE];
    const unsigned char *messages[LC_LANES_MOST];
    for (size_t size = 1; size < 1100; size++) {
        /* At any address, and one of them twice. */
        for (unsigned i = 0; i < count; i++)
            messages[i] = pattern + (i == 2 ? 0 : i * 1111 + i);
        several(out, messages, size, PERSON);
        for (unsigned i = 0; i < count; i++) {
            digest_alone(alone, messages[i], size);
            assert_memory_equal(out[i], alone, sizeof alone);
        }
    }
}

static void test_lanes__each_has_its_own(void **state)
{
    (void)state;
    unsigned count = lc_lanes_count();
    if (count == 0)
        skip();
    check(lc_lanes_digest, count);
}

#ifdef LC_LANES_X86
static void test_lanes__four(void **state)
{
    (void)state;
    if (lc_lanes_count() < 4)
        skip();
    check(lc_lanes_digest_four, 4);
}

static void test_lanes__eight(void **state)
{
    (void)state;
    if (lc_lanes_count() < 8)
        skip();
    check(lc_lanes_digest_eight, 8);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lanes__each_has_its_own),
#ifdef LC_LANES_X86
        cmocka_unit_test(test_lanes__four),
        cmocka_unit_test(test_lanes__eight),
#endif
    };
    return cmocka_run_group_tests(tests, make_pattern, free_pattern);
}
