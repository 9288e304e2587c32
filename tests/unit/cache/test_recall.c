/* Results in memory, as a handle has them: given without reading, never once their file has
 * changed. */
#include "base/fault.h"
#include "fault.h"
#include "sanitized.h"
#include "scratch.h"

#include <time.h>

/* Longer than the clock of any file system stands still: what is read then proves itself. */
static void grow_old(void)
{
    usleep(30000);
}

/* How often the library read from a file since counting began. */
static int reads;

static int count_reads(const char *call)
{
    reads += strcmp(call, "read") == 0;
    return 0;
}

static void begin_counting(void)
{
    reads = 0;
    lc_fault_hook = count_reads;
}

static int end_counting(void)
{
    lc_fault_hook = NULL;
    return reads;
}

static bool recalled(locache *cache, int64_t x, const char *result)
{
    begin_counting();
    locache_status status = get(cache, x, result);
    int count = end_counting();
    assert_int_equal(status, LOCACHE_OK);
    return count == 0;
}

/* Hit it until it is kept in memory, and its file pinned by a descriptor where that can be. */
static void warm_up(locache *cache, int64_t x, const char *result)
{
    for (int i = 0; i < 5; i++)
        assert_hit(cache, x, result);
    assert_true(recalled(cache, x, result));
}

static void test_recall__what_was_stored_is_kept_at_once(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    assert_true(recalled(cache, 1, "one"));
    must_put(cache, 1, "two");
    assert_true(recalled(cache, 1, "two"));
    locache_close(cache);
}

static void test_recall__what_was_read_is_kept_once_its_file_is_old_enough(void **unused)
{
    (void)unused;
    locache *writer = open_function("my_func");
    must_put(writer, 1, "one");
    locache *reader = open_function("my_func");
    grow_old();
    assert_false(recalled(reader, 1, "one"));
    assert_true(recalled(reader, 1, "one"));
    locache_close(writer);
    locache_close(reader);
}

/* Several tries: a machine that sleeps for long between the two makes the file old. */
static void test_recall__a_young_file_is_read_again(void **unused)
{
    (void)unused;
    locache *writer = open_function("my_func");
    locache *reader = open_function("my_func");
    bool read_again = false;
    for (int i = 0; i < 100 && !read_again; i++) {
        must_put(writer, i, "one");
        assert_false(recalled(reader, i, "one"));
        read_again = !recalled(reader, i, "one");
    }
    assert_true(read_again);
    locache_close(writer);
    locache_close(reader);
}

/* ------------------------------------------------------------------------------ what is changed */

static void test_recall__a_deleted_file_is_a_miss(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    warm_up(cache, 1, "one");
    assert_int_equal(unlink(in_foo("my_func/x=1")), 0);
    assert_miss(cache, 1);
    must_put(cache, 1, "one");
    assert_int_equal(rename(in_foo("my_func/x=1"), in_foo("my_func/x=2")), 0);
    assert_miss(cache, 1);
    locache_close(cache);
}

static void test_recall__another_handles_result_is_seen(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache *other = open_function("my_func");
    char text[16] = "";
    must_put(cache, 1, text);
    for (int i = 0; i < (watched() ? 100 : 1000); i++) {
        assert_hit(cache, 1, text);
        snprintf(text, sizeof text, "%04d", i);
        must_put(other, 1, text);
        assert_hit(cache, 1, text);
        assert_hit(other, 1, text);
    }
    locache_close(cache);
    locache_close(other);
}

/* Written in place, at once, with its size and, where `restore`, its time of modification as they
 * were. */
static void write_in_place(const char *path, bool restore)
{
    struct stat before;
    bytes entry = read_bytes(path);
    entry.data[entry.size - 1] ^= 1;
    assert_int_equal(stat(path, &before), 0);
    int file = open(path, O_WRONLY);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, entry.data, entry.size, 0), entry.size);
    const struct timespec times[] = {before.st_atim, before.st_mtim};
    if (restore)
        assert_int_equal(futimens(file, times), 0);
    close(file);
}

