/* What handles count, and that it is in the function's counts once, whatever a process does. */
#include "fault.h"
#include "scratch.h"

#include <sys/resource.h>
#include <time.h>

static locache *open_one(unsigned flags)
{
    locache_options options = options_for("my_func");
    options.flags = flags;
    return open_with(&options);
}

static locache_counts on_disk(void)
{
    locache_folder *folder;
    locache_counts counts = {.size = sizeof counts};
    assert_int_equal(locache_folder_open(&folder, in_foo("my_func"), &error), LOCACHE_OK);
    locache_status status = locache_folder_counts(&counts, folder);
    assert_int_equal(status, counts.since != 0 ? LOCACHE_OK : LOCACHE_MISS);
    locache_folder_close(folder);
    return counts;
}

static locache_counts total_of(locache *cache)
{
    locache_counts counts = {.size = sizeof counts};
    assert_int_equal(locache_total(&counts, cache), LOCACHE_OK);
    return counts;
}

/* One result, stored and looked up so often. */
static void use(locache *cache, int hits)
{
    assert_miss(cache, 1);
    must_put(cache, 1, "r");
    for (int i = 0; i < hits; i++)
        assert_hit(cache, 1, "r");
}

static void test_counting__adds_up_what_processes_did(void **unused)
{
    (void)unused;
    locache *cache = open_one(0);
    use(cache, 3);
    locache_counts now = total_of(cache);
    assert_int_equal(now.hits, 3);
    assert_int_equal(now.misses, 1);
    assert_int_equal(now.stores, 1);
    assert_true(now.bytes_stored > HEADER);
    assert_int_equal(on_disk().hits, 0);
    locache_close(cache);
    locache_counts then = on_disk();
    assert_int_equal(then.hits, 3);
    assert_int_equal(then.bytes_stored, now.bytes_stored);
    assert_true(then.since > 0 && then.until >= then.since);
    /* Another handle finds the file, and reads its bytes. */
    cache = open_one(0);
    assert_hit(cache, 1, "r");
    assert_int_equal(total_of(cache).hits, 4);
    assert_int_equal(total_of(cache).bytes_read, then.bytes_stored);
    locache_close(cache);
    assert_int_equal(on_disk().hits, 4);
    assert_int_equal(on_disk().misses, 1);
}

/* A second after it began, and not at every call. */
static void test_counting__writes_about_once_a_second(void **unused)
{
    (void)unused;
    locache *cache = open_one(0);
    use(cache, 1);
    assert_int_equal(on_disk().hits, 0);
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 20000000}, NULL);
    assert_miss(cache, 2);
    must_put(cache, 2, "s");
    assert_int_equal(on_disk().hits, 1);
    assert_int_equal(on_disk().stores, 2);
    must_put(cache, 3, "s");
    assert_int_equal(on_disk().stores, 2);
    locache_close(cache);
}

static void test_counting__of_hits_in_memory_looks_now_and_then(void **unused)
{
    (void)unused;
    locache *cache = open_one(0);
    use(cache, 0);
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 20000000}, NULL);
    for (int i = 0; i < 600; i++)
        assert_hit(cache, 1, "r");
    assert_in_range(on_disk().hits, 1, 100);
    locache_close(cache);
    assert_int_equal(on_disk().hits, 600);
}

static int run_child(void (*run)(locache *cache), locache *cache, int how)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        run(cache);
        if (how == 0)
            exit(0); /* as a program ends */
        locache_close(cache);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void hit_once(locache *cache)
{
    assert_hit(cache, 1, "r");
}

static void do_nothing(locache *cache)
{
    (void)cache;
}

/* A child adds what it did, and its parent what that did, also before the fork. */
static void test_counting__after_fork_adds_nothing_twice(void **unused)
{
    (void)unused;
    for (int how = 0; how < 2; how++) {
        locache *cache = open_one(0);
        use(cache, 2);
        uint64_t before = on_disk().hits;
        assert_int_equal(run_child(do_nothing, cache, how), 0);
        assert_int_equal(on_disk().hits, before);
        assert_int_equal(run_child(hit_once, cache, how), 0);
        assert_int_equal(on_disk().hits, before + 1);
        locache_close(cache);
        assert_int_equal(on_disk().hits, before + 3);
        assert_int_equal(locache_clear(foo, &error), LOCACHE_OK);
    }
}

static void be_killed(locache *cache)
{
    assert_hit(cache, 1, "r");
    (void)kill(getpid(), SIGKILL);
}

