/* Bounds that somebody has set, for a cache and for all of a user's: what is read back, and what
 * is refused with a reason. */
#include "disk/settings.h"
#include "fault.h"
#include "scratch.h"

#define HOUR INT64_C(3600000000000)

static char config[128]; /* XDG_CONFIG_HOME, not made */

static int settings_setup(void **unused)
{
    static const char *const names[] = {"MAX_BYTES", "MAX_ENTRIES", "MAX_AGE"};
    char name[64];
    int failed = scratch_setup(unused);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(name, sizeof name, "LOCACHE_%s", names[i]);
        unsetenv(name);
        (void)snprintf(name, sizeof name, "LOCACHE_CACHE_%s", names[i]);
        unsetenv(name);
    }
    (void)snprintf(config, sizeof config, "%s/config", scratch);
    setenv("XDG_CONFIG_HOME", config, 1);
    return failed != 0 ? failed : mkdir(foo, 0700);
}

#define settings_test(f) cmocka_unit_test_setup_teardown(f, settings_setup, scratch_teardown)

static const char *in_config(const char *rest)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", config, rest);
    return path;
}

static locache_status set(const char *dir, int64_t max_bytes, int64_t max_entries, int64_t max_age)
{
    const locache_bounds bounds = {.size = sizeof bounds,
                                   .max_bytes = max_bytes,
                                   .max_entries = max_entries,
                                   .max_age = max_age};
    return locache_set_bounds(dir, &bounds, &error);
}

static void assert_bounds(const char *dir, int64_t max_bytes, int64_t max_entries, int64_t max_age)
{
    locache_bounds found = {.size = sizeof found};
    locache_status status = locache_get_bounds(&found, dir, &error);
    if (status != LOCACHE_OK)
        fail_msg("locache_get_bounds: %s: %s", locache_status_name(status), error.message);
    assert_int_equal(found.max_bytes, max_bytes);
    assert_int_equal(found.max_entries, max_entries);
    assert_int_equal(found.max_age, max_age);
}

static void assert_refused(const char *dir, locache_status expected, const char *why)
{
    locache_bounds found = {.size = sizeof found};
    locache_status status = locache_get_bounds(&found, dir, &error);
    if (status != expected || strstr(error.message, why) == NULL)
        fail_msg("%s: %s, not \"%s\"", locache_status_name(status), error.message, why);
}

static void test_settings__are_read_as_they_were_set(void **unused)
{
    const char *const scopes[] = {foo, NULL};
    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        assert_bounds(scopes[i], 0, 0, 0);
        /* What is not there can be removed. */
        assert_int_equal(set(scopes[i], 0, 0, 0), LOCACHE_OK);
        assert_int_equal(set(scopes[i], 10 << 20, 0, 36 * HOUR), LOCACHE_OK);
        assert_bounds(scopes[i], 10 << 20, 0, 36 * HOUR);
        assert_int_equal(set(scopes[i], 0, 12345, 0), LOCACHE_OK);
        assert_bounds(scopes[i], 0, 12345, 0);
        assert_true(exists(i == 0 ? in_foo(".limits") : in_config("locache/limits")));
        assert_int_equal(set(scopes[i], 0, 0, 0), LOCACHE_OK);
        assert_false(exists(i == 0 ? in_foo(".limits") : in_config("locache/limits")));
        assert_bounds(scopes[i], 0, 0, 0);
    }
}

/* The user's own file may be a link to where he keeps such: it stays one. */
static void test_settings__of_a_user_may_be_elsewhere(void **unused)
{
    char kept[160];
    struct stat found;
    (void)unused;
    assert_int_equal(set(NULL, 0, 7, 0), LOCACHE_OK);
    (void)snprintf(kept, sizeof kept, "%s/kept", scratch);
    assert_int_equal(rename(in_config("locache/limits"), kept), 0);
    assert_int_equal(symlink(kept, in_config("locache/limits")), 0);
    assert_bounds(NULL, 0, 7, 0);
    assert_int_equal(set(NULL, 0, 8, 0), LOCACHE_OK);
    assert_int_equal(lstat(in_config("locache/limits"), &found), 0);
    assert_true(S_ISLNK(found.st_mode));
    assert_bounds(NULL, 0, 8, 0);
}