static void test_recall__a_write_in_place_is_seen(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    for (int i = 0; i < 200; i++) {
        must_put(cache, 1, "one");
        assert_hit(cache, 1, "one");
        write_in_place(in_foo("my_func/x=1"), false);
        assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    }
    must_put(cache, 1, "one");
    grow_old();
    warm_up(cache, 1, "one");
    write_in_place(in_foo("my_func/x=1"), true);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    locache_close(cache);
}

static void test_recall__a_write_through_another_link_is_seen(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    warm_up(cache, 1, "one");
    assert_int_equal(link(in_foo("my_func/x=1"), in_foo("elsewhere")), 0);
    grow_old();
    warm_up(cache, 1, "one");
    write_in_place(in_foo("elsewhere"), true);
    assert_rejected(cache, 1, LOCACHE_ECORRUPT);
    locache_close(cache);
}

static void test_recall__a_directory_that_is_deleted_or_made_anew_is_seen(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    warm_up(cache, 1, "one");
    remove_all(foo);
    assert_miss(cache, 1);
    must_put(cache, 1, "one");
    warm_up(cache, 1, "one");
    remove_all(foo);
    locache *other = open_function("my_func");
    must_put(other, 1, "two");
    assert_hit(cache, 1, "two");
    assert_int_equal(locache_reset(other, &error), LOCACHE_OK);
    assert_miss(cache, 1);
    locache_close(cache);
    locache_close(other);
}

static void test_recall__limits_hold(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.max_age = INT64_C(3600) * 1000000000;
    locache *cache = open_with(&options);
    must_put(cache, 1, "one");
    warm_up(cache, 1, "one");
    const struct timespec long_ago[] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    assert_int_equal(utimensat(AT_FDCWD, in_foo("my_func/x=1"), long_ago, 0), 0);
    assert_miss(cache, 1);
    key k = key_of(2);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = "two", .body_size = 3};
    record.expires = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + 1500000000;
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    assert_true(recalled(cache, 2, "two"));
    sleep(2);
    assert_miss(cache, 2);
    locache_close(cache);
}

/* As far as file systems count, and further than nanoseconds in 64 bits do. */
static void test_recall__the_far_future_and_the_far_past_count_as_what_they_are(void **unused)
{
    (void)unused;
    static const time_t years[] = {INT64_C(13569465600), INT64_MAX, INT64_MIN}; /* 2400 */
    locache_options options = options_for("my_func");
    options.max_age = INT64_C(3600) * 1000000000;
    for (size_t i = 0; i < sizeof years / sizeof *years; i++) {
        locache *cache = open_with(&options);
        must_put(cache, 1, "one");
        const struct timespec then[] = {{.tv_sec = years[i]}, {.tv_sec = years[i]}};
        assert_int_equal(utimensat(AT_FDCWD, in_foo("my_func/x=1"), then, 0), 0);
        for (int again = 0; again < 3; again++)
            if (years[i] > 0)
                assert_hit(cache, 1, "one");
            else
                assert_miss(cache, 1);
        locache_close(cache);
        cache = open_with(&options);
        must_put(cache, 2, "two"); /* looks through the directory */
        assert_int_equal(exists(in_foo("my_func/x=1")), years[i] > 0);
        locache_close(cache);
    }
}

/* ------------------------------------------------------------------------------------- settings */

static void test_recall__can_be_switched_off(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    for (int i = 0; i < 2; i++) {
        options.memory_entries = i == 0 ? -1 : 0;
        options.memory_bytes = i == 1 ? -1 : 0;
        locache *cache = open_with(&options);
        must_put(cache, 1, "one");
        grow_old();
        assert_false(recalled(cache, 1, "one"));
        assert_false(recalled(cache, 1, "one"));
        locache_close(cache);
    }
}

/* The file's time of access, which says when it was used last. */
static int64_t accessed(const char *path)
{
    struct stat seen;
    assert_int_equal(stat(path, &seen), 0);
    return (int64_t)seen.st_atim.tv_sec * 1000000000 + seen.st_atim.tv_nsec;
}

