/* Caches that the members of a group share. Users and groups are numbers that no account has: the
 * system need not know them. */
#include "disk/share.h"

#include "scratch.h"

#include "fault.h"
#include "large.h"

#include <grp.h>
#include <sys/xattr.h>

enum { TEAM = 4002, OTHERS = 4008 };
enum { ALICE = 4001, BOB = 4003, MALLORY = 4005 };

/* Become somebody of a group, and work by a umask that lets nobody in. */
static void become(uid_t user, gid_t group)
{
    child_require(setgroups(1, &group) == 0 && setgid(group) == 0 && setuid(user) == 0);
    umask(077);
}

static char team[128]; /* scratch/team, a directory of the group's */

static void make_team(void)
{
    snprintf(team, sizeof team, "%s/team", scratch);
    assert_int_equal(chmod(scratch, 0755), 0);
    assert_int_equal(mkdir(team, 0700), 0);
    assert_int_equal(chown(team, ALICE, TEAM), 0);
    assert_int_equal(chmod(team, 02775), 0);
    snprintf(foo, sizeof foo, "%s/foo.cache", team);
}

static locache_options shared_options(void)
{
    locache_options options = options_for("my_func");
    options.mode = LC_SHARE_GROUP;
    return options;
}

static locache *open_shared(void)
{
    locache_options options = shared_options();
    locache *cache = NULL;
    child_require(locache_open(&cache, foo, &options, &error) == LOCACHE_OK);
    return cache;
}

/* As child_require() has it. */
static bool hits(locache *cache, int64_t x, const char *result)
{
    key k = key_of(x);
    locache_value *value;
    size_t size;
    if (locache_get(&value, cache, k.bytes, k.size, &error) != LOCACHE_OK)
        return false;
    const void *body = locache_value_body(&size, value);
    bool same = size == strlen(result) && memcmp(body, result, size) == 0;
    locache_value_free(value);
    return same;
}

static mode_t mode_of(const char *path)
{
    struct stat found;
    assert_int_equal(lstat(path, &found), 0);
    return found.st_mode & 07777;
}

/* ------------------------------------------------------------------------------------ together */

static void alice_stores(void *unused)
{
    (void)unused;
    become(ALICE, TEAM);
    locache *cache = open_shared();
    child_require(put(cache, 1, "alice's") == LOCACHE_OK);
    locache_close(cache);
}

static void bob_works(void *unused)
{
    (void)unused;
    become(BOB, TEAM);
    locache *cache = open_shared();
    child_require(hits(cache, 1, "alice's"));
    child_require(hits(cache, 1, "alice's"));
    child_require(put(cache, 1, "bob's") == LOCACHE_OK);
    child_require(hits(cache, 1, "bob's"));
    child_require(put(cache, 2, "bob's") == LOCACHE_OK);
    locache_close(cache);
}

static void alice_works(void *unused)
{
    (void)unused;
    become(ALICE, TEAM);
    locache *cache = open_shared();
    key k = key_of(2);
    locache_value *value;
    locache_flight *flight;
    child_require(hits(cache, 1, "bob's"));
    child_require(locache_remove(cache, k.bytes, k.size, &error) == LOCACHE_OK);
    /* a turn, in the lock file that may be bob's */
    child_require(locache_begin(&value, &flight, cache, k.bytes, k.size, &error) == LOCACHE_MISS);
    locache_record record = {.size = sizeof record, .codec = LOCACHE_CODEC_RAW};
    child_require(locache_commit(flight, &record, &error) == LOCACHE_OK);
    child_require(locache_reset(cache, &error) == LOCACHE_OK);
    child_require(!hits(cache, 1, "bob's"));
    locache_close(cache);
}

