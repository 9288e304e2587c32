/* How many entries a function's directory keeps, and for how long. */
#include "disk/limits.h"
#include "disk/tally.h"
#include "fault.h"
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

/* Whatever an entry says: INT64_MIN is long ago. */
static void test_limits__any_time_is_over_or_to_come(void **unused)
{
    (void)unused;
    const int64_t now = lc_now();
    const lc_limits none = {.ttl = 0};
    const lc_limits stale = {.stale = 1000};
    assert_false(lc_limits_over(&none, now, 0, now));
    assert_false(lc_limits_over(&none, now, now + 1, now));
    assert_false(lc_limits_over(&none, now, INT64_MAX, now));
    assert_true(lc_limits_over(&none, now, now, now));
    assert_true(lc_limits_over(&none, now, -1, now));
    assert_true(lc_limits_over(&none, now, INT64_MIN, now));
    assert_true(lc_limits_over(&stale, now, INT64_MIN, now));
    assert_true(lc_limits_over(&stale, now, now - 1000, now));
    assert_false(lc_limits_over(&stale, now, now - 999, now));
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

/* ------------------------------------------------------------------- the tally of all processes */

enum { PROCESSES = 8, PUTS = 60, MOST = 50 };

#define TALLY "my_func/.locache/tally"

/* What the tally of the function's directory says, or is made to say. */
static lc_directory own_directory(void)
{
    const lc_directory at = {
        .dir = open(in_foo("my_func"), O_RDONLY | O_DIRECTORY), .owner = geteuid(), .path = foo};
    assert_true(at.dir >= 0);
    return at;
}

static lc_tally said_tally(void)
{
    const lc_directory at = own_directory();
    lc_tally said = {-1, -1};
    assert_true(lc_tally_read(&said, &at));
    close(at.dir);
    return said;
}

static void say_tally(int64_t entries, int64_t all_bytes)
{
    const lc_directory at = own_directory();
    lc_tallying in;
    assert_true(lc_tally_begin(&in, &at, false));
    in.known = true;
    in.now = (lc_tally){entries, all_bytes};
    lc_tally_end(&in);
    close(at.dir);
}

/* What the directory holds, counted here. */
static void assert_tally_is_true(void)
{
    const lc_directory at = own_directory();
    lc_tally counted;
    assert_true(lc_tally_survey(&counted, &at));
    close(at.dir);
    const lc_tally said = said_tally();
    assert_int_equal(said.entries, counted.entries);
    assert_int_equal(said.bytes, counted.bytes);
}

static locache *open_limited(int64_t most)
{
    locache_options options = options_for("my_func");
    options.max_entries = most;
    return open_with(&options);
}

static void put_many(void *context)
{
    const int *process = context;
    locache *cache = open_limited(MOST);
    for (int i = 0; i < PUTS; i++)
        child_require(put(cache, *process * PUTS + i, "r") == LOCACHE_OK);
    locache_close(cache);
}

static void test_limits__eight_processes_share_one_limit(void **unused)
{
    (void)unused;
    static int numbers[PROCESSES];
    pid_t children[PROCESSES];
    locache *cache = open_limited(MOST);
    must_put(cache, -1, "r");
    for (int i = 0; i < PROCESSES; i++) {
        numbers[i] = i;
        children[i] = in_child(put_many, &numbers[i]);
    }
    for (int i = 0; i < PROCESSES; i++)
        wait_for(children[i]);
    assert_in_range(count_of(cache), MOST - PROCESSES, MOST);
    locache_close(cache);
}

/* Handles that take turns, each of which stores less than the limit by itself. */
static void test_limits__handles_that_take_turns(void **unused)
{
    (void)unused;
    locache *first = open_limited(20);
    locache *second = open_limited(20);
    for (int i = 0; i < 15; i++) {
        must_put(first, i, "r");
        must_put(second, 100 + i, "r");
        assert_in_range(count_of(first), 0, 20);
    }
    assert_int_equal(count_of(first), 20);
    locache_close(first);
    locache_close(second);
}

static void test_limits__whatever_becomes_of_the_tally(void **unused)
{
    (void)unused;
    locache *cache = open_limited(5);
    for (int i = 0; i < 8; i++)
        must_put(cache, i, "r");
    assert_int_equal(unlink(in_foo(TALLY)), 0);
    must_put(cache, 8, "r");
    assert_int_equal(count_of(cache), 5);
    /* Too many, too few. */
    say_tally(1 << 20, 1 << 30);
    must_put(cache, 9, "r");
    assert_int_equal(count_of(cache), 5);
    assert_tally_is_true();
    for (int i = 0; i < 3; i++)
        assert_int_equal(locache_remove(cache, key_of(9 - i).bytes, key_of(9 - i).size, &error),
                         LOCACHE_OK);
    assert_tally_is_true();
    for (int i = 10; i < 13; i++)
        must_put(cache, i, "r");
    assert_int_equal(count_of(cache), 5);
    assert_tally_is_true();
    locache_close(cache);
}

/* Torn, of another length, of zeros as a power cut leaves them: made again. */
static void test_limits__a_damaged_tally_is_made_again(void **unused)
{
    (void)unused;
    for (int way = 0; way < 5; way++) {
        locache *cache = open_limited(5);
        for (int i = 0; i < 7; i++)
            must_put(cache, i, i % 2 == 0 ? "result" : "longer result");
        assert_tally_is_true();
        bytes whole = read_bytes(in_foo(TALLY));
        const char *path = in_foo(TALLY);
        if (way == 0)
            assert_int_equal(truncate(path, (off_t)whole.size - 1), 0);
        else if (way == 1)
            assert_int_equal(truncate(path, 0), 0);
        else if (way == 2)
            assert_int_equal(truncate(path, 0) + truncate(path, (off_t)whole.size), 0);
        else if (way == 3)
            write_text(path, "........................................");
        else
            assert_int_equal(unlink(path), 0);
        must_put(cache, 7, "r");
        assert_int_equal(count_of(cache), 5);
        assert_tally_is_true();
        locache_close(cache);
        remove_all(foo);
    }
}

/* What replaces, removes and resets keeps it true. */
static void test_limits__the_tally_follows(void **unused)
{
    (void)unused;
    locache *cache = open_limited(100);
    for (int i = 0; i < 20; i++)
        must_put(cache, i, "r");
    must_put(cache, 3, "a longer one");
    assert_tally_is_true();
    assert_int_equal(said_tally().entries, 20);
    assert_int_equal(locache_remove(cache, key_of(3).bytes, key_of(3).size, &error), LOCACHE_OK);
    assert_int_equal(said_tally().entries, 19);
    assert_tally_is_true();
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    must_put(cache, 1, "r");
    assert_int_equal(said_tally().entries, 1);
    assert_tally_is_true();
    locache_close(cache);
}

/* What is not ours is not written to: then every put lists. */
static void test_limits__a_thing_in_the_tallys_place(void **unused)
{
    (void)unused;
    char outside[128];
    snprintf(outside, sizeof outside, "%s/precious", scratch);
    write_text(outside, "precious");
    for (int way = 0; way < 4; way++) {
        locache *cache = open_limited(5);
        must_put(cache, 0, "r");
        assert_int_equal(unlink(in_foo(TALLY)), 0);
        const char *there = in_foo(TALLY);
        assert_int_equal(way == 0   ? symlink(outside, there)
                         : way == 1 ? link(outside, there)
                         : way == 2 ? mkdir(there, 0700)
                                    : mkfifo(there, 0600),
                         0);
        for (int i = 0; i < 9; i++)
            must_put(cache, i, "r");
        assert_int_equal(count_of(cache), 5);
        locache_close(cache);
        remove_all(foo);
    }
    bytes kept = read_bytes(outside);
    assert_int_equal(kept.size, 8);
}

/* --------------------------------------------------------------------------- a large directory */

/* Beyond what is listed for each store: disk/hand.c goes round. */
enum { LARGE = 3000 };

static int asked;

static int count_asked(const char *call)
{
    asked += strcmp(call, "fstatat") == 0;
    return 0;
}

static void test_limits__a_store_asks_for_few_of_many(void **unused)
{
    (void)unused;
    locache *cache = open_limited(LARGE);
    for (int x = 0; x < LARGE; x++) {
        must_put(cache, x, "r");
        /* Half of them are an hour older than the rest. */
        set_used(x, x % 2 == 0 ? 3600 : 10);
    }
    locache_close(cache);
    /* As many processes, none of which stores much. */
    for (int process = 0; process < 40; process++) {
        cache = open_limited(LARGE);
        for (int i = 0; i < 15; i++) {
            asked = 0;
            lc_fault_hook = count_asked;
            must_put(cache, LARGE + 15 * process + i, "r");
            lc_fault_hook = NULL;
            assert_in_range(asked, 0, 600);
        }
        assert_in_range(count_of(cache), LARGE - 64, LARGE);
        locache_close(cache);
    }
    int young = 0;
    int old = 0;
    for (int x = 0; x < LARGE; x++) {
        char path[64];
        snprintf(path, sizeof path, "my_func/x=%d", x);
        bool gone = !exists(in_foo(path));
        old += gone && x % 2 == 0;
        young += gone && x % 2 != 0;
    }
    assert_in_range(young, 0, 20);
    assert_in_range(old, 500, 700);
}

/* The hand evicts what is too old, too, and takes no time in the future for a later use. */
static void test_limits__the_hand_knows_max_age(void **unused)
{
    (void)unused;
    const int64_t day = 86400;
    locache_options options = options_for("my_func");
    options.max_entries = 1100;
    options.max_age = 10 * day * 1000000000;
    locache *cache = open_with(&options);
    for (int x = 0; x < 1100; x++)
        must_put(cache, x, "r");
    for (int x = 0; x < 1100; x++)
        set_used(x, x % 4 == 0 ? 11 * day : x % 4 == 1 ? -day : 60);
    for (int x = 1100; x < 1400; x++)
        must_put(cache, x, "r");
    assert_in_range(count_of(cache), 900, 1100);
    int old = 0;
    for (int x = 0; x < 1100; x += 4) {
        char path[64];
        snprintf(path, sizeof path, "my_func/x=%d", x);
        old += exists(in_foo(path));
    }
    assert_in_range(old, 0, 50);
    locache_close(cache);
}

/* Without memory for what is known of uses, no handle is opened, and eviction goes by the files. */
static void test_limits__no_memory(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.max_entries = 3;
    bool failed = true;
    for (int n = 1; failed; n++) {
        locache *cache = NULL;
        fault_set("alloc", n, ENOMEM);
        locache_status status = locache_open(&cache, foo, &options, &error);
        failed = fault_clear();
        assert_true(status == LOCACHE_OK || (failed && status == LOCACHE_ENOMEM));
        if (status == LOCACHE_OK)
            locache_close(cache);
    }
    failed = true;
    for (int n = 1; failed; n++) {
        locache *cache = open_limited(3);
        for (int x = 0; x < 3; x++)
            must_put(cache, 10 * n + x, "r");
        fault_set("alloc", n, ENOMEM);
        (void)put(cache, 10 * n + 3, "r");
        failed = fault_clear();
        must_put(cache, 10 * n + 4, "r");
        assert_in_range(count_of(cache), 1, 3);
        locache_close(cache);
    }
}

/* Whatever the count and the hand's place say, it becomes right in a round. */
static void test_limits__a_wrong_count_of_many_becomes_right(void **unused)
{
    (void)unused;
    locache *cache = open_limited(2000);
    for (int x = 0; x < 2000; x++)
        must_put(cache, x, "r");
    for (int x = 0; x < 1500; x++) {
        char path[64];
        snprintf(path, sizeof path, "my_func/x=%d", x);
        assert_int_equal(unlink(in_foo(path)), 0);
    }
    for (int x = 2000; x < 3000; x++) {
        must_put(cache, x, "r");
        if (x == 2500)
            write_text(in_foo("my_func/.locache/hand"), "not a hand at all, and of another size");
    }
    assert_in_range(count_of(cache), 1450, 1500);
    locache_close(cache);
    say_tally(10, 10);
    for (int process = 0; process < 40; process++) {
        cache = open_limited(1490);
        for (int x = 0; x < 10; x++)
            must_put(cache, 3000 + 10 * process + x, "r");
        locache_close(cache);
    }
    cache = open_limited(1490);
    /* But for half of what was stored in a round, by a dozen of these processes. */
    assert_in_range(count_of(cache), 1400, 1490 + 60);
    locache_close(cache);
}

/* A computation may outlive its handle, and evicts when it is stored. */
static void test_limits__a_flight_that_outlives_its_handle(void **unused)
{
    (void)unused;
    locache *cache = open_limited(2);
    must_put(cache, 1, "r");
    must_put(cache, 2, "r");
    assert_hit(cache, 1, "r");
    locache_value *value;
    locache_flight *flight;
    key k = key_of(3);
    assert_int_equal(locache_begin(&value, &flight, cache, k.bytes, k.size, &error), LOCACHE_MISS);
    locache_close(cache);
    const locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = "r", .body_size = 1};
    assert_int_equal(locache_commit(flight, &record, &error), LOCACHE_OK);
    assert_true(exists(in_foo("my_func/x=3")));
    assert_int_equal(exists(in_foo("my_func/x=1")) + exists(in_foo("my_func/x=2")), 1);
}