static void test_recall__with_max_entries_a_use_is_noted_once(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.max_entries = 100;
    locache *writer = open_with(&options);
    must_put(writer, 1, "one");
    locache *reader = open_with(&options);
    grow_old();
    assert_false(recalled(reader, 1, "one"));
    int64_t stored = accessed(in_foo("my_func/x=1"));
    /* Both have it in memory, and neither moves a time that the other would see. */
    for (int i = 0; i < 5; i++) {
        assert_true(recalled(reader, 1, "one"));
        assert_true(recalled(writer, 1, "one"));
    }
    assert_true(accessed(in_foo("my_func/x=1")) == stored);
    const struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000, .tv_nsec = 1}};
    assert_int_equal(utimensat(AT_FDCWD, in_foo("my_func/x=1"), old, 0), 0);
    grow_old();
    assert_false(recalled(reader, 1, "one"));
    int64_t noted = accessed(in_foo("my_func/x=1"));
    assert_true(noted > stored);
    for (int i = 0; i < 5; i++)
        assert_true(recalled(reader, 1, "one"));
    assert_true(accessed(in_foo("my_func/x=1")) == noted);
    /* The file is another since the reader noted its use, for who has it in memory from before. */
    assert_false(recalled(writer, 1, "one"));
    assert_int_equal(unlink(in_foo("my_func/x=1")), 0);
    assert_miss(reader, 1);
    assert_miss(writer, 1);
    locache_close(writer);
    locache_close(reader);
}

static void test_recall__recheck_says_how_often_the_file_validates(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.recheck = INT64_C(1000) * 1000000000;
    locache *lazy = open_with(&options);
    options.recheck = 1;
    locache *eager = open_with(&options);
    must_put(lazy, 1, "one");
    must_put(lazy, 2, "two");
    grow_old();
    warm_up(eager, 1, "one");
    assert_int_equal(unlink(in_foo("my_func/x=1")), 0);
    assert_int_equal(unlink(in_foo("my_func/x=2")), 0);
    grow_old(); /* the clock of intervals is coarse */
    assert_miss(eager, 1);
    assert_hit(lazy, 1, "one");
    /* What the handle itself did is not waited for. */
    key k = key_of(1);
    assert_int_equal(locache_remove(lazy, k.bytes, k.size, &error), LOCACHE_MISS);
    assert_miss(lazy, 1);
    assert_hit(lazy, 2, "two");
    assert_int_equal(locache_reset(lazy, &error), LOCACHE_OK);
    assert_miss(lazy, 2);
    must_put(lazy, 2, "new");
    assert_hit(lazy, 2, "new");
    locache_close(lazy);
    locache_close(eager);
}

static void test_recall__large_results_and_those_with_buffers_are_read(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    static char large[100000];
    locache_value *value;
    key k = key_of(1);
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_RAW,
                             .body = large,
                             .body_size = sizeof large};
    const outlying buffer = {.data = large, .size = 10};
    for (int i = 0; i < 2; i++) {
        must_put(cache, 1, "small");
        assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
        assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
        assert_int_equal(locache_value_buffer_count(value), record.buffer_count);
        locache_value_free(value);
        record.body_size = 1;
        set_buffers(&record, &buffer, 1);
    }
    locache_close(cache);
}

static void test_recall__hits_are_counted_and_told(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_statistics before = {.size = sizeof before};
    locache_statistics after = {.size = sizeof after};
    must_put(cache, 1, "one");
    assert_int_equal(locache_info(&before, cache), LOCACHE_OK);
    warm_up(cache, 1, "one");
    assert_int_equal(locache_info(&after, cache), LOCACHE_OK);
    assert_int_equal(after.hits - before.hits, 6);
    assert_int_equal(after.saved_time - before.saved_time, 6 * RESULT_TOOK);
    events_listen();
    assert_true(recalled(cache, 1, "one"));
    locache_set_log(NULL, NULL);
    assert_int_equal(events.counts[LOCACHE_EVENT_HIT], 1);
    assert_string_equal(events.path, in_foo("my_func/x=1"));
    locache_close(cache);
}

