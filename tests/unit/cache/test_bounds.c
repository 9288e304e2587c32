/* How long results last, and who computes a stale one anew. */
#include "fault.h"
#include "scratch.h"

#include <pthread.h>
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
    put_expiring(lasting, 1, 400 * MS);
    assert_hit(plain, 1, "r");
    assert_hit(lasting, 1, "r");
    pass(410 * MS);
    assert_miss(plain, 1);
    assert_miss(lasting, 1);
    locache_close(lasting);
    locache_close(plain);
}

static bool given_stale; /* by the last begin() */

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
        given_stale = locache_value_stale(value);
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
    locache *cache = open_lasting(400 * MS, 100000 * MS);
    child_require(begin(&flight, cache, 1, "old") == LOCACHE_OK);
    child_require(flight == NULL);
    locache_close(cache);
}

static void test_bounds__one_of_all_refreshes(void **unused)
{
    (void)unused;
    locache_flight *flight;
    locache_flight *other;
    locache *cache = open_lasting(400 * MS, 100000 * MS);
    locache *second = open_lasting(400 * MS, 100000 * MS);
    assert_int_equal(begin(&flight, cache, 1, ""), LOCACHE_MISS);
    commit(flight, "old");
    assert_int_equal(begin(&flight, cache, 1, "old"), LOCACHE_OK);
    assert_null(flight);
    assert_false(given_stale);
    pass(410 * MS);
    assert_int_equal(begin(&flight, cache, 1, "old"), LOCACHE_OK);
    assert_non_null(flight);
    assert_true(given_stale);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(begin(&other, i % 2 == 0 ? cache : second, 1, "old"), LOCACHE_OK);
        assert_null(other);
        assert_true(given_stale);
    }
    wait_for(in_child(ask_in_child, NULL));
    /* Each was given one, who has the turn as well. */
    assert_int_equal(hits_of(cache) + hits_of(second), 5);
    commit(flight, "new");
    assert_int_equal(begin(&other, second, 1, "new"), LOCACHE_OK);
    assert_null(other);
    /* Given up, it is the next one's. */
    pass(410 * MS);
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

static locache_status ask(locache_flight **flight, locache *cache, int x, locache_request *request)
{
    locache_value *value = NULL;
    key k = key_of(x);
    request->size = sizeof *request;
    request->key = k.bytes;
    request->key_size = k.size;
    locache_status status = locache_ask(&value, flight, cache, request, &error);
    locache_value_free(value);
    return status;
}

/* What is computed behind waits for what, in the end, waits for it: who closes that circle
 * computes. For the second handle nothing is served beyond its time. */
static void test_bounds__what_is_computed_behind_is_in_circles(void **unused)
{
    (void)unused;
    locache_flight *behind;
    locache_flight *task;
    locache_flight *closing;
    locache *cache = open_lasting(300 * MS, 100000 * MS);
    locache *strict = open_lasting(300 * MS, 0);
    must_put(cache, 1, "old");
    pass(310 * MS);
    assert_int_equal(ask(&behind, cache, 1, &(locache_request){.behind = true}), LOCACHE_OK);
    assert_non_null(behind);
    assert_int_equal(ask(&task, strict, 2, &(locache_request){.detached = true}), LOCACHE_MISS);
    locache_adopt(NULL);
    locache_adopt(behind);
    locache_adopt(behind); /* is no other thing than once */
    locache_request inner = {.wait = -1};
    assert_int_equal(ask(&closing, strict, 2, &inner), LOCACHE_PENDING);
    locache_request closes = {.detached = true, .wait = -1, .within = task};
    assert_int_equal(ask(&closing, strict, 1, &closes), LOCACHE_MISS);
    commit(closing, "new");
    commit(task, "two");
    assert_int_equal(ask(&closing, strict, 2, &inner), LOCACHE_OK);
    /* It is within itself, and so is what was begun within it before it was adopted anew. */
    assert_int_equal(locache_reset(strict, &error), LOCACHE_OK);
    assert_int_equal(ask(&task, strict, 3, &(locache_request){.wait = -1}), LOCACHE_MISS);
    locache_adopt(behind);
    assert_int_equal(ask(&closing, strict, 1, &(locache_request){.wait = -1}), LOCACHE_MISS);
    locache_abandon(closing);
    locache_abandon(behind);
    assert_int_equal(ask(&closing, strict, 3, &(locache_request){.wait = -1}), LOCACHE_MISS);
    locache_abandon(closing);
    locache_abandon(task);
    locache_close(strict);
    locache_close(cache);
}

typedef struct behind {
    locache *cache;
    locache_flight *flight;
    locache_status own;   /* of the flight's own key */
    locache_status outer; /* of what asked for it */
} behind;

static void *compute_behind(void *context)
{
    behind *this = context;
    locache_flight *flight;
    locache_request outer = {.wait = -1};
    locache_adopt(this->flight);
    this->own = ask(&flight, this->cache, 1, &(locache_request){.wait = -1});
    if (this->own == LOCACHE_MISS)
        locache_abandon(flight);
    this->outer = ask(&flight, this->cache, 2, &outer);
    locache_give_up(&outer);
    return NULL;
}

/* Who asked for it does not wait for it, so it may wait for him. It is ended by another thread. */
static void test_bounds__what_is_computed_behind_waits_for_who_asked(void **unused)
{
    (void)unused;
    locache_flight *outer;
    pthread_t thread;
    locache *cache = open_lasting(300 * MS, 100000 * MS);
    behind this = {.cache = open_lasting(300 * MS, 0)};
    must_put(cache, 1, "old");
    pass(310 * MS);
    assert_int_equal(begin(&outer, cache, 2, ""), LOCACHE_MISS);
    assert_int_equal(ask(&this.flight, cache, 1, &(locache_request){.behind = true}), LOCACHE_OK);
    assert_non_null(this.flight);
    assert_int_equal(pthread_create(&thread, NULL, compute_behind, &this), 0);
    pthread_join(thread, NULL);
    assert_int_equal(this.own, LOCACHE_MISS);
    assert_int_equal(this.outer, LOCACHE_PENDING);
    commit(this.flight, "new");
    commit(outer, "two");
    assert_int_equal(begin(&outer, cache, 1, "new"), LOCACHE_OK);
    assert_null(outer);
    locache_close(this.cache);
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
        scratch_test(test_bounds__what_is_computed_behind_is_in_circles),
        scratch_test(test_bounds__what_is_computed_behind_waits_for_who_asked),
        scratch_test(test_bounds__read_only),
        scratch_test(test_bounds__whatever_fails),
        scratch_test(test_bounds__thrashing_is_known),
    };
    return cmocka_run_group_tests_name("bounds", tests, NULL, NULL);
}
