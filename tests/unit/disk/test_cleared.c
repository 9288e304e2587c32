/* A function with very many results is cleared by a rename, where no other handle would go on
 * giving them; what was cleared is removed by who stores next. */
#include "base/os.h"
#include "cache/handle.h"
#include "disk/cleared.h"
#include "fault.h"
#include "orphan.h"
#include "scratch.h"

enum { MANY = LC_CLEARED_FEW + 40, OTHERS = 70 };

#define WORK ".versions/.tmp"

/* Longer than the clock of any file system stands still: what is read then is kept and pinned. */
static void grow_old(void)
{
    usleep(30000);
}

static locache *open_many(void)
{
    locache *cache = open_function("my_func");
    for (int64_t x = 0; x < MANY; x++)
        must_put(cache, x, "r");
    grow_old();
    return cache;
}

static void warm_up(locache *cache, int64_t x)
{
    for (int i = 0; i < 5; i++)
        assert_hit(cache, x, "r");
}

/* Is what is kept in memory validated by held files here? Only then directories are exchanged. */
static bool exchanges(void)
{
    int dir = open(scratch, O_RDONLY | O_DIRECTORY);
    bool holds = lc_file_system_of(dir).holds;
    close(dir);
    return holds;
}

static int waiting(void)
{
    return exists(in_foo(WORK)) ? names_in(in_foo(WORK), LC_SWITCHING_CLEARED) : 0;
}

static void assert_none(locache *cache)
{
    for (int64_t x = 0; x < MANY; x += 7)
        assert_miss(cache, x);
    assert_int_equal(count_of(cache), 0);
}

static void test_cleared__by_a_rename_and_removed_by_who_stores(void **unused)
{
    (void)unused;
    locache *cache = open_many();
    warm_up(cache, 7);
    write_text(in_foo("my_func/notes.txt"), "mine");
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_int_equal(waiting(), exchanges() ? 1 : 0);
    assert_true(exists(in_foo("my_func/.locache/version")));
    assert_miss(cache, 7);
    for (int64_t x = 0; x < 200 && (x == 0 || waiting() > 0); x++)
        must_put(cache, MANY + x, "r");
    assert_int_equal(waiting(), 0);
    assert_int_equal(names_in(in_foo(WORK), ""), 0);
    /* A user's own file was among them. */
    assert_true(exists(in_foo("my_func/notes.txt")));
    unlink(in_foo("my_func/notes.txt"));
    assert_miss(cache, 7);
    assert_hit(cache, MANY, "r");
    locache_close(cache);
}

static void assert_nothing_is_said(void)
{
    static const char *const names[] = {"tally", "hand", "room", "counts"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        snprintf(path, sizeof path, "my_func/.locache/%s", names[i]);
        if (exists(in_foo(path)))
            fail_msg("%s is there still", path);
    }
}

/* How much there is, what goes next of it and how often it was used is of what was cleared. */
static void test_cleared__nothing_is_said_about_it_any_more(void **unused)
{
    (void)unused;
    for (int whole = 0; whole < 2; whole++) {
        locache_options options = options_for("my_func");
        options.max_entries = 10 * MANY;
        options.max_bytes = INT64_C(1) << 40;
        locache *cache = open_with(&options);
        for (int64_t x = 0; x < MANY; x++)
            must_put(cache, x, "r");
        if (whole) {
            locache_close(cache);
            assert_int_equal(locache_clear(foo, &error), LOCACHE_OK);
        } else {
            assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
        }
        assert_nothing_is_said();
        assert_true(exists(in_foo("my_func/.locache/version")));
        if (!whole)
            locache_close(cache);
    }
}

/* A path below the directories of what was cleared; it lives until the next. */
static const char *in_work(const char *rest)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/" WORK "/" LC_SWITCHING_CLEARED "%s", foo, rest);
    return path;
}

/* What a crash left, or anybody else put there: nothing stops what is to go, and what is a user's
 * own and has no other place stays. */
