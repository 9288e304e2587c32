/* A flight: who begins one, and what its commit and its abandoning leave. */
#include "scratch.h"

#include "fault.h"

static const locache_record result = {
    .size = sizeof result, .codec = LOCACHE_RAW, .body = "r", .body_size = 1, .compute_time = 7};

/* The status of asking for x; where it is OK, the value is freed. */
static locache_status begin(locache_flight **flight, locache *cache, int64_t x)
{
    key k = key_of(x);
    locache_value *value = NULL;
    locache_status status = locache_begin(&value, flight, cache, k.bytes, k.size, &error);
    assert_true((status == LOCACHE_OK) == (value != NULL));
    locache_value_free(value);
    return status;
}

static void test_flight__a_miss_gives_a_flight_and_a_hit_none(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight = NULL;
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(error.status, LOCACHE_OK);
    assert_non_null(flight);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    flight = NULL;
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_OK);
    assert_null(flight);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

static void test_flight__what_is_abandoned_is_not_there(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight;
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    locache_abandon(flight);
    locache_abandon(NULL);
    assert_miss(cache, 1);
    assert_int_equal(count_of(cache), 0);
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

static void test_flight__flights_nest(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flights[20];
    for (int i = 0; i < 20; i++)
        /* the later ones ask for the same */
        assert_int_equal(begin(&flights[i], cache, i % 10), LOCACHE_MISS);
    for (int i = 20; i-- > 0;)
        assert_int_equal(locache_commit(flights[i], &result, &error), LOCACHE_OK);
    assert_int_equal(count_of(cache), 10);
    locache_close(cache);
}

static void test_flight__an_entry_that_is_not_valid_is_computed_anew(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight;
    must_put(cache, 1, "r");
    write_text(in_foo("my_func/x=1"), "damaged");
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(error.status, LOCACHE_ECORRUPT);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

static void test_flight__begin_and_commit_report_failures(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight = NULL;
    locache_value *value = NULL;
    key k = key_of(1);
    assert_int_equal(locache_begin(&value, &flight, cache, "no key", 6, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_begin(&value, &flight, cache, "no key", 6, NULL), LOCACHE_EINVAL);
    fault_set("alloc", 1, ENOMEM);
    assert_int_equal(locache_begin(&value, &flight, cache, k.bytes, k.size, &error),
                     LOCACHE_ENOMEM);
    fault_clear();
    assert_int_equal(error.status, LOCACHE_ENOMEM);
    assert_null(value);
    assert_null(flight);
    /* The flight goes with a commit that fails, too. */
    locache_record wrong = result;
    wrong.codec = (locache_codec)9;
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(locache_commit(flight, &wrong, &error), LOCACHE_EINVAL);
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(locache_commit(flight, NULL, &error), LOCACHE_EINVAL);
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    fault_set("write", 1, ENOSPC);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_EIO);
    fault_clear();
    assert_miss(cache, 1);
    locache_close(cache);
}

typedef struct inheritance {
    locache *cache;
    locache_flight *flight;
} inheritance;

static void abandon_in_child(void *context)
{
    inheritance *all = context;
    locache_abandon(all->flight);
    locache_close(all->cache);
}

static void test_flight__a_child_abandons_its_parents(void **unused)
{
    (void)unused;
    inheritance all = {.cache = open_function("my_func")};
    assert_int_equal(begin(&all.flight, all.cache, 1), LOCACHE_MISS);
    wait_for(in_child(abandon_in_child, &all));
    assert_int_equal(locache_commit(all.flight, &result, &error), LOCACHE_OK);
    assert_hit(all.cache, 1, "r");
    locache_close(all.cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_flight__a_miss_gives_a_flight_and_a_hit_none),
        scratch_test(test_flight__what_is_abandoned_is_not_there),
        scratch_test(test_flight__flights_nest),
        scratch_test(test_flight__an_entry_that_is_not_valid_is_computed_anew),
        scratch_test(test_flight__begin_and_commit_report_failures),
        scratch_test(test_flight__a_child_abandons_its_parents),
    };
    return cmocka_run_group_tests_name("flight", tests, NULL, NULL);
}
