/* Who else may write: access control lists, groups, and who owns the directories above. */
#include "disk/writers.h"
#include "scratch.h"

#include "fault.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#define SOMEBODY 4001
#define SOMEBODYS_GROUP 4002

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

static void assert_usable(void)
{
    locache *cache = open_function("my_func");
    assert_hit(cache, 1, "one");
    locache_close(cache);
}

static void assert_refused(const char *path, const char *remedy)
{
    assert_string_equal(locache_status_name(open_status()), "LOCACHE_EUNTRUSTED");
    assert_non_null(strstr(error.message, path));
    assert_non_null(strstr(error.message, remedy));
}

/* ------------------------------------------------------------------------- access control lists */

typedef struct acl_entry {
    unsigned tag;
    unsigned rights;
    unsigned id;
} acl_entry;

enum { USER_OWNER = 1, USER = 2, GROUP_OWNER = 4, GROUP = 8, MASK = 16, OTHER = 32 };
#define NOBODYS UINT32_MAX

/* Set a list of these entries, in the order of their tags. */
static bool set_acl(const char *path, const acl_entry *entries, size_t count)
{
    unsigned char acl[4 + 8 * 8] = {2};
    for (size_t i = 0; i < count; i++) {
        unsigned char *at = acl + 4 + 8 * i;
        at[0] = (unsigned char)entries[i].tag;
        at[2] = (unsigned char)entries[i].rights;
        for (int byte = 0; byte < 4; byte++)
            at[4 + byte] = (unsigned char)(entries[i].id >> (8 * byte));
    }
    if (setxattr(path, "system.posix_acl_access", acl, 4 + 8 * count, 0) == 0)
        return true;
    assert_int_equal(errno, ENOTSUP);
    return false;
}

/* A named user or group beside the owner, with these rights, within that mask. */
static bool add_to_acl(const char *path, unsigned tag, unsigned id, unsigned rights, unsigned mask)
{
    const acl_entry named = {tag, rights, id};
    const acl_entry group = {GROUP_OWNER, 0, NOBODYS};
    const acl_entry entries[] = {{USER_OWNER, 7, NOBODYS},
                                 tag == USER ? named : group,
                                 tag == USER ? group : named,
                                 {MASK, mask, NOBODYS},
                                 {OTHER, 0, NOBODYS}};
    return set_acl(path, entries, sizeof entries / sizeof entries[0]);
}

static void test_writers__who_is_told_by_the_bits(void **unused)
{
    (void)unused;
    static const struct {
        mode_t mode;
        bool others;
    } rows[] = {{0600, false}, {0644, false}, {0660, false}, {0606, true}, {0666, true}};
    store_one();
    int fd = open(in_foo("my_func/x=1"), O_RDONLY);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stat found;
        assert_true(fchmod(fd, rows[i].mode) == 0 && fstat(fd, &found) == 0);
        assert_int_equal(lc_writers_beside(fd, &found, found.st_gid), rows[i].others);
    }
    close(fd);
}

static void test_writers__an_acl_that_lets_another_user_write(void **unused)
{
    (void)unused;
    static const char *const which[] = {".", "my_func", "my_func/.locache"};
    for (size_t i = 0; i < sizeof which / sizeof which[0]; i++) {
        store_one();
        const char *path = i == 0 ? foo : in_foo(which[i]);
        if (!add_to_acl(path, USER, SOMEBODY, 7, 7))
            skip();
        assert_refused(path, "chmod go-w");
        assert_true(add_to_acl(path, GROUP, SOMEBODYS_GROUP, 2, 7));
        assert_refused(path, "chmod go-w");
        /* What the message says is enough. */
        assert_int_equal(chmod(path, 0700), 0);
        assert_usable();
        assert_int_equal(removexattr(path, "system.posix_acl_access"), 0);
    }
}

static void test_writers__an_acl_that_lets_nobody_write(void **unused)
{
    (void)unused;
    store_one();
    if (!add_to_acl(foo, USER, SOMEBODY, 5, 7)) /* reads */
        skip();
    assert_usable();
    assert_true(add_to_acl(foo, USER, SOMEBODY, 7, 5)); /* would write, but for the mask */
    assert_usable();
    assert_true(add_to_acl(foo, USER, geteuid(), 7, 7)); /* ourselves */
    assert_usable();
}

static void test_writers__an_acl_of_a_directory_above(void **unused)
{
    (void)unused;
    store_one();
    if (!add_to_acl(scratch, USER, SOMEBODY, 3, 7))
        skip();
    assert_refused(scratch, "chmod go-w");
    assert_int_equal(chmod(scratch, 0700), 0);
    assert_usable();
}

/* An entry that another user may write to is one that he may have written. */
static void test_writers__an_acl_of_an_entry(void **unused)
{
    (void)unused;
    store_one();
    if (!add_to_acl(in_foo("my_func/x=1"), USER, SOMEBODY, 6, 6))
        skip();
    locache *cache = open_function("my_func");
    assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
    locache_close(cache);
}

