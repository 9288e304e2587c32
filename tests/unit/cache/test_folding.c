/* On a file system that folds case, calls and functions that differ in case only are kept apart.
 * Few machines have one: here .versions has a second name by a bind mount, which is what shows that
 * a file system folds; names are compared as such a one would. */
#include "scratch.h"

#include <ctype.h>
#include <sched.h>
#include <sys/mount.h>

static key text_key(const char *text)
{
    key out;
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, out.bytes, sizeof out.bytes);
    locache_key_begin(&writer, 1);
    locache_key_name(&writer, "x", 1);
    locache_cbor_write_text(&writer, text, strlen(text));
    assert_int_equal(locache_cbor_writer_status(&writer), LOCACHE_OK);
    out.size = writer.length;
    locache_cbor_writer_clear(&writer);
    return out;
}

static void folded_path(char out[LOCACHE_PATH_MAX], const char *function, const char *text)
{
    key k = text_key(text);
    locache *cache = open_function(function);
    child_require(locache_path(out, cache, k.bytes, k.size, &error) == LOCACHE_OK);
    locache_close(cache);
    for (char *at = out; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
}

static void put_text(const char *function, const char *text)
{
    key k = text_key(text);
    locache *cache = open_function(function);
    locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = text, .body_size = strlen(text)};
    child_require(locache_put(cache, k.bytes, k.size, &record, &error) == LOCACHE_OK);
    locache_close(cache);
    cache = open_function(function);
    locache_value *value;
    child_require(locache_get(&value, cache, k.bytes, k.size, &error) == LOCACHE_OK);
    locache_value_free(value);
    locache_close(cache);
}

/* Function and text. */
static const char *const calls[][2] = {
    {"area", "paris"},
    {"area", "Paris"},
    {"area", "PARIS"},
    {"Area", "paris"},
    {"AREA", "paris"},
    {"area", "True"},
    {"area", "true"},
    {"a.B", "x"},
    {"a.b", "x"},
    {"gr\xC3\xB6\xC3\x9F"
     "e",
     "x"},
    {"GR\xC3\x96\xC3\x9F"
     "E",
     "x"},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

/* As a call does that misses: the turn, the second look, the commit. */
static void compute_text(const char *function, const char *text)
{
    key k = text_key(text);
    locache_value *value;
    locache_flight *flight;
    locache *cache = open_function(function);
    locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = text, .body_size = strlen(text)};
    child_require(locache_begin(&value, &flight, cache, k.bytes, k.size, &error) == LOCACHE_MISS);
    child_require(locache_commit(flight, &record, &error) == LOCACHE_OK);
    child_require(locache_begin(&value, &flight, cache, k.bytes, k.size, &error) == LOCACHE_OK);
    locache_value_free(value);
    locache_close(cache);
}

static bool count_listed(void *context, const locache_listed *entry)
{
    (void)entry;
    ++*(uint64_t *)context;
    return true;
}

static bool count_version(void *context, const locache_version_info *version)
{
    (void)version;
    ++*(uint64_t *)context;
    return true;
}

static void in_folding_directory(void *unused)
{
    static char paths[CALLS][LOCACHE_PATH_MAX];
    (void)unused;
    if (unshare(CLONE_NEWNS) != 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return;
    child_require(mkdir(foo, 0700) == 0 && mkdir(in_foo(".versions"), 0700) == 0);
    child_require(mkdir(in_foo(".VERSIONS"), 0700) == 0);
    child_require(mount(in_foo(".versions"), in_foo(".VERSIONS"), NULL, MS_BIND, NULL) == 0);
    for (int i = 0; i < CALLS; i++) {
        put_text(calls[i][0], calls[i][1]);
        folded_path(paths[i], calls[i][0], calls[i][1]);
        for (int j = 0; j < i; j++)
            child_require(strcmp(paths[i], paths[j]) != 0);
    }
    /* What has no capital letter is as everywhere. */
    child_require(exists(in_foo("area/x=paris")) && exists(in_foo("a.b/x=x")));
    child_require(!exists(in_foo("Area")) && !exists(in_foo("area/x=Paris")));
    child_require(names_in(in_foo("area"), "x=Paris~") == 1);
    uint64_t listed = 0;
    locache *small = open_function("area");
    child_require(locache_list(small, count_listed, &listed, &error) == LOCACHE_OK && listed == 5);
    locache_close(small);
    compute_text("Area", "Lyon");
    compute_text("Area", "lyon");
    uint64_t versions = 0;
    child_require(locache_each_version(foo, "Area", count_version, &versions, &error) ==
                      LOCACHE_OK &&
                  versions == 1);
    locache *cache = open_function("Area");
    child_require(locache_reset(cache, &error) == LOCACHE_OK);
    locache_close(cache);
    child_require(exists(in_foo("area/x=paris")));
}

static void test_folding__calls_and_functions_are_kept_apart(void **unused)
{
    (void)unused;
    skip_unless_root();
    wait_for(in_child(in_folding_directory, NULL));
}

/* As exFAT by a program (FUSE) has it: the other spelling is found, with an inode of its own. */
static void test_folding__shows_by_the_name_not_by_its_inode(void **unused)
{
    (void)unused;
    assert_int_equal(mkdir(foo, 0700), 0);
    assert_int_equal(mkdir(in_foo(".versions"), 0700), 0);
    assert_int_equal(mkdir(in_foo(".VERSIONS"), 0700), 0);
    put_text("area", "Paris");
    assert_false(exists(in_foo("area/x=Paris")));
    assert_int_equal(names_in(in_foo("area"), "x=Paris~"), 1);
}

static void test_folding__elsewhere_names_stay_as_they_are(void **unused)
{
    (void)unused;
    put_text("Area", "Paris");
    assert_true(exists(in_foo("Area/x=Paris")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_folding__calls_and_functions_are_kept_apart),
        scratch_test(test_folding__shows_by_the_name_not_by_its_inode),
        scratch_test(test_folding__elsewhere_names_stay_as_they_are),
    };
    return cmocka_run_group_tests_name("folding", tests, NULL, NULL);
}