/* ------------------------------------------------------------------ objects of the caller's own */

static int holders;

static void retain(void *object)
{
    assert_ptr_equal(object, &holders);
    holders++;
}

static void release(void *object)
{
    assert_ptr_equal(object, &holders);
    holders--;
}

static void test_recall__keeps_objects_of_a_binding(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.retain = retain;
    locache *cache = NULL;
    assert_int_equal(locache_open(&cache, foo, &options, &error), LOCACHE_EINVAL);
    options.release = release;
    cache = open_with(&options);
    key k = key_of(1);
    void *object = NULL;
    locache_stamp stamp;
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_RAW,
                             .body = "one",
                             .body_size = 3,
                             .compute_time = 9,
                             .stamp = &stamp};
    locache_statistics info = {.size = sizeof info};
    assert_int_equal(locache_recall(&object, cache, k.bytes, k.size), LOCACHE_MISS);
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    assert_int_equal(locache_recall(&object, cache, k.bytes, k.size), LOCACHE_MISS);
    locache_remember(cache, k.bytes, k.size, &stamp, &holders, 10);
    assert_int_equal(holders, 1);
    assert_int_equal(locache_recall(&object, cache, k.bytes, k.size), LOCACHE_OK);
    assert_ptr_equal(object, &holders);
    assert_int_equal(locache_info(&info, cache), LOCACHE_OK);
    assert_int_equal(info.saved_time, 9);
    assert_int_equal(holders, 2);
    release(object);
    /* Reading and storing leave them alone: the binding's lock may not be held there. */
    assert_false(recalled(cache, 1, "one"));
    must_put(cache, 1, "two");
    assert_int_equal(holders, 1);
    assert_int_equal(locache_recall(&object, cache, k.bytes, k.size), LOCACHE_MISS);
    assert_int_equal(holders, 0);
    /* The stamp of what was replaced is no proof of what is there. */
    locache_remember(cache, k.bytes, k.size, &stamp, &holders, 10);
    assert_int_equal(locache_recall(&object, cache, k.bytes, k.size), LOCACHE_MISS);
    locache_remember(cache, k.bytes, k.size, &stamp, &holders, 10);
    assert_int_equal(holders, 1);
    locache_forget_memory(cache);
    assert_int_equal(holders, 0);
    locache_remember(cache, k.bytes, k.size, &stamp, &holders, 10);
    locache_close(cache);
    assert_int_equal(holders, 0);
}

/* A file that is held open takes its space on disk until it is let go, also where it is deleted. */
static void test_recall__large_files_are_not_pinned(void **unused)
{
    (void)unused;
    static char body[1 << 20];
    locache_options options = options_for("my_func");
    options.retain = retain;
    options.release = release;
    locache *cache = open_with(&options);
    key k = key_of(1);
    locache_stamp stamp;
    locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = body, .stamp = &stamp};
    void *object;
    for (int i = 0; i < 2; i++) {
        record.body_size = i == 0 ? 1 : sizeof body;
        assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
        locache_remember(cache, k.bytes, k.size, &stamp, &holders, 10);
        grow_old();
        int before = open_descriptors();
        for (int again = 0; again < 5; again++) {
            assert_int_equal(locache_recall(&object, cache, k.bytes, k.size), LOCACHE_OK);
            release(object);
        }
        assert_int_equal(open_descriptors(), before + (i == 0 ? 1 : 0));
    }
    locache_close(cache);
}

