/* The handle: its arguments, names and events, what happens under it, and whatever system call or
 * allocation fails. */
#include "base/fault.h"
#include "fault.h"
#include "sanitized.h"
#include "scratch.h"

/* ------------------------------------------------------------------------------------ arguments */

static locache_status open_as(const char *dir, const locache_options *options)
{
    locache *cache = NULL;
    locache_status status = locache_open(&cache, dir, options, &error);
    assert_true(status == LOCACHE_OK || cache == NULL);
    locache_close(cache);
    return status;
}

static void test_cache__open_checks_its_arguments(void **unused)
{
    (void)unused;
    char longest[LOCACHE_PATH_MAX + 1];
    locache_options options = options_for("my_func");
    assert_int_equal(open_as(foo, &options), LOCACHE_OK);
    assert_int_equal(open_as("foo.cache", &options), LOCACHE_EINVAL);
    assert_int_equal(open_as("", &options), LOCACHE_EINVAL);
    assert_int_equal(open_as(NULL, &options), LOCACHE_EINVAL);
    assert_int_equal(open_as(foo, NULL), LOCACHE_EINVAL);
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[LOCACHE_PATH_MAX] = '\0';
    assert_int_equal(open_as(longest, &options), LOCACHE_EINVAL);
    options.size = 8;
    assert_int_equal(open_as(foo, &options), LOCACHE_EINVAL);
    options = options_for("");
    assert_int_equal(open_as(foo, &options), LOCACHE_EINVAL);
    options = options_for("not \xFF utf-8");
    assert_int_equal(open_as(foo, &options), LOCACHE_EINVAL);
    options.function = NULL;
    assert_int_equal(open_as(foo, &options), LOCACHE_EINVAL);
    options = options_for("my_func");
    options.flags = 1u << 20;
    assert_int_equal(open_as(foo, &options), LOCACHE_EINVAL);
    static const char *const tags[] = {
        "", "a b", "a\nid", "a/b",
        "0123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        options = options_for("my_func");
        locache_identity identity = {.size = sizeof identity, .code_tag = tags[i]};
        options.identity = &identity;
        assert_int_equal(open_as(foo, &options), LOCACHE_EINVAL);
    }
    const locache_identity widest = {
        .size = sizeof widest, .code_tag = tags[4] + 1, .no_source = true};
    options.identity = &widest;
    assert_int_equal(open_as(foo, &options), LOCACHE_OK);
    locache_close(NULL);
    assert_false(exists(foo));
}

static void test_cache__put_checks_its_arguments(void **unused)
{
    (void)unused;
    key k = key_of(1);
    const outlying nothing = {NULL, 1};
    locache *cache = open_function("my_func");
    const locache_record right = {
        .size = sizeof right, .codec = LOCACHE_CODEC_RAW, .body = "r", .body_size = 1};
    locache_record record = right;
    assert_int_equal(locache_put(cache, "no key", 6, &record, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_put(cache, k.bytes, k.size, NULL, &error), LOCACHE_EINVAL);
    record.size = 1;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_EINVAL);
    record = right;
    record.codec = 9;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_EINVAL);
    record = right;
    record.body = NULL;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_EINVAL);
    record = right;
    record.buffer_count = 1;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_EINVAL);
    set_buffers(&record, &nothing, 1);
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_EINVAL);
    record = right;
    record.expires = -1;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_EINVAL);
    assert_false(exists(foo));
    record = right;
    record.body = NULL;
    record.body_size = 0;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, NULL), LOCACHE_OK);
    assert_hit(cache, 1, "");
    locache_value *value;
    assert_int_equal(locache_get(&value, cache, "no key", 6, &error), LOCACHE_EINVAL);
    k = key_of(2);
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, NULL), LOCACHE_MISS);
    locache_close(cache);
}

/* ---------------------------------------------------------------------------------------- names */

static void assert_directory(const char *function, const char *name)
{
    locache *cache = open_function(function);
    must_put(cache, 1, function);
    assert_hit(cache, 1, function);
    locache_close(cache);
    assert_true(exists(in_foo(name)));
}

