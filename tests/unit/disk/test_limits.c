/* How many entries a function's directory keeps, and for how long. */
#include "scratch.h"

#include <time.h>

static void set_used(int x, int64_t seconds_ago)
{
    char path[64];
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= seconds_ago;
    const struct timespec times[2] = {now, now};
    snprintf(path, sizeof path, "my_func/x=%d", x);
    assert_int_equal(utimensat(AT_FDCWD, in_foo(path), times, 0), 0);
}

static int64_t used_ago(int x)
{
    char path[64];
    struct stat seen;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(path, sizeof path, "my_func/x=%d", x);
    assert_int_equal(stat(in_foo(path), &seen), 0);
    return now.tv_sec - seen.st_mtim.tv_sec;
}

static void test_limits__max_entries_evicts_the_least_recently_used(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.max_entries = 3;
    locache *cache = open_with(&options);
    events_listen();
    for (int x = 0; x < 3; x++)
        must_put(cache, x, "r");
    assert_hit(cache, 0, "r");
    must_put(cache, 3, "r");
    assert_int_equal(count_of(cache), 3);
    assert_miss(cache, 1);
    assert_hit(cache, 0, "r");
    for (int x = 4; x < 200; x++) {
        must_put(cache, x, "r");
        assert_hit(cache, x, "r");
        assert_hit(cache, 0, "r");
        assert_int_equal(count_of(cache), 3);
    }
    assert_int_equal(events.counts[LOCACHE_EVENT_EVICT], 197);
    locache_set_log(NULL, NULL);
    locache_close(cache);
}

static void test_limits__max_entries_counts_what_is_there_already(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    locache *cache = open_with(&options);
    for (int x = 0; x < 50; x++) {
        must_put(cache, x, "r");
        set_used(x, 1000 - x);
    }
    locache_close(cache);
    options.max_entries = 10;
    cache = open_with(&options);
    must_put(cache, 50, "r");
    assert_int_equal(count_of(cache), 10);
    assert_miss(cache, 41 - 1);
    assert_hit(cache, 49, "r");
    locache_close(cache);
}

static void test_limits__max_age_is_since_last_use(void **unused)
{
    (void)unused;
    const int64_t day = 86400;
    locache_options options = options_for("my_func");
    options.max_age = 10 * day * 1000000000;
    locache *cache = open_with(&options);
    for (int x = 0; x < 5; x++)
        must_put(cache, x, "r");
    set_used(0, 11 * day);
    set_used(1, 9 * day);
    set_used(2, -9 * day);
    set_used(3, 3600);
    set_used(4, 12 * day);
    assert_miss(cache, 0);
    assert_hit(cache, 1, "r");
    assert_in_range(used_ago(1), 0, 60);
    assert_hit(cache, 2, "r");
    assert_hit(cache, 3, "r");
    assert_in_range(used_ago(3), 3600, 3660);
    must_put(cache, 0, "new");
    assert_hit(cache, 0, "new");
    locache_close(cache);
    cache = open_with(&options);
    must_put(cache, 5, "r");
    assert_false(exists(in_foo("my_func/x=4")));
    assert_int_equal(count_of(cache), 5);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_limits__max_entries_evicts_the_least_recently_used),
        scratch_test(test_limits__max_entries_counts_what_is_there_already),
        scratch_test(test_limits__max_age_is_since_last_use),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