/* A list that cannot be read is taken for an open one. */
static void test_writers__an_acl_that_cannot_be_read(void **unused)
{
    (void)unused;
    store_one();
    assert_int_equal(chmod(foo, 0770), 0);
    fault_set("getxattr", 1, EIO);
    assert_refused(foo, "chmod go-w");
    assert_true(fault_clear());
}

/* --------------------------------------------------------------------------------------- groups */

/* In a child with accounts of its own, as user SOMEBODY of SOMEBODYS_GROUP: may a directory be used
 * that the group may write to? */
typedef struct accounts {
    const char *passwd;
    const char *group;
    locache_status expected;
} accounts;

static void put_over(const char *path, const char *text)
{
    char own[128];
    snprintf(own, sizeof own, "%s/%s", scratch, strrchr(path, '/') + 1);
    FILE *file = fopen(own, "w");
    child_require(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    child_require(chmod(own, 0644) == 0 && mount(own, path, NULL, MS_BIND, NULL) == 0);
}

static void open_with_accounts(void *context)
{
    const accounts *in = context;
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return;
    put_over("/etc/passwd", in->passwd);
    put_over("/etc/group", in->group);
    child_require(setgid(SOMEBODYS_GROUP) == 0 && setuid(SOMEBODY) == 0);
    child_require(open_status() == in->expected);
}

static void test_writers__a_group_that_others_share(void **unused)
{
    (void)unused;
#define OWN "me:x:4001:4002::/:/bin/sh\n"
    static const accounts all[] = {
        {OWN, "me:x:4002:\n", LOCACHE_OK},
        {OWN, "me:x:4002:me\n", LOCACHE_OK},
        {OWN "you:x:4003:4003::/:/bin/sh\n", "me:x:4002:\n", LOCACHE_OK},
        /* everybody's first group, whose members are not listed */
        {OWN "you:x:4003:4002::/:/bin/sh\n", "users:x:4002:\n", LOCACHE_EUNTRUSTED},
        {OWN, "users:x:4002:\n", LOCACHE_EUNTRUSTED},
        {OWN "you:x:4003:4002::/:/bin/sh\n", "me:x:4002:\n", LOCACHE_EUNTRUSTED},
        {"root:x:0:0::/:/bin/sh\nyou::4003:4002:\n" OWN, "me:x:4002:\n", LOCACHE_EUNTRUSTED},
        {OWN, "me:x:4002:you\n", LOCACHE_EUNTRUSTED},
        {OWN, "", LOCACHE_EUNTRUSTED},
        {"", "me:x:4002:\n", LOCACHE_EUNTRUSTED},
    };
    skip_unless_root();
    assert_int_equal(chmod(scratch, 0755), 0);
    assert_int_equal(mkdir(foo, 0770), 0);
    assert_int_equal(chmod(foo, 0770), 0);
    assert_int_equal(chown(foo, SOMEBODY, SOMEBODYS_GROUP), 0);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        wait_for(in_child(open_with_accounts, (void *)(uintptr_t)&all[i]));
}

/* ------------------------------------------------------------------------------------- groups */

static char mine[128];

/* foo.cache in scratch/above/mine, of which `above` is another user's. */
static void below_another(mode_t mode)
{
    char above[96];
    snprintf(above, sizeof above, "%s/above", scratch);
    snprintf(mine, sizeof mine, "%s/mine", above);
    snprintf(foo, sizeof foo, "%s/foo.cache", mine);
    assert_int_equal(mkdir(above, 0700), 0);
    assert_int_equal(mkdir(mine, 0700), 0);
    store_one();
    assert_int_equal(chown(above, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(above, mode), 0);
    wait_lately();
    snprintf(mine, sizeof mine, "%s", above);
}

static void test_writers__a_directory_above_that_is_another_users(void **unused)
{
    (void)unused;
    static const mode_t modes[] = {0700, 0755, 0555, 01777, 01755};
    skip_unless_root();
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        below_another(modes[i]);
        assert_refused(mine, "LOCACHE_DIR");
        assert_non_null(strstr(error.message, "another user"));
        assert_int_equal(chown(mine, geteuid(), getegid()), 0);
        assert_usable();
        remove_all(mine);
    }
}

static void test_writers__nothing_is_made_below_another_users(void **unused)
{
    (void)unused;
    skip_unless_root();
    below_another(01777);
    snprintf(foo, sizeof foo, "%s/new.cache", mine);
    locache *cache = open_function("my_func");
    assert_int_equal(put(cache, 1, "one"), LOCACHE_EUNTRUSTED);
    assert_false(exists(foo));
    locache_close(cache);
}

/* Roots own what everybody's directories are in. */
static void open_as_another(void *unused)
{
    (void)unused;
    child_require(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    child_require(open_status() == LOCACHE_OK);
    locache *cache = open_function("my_func");
    child_require(put(cache, 1, "one") == LOCACHE_OK);
    locache_close(cache);
}

static void test_writers__directories_above_may_be_roots(void **unused)
{
    (void)unused;
    static const mode_t modes[] = {0755, 01777};
    skip_unless_root();
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chmod(scratch, modes[i]), 0);
        snprintf(mine, sizeof mine, "%s/mine", scratch);
        snprintf(foo, sizeof foo, "%s/foo.cache", mine);
        assert_int_equal(mkdir(mine, 0700), 0);
        assert_int_equal(chown(mine, NOBODY, NOBODY), 0);
        wait_for(in_child(open_as_another, NULL));
        remove_all(mine);
    }
}