static void test_share__members_replace_and_remove_each_others(void **unused)
{
    (void)unused;
    static const char *const directories[] = {"", "my_func", "my_func/.locache", ".versions",
                                              ".versions/.tmp"};
    static const char *const files[] = {"my_func/x=1", "my_func/.locache/version",
                                        ".versions/.lock", "CACHEDIR.TAG"};
    skip_unless_root();
    make_team();
    wait_for(in_child(alice_stores, NULL));
    for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
        assert_int_equal(mode_of(in_foo(directories[i])), 02770);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        assert_int_equal(mode_of(in_foo(files[i])), 0660);
    wait_for(in_child(bob_works, NULL));
    wait_for(in_child(alice_works, NULL));
    assert_int_equal(names_in(in_foo("my_func"), "x="), 0);
}

static void bob_changes_source(void *unused)
{
    (void)unused;
    become(BOB, TEAM);
    locache_options options = shared_options();
    locache *cache = NULL;
    options.identity = identity_at("t-1", 2);
    child_require(locache_open(&cache, foo, &options, &error) == LOCACHE_OK);
    child_require(put(cache, 1, "second") == LOCACHE_OK);
    locache_close(cache);
    cache = open_shared();
    child_require(hits(cache, 1, "alice's"));
    locache_close(cache);
}

static void test_share__members_switch_versions(void **unused)
{
    (void)unused;
    skip_unless_root();
    make_team();
    wait_for(in_child(alice_stores, NULL));
    wait_for(in_child(bob_changes_source, NULL));
    assert_int_equal(names_in(in_foo(".versions/my_func"), ""), 1);
}

static void bob_evicts(void *unused)
{
    (void)unused;
    become(BOB, TEAM);
    locache_options options = shared_options();
    locache *cache = NULL;
    options.max_entries = 2;
    child_require(locache_open(&cache, foo, &options, &error) == LOCACHE_OK);
    for (int x = 2; x < 6; x++)
        child_require(put(cache, x, "bob's") == LOCACHE_OK);
    locache_close(cache);
}

static void test_share__members_evict_each_others(void **unused)
{
    (void)unused;
    skip_unless_root();
    make_team();
    wait_for(in_child(alice_stores, NULL));
    wait_for(in_child(bob_evicts, NULL));
    assert_int_equal(names_in(in_foo("my_func"), "x="), 2);
    assert_false(exists(in_foo("my_func/x=1")));
}

/* ------------------------------------------------------------------------------------- refused */

static void is_refused(void *context)
{
    const locache_options *options = context;
    locache *cache = NULL;
    locache_status status = locache_open(&cache, foo, options, &error);
    if (status == LOCACHE_OK)
        status = put(cache, 3, "r");
    child_require(status == LOCACHE_EUNTRUSTED ||
                  (status == LOCACHE_EIO && error.os_error == EACCES));
    locache_close(cache);
}

static void bob_is_refused(void *context)
{
    become(BOB, TEAM);
    is_refused(context);
}

static void alice_is_refused(void *context)
{
    become(ALICE, TEAM);
    is_refused(context);
}

static void test_share__without_the_option_all_is_as_strict_as_ever(void **unused)
{
    (void)unused;
    skip_unless_root();
    make_team();
    wait_for(in_child(alice_stores, NULL));
    locache_options strict = options_for("my_func");
    wait_for(in_child(bob_is_refused, &strict));
    wait_for(in_child(alice_is_refused, &strict)); /* others can write to it */
    locache_options readable = options_for("my_func");
    readable.mode = 0755;
    wait_for(in_child(bob_is_refused, &readable));
    wait_for(in_child(alice_is_refused, &readable));
}

/* The message is of the cause: "chmod go-w" would end the sharing. */
static void must_be_told(const char *why)
{
    locache_options options = shared_options();
    is_refused(&options);
    child_require(strstr(error.message, why) != NULL && strstr(error.message, "go-w") == NULL);
}

static void mallory_is_no_member(void *context)
{
    (void)context;
    become(MALLORY, OTHERS);
    must_be_told("of which this process is no member");
}

static void bob_is_told(void *context)
{
    become(BOB, TEAM);
    must_be_told(context);
}

