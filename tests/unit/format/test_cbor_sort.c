/* locache_cbor_write_sorted(): sets and maps in canonical order. */
#include "writer.h"

static void test_cbor_sort__orders_sets_bytewise(void **state)
{
    (void)state;
    locache_cbor_write_array(&writer, 9); /* what is before `start` stays */
    size_t start = writer.length;
    locache_cbor_write_text(&writer, "aa", 2);
    locache_cbor_write_null(&writer);
    locache_cbor_write_int(&writer, -1);
    locache_cbor_write_text(&writer, "z", 1);
    locache_cbor_write_int(&writer, 100);
    locache_cbor_write_array(&writer, 1);
    locache_cbor_write_int(&writer, 5);
    locache_cbor_write_int(&writer, 10);
    locache_cbor_write_array(&writer, 0);
    locache_cbor_write_bool(&writer, false);
    locache_cbor_write_sorted(&writer, start, 1);
    /* The order that RFC 8949, 4.2.1 gives for such keys, with the empty array before the longer
     * one. */
    assert_written("89"
                   "0a"
                   "1864"
                   "20"
                   "617a"
                   "626161"
                   "80"
                   "8105"
                   "f4"
                   "f6");
}

static void test_cbor_sort__moves_pairs_whole(void **state)
{
    (void)state;
    locache_cbor_write_text(&writer, "b", 1);
    locache_cbor_write_array(&writer, 2);
    locache_cbor_write_int(&writer, 9);
    locache_cbor_write_int(&writer, 8);
    locache_cbor_write_text(&writer, "a", 1);
    locache_cbor_write_int(&writer, 7);
    locache_cbor_write_sorted(&writer, 0, 2);
    assert_written("616107"
                   "6162820908");
}

static void test_cbor_sort__takes_any_group_size(void **state)
{
    (void)state;
    for (int i = 9; i > 0; i--)
        locache_cbor_write_int(&writer, i);
    locache_cbor_write_sorted(&writer, 0, 3);
    assert_written("030201060504090807");
}

static void test_cbor_sort__of_nothing_or_one_is_as_it_was(void **state)
{
    (void)state;
    locache_cbor_write_sorted(&writer, 0, 1);
    assert_written("");
    locache_cbor_write_int(&writer, 5);
    locache_cbor_write_sorted(&writer, 1, 2);
    locache_cbor_write_sorted(&writer, 0, 1);
    assert_written("05");
}

static void test_cbor_sort__needs_no_memory_for_what_is_in_order(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        locache_cbor_write_int(&writer, i);
    fault_set("alloc", 1, ENOMEM);
    locache_cbor_write_sorted(&writer, 0, 1);
    assert_false(fault_clear());
    assert_written("000102030405060708090a0b0c0d0e0f10111213");
}

static void test_cbor_sort__refuses_duplicates(void **state)
{
    (void)state;
    for (int distance = 1; distance < 20; distance++) {
        for (int i = 0; i < distance; i++)
            locache_cbor_write_int(&writer, 30 - i);
        locache_cbor_write_int(&writer, 30);
        locache_cbor_write_sorted(&writer, 0, 1);
        assert_fails(LOCACHE_EINVAL);
    }
    locache_cbor_write_raw(&writer, "\x01\x05\x01\x06", 4);
    locache_cbor_write_sorted(&writer, 0, 2);
    assert_fails(LOCACHE_EINVAL);
    locache_cbor_write_raw(&writer, "\x01\x05\x02\x05", 4);
    locache_cbor_write_sorted(&writer, 0, 2);
    assert_written("01050205");
}

static void test_cbor_sort__refuses_what_is_not_groups(void **state)
{
    static const struct {
        const char *bytes;
        size_t size, start;
        unsigned per_group;
    } all[] = {
        {"\x03\x02\x01", 3, 0, 2},         /* half a pair */
        {"\x03\x02\x01", 3, 0, 0},         /* no groups */
        {"\x03\x02\x01", 3, 4, 1},         /* beyond the end */
        {"\x82\x01", 2, 0, 1},             /* cut off */
        {"\x03\x02\x18\x01", 4, 0, 1},     /* a head that is too long */
        {"\x03\x9F\x01\xFF", 4, 0, 1},     /* indefinite */
        {"\x02\x01\xF7", 3, 0, 1},         /* reserved */
        {"\x02\x01\x03\x04\x05", 5, 0, 4}, /* one group and a bit */
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        locache_cbor_write_raw(&writer, all[i].bytes, all[i].size);
        locache_cbor_write_sorted(&writer, all[i].start, all[i].per_group);
        assert_fails(LOCACHE_EINVAL);
    }
}