/* Of uses in memory the process knows the order, though it notes them once a minute. */
static void test_limits__uses_in_memory_count(void **unused)
{
    (void)unused;
    locache *cache = open_limited(4);
    for (int x = 0; x < 4; x++)
        must_put(cache, x, "r");
    assert_hit(cache, 1, "r");
    assert_hit(cache, 0, "r");
    must_put(cache, 4, "r");
    must_put(cache, 5, "r");
    assert_false(exists(in_foo("my_func/x=2")) || exists(in_foo("my_func/x=3")));
    must_put(cache, 6, "r");
    assert_false(exists(in_foo("my_func/x=1")));
    assert_true(exists(in_foo("my_func/x=0")));
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_limits__any_time_is_over_or_to_come),
        scratch_test(test_limits__max_entries_evicts_the_least_recently_used),
        scratch_test(test_limits__max_entries_counts_what_is_there_already),
        scratch_test(test_limits__max_age_is_since_last_use),
        scratch_test(test_limits__eight_processes_share_one_limit),
        scratch_test(test_limits__handles_that_take_turns),
        scratch_test(test_limits__whatever_becomes_of_the_tally),
        scratch_test(test_limits__a_damaged_tally_is_made_again),
        scratch_test(test_limits__the_tally_follows),
        scratch_test(test_limits__a_thing_in_the_tallys_place),
        scratch_test_long(test_limits__a_store_asks_for_few_of_many),
        scratch_test_long(test_limits__the_hand_knows_max_age),
        scratch_test(test_limits__no_memory),
        scratch_test_long(test_limits__a_wrong_count_of_many_becomes_right),
        scratch_test(test_limits__a_flight_that_outlives_its_handle),
        scratch_test(test_limits__uses_in_memory_count),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
