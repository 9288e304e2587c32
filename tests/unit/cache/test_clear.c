/* A whole cache directory is cleared: of all that locache made, and of nothing else. */
#include "scratch.h"

static void put_in(const char *function, int source)
{
    locache_options options = options_for(function);
    options.identity = identity_at("t-1", source);
    locache *cache = open_with(&options);
    must_put(cache, 1, "r");
    locache_close(cache);
}

static void assert_source(const char *function, int source, bool there)
{
    locache_options options = options_for(function);
    options.identity = identity_at("t-1", source);
    locache *cache = open_with(&options);
    if (there)
        assert_hit(cache, 1, "r");
    else
        assert_miss(cache, 1);
    locache_close(cache);
}

static void test_clear__every_function_and_version(void **unused)
{
    (void)unused;
    assert_int_equal(locache_clear(foo, &error), LOCACHE_OK);
    assert_false(exists(foo));
    for (int source = 1; source < 4; source++) {
        put_in("one", source);
        put_in("pkg.two", source);
    }
    put_in("gone", 1);
    put_in("gone", 2);
    remove_all(in_foo("gone"));
    assert_source("one", 2, true);
    assert_int_equal(locache_clear(foo, &error), LOCACHE_OK);
    for (int source = 1; source < 4; source++) {
        assert_source("one", source, false);
        assert_source("pkg.two", source, false);
    }
    assert_source("gone", 1, false);
}

static void test_clear__leaves_what_is_not_ours(void **unused)
{
    (void)unused;
    put_in("one", 1);
    write_text(in_foo("one/notes.txt"), "mine");
    write_text(in_foo("notes.txt"), "mine");
    assert_int_equal(mkdir(in_foo("data"), 0700), 0);
    write_text(in_foo("data/x=1"), "mine");
    bytes entry = read_bytes(in_foo("one/x=1"));
    write_bytes(in_foo("data/x=2"), entry.data, entry.size);
    assert_int_equal(mkdir(in_foo("../outside"), 0700), 0);
    assert_int_equal(mkdir(in_foo("../outside/.locache"), 0700), 0);
    write_bytes(in_foo("../outside/x=1"), entry.data, entry.size);
    assert_int_equal(symlink("../outside", in_foo("link")), 0);
    assert_int_equal(locache_clear(foo, &error), LOCACHE_OK);
    assert_false(exists(in_foo("one/x=1")));
    assert_true(exists(in_foo("one/notes.txt")));
    assert_true(exists(in_foo("notes.txt")));
    assert_true(exists(in_foo("data/x=1")));
    assert_true(exists(in_foo("data/x=2")));
    assert_true(exists(in_foo("../outside/x=1")));
}

static void test_clear__refuses_what_is_no_place(void **unused)
{
    (void)unused;
    assert_int_equal(locache_clear("foo.cache", &error), LOCACHE_EINVAL);
    assert_int_equal(locache_clear(NULL, &error), LOCACHE_EINVAL);
    put_in("one", 1);
    assert_int_equal(chmod(foo, 0777), 0);
    assert_int_equal(locache_clear(foo, &error), LOCACHE_EUNTRUSTED);
    assert_int_equal(chmod(foo, 0700), 0);
    assert_source("one", 1, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_clear__every_function_and_version),
        scratch_test(test_clear__leaves_what_is_not_ours),
        scratch_test(test_clear__refuses_what_is_no_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