static void test_cleared__whatever_lies_there(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "r");
    write_text(in_foo("my_func/notes.txt"), "the newer");
    if (!exists(in_foo(WORK)))
        assert_int_equal(mkdir(in_foo(WORK), 0700), 0);
    write_text(in_foo(WORK "/another"), "no such name");
    write_text(in_work("a"), "no directory");
    assert_int_equal(mkdir(in_work("b"), 0700), 0); /* empty */
    assert_int_equal(mkdir(in_work("c"), 0700), 0);
    write_text(in_work("c/my_func"), "no directory");
    assert_int_equal(mkdir(in_work("d"), 0700), 0);
    assert_int_equal(mkdir(in_work("d/my_func"), 0700), 0);
    assert_int_equal(mkdir(in_work("d/my_func/.locache"), 0700), 0);
    write_text(in_work("d/my_func/.locache/version"), "a record");
    assert_int_equal(mkdir(in_work("e"), 0700), 0);
    assert_int_equal(mkdir(in_work("e/my_func"), 0700), 0);
    write_text(in_work("e/my_func/notes.txt"), "the older");
    /* A handle asks once whether anything waits. */
    locache_close(cache);
    cache = open_function("my_func");
    for (int64_t x = 2; x < 50; x++)
        must_put(cache, x, "r");
    assert_false(exists(in_work("b")) || exists(in_work("d")));
    assert_true(exists(in_work("a")) && exists(in_work("c/my_func")));
    assert_memory_equal(read_bytes(in_work("e/my_func/notes.txt")).data, "the older", 9);
    assert_memory_equal(read_bytes(in_foo("my_func/notes.txt")).data, "the newer", 9);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

/* Somebody removed it meanwhile, and where it was. */
static void test_cleared__is_gone_already(void **unused)
{
    (void)unused;
    locache *cache = open_many();
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    remove_all(in_foo(WORK));
    must_put(cache, 1, "new");
    must_put(cache, 2, "new");
    assert_hit(cache, 1, "new");
    assert_miss(cache, 7);
    locache_close(cache);
}

/* Who clears by the command wants the space, too. */
static void test_cleared__of_a_folder_is_removed_with_it(void **unused)
{
    (void)unused;
    locache_close(open_many());
    assert_int_equal(locache_clear_folder(foo, "my_func", &error), LOCACHE_OK);
    assert_int_equal(waiting(), 0);
    locache *cache = open_function("my_func");
    assert_none(cache);
    locache_close(cache);
}

static void test_cleared__few_are_removed_at_once(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    for (int64_t x = 0; x < 20; x++)
        must_put(cache, x, "r");
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_int_equal(waiting(), 0);
    assert_none(cache);
    locache_close(cache);
}

static void reset_elsewhere(void *context)
{
    (void)context;
    locache *cache = open_function("my_func");
    child_require(locache_reset(cache, &error) == LOCACHE_OK);
    locache_close(cache);
}

static void clear_elsewhere(void *context)
{
    (void)context;
    child_require(locache_clear(foo, &error) == LOCACHE_OK);
}

static void clear_folder_elsewhere(void *context)
{
    (void)context;
    child_require(locache_clear_folder(foo, "my_func", &error) == LOCACHE_OK);
}

/* In memory and pinned, in memory, on disk: whoever clears, this handle gives none of them. */
static void assert_seen(void (*clear)(void *context))
{
    locache *cache = open_many();
    warm_up(cache, 7);
    assert_hit(cache, 14, "r");
    wait_for(in_child(clear, NULL));
    assert_none(cache);
    must_put(cache, 7, "new");
    assert_hit(cache, 7, "new");
    assert_miss(cache, 14);
    locache_close(cache);
}

static void test_cleared__is_seen_by_other_processes(void **unused)
{
    (void)unused;
    assert_seen(reset_elsewhere);
    assert_seen(clear_elsewhere);
    assert_seen(clear_folder_elsewhere);
}

static void hit_until_told(void *context)
{
    const int *ends = context;
    char byte;
    locache *cache = open_function("my_func");
    for (int i = 0; i < 5; i++)
        child_require(get(cache, 7, "r") == LOCACHE_OK);
    child_require(write(ends[1], "x", 1) == 1 && read(ends[2], &byte, 1) == 1);
    child_require(get(cache, 7, "r") == LOCACHE_MISS && get(cache, 14, "r") == LOCACHE_MISS);
    locache_close(cache);
}

/* A handle of another process, and the parent's own in a child of fork(), which shares its lock. */
static void hit_inherited(void *context)
{
    const int *ends = context;
    char byte;
    locache *cache = *(locache *const *)(const void *)(ends + 4);
    for (int i = 0; i < 5; i++)
        child_require(get(cache, 7, "r") == LOCACHE_OK);
    child_require(write(ends[1], "x", 1) == 1 && read(ends[2], &byte, 1) == 1);
    child_require(get(cache, 7, "r") == LOCACHE_MISS && get(cache, 14, "r") == LOCACHE_MISS);
}