static void test_recall__objects_are_for_handles_that_can_hold_them(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    key k = key_of(1);
    int object = 0;
    void *found = &object;
    locache_stamp stamp;
    locache_record record = {.size = sizeof record,
                             .codec = LOCACHE_CODEC_RAW,
                             .body = "one",
                             .body_size = 3,
                             .stamp = &stamp};
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    assert_int_equal(locache_recall(&found, cache, k.bytes, k.size), LOCACHE_MISS);
    locache_remember(cache, k.bytes, k.size, &stamp, &object, sizeof object);
    assert_int_equal(locache_recall(&found, cache, k.bytes, k.size), LOCACHE_MISS);
    assert_ptr_equal(found, &object);
    assert_true(recalled(cache, 1, "one"));
    locache_close(cache);
}

static void test_recall__a_value_is_copied_whole(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    key k = key_of(1);
    const outlying buffer = {.data = (char[]){"buffer"}, .size = 6};
    locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = "body", .body_size = 4};
    set_buffers(&record, &buffer, 1);
    locache_value *value;
    locache_value *copy;
    locache_stamp stamps[2];
    assert_int_equal(locache_put(cache, k.bytes, k.size, &record, &error), LOCACHE_OK);
    assert_int_equal(locache_get(&value, cache, k.bytes, k.size, &error), LOCACHE_OK);
    assert_int_equal(locache_value_copy(&copy, value), LOCACHE_OK);
    locache_value_stamp(&stamps[0], value);
    locache_value_stamp(&stamps[1], copy);
    assert_memory_equal(&stamps[0], &stamps[1], sizeof stamps[0]);
    assert_int_equal(locache_value_size(copy), locache_value_size(value));
    memset(buffer_of(value, 0).data, 'x', 6);
    locache_value_retain(copy);
    locache_value_free(value);
    locache_value_free(copy);
    size_t size;
    assert_memory_equal(locache_value_body(&size, copy), "body", 4);
    assert_memory_equal(buffer_of(copy, 0).data, "buffer", 6);
    locache_value_free(copy);
    locache_close(cache);
}

/* --------------------------------------------------------------------- descriptors that go away */

/* As a program does that becomes a daemon: all that is open is closed, and something else has the
 * numbers then. */
static void become_daemon(const char *with)
{
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    for (int fd = 3; with != NULL && fd < 32; fd++)
        child_require(open(with, O_RDONLY) == fd);
}

typedef struct daemon_case {
    locache *cache;
    const char *with; /* what has the numbers then; NULL: nothing */
    bool put_first;
} daemon_case;

static void child_is_daemon(void *context)
{
    const daemon_case *in = context;
    struct stat before[32];
    struct stat after;
    become_daemon(in->with);
    for (int fd = 3; in->with != NULL && fd < 32; fd++)
        child_require(fstat(fd, &before[fd]) == 0);
    if (in->put_first && in->with != NULL)
        child_require(locache_reset(in->cache, &error) == LOCACHE_OK &&
                      put(in->cache, 1, "one") == LOCACHE_OK &&
                      put(in->cache, 2, "two") == LOCACHE_OK);
    else if (in->put_first)
        child_require(put(in->cache, 3, "three") == LOCACHE_OK);
    else
        child_require(get(in->cache, 3, "three") == LOCACHE_MISS && error.status == LOCACHE_OK);
    child_require(put(in->cache, 3, "three") == LOCACHE_OK);
    for (int x = 1; x <= 3; x++)
        for (int i = 0; i < 5; i++)
            child_require(get(in->cache, x,
                              x == 1   ? "one"
                              : x == 2 ? "two"
                                       : "three") == LOCACHE_OK);
    child_require(locache_reset(in->cache, &error) == LOCACHE_OK);
    child_require(in->with == NULL || exists(in_foo("elsewhere/theirs")));
    locache_close(in->cache);
    for (int fd = 3; in->with != NULL && fd < 32; fd++)
        child_require(fstat(fd, &after) == 0 && after.st_ino == before[fd].st_ino &&
                      after.st_dev == before[fd].st_dev);
    child_require(in->with == NULL || !exists(in_foo("elsewhere/.locache")));
}

