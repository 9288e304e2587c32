/* Arrays that can be none: a caller's mistake is neither a key nor a result. */
#include "scratch.h"

#include "persist/vector.h"

static const unsigned kind = LOCACHE_CTYPE_ARRAY + LOCACHE_ELEMENT_FLOAT64;

static void test_vector__impossible_ones_are_refused(void **unused)
{
    (void)unused;
    double element = 1;
    const locache_array(double) arrays[] = {{NULL, 3}, {&element, SIZE_MAX / 4}};
    for (size_t i = 0; i < 2; i++) {
        const void *data;
        size_t size;
        locache_cbor_writer written, body;
        locache_cbor_writer_init(&written, NULL, 0);
        locache_cbor_writer_init(&body, NULL, 0);
        lc_vector_key(&written, kind, &arrays[i]);
        lc_vector_write(&body, kind, &arrays[i]);
        assert_int_equal(locache_cbor_writer_status(&written), LOCACHE_EINVAL);
        assert_int_equal(locache_cbor_writer_status(&body), LOCACHE_EINVAL);
        assert_false(lc_vector_apart(&data, &size, kind, &arrays[i]));
        locache_cbor_writer_clear(&written);
        locache_cbor_writer_clear(&body);
    }
}

static void test_vector__large_ones_are_apart(void **unused)
{
    (void)unused;
    static double elements[512];
    const void *data = NULL;
    size_t size = 0;
    locache_array(double) array = {elements, 511};
    assert_false(lc_vector_apart(&data, &size, kind, &array));
    array.count = 512;
    assert_true(lc_vector_apart(&data, &size, kind, &array));
    assert_ptr_equal(data, elements);
    assert_int_equal(size, sizeof elements);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_vector__impossible_ones_are_refused),
        scratch_test(test_vector__large_ones_are_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