static void test_cbor_sort__refuses_what_is_too_deep(void **state)
{
    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        locache_cbor_write_int(&writer, -1);
        for (unsigned i = 0; i < LOCACHE_DEPTH_MAX + extra; i++)
            locache_cbor_write_array(&writer, 1);
        locache_cbor_write_int(&writer, 1);
        locache_cbor_write_int(&writer, 0);
        locache_cbor_write_sorted(&writer, 0, 1);
        assert_fails(extra ? LOCACHE_ELIMIT : LOCACHE_OK);
    }
}

static void test_cbor_sort__puts_every_permutation_into_one_order(void **state)
{
    static const char *const items[] = {"\x01", "\x18\x20", "\x61\x61",
                                        "\xF6", "\x81\x01", "\x82\x01\x01"};
    (void)state;
    for (unsigned n = 0; n < 720; n++) {
        bool used[6] = {false};
        unsigned code = n;
        for (unsigned left = 6; left > 0; left--) {
            unsigned skip_count = code % left;
            unsigned at = 0;
            code /= left;
            while (used[at] || skip_count-- > 0)
                at++;
            used[at] = true;
            locache_cbor_write_raw(&writer, items[at], strlen(items[at]));
        }
        locache_cbor_write_sorted(&writer, 0, 1);
        assert_written("01"
                       "1820"
                       "6161"
                       "8101"
                       "820101"
                       "f6");
    }
}

static void test_cbor_sort__orders_many(void **state)
{
    (void)state;
    random_start();
    for (size_t count = 2; count < 40000; count = count * 3 / 2 + 1) {
        locache_cbor_reader reader;
        locache_cbor_item item;
        uint64_t sum = 0;
        uint64_t previous = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t value = random_next() << 20 | i; /* never twice */
            sum += value;
            locache_cbor_write_uint(&writer, value);
            locache_cbor_write_uint(&writer, ~value);
        }
        locache_cbor_write_sorted(&writer, 0, 2);
        assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
        locache_cbor_reader_init(&reader, writer.data, writer.length);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            assert_true(i == 0 || item.number > previous);
            previous = item.number;
            sum -= item.number;
            assert_int_equal(locache_cbor_read(&item, &reader), LOCACHE_OK);
            assert_true(item.number == ~previous);
        }
        assert_true(sum == 0);
        assert_int_equal(locache_cbor_reader_end(&reader), LOCACHE_OK);
        locache_cbor_writer_reset(&writer);
    }
}

static void test_cbor_sort__fails_cleanly_at_every_allocation(void **state)
{
    bool failed = true;
    (void)state;
    for (int n = 1; failed; n++) {
        for (int i = 9; i >= 0; i--)
            locache_cbor_write_int(&writer, i);
        fault_set("alloc", n, ENOMEM);
        locache_cbor_write_sorted(&writer, 0, 1);
        failed = fault_clear();
        if (failed) {
            assert_int_equal(writer.length, 10);
            assert_int_equal(writer.data[0], 9);
            assert_fails(LOCACHE_ENOMEM);
        }
    }
    assert_written("00010203040506070809");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WRITE_TEST(test_cbor_sort__orders_sets_bytewise),
        WRITE_TEST(test_cbor_sort__moves_pairs_whole),
        WRITE_TEST(test_cbor_sort__takes_any_group_size),
        WRITE_TEST(test_cbor_sort__of_nothing_or_one_is_as_it_was),
        WRITE_TEST(test_cbor_sort__needs_no_memory_for_what_is_in_order),
        WRITE_TEST(test_cbor_sort__refuses_duplicates),
        WRITE_TEST(test_cbor_sort__refuses_what_is_not_groups),
        WRITE_TEST(test_cbor_sort__refuses_what_is_too_deep),
        WRITE_TEST(test_cbor_sort__puts_every_permutation_into_one_order),
        WRITE_TEST(test_cbor_sort__orders_many),
        WRITE_TEST(test_cbor_sort__fails_cleanly_at_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
