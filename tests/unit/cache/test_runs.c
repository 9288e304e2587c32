/* Runs that stored results and found none, as they are counted beside these. */
#include "fault.h"
#include "scratch.h"

#include <sys/wait.h>

static locache *open_one(unsigned flags)
{
    locache_options options = options_for("my_func");
    options.flags = flags;
    return open_with(&options);
}

/* A process of its own, with one result stored: how many runs were counted before it. */
static int64_t run(locache_run what)
{
    pid_t child = fork();
    if (child == 0) {
        locache *cache = open_one(0);
        must_put(cache, 1, "r");
        int64_t before = locache_count_run(cache, what);
        locache_close(cache);
        _exit((int)before & 0xFF);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 0xFF ? -1 : WEXITSTATUS(status);
}

static void test_runs__are_counted_until_one_finds_a_result(void **unused)
{
    (void)unused;
    for (int before = 0; before < 5; before++)
        assert_int_equal(run(LOCACHE_RUN_UNREAD), before);
    (void)run(LOCACHE_RUN_READ);
    assert_int_equal(run(LOCACHE_RUN_UNREAD), 0);
}

static void test_runs__one_process_is_one(void **unused)
{
    (void)unused;
    locache *cache = open_one(0);
    must_put(cache, 1, "r");
    assert_int_equal(locache_count_run(cache, LOCACHE_RUN_UNREAD), 0);
    assert_int_equal(locache_count_run(cache, LOCACHE_RUN_UNREAD), -1);
    locache_close(cache);
}

static void test_runs__count_no_more_once_it_was_said(void **unused)
{
    (void)unused;
    assert_int_equal(run(LOCACHE_RUN_UNREAD), 0);
    (void)run(LOCACHE_RUN_SAID);
    assert_int_equal(run(LOCACHE_RUN_UNREAD), -1);
}

static void test_runs__leave_a_cache_for_reading_and_others_files_alone(void **unused)
{
    struct stat found;
    (void)unused;
    locache *cache = open_one(0);
    must_put(cache, 1, "r");
    locache *reading = open_one(LOCACHE_OPEN_READ_ONLY);
    assert_int_equal(locache_count_run(reading, LOCACHE_RUN_UNREAD), -1);
    locache_close(reading);
    assert_int_not_equal(stat(in_foo("my_func/.locache/unread"), &found), 0);
    char mine[LOCACHE_PATH_MAX];
    snprintf(mine, sizeof mine, "%s", in_foo("mine"));
    write_text(mine, "mine");
    assert_int_equal(link(mine, in_foo("my_func/.locache/unread")), 0);
    assert_int_equal(locache_count_run(cache, LOCACHE_RUN_UNREAD), -1);
    assert_int_equal(stat(mine, &found), 0);
    assert_int_equal(found.st_size, 4);
    locache_close(cache);
}

/* Whatever fails, nothing is said rather than a wrong number. */
static void test_runs__are_not_counted_where_a_call_fails(void **unused)
{
    (void)unused;
    locache *cache = open_one(0);
    must_put(cache, 1, "r");
    bool failed = true;
    for (int n = 1; failed; n++) {
        (void)locache_count_run(cache, LOCACHE_RUN_READ);
        fault_set(NULL, n, EIO);
        int64_t before = locache_count_run(cache, LOCACHE_RUN_UNREAD);
        failed = fault_clear();
        assert_true(before == 0 || (failed && before == -1));
    }
    assert_int_equal(chmod(in_foo("my_func/.locache"), 0777), 0);
    (void)locache_count_run(cache, LOCACHE_RUN_READ);
    assert_int_equal(locache_count_run(cache, LOCACHE_RUN_UNREAD), -1);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_runs__are_counted_until_one_finds_a_result),
        scratch_test(test_runs__one_process_is_one),
        scratch_test(test_runs__count_no_more_once_it_was_said),
        scratch_test(test_runs__leave_a_cache_for_reading_and_others_files_alone),
        scratch_test(test_runs__are_not_counted_where_a_call_fails),
    };
    return cmocka_run_group_tests_name("runs", tests, NULL, NULL);
}
