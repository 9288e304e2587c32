/* The key that a group shares: which file is taken for one. What another user may do with it is in
 * test_share.c. */
#include "disk/groupkey.h"
#include "fault.h"
#include "scratch.h"

static const char content[] = "0123456789abcdef0123456789abcdef";

static const char *in_scratch(const char *name)
{
    static char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

/* scratch/keys/key, and its name in the environment. */
static void make_key(void)
{
    assert_int_equal(mkdir(foo, 0700), 0);
    assert_int_equal(mkdir(in_scratch("keys"), 0755), 0);
    write_text(in_scratch("keys/key"), content);
    assert_int_equal(chmod(in_scratch("keys/key"), 0600), 0);
    setenv("LOCACHE_GROUP_KEY", in_scratch("keys/key"), 1);
}

static locache_status read_key(void)
{
    unsigned char got[LC_MAC_KEY_SIZE];
    locache_status status = lc_groupkey_read(got, foo, &error);
    if (status == LOCACHE_OK)
        assert_memory_equal(got, content, sizeof got);
    return status;
}

static void assert_refused(locache_status expected, const char *why)
{
    locache_status status = read_key();
    if (status != expected || strstr(error.message, why) == NULL)
        fail_msg("%s: %s, not \"%s\"", locache_status_name(status), error.message, why);
}

static void test_groupkey__is_there_where_it_is_named(void **unused)
{
    (void)unused;
    assert_int_equal(read_key(), LOCACHE_MISS);
    make_key();
    assert_int_equal(read_key(), LOCACHE_OK);
    assert_int_equal(chmod(in_scratch("keys/key"), 0640), 0);
    assert_int_equal(read_key(), LOCACHE_OK);
    setenv("LOCACHE_GROUP_KEY", "", 1);
    assert_int_equal(read_key(), LOCACHE_MISS);
}

static void test_groupkey__what_others_may_have_read_or_put_there_is_refused(void **unused)
{
    (void)unused;
    make_key();
    assert_int_equal(chmod(in_scratch("keys/key"), 0644), 0);
    assert_refused(LOCACHE_EUNTRUSTED, "is open to every user");
    assert_int_equal(chmod(in_scratch("keys/key"), 0600), 0);
    assert_int_equal(chmod(in_scratch("keys"), 0777), 0);
    assert_refused(LOCACHE_EUNTRUSTED, "can be written to by every user");
    /* Nor is it a way in who may only add to it, as in /tmp. */
    assert_int_equal(chmod(in_scratch("keys"), 01777), 0);
    assert_int_equal(read_key(), LOCACHE_OK);
    assert_int_equal(chmod(in_scratch("keys"), 0755), 0);
    assert_int_equal(rename(in_scratch("keys"), in_foo("keys")), 0);
    setenv("LOCACHE_GROUP_KEY", in_foo("keys/key"), 1);
    assert_int_equal(read_key(), LOCACHE_EUNTRUSTED);
}

static void test_groupkey__what_is_no_key_is_refused(void **unused)
{
    char longest[LOCACHE_PATH_MAX + 2];
    (void)unused;
    make_key();
    assert_int_equal(truncate(in_scratch("keys/key"), 31), 0);
    assert_refused(LOCACHE_EUNTRUSTED, "is not a file of 32 bytes");
    assert_int_equal(unlink(in_scratch("keys/key")), 0);
    assert_refused(LOCACHE_EIO, "cannot open");
    setenv("LOCACHE_GROUP_KEY", in_scratch("none/key"), 1);
    assert_refused(LOCACHE_EIO, "cannot open");
    setenv("LOCACHE_GROUP_KEY", "key", 1);
    assert_refused(LOCACHE_EINVAL, "is no absolute path");
    memset(longest, 'k', sizeof longest - 1);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    setenv("LOCACHE_GROUP_KEY", longest, 1);
    assert_int_equal(read_key(), LOCACHE_EINVAL);
}

static void test_groupkey__any_call_fails(void **unused)
{
    (void)unused;
    bool failed = true;
    int passed_over = 0;
    make_key();
    for (int n = 1; failed; n++) {
        int descriptors = open_descriptors();
        fault_set(NULL, n, EIO);
        locache_status status = read_key();
        failed = fault_clear();
        assert_int_equal(open_descriptors(), descriptors);
        assert_true(failed || status == LOCACHE_OK);
        passed_over += failed && status == LOCACHE_OK;
    }
    /* Both descriptors that are closed. */
    assert_int_equal(passed_over, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_groupkey__is_there_where_it_is_named),
        scratch_test(test_groupkey__what_others_may_have_read_or_put_there_is_refused),
        scratch_test(test_groupkey__what_is_no_key_is_refused),
        scratch_test(test_groupkey__any_call_fails),
    };
    return cmocka_run_group_tests_name("groupkey", tests, NULL, NULL);
}
