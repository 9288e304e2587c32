/* Results in memory, fork() and threads: every process sees every other's changes, none waits for a
 * thread that it does not have, and each goes on with what it had in memory. */
#include "sanitized.h"
#include "scratch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

enum {
    KEYS = 200,
    WRITERS = 8, /* each has a key of its own, which only it changes */
    FORKS = 60
};

/* Shared with every child: the last number that was surely stored for each writer's key, before
 * anybody looks at it. */
static atomic_int *stored;

static locache *cache;
static atomic_bool stop;

static int setup(void **unused)
{
    if (scratch_setup(unused) != 0)
        return -1;
    stored = mmap(NULL, WRITERS * sizeof *stored, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (stored == MAP_FAILED)
        return -1;
    stop = false;
    cache = open_function("my_func");
    return 0;
}

static int teardown(void **unused)
{
    locache_close(cache);
    munmap(stored, WRITERS * sizeof *stored);
    return scratch_teardown(unused);
}

#define fork_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* ---------------------------------------------------------------- without cmocka, in any thread */

static _Noreturn void wrong(const char *what, int64_t x, int seen, int expected)
{
    fprintf(stderr, "%s: x=%lld is %d, not %d\n", what, (long long)x, seen, expected);
    _exit(1);
}

/* The number stored for x, or -1 where there is none. */
static int number(int64_t x)
{
    key k = key_of(x);
    locache_value *value;
    if (locache_get(&value, cache, k.bytes, k.size, NULL) != LOCACHE_OK)
        return -1;
    int found;
    size_t size;
    const void *body = locache_value_body(&size, value);
    if (size != sizeof found)
        wrong("the size of a body", x, (int)size, sizeof found);
    memcpy(&found, body, sizeof found);
    locache_value_free(value);
    return found;
}

static void keep(int64_t x, int n)
{
    key k = key_of(x);
    locache_record record = {
        .size = sizeof record, .codec = LOCACHE_CODEC_RAW, .body = &n, .body_size = sizeof n};
    locache_status status = locache_put(cache, k.bytes, k.size, &record, NULL);
    if (status != LOCACHE_OK)
        wrong("locache_put", x, (int)status, LOCACHE_OK);
}

static void expect(int64_t x, int n)
{
    int seen = number(x);
    if (seen != n)
        wrong("a result", x, seen, n);
}

/* Writers' keys are negative. */
static void store_next(int writer)
{
    keep(-1 - writer, stored[writer] + 1);
    stored[writer]++;
}

static void look_at_writers(void)
{
    for (int writer = 0; writer < WRITERS; writer++) {
        int least = stored[writer];
        int seen = number(-1 - writer);
        if (seen < least)
            wrong("a stale result", -1 - writer, seen, least);
    }
}

static void fill(void)
{
    for (int x = 0; x < KEYS; x++)
        keep(x, x * 7);
    for (int writer = 0; writer < WRITERS; writer++)
        keep(-1 - writer, stored[writer]);
}

static void expect_all(void)
{
    for (int x = 0; x < KEYS; x++)
        expect(x, x * 7);
}

/* Twice, after what was just written has become old enough: then it is in memory. */
static void warm(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 25000000}, NULL);
    for (int round = 0; round < 3; round++) {
        expect_all();
        look_at_writers();
    }
}

/* ------------------------------------------------------------------------------ one thread each */

/* One byte each way: the other one's turn. */
typedef struct turns {
    int mine[2], others[2];
} turns;

static void next(int fd)
{
    child_require(write(fd, "", 1) == 1);
}

static void wait_turn(int fd)
{
    char byte;
    child_require(read(fd, &byte, 1) == 1);
}

/* Two results that change. */
enum { A = KEYS, B };

static void child_of_turns(void *context)
{
    turns *t = context;
    expect_all();
    for (int round = 1; round <= 50; round++) {
        wait_turn(t->others[0]);
        expect(A, round * 2); /* what the parent stored */
        expect(B, round % 2 ? -1 : 1);
        keep(A, round * 2 + 1);
        next(t->mine[1]);
    }
    expect_all();
}

static void test_fork__parent_and_child_see_each_others_changes(void **unused)
{
    (void)unused;
    turns t;
    assert_int_equal(pipe(t.mine), 0);
    assert_int_equal(pipe(t.others), 0);
    fill();
    keep(B, 1);
    warm();
    pid_t child = in_child(child_of_turns, &t);
    for (int round = 1; round <= 50; round++) {
        keep(A, round * 2);
        if (round % 2) {
            key k = key_of(B);
            assert_int_equal(locache_remove(cache, k.bytes, k.size, &error), LOCACHE_OK);
        } else {
            keep(B, 1);
        }
        next(t.others[1]);
        wait_turn(t.mine[0]);
        assert_int_equal(number(A), round * 2 + 1);
    }
    wait_for(child);
    expect_all();
    for (int i = 0; i < 2; i++) {
        close(t.mine[i]);
        close(t.others[i]);
    }
}

static void reset_in_child(void *unused)
{
    (void)unused;
    child_require(number(3) == 21);
    child_require(locache_reset(cache, &error) == LOCACHE_OK);
    child_require(number(3) == -1);
}

static void test_fork__a_childs_reset_is_seen_by_its_parent(void **unused)
{
    (void)unused;
    fill();
    warm();
    wait_for(in_child(reset_in_child, NULL));
    for (int x = 0; x < KEYS; x++)
        assert_int_equal(number(x), -1);
}