/* Each may be given the number that was the other's. */
static void child_has_two(void *context)
{
    locache *const *two = context;
    const char *const results[] = {"one", "two"};
    become_daemon(NULL);
    int before = open_descriptors();
    for (int round = 0; round < 3; round++) {
        for (int i = 1; i >= 0; i--) {
            child_require(put(two[i], 2, results[i]) == LOCACHE_OK);
            child_require(get(two[i], 1, results[i]) == LOCACHE_OK);
            child_require(get(two[i], 2, results[i]) == LOCACHE_OK);
        }
    }
    locache_close(two[0]);
    child_require(put(two[1], 3, "two") == LOCACHE_OK);
    locache_close(two[1]);
    child_require(open_descriptors() == before);
}

static void test_recall__two_functions_of_a_daemon_are_not_confused(void **unused)
{
    (void)unused;
    locache *two[] = {open_function("my_func"), open_function("other")};
    must_put(two[0], 1, "one");
    must_put(two[1], 1, "two");
    wait_for(in_child(child_has_two, two));
    assert_hit(two[0], 2, "one");
    assert_hit(two[1], 3, "two");
    assert_int_equal(count_of(two[0]), 2);
    assert_int_equal(count_of(two[1]), 3);
    locache_close(two[0]);
    locache_close(two[1]);
}

static void test_recall__a_daemon_that_closed_everything_goes_on(void **unused)
{
    (void)unused;
    const char *others[] = {NULL, "/dev/null", in_foo("elsewhere")};
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    assert_int_equal(mkdir(in_foo("elsewhere"), 0700), 0);
    write_text(in_foo("elsewhere/theirs"), "");
    for (int i = 0; i < 6; i++) {
        must_put(cache, 1, "one");
        must_put(cache, 2, "two");
        grow_old();
        warm_up(cache, 1, "one");
        wait_for(in_child(child_is_daemon, &(daemon_case){cache, others[i % 3], i < 3}));
    }
    locache_close(cache);
}

/* ------------------------------------------------------------------------------------- failures */

/* Whatever fails, what is there is given, and nothing of what is not. */
static void test_recall__is_right_whichever_system_call_fails(void **unused)
{
    (void)unused;
    static const int codes[] = {EIO, EMFILE, ENOMEM};
    for (size_t c = 0; c < sizeof codes / sizeof *codes; c++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            locache *cache = open_function("my_func");
            must_put(cache, 1, "one");
            fault_set(NULL, n, codes[c]);
            for (int i = 0; i < 4; i++) {
                locache_status status = get(cache, 1, "one");
                assert_true(status == LOCACHE_OK || error.status != LOCACHE_OK);
            }
            failed = fault_clear();
            unlink(in_foo("my_func/x=1"));
            assert_miss(cache, 1);
            locache_close(cache);
        }
    }
}

/* Nothing is asked of the file for long: what a put replaced must not be in memory then, whatever
 * failed. */
static void test_recall__what_was_replaced_is_not_given(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.recheck = INT64_C(1000) * 1000000000;
    locache *cache = open_with(&options);
    bool failed = true;
    for (int n = 1; failed; n++) {
        must_put(cache, 1, "one");
        assert_hit(cache, 1, "one");
        fault_set(NULL, n, ENOMEM);
        locache_status status = put(cache, 1, "two");
        failed = fault_clear();
        if (status == LOCACHE_OK)
            assert_hit(cache, 1, "two");
    }
    locache_close(cache);
}

/* What another thread does through the same handle at the nth system call of a get or a put. */
static struct {
    locache *cache;
    int remaining;
    int what; /* 0: remove, 1: reset, 2: put */
} meanwhile;

static int do_meanwhile(const char *call)
{
    (void)call;
    if (--meanwhile.remaining != 0)
        return 0;
    int code = errno;
    key k = key_of(1);
    lc_fault_hook = NULL;
    if (meanwhile.what == 0)
        assert_true(locache_remove(meanwhile.cache, k.bytes, k.size, &error) >= LOCACHE_OK);
    else if (meanwhile.what == 1)
        assert_int_equal(locache_reset(meanwhile.cache, &error), LOCACHE_OK);
    else
        must_put(meanwhile.cache, 1, "new");
    errno = code;
    return 0;
}