static void assert_seen_by(void (*hits)(void *context))
{
    struct {
        int ends[4];
        locache *cache;
    } told;
    char byte;
    told.cache = open_many();
    warm_up(told.cache, 7);
    assert_int_equal(pipe(told.ends), 0);
    assert_int_equal(pipe(told.ends + 2), 0);
    pid_t child = in_child(hits, &told);
    assert_int_equal(read(told.ends[0], &byte, 1), 1);
    assert_int_equal(locache_reset(told.cache, &error), LOCACHE_OK);
    assert_int_equal(write(told.ends[3], "x", 1), 1);
    wait_for(child);
    assert_none(told.cache);
    for (int i = 0; i < 4; i++)
        close(told.ends[i]);
    locache_close(told.cache);
}

static void test_cleared__is_seen_by_who_has_it_in_memory(void **unused)
{
    (void)unused;
    assert_seen_by(hit_until_told);
    assert_seen_by(hit_inherited);
}

/* Its directory was given up, and its lock with it; the files of what is in memory are pinned. */
static void test_cleared__is_seen_by_who_holds_no_directory(void **unused)
{
    (void)unused;
    locache *others[OTHERS];
    locache *cache = open_many();
    warm_up(cache, 7);
    warm_up(cache, 14);
    for (int i = 0; i < OTHERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "other%d", i);
        others[i] = open_function(name);
        must_put(others[i], 1, "r");
        assert_hit(others[i], 1, "r");
    }
    assert_false(atomic_load(&cache->dir_held));
    wait_for(in_child(clear_elsewhere, NULL));
    assert_int_equal(waiting(), exchanges() ? 1 : 0);
    assert_miss(cache, 7);
    /* It has the new directory now, and the old one's file still pinned or not. */
    must_put(cache, 21, "r");
    assert_miss(cache, 14);
    assert_hit(cache, 21, "r");
    for (int i = 0; i < OTHERS; i++)
        locache_close(others[i]);
    locache_close(cache);
}

/* More names than are removed one by one, of one result. */
static void fill(locache *cache)
{
    char name[64];
    char path[256];
    must_put(cache, 1, "r");
    snprintf(path, sizeof path, "%s", in_foo("my_func/x=1"));
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "my_func/x=1%04d", i);
        assert_int_equal(link(path, in_foo(name)), 0);
    }
}

/* Whatever fails, the results are forgotten or the failure is told, and the function's directory is
 * one that can be used. */
static bool reset_with(const char *call, int nth)
{
    locache *cache = open_function("my_func");
    fill(cache);
    fault_set(call, nth, EIO);
    locache_status status = locache_reset(cache, &error);
    bool failed = fault_clear();
    if (status == LOCACHE_OK)
        assert_int_equal(count_of(cache), 0);
    assert_true(status == LOCACHE_OK || failed);
    must_put(cache, 2, "new");
    assert_hit(cache, 2, "new");
    locache_close(cache);
    remove_all(foo);
    return failed;
}

static void test_cleared__each_call_that_fails(void **unused)
{
    static const char *const calls[] = {"flock", "fchmod", "mkdir", "rename", "openat"};
    /* As many as it makes; where entries are removed one by one, each is opened. */
    static const int most[] = {10, 10, 10, 10, 24};
    (void)unused;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (int n = 1; n < most[i] && reset_with(calls[i], n); n++)
            continue;
}

static void clear_it(void)
{
    orphan_from_now();
    (void)!locache_clear(foo, NULL);
}

/* Somebody else's thread forks, and the process is killed, while it has the directory locked. */
static void test_cleared__a_child_has_no_part_in_the_lock(void **unused)
{
    (void)unused;
    if (!exchanges())
        skip();
    locache_close(open_many());
    int child = orphan_of("chmod", clear_it, true);
    locache *cache = open_function("my_func");
    assert_hit(cache, 7, "r");
    must_put(cache, MANY, "r");
    assert_hit(cache, MANY, "r");
    locache_close(cache);
    close(child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_cleared__by_a_rename_and_removed_by_who_stores),
        scratch_test(test_cleared__nothing_is_said_about_it_any_more),
        scratch_test(test_cleared__whatever_lies_there),
        scratch_test(test_cleared__is_gone_already),
        scratch_test(test_cleared__of_a_folder_is_removed_with_it),
        scratch_test(test_cleared__few_are_removed_at_once),
        scratch_test(test_cleared__is_seen_by_other_processes),
        scratch_test(test_cleared__is_seen_by_who_has_it_in_memory),
        scratch_test(test_cleared__is_seen_by_who_holds_no_directory),
        scratch_test(test_cleared__each_call_that_fails),
        scratch_test(test_cleared__a_child_has_no_part_in_the_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
