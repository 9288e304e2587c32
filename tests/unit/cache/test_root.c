/* What one function finds of its cache directory spares the next one the looking, and nothing that
 * has changed since. */
#include "base/fault.h"
#include "scratch.h"

static int calls;

static int count_calls(const char *call)
{
    calls += strcmp(call, "alloc") != 0;
    return 0;
}

/* Older than the clock of a file system stands still. */
static void grow_old(void)
{
    usleep(50000);
}

static locache_status open_status(const char *dir, const char *function)
{
    locache_options options = options_for(function);
    locache *cache = NULL;
    calls = 0;
    lc_fault_hook = count_calls;
    locache_status status = locache_open(&cache, dir, &options, &error);
    lc_fault_hook = NULL;
    locache_close(cache);
    return status;
}

/* The directory and what it is in; .locache/ and the record; the descriptors. Where the last look
 * is some time ago, what is above as well; all that is known of it where it changed. Several tries:
 * somebody else may make something in /tmp meanwhile. */
static void assert_few_calls(const char *first, const char *second)
{
    bool few = false;
    bool more = false;
    for (int i = 0; i < 100 && !(few && more); i++) {
        grow_old();
        assert_int_equal(open_status(foo, first), LOCACHE_OK);
        assert_int_equal(open_status(foo, first), LOCACHE_OK);
        assert_int_equal(open_status(foo, second), LOCACHE_OK);
        few = few || calls == 9;
        wait_lately();
        assert_int_equal(open_status(foo, second), LOCACHE_OK);
        more = more || calls >= 12;
    }
    assert_true(few);
    assert_true(more);
}

/* Ten functions that have results, and one that was opened since. */
static void store_some(void)
{
    for (int i = 0; i < 10; i++) {
        locache *cache = open_function(function_name(i));
        must_put(cache, 1, "one");
        locache_close(cache);
    }
    assert_few_calls("function0", "function1");
}

static void test_root__the_next_function_looks_once_at_each_level(void **unused)
{
    (void)unused;
    store_some();
    for (int i = 2; i < 9; i++) {
        locache *cache = open_function(function_name(i));
        assert_hit(cache, 1, "one");
        locache_close(cache);
    }
    /* One that is not there is looked for as ever, and does not disturb what is known. */
    assert_int_equal(open_status(foo, "another"), LOCACHE_OK);
    assert_few_calls("function8", "function9");
}

static void test_root__rights_that_change_are_seen(void **unused)
{
    (void)unused;
    store_some();
    /* Above the cache directory, in a while; in it, at once. */
    assert_int_equal(chmod(scratch, 0777), 0);
    wait_lately();
    assert_int_equal(open_status(foo, "function2"), LOCACHE_EUNTRUSTED);
    assert_int_equal(chmod(scratch, 0700), 0);
    grow_old();
    assert_int_equal(open_status(foo, "function2"), LOCACHE_OK);
    assert_int_equal(open_status(foo, "function3"), LOCACHE_OK);
    assert_int_equal(chmod(foo, 0777), 0);
    assert_int_equal(open_status(foo, "function4"), LOCACHE_EUNTRUSTED);
    assert_int_equal(chmod(foo, 0700), 0);
    assert_int_equal(open_status(foo, "function4"), LOCACHE_OK);
    assert_int_equal(chmod(in_foo("function5"), 0777), 0);
    assert_int_equal(open_status(foo, "function5"), LOCACHE_EUNTRUSTED);
    assert_int_equal(chmod(in_foo("function5"), 0700), 0);
    assert_int_equal(chmod(in_foo("function6/.locache"), 0777), 0);
    assert_int_equal(open_status(foo, "function6"), LOCACHE_EUNTRUSTED);
}

static void test_root__what_is_exchanged_is_seen_at_once(void **unused)
{
    (void)unused;
    char away[192];
    store_some();
    snprintf(away, sizeof away, "%s/away.cache", scratch);
    /* The same directory, by a link that leads there: that is for a closer look to say. */
    assert_int_equal(rename(foo, away), 0);
    assert_int_equal(symlink("away.cache", foo), 0);
    wait_lately();
    assert_int_equal(open_status(foo, "function2"), LOCACHE_EUNTRUSTED);
    assert_int_equal(unlink(foo), 0);
    assert_int_equal(rename(away, foo), 0);
    assert_int_equal(open_status(foo, "function2"), LOCACHE_OK);
    /* A function's directory that is a link, and one of another source. */
    assert_int_equal(rename(in_foo("function3"), in_foo("elsewhere")), 0);
    assert_int_equal(symlink("elsewhere", in_foo("function3")), 0);
    assert_int_equal(open_status(foo, "function3"), LOCACHE_EUNTRUSTED);
    locache_options options = options_for("function4");
    options.identity = identity_at("t-1", 2);
    locache *other = open_with(&options);
    assert_miss(other, 1);
    must_put(other, 1, "two");
    assert_int_equal(open_status(foo, "function4"), LOCACHE_OK);
    locache *cache = open_function("function4");
    assert_hit(cache, 1, "one");
    locache_close(other);
    locache_close(cache);
}

/* Who gets a right to a directory above may use it before the next look: what is in the place of
 * the cache directory then is not it, though it is the user's own, too. */
static void test_root__an_exchange_before_the_next_look_gains_nothing(void **unused)
{
    (void)unused;
    char another[192];
    char away[192];
    snprintf(another, sizeof another, "%s/another.cache", scratch);
    snprintf(away, sizeof away, "%s/away.cache", scratch);
    locache_options options = options_for("function2");
    locache *cache = NULL;
    assert_int_equal(locache_open(&cache, another, &options, &error), LOCACHE_OK);
    must_put(cache, 1, "another");
    locache_close(cache);
    store_some();
    assert_int_equal(open_status(foo, "function1"), LOCACHE_OK);
    assert_int_equal(chmod(scratch, 0777), 0);
    assert_int_equal(rename(foo, away), 0);
    assert_int_equal(rename(another, foo), 0);
    assert_int_equal(open_status(foo, "function2"), LOCACHE_EUNTRUSTED);
}

static void open_as_somebody(void *unused)
{
    (void)unused;
    child_require(setresuid(NOBODY, NOBODY, NOBODY) == 0);
    child_require(open_status(foo, "function2") < 0);
}

static void test_root__another_user_looks_for_himself(void **unused)
{
    (void)unused;
    if (geteuid() != 0)
        skip();
    store_some();
    wait_for(in_child(open_as_somebody, NULL));
    assert_int_equal(open_status(foo, "function2"), LOCACHE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_root__the_next_function_looks_once_at_each_level),
        scratch_test(test_root__rights_that_change_are_seen),
        scratch_test(test_root__what_is_exchanged_is_seen_at_once),
        scratch_test(test_root__an_exchange_before_the_next_look_gains_nothing),
        scratch_test(test_root__another_user_looks_for_himself),
    };
    return cmocka_run_group_tests_name("root", tests, NULL, NULL);
}
