/* How long results last, and who computes a stale one anew. */
#include "fault.h"
#include "scratch.h"

#include <time.h>

#define MS INT64_C(1000000)

static void pass(int64_t nanoseconds)
{
    nanosleep(&(struct timespec){.tv_sec = nanoseconds / 1000000000,
                                 .tv_nsec = (long)(nanoseconds % 1000000000)},
              NULL);
}

static locache *open_lasting(int64_t ttl, int64_t stale)
{
    locache_options options = options_for("my_func");
    options.ttl = ttl;
    options.stale = stale;
    return open_with(&options);
}

static void put_expiring(locache *cache, int x, int64_t span)
{
    struct timespec now;
    key k = key_of(x);
    clock_gettime(CLOCK_REALTIME, &now);
    const locache_record record = {.size = sizeof record,
                                   .codec = LOCACHE_CODEC_RAW,
                                   .body = "r",
                                   .body_size = 1,
                                   .expires = now.tv_sec * 1000000000 + now.tv_nsec + span};
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
}

static void test_bounds__ttl_is_the_readers(void **unused)
{
    (void)unused;
    locache *writer = open_lasting(0, 0);
    locache *reader = open_lasting(50 * MS, 0);
    must_put(writer, 1, "r");
    assert_hit(reader, 1, "r");
    assert_hit(reader, 1, "r"); /* from memory */
    pass(60 * MS);
    assert_miss(reader, 1);
    assert_string_equal(error.message, "expired");
    assert_hit(writer, 1, "r");
    must_put(reader, 1, "new");
    assert_hit(reader, 1, "new");
    pass(60 * MS);
    assert_miss(reader, 1);
    assert_hit(writer, 1, "new");
    locache_close(reader);
    locache_close(writer);
}

/* An entry's own end counts for whoever reads, and where it comes before ttl's. */
static void test_bounds__a_record_expires_for_all(void **unused)
{
    (void)unused;
    locache *plain = open_lasting(0, 0);
    locache *lasting = open_lasting(1000000 * MS, 0);
    put_expiring(lasting, 1, 30 * MS);
    assert_hit(plain, 1, "r");
    assert_hit(lasting, 1, "r");
    pass(40 * MS);
    assert_miss(plain, 1);
    assert_miss(lasting, 1);
    locache_close(lasting);
    locache_close(plain);
}

/* What a caller is given, and whether it is his to compute anew. */
static locache_status begin(locache_flight **flight, locache *cache, int x, const char *expected)
{
    locache_value *value = NULL;
    size_t size;
    key k = key_of(x);
    *flight = (locache_flight *)&error; /* it is to be set */
    locache_status status = locache_begin(&value, flight, cache, k.bytes, k.size, &error);
    if (status == LOCACHE_OK) {
        const void *body = locache_value_body(&size, value);
        assert_int_equal(size, strlen(expected));
        assert_memory_equal(body, expected, size);
        locache_value_free(value);
    }
    return status;
}

static void commit(locache_flight *flight, const char *body)
{
    const locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = body, .body_size = strlen(body)};
    assert_int_equal(locache_commit(flight, &record, &error), LOCACHE_OK);
}

static uint64_t hits_of(locache *cache)
{
    locache_statistics counted = {.size = sizeof counted};
    assert_int_equal(locache_info(&counted, cache), LOCACHE_OK);
    return counted.hits;
}

static void ask_in_child(void *context)
{
    (void)context;
    locache_flight *flight;
    locache *cache = open_lasting(30 * MS, 100000 * MS);
    child_require(begin(&flight, cache, 1, "old") == LOCACHE_OK);
    child_require(flight == NULL);
    locache_close(cache);
}

