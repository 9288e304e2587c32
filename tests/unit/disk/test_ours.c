/* What a user has where a cache is, or where it would be, stays as it is. */
#include "scratch.h"

#include "disk/ours.h"

#include <fcntl.h>

static void make_directory(const char *path)
{
    assert_int_equal(mkdir(path, 0700), 0);
}

/* A directory of the user's own, by a function's name. */
static void make_users(void)
{
    make_directory(foo);
    make_directory(in_foo("my_func"));
    write_text(in_foo("my_func/measured.csv"), "1,2,3\n");
    write_text(in_foo("my_func/x=1"), "mine, too\n");
}

static void assert_users(void)
{
    assert_memory_equal(read_bytes(in_foo("my_func/measured.csv")).data, "1,2,3\n", 6);
    assert_memory_equal(read_bytes(in_foo("my_func/x=1")).data, "mine, too\n", 10);
    assert_int_equal(names_in(in_foo("my_func"), ""), 2);
}

static locache *open_limited(int64_t max_entries)
{
    locache_options options = options_for("my_func");
    options.max_entries = max_entries;
    return open_with(&options);
}

static void test_ours__a_users_directory_is_not_taken(void **unused)
{
    (void)unused;
    make_users();
    locache *cache = open_limited(2);
    for (int x = 1; x < 8; x++)
        must_put(cache, x, "result");
    assert_hit(cache, 7, "result");
    assert_string_equal(locache_directory(cache), in_foo("my_func~locache"));
    assert_true(exists(in_foo("my_func~locache/x=7")));
    assert_users();
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_miss(cache, 7);
    assert_users();
    locache_close(cache);
}

static void test_ours__another_source_leaves_it(void **unused)
{
    (void)unused;
    make_users();
    for (int source = 1; source < 4; source++) {
        locache *cache = open_source("t-1", source);
        must_put(cache, 1, "result");
        locache_close(cache);
    }
    locache *cache = open_source("t-1", 2);
    assert_hit(cache, 1, "result");
    locache_close(cache);
    assert_users();
}

/* The other name stays the function's when its own becomes free. */
static void test_ours__the_other_name_is_kept(void **unused)
{
    (void)unused;
    make_users();
    locache *cache = open_function("my_func");
    must_put(cache, 1, "result");
    locache_close(cache);
    remove_all(in_foo("my_func"));
    cache = open_function("my_func");
    assert_hit(cache, 1, "result");
    locache_close(cache);
    assert_false(exists(in_foo("my_func")));
}

static void test_ours__where_both_names_are_taken_nothing_is_stored(void **unused)
{
    (void)unused;
    make_users();
    make_directory(in_foo("my_func~locache"));
    write_text(in_foo("my_func~locache/notes.txt"), "n");
    locache *cache = NULL;
    locache_options options = options_for("my_func");
    assert_int_equal(locache_open(&cache, foo, &options, &error), LOCACHE_EUNTRUSTED);
    assert_non_null(strstr(error.message, in_foo("my_func~locache")));
    assert_int_equal(names_in(in_foo("my_func~locache"), ""), 1);
    assert_users();
}

/* Files that came into a directory of ours are not removed, and it is not moved with them. */
static void test_ours__what_a_user_puts_into_ours_stays(void **unused)
{
    (void)unused;
    locache *cache = open_limited(2);
    must_put(cache, 1, "result");
    write_text(in_foo("my_func/notes.txt"), "n");
    make_directory(in_foo("my_func/plots"));
    for (int x = 2; x < 9; x++)
        must_put(cache, x, "result");
    assert_hit(cache, 8, "result");
    locache_close(cache);
    cache = open_source("t-1", 2);
    must_put(cache, 1, "changed");
    locache_close(cache);
    assert_true(exists(in_foo("my_func/notes.txt")));
    assert_true(exists(in_foo("my_func/plots")));
    cache = open_source("t-1", 1);
    assert_hit(cache, 8, "result");
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_miss(cache, 8);
    locache_close(cache);
    cache = open_source("t-1", 2);
    assert_miss(cache, 1);
    locache_close(cache);
    assert_true(exists(in_foo("my_func/notes.txt")));
    assert_true(exists(in_foo("my_func/plots")));
}

static void test_ours__an_earlier_version_is_removed_without_a_users_file(void **unused)
{
    (void)unused;
    char path[300];
    locache *cache = open_source("t-1", 1);
    must_put(cache, 1, "result");
    locache_close(cache);
    cache = open_source("t-1", 2);
    DIR *stream = opendir(in_foo(".versions/my_func"));
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, ".versions/my_func/%s/notes.txt", entry->d_name);
            write_text(in_foo(path), "n");
        }
    closedir(stream);
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    locache_close(cache);
    int kept = 0;
    stream = opendir(in_foo(".versions/.tmp"));
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, ".versions/.tmp/%s", entry->d_name);
            assert_int_equal(names_in(in_foo(path), ""), 1);
            kept += names_in(in_foo(path), "notes.txt");
        }
    closedir(stream);
    assert_int_equal(kept, 1);
}