static void test_share__who_is_not_of_the_group_is_refused(void **unused)
{
    (void)unused;
    skip_unless_root();
    make_team();
    wait_for(in_child(alice_stores, NULL));
    assert_int_equal(chmod(foo, 02775), 0);
    wait_for(in_child(mallory_is_no_member, NULL));
    /* Nor who is, where the directory is not the group's to write to, or everybody's. */
    assert_int_equal(chmod(foo, 02755), 0);
    wait_for(in_child(bob_is_told, "is to be shared by a group"));
    assert_int_equal(chmod(foo, 02777), 0);
    wait_for(in_child(bob_is_told, "by others than its group"));
}

static void bob_rejects(void *context)
{
    become(BOB, TEAM);
    locache *cache = open_shared();
    key k = key_of(1);
    locache_value *value;
    (void)context;
    child_require(locache_get(&value, cache, k.bytes, k.size, &error) == LOCACHE_MISS);
    child_require(error.status == LOCACHE_EUNTRUSTED);
    locache_close(cache);
}

static void test_share__a_file_of_nobody_in_the_group_is_refused(void **unused)
{
    (void)unused;
    skip_unless_root();
    make_team();
    wait_for(in_child(alice_stores, NULL));
    /* of another group; writable by all */
    assert_int_equal(chown(in_foo("my_func/x=1"), MALLORY, OTHERS), 0);
    assert_int_equal(chmod(in_foo("my_func/x=1"), 0644), 0);
    wait_for(in_child(bob_rejects, NULL));
    assert_int_equal(chown(in_foo("my_func/x=1"), ALICE, TEAM), 0);
    assert_int_equal(chmod(in_foo("my_func/x=1"), 0666), 0);
    wait_for(in_child(bob_rejects, NULL));
}

static void test_share__a_directory_above_that_others_can_write_to_is_refused(void **unused)
{
    (void)unused;
    skip_unless_root();
    make_team();
    wait_for(in_child(alice_stores, NULL));
    locache_options options = shared_options();
    assert_int_equal(chmod(team, 02777), 0);
    wait_for(in_child(bob_is_refused, &options));
    assert_int_equal(chmod(team, 02775), 0);
    /* another's, and not the group's */
    assert_int_equal(chown(team, MALLORY, OTHERS), 0);
    wait_for(in_child(bob_is_refused, &options));
}

static void test_share__a_list_that_names_others_is_refused(void **unused)
{
    (void)unused;
    /* owner rwx; user MALLORY rwx; group rwx; mask rwx; others nothing */
    static const unsigned char list[] = {
        2, 0,    0,    0,    1,    0,    7,    0, 0xFF, 0xFF, 0xFF, 0xFF, 2,    0,    7,
        0, 0xA5, 0x0F, 0,    0,    4,    0,    7, 0,    0xFF, 0xFF, 0xFF, 0xFF, 0x10, 0,
        7, 0,    0xFF, 0xFF, 0xFF, 0xFF, 0x20, 0, 0,    0,    0xFF, 0xFF, 0xFF, 0xFF};
    skip_unless_root();
    make_team();
    wait_for(in_child(alice_stores, NULL));
    if (setxattr(foo, "system.posix_acl_access", list, sizeof list, 0) != 0)
        skip();
    locache_options options = shared_options();
    wait_for(in_child(bob_is_refused, &options));
}

/* ---------------------------------------------------------------------------------------- keys */

static char key_path[192];

static void alice_signs(void *unused)
{
    (void)unused;
    become(ALICE, TEAM);
    setenv("XDG_STATE_HOME", "/nonexistent", 1);
    setenv("LOCACHE_GROUP_KEY", key_path, 1);
    locache *cache = open_shared();
    child_require(put_as(cache, 1, "pickle", LOCACHE_CODEC_PICKLE) == LOCACHE_OK);
    locache_close(cache);
}

static void bob_loads(void *unused)
{
    (void)unused;
    become(BOB, TEAM);
    setenv("LOCACHE_GROUP_KEY", key_path, 1);
    locache *cache = open_shared();
    child_require(hits(cache, 1, "pickle"));
    locache_close(cache);
}

