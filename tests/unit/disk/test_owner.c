/* What may be used: owners, permissions, links, and pickles by the user's own key. */
#include "fault.h"
#include "scratch.h"

/* What opening says, and what a put and a get would do after it. */
static locache_status open_status(void)
{
    locache_options options = options_for("my_func");
    locache *cache = NULL;
    locache_status status = locache_open(&cache, foo, &options, &error);
    locache_close(cache);
    return status;
}

static void store_one(void)
{
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    locache_close(cache);
}

#define assert_refused(path)                                                                       \
    do {                                                                                           \
        assert_string_equal(locache_status_name(open_status()), "LOCACHE_EUNTRUSTED");             \
        assert_string_equal(locache_status_name(error.status), "LOCACHE_EUNTRUSTED");              \
        assert_non_null(strstr(error.message, path));                                              \
    } while (0)

static void assert_usable(void)
{
    locache *cache = open_function("my_func");
    assert_hit(cache, 1, "one");
    must_put(cache, 2, "two");
    locache_close(cache);
}

/* ----------------------------------------------------------------------- owners and permissions */

static void test_owner__a_directory_of_another_user(void **unused)
{
    (void)unused;
    skip_unless_root();
    static const char *const which[] = {".", "my_func", "my_func/.locache"};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        store_one();
        const char *path = i == 0 ? foo : in_foo(which[i]);
        assert_int_equal(chown(path, NOBODY, NOBODY), 0);
        assert_refused(path);
        assert_int_equal(chown(path, geteuid(), getegid()), 0);
        assert_usable();
    }
}

static void test_owner__a_directory_that_others_may_write_to(void **unused)
{
    (void)unused;
    static const char *const which[] = {".", "my_func", "my_func/.locache"};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        store_one();
        const char *path = i == 0 ? foo : in_foo(which[i]);
        static const mode_t modes[] = {0777, 0707, 01777, 0702};
        for (size_t j = 0; j < sizeof modes / sizeof modes[0]; j++) {
            assert_int_equal(chmod(path, modes[j]), 0);
            assert_refused(path);
            assert_non_null(strstr(error.message, "chmod"));
        }
        assert_int_equal(chmod(path, 0755), 0);
        assert_usable();
    }
}

static void test_owner__a_group_with_others_in_it(void **unused)
{
    (void)unused;
    skip_unless_root();
    store_one();
    assert_int_equal(chown(foo, geteuid(), NOBODY), 0);
    assert_int_equal(chmod(foo, 0770), 0);
    assert_refused(foo);
    assert_int_equal(chmod(foo, 0750), 0);
    assert_usable();
}

static void test_owner__a_writable_ancestor(void **unused)
{
    (void)unused;
    char mine[128];
    snprintf(mine, sizeof mine, "%s/mine", scratch);
    assert_int_equal(mkdir(mine, 0700), 0);
    snprintf(foo, sizeof foo, "%s/foo.cache", mine);
    store_one();
    assert_int_equal(chmod(scratch, 0777), 0);
    assert_refused(scratch);
    assert_int_equal(chmod(scratch, 01777), 0);
    assert_usable();
    assert_int_equal(chmod(scratch, 0700), 0);
    assert_int_equal(chmod(mine, 0777), 0);
    assert_refused(mine);
}

static void test_owner__nothing_is_made_below_a_writable_ancestor(void **unused)
{
    (void)unused;
    char mine[128];
    snprintf(mine, sizeof mine, "%s/mine", scratch);
    assert_int_equal(mkdir(mine, 0700), 0);
    snprintf(foo, sizeof foo, "%s/foo.cache", mine);
    assert_int_equal(chmod(scratch, 0777), 0);
    locache *cache = open_function("my_func");
    assert_miss(cache, 1);
    assert_int_equal(put(cache, 1, "one"), LOCACHE_EUNTRUSTED);
    assert_non_null(strstr(error.message, scratch));
    assert_false(exists(foo));
    assert_int_equal(chmod(scratch, 0700), 0);
    must_put(cache, 1, "one");
    assert_hit(cache, 1, "one");
    locache_close(cache);
}

