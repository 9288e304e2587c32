/* Folders of results, found by their paths: which there are, and which are refused. */
#include "fault.h"
#include "scratch.h"

#include <sys/stat.h>

/* What locache_each_folder() told. */
typedef struct seen {
    int count;
    int current;
    int refused;
    int with_version;
    int stop_at; /* 0: never */
    char name[64];
    char path[LOCACHE_PATH_MAX];
    locache_id before;
    bool has_before;
} seen;

static bool see(void *context, const locache_folder_info *folder)
{
    seen *in = context;
    assert_int_equal(folder->size, sizeof *folder);
    in->count++;
    in->current += folder->current;
    in->refused += folder->status != LOCACHE_OK;
    in->with_version += folder->has_version;
    if (folder->has_before) {
        in->has_before = true;
        in->before = folder->before;
    }
    (void)snprintf(in->name, sizeof in->name, "%s", folder->name);
    (void)snprintf(in->path, sizeof in->path, "%s", folder->path);
    assert_true((folder->status == LOCACHE_OK) == (folder->message[0] == '\0'));
    return in->count != in->stop_at;
}

static seen look(void)
{
    seen in = {.count = 0};
    assert_int_equal(locache_each_folder(foo, see, &in, &error), LOCACHE_OK);
    return in;
}

static void put_version(const char *function, int source)
{
    locache_options options = options_for(function);
    options.identity = identity_at("t-1", source);
    locache *cache = open_with(&options);
    must_put(cache, 1, "r");
    locache_close(cache);
}

static void test_each_folder__every_function_and_version(void **unused)
{
    (void)unused;
    assert_int_equal(look().count, 0);
    put_version("one", 1);
    put_version("one", 2);
    put_version("two", 1);
    seen in = look();
    assert_int_equal(in.count, 3);
    assert_int_equal(in.current, 2);
    assert_int_equal(in.with_version, 3);
    assert_true(in.has_before);
    assert_string_equal(in.name, "one");
    assert_non_null(strstr(in.path, "/.versions/one/"));
    locache_folder *folder = NULL;
    assert_int_equal(locache_folder_open(&folder, in.path, &error), LOCACHE_OK);
    locache_folder_close(folder);
    for (int stop = 1; stop <= 3; stop++) {
        in = (seen){.stop_at = stop};
        assert_int_equal(locache_each_folder(foo, see, &in, &error), LOCACHE_OK);
        assert_int_equal(in.count, stop);
    }
}

static void test_each_folder__what_is_not_ours_is_passed_over_or_refused(void **unused)
{
    (void)unused;
    put_version("one", 1);
    put_version("one", 2);
    write_text(in_foo("notes.txt"), "mine");
    assert_int_equal(mkdir(in_foo("data"), 0700), 0);
    write_text(in_foo("data/work"), "mine");
    write_text(in_foo(".versions/notes.txt"), "mine");
    assert_int_equal(mkdir(in_foo(".versions/one/other"), 0700), 0);
    assert_int_equal(symlink("one", in_foo("link")), 0);
    assert_int_equal(mkdir(in_foo("open"), 0700), 0);
    assert_int_equal(chmod(in_foo("open"), 0777), 0);
    seen in = look();
    assert_int_equal(in.count, 4);
    assert_int_equal(in.refused, 2);
    remove_all(in_foo("one/.locache"));
    assert_int_equal(look().with_version, 1);
}

static void test_each_folder__of_what_is_no_cache(void **unused)
{
    (void)unused;
    seen in = {.count = 0};
    assert_int_equal(locache_each_folder("foo.cache", see, &in, &error), LOCACHE_EINVAL);
    put_version("one", 1);
    assert_int_equal(chmod(foo, 0777), 0);
    assert_int_equal(locache_each_folder(foo, see, &in, &error), LOCACHE_EUNTRUSTED);
    assert_int_equal(chmod(foo, 0700), 0);
    assert_int_equal(chmod(scratch, 0777), 0);
    assert_int_equal(locache_each_folder(foo, see, &in, &error), LOCACHE_EUNTRUSTED);
    assert_int_equal(chmod(scratch, 0700), 0);
    assert_int_equal(in.count, 0);
}

static void test_is_cache__by_its_tag_or_by_a_function(void **unused)
{
    (void)unused;
    char slashes[200];
    assert_int_equal(locache_is_cache(foo), LOCACHE_MISS);
    put_version("one", 1);
    assert_int_equal(locache_is_cache(foo), LOCACHE_OK);
    assert_int_equal(locache_is_cache(in_foo("one")), LOCACHE_MISS);
    (void)snprintf(slashes, sizeof slashes, "%s//", foo);
    assert_int_equal(unlink(in_foo("CACHEDIR.TAG")), 0);
    write_text(in_foo("notes.txt"), "mine");
    assert_int_equal(locache_is_cache(slashes), LOCACHE_OK);
    assert_int_equal(mkdir(in_foo("../other"), 0700), 0);
    assert_int_equal(rename(in_foo("one"), in_foo("../other/one")), 0);
    assert_int_equal(locache_is_cache(foo), LOCACHE_MISS);
    assert_int_equal(locache_is_cache(in_foo("../other")), LOCACHE_MISS);
    assert_int_equal(mkdir(in_foo("../other/.versions"), 0700), 0);
    assert_int_equal(locache_is_cache(in_foo("../other")), LOCACHE_OK);
    assert_int_equal(symlink(foo, in_foo("../link.cache")), 0);
    assert_int_equal(locache_is_cache(in_foo("../link.cache")), LOCACHE_MISS);
}

