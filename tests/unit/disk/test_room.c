/* What max_bytes keeps, and what goes first. */
#include "disk/room.h"
#include "disk/worth.h"
#include "fault.h"
#include "scratch.h"

#include <dirent.h>
#include <time.h>

/* Bytes of all entries, and how many: what a user would count. */
static lc_tally held(void)
{
    char path[4096];
    lc_tally sum = {0, 0};
    DIR *dir = opendir(in_foo("my_func"));
    assert_non_null(dir);
    for (struct dirent *one = readdir(dir); one != NULL; one = readdir(dir)) {
        struct stat found;
        snprintf(path, sizeof path, "%s/my_func/%s", foo, one->d_name);
        if (one->d_name[0] != '.' && stat(path, &found) == 0) {
            sum.entries++;
            sum.bytes += found.st_size;
        }
    }
    closedir(dir);
    return sum;
}

static locache *open_bounded(int64_t max_bytes)
{
    locache_options options = options_for("my_func");
    options.max_bytes = max_bytes;
    return open_with(&options);
}

/* Store a result of so many bytes that took so many nanoseconds. */
static locache_status put_sized(locache *cache, int x, size_t size, int64_t cost)
{
    static char body[1 << 20];
    key k = key_of(x);
    const locache_record record = {.size = sizeof record,
                                   .codec = LOCACHE_CODEC_RAW,
                                   .body = body,
                                   .body_size = size,
                                   .compute_time = cost};
    return locache_put(cache, k.bytes, k.size, &record, &error);
}

static bool has(int x)
{
    char path[64];
    snprintf(path, sizeof path, "my_func/x=%d", x);
    return exists(in_foo(path));
}

enum { MOST = 100000, ROUGHLY = 160 /* header, key and padding of an entry */ };

static void test_room__the_bound_holds_after_every_store(void **unused)
{
    (void)unused;
    locache *cache = open_bounded(MOST);
    for (int x = 0; x < 400; x++) {
        assert_int_equal(put_sized(cache, x, (size_t)(x * 7919 % 9000), 1000000), LOCACHE_OK);
        assert_true(has(x));
        assert_true(held().bytes <= MOST);
    }
    /* Nor is much room wasted. */
    assert_true(held().bytes > MOST * 85 / 100);
    locache_close(cache);
}

static void test_room__what_is_dear_for_its_size_stays(void **unused)
{
    (void)unused;
    locache *cache = open_bounded(MOST);
    for (int x = 0; x < 5; x++)
        assert_int_equal(put_sized(cache, x, 1000, INT64_C(10000000000)), LOCACHE_OK);
    for (int x = 100; x < 300; x++)
        assert_int_equal(put_sized(cache, x, 4000, 1000000), LOCACHE_OK);
    for (int x = 0; x < 5; x++)
        assert_true(has(x));
    /* Of what is worth the same, what was used last. */
    assert_true(has(299) && !has(100));
    locache_close(cache);
}

/* It does not stay for good: the clock comes by. */
static void test_room__what_was_dear_goes_once_it_is_not_used(void **unused)
{
    (void)unused;
    locache *cache = open_bounded(MOST);
    assert_int_equal(put_sized(cache, 0, 1000, 100 * 1000000), LOCACHE_OK);
    for (int x = 1; x < 3000 && has(0); x++)
        assert_int_equal(put_sized(cache, x, 5000, 20 * 1000000), LOCACHE_OK);
    assert_false(has(0));
    locache_close(cache);
}

static void test_room__one_larger_than_the_bound_is_not_kept(void **unused)
{
    (void)unused;
    locache *cache = open_bounded(10000);
    assert_int_equal(put_sized(cache, 1, 4000, 1), LOCACHE_OK);
    assert_int_equal(put_sized(cache, 2, 10001, 1), LOCACHE_ELIMIT);
    assert_non_null(strstr(error.message, "more than max_bytes allows"));
    assert_true(has(1) && !has(2));
    assert_int_equal(put_sized(cache, 3, 10000 - ROUGHLY, 1), LOCACHE_OK);
    assert_true(has(3) && !has(1));
    locache_close(cache);
}

/* A replacement needs room for what is more, and no other entry goes for it. */
static void test_room__a_replacement(void **unused)
{
    (void)unused;
    locache *cache = open_bounded(20000);
    assert_int_equal(put_sized(cache, 1, 12000, 1), LOCACHE_OK);
    assert_int_equal(put_sized(cache, 2, 4000, 1), LOCACHE_OK);
    for (int i = 0; i < 10; i++)
        assert_int_equal(put_sized(cache, 1, (size_t)(12000 + i), 1), LOCACHE_OK);
    assert_true(has(1) && has(2));
    assert_int_equal(held().entries, 2);
    locache_close(cache);
}