/* The scratch directory is below /tmp, which everybody may write to. */
static void test_owner__a_private_directory_below_a_sticky_one(void **unused)
{
    (void)unused;
    char shared[128];
    snprintf(shared, sizeof shared, "%s/shared", scratch);
    assert_int_equal(mkdir(shared, 0700), 0);
    assert_int_equal(chmod(shared, 01777), 0);
    snprintf(foo, sizeof foo, "%s/foo.cache", shared);
    store_one();
    assert_usable();
}

/* ----------------------------------------------------------------------------- links and others */

static char outside[128];

static void make_outside(void)
{
    snprintf(outside, sizeof outside, "%s/outside", scratch);
    assert_int_equal(mkdir(outside, 0700), 0);
}

static void assert_nothing_outside(void)
{
    assert_int_equal(names_in(outside, ""), 0);
}

static void test_owner__linked_directories_are_refused(void **unused)
{
    (void)unused;
    make_outside();
    static const char *const which[] = {".", "my_func", "my_func/.locache"};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        char path[512];
        char moved[600];
        store_one();
        snprintf(path, sizeof path, "%s", i == 0 ? foo : in_foo(which[i]));
        snprintf(moved, sizeof moved, "%s.moved", path);
        assert_int_equal(rename(path, moved), 0);
        assert_int_equal(symlink(outside, path), 0);
        assert_refused(path);
        assert_non_null(strstr(error.message, "symbolic link"));
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rename(moved, path), 0);
        assert_usable();
    }
    assert_nothing_outside();
}

static void test_owner__a_trailing_slash_does_not_follow(void **unused)
{
    (void)unused;
    char slashed[170];
    locache *cache = NULL;
    locache_options options = options_for("my_func");
    make_outside();
    assert_int_equal(symlink(outside, foo), 0);
    snprintf(slashed, sizeof slashed, "%s//", foo);
    assert_int_equal(locache_open(&cache, slashed, &options, &error), LOCACHE_EUNTRUSTED);
    assert_nothing_outside();
}

/* A put under an open handle meets a link too. */
static void test_owner__a_link_that_comes_later(void **unused)
{
    (void)unused;
    make_outside();
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    remove_all(in_foo("my_func/.locache"));
    assert_int_equal(symlink(outside, in_foo("my_func/.locache")), 0);
    /* What replaces something has a name in there first. */
    assert_int_equal(put(cache, 1, "two"), LOCACHE_EUNTRUSTED);
    assert_non_null(strstr(error.message, in_foo("my_func/.locache")));
    assert_hit(cache, 1, "one");
    fault_set("unnamed", 1, EOPNOTSUPP);
    assert_int_equal(put(cache, 2, "two"), LOCACHE_EUNTRUSTED);
    assert_true(fault_clear());
    assert_miss(cache, 2);
    must_put(cache, 2, "two");
    assert_hit(cache, 2, "two");
    locache_close(cache);
    assert_nothing_outside();
}

static void test_owner__a_linked_version_file(void **unused)
{
    (void)unused;
    store_one();
    assert_int_equal(rename(in_foo("my_func/.locache/version"), in_foo("my_func/.locache/real")),
                     0);
    assert_int_equal(symlink("real", in_foo("my_func/.locache/version")), 0);
    assert_refused(in_foo("my_func/.locache/version"));
    unlink(in_foo("my_func/.locache/version"));
    assert_int_equal(mkfifo(in_foo("my_func/.locache/version"), 0600), 0);
    assert_refused(in_foo("my_func/.locache/version"));
    unlink(in_foo("my_func/.locache/version"));
    assert_int_equal(mkdir(in_foo("my_func/.locache/version"), 0700), 0);
    assert_refused(in_foo("my_func/.locache/version"));
}

static void test_owner__a_linked_lock(void **unused)
{
    (void)unused;
    char target[160];
    make_outside();
    snprintf(target, sizeof target, "%s/lock", outside);
    store_one();
    unlink(in_foo(".versions/.lock"));
    assert_int_equal(symlink(target, in_foo(".versions/.lock")), 0);
    locache_options options = options_for("my_func");
    options.identity = identity_at("t-1", 2);
    locache *cache = NULL;
    assert_int_equal(locache_open(&cache, foo, &options, &error), LOCACHE_EUNTRUSTED);
    assert_non_null(strstr(error.message, in_foo(".versions/.lock")));
    unlink(in_foo(".versions/.lock"));
    assert_int_equal(mkfifo(in_foo(".versions/.lock"), 0600), 0);
    assert_int_equal(locache_open(&cache, foo, &options, &error), LOCACHE_EUNTRUSTED);
    assert_nothing_outside();
}

