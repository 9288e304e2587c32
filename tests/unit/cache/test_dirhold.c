/* What descriptors a process with many functions holds between calls, and that none is read through
 * once it is closed. */
#include "cache/handle.h"
#include "scratch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

enum { FUNCTIONS = 200, HELD_MAX = 64, THREADS = 6, ROUNDS = 4 };

static locache *caches[FUNCTIONS];

static void open_all(void)
{
    for (int i = 0; i < FUNCTIONS; i++) {
        /* Read each time, so that the directory is needed. */
        locache_options options = options_for(function_name(i));
        options.memory_entries = -1;
        caches[i] = open_with(&options);
    }
}

static void close_all(void)
{
    for (int i = 0; i < FUNCTIONS; i++)
        locache_close(caches[i]);
}

static void set_descriptors(rlim_t count)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = count;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int highest_descriptor(void)
{
    int highest = -1;
    for (int fd = 0; fd < 4096; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            highest = fd;
    return highest;
}

static void test_dirhold__many_functions_hold_few_directories(void **unused)
{
    (void)unused;
    int before = open_descriptors();
    open_all();
    for (int i = 0; i < FUNCTIONS; i++)
        must_put(caches[i], 1, "one");
    assert_in_range(open_descriptors(), before, before + HELD_MAX);
    for (int i = 0; i < FUNCTIONS; i++)
        assert_hit(caches[i], 1, "one");
    assert_in_range(open_descriptors(), before, before + HELD_MAX);
    close_all();
    assert_int_equal(open_descriptors(), before);
}

/* A hit on a file that is kept open uses its directory, too. */
static void test_dirhold__what_is_used_by_its_file_stays(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "one");
    usleep(50000); /* so that it is kept in memory */
    for (int i = 0; i < 5; i++)
        assert_hit(cache, 1, "one");
    open_all();
    for (int i = 0; i < FUNCTIONS; i++) {
        must_put(caches[i], 1, "one");
        assert_hit(cache, 1, "one");
        assert_true(atomic_load(&cache->dir_held));
    }
    close_all();
    locache_close(cache);
}

/* Those that are used are held, whichever came last. */
static void test_dirhold__what_is_used_stays(void **unused)
{
    (void)unused;
    open_all();
    must_put(caches[0], 1, "one");
    for (int i = 1; i < FUNCTIONS; i++) {
        must_put(caches[i], 1, "one");
        assert_hit(caches[0], 1, "one");
    }
    int held = open_descriptors();
    for (int i = 0; i < 10; i++)
        assert_hit(caches[0], 1, "one");
    assert_int_equal(open_descriptors(), held);
    close_all();
}

/* By its turn, for which the lock file is opened. */
static locache_status compute(locache *cache, int64_t x, const char *text)
{
    locache_value *value;
    locache_flight *flight;
    locache_error own;
    key k = key_of(x);
    locache_status status = locache_begin(&value, &flight, cache, k.bytes, k.size, &own);
    if (status != LOCACHE_MISS)
        return LOCACHE_EINVAL;
    const locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = text, .body_size = strlen(text)};
    return locache_commit(flight, &record, &own);
}

static void within_limit(void *context)
{
    const rlim_t *limit = context;
    bool own[4096]; /* what was open before */
    for (int fd = 0; fd < 4096; fd++)
        own[fd] = fcntl(fd, F_GETFD) >= 0;
    set_descriptors(*limit);
    open_all();
    for (int i = 0; i < FUNCTIONS; i++)
        child_require(compute(caches[i], 1, "one") == LOCACHE_OK);
    for (int i = 0; i < FUNCTIONS; i++)
        child_require(get(caches[i], 1, "one") == LOCACHE_OK);
    for (int fd = (int)*limit / 8; fd < 4096; fd++)
        child_require(own[fd] || fcntl(fd, F_GETFD) < 0);
    close_all();
}

static void test_dirhold__no_high_descriptor_is_held(void **unused)
{
    (void)unused;
    static const rlim_t limits[] = {64, 128, 256, 1024, 4096};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        wait_for(in_child(within_limit, (void *)(uintptr_t)&limits[i]));
        remove_all(foo);
    }
}