static void test_room__a_bound_that_is_new_or_lowered(void **unused)
{
    (void)unused;
    locache *cache = open_bounded(0);
    for (int x = 0; x < 300; x++)
        assert_int_equal(put_sized(cache, x, 1000, 1000000), LOCACHE_OK);
    locache_close(cache);
    for (int64_t most = 200000; most > 10000; most /= 3) {
        cache = open_bounded(most);
        assert_int_equal(put_sized(cache, 1000, 1000, 1000000), LOCACHE_OK);
        assert_true(held().bytes <= most);
        locache_close(cache);
    }
}

static void assert_true_tally(void)
{
    const lc_directory at = {
        .dir = open(in_foo("my_func"), O_RDONLY | O_DIRECTORY), .owner = geteuid(), .path = foo};
    lc_tally said;
    assert_true(lc_tally_read(&said, &at));
    close(at.dir);
    const lc_tally there = held();
    assert_int_equal(said.entries, there.entries);
    assert_int_equal(said.bytes, there.bytes);
}

/* What is lost, or says anything, is made again; and a round sets right what others disturb. */
static void test_room__the_tally_heals(void **unused)
{
    (void)unused;
    char path[64];
    for (int way = 0; way < 4; way++) {
        locache *cache = open_bounded(MOST);
        for (int x = 0; x < 40; x++)
            assert_int_equal(put_sized(cache, x, 3000, 1000000), LOCACHE_OK);
        assert_true_tally();
        if (way == 0)
            assert_int_equal(unlink(in_foo("my_func/.locache/tally")), 0);
        else if (way == 1)
            write_text(in_foo("my_func/.locache/room"), "no state");
        else if (way == 2)
            for (int x = 0; x < 40; x++) {
                snprintf(path, sizeof path, "my_func/x=%d", x);
                (void)unlink(in_foo(path));
            }
        else
            write_text(in_foo("my_func/.locache/tally"), "no tally");
        for (int x = 50; x < 90; x++) {
            assert_int_equal(put_sized(cache, x, 3000, 1000000), LOCACHE_OK);
            assert_true(held().bytes <= MOST);
        }
        assert_true_tally();
        assert_true(held().bytes > MOST * 85 / 100);
        locache_close(cache);
        remove_all(foo);
    }
}

/* Files of the user's own are no entries: they are neither evicted nor counted. */
static void test_room__other_files_stay(void **unused)
{
    (void)unused;
    locache *cache = open_bounded(20000);
    assert_int_equal(put_sized(cache, 0, 3000, 1), LOCACHE_OK);
    static char text[30001];
    memset(text, 'a', sizeof text - 1);
    write_text(in_foo("my_func/thesis.txt"), text);
    for (int x = 1; x < 30; x++)
        assert_int_equal(put_sized(cache, x, 3000, 1), LOCACHE_OK);
    assert_true(exists(in_foo("my_func/thesis.txt")));
    assert_in_range(held().entries, 5, 7);
    locache_close(cache);
}

static void set_used(int x, time_t when)
{
    char path[64];
    const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};
    snprintf(path, sizeof path, "my_func/x=%d", x);
    assert_int_equal(utimensat(AT_FDCWD, in_foo(path), times, 0), 0);
}

/* However dear it was; and what a wrong clock marked as used in time to come is as any other. */
static void test_room__what_may_not_be_given_any_more_goes_first(void **unused)
{
    (void)unused;
    const int64_t hour = INT64_C(3600000000000);
    locache_options options = options_for("my_func");
    options.max_bytes = MOST;
    key k = key_of(0);
    static char body[3000];
    const locache_record record = {.size = sizeof record,
                                   .codec = LOCACHE_CODEC_RAW,
                                   .body = body,
                                   .body_size = sizeof body,
                                   .compute_time = hour,
                                   .expires = 1};
    locache *cache = open_with(&options);
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    for (int x = 1; x <= 30; x++)
        assert_int_equal(put_sized(cache, x, 3000, x < 4 ? hour : 1000000), LOCACHE_OK);
    locache_close(cache);
    set_used(1, time(NULL) - 7200);
    set_used(2, time(NULL) + 7200);
    options.max_age = hour;
    cache = open_with(&options);
    events_listen();
    assert_int_equal(put_sized(cache, 100, 3000, 1000000), LOCACHE_OK);
    locache_set_log(NULL, NULL);
    assert_false(has(0) || has(1));
    assert_true(has(2) && has(3) && has(100));
    assert_int_equal(events.counts[LOCACHE_EVENT_EVICT], 2);
    assert_true(held().bytes <= MOST);
    locache_close(cache);
}

/* ------------------------------------------------------------------------- a large directory */

enum { LARGE = 2000 };

static int opened;

