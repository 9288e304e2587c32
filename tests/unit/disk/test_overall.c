/* Bounds of a cache as a whole and of all caches together: held at every moment by who stores,
 * whoever else stores, dies or removes meanwhile. */
#include "disk/overall.h"
#include "disk/tally.h"
#include "fault.h"
#include "killed.h"
#include "scratch.h"

#include <time.h>

#define BODY 1000
#define KIB 1024

static const char *const functions[] = {"one", "two", "three"};

static const char *in_scratch(const char *name)
{
    static char paths[4][1024];
    static unsigned next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    return path;
}

static locache *open_in(const char *dir, const char *function)
{
    locache *cache = NULL;
    locache_options options = options_for(function);
    assert_int_equal(locache_open(&cache, dir, &options, &error), LOCACHE_OK);
    return cache;
}

static void put_cost(locache *cache, int64_t x, int64_t cost)
{
    static const char body[BODY];
    key k = key_of(x);
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_RAW,
                             .body = body,
                             .body_size = sizeof body,
                             .compute_time = cost};
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
}

static void assert_hit_raw(locache *cache, int64_t x)
{
    locache_value *value;
    key k = key_of(x);
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
    locache_value_free(value);
}

/* Entries below a directory, and bytes of their files. */
static struct {
    int64_t entries;
    int64_t bytes;
} there;

static int count_one(const char *path, const struct stat *seen, int flag, struct FTW *walk)
{
    const char *name = path + walk->base;
    if (flag == FTW_F && strncmp(name, "x=", 2) == 0) {
        there.entries++;
        there.bytes += seen->st_size;
    }
    return 0;
}

static int64_t bytes_in(const char *path)
{
    there.entries = there.bytes = 0;
    nftw(path, count_one, 16, FTW_PHYS);
    return there.bytes;
}

static void bound(const char *dir, int64_t max_bytes, int64_t max_entries, int64_t max_age)
{
    const locache_bounds set = {
        .size = sizeof set, .max_bytes = max_bytes, .max_entries = max_entries, .max_age = max_age};
    assert_int_equal(locache_set_bounds(dir, &set, &error), LOCACHE_OK);
}

static int overall_setup(void **unused)
{
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("LOCACHE_MAX_BYTES");
    unsetenv("LOCACHE_CACHE_MAX_BYTES");
    return scratch_setup(unused);
}

#define overall_test(f) cmocka_unit_test_setup_teardown(f, overall_setup, scratch_teardown)

/* -------------------------------------------------------------------------------------- a cache */

static void test_overall__a_cache_stays_within_its_bytes(void **unused)
{
    enum { MAX = 50 * KIB };
    locache *caches[3];
    (void)unused;
    assert_int_equal(mkdir(foo, 0700), 0);
    bound(foo, MAX, 0, 0);
    for (int n = 0; n < 3; n++)
        caches[n] = open_in(foo, functions[n]);
    int64_t least = MAX;
    for (int x = 0; x < 150; x++) {
        put_cost(caches[x % 3], x, 7);
        int64_t now = bytes_in(foo);
        assert_true(now <= MAX + MAX / 100);
        if (x >= 60)
            least = now < least ? now : least;
        assert_hit_raw(caches[x % 3], x);
    }
    /* Nor is more removed than that. */
    assert_true(least > MAX * 3 / 4);
    for (int n = 0; n < 3; n++)
        locache_close(caches[n]);
}

static void test_overall__earlier_versions_count(void **unused)
{
    (void)unused;
    assert_int_equal(mkdir(foo, 0700), 0);
    for (int source = 1; source <= 3; source++) {
        locache *cache = open_source("t-1", source);
        for (int x = 0; x < 20; x++)
            put_cost(cache, x, 7);
        locache_close(cache);
    }
    assert_true(bytes_in(foo) > 60 * KIB);
    setenv("LOCACHE_CACHE_MAX_BYTES", "30K", 1);
    /* What was set before is remembered until somebody asks. */
    locache_bounds set = {.size = sizeof set};
    assert_int_equal(locache_get_bounds(&set, foo, &error), LOCACHE_OK);
    assert_int_equal(set.max_bytes, 30 * KIB);
    locache *cache = open_source("t-1", 4);
    put_cost(cache, 1, 7);
    put_cost(cache, 2, 7);
    assert_true(bytes_in(foo) <= 30 * KIB);
    assert_hit_raw(cache, 2);
    locache_close(cache);
}