static void test_owner__linked_versions(void **unused)
{
    (void)unused;
    make_outside();
    store_one();
    remove_all(in_foo(".versions"));
    assert_int_equal(symlink(outside, in_foo(".versions")), 0);
    locache_options options = options_for("my_func");
    options.identity = identity_at("t-1", 2);
    locache *cache = NULL;
    assert_int_equal(locache_open(&cache, foo, &options, &error), LOCACHE_EUNTRUSTED);
    assert_non_null(strstr(error.message, in_foo(".versions")));
    unlink(in_foo(".versions"));
    assert_int_equal(mkdir(in_foo(".versions"), 0700), 0);
    assert_int_equal(symlink(outside, in_foo(".versions/my_func")), 0);
    assert_int_equal(locache_open(&cache, foo, &options, &error), LOCACHE_EUNTRUSTED);
    assert_nothing_outside();
    cache = open_function("my_func");
    assert_int_equal(locache_reset(cache, &error), LOCACHE_EUNTRUSTED);
    locache_close(cache);
}

static void test_owner__a_file_in_a_directorys_place(void **unused)
{
    (void)unused;
    write_text(foo, "mine");
    assert_refused(foo);
    assert_memory_equal(read_bytes(foo).data, "mine", 4);
    unlink(foo);
    assert_int_equal(mkfifo(foo, 0600), 0);
    assert_refused(foo);
    unlink(foo);
    store_one();
    remove_all(in_foo("my_func"));
    write_text(in_foo("my_func"), "mine");
    assert_refused(in_foo("my_func"));
}

/* -------------------------------------------------------------------------------------- pickles */

static const char *key_path(void)
{
    static char path[160];
    snprintf(path, sizeof path, "%s/locache/key", state);
    return path;
}

/* Forget what a handle knows of the key. */
static locache *reopen(locache *cache)
{
    locache_close(cache);
    return open_function("my_func");
}

static locache *store_pickle(void)
{
    locache *cache = open_function("my_func");
    assert_int_equal(put_as(cache, 1, "pickled", LOCACHE_CODEC_PICKLE), LOCACHE_OK);
    cache = reopen(cache);
    assert_hit(cache, 1, "pickled");
    return reopen(cache);
}

static void test_owner__the_key_is_made_private(void **unused)
{
    (void)unused;
    struct stat seen;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "raw");
    assert_false(exists(key_path()));
    locache_close(store_pickle());
    locache_close(cache);
    assert_int_equal(lstat(key_path(), &seen), 0);
    assert_int_equal(seen.st_mode, S_IFREG | 0600);
    assert_int_equal(seen.st_size, 32);
    assert_int_equal(seen.st_nlink, 1);
    char directory[160];
    snprintf(directory, sizeof directory, "%s/locache", state);
    assert_int_equal(lstat(directory, &seen), 0);
    assert_int_equal(seen.st_mode, S_IFDIR | 0700);
    assert_int_equal(names_in(directory, ""), 2); /* and the registry */
}

static void test_owner__the_key_is_in_the_home_directory(void **unused)
{
    (void)unused;
    char path[160];
    snprintf(path, sizeof path, "%s/.local/state/locache/key", scratch);
    unsetenv("XDG_STATE_HOME");
    locache_close(store_pickle());
    assert_true(exists(path));
    unlink(path);
    setenv("XDG_STATE_HOME", "relative/is/ignored", 1);
    remove_all(foo);
    locache_close(store_pickle());
    assert_true(exists(path));
}

static void test_owner__no_key_no_pickle(void **unused)
{
    (void)unused;
    locache *cache = store_pickle();
    remove_all(state);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    assert_non_null(strstr(error.message, key_path()));
    assert_false(exists(state));
    assert_int_equal(put_as(cache, 1, "again", LOCACHE_CODEC_PICKLE), LOCACHE_OK);
    assert_hit(cache, 1, "again");
    locache_close(cache);
}