static void make_key(const char *path)
{
    snprintf(key_path, sizeof key_path, "%s", path);
    write_text(key_path, "0123456789abcdef0123456789abcdef");
    assert_int_equal(chown(key_path, 0, TEAM), 0);
    assert_int_equal(chmod(key_path, 0640), 0);
}

static void test_share__pickles_are_signed_with_the_groups_key(void **unused)
{
    (void)unused;
    char path[160];
    skip_unless_root();
    make_team();
    snprintf(path, sizeof path, "%s/key", scratch);
    make_key(path);
    wait_for(in_child(alice_signs, NULL));
    wait_for(in_child(bob_loads, NULL));
    wait_for(in_child(bob_rejects, NULL)); /* without the key */
}

static void alice_cannot_sign(void *unused)
{
    (void)unused;
    become(ALICE, TEAM);
    setenv("LOCACHE_GROUP_KEY", key_path, 1);
    locache *cache = open_shared();
    locache_status status = put_as(cache, 1, "pickle", LOCACHE_CODEC_PICKLE);
    child_require(status == LOCACHE_EUNTRUSTED || status == LOCACHE_EIO ||
                  status == LOCACHE_EINVAL);
    child_require(put(cache, 1, "data") == LOCACHE_OK);
    locache_close(cache);
}

static void test_share__a_key_that_others_may_know_is_refused(void **unused)
{
    (void)unused;
    char path[160];
    char link[192];
    skip_unless_root();
    make_team();
    char keys[96];
    snprintf(keys, sizeof keys, "%s/keys", scratch);
    assert_int_equal(mkdir(keys, 0755), 0);
    snprintf(path, sizeof path, "%s/key", keys);
    make_key(path);
    assert_int_equal(chmod(path, 0644), 0);
    wait_for(in_child(alice_cannot_sign, NULL));
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(truncate(path, 31), 0);
    wait_for(in_child(alice_cannot_sign, NULL));
    make_key(path);
    assert_int_equal(chmod(keys, 0777), 0); /* who could exchange it */
    wait_for(in_child(alice_cannot_sign, NULL));
    assert_int_equal(chmod(keys, 0755), 0);
    snprintf(link, sizeof link, "%s/link", scratch);
    assert_int_equal(symlink(path, link), 0);
    snprintf(key_path, sizeof key_path, "%s", link);
    wait_for(in_child(alice_cannot_sign, NULL));
    make_key(in_foo("key"));
    wait_for(in_child(alice_cannot_sign, NULL));
    /* another's, whose group is none of ours; none; no path */
    make_key(path);
    assert_int_equal(chown(path, MALLORY, OTHERS), 0);
    wait_for(in_child(alice_cannot_sign, NULL));
    assert_int_equal(unlink(path), 0);
    wait_for(in_child(alice_cannot_sign, NULL));
    snprintf(key_path, sizeof key_path, "key");
    wait_for(in_child(alice_cannot_sign, NULL));
}

/* By any of the groups that it has, whichever is the first. */
static void test_share__who_is_a_member(void **unused)
{
    gid_t kept[64];
    const gid_t groups[] = {OTHERS, TEAM};
    (void)unused;
    assert_true(lc_share_is_member(getegid()));
    assert_false(lc_share_is_member(TEAM));
    skip_unless_root();
    int count = getgroups(64, kept);
    assert_true(count >= 0);
    assert_int_equal(setgroups(2, groups), 0);
    bool member = lc_share_is_member(TEAM);
    bool none = lc_share_is_member(TEAM + 1);
    fault_set("alloc", 1, ENOMEM);
    bool without_memory = lc_share_is_member(TEAM);
    (void)fault_clear();
    assert_int_equal(setgroups((size_t)count, kept), 0);
    assert_true(member && !none && !without_memory);
}

/* --------------------------------------------------------------------------------------- modes */

