/* The digest of large data: a tree of leaves, in one piece and in parts; threads. */
#define PATTERN_SIZE ((size_t)71 << 20)

#include "base/fault.h"
#include "base/hash.h"
#include "base/system.h"
#include "base/text.h"
#include "fault.h"
#include "pattern.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define MIB ((size_t)1 << 20)

/* By Python's hashlib.blake2b(person=...), from the construction as docs/format.md gives it. */
static const struct {
    size_t size;
    const char *hex;
} known[] = {
    {0, "aa6715f536115cf9faebac69d6b58ae2eb0551aafcf51edf08475717e5c8d38d"},
    {1, "d37905714f868b04b68b086c006351e3e2073283a05fd1857ad7e4855b7ac78b"},
    {1000, "5cb217b00577b563ac2f0b936e89e7b7d940ce2e1fcbd60b15421da89c34c082"},
    {MIB - 1, "c2868712f9f5d43548c941b6de40bc02eec16267d5b38fce05a2533dfb511c17"},
    {MIB, "98db23743a59f85ba33f6acd33ce7635e18699074c8cd3f9e41371522928fce2"},
    {MIB + 1, "298ca0a1df9211de5f806f0c5fcacb475e590897377efccc64dfffb627cd9d67"},
    {2 * MIB, "ec5b9fbeb741413dd4b25f898cef48dd8d4a429fa050793ae0fa7510647161ac"},
    {2 * MIB + 1, "68dcb4d176e05aebb2dbf649a070fa2f10739229668c4c33c7e12cbb59e4e00b"},
    {3 * MIB, "aed14efe22fa57542cd95f4ff87f0745fdf1aa9706001c58440ee1fe58998d0b"},
    {3 * MIB + 7, "f46778d66ca86e94d911ec72950dcaa1490034a0bfed858c0d4435f5791f8225"},
    {4 * MIB - 1, "3524c94585b0328689bb3dd436e902b4d700c301be745d1eca552e5047085389"},
    {4 * MIB, "7d2c9301b1634a325b72447e10f845aecb732786a389016f58a025e512a0002f"},
    {4 * MIB + 1, "6ef7bedf03abf3caa3b302b69b6c93c146ab0106abda611006afd6661f896ee3"},
    {5 * MIB, "3526bebf0c70b4acff1534c3198e594cd0b487a50931bb96c69c55f028391f7e"},
    {6 * MIB + 1, "f9e7e0a35bf2a09269d9a8ffd4a45a32d33855176dd512e5eaeb8fce8a29aa1c"},
    {8 * MIB - 1, "5f46a1791a21ce67b8705557ee344e2d2338984fcfefaf136dc664827b28e784"},
    {8 * MIB, "5995540f97ee8398e7fa23cbcd974414061f3752f6a4d48f849c95fa8bd841e8"},
    {8 * MIB + 1, "fdaeadf76514a3bc85544b3685f102e5556e5df562d67e590c26e86f75977664"},
    {9 * MIB + 1, "d8ca6a7d3b59548f1d231a8dd0d4ee41fc42d675787928fc516b449a4cf2f351"},
    {12 * MIB - 1, "e22ebdd271f10f9d5260afb7fadda8e87c7e27371cec0caa02892bd1fb8c4515"},
    {12 * MIB, "d213c52a664026799259061269b6a56afe6763974b3eaa27c22a7a8c4e4659bd"},
    {15 * MIB + 12345, "8d949eaabd815b8c0f71a770ced95d3efee20fa0070ccd1ce22a008d62257f4e"},
    {16 * MIB, "528b4b78a2a7efee65d3fe3839b7324cde4c1847d4d4905538ac138aee4ca91c"},
    {16 * MIB + 1, "38300ec57fc551ec6762731ab7be52d8a73e077c4c5a2765061d09aa9095ee01"},
    {71 * MIB - 3, "d393069b5de0719f34b96cdef1f3ae7fbbc1af77555d95372153a54c9ea52ff5"},
};
enum { KNOWN_COUNT = sizeof known / sizeof *known };

static bool is_known(const unsigned char digest[LOCACHE_DIGEST_SIZE], size_t i)
{
    char text[2 * LOCACHE_DIGEST_SIZE + 1];
    lc_text_hex(text, digest, LOCACHE_DIGEST_SIZE);
    return strcmp(text, known[i].hex) == 0;
}

/* --------------------------------------------------------------------------------- in one piece */