static void test_owner__another_key_no_pickle(void **unused)
{
    (void)unused;
    locache *cache = store_pickle();
    bytes secret = read_bytes(key_path());
    secret.data[0] ^= 1;
    write_bytes(key_path(), secret.data, secret.size);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    locache_close(cache);
}

static void test_owner__a_forged_mac_no_pickle(void **unused)
{
    (void)unused;
    locache *cache = store_pickle();
    assert_int_equal(put_as(cache, 2, "pickled", LOCACHE_CODEC_PICKLE), LOCACHE_OK);
    bytes right = read_bytes(in_foo("my_func/x=1"));
    bytes other = read_bytes(in_foo("my_func/x=2"));
    bytes forged = right;
    /* Another entry's. */
    memcpy(forged.data + 96, other.data + 96, 32);
    restamp(&forged);
    write_bytes(in_foo("my_func/x=1"), forged.data, forged.size);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    /* None. */
    forged = right;
    memset(forged.data + 96, 0, 32);
    restamp(&forged);
    write_bytes(in_foo("my_func/x=1"), forged.data, forged.size);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    forged.data[11] = 0;
    restamp(&forged);
    write_bytes(in_foo("my_func/x=1"), forged.data, forged.size);
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    /* Any change under the right checksum. */
    for (size_t at = 10; at < right.size; at++) {
        if (at >= 128 && at < HEADER)
            continue;
        forged = right;
        forged.data[at] ^= 1;
        restamp(&forged);
        write_bytes(in_foo("my_func/x=1"), forged.data, forged.size);
        key k = key_of(1);
        locache_value *value;
        locache_status status = locache_get(&value, cache, k.bytes, k.size, &error);
        /* Pickle to raw: data that nobody runs. */
        if (at == 10 && status == LOCACHE_OK)
            assert_int_equal(locache_value_codec(value), LOCACHE_CODEC_RAW);
        else
            assert_int_equal(status, LOCACHE_MISS);
        if (status == LOCACHE_OK)
            locache_value_free(value);
    }
    write_bytes(in_foo("my_func/x=1"), right.data, right.size);
    assert_hit(cache, 1, "pickled");
    locache_close(cache);
}

static void assert_key_refused(const char *why)
{
    locache *cache = open_function("my_func");
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    assert_non_null(strstr(error.message, why));
    assert_int_equal(put_as(cache, 2, "new", LOCACHE_CODEC_PICKLE), LOCACHE_EUNTRUSTED);
    assert_non_null(strstr(error.message, why));
    must_put(cache, 3, "raw");
    assert_hit(cache, 3, "raw");
    locache_close(cache);
}

static void test_owner__a_key_that_others_may_know(void **unused)
{
    (void)unused;
    locache_close(store_pickle());
    static const mode_t modes[] = {0644, 0640, 0620, 0604, 0602, 0666};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        assert_int_equal(chmod(key_path(), modes[i]), 0);
        assert_key_refused("chmod");
    }
    assert_int_equal(chmod(key_path(), 0400), 0);
    locache *cache = open_function("my_func");
    assert_hit(cache, 1, "pickled");
    locache_close(cache);
    if (geteuid() == 0) {
        assert_int_equal(chown(key_path(), NOBODY, NOBODY), 0);
        assert_key_refused("another user");
    }
}

static void test_owner__a_key_that_is_no_file_of_its_size(void **unused)
{
    (void)unused;
    char real[170];
    snprintf(real, sizeof real, "%s.real", key_path());
    locache_close(store_pickle());
    assert_int_equal(rename(key_path(), real), 0);
    assert_int_equal(symlink(real, key_path()), 0);
    assert_key_refused("regular");
    unlink(key_path());
    assert_int_equal(mkfifo(key_path(), 0600), 0);
    assert_key_refused("32 bytes");
    unlink(key_path());
    assert_int_equal(mkdir(key_path(), 0700), 0);
    assert_key_refused("32 bytes");
    rmdir(key_path());
    assert_int_equal(rename(real, key_path()), 0);
    assert_int_equal(truncate(key_path(), 31), 0);
    assert_key_refused("32 bytes");
    assert_int_equal(truncate(key_path(), 0), 0);
    assert_key_refused("32 bytes");
}