/* Where the low numbers are taken, none is held. */
static void beside_many_files(void *unused)
{
    (void)unused;
    set_descriptors(4096);
    for (int i = 0; i < 1100; i++)
        child_require(open("/dev/null", O_RDONLY) >= 0);
    int before = highest_descriptor();
    open_all();
    for (int i = 0; i < FUNCTIONS; i++) {
        child_require(compute(caches[i], 1, "one") == LOCACHE_OK);
        child_require(get(caches[i], 1, "one") == LOCACHE_OK);
    }
    child_require(highest_descriptor() == before);
    close_all();
}

static void test_dirhold__none_beside_many_files(void **unused)
{
    (void)unused;
    wait_for(in_child(beside_many_files, NULL));
}

/* One that was given up is found again wherever it is by its name; where another has the name by
 * then, that one is not taken for it. */
static void test_dirhold__a_directory_that_was_moved_meanwhile(void **unused)
{
    (void)unused;
    open_all();
    must_put(caches[0], 1, "one");
    for (int i = 1; i < FUNCTIONS; i++)
        must_put(caches[i], 1, "one");
    /* Another source of the first function takes its place. */
    locache_options options = options_for("function0");
    options.identity = identity_at("t-1", 2);
    locache *other = open_with(&options);
    must_put(other, 1, "other");
    assert_int_equal(get(caches[0], 1, "one"), LOCACHE_MISS);
    must_put(caches[0], 1, "one");
    assert_hit(caches[0], 1, "one");
    assert_hit(other, 1, "other");
    locache_close(other);
    remove_all(in_foo("function1"));
    assert_miss(caches[1], 1);
    must_put(caches[1], 1, "again");
    assert_hit(caches[1], 1, "again");
    close_all();
}

static void *use_all(void *context)
{
    const unsigned *seed = context;
    unsigned random = *seed;
    for (int i = 0; i < ROUNDS * FUNCTIONS; i++) {
        locache_error own;
        locache_value *value;
        random = random * 1103515245 + 12345;
        int which = (int)((random >> 8) % FUNCTIONS);
        key k = key_of(which);
        locache_status status = locache_get(&value, caches[which], k.bytes, k.size, &own);
        if (status == LOCACHE_OK) {
            size_t size;
            const void *body = locache_value_body(&size, value);
            char expected[16];
            snprintf(expected, sizeof expected, "%d", which);
            if (size != strlen(expected) || memcmp(body, expected, size) != 0)
                return "another result";
            locache_value_free(value);
        } else if (own.status != LOCACHE_OK) {
            return "a result that was there is not found";
        }
        if (status != LOCACHE_OK || random % 16 == 0) {
            char text[16];
            snprintf(text, sizeof text, "%d", which);
            locache_record record = {.size = sizeof record,
                                     .codec = LOCACHE_CODEC_RAW,
                                     .body = text,
                                     .body_size = strlen(text)};
            if (locache_put(caches[which], k.bytes, k.size, &record, &own) != LOCACHE_OK)
                return "a result cannot be stored";
        }
    }
    return NULL;
}

/* Meanwhile the program opens and closes files of its own, under numbers that were given up. */
static atomic_bool over;

static void *open_files(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
        int fd = open(scratch, O_RDONLY | O_DIRECTORY);
        if (fd < 0 || close(fd) != 0)
            return "a file of the program's own was closed";
    }
    return NULL;
}

static void test_dirhold__threads_that_use_more_than_are_held(void **unused)
{
    (void)unused;
    pthread_t threads[THREADS];
    pthread_t files;
    unsigned seeds[THREADS];
    void *failed;
    int before = open_descriptors();
    open_all();
    atomic_store(&over, false);
    assert_int_equal(pthread_create(&files, NULL, open_files, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, use_all, &seeds[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        if (failed != NULL)
            fail_msg("%s", (char *)failed);
    }
    atomic_store(&over, true);
    assert_int_equal(pthread_join(files, &failed), 0);
    assert_null(failed);
    assert_in_range(open_descriptors(), before, before + HELD_MAX);
    close_all();
    assert_int_equal(open_descriptors(), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test_long(test_dirhold__many_functions_hold_few_directories),
        scratch_test_long(test_dirhold__what_is_used_by_its_file_stays),
        scratch_test_long(test_dirhold__what_is_used_stays),
        scratch_test_long(test_dirhold__no_high_descriptor_is_held),
        scratch_test_long(test_dirhold__none_beside_many_files),
        scratch_test_long(test_dirhold__a_directory_that_was_moved_meanwhile),
        scratch_test_long(test_dirhold__threads_that_use_more_than_are_held),
    };
    return cmocka_run_group_tests_name("dirhold", tests, NULL, NULL);
}