static void test_counting__loses_what_a_killed_process_had_not_added(void **unused)
{
    (void)unused;
    locache *cache = open_one(0);
    use(cache, 2);
    assert_true(WIFSIGNALED(run_child(be_killed, cache, 0)));
    locache_close(cache);
    assert_int_equal(on_disk().hits, 2);
}

static void test_counting__takes_back_what_was_only_looked_at(void **unused)
{
    (void)unused;
    locache_value *value;
    key asked = key_of(1);
    locache *cache = open_one(0);
    assert_int_equal(locache_get(&value, cache, asked.bytes, asked.size, &error), LOCACHE_MISS);
    locache_uncount(cache, NULL);
    must_put(cache, 1, "r");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(locache_get(&value, cache, asked.bytes, asked.size, &error), LOCACHE_OK);
        locache_uncount(cache, value);
        locache_value_free(value);
    }
    locache_counts counts = total_of(cache);
    assert_int_equal(counts.hits, 0);
    assert_int_equal(counts.misses, 0);
    assert_int_equal(counts.saved_time, 0);
    locache_close(cache);
    assert_int_equal(on_disk().hits, 0);
}

static void test_counting__begins_anew_with_a_reset(void **unused)
{
    (void)unused;
    locache *cache = open_one(0);
    use(cache, 2);
    locache_close(cache);
    cache = open_one(0);
    assert_hit(cache, 1, "r");
    assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
    assert_int_equal(total_of(cache).hits, 0);
    use(cache, 0);
    locache_close(cache);
    assert_int_equal(on_disk().hits, 0);
    assert_int_equal(on_disk().misses, 1);
    assert_int_equal(locache_clear(foo, &error), LOCACHE_OK);
    assert_int_equal(on_disk().misses, 0);
}

/* Whoever deletes the cache meanwhile finds no new file in a directory that he just emptied. */
static void test_counting__makes_no_file_when_a_handle_is_closed(void **unused)
{
    (void)unused;
    struct stat found;
    locache *cache = open_one(0);
    use(cache, 2);
    assert_int_equal(unlink(in_foo("my_func/.locache/counts")), 0);
    locache_close(cache);
    assert_int_not_equal(stat(in_foo("my_func/.locache/counts"), &found), 0);
    /* Who stores makes it. */
    cache = open_one(0);
    must_put(cache, 2, "r");
    assert_int_equal(on_disk().stores, 1);
    locache_close(cache);
}

static void test_counting__writes_nothing_for_readers_and_into_no_deleted_directory(void **unused)
{
    (void)unused;
    locache *cache = open_one(0);
    use(cache, 0);
    locache *reading = open_one(LOCACHE_OPEN_READ_ONLY);
    assert_hit(reading, 1, "r");
    assert_int_equal(total_of(reading).hits, 1);
    locache_close(reading);
    assert_int_equal(on_disk().hits, 0);
    /* Gone, and another handle's by then. */
    remove_all(in_foo("my_func"));
    locache *other = open_one(0);
    must_put(other, 1, "r");
    locache_close(other);
    assert_int_equal(on_disk().stores, 1);
    locache_close(cache);
    assert_int_equal(on_disk().stores, 1);
}

/* No signal ends the program, and what could not be written is not lost while it runs. */
static void test_counting__keeps_what_it_cannot_write(void **unused)
{
    (void)unused;
    struct rlimit limit;
    locache *cache = open_one(0);
    use(cache, 2);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t most = limit.rlim_cur;
    limit.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 20000000}, NULL);
    locache *other = open_one(0);
    assert_hit(cache, 1, "r");
    locache_close(other);
    limit.rlim_cur = most;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(on_disk().hits, 0);
    locache_close(cache);
    assert_int_equal(on_disk().hits, 3);
}

/* What a base gave is a hit of the cache that has it: the base is nobody's to write to. */
static void test_counting__of_a_base_counts_where_it_was_asked(void **unused)
{
    char team[128];
    char path[LOCACHE_PATH_MAX];
    locache *cache;
    struct stat found;
    (void)unused;
    snprintf(team, sizeof team, "%s/team", scratch);
    snprintf(path, sizeof path, "%s/foo.cache", team);
    assert_int_equal(mkdir(team, 0700), 0);
    locache_options options = options_for("my_func");
    assert_int_equal(locache_open(&cache, path, &options, &error), LOCACHE_OK);
    must_put(cache, 1, "r");
    locache_close(cache);
    options.base = team;
    cache = open_with(&options);
    assert_hit(cache, 1, "r");
    assert_int_equal(total_of(cache).hits, 1);
    assert_true(total_of(cache).bytes_read > 0);
    must_put(cache, 2, "s");
    locache_close(cache);
    assert_int_equal(on_disk().hits, 1);
    snprintf(path, sizeof path, "%s/foo.cache/my_func/.locache/counts", team);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_size, 128);
    /* Of those that are closed nothing is left that a child would look at. */
    cache = open_one(0);
    assert_int_equal(run_child(do_nothing, cache, 0), 0);
    locache_close(cache);
}