static int count_opened(const char *call)
{
    opened += strcmp(call, "openat") == 0;
    return 0;
}

static void test_room__a_store_looks_at_few_of_many(void **unused)
{
    (void)unused;
    const int64_t most = (int64_t)LARGE * (1000 + ROUGHLY);
    locache *cache = open_bounded(most);
    for (int x = 0; x < LARGE; x++)
        assert_int_equal(put_sized(cache, x, 1000, x % 2 == 0 ? 1000000 : 100000000), LOCACHE_OK);
    int all = 0;
    for (int x = LARGE; x < LARGE + 400; x++) {
        opened = 0;
        lc_fault_hook = count_opened;
        assert_int_equal(put_sized(cache, x, 1000, 50000000), LOCACHE_OK);
        lc_fault_hook = NULL;
        assert_in_range(opened, 0, 300);
        all += opened;
        assert_true(held().bytes <= most);
    }
    /* Most stores look at nothing. */
    assert_in_range(all / 400, 0, 30);
    int dear = 0;
    int cheap = 0;
    for (int x = 0; x < LARGE; x++) {
        dear += x % 2 != 0 && !has(x);
        cheap += x % 2 == 0 && !has(x);
    }
    assert_in_range(dear, 0, 5);
    assert_in_range(cheap, 350, 620);
    locache_close(cache);
}

/* ------------------------------------------------------------------------- several processes */

enum { PROCESSES = 4, PUTS = 120 };

/* Bytes at one moment: what is listed while others store was never there together. */
static int64_t held_by_all(void)
{
    const lc_directory at = {
        .dir = open(in_foo("my_func"), O_RDONLY | O_DIRECTORY), .owner = geteuid(), .path = foo};
    lc_tallying in;
    child_require(lc_tally_begin(&in, &at, false));
    int64_t sum = in.locked ? held().bytes : 0;
    lc_tally_end(&in);
    close(at.dir);
    return sum;
}

static void put_many(void *context)
{
    int process = *(const int *)context;
    locache *cache = open_bounded(MOST);
    for (int i = 0; i < PUTS; i++) {
        child_require(put_sized(cache, process * PUTS + i, (size_t)(i * 7919 % 6000), 1000000) ==
                      LOCACHE_OK);
        if (i % 8 == 0)
            child_require(held_by_all() <= MOST);
    }
    locache_close(cache);
}

static void test_room__processes_share_one_bound(void **unused)
{
    (void)unused;
    static int numbers[PROCESSES];
    pid_t children[PROCESSES];
    locache *cache = open_bounded(MOST);
    assert_int_equal(put_sized(cache, -1, 1, 1), LOCACHE_OK);
    for (int i = 0; i < PROCESSES; i++) {
        numbers[i] = i;
        children[i] = in_child(put_many, &numbers[i]);
    }
    for (int i = 0; i < PROCESSES; i++)
        wait_for(children[i]);
    assert_true_tally();
    locache_close(cache);
}

/* A process that dies at each of its system calls: what it leaves never lets others go beyond, and
 * becomes right. */
static int die_at;

static int die(const char *call)
{
    (void)call;
    if (--die_at == 0)
        _exit(0);
    return 0;
}

static void put_and_die(void *context)
{
    locache *cache = open_bounded(20000);
    die_at = *(const int *)context;
    lc_fault_hook = die;
    (void)put_sized(cache, 1000 + die_at, 3000, 1000000);
    lc_fault_hook = NULL;
    child_require(die_at > 0);
    _exit(7); /* it came to its end */
}

static void test_room__killed_at_each_call(void **unused)
{
    (void)unused;
    locache *cache = open_bounded(20000);
    for (int x = 0; x < 8; x++)
        assert_int_equal(put_sized(cache, x, 3000, 1000000), LOCACHE_OK);
    int status = 0;
    for (int n = 1; n < 300 && status == 0; n++) {
        pid_t child = in_child(put_and_die, &n);
        assert_int_equal(waitpid(child, &status, 0), child);
        /* One entry may be there that is not counted. */
        assert_true(held().bytes <= 20000 + 3000 + ROUGHLY);
        assert_int_equal(put_sized(cache, 2000 + n, 3000, 1000000), LOCACHE_OK);
        assert_true(held().bytes <= 20000 + 3000 + ROUGHLY);
    }
    assert_int_equal(WEXITSTATUS(status), 7);
    locache_close(cache);
    cache = open_bounded(20000);
    assert_int_equal(put_sized(cache, 5000, 3000, 1000000), LOCACHE_OK);
    assert_true_tally();
    assert_true(held().bytes <= 20000);
    locache_close(cache);
}

/* Whatever fails, the result is stored or it is not, nothing is leaked, and the next store is
 * within the bound again. */