static void test_settings__the_environment_goes_before_the_file(void **unused)
{
    (void)unused;
    assert_int_equal(set(foo, 1000, 0, 0), LOCACHE_OK);
    setenv("LOCACHE_CACHE_MAX_BYTES", "2K", 1);
    setenv("LOCACHE_CACHE_MAX_AGE", "1h", 1);
    setenv("LOCACHE_MAX_ENTRIES", "5", 1);
    assert_bounds(foo, 2048, 0, HOUR);
    assert_bounds(NULL, 0, 5, 0);
    setenv("LOCACHE_CACHE_MAX_BYTES", "", 1);
    assert_bounds(foo, 1000, 0, HOUR);
    static const struct {
        const char *name;
        const char *text;
        const char *why;
    } rows[] = {
        {"LOCACHE_CACHE_MAX_BYTES", "much", "LOCACHE_CACHE_MAX_BYTES=much is no size"},
        {"LOCACHE_CACHE_MAX_AGE", "old", "LOCACHE_CACHE_MAX_AGE=old is no age"},
        {"LOCACHE_CACHE_MAX_ENTRIES", "1.5", "LOCACHE_CACHE_MAX_ENTRIES=1.5 is no whole number"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        setenv(rows[i].name, rows[i].text, 1);
        assert_refused(foo, LOCACHE_EINVAL, rows[i].why);
        unsetenv(rows[i].name);
    }
    unsetenv("LOCACHE_MAX_ENTRIES");
}

static void test_settings__a_file_that_says_something_else_is_refused(void **unused)
{
    static const struct {
        const char *text;
        const char *why;
    } rows[] = {
        {"max_bytes = 10G\nmax_files = 3\n", "line 2"},
        {"max_bytes\n", "line 1"},
        {"max_entries = few\n", "line 1"},
        {"max_bytes_of_all = 1\n", "line 1"},
    };
    static char much[5000];
    (void)unused;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_text(in_foo(".limits"), rows[i].text);
        assert_refused(foo, LOCACHE_EINVAL, rows[i].why);
    }
    write_bytes(in_foo(".limits"), "max_bytes = 1\0G\n", 16);
    assert_refused(foo, LOCACHE_EINVAL, "line 1");
    write_text(in_foo(".limits"), "# mine\n\n  max_age=2h\r\nmax_bytes\t= 1k");
    assert_bounds(foo, 1024, 0, 2 * HOUR);
    assert_int_equal(chmod(in_foo(".limits"), 0666), 0);
    assert_refused(foo, LOCACHE_EINVAL, "chmod go-w");
    assert_int_equal(chmod(in_foo(".limits"), 0600), 0);
    memset(much, '\n', sizeof much - 1);
    write_text(in_foo(".limits"), much);
    assert_refused(foo, LOCACHE_ELIMIT, "more than 4096 bytes");
    /* A cache's own is no link out of it. */
    assert_int_equal(unlink(in_foo(".limits")), 0);
    assert_int_equal(symlink("../elsewhere", in_foo(".limits")), 0);
    assert_refused(foo, LOCACHE_EIO, "cannot open");
}

static void test_settings__only_of_a_cache_that_is_ours(void **unused)
{
    locache_bounds found = {.size = 3};
    (void)unused;
    assert_int_equal(locache_get_bounds(&found, foo, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_set_bounds(foo, &found, &error), LOCACHE_EINVAL);
    assert_refused("foo.cache", LOCACHE_EINVAL, "absolute path");
    assert_int_equal(set("foo.cache", 1, 0, 0), LOCACHE_EINVAL);
    assert_refused(in_foo("none"), LOCACHE_EINVAL, "there is no directory");
    assert_int_equal(chmod(scratch, 0777), 0);
    assert_refused(foo, LOCACHE_EUNTRUSTED, scratch);
    assert_int_equal(set(foo, 1, 0, 0), LOCACHE_EUNTRUSTED);
    assert_int_equal(chmod(scratch, 0700), 0);
    assert_false(exists(in_foo(".limits")));
}

static void test_settings__where_a_users_own_cannot_be(void **unused)
{
    char longest[LOCACHE_PATH_MAX + 2];
    (void)unused;
    memset(longest, 'c', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    setenv("XDG_CONFIG_HOME", longest, 1);
    assert_refused(NULL, LOCACHE_ELIMIT, "XDG_CONFIG_HOME");
    assert_int_equal(set(NULL, 1, 0, 0), LOCACHE_ELIMIT);
    setenv("XDG_CONFIG_HOME", config, 1);
    write_text(config, "a file");
    assert_bounds(NULL, 0, 0, 0);
    assert_int_equal(set(NULL, 1, 0, 0), LOCACHE_EIO);
    assert_non_null(strstr(error.message, "cannot make the directory"));
    assert_int_equal(set(NULL, 0, 0, 0), LOCACHE_EIO);
    assert_non_null(strstr(error.message, "cannot open"));
}

/* Whatever fails, what was set stays whole, and a failure is told. */
static void test_settings__any_call_fails(void **unused)
{
    const char *const scopes[] = {foo, NULL};
    (void)unused;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(set(scopes[i], 0, 1, 0), LOCACHE_OK);
        int64_t now = 1;
        bool failed = true;
        for (int n = 1; failed; n++) {
            locache_bounds found = {.size = sizeof found};
            int descriptors = open_descriptors();
            fault_set(NULL, n, EIO);
            locache_status got = locache_get_bounds(&found, scopes[i], &error);
            failed = fault_clear();
            assert_true(failed || got == LOCACHE_OK);
            fault_set(NULL, n, EIO);
            locache_status status = set(scopes[i], 0, n + 1, 0);
            bool set_failed = fault_clear();
            assert_int_equal(open_descriptors(), descriptors);
            assert_true(set_failed || status == LOCACHE_OK);
            failed = failed || set_failed;
            assert_int_equal(locache_get_bounds(&found, scopes[i], &error), LOCACHE_OK);
            assert_true(found.max_entries == n + 1 ||
                        (status != LOCACHE_OK && found.max_entries == now));
            now = found.max_entries;
        }
        assert_int_equal(names_in(i == 0 ? foo : in_config("locache"), ".tmp"), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        settings_test(test_settings__are_read_as_they_were_set),
        settings_test(test_settings__of_a_user_may_be_elsewhere),
        settings_test(test_settings__the_environment_goes_before_the_file),
        settings_test(test_settings__a_file_that_says_something_else_is_refused),
        settings_test(test_settings__only_of_a_cache_that_is_ours),
        settings_test(test_settings__where_a_users_own_cannot_be),
        settings_test(test_settings__any_call_fails),
    };
    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