/* The first use starts libsodium: from many threads at once it must be ready for each. */
static void *digest_all(void *context)
{
    bool *right = context;
    *right = true;
    for (size_t i = 0; i < KNOWN_COUNT && known[i].size < 10 * MIB; i++) {
        unsigned char out[LOCACHE_DIGEST_SIZE];
        locache_digest(out, pattern, known[i].size);
        *right &= is_known(out, i);
    }
    return NULL;
}

static void test_digest__first_use_may_be_in_many_threads(void **state)
{
    enum { COUNT = 8 };
    pthread_t threads[COUNT];
    bool right[COUNT];
    (void)state;
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, digest_all, &right[i]), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(right[i]);
    }
}

static void test_digest__is_the_tree_that_is_documented(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        unsigned char out[LOCACHE_DIGEST_SIZE];
        locache_digest(out, pattern, known[i].size);
        assert_true(is_known(out, i));
    }
}

static void test_digest__of_null_is_that_of_nothing(void **state)
{
    unsigned char out[LOCACHE_DIGEST_SIZE];
    (void)state;
    locache_digest(out, NULL, 0);
    assert_true(is_known(out, 0));
}

static void test_digest__does_not_depend_on_alignment(void **state)
{
    enum { AT = 18 }; /* 9 MiB and a byte */
    (void)state;
    assert_true(known[AT].size == 9 * MIB + 1);
    unsigned char *moved = malloc(known[AT].size + 8);
    assert_non_null(moved);
    for (size_t shift = 0; shift < 8; shift++) {
        unsigned char out[LOCACHE_DIGEST_SIZE];
        memcpy(moved + shift, pattern, known[AT].size);
        locache_digest(out, moved + shift, known[AT].size);
        assert_true(is_known(out, AT));
    }
    free(moved);
}

/* Every leaf counts, and its place: in each lane, at the ends of each thread's work, in the
 * rest. */
static void test_digest__sees_a_bit_and_the_place_of_every_leaf(void **state)
{
    const size_t size = 14 * MIB + 5;
    unsigned char whole[LOCACHE_DIGEST_SIZE];
    unsigned char out[LOCACHE_DIGEST_SIZE];
    unsigned char *bytes = malloc(size);
    (void)state;
    assert_non_null(bytes);
    memcpy(bytes, pattern, size);
    locache_digest(whole, bytes, size);
    for (size_t leaf = 0; leaf <= 14; leaf++) {
        size_t at = leaf < 14 ? leaf * MIB + leaf * 65537 : size - 1;
        bytes[at] ^= 4;
        locache_digest(out, bytes, size);
        assert_memory_not_equal(out, whole, sizeof out);
        bytes[at] ^= 4;
    }
    for (size_t leaf = 0; leaf + 1 < 14; leaf++) {
        memcpy(bytes + leaf * MIB, pattern + (leaf + 1) * MIB, MIB);
        memcpy(bytes + (leaf + 1) * MIB, pattern + leaf * MIB, MIB);
        locache_digest(out, bytes, size);
        assert_memory_not_equal(out, whole, sizeof out);
        memcpy(bytes + leaf * MIB, pattern + leaf * MIB, 2 * MIB);
    }
    locache_digest(out, bytes, size);
    assert_memory_equal(out, whole, sizeof out);
    free(bytes);
}

/* ------------------------------------------------------------------------------------- in parts */

typedef struct parts {
    const unsigned char *data;
    atomic_size_t copied;
    atomic_size_t largest;
    atomic_bool disturbed; /* a thread that is not the caller's takes signals */
    pthread_t caller;
} parts;

static void fill_from(void *context, void *out, size_t offset, size_t size)
{
    parts *from = context;
    sigset_t mask;
    memcpy(out, from->data + offset, size);
    atomic_fetch_add(&from->copied, size);
    size_t largest = atomic_load(&from->largest);
    while (size > largest && !atomic_compare_exchange_weak(&from->largest, &largest, size))
        ;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    if (!pthread_equal(pthread_self(), from->caller) &&
        (!sigismember(&mask, SIGINT) || !sigismember(&mask, SIGALRM)))
        atomic_store(&from->disturbed, true);
}

static void test_digest__of_parts_is_that_of_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        parts from = {.data = pattern, .caller = pthread_self()};
        unsigned char out[LOCACHE_DIGEST_SIZE];
        assert_true(locache_digest_parts(out, known[i].size, fill_from, &from));
        assert_true(is_known(out, i));
        assert_true(from.copied == known[i].size);
        assert_true(from.largest <= MIB);
        assert_false(from.disturbed);
    }
}

/* -------------------------------------------------------------------------------------- threads */

static int thread_starts;

static int count_threads(const char *call)
{
    thread_starts += strcmp(call, "thread") == 0;
    return 0;
}