static void test_room__each_call_fails(void **unused)
{
    (void)unused;
    static const struct {
        const char *call;
        int code;
        bool counted;
    } rows[] = {{NULL, EIO, true}, {NULL, EIO, false}, {"alloc", ENOMEM, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            locache *cache = open_bounded(10000);
            for (int x = 0; x < 5; x++)
                assert_int_equal(put_sized(cache, x, 3000, 1000000), LOCACHE_OK);
            /* Another process's: it knows neither what entries cost nor, perhaps, how many. */
            locache_close(cache);
            cache = open_bounded(10000);
            if (!rows[i].counted)
                assert_int_equal(unlink(in_foo("my_func/.locache/tally")), 0);
            int descriptors = open_descriptors();
            fault_set(rows[i].call, n, rows[i].code);
            locache_status status = put_sized(cache, 10, 3000, 1000000);
            failed = fault_clear();
            assert_true(failed || status == LOCACHE_OK);
            assert_true(has(10) || status != LOCACHE_OK);
            assert_true(open_descriptors() <= descriptors + 1); /* the tally */
            assert_int_equal(put_sized(cache, 11, 3000, 1000000), LOCACHE_OK);
            assert_int_equal(put_sized(cache, 12, 3000, 1000000), LOCACHE_OK);
            assert_true(held().bytes <= 10000);
            locache_close(cache);
            remove_all(foo);
        }
    }
}

/* What entries cost is kept in memory; where there is none, it is read again. */
static void test_room__without_memory_for_costs(void **unused)
{
    (void)unused;
    bool failed = true;
    for (int n = 1; failed; n++) {
        locache_options options = options_for("my_func");
        locache *cache = NULL;
        options.max_bytes = 20000;
        fault_set("alloc", n, ENOMEM);
        locache_status status = locache_open(&cache, foo, &options, &error);
        failed = fault_clear();
        assert_true(status == LOCACHE_OK || (failed && status == LOCACHE_ENOMEM));
        for (int x = 0; status == LOCACHE_OK && x < 20; x++) {
            assert_int_equal(put_sized(cache, x, 3000, x == 0 ? 1000000000 : 1), LOCACHE_OK);
            assert_true(held().bytes <= 20000 && has(0));
        }
        locache_close(cache);
        remove_all(foo);
    }
}

/* ---------------------------------------------------------------------------------------- worth */

static void test_worth__the_clock(void **unused)
{
    (void)unused;
    static lc_worth_clock clock;
    clock.count = 0;
    assert_true(lc_worth_of(&clock, 5, 2000000, 1000) > lc_worth_of(&clock, 5, 1000000, 1000));
    assert_true(lc_worth_of(&clock, 5, 1000000, 2000) < lc_worth_of(&clock, 5, 1000000, 1000));
    for (int i = 1; i <= 1000; i++)
        lc_worth_advance(&clock, 10 * i, i);
    assert_true(lc_worth_is_sound(&clock));
    /* Of the last each is known, and none is taken for a later one. */
    for (int i = 990; i <= 1000; i++)
        assert_true((int)lc_worth_of(&clock, 10 * i, 0, 1 << 30) == i);
    for (int i = 1; i < 1000; i += 10)
        assert_true(lc_worth_of(&clock, 10 * i, 0, 1 << 30) <= i + 0.5);
    assert_true(lc_worth_of(&clock, 5000, 0, 1 << 30) > 100);
    /* It never goes back, whatever the system's clock does. */
    lc_worth_advance(&clock, 50, 2000);
    lc_worth_advance(&clock, 20000, 3);
    assert_true(lc_worth_is_sound(&clock));
    assert_true((int)lc_worth_of(&clock, 30000, 0, 1 << 30) == 2000);
    clock.points[3].when = clock.points[2].when;
    assert_false(lc_worth_is_sound(&clock));
    clock.count = LC_WORTH_POINTS + 1;
    assert_false(lc_worth_is_sound(&clock));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_room__the_bound_holds_after_every_store),
        scratch_test(test_room__what_is_dear_for_its_size_stays),
        scratch_test(test_room__what_was_dear_goes_once_it_is_not_used),
        scratch_test(test_room__one_larger_than_the_bound_is_not_kept),
        scratch_test(test_room__a_replacement),
        scratch_test(test_room__a_bound_that_is_new_or_lowered),
        scratch_test(test_room__the_tally_heals),
        scratch_test(test_room__other_files_stay),
        scratch_test(test_room__what_may_not_be_given_any_more_goes_first),
        scratch_test(test_room__a_store_looks_at_few_of_many),
        scratch_test(test_room__processes_share_one_bound),
        scratch_test(test_room__killed_at_each_call),
        scratch_test(test_room__each_call_fails),
        scratch_test(test_room__without_memory_for_costs),
        scratch_test(test_worth__the_clock),
    };
    return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