static void test_folder_open__only_what_carries_our_mark(void **unused)
{
    (void)unused;
    locache_folder *folder = NULL;
    assert_int_equal(locache_folder_open(&folder, "one", &error), LOCACHE_EINVAL);
    assert_int_equal(locache_folder_open(&folder, "/", &error), LOCACHE_EINVAL);
    assert_int_equal(locache_folder_open(&folder, in_foo("one"), &error), LOCACHE_MISS);
    put_version("one", 1);
    assert_int_equal(locache_folder_open(&folder, in_foo("one//"), &error), LOCACHE_OK);
    locache_folder_close(folder);
    locache_folder_close(NULL);
    assert_int_equal(mkdir(in_foo("data"), 0700), 0);
    write_text(in_foo("data/work"), "mine");
    folder = NULL;
    assert_int_equal(locache_folder_open(&folder, in_foo("data"), &error), LOCACHE_EUNTRUSTED);
    assert_non_null(strstr(error.message, "/foo.cache/data"));
    assert_int_equal(symlink("one", in_foo("link")), 0);
    assert_int_equal(locache_folder_open(&folder, in_foo("link"), &error), LOCACHE_EUNTRUSTED);
    assert_null(folder);
}

static void test_clear_folder__a_function_and_its_versions(void **unused)
{
    (void)unused;
    assert_int_equal(locache_clear_folder(foo, "one", &error), LOCACHE_OK);
    put_version("one", 1);
    put_version("one", 2);
    put_version("two", 1);
    assert_int_equal(locache_clear_folder(foo, "one", &error), LOCACHE_OK);
    assert_false(exists(in_foo("one/x=1")));
    assert_true(exists(in_foo("two/x=1")));
    assert_int_equal(look().count, 2);
    assert_int_equal(locache_clear_folder("foo.cache", "one", &error), LOCACHE_EINVAL);
    assert_int_equal(locache_clear_folder(foo, "", &error), LOCACHE_EINVAL);
    assert_int_equal(locache_clear_folder(foo, ".versions", &error), LOCACHE_EINVAL);
    assert_int_equal(locache_clear_folder(foo, "../foo.cache/two", &error), LOCACHE_EINVAL);
    assert_int_equal(locache_clear_folder(foo, "never", &error), LOCACHE_OK);
    assert_true(exists(in_foo("two/x=1")));
    assert_int_equal(chmod(foo, 0777), 0);
    assert_int_equal(locache_clear_folder(foo, "two", &error), LOCACHE_EUNTRUSTED);
    assert_int_equal(chmod(foo, 0700), 0);
}

static void test_folder_record__only_of_what_this_release_knows(void **unused)
{
    (void)unused;
    char record[LOCACHE_VERSION_RECORD_MAX];
    size_t size = 0;
    locache_folder *folder = NULL;
    put_version("one", 1);
    assert_int_equal(locache_folder_open(&folder, in_foo("one"), &error), LOCACHE_OK);
    assert_int_equal(locache_folder_record(record, &size, folder, &error), LOCACHE_OK);
    assert_true(size > 0 && size <= sizeof record);
    write_text(in_foo("one/.locache/version"), "locache 2\nsomething else\n");
    assert_int_equal(locache_folder_record(record, &size, folder, &error), LOCACHE_EFORMAT);
    assert_non_null(strstr(error.message, "a later version of locache"));
    write_text(in_foo("one/.locache/version"), "no record");
    assert_int_equal(locache_folder_record(record, &size, folder, &error), LOCACHE_MISS);
    assert_int_equal(chmod(in_foo("one/.locache/version"), 0666), 0);
    assert_true(locache_folder_record(record, &size, folder, &error) < 0);
    locache_folder_close(folder);
}

/* Whatever fails, an error says so or less is told of, and nothing is leaked. */
static void test_folders__any_call_fails(void **unused)
{
    (void)unused;
    bool failed = true;
    put_version("one", 1);
    put_version("one", 2);
    for (int n = 1; failed; n++) {
        seen in = {.count = 0};
        locache_folder *folder = NULL;
        fault_set(NULL, n, EIO);
        locache_status listed = locache_each_folder(foo, see, &in, &error);
        locache_status opened = locache_folder_open(&folder, in_foo("one"), NULL);
        (void)!locache_is_cache(foo);
        failed = fault_clear();
        assert_true((opened == LOCACHE_OK) == (folder != NULL));
        assert_true(failed || (listed == LOCACHE_OK && opened == LOCACHE_OK && in.count == 2));
        locache_folder_close(folder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_each_folder__every_function_and_version),
        scratch_test(test_each_folder__what_is_not_ours_is_passed_over_or_refused),
        scratch_test(test_each_folder__of_what_is_no_cache),
        scratch_test(test_is_cache__by_its_tag_or_by_a_function),
        scratch_test(test_folder_open__only_what_carries_our_mark),
        scratch_test(test_clear_folder__a_function_and_its_versions),
        scratch_test(test_folder_record__only_of_what_this_release_knows),
        scratch_test(test_folders__any_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
