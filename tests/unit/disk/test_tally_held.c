/* A tally that stays open between stores: whatever becomes of the file, of its descriptor and of
 * the process, what is written goes into the tally of the directory, and into no other file. */
#include "base/fault.h"
#include "base/system.h"
#include "disk/tally.h"
#include "disk/tally_held.h"

#include "orphan.h"
#include "scratch.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define TALLY "my_func/.locache/tally"

static locache *open_bounded(void)
{
    locache_options options = options_for("my_func");
    options.max_bytes = 1 << 30;
    return open_with(&options);
}

/* The descriptor that this process has the tally open as; -1: it has not. */
static int held_as(void)
{
    int found = -1;
    char link[64];
    char to[600];
    DIR *all = opendir("/proc/self/fd");
    assert_non_null(all);
    for (struct dirent *one = readdir(all); one != NULL; one = readdir(all)) {
        snprintf(link, sizeof link, "/proc/self/fd/%.10s", one->d_name);
        ssize_t size = readlink(link, to, sizeof to - 1);
        to[size > 0 ? size : 0] = '\0';
        if (strstr(to, TALLY) != NULL)
            found = atoi(one->d_name);
    }
    closedir(all);
    return found;
}

static int64_t tallied(void)
{
    lc_tally said = {-1, -1};
    lc_directory at = {.dir = open(in_foo("my_func"), O_RDONLY | O_DIRECTORY),
                       .owner = geteuid(),
                       .path = in_foo("my_func")};
    assert_true(lc_tally_read(&said, &at));
    close(at.dir);
    return said.entries;
}

static void test_tally_held__is_open_from_store_to_store(void **unused)
{
    (void)unused;
    locache *cache = open_bounded();
    must_put(cache, 1, "r");
    int fd = held_as();
    assert_true(fd >= 0);
    must_put(cache, 2, "r");
    assert_int_equal(held_as(), fd);
    assert_int_equal(tallied(), 2);
    locache_close(cache);
    assert_int_equal(held_as(), -1);
}

static void test_tally_held__another_file_in_its_place_is_the_tally(void **unused)
{
    (void)unused;
    for (int way = 0; way < 2; way++) {
        locache *cache = open_bounded();
        must_put(cache, 1, "r");
        bytes whole = read_bytes(in_foo(TALLY));
        assert_int_equal(unlink(in_foo(TALLY)), 0);
        if (way == 1)
            write_bytes(in_foo(TALLY), whole.data, whole.size);
        must_put(cache, 2, "r");
        assert_int_equal(tallied(), 2);
        locache_close(cache);
        remove_all(foo);
    }
}

static void test_tally_held__a_number_that_is_another_files_by_now(void **unused)
{
    (void)unused;
    char path[300];
    locache *cache = open_bounded();
    must_put(cache, 1, "r");
    int fd = held_as();
    snprintf(path, sizeof path, "%s/precious", scratch);
    write_text(path, "a file of the program's own, which is longer than a tally");
    bytes before = read_bytes(path);
    int own = open(path, O_RDWR);
    assert_true(own >= 0 && dup2(own, fd) == fd);
    must_put(cache, 2, "r");
    assert_int_equal(tallied(), 2);
    bytes after = read_bytes(path);
    assert_memory_equal(before.data, after.data, before.size);
    assert_int_not_equal(fcntl(fd, F_GETFD), -1);
    locache_close(cache);
    assert_int_not_equal(fcntl(fd, F_GETFD), -1);
    close(fd);
    close(own);
}

/* A lock that parent and child shared would keep out neither. */
static void test_tally_held__a_child_opens_its_own(void **unused)
{
    (void)unused;
    locache *cache = open_bounded();
    must_put(cache, 0, "r");
    enum { CHILDREN = 4, EACH = 50 };
    for (int child = 0; child < CHILDREN; child++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            for (int x = 1; x <= EACH; x++)
                must_put(cache, child * EACH + x, "r");
            _exit(0);
        }
    }
    for (int x = 1; x <= EACH; x++)
        must_put(cache, CHILDREN * EACH + x, "r");
    for (int child = 0; child < CHILDREN; child++) {
        int status = -1;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(tallied(), (CHILDREN + 1) * EACH + 1);
    locache_close(cache);
}

static void store_twice(void)
{
    locache *cache = open_bounded();
    must_put(cache, 1, "r");
    orphan_from_now();
    (void)!put(cache, 2, "r");
}

/* A process dies while it has the lock, which has a child since before, or since it has it. */
static void test_tally_held__its_lock_ends_with_who_had_it(void **unused)
{
    (void)unused;
    for (int within = 0; within < 2; within++) {
        int child = orphan_of("pwrite", store_twice, within);
        locache *cache = open_bounded();
        int64_t begin = lc_monotonic();
        must_put(cache, 3, "r");
        must_put(cache, 4, "r");
        /* Each would wait for a second. */
        assert_true(lc_monotonic() - begin < INT64_C(1000000000));
        locache_close(cache);
        close(child);
        remove_all(foo);
    }
}

static void *put_some(void *of)
{
    enum { EACH = 50 };
    static atomic_int next;
    for (int i = 0; i < EACH; i++) {
        locache_error own;
        key k = key_of(atomic_fetch_add(&next, 1));
        const locache_record record = {
            .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = "r", .body_size = 1};
        if (locache_put(of, k.bytes, k.size, &record, &own) != LOCACHE_OK)
            abort();
    }
    return NULL;
}

/* Of those that store at once one has it, the others open theirs. */
static void test_tally_held__by_threads_at_once(void **unused)
{
    (void)unused;
    enum { THREADS = 4, ALL = 200 };
    pthread_t threads[THREADS];
    locache *cache = open_bounded();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_some, cache), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(tallied(), ALL);
    locache_close(cache);
}

/* Of a handle that moves on to another directory. */
static void test_tally_held__of_the_directory_that_is_stored_in(void **unused)
{
    (void)unused;
    locache *cache = open_bounded();
    must_put(cache, 1, "r");
    must_put(cache, 2, "r");
    remove_all(foo);
    must_put(cache, 3, "r");
    assert_int_equal(tallied(), 1);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_tally_held__is_open_from_store_to_store),
        scratch_test(test_tally_held__another_file_in_its_place_is_the_tally),
        scratch_test(test_tally_held__a_number_that_is_another_files_by_now),
        scratch_test(test_tally_held__a_child_opens_its_own),
        scratch_test(test_tally_held__its_lock_ends_with_who_had_it),
        scratch_test(test_tally_held__by_threads_at_once),
        scratch_test(test_tally_held__of_the_directory_that_is_stored_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