static void line_of_descendants(void *context)
{
    int depth = *(int *)context;
    look_at_writers();
    store_next(0);
    expect_all();
    if (depth > 0) {
        depth--;
        wait_for(in_child(line_of_descendants, &depth));
    }
    look_at_writers();
    locache_close(cache); /* a child's own */
}

static void test_fork__descendants_of_descendants(void **unused)
{
    (void)unused;
    int depth = 8;
    fill();
    warm();
    wait_for(in_child(line_of_descendants, &depth));
    look_at_writers();
    assert_int_equal(number(-1), depth + 1);
}

/* The descriptors that a table keeps open are shared with the child; closing them there must take
 * none from here. */
static void close_in_child(void *unused)
{
    (void)unused;
    expect_all();
    locache_forget_memory(cache);
    locache_close(cache);
}

static void test_fork__a_childs_close_takes_nothing_from_its_parent(void **unused)
{
    (void)unused;
    fill();
    warm();
    int before = open_descriptors();
    wait_for(in_child(close_in_child, NULL));
    assert_int_equal(open_descriptors(), before);
    for (int round = 0; round < 3; round++)
        expect_all();
    keep(5, 99);
    assert_int_equal(number(5), 99);
}

static void outlive(void *context)
{
    int *done = context;
    pid_t parent = getppid();
    for (int i = 0; i < 500 && getppid() == parent; i++)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    expect_all();
    store_next(1);
    look_at_writers();
    next(done[1]);
}

static void parent_that_dies(void *context)
{
    expect_all();
    in_child(outlive, context);
}

static void test_fork__a_child_outlives_its_parent(void **unused)
{
    (void)unused;
    int done[2];
    assert_int_equal(pipe(done), 0);
    fill();
    warm();
    wait_for(in_child(parent_that_dies, done));
    close(done[1]);
    char byte;
    assert_int_equal(read(done[0], &byte, 1), 1);
    close(done[0]);
    assert_int_equal(number(-2), 1);
}

/* ---------------------------------------------------------------------------------- and threads */

/* The sanitizers' own allocators are no good in a child of a process with other threads, one of
 * which may have been within. */
#if !SANITIZED

static void *readers_work(void *unused)
{
    (void)unused;
    for (int x = 0; !stop; x = (x + 1) % KEYS) {
        expect(x, x * 7);
        if (x % 16 == 0)
            look_at_writers();
    }
    return NULL;
}

static void *writers_work(void *context)
{
    while (!stop)
        store_next(*(int *)context);
    return NULL;
}

static void *forgetters_work(void *unused)
{
    (void)unused;
    while (!stop) {
        locache_forget_memory(cache);
        nanosleep(&(struct timespec){.tv_nsec = 3000000}, NULL);
    }
    return NULL;
}

/* Whatever the other threads of the parent were within when this one was made. */
static void child_of_threads(void *context)
{
    alarm(30);
    for (int round = 0; round < 2; round++) {
        expect_all();
        look_at_writers();
        store_next(*(int *)context);
    }
    locache_forget_memory(cache);
    expect_all();
}

static void test_fork__while_other_threads_are_busy(void **unused)
{
    (void)unused;
    enum { READERS = 3 };
    pthread_t readers[READERS], writer, forgetter;
    int threads_key = 0, childs_key = 1;
    fill();
    warm();
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, readers_work, NULL), 0);
    assert_int_equal(pthread_create(&writer, NULL, writers_work, &threads_key), 0);
    assert_int_equal(pthread_create(&forgetter, NULL, forgetters_work, NULL), 0);
    for (int i = 0; i < FORKS; i++) {
        pid_t child = in_child(child_of_threads, &childs_key);
        look_at_writers();
        wait_for(child);
        assert_int_equal(number(-1 - childs_key), (i + 1) * 2);
    }
    stop = true;
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    pthread_join(writer, NULL);
    pthread_join(forgetter, NULL);
    expect_all();
    look_at_writers();
    assert_true(stored[threads_key] > 0);
}

static void *forks_work(void *context)
{
    for (int i = 0; i < FORKS / 4; i++)
        wait_for(in_child(child_of_threads, context));
    return NULL;
}

static void test_fork__by_many_threads_at_once(void **unused)
{
    (void)unused;
    enum { FORKERS = 3 };
    pthread_t forkers[FORKERS];
    int keys[FORKERS] = {0, 1, 2};
    fill();
    warm();
    for (int i = 0; i < FORKERS; i++)
        assert_int_equal(pthread_create(&forkers[i], NULL, forks_work, &keys[i]), 0);
    for (int round = 0; round < 20; round++) {
        expect_all();
        look_at_writers();
    }
    for (int i = 0; i < FORKERS; i++)
        pthread_join(forkers[i], NULL);
    look_at_writers();
    for (int i = 0; i < FORKERS; i++)
        assert_int_equal(number(-1 - i), FORKS / 4 * 2);
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        fork_test(test_fork__parent_and_child_see_each_others_changes),
        fork_test(test_fork__a_childs_reset_is_seen_by_its_parent),
        fork_test(test_fork__descendants_of_descendants),
        fork_test(test_fork__a_childs_close_takes_nothing_from_its_parent),
        fork_test(test_fork__a_child_outlives_its_parent),
#if !SANITIZED
        fork_test(test_fork__while_other_threads_are_busy),
        fork_test(test_fork__by_many_threads_at_once),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