static void test_overall__what_was_dear_stays(void **unused)
{
    (void)unused;
    assert_int_equal(mkdir(foo, 0700), 0);
    bound(foo, 50 * KIB, 0, 0);
    locache *dear = open_in(foo, "dear");
    locache *cheap = open_in(foo, "cheap");
    for (int x = 0; x < 10; x++)
        put_cost(dear, x, INT64_C(3600000000000));
    for (int x = 0; x < 200; x++)
        put_cost(cheap, x, 1000);
    for (int x = 0; x < 10; x++)
        assert_hit_raw(dear, x);
    assert_true(count_of(cheap) > 20);
    locache_close(dear);
    locache_close(cheap);
}

/* An open handle remembers that nothing was set, until this process sets something. */
static void test_overall__set_under_an_open_handle(void **unused)
{
    (void)unused;
    locache *cache = open_in(foo, "one");
    for (int x = 0; x < 40; x++)
        put_cost(cache, x, 7);
    bytes_in(foo);
    assert_int_equal(there.entries, 40);
    bound(foo, 0, 20, 0);
    put_cost(cache, 40, 7);
    bytes_in(foo);
    assert_true(there.entries <= 20);
    assert_hit_raw(cache, 40);
    bound(foo, 0, 0, 0);
    for (int x = 41; x < 80; x++)
        put_cost(cache, x, 7);
    bytes_in(foo);
    assert_true(there.entries > 39);
    locache_close(cache);
}

static void test_overall__entries_and_age(void **unused)
{
    (void)unused;
    assert_int_equal(mkdir(foo, 0700), 0);
    bound(foo, 0, 30, 0);
    locache *one = open_in(foo, "one");
    locache *two = open_in(foo, "two");
    for (int x = 0; x < 100; x++) {
        put_cost(x % 2 ? one : two, x, 7);
        bytes_in(foo);
        assert_true(there.entries <= 30);
    }
    assert_true(there.entries > 20);
    locache_close(one);
    locache_close(two);
}

/* How many of the first `count` results are there. */
static int left_of(int count)
{
    char path[600];
    int left = 0;
    for (int x = 0; x < count; x++) {
        snprintf(path, sizeof path, "bar.cache/one/x=%d", x);
        left += exists(in_scratch(path));
    }
    return left;
}

static void test_overall__what_is_too_old_goes_by_and_by(void **unused)
{
    char path[600];
    (void)unused;
    assert_int_equal(mkdir(foo, 0700), 0);
    locache *one = open_in(foo, "one");
    for (int x = 0; x < 20; x++)
        put_cost(one, x, 7);
    for (int x = 0; x < 10; x++) {
        const struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
        snprintf(path, sizeof path, "%s/one/x=%d", foo, x);
        assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    }
    bound(foo, 0, 0, INT64_C(3600000000000));
    locache_close(one);
    assert_int_equal(rename(foo, in_scratch("bar.cache")), 0);
    one = open_in(in_scratch("bar.cache"), "one");
    /* A look, which one store of 64 takes, is at some of them. */
    for (int x = 100; x < 10000 && left_of(10) > 0; x++)
        put_cost(one, x, 7);
    assert_int_equal(left_of(10), 0);
    assert_true(exists(in_scratch("bar.cache/one/x=11")));
    locache_close(one);
}

/* More than are looked at for one store: some are, by chance, and what is worth least of these
 * goes. */
static void test_overall__of_many_some_are_looked_at(void **unused)
{
    enum { MANY = 90, MAX = 3 * MANY + 20 };
    (void)unused;
    locache *caches[3];
    for (int n = 0; n < 3; n++) {
        caches[n] = open_in(foo, functions[n]);
        for (int x = 0; x < MANY; x++)
            put_cost(caches[n], x, x % 3 == 0 ? INT64_C(3600000000000) : 1000);
    }
    key k = key_of(-1);
    const locache_record ended = {.size = sizeof ended, .codec = LOCACHE_CODEC_RAW, .expires = 1};
    assert_int_equal(locache_put(caches[0], k.bytes, k.size, &ended, &error), LOCACHE_OK);
    bound(foo, 0, MAX, 0);
    for (int x = 0; x < 600; x++) {
        put_cost(caches[x % 3], 1000 + x, 1000);
        bytes_in(foo);
        assert_true(there.entries <= MAX);
        assert_hit_raw(caches[x % 3], 1000 + x);
    }
    bytes_in(foo);
    assert_true(there.entries > MAX * 3 / 4);
    assert_false(exists(in_foo("one/x=-1")));
    int dear = 0;
    char path[64];
    for (int n = 0; n < 3; n++)
        for (int x = 0; x < MANY; x += 3) {
            snprintf(path, sizeof path, "%s/x=%d", functions[n], x);
            dear += exists(in_foo(path));
        }
    assert_in_range(dear, MANY - 5, MANY);
    for (int n = 0; n < 3; n++)
        locache_close(caches[n]);
}