static void test_share__modes_are_set_whatever_the_umask_says(void **unused)
{
    (void)unused;
    static const struct {
        mode_t mode;
        mode_t file;
    } all[] = {{02770, 0660}, {02750, 0640}, {0755, 0644}, {02775, 0664}, {0700, 0600}, {0, 0600}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        locache_options options = options_for("my_func");
        options.mode = all[i].mode;
        options.max_bytes = 1 << 30;
        umask(077);
        locache *cache = open_with(&options);
        must_put(cache, 1, "r");
        must_put_buffer(cache, 2, LARGE, 1);
        age();
        locache_value *value;
        key k = key_of(2);
        assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
        locache_value_free(value);
        locache_close(cache);
        umask(022);
        mode_t directory = all[i].mode != 0 ? all[i].mode : 0700;
        assert_int_equal(mode_of(foo), directory);
        assert_int_equal(mode_of(in_foo("my_func")), directory);
        assert_int_equal(mode_of(in_foo("my_func/.locache")), directory);
        assert_int_equal(mode_of(in_foo("my_func/x=1")), all[i].file);
        assert_int_equal(mode_of(in_foo("my_func/.locache/version")), all[i].file);
        assert_int_equal(mode_of(in_foo("my_func/.locache/tally")), all[i].file);
        /* Who may only read has no use for what was verified. */
        if (exists(in_foo(TABLE)))
            assert_int_equal(mode_of(in_foo(TABLE)), all[i].file & 0660);
        remove_all(foo);
    }
}

static void test_share__modes_that_are_none(void **unused)
{
    (void)unused;
    static const mode_t none[] = {0770, 02777, 0757, 03770, 04755, 0600, 02720, 010000};
    static const char *const words[] = {"everybody", "0770", "2777", "9", "-1", "2770x"};
    locache_options options = options_for("my_func");
    locache *cache;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        options.mode = none[i];
        if (locache_open(&cache, foo, &options, &error) != LOCACHE_EINVAL)
            fail_msg("mode 0%o", none[i]);
    }
    options.mode = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        setenv("LOCACHE_MODE", words[i], 1);
        if (locache_open(&cache, foo, &options, &error) != LOCACHE_EINVAL)
            fail_msg("LOCACHE_MODE=%s", words[i]);
    }
    setenv("LOCACHE_MODE", "2750", 1);
    cache = open_with(&options);
    must_put(cache, 1, "r");
    locache_close(cache);
    assert_int_equal(mode_of(in_foo("my_func")), 02750);
    remove_all(foo);
    setenv("LOCACHE_MODE", "group", 1);
    cache = open_with(&options);
    must_put(cache, 1, "r");
    locache_close(cache);
    assert_int_equal(mode_of(in_foo("my_func")), LC_SHARE_GROUP);
    unsetenv("LOCACHE_MODE");
}

static void test_share__every_call_may_fail(void **unused)
{
    (void)unused;
    bool failed = true;
    for (int n = 1; failed && n < 500; n++) {
        locache_options options = shared_options();
        locache *cache = NULL;
        fault_set(NULL, n, EIO);
        locache_status status = locache_open(&cache, foo, &options, &error);
        if (status == LOCACHE_OK)
            status = put(cache, 1, "r");
        failed = fault_clear();
        if (status == LOCACHE_OK)
            assert_hit(cache, 1, "r");
        locache_close(cache);
        remove_all(foo);
    }
    assert_false(failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_share__members_replace_and_remove_each_others),
        scratch_test(test_share__members_switch_versions),
        scratch_test(test_share__members_evict_each_others),
        scratch_test(test_share__without_the_option_all_is_as_strict_as_ever),
        scratch_test(test_share__who_is_not_of_the_group_is_refused),
        scratch_test(test_share__a_file_of_nobody_in_the_group_is_refused),
        scratch_test(test_share__a_directory_above_that_others_can_write_to_is_refused),
        scratch_test(test_share__a_list_that_names_others_is_refused),
        scratch_test(test_share__pickles_are_signed_with_the_groups_key),
        scratch_test(test_share__a_key_that_others_may_know_is_refused),
        scratch_test(test_share__who_is_a_member),
        scratch_test(test_share__modes_are_set_whatever_the_umask_says),
        scratch_test(test_share__modes_that_are_none),
        scratch_test(test_share__every_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