static void test_cache__directory_names(void **unused)
{
    (void)unused;
    assert_directory("my_func", "my_func");
    assert_directory("Class.method", "Class.method");
    assert_directory(".versions", "%2Eversions");
    assert_directory("..", "%2E.");
    assert_directory("a/b", "a%2Fb");
    assert_directory("<lambda> %", "%3Clambda%3E%20%25");
    assert_directory("gr\xC3\xB6\xC3\x9F"
                     "e",
                     "gr\xC3\xB6\xC3\x9F"
                     "e");
    assert_directory("a\n", "a%0A");
}

static void test_cache__long_directory_names(void **unused)
{
    (void)unused;
    char names[4][300];
    memset(names, 'a', sizeof names);
    names[0][140] = '\0';
    names[1][141] = '\0';
    names[2][142] = '\0';
    /* Characters that must not be cut in two. */
    for (int i = 0; i < 80; i++)
        memcpy(names[3] + 3 * i, i % 2 ? "\xE2\x82\xAC" : "a/b", 3);
    names[3][240] = '\0';
    assert_directory(names[0], names[0]);
    for (int i = 1; i < 4; i++)
        assert_directory(names[i], "");
    DIR *stream = opendir(foo);
    int hashed = 0;
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        const char *hash = strchr(entry->d_name, '~');
        assert_true(strlen(entry->d_name) <= LOCACHE_NAME_MAX);
        if (hash == NULL)
            continue;
        assert_int_equal(strlen(hash), 33);
        assert_true(hash[-1] != '%' && hash[-2] != '%');
        assert_true((hash[-1] & 0x80) == 0 || (hash[-3] & 0xF0) == 0xE0);
        hashed++;
    }
    closedir(stream);
    assert_int_equal(hashed, 3);
}

/* --------------------------------------------------------------------------------------- events */