/* What is no family of ours in .versions/ is not one to forget. */
static void test_ours__a_users_versions_stay(void **unused)
{
    (void)unused;
    make_directory(foo);
    make_directory(in_foo(".versions"));
    make_directory(in_foo(".versions/my_func"));
    write_text(in_foo(".versions/my_func/1.0"), "n");
    locache *cache = open_function("my_func");
    must_put(cache, 1, "result");
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    locache_close(cache);
    assert_true(exists(in_foo(".versions/my_func/1.0")));
}

/* Everything in .locache/ may be deleted at any time: the entries say whose the directory is. */
static void test_ours__entries_are_a_mark(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "result");
    must_put(cache, 2, "result");
    locache_close(cache);
    remove_all(in_foo("my_func/.locache"));
    write_text(in_foo("my_func/x=2"), ""); /* as a power cut leaves it */
    write_text(in_foo("my_func/.DS_Store"), "Bud1");
    cache = open_function("my_func");
    assert_hit(cache, 1, "result");
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    locache_close(cache);
    assert_false(exists(in_foo("my_func/x=2")));
    assert_false(exists(in_foo("my_func~locache")));
}

static void test_ours__an_empty_directory_may_be_taken(void **unused)
{
    (void)unused;
    make_directory(foo);
    make_directory(in_foo("my_func"));
    locache *cache = open_function("my_func");
    must_put(cache, 1, "result");
    locache_close(cache);
    assert_true(exists(in_foo("my_func/x=1")));
}

/* A name of ours is no proof: only what is in the file. */
static void test_ours__an_entry_is_known_by_its_bytes(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "result");
    locache_close(cache);
    write_text(in_foo("my_func/lr=0.1.csv"), "1,2\n");
    write_bytes(in_foo("my_func/x=3"), "\0\0\0\0\0\0\0\0\0", 9);
    write_text(in_foo("my_func/__init__.py"), "");
    assert_int_equal(symlink("x=1", in_foo("my_func/x=4")), 0);
    int dir = open(in_foo("my_func"), O_RDONLY | O_DIRECTORY);
    assert_true(lc_ours_entry(dir, "x=1"));
    assert_true(lc_ours_entry(dir, "x=3"));
    assert_false(lc_ours_entry(dir, "lr=0.1.csv"));
    assert_false(lc_ours_entry(dir, "__init__.py"));
    assert_false(lc_ours_entry(dir, "x=4"));
    assert_false(lc_ours_entry(dir, "x=5"));
    assert_false(lc_ours_entry(dir, ".locache"));
    assert_false(lc_ours_whole(dir));
    close(dir);
}

/* ------------------------------------------------------------------------------------- the mark */

static void test_ours__a_users_cache_directory_is_not_marked(void **unused)
{
    (void)unused;
    make_directory(foo);
    locache *cache = open_function("my_func");
    must_put(cache, 1, "result");
    locache_close(cache);
    assert_false(exists(in_foo("CACHEDIR.TAG")));
    assert_false(exists(in_foo(".gitignore")));
}

static void test_ours__a_mark_is_mended_and_its_lack_respected(void **unused)
{
    (void)unused;
    static const char *const functions[] = {"my_func", "second", "third"};
    for (int i = 0; i < 3; i++) {
        locache *cache = open_function(functions[i]);
        must_put(cache, 1, "result");
        locache_close(cache);
        assert_int_equal(exists(in_foo(".gitignore")), i < 2);
        assert_int_equal(unlink(in_foo(".gitignore")), i < 2 ? 0 : -1);
        if (i == 1)
            assert_int_equal(unlink(in_foo("CACHEDIR.TAG")), 0);
    }
}

/* However many entries there are: a thousand are looked at, most of them by their names alone. */
static void test_ours__one_file_among_many_entries_is_seen(void **unused)
{
    (void)unused;
    char name[64];
    locache *cache = open_source("t-1", 1);
    for (int x = 0; x < 100; x++)
        must_put(cache, x, "r");
    locache_close(cache);
    int dir = open(in_foo("my_func"), O_RDONLY | O_DIRECTORY);
    assert_true(lc_ours_whole(dir));
    snprintf(name, sizeof name, "my_func/list~%032d", 7);
    write_text(in_foo(name), "");
    assert_true(lc_ours_whole(dir));
    write_text(in_foo("my_func/draft.tex~"), "");
    assert_false(lc_ours_whole(dir));
    close(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_ours__a_users_directory_is_not_taken),
        scratch_test(test_ours__another_source_leaves_it),
        scratch_test(test_ours__the_other_name_is_kept),
        scratch_test(test_ours__where_both_names_are_taken_nothing_is_stored),
        scratch_test(test_ours__what_a_user_puts_into_ours_stays),
        scratch_test(test_ours__an_earlier_version_is_removed_without_a_users_file),
        scratch_test(test_ours__a_users_versions_stay),
        scratch_test(test_ours__entries_are_a_mark),
        scratch_test(test_ours__an_empty_directory_may_be_taken),
        scratch_test(test_ours__an_entry_is_known_by_its_bytes),
        scratch_test(test_ours__a_users_cache_directory_is_not_marked),
        scratch_test(test_ours__a_mark_is_mended_and_its_lack_respected),
        scratch_test(test_ours__one_file_among_many_entries_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