/* A tally that a killed process left wrong becomes right by the rounds through the directory. */
static void test_overall__of_many_a_wrong_tally_becomes_right(void **unused)
{
    enum { MANY = 200, MAX = 300 };
    (void)unused;
    locache *caches[2];
    lc_directory at[2];
    lc_tally said[2];
    for (int n = 0; n < 2; n++) {
        caches[n] = open_in(foo, functions[n]);
        for (int x = 0; x < MANY; x++)
            put_cost(caches[n], x, 1000);
    }
    bound(foo, 0, 2 * MANY, 0);
    for (int n = 0; n < 2; n++) {
        at[n] = (lc_directory){.dir = open(in_foo(functions[n]), O_RDONLY | O_DIRECTORY),
                               .owner = geteuid(),
                               .path = foo};
        assert_true(lc_tally_read(&said[n], &at[n]));
        assert_int_equal(said[n].entries, MANY);
        /* As if there were few in all. */
        lc_tally_add(&at[n], (lc_tally){20 - MANY, 0});
    }
    bound(foo, 0, 30, 0);
    put_cost(caches[0], 1000, 1000);
    bytes_in(foo);
    assert_true(there.entries <= 30);
    bound(foo, 0, MAX, 0);
    for (int x = 0; x < 2 * MAX; x++)
        put_cost(caches[x % 2], x, 1000);
    /* As if there were many more. */
    lc_tally_add(&at[1], (lc_tally){1000, 1000 * KIB});
    bool right = false;
    /* One store of 64 goes on with a round, by chance. */
    for (int x = 0; x < 5000 && !right; x++) {
        put_cost(caches[0], 10000 + x, 1000);
        if (x % 50 < 49)
            continue;
        bytes_in(foo);
        assert_true(lc_tally_read(&said[0], &at[0]) && lc_tally_read(&said[1], &at[1]));
        right = llabs(said[0].entries + said[1].entries - there.entries) <= 20;
    }
    assert_true(right);
    assert_true(there.entries <= MAX);
    for (int n = 0; n < 2; n++) {
        close(at[n].dir);
        locache_close(caches[n]);
    }
}

static void test_overall__where_nothing_is_set_nothing_is_kept_or_counted(void **unused)
{
    (void)unused;
    locache *one = open_in(foo, "one");
    for (int x = 0; x < 20; x++)
        put_cost(one, x, 7);
    locache_close(one);
    assert_false(exists(in_foo("one/.locache/tally")));
    assert_false(exists(in_foo(".versions/.clock")));
    assert_int_equal(count_of(one = open_in(foo, "one")), 20);
    locache_close(one);
}

static void test_overall__files_of_the_users_own_stay(void **unused)
{
    (void)unused;
    assert_int_equal(mkdir(foo, 0700), 0);
    bound(foo, 20 * KIB, 0, 0);
    locache *one = open_in(foo, "one");
    put_cost(one, 1, 7);
    char work[30000];
    memset(work, 'w', sizeof work);
    write_bytes(in_foo("one/mine"), work, sizeof work);
    assert_int_equal(mkdir(in_foo("data"), 0700), 0);
    write_bytes(in_foo("data/x=1"), work, sizeof work);
    for (int x = 0; x < 50; x++)
        put_cost(one, x, 7);
    assert_true(exists(in_foo("one/mine")));
    assert_true(exists(in_foo("data/x=1")));
    assert_hit_raw(one, 49);
    locache_close(one);
}

/* --------------------------------------------------------------------------------- all together */

static void test_overall__all_caches_together(void **unused)
{
    enum { MAX = 60 * KIB };
    (void)unused;
    char path[64];
    locache *old = open_in(in_scratch("old.cache"), "one");
    for (int x = 0; x < 40; x++)
        put_cost(old, x, 7);
    locache_close(old);
    setenv("LOCACHE_MAX_BYTES", "60K", 1);
    for (int n = 0; n < 6; n++) {
        snprintf(path, sizeof path, "c%d.cache", n);
        locache *one = open_in(in_scratch(path), "one");
        for (int x = 0; x < 15; x++) {
            put_cost(one, x, 7);
            assert_true(bytes_in(scratch) <= MAX + MAX / 100);
            assert_hit_raw(one, x);
        }
        locache_close(one);
    }
    assert_true(bytes_in(scratch) > MAX * 3 / 4);
    assert_true(bytes_in(in_scratch("old.cache")) < 40 * KIB);
    /* What vanishes makes room. */
    for (int n = 0; n < 6; n++) {
        snprintf(path, sizeof path, "c%d.cache", n);
        remove_all(in_scratch(path));
    }
    locache *late = open_in(in_scratch("late.cache"), "one");
    for (int x = 0; x < 80; x++)
        put_cost(late, x, 7);
    assert_true(bytes_in(scratch) <= MAX + MAX / 100);
    assert_true(bytes_in(scratch) > MAX / 2);
    locache_close(late);
}