/* --------------------------------------------------------------------------- links on the way */

static char way[96];

/* scratch/way/link leads to scratch/real, in which foo.cache is. */
static void through_link(const char *target)
{
    char real[128];
    char link[200];
    snprintf(real, sizeof real, "%s/real", scratch);
    snprintf(way, sizeof way, "%s/way", scratch);
    snprintf(link, sizeof link, "%s/link", way);
    assert_int_equal(mkdir(real, 0700), 0);
    assert_int_equal(mkdir(way, 0700), 0);
    assert_int_equal(symlink(target, link), 0);
    snprintf(foo, sizeof foo, "%s/link/foo.cache", way);
    store_one();
}

static void test_writers__a_link_on_the_way_that_others_may_exchange(void **unused)
{
    (void)unused;
    char real[128];
    char link[200];
    skip_unless_root();
    snprintf(real, sizeof real, "%s/real", scratch);
    const char *const targets[] = {"../real", real, "../way/../real/."};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        through_link(targets[i]);
        assert_usable();
        assert_int_equal(chmod(way, 0777), 0);
        assert_refused(way, "LOCACHE_DIR");
        assert_int_equal(chmod(way, 0700), 0);
        assert_int_equal(chown(way, NOBODY, NOBODY), 0);
        assert_refused(way, "LOCACHE_DIR");
        assert_int_equal(chown(way, 0, 0), 0);
        snprintf(link, sizeof link, "%s/link", way);
        assert_int_equal(lchown(link, NOBODY, NOBODY), 0);
        assert_refused(link, "LOCACHE_DIR");
        assert_int_equal(lchown(link, 0, 0), 0);
        assert_usable();
        remove_all(way);
        remove_all(real);
    }
}

/* A link to a link: each is looked at. */
static void test_writers__a_second_link_on_the_way(void **unused)
{
    (void)unused;
    char other[160];
    char second[200];
    skip_unless_root();
    snprintf(other, sizeof other, "%s/other", scratch);
    snprintf(second, sizeof second, "%s/second", other);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(symlink("../real", second), 0);
    through_link("../other/second");
    assert_usable();
    assert_int_equal(chmod(other, 0777), 0);
    assert_refused(other, "LOCACHE_DIR");
}

/* ------------------------------------------------------------------------------ the key's place */

static void test_writers__the_keys_directory_names_its_own_remedy(void **unused)
{
    (void)unused;
    char keys[160];
    skip_unless_root();
    locache *cache = open_function("my_func");
    assert_int_equal(put_as(cache, 1, "pickle", LOCACHE_CODEC_PICKLE), LOCACHE_OK);
    locache_close(cache);
    snprintf(keys, sizeof keys, "%s/locache", state);
    const char *const places[] = {keys, state};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(chown(places[i], NOBODY, NOBODY), 0);
        cache = open_function("my_func");
        assert_rejected(cache, 1, LOCACHE_EUNTRUSTED);
        assert_non_null(strstr(error.message, "XDG_STATE_HOME"));
        assert_null(strstr(error.message, "LOCACHE_DIR"));
        locache_close(cache);
        assert_int_equal(chown(places[i], 0, 0), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_writers__an_acl_that_lets_another_user_write),
        scratch_test(test_writers__an_acl_that_lets_nobody_write),
        scratch_test(test_writers__an_acl_of_a_directory_above),
        scratch_test(test_writers__an_acl_of_an_entry),
        scratch_test(test_writers__an_acl_that_cannot_be_read),
        scratch_test(test_writers__a_group_that_others_share),
        scratch_test(test_writers__a_directory_above_that_is_another_users),
        scratch_test(test_writers__nothing_is_made_below_another_users),
        scratch_test(test_writers__directories_above_may_be_roots),
        scratch_test(test_writers__a_link_on_the_way_that_others_may_exchange),
        scratch_test(test_writers__who_is_told_by_the_bits),
        scratch_test(test_writers__a_second_link_on_the_way),
        scratch_test(test_writers__the_keys_directory_names_its_own_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