/* With `recheck`, too, what this process itself did is seen at once. */
static void test_recall__what_changes_meanwhile_is_not_kept_as_it_was(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.recheck = INT64_C(1000) * 1000000000;
    for (int n = 1; n < 100; n++) {
        meanwhile.what = n % 3;
        bool puts = n / 3 % 2 == 1;
        locache *cache = meanwhile.cache = open_with(&options);
        must_put(cache, 1, "old");
        grow_old();
        locache_forget_memory(cache);
        meanwhile.remaining = 1 + n / 6;
        key k = key_of(1);
        locache_value *value = NULL;
        lc_fault_hook = do_meanwhile;
        locache_status status =
            puts ? put(cache, 1, "old") : locache_get(&value, cache, k.bytes, k.size, &error);
        bool done = lc_fault_hook == NULL;
        lc_fault_hook = NULL;
        assert_true(status >= LOCACHE_OK);
        locache_value_free(value);
        /* What was there before, or what is there now: as the file says. */
        locache *judge = open_function("my_func");
        char truth[8] = "";
        if (locache_get(&value, judge, k.bytes, k.size, &error) == LOCACHE_OK) {
            size_t size;
            const void *body = locache_value_body(&size, value);
            memcpy(truth, body, size);
            locache_value_free(value);
        }
        locache_close(judge);
        if (done)
            assert_int_equal(get(cache, 1, truth), truth[0] != '\0' ? LOCACHE_OK : LOCACHE_MISS);
        locache_close(cache);
    }
}

/* The directory is gone, and what is in memory with it. */
static void test_recall__what_is_removed_is_dropped_where_no_file_is_left(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.recheck = INT64_C(1000) * 1000000000;
    locache *cache = open_with(&options);
    must_put(cache, 1, "one");
    remove_all(foo);
    assert_hit(cache, 1, "one");
    key k = key_of(1);
    assert_int_equal(locache_remove(cache, k.bytes, k.size, &error), LOCACHE_MISS);
    assert_miss(cache, 1);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_recall__what_was_stored_is_kept_at_once),
        scratch_test(test_recall__what_was_read_is_kept_once_its_file_is_old_enough),
        scratch_test(test_recall__a_young_file_is_read_again),
        scratch_test(test_recall__a_deleted_file_is_a_miss),
        scratch_test(test_recall__another_handles_result_is_seen),
        scratch_test(test_recall__a_write_in_place_is_seen),
        scratch_test(test_recall__a_write_through_another_link_is_seen),
        scratch_test(test_recall__a_directory_that_is_deleted_or_made_anew_is_seen),
        scratch_test(test_recall__limits_hold),
        scratch_test(test_recall__the_far_future_and_the_far_past_count_as_what_they_are),
        scratch_test_long(test_recall__the_far_future_and_the_far_past_count_as_what_they_are),
        scratch_test(test_recall__can_be_switched_off),
        scratch_test(test_recall__with_max_entries_a_use_is_noted_once),
        scratch_test(test_recall__recheck_says_how_often_the_file_validates),
        scratch_test(test_recall__large_results_and_those_with_buffers_are_read),
        scratch_test(test_recall__hits_are_counted_and_told),
        scratch_test(test_recall__keeps_objects_of_a_binding),
        scratch_test(test_recall__large_files_are_not_pinned),
        scratch_test(test_recall__objects_are_for_handles_that_can_hold_them),
        scratch_test(test_recall__a_value_is_copied_whole),
        scratch_test(test_recall__two_functions_of_a_daemon_are_not_confused),
        scratch_test(test_recall__a_daemon_that_closed_everything_goes_on),
        scratch_test(test_recall__is_right_whichever_system_call_fails),
        scratch_test(test_recall__what_was_replaced_is_not_given),
        scratch_test(test_recall__what_changes_meanwhile_is_not_kept_as_it_was),
        scratch_test(test_recall__what_is_removed_is_dropped_where_no_file_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