static void test_bounds__one_of_all_refreshes(void **unused)
{
    (void)unused;
    locache_flight *flight;
    locache_flight *other;
    locache *cache = open_lasting(30 * MS, 100000 * MS);
    locache *second = open_lasting(30 * MS, 100000 * MS);
    assert_int_equal(begin(&flight, cache, 1, ""), LOCACHE_MISS);
    commit(flight, "old");
    assert_int_equal(begin(&flight, cache, 1, "old"), LOCACHE_OK);
    assert_null(flight);
    pass(40 * MS);
    assert_int_equal(begin(&flight, cache, 1, "old"), LOCACHE_OK);
    assert_non_null(flight);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(begin(&other, i % 2 == 0 ? cache : second, 1, "old"), LOCACHE_OK);
        assert_null(other);
    }
    wait_for(in_child(ask_in_child, NULL));
    /* Each was given one, who has the turn as well. */
    assert_int_equal(hits_of(cache) + hits_of(second), 5);
    commit(flight, "new");
    assert_int_equal(begin(&other, second, 1, "new"), LOCACHE_OK);
    assert_null(other);
    /* Given up, it is the next one's. */
    pass(40 * MS);
    assert_int_equal(begin(&flight, second, 1, "new"), LOCACHE_OK);
    assert_non_null(flight);
    locache_abandon(flight);
    assert_int_equal(begin(&flight, cache, 1, "new"), LOCACHE_OK);
    assert_non_null(flight);
    locache_abandon(flight);
    locache_close(second);
    locache_close(cache);
}

static void test_bounds__after_its_stale_time_it_is_a_miss(void **unused)
{
    (void)unused;
    locache_flight *flight;
    locache *cache = open_lasting(20 * MS, 20 * MS);
    must_put(cache, 1, "r");
    pass(50 * MS);
    assert_int_equal(begin(&flight, cache, 1, ""), LOCACHE_MISS);
    locache_abandon(flight);
    locache_close(cache);
    /* A record's own end has a stale time, too; and without one there is none. */
    cache = open_lasting(0, 100000 * MS);
    put_expiring(cache, 2, 20 * MS);
    pass(30 * MS);
    assert_int_equal(begin(&flight, cache, 2, "r"), LOCACHE_OK);
    assert_non_null(flight);
    locache_abandon(flight);
    locache_close(cache);
    cache = open_lasting(0, 0);
    assert_miss(cache, 2);
    locache_close(cache);
}

/* Who reads only is given the stale one, and computes nothing. */
static void test_bounds__read_only(void **unused)
{
    (void)unused;
    locache_flight *flight;
    locache_options options = options_for("my_func");
    locache *cache = open_lasting(20 * MS, 100000 * MS);
    must_put(cache, 1, "r");
    pass(30 * MS);
    options.ttl = 20 * MS;
    options.stale = 100000 * MS;
    options.flags |= LOCACHE_OPEN_READ_ONLY;
    locache *reader = open_with(&options);
    assert_int_equal(begin(&flight, reader, 1, "r"), LOCACHE_OK);
    assert_null(flight);
    locache_close(reader);
    locache_close(cache);
}

/* Without memory, or where a call fails, the stale one is given. */
static void test_bounds__whatever_fails(void **unused)
{
    (void)unused;
    static const char *const calls[] = {"alloc", "lockrange", "openat", "fstatat"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        bool failed = true;
        for (int n = 1; failed && n < 50; n++) {
            locache_flight *flight;
            locache *cache = open_lasting(1, 100000 * MS);
            must_put(cache, 1, "r");
            fault_set(calls[i], n, i == 0 ? ENOMEM : EIO);
            locache_status status = begin(&flight, cache, 1, "r");
            failed = fault_clear();
            assert_true(status == LOCACHE_OK || failed);
            if (status == LOCACHE_OK || status == LOCACHE_MISS)
                locache_abandon(flight);
            locache_close(cache);
        }
        assert_false(failed);
    }
}

static void test_bounds__thrashing_is_known(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.max_entries = 10;
    locache *cache = open_with(&options);
    locache_statistics seen = {.size = sizeof seen};
    for (int x = 0; x < 20; x++)
        must_put(cache, x, "r");
    assert_int_equal(locache_info(&seen, cache), LOCACHE_OK);
    assert_int_equal(seen.thrashing, 0);
    for (int x = 20; x < 60; x++)
        must_put(cache, x, "r");
    assert_int_equal(locache_info(&seen, cache), LOCACHE_OK);
    assert_int_equal(seen.thrashing, 1);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_bounds__ttl_is_the_readers),
        scratch_test(test_bounds__a_record_expires_for_all),
        scratch_test(test_bounds__one_of_all_refreshes),
        scratch_test(test_bounds__after_its_stale_time_it_is_a_miss),
        scratch_test(test_bounds__read_only),
        scratch_test(test_bounds__whatever_fails),
        scratch_test(test_bounds__thrashing_is_known),
    };
    return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