static void test_counting__knows_what_the_process_did(void **unused)
{
    (void)unused;
    locache_counts before = {.size = sizeof before};
    locache_counts after = {.size = sizeof after};
    assert_int_equal(locache_process_counts(&before), LOCACHE_OK);
    locache *cache = open_one(0);
    use(cache, 2);
    locache_close(cache);
    cache = open_one(0);
    assert_hit(cache, 1, "r");
    assert_int_equal(locache_process_counts(&after), LOCACHE_OK);
    assert_int_equal(after.hits - before.hits, 3);
    assert_int_equal(after.misses - before.misses, 1);
    assert_int_equal(after.process, getpid());
    locache_close(cache);
    after.size = 3;
    assert_int_equal(locache_process_counts(&after), LOCACHE_EINVAL);
}

static void test_counting__measures_what_is_stored(void **unused)
{
    (void)unused;
    uint64_t count = 7;
    uint64_t size = 7;
    locache *cache = open_one(0);
    assert_int_equal(locache_measure(&count, &size, cache, &error), LOCACHE_OK);
    assert_int_equal(count, 0);
    assert_int_equal(size, 0);
    must_put(cache, 1, "r");
    must_put(cache, 2, "rr");
    assert_int_equal(locache_measure(&count, &size, cache, &error), LOCACHE_OK);
    assert_int_equal(count, 2);
    assert_int_equal(size, total_of(cache).bytes_stored);
    locache_close(cache);
}

/* What is removed between the list and the look is not there; what cannot be listed is told. */
static void test_counting__measures_what_it_can(void **unused)
{
    (void)unused;
    uint64_t count = 7;
    uint64_t size = 7;
    int missed = 0;
    locache *cache = open_one(0);
    must_put(cache, 1, "r");
    bool failed = true;
    for (int n = 1; failed; n++) {
        count = 7;
        fault_set(NULL, n, EIO);
        locache_status status = locache_measure(&count, &size, cache, &error);
        failed = fault_clear();
        assert_true(status == LOCACHE_OK ? count <= 1 : failed && count == 7);
        missed += status == LOCACHE_OK && count == 0;
    }
    assert_int_equal(missed, 1);
    assert_int_equal(count, 1);
    locache_close(cache);
}

static void test_counting__of_a_folder_in_a_struct_that_is_none(void **unused)
{
    (void)unused;
    locache_folder *folder;
    locache_counts counts = {.size = 3};
    locache *cache = open_one(0);
    use(cache, 1);
    locache_close(cache);
    assert_int_equal(locache_folder_open(&folder, in_foo("my_func"), &error), LOCACHE_OK);
    assert_int_equal(locache_folder_counts(&counts, folder), LOCACHE_EINVAL);
    counts.size = sizeof counts;
    assert_int_equal(locache_folder_counts(&counts, folder), LOCACHE_OK);
    assert_int_equal(counts.hits, 1);
    locache_folder_close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_counting__adds_up_what_processes_did),
        scratch_test(test_counting__writes_about_once_a_second),
        scratch_test(test_counting__of_hits_in_memory_looks_now_and_then),
        scratch_test(test_counting__after_fork_adds_nothing_twice),
        scratch_test(test_counting__loses_what_a_killed_process_had_not_added),
        scratch_test(test_counting__takes_back_what_was_only_looked_at),
        scratch_test(test_counting__begins_anew_with_a_reset),
        scratch_test(test_counting__makes_no_file_when_a_handle_is_closed),
        scratch_test(test_counting__writes_nothing_for_readers_and_into_no_deleted_directory),
        scratch_test(test_counting__keeps_what_it_cannot_write),
        scratch_test(test_counting__of_a_base_counts_where_it_was_asked),
        scratch_test(test_counting__knows_what_the_process_did),
        scratch_test(test_counting__measures_what_is_stored),
        scratch_test(test_counting__measures_what_it_can),
        scratch_test(test_counting__of_a_folder_in_a_struct_that_is_none),
    };
    return cmocka_run_group_tests_name("counting", tests, NULL, NULL);
}