static void test_cache__events(void **unused)
{
    (void)unused;
    key k = key_of(1);
    locache *cache = open_function("my_func");
    events_listen();
    assert_miss(cache, 1);
    assert_int_equal(events.last, LOCACHE_EVENT_MISS);
    assert_string_equal(events.path, in_foo("my_func/x=1"));
    must_put(cache, 1, "r");
    assert_int_equal(events.last, LOCACHE_EVENT_STORE);
    assert_string_equal(events.path, in_foo("my_func/x=1"));
    assert_hit(cache, 1, "r");
    assert_int_equal(events.last, LOCACHE_EVENT_HIT);
    write_text(in_foo("my_func/x=1"), "damaged");
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    assert_int_equal(events.last, LOCACHE_EVENT_REJECT);
    assert_string_equal(events.detail, error.message);
    assert_int_equal(locache_remove(cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_int_equal(events.last, LOCACHE_EVENT_REMOVE);
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_int_equal(events.last, LOCACHE_EVENT_RESET);
    assert_string_equal(events.path, in_foo("my_func"));
    static const int expected[] = {
        [LOCACHE_EVENT_HIT] = 1,    [LOCACHE_EVENT_MISS] = 1,  [LOCACHE_EVENT_STORE] = 1,
        [LOCACHE_EVENT_REMOVE] = 1, [LOCACHE_EVENT_RESET] = 1, [LOCACHE_EVENT_REJECT] = 1};
    assert_memory_equal(events.counts, expected, sizeof expected);
    locache_set_log(NULL, NULL);
    locache_close(cache);
}

/* ------------------------------------------------------------------ what happens under a handle */

static void test_cache__nothing_is_made_before_the_first_put(void **unused)
{
    (void)unused;
    char path[LOCACHE_PATH_MAX];
    key k = key_of(1);
    locache *cache = open_function("my_func");
    assert_miss(cache, 1);
    assert_int_equal(count_of(cache), 0);
    assert_int_equal(locache_path(path, cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_int_equal(locache_remove(cache, k.bytes, k.size, &error), LOCACHE_MISS);
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_false(exists(foo));
    locache_close(cache);
}

static void test_cache__directories_above_are_made(void **unused)
{
    (void)unused;
    snprintf(foo, sizeof foo, "%s/a/b/foo.cache", scratch);
    locache *cache = open_function("my_func");
    assert_miss(cache, 1);
    must_put(cache, 1, "r");
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

static void test_cache__deleted_under_an_open_handle(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache *other = open_function("my_func");
    must_put(cache, 1, "r");
    assert_hit(other, 1, "r");
    int before = open_descriptors();
    for (int round = 0; round < 50; round++) {
        remove_all(round % 2 ? foo : in_foo("my_func"));
        assert_miss(cache, 1);
        assert_int_equal(count_of(cache), 0);
        must_put(cache, 1, "again");
        assert_hit(cache, 1, "again");
        assert_hit(other, 1, "again");
        assert_int_equal(count_of(other), 1);
    }
    assert_int_equal(open_descriptors(), before);
    locache_close(cache);
    locache_close(other);
}

static int calls_before_deletion;

static int delete_at_nth(const char *call)
{
    if (strcmp(call, "alloc") == 0 || --calls_before_deletion != 0)
        return 0;
    lc_fault_hook = NULL;
    int code = errno;
    remove_all(foo);
    errno = code;
    return 0;
}

/* `rm -rf` between any two system calls: what is being written is written again. */
static void test_cache__deleted_at_each_system_call(void **unused)
{
    (void)unused;
    int before = open_descriptors();
    bool deleted = true;
    for (int n = 1; deleted; n++) {
        locache *first = open_source("t-1", 2);
        must_put(first, 1, "of another source");
        locache_close(first);
        calls_before_deletion = n;
        lc_fault_hook = delete_at_nth;
        locache *cache = open_source("t-1", 1);
        must_put(cache, 1, "r");
        assert_int_not_equal(get(cache, 1, "r"), LOCACHE_EIO);
        if (locache_reset(cache, &error) != LOCACHE_OK)
            fail_msg("call %d: locache_reset: %s", n, error.message);
        deleted = lc_fault_hook == NULL;
        lc_fault_hook = NULL;
        locache_close(cache);
        remove_all(foo);
    }
    assert_int_equal(open_descriptors(), before);
}

static void test_cache__descriptors_are_returned(void **unused)
{
    (void)unused;
    int before = open_descriptors();
    for (int round = 0; round < 50; round++) {
        locache *cache = open_source("t-1", round % 3);
        assert_int_equal(put_as(cache, 1, "r", LOCACHE_CODEC_PICKLE), LOCACHE_OK);
        assert_hit(cache, 1, "r");
        assert_int_equal(count_of(cache), 1);
        assert_int_equal(open_descriptors(), before + 1);
        locache_close(cache);
        assert_int_equal(open_descriptors(), before);
    }
}

static void use_in_child(void *context)
{
    locache *cache = context;
    key k = key_of(1);
    locache_value *value;
    child_require(locache_get(&value, cache, k.bytes, k.size, &error) == LOCACHE_OK);
    locache_value_free(value);
    child_require(put(cache, 2, "child's") == LOCACHE_OK);
    remove_all(foo);
    child_require(put(cache, 3, "child's") == LOCACHE_OK);
    locache_close(cache);
}

static void test_cache__a_handle_is_used_on_both_sides_of_fork(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "r");
    wait_for(in_child(use_in_child, cache));
    assert_miss(cache, 1);
    assert_hit(cache, 3, "child's");
    must_put(cache, 1, "r");
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

/* ----------------------------------------------------------------------- what cannot be written */

static void use_read_only(void *context)
{
    (void)context;
    child_require(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    locache *cache = NULL;
    locache_options options = options_for("my_func");
    child_require(locache_open(&cache, foo, &options, &error) == LOCACHE_OK);
    key k = key_of(1);
    locache_value *value;
    child_require(locache_get(&value, cache, k.bytes, k.size, &error) == LOCACHE_OK);
    locache_value_free(value);
    child_require(put(cache, 2, "r") == LOCACHE_EIO);
    child_require(error.os_error == EACCES && strstr(error.message, "my_func") != NULL);
    child_require(locache_reset(cache, &error) == LOCACHE_EIO);
    locache_close(cache);
    /* Another interpreter: its tag cannot be noted. */
    options.identity = identity_at("t-2", 1);
    child_require(locache_open(&cache, foo, &options, &error) == LOCACHE_OK);
    child_require(locache_get(&value, cache, k.bytes, k.size, &error) == LOCACHE_OK);
    locache_value_free(value);
    locache_close(cache);
    /* Another source: its directory cannot be made. */
    options.identity = identity_at("t-1", 2);
    child_require(locache_open(&cache, foo, &options, &error) == LOCACHE_EIO);
}

static void give_away(const char *path, mode_t mode)
{
    assert_int_equal(chown(path, NOBODY, NOBODY), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_cache__a_read_only_directory_hits(void **unused)
{
    (void)unused;
    skip_unless_root();
    locache *cache = open_function("my_func");
    must_put(cache, 1, "r");
    locache_close(cache);
    give_away(in_foo("my_func/x=1"), 0400);
    give_away(in_foo("my_func/.locache/version"), 0400);
    give_away(in_foo("my_func/.locache"), 0500);
    give_away(in_foo("my_func"), 0500);
    give_away(in_foo(".versions/.lock"), 0400);
    give_away(in_foo(".versions"), 0500);
    give_away(foo, 0500);
    assert_int_equal(chmod(scratch, 0755), 0);
    wait_for(in_child(use_read_only, NULL));
}

static void use_unwritable_parent(void *context)
{
    (void)context;
    child_require(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    locache *cache = NULL;
    locache_options options = options_for("my_func");
    child_require(locache_open(&cache, foo, &options, &error) == LOCACHE_OK);
    key k = key_of(1);
    locache_value *value;
    child_require(locache_get(&value, cache, k.bytes, k.size, &error) == LOCACHE_MISS);
    child_require(error.status == LOCACHE_OK);
    child_require(put(cache, 1, "r") == LOCACHE_EIO);
    child_require(error.os_error == EACCES && strstr(error.message, foo) != NULL);
    child_require(strstr(error.message, "LOCACHE_DIR") != NULL);
    locache_close(cache);
}

static void test_cache__a_directory_that_cannot_be_made(void **unused)
{
    (void)unused;
    skip_unless_root();
    assert_int_equal(chmod(scratch, 0755), 0);
    wait_for(in_child(use_unwritable_parent, NULL));
    assert_false(exists(foo));
}

/* --------------------------------------------------------------------------------------- faults */

/* Everything once, on whatever is there; statuses may be any, values only the right one. */
static void scripted(unsigned flags)
{
    static const int tag_sources[] = {1, 2, 1};
    for (size_t i = 0; i < 3; i++) {
        locache *cache = NULL;
        locache_options options = options_for("my_func");
        options.identity = identity_at("t-1", tag_sources[i]);
        options.max_entries = 2;
        options.flags = flags;
        locache_status status = locache_open(&cache, foo, &options, &error);
        assert_true(status == LOCACHE_OK || status < 0);
        if (status != LOCACHE_OK) {
            assert_int_equal(error.status, status);
            assert_true(error.message[0] != '\0');
            continue;
        }
        char result[16];
        snprintf(result, sizeof result, "of %d", tag_sources[i]);
        uint64_t count;
        (void)!get(cache, 1, result);
        status = put_as(cache, 1, result, LOCACHE_CODEC_PICKLE);
        assert_true(status <= 0 && (status == LOCACHE_OK || error.message[0] != '\0'));
        (void)!get(cache, 1, result);
        for (int x = 2; x < 5; x++)
            (void)!put(cache, x, result);
        (void)!get(cache, 4, result);
        (void)!locache_count(&count, cache, &error);
        key k = key_of(4);
        (void)!locache_remove(cache, k.bytes, k.size, &error);
        if (i == 1)
            (void)!locache_reset(cache, &error);
        locache_close(cache);
    }
}

static void check_clean(void)
{
    locache *cache = open_source("t-1", 1);
    must_put(cache, 9, "clean");
    assert_hit(cache, 9, "clean");
    locache_close(cache);
    assert_int_equal(names_in(in_foo(".versions/.tmp"), ""), 0);
    assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
}

/* Every call fails from the nth on, one in `step`, from nothing or on what the last round left.
 * Flushing is slow: not every time. */
static void fail_some(const char *call, int code, bool from_nothing, unsigned flags, int n,
                      int step)
{
    bool flushing = flags & LOCACHE_OPEN_DURABLE;
    int before = open_descriptors();
    for (bool failed = true; failed; n += step) {
        if (from_nothing)
            remove_all(foo);
        if (from_nothing && flushing)
            remove_all(state);
        fault_set(call, n, code);
        scripted(flags);
        failed = fault_clear();
        check_clean();
        assert_int_equal(open_descriptors(), before);
    }
}

static void fail_each(const char *call, int code, bool from_nothing, unsigned flags)
{
    fail_some(call, code, from_nothing, flags, 1, 1);
}

static void test_cache__each_allocation_fails(void **unused)
{
    (void)unused;
    fail_each("alloc", ENOMEM, true, 0);
    fail_each("alloc", ENOMEM, false, 0);
}

static void test_cache__each_system_call_fails(void **unused)
{
    (void)unused;
    static const int codes[] = {ENOSPC, EIO,    EDQUOT, EMFILE, ENFILE, EROFS,
                                EACCES, ESTALE, ENOLCK, ENOMEM, ENOENT, EPERM};
    /* In the short form each code at one call in three, the next at the next call: calls of one
     * kind come so often that each kind meets them all. */
    int step = getenv("LOCACHE_TEST_LONG") != NULL ? 1 : 3;
    /* Where a sanitizer watches, one of five: both ways of beginning are among them. */
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i += SANITIZED ? 5 : 1)
        fail_some(NULL, codes[i], i % 2 == 0, 0, 1 + (int)i % step, step);
}

static void test_cache__each_system_call_of_a_durable_put_fails(void **unused)
{
    (void)unused;
    fail_each("fsync", EIO, true, LOCACHE_OPEN_DURABLE);
    fail_each("link", EIO, true, LOCACHE_OPEN_DURABLE);
}

static int persistent_code;

static int fail_always(const char *call)
{
    return strcmp(call, "alloc") == 0 || strcmp(call, "close") == 0 ? 0 : persistent_code;
}

/* Not once, but from then on. */
static void test_cache__everything_fails(void **unused)
{
    (void)unused;
    static const int codes[] = {ENOSPC, EIO, EDQUOT, EMFILE, EROFS, EACCES, ESTALE, ENOLCK, ENOMEM};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        locache *cache = open_function("my_func");
        must_put(cache, 1, "r");
        persistent_code = codes[i];
        lc_fault_hook = fail_always;
        scripted(0);
        (void)!get(cache, 1, "r");
        assert_true(put(cache, 2, "r") < 0);
        lc_fault_hook = NULL;
        assert_hit(cache, 1, "r");
        must_put(cache, 2, "r");
        locache_close(cache);
        check_clean();
    }
}

static const char *failing_call;

static int fail_call(const char *call)
{
    return strcmp(call, failing_call) == 0 ? persistent_code : 0;
}

static void test_cache__messages_say_what_to_do(void **unused)
{
    (void)unused;
    static const struct {
        const char *call;
        int code;
        const char *remedy;
    } cases[] = {
        {"write", ENOSPC, "No space left on device; free"},
        {"write", EDQUOT, "quota"},
        {"rename", EROFS, "LOCACHE_DIR"},
        {"rename", EACCES, "Permission denied; "},
        {"write", EIO, "Input/output error"},
    };
    locache *cache = open_function("my_func");
    fault_set("unnamed", 1, EOPNOTSUPP); /* it is renamed then */
    must_put(cache, 1, "r");
    assert_true(fault_clear());
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        failing_call = cases[i].call;
        persistent_code = cases[i].code;
        lc_fault_hook = fail_call;
        assert_int_equal(put(cache, 2, "r"), LOCACHE_EIO);
        lc_fault_hook = NULL;
        assert_int_equal(error.os_error, cases[i].code);
        assert_non_null(strstr(error.message, in_foo("my_func/x=2")));
        assert_non_null(strstr(error.message, cases[i].remedy));
        assert_int_equal(names_in(in_foo("my_func/.locache"), "tmp"), 0);
    }
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_cache__open_checks_its_arguments),
        scratch_test(test_cache__put_checks_its_arguments),
        scratch_test(test_cache__directory_names),
        scratch_test(test_cache__long_directory_names),
        scratch_test(test_cache__events),
        scratch_test(test_cache__nothing_is_made_before_the_first_put),
        scratch_test(test_cache__directories_above_are_made),
        scratch_test(test_cache__deleted_under_an_open_handle),
        scratch_test_long(test_cache__deleted_at_each_system_call),
        scratch_test(test_cache__descriptors_are_returned),
        scratch_test(test_cache__a_handle_is_used_on_both_sides_of_fork),
        scratch_test(test_cache__a_read_only_directory_hits),
        scratch_test(test_cache__a_directory_that_cannot_be_made),
        scratch_test_long(test_cache__each_allocation_fails),
        scratch_test_long(test_cache__each_system_call_fails),
        scratch_test_long(test_cache__each_system_call_of_a_durable_put_fails),
        scratch_test_long(test_cache__everything_fails),
        scratch_test(test_cache__messages_say_what_to_do),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