static int threads_for(size_t size)
{
    unsigned char out[LOCACHE_DIGEST_SIZE];
    thread_starts = 0;
    lc_fault_hook = count_threads;
    locache_digest(out, pattern, size);
    lc_fault_hook = NULL;
    return thread_starts;
}

static void test_digest__starts_threads_for_large_data_only(void **state)
{
    (void)state;
    assert_int_equal(threads_for(LOCACHE_DIGEST_PARALLEL - 1), 0);
    assert_int_equal(threads_for(LOCACHE_DIGEST_PARALLEL), lc_processors() > 1 ? 1 : 0);
    unsigned most = lc_processors() < 16 ? lc_processors() : 16;
    assert_int_equal(threads_for(PATTERN_SIZE), most - 1);
}

static void test_digest__is_the_same_on_one_processor(void **state)
{
    cpu_set_t before, one;
    unsigned char out[LOCACHE_DIGEST_SIZE];
    size_t first = 0;
    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    while (!CPU_ISSET(first, &before))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(threads_for(PATTERN_SIZE), 0);
    locache_digest(out, pattern, known[KNOWN_COUNT - 1].size);
    assert_true(is_known(out, KNOWN_COUNT - 1));
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

/* Without a thread or without memory the caller does it alone. */
static void test_digest__needs_neither_threads_nor_memory(void **state)
{
    static const char *const calls[] = {"thread", "alloc"};
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            unsigned char out[LOCACHE_DIGEST_SIZE];
            fault_set(calls[c], n, EAGAIN);
            locache_digest(out, pattern, known[KNOWN_COUNT - 1].size);
            failed = fault_clear();
            assert_true(is_known(out, KNOWN_COUNT - 1));
        }
    }
}

static void test_digest__of_parts_says_where_memory_is_missing(void **state)
{
    bool failed = true;
    int refused = 0;
    (void)state;
    for (int n = 1; failed; n++) {
        parts from = {.data = pattern, .caller = pthread_self()};
        unsigned char out[LOCACHE_DIGEST_SIZE] = {7};
        const unsigned char untouched[LOCACHE_DIGEST_SIZE] = {7};
        fault_set(NULL, n, ENOMEM);
        bool done = locache_digest_parts(out, known[KNOWN_COUNT - 1].size, fill_from, &from);
        failed = fault_clear();
        refused += !done;
        if (done)
            assert_true(is_known(out, KNOWN_COUNT - 1));
        else
            assert_memory_equal(out, untouched, sizeof out);
    }
    assert_int_equal(refused, 1); /* a leaf's memory alone cannot be done without */
}

/* ----------------------------------------------------------------------------------------- fork */

static atomic_bool enough;

static void *digest_on(void *context)
{
    bool *right = context;
    *right = true;
    while (!atomic_load(&enough)) {
        unsigned char out[LOCACHE_DIGEST_SIZE];
        locache_digest(out, pattern, known[KNOWN_COUNT - 1].size);
        *right &= is_known(out, KNOWN_COUNT - 1);
    }
    return NULL;
}

/* A child has none of its parent's threads, whatever they were doing, and needs none of them. */
static void test_digest__works_in_a_child_of_fork(void **state)
{
    pthread_t thread;
    bool right;
    (void)state;
#ifdef __SANITIZE_THREAD__
    skip(); /* it starts no threads in a child of many */
#endif
    atomic_store(&enough, false);
    assert_int_equal(pthread_create(&thread, NULL, digest_on, &right), 0);
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            unsigned char out[LOCACHE_DIGEST_SIZE];
            alarm(60);
            locache_digest(out, pattern, known[KNOWN_COUNT - 1].size);
            _exit(is_known(out, KNOWN_COUNT - 1) ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    atomic_store(&enough, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest__first_use_may_be_in_many_threads),
        cmocka_unit_test(test_digest__is_the_tree_that_is_documented),
        cmocka_unit_test(test_digest__of_null_is_that_of_nothing),
        cmocka_unit_test(test_digest__does_not_depend_on_alignment),
        cmocka_unit_test(test_digest__sees_a_bit_and_the_place_of_every_leaf),
        cmocka_unit_test(test_digest__of_parts_is_that_of_the_whole),
        cmocka_unit_test(test_digest__starts_threads_for_large_data_only),
        cmocka_unit_test(test_digest__is_the_same_on_one_processor),
        cmocka_unit_test(test_digest__needs_neither_threads_nor_memory),
        cmocka_unit_test(test_digest__of_parts_says_where_memory_is_missing),
        cmocka_unit_test(test_digest__works_in_a_child_of_fork),
    };
    return cmocka_run_group_tests(tests, make_pattern, free_pattern);
}