static void test_owner__a_key_directory_that_others_may_write_to(void **unused)
{
    (void)unused;
    char directory[160];
    snprintf(directory, sizeof directory, "%s/locache", state);
    locache_close(store_pickle());
    assert_int_equal(chmod(directory, 0777), 0);
    assert_key_refused(directory);
}

static void test_owner__a_key_inside_the_cache(void **unused)
{
    (void)unused;
    locache_close(store_pickle());
    assert_int_equal(rename(state, in_foo("state")), 0);
    setenv("XDG_STATE_HOME", in_foo("state"), 1);
    assert_key_refused("inside");
    /* Nor by way of a link. */
    assert_int_equal(symlink(in_foo("state"), state), 0);
    setenv("XDG_STATE_HOME", state, 1);
    assert_key_refused("inside");
}

static void test_owner__pickles_forbidden(void **unused)
{
    (void)unused;
    locache_close(store_pickle());
    locache_options options = options_for("my_func");
    options.flags = LOCACHE_OPEN_NO_PICKLE;
    locache *cache = open_with(&options);
    assert_miss(cache, 1);
    assert_int_equal(put_as(cache, 2, "new", LOCACHE_CODEC_PICKLE), LOCACHE_EINVAL);
    must_put(cache, 1, "raw");
    assert_hit(cache, 1, "raw");
    locache_close(cache);
}

static void make_pickle(void *context)
{
    locache_options options = options_for("my_func");
    locache *cache = NULL;
    child_require(locache_open(&cache, foo, &options, &error) == LOCACHE_OK);
    child_require(put_as(cache, *(int *)context, "pickled", LOCACHE_CODEC_PICKLE) == LOCACHE_OK);
    locache_close(cache);
}

static void test_owner__makers_of_the_key_agree(void **unused)
{
    (void)unused;
    char directory[160];
    snprintf(directory, sizeof directory, "%s/locache", state);
    for (int round = 0; round < 10; round++) {
        pid_t children[8];
        int x[8];
        for (int i = 0; i < 8; i++) {
            x[i] = i;
            children[i] = in_child(make_pickle, &x[i]);
        }
        for (int i = 0; i < 8; i++)
            wait_for(children[i]);
        locache *cache = open_function("my_func");
        for (int i = 0; i < 8; i++)
            assert_hit(cache, i, "pickled");
        locache_close(cache);
        /* The key, and the registry. */
        assert_int_equal(names_in(directory, ""), 2);
        assert_int_equal(names_in(directory, "key"), 1);
        remove_all(state);
        remove_all(foo);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_owner__a_directory_of_another_user),
        scratch_test(test_owner__a_directory_that_others_may_write_to),
        scratch_test(test_owner__a_group_with_others_in_it),
        scratch_test(test_owner__a_writable_ancestor),
        scratch_test(test_owner__nothing_is_made_below_a_writable_ancestor),
        scratch_test(test_owner__a_private_directory_below_a_sticky_one),
        scratch_test(test_owner__linked_directories_are_refused),
        scratch_test(test_owner__a_trailing_slash_does_not_follow),
        scratch_test(test_owner__a_link_that_comes_later),
        scratch_test(test_owner__a_linked_version_file),
        scratch_test(test_owner__a_linked_lock),
        scratch_test(test_owner__linked_versions),
        scratch_test(test_owner__a_file_in_a_directorys_place),
        scratch_test(test_owner__the_key_is_made_private),
        scratch_test(test_owner__the_key_is_in_the_home_directory),
        scratch_test(test_owner__no_key_no_pickle),
        scratch_test(test_owner__another_key_no_pickle),
        scratch_test(test_owner__a_forged_mac_no_pickle),
        scratch_test(test_owner__a_key_that_others_may_know),
        scratch_test(test_owner__a_key_that_is_no_file_of_its_size),
        scratch_test(test_owner__a_key_directory_that_others_may_write_to),
        scratch_test(test_owner__a_key_inside_the_cache),
        scratch_test(test_owner__pickles_forbidden),
        scratch_test(test_owner__makers_of_the_key_agree),
    };
    return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