/* One that others can write to by now is nobody's to look into, and does not count. */
static void test_overall__of_all_caches_only_what_is_ours(void **unused)
{
    (void)unused;
    setenv("LOCACHE_MAX_BYTES", "60K", 1);
    for (int n = 0; n < 2; n++) {
        locache *cache = open_in(in_scratch(n == 0 ? "a.cache" : "b.cache"), "one");
        for (int x = 0; x < 20; x++)
            put_cost(cache, x, 7);
        locache_close(cache);
    }
    assert_int_equal(chmod(in_scratch("a.cache"), 0777), 0);
    locache *cache = open_in(in_scratch("b.cache"), "one");
    for (int x = 100; x < 200; x++)
        put_cost(cache, x, 7);
    assert_int_equal(names_in(in_scratch("a.cache/one"), "x="), 20);
    assert_true(bytes_in(in_scratch("b.cache")) <= 60 * KIB);
    assert_true(bytes_in(in_scratch("b.cache")) > 45 * KIB);
    locache_close(cache);
}

enum { WORKERS = 4 };

static void store_many(void *context)
{
    char function[16];
    int which = *(const int *)context;
    snprintf(function, sizeof function, "f%d", which);
    locache *cache = open_in(foo, function);
    for (int x = 0; x < 50; x++) {
        put_cost(cache, x, 7);
        key k = key_of(x);
        locache_value *value;
        locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
        child_require(status == LOCACHE_OK || status == LOCACHE_MISS);
        if (status == LOCACHE_OK)
            locache_value_free(value);
    }
    locache_close(cache);
}

static void test_overall__many_processes_at_once(void **unused)
{
    enum { MAX = 80 * KIB };
    pid_t children[WORKERS];
    (void)unused;
    assert_int_equal(mkdir(foo, 0700), 0);
    bound(foo, MAX, 0, 0);
    for (int n = 0; n < WORKERS; n++)
        children[n] = in_child(store_many, &n);
    for (int n = 0; n < WORKERS; n++)
        wait_for(children[n]);
    locache *cache = open_in(foo, "last");
    put_cost(cache, 1, 7);
    put_cost(cache, 2, 7);
    assert_true(bytes_in(foo) <= MAX);
    assert_true(bytes_in(foo) > MAX / 2);
    locache_close(cache);
}

/* --------------------------------------------------------------------------------------- faults */

/* A fresh directory each time, since what is set is remembered for a while. */
static const char *fresh(int n)
{
    char name[32];
    snprintf(name, sizeof name, "n%d.cache", n);
    return in_scratch(name);
}

static void test_overall__each_call_fails(void **unused)
{
    /* Of all there are many: each ninth of these. */
    static const struct {
        const char *call;
        int step;
    } rows[] = {{NULL, 9}, {"fstat", 1}, {"alloc", 1}, {"openat", 1}};
    int made = 0;
    (void)unused;
    setenv("LOCACHE_MAX_BYTES", "20K", 1);
    setenv("LOCACHE_CACHE_MAX_BYTES", "10K", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool failed = true;
        for (int n = 1; failed; n += rows[i].step) {
            const char *dir = fresh(made++);
            locache *cache = open_in(dir, "one");
            for (int x = 0; x < 12; x++)
                put_cost(cache, x, 7);
            key k = key_of(100);
            static const char body[BODY];
            locache_record record = {.size = sizeof record,
                                     .codec = LOCACHE_CODEC_RAW,
                                     .body = body,
                                     .body_size = sizeof body};
            /* So that what is set is asked for once more. */
            locache_bounds set = {.size = sizeof set};
            assert_int_equal(locache_get_bounds(&set, NULL, &error), LOCACHE_OK);
            int descriptors = open_descriptors();
            fault_set(rows[i].call, n, EACCES);
            (void)!locache_put(cache, k.bytes, k.size, &record, &error);
            failed = fault_clear();
            assert_true(open_descriptors() <= descriptors);
            /* Where it failed, what is set counts as nothing, for some seconds. */
            assert_int_equal(locache_get_bounds(&set, NULL, &error), LOCACHE_OK);
            for (int x = 200; x < 212; x++)
                put_cost(cache, x, 7);
            assert_true(bytes_in(dir) <= 10 * KIB + KIB);
            locache_close(cache);
            remove_all(dir);
        }
    }
}

static void store_and_die(void *context)
{
    locache *cache = open_in(context, "one");
    lc_fault_hook = kill_at_call;
    put_cost(cache, 100, 7);
    lc_fault_hook = NULL;
}

static void test_overall__killed_at_each_call(void **unused)
{
    (void)unused;
    setenv("LOCACHE_MAX_BYTES", "20K", 1);
    setenv("LOCACHE_CACHE_MAX_BYTES", "10K", 1);
    bool died = true;
    for (int n = 1; died; n += 9) {
        int ended;
        const char *dir = fresh(n);
        char path[200];
        snprintf(path, sizeof path, "%s", dir);
        locache *cache = open_in(path, "one");
        for (int x = 0; x < 12; x++)
            put_cost(cache, x, 7);
        killed_at = n;
        assert_true(waitpid(in_child(store_and_die, path), &ended, 0) > 0);
        died = was_killed(ended);
        assert_true(died || (WIFEXITED(ended) && WEXITSTATUS(ended) == 0));
        for (int x = 200; x < 215; x++)
            put_cost(cache, x, 7);
        assert_true(bytes_in(path) <= 10 * KIB);
        assert_hit_raw(cache, 214);
        locache_close(cache);
        remove_all(path);
        assert_true(n < 2000);
    }
}

static void test_overall__damaged_notes_count_for_nothing(void **unused)
{
    (void)unused;
    setenv("LOCACHE_MAX_BYTES", "20K", 1);
    assert_int_equal(mkdir(foo, 0700), 0);
    bound(foo, 10 * KIB, 0, 0);
    locache *cache = open_in(foo, "one");
    static const char *const notes[] = {"foo.cache/one/.locache/tally",
                                        "foo.cache/one/.locache/around",
                                        "foo.cache/.versions/.clock", "state/locache/caches/.sums"};
    for (int x = 0; x < 120; x++) {
        put_cost(cache, x, 7);
        char junk[3000];
        memset(junk, x % 4 == 0 ? 0xff : x, sizeof junk);
        const char *note = in_scratch(notes[x / 30]);
        if (x % 10 == 5)
            write_bytes(note, junk, (size_t)(x * 25));
        if (x % 10 == 9) {
            unlink(note);
            assert_int_equal(symlink(in_scratch("target"), note), 0);
        }
        if (x % 10 == 3)
            unlink(note);
    }
    assert_false(exists(in_scratch("target")));
    put_cost(cache, 500, 7);
    assert_hit_raw(cache, 500);
    for (size_t n = 0; n < 4; n++)
        unlink(in_scratch(notes[n]));
    put_cost(cache, 501, 7);
    put_cost(cache, 502, 7);
    assert_true(bytes_in(foo) <= 10 * KIB);
    /* Cut off behind its front: nobody has counted anything. */
    struct stat found;
    assert_int_equal(stat(in_scratch(notes[3]), &found), 0);
    assert_int_equal(truncate(in_scratch(notes[3]), found.st_size - 1), 0);
    put_cost(cache, 503, 7);
    put_cost(cache, 504, 7);
    assert_int_equal(stat(in_scratch(notes[3]), &found), 0);
    assert_true(bytes_in(foo) <= 10 * KIB);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        overall_test(test_overall__a_cache_stays_within_its_bytes),
        overall_test(test_overall__earlier_versions_count),
        overall_test(test_overall__what_was_dear_stays),
        overall_test(test_overall__set_under_an_open_handle),
        overall_test(test_overall__entries_and_age),
        overall_test(test_overall__what_is_too_old_goes_by_and_by),
        overall_test(test_overall__of_many_some_are_looked_at),
        overall_test(test_overall__of_many_a_wrong_tally_becomes_right),
        overall_test(test_overall__where_nothing_is_set_nothing_is_kept_or_counted),
        overall_test(test_overall__files_of_the_users_own_stay),
        overall_test(test_overall__all_caches_together),
        overall_test(test_overall__of_all_caches_only_what_is_ours),
        overall_test(test_overall__many_processes_at_once),
        overall_test(test_overall__each_call_fails),
        overall_test(test_overall__killed_at_each_call),
        overall_test(test_overall__damaged_notes_count_for_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
