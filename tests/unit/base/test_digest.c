/* The digest of large data: a tree of leaves, in one piece and in parts; threads. */
#define PATTERN_SIZE ((size_t)71 << 20)

#include "base/fault.h"
#include "base/hash.h"
#include "base/system.h"
#include "base/text.h"
#include "fault.h"
#include "pattern.h"
#include "sanitized.h"

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
#define LEAF ((size_t)4 << 10)

/* By Python's hashlib.blake2b(person=...), from the construction as docs/format.md gives it. */
static const struct {
    size_t size;
    const char *hex;
} known[] = {
    {0, "aa6715f536115cf9faebac69d6b58ae2eb0551aafcf51edf08475717e5c8d38d"},
    {1, "d37905714f868b04b68b086c006351e3e2073283a05fd1857ad7e4855b7ac78b"},
    {1000, "5cb217b00577b563ac2f0b936e89e7b7d940ce2e1fcbd60b15421da89c34c082"},
    {LEAF - 1, "028ff604ba56e9aedd87c382becad0c7daa1a751b484edb154957858cc6df5c6"},
    {LEAF, "443c72267a8004b19553bacc9edb84386fd939c7756f543f2f37ef61c5852159"},
    {LEAF + 1, "55df3e1f03178e179cd0a40f89548783eb134f068a1695322d96b995d9d0c824"},
    {2 * LEAF, "7c83745ad546b77994e2224fd5677c30f7a2d6023a9e26c37d7d9edecee74a09"},
    {2 * LEAF + 1, "34917401ec90710527edd66ca237e527a75cab418bf3206dea41880012e50c9c"},
    {3 * LEAF, "de8ee2d11a4b6aa1f2bba42d4cfd9c574a738c036e9e7e399dd45f9d508673d7"},
    {3 * LEAF + 7, "b2bca4b18d86e4d8fecdf62345aaa1e4b898f616697f0ad943e05a570b4aeec3"},
    {4 * LEAF - 1, "ca4378fe5c74b819b8b9e661810ef0f51fcc42ff184b9abcad314d55bd3f1f1e"},
    {4 * LEAF, "063f03527134c78d26f8adbf9ce414df3cf9bb4f0ced301559c35a88ea88f2b6"},
    {4 * LEAF + 1, "83396dba9d72222bfd69c45191e0b7f0554452b0e7c22dd45809757cd14bbcab"},
    {5 * LEAF, "4685a21d43fc14739971a6415a45da5d824f59c77dd36903c6872c967c435a4b"},
    {6 * LEAF + 1, "ab1d7fcbce4df87f79a2a741a8785102988c516015f43869b5ef2cc3ebadf10a"},
    {8 * LEAF - 1, "497014f500b070f1d64548d0fde7a2314f173ce73c85cb758e133efa737029a1"},
    {8 * LEAF, "b1530628e7f6f09b3ad64ee37db8d0991ad85b98d08e0e6d2dd6de6cc263b5e0"},
    {8 * LEAF + 1, "f70ae85c44cbe5f7211284ac7e25e0df051bb372d614949b97c4e5025cf95e4f"},
    {9 * LEAF + 1, "8e9dd9d7826f3da68814b216e62d4d3ec22f85c0a2bb55a4eca5f705a61a2055"},
    {64 * LEAF - 1, "983100185856d673b559da1e25914d88e088156ecd5f38358f1c9e38b94abed9"},
    {64 * LEAF, "388a50eb52ab3774660917f935e1ddbced6bce4385cc2a6fd537c1dd7886c5a6"},
    {64 * LEAF + 1, "585096694d8b16314e1a1c2cfb3f0ed1908f73031c67dfd1ecd80f981863f287"},
    {67 * LEAF + 5, "95a4ef6ece47d81fa567141a3bc85f1698f517b6dc8a1790bb5e724b5bbd78ec"},
    {MIB - 1, "490e55127522cdbdae124598abdbbc888c3a5aa1299aa65f89e443c4c8e3cacd"},
    {MIB, "62d021032f895d3d9566faab49a2d5a94971971333c4a34fb7935e6ddb52aa06"},
    {MIB + 1, "5c10387f0b2131e34d5476f5a049473d56f3b54241f2ee006a4bd8b2ea20c67d"},
    {8 * MIB - 1, "4921c4114f839f6cc6717779ed472eacb61b6c8596e0855a874ccb4f8faee83d"},
    {8 * MIB, "34ddb4b461545f93f4898456c9ab8048166ac505e81041007f49e7927670b815"},
    {8 * MIB + 1, "8b6509fd3329944e958cf584629fdd30f458986271c6da35099c9971686c098f"},
    {9 * MIB + 1, "4e2467578fec00885b2d2d06d8e0a2b56be1739b8f8b04a2eb7accb48d5f072e"},
    {15 * MIB + 12345, "66a12dbcc0a98d8c76de3f18366f649772c0b8a150a23b2087fec06826061aaa"},
    {16 * MIB, "a6177d2840737b9389242c6b31f14cb4e25f132c6e8409bdca476bf924dc87eb"},
    {16 * MIB + 1, "bffb918a122b540f44280a00e399e5979722dee1c9484e2f535ecf85d05d80db"},
    {71 * MIB - 3, "e764b67f1d3db4ea4a013fe9f3fc1a3d450b4d54d8985236672d756dd66ea105"},
};
enum {
    /* All, or those of at most 9 MiB and a byte where a sanitizer slows them. */
    KNOWN_COUNT = sizeof known / sizeof *known - (SANITIZED ? 4 : 0),
    /* More than enough for two threads; for as many as there ever are where nothing slows them. */
    MANY = KNOWN_COUNT - 1,
    /* What many threads digest at once: what is smaller than 2 MiB, or 10 MiB. */
    FIRST_USES = KNOWN_COUNT - 4
};

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
    for (size_t i = 0; i < FIRST_USES; i++) {
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
    enum { AT = 29 }; /* 9 MiB and a byte */
    (void)state;
    assert_true(known[AT].size == 9 * MIB + 1);
    unsigned char *moved = malloc(known[AT].size + 8);
    assert_non_null(moved);
    for (size_t shift = 0; shift < 8; shift += SANITIZED ? 3 : 1) {
        unsigned char out[LOCACHE_DIGEST_SIZE];
        memcpy(moved + shift, pattern, known[AT].size);
        locache_digest(out, moved + shift, known[AT].size);
        assert_true(is_known(out, AT));
    }
    free(moved);
}

/* Every leaf counts, and its place: in each lane, at the ends of what a thread takes, in the
 * rest. */
static void check_every_leaf(size_t size, size_t step)
{
    unsigned char whole[LOCACHE_DIGEST_SIZE];
    unsigned char out[LOCACHE_DIGEST_SIZE];
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    memcpy(bytes, pattern, size);
    locache_digest(whole, bytes, size);
    for (size_t at = 0; at < size;
         at += at + step < size || at == size - 1 ? step : size - 1 - at) {
        bytes[at] ^= 4;
        locache_digest(out, bytes, size);
        assert_memory_not_equal(out, whole, sizeof out);
        bytes[at] ^= 4;
    }
    for (size_t at = 0; at + 2 * LEAF <= size; at += step / LEAF * LEAF) {
        memcpy(bytes + at, pattern + at + LEAF, LEAF);
        memcpy(bytes + at + LEAF, pattern + at, LEAF);
        locache_digest(out, bytes, size);
        assert_memory_not_equal(out, whole, sizeof out);
        memcpy(bytes + at, pattern + at, 2 * LEAF);
    }
    locache_digest(out, bytes, size);
    assert_memory_equal(out, whole, sizeof out);
    free(bytes);
}

static void test_digest__sees_a_bit_and_the_place_of_every_leaf(void **state)
{
    (void)state;
    check_every_leaf(14 * LEAF + 5, LEAF + 67);
    check_every_leaf(131 * LEAF + 5, LEAF + 67);
    check_every_leaf((SANITIZED ? 8 : 14) * MIB + 5, (SANITIZED ? 4 : 1) * MIB + 65537);
}

/* Of several at once: what each has alone. */
static void test_digest__of_each_is_that_of_one_alone(void **state)
{
    enum { MOST = 11 };
    unsigned char each[MOST][LOCACHE_DIGEST_SIZE];
    unsigned char alone[LOCACHE_DIGEST_SIZE];
    const void *data[MOST];
    (void)state;
    for (size_t size = 0; size < 2 * LEAF; size += size < 400 ? 1 : size == 4000 ? 96 : 400) {
        for (size_t i = 0; i < MOST; i++)
            data[i] = pattern + 3 * LEAF * i + 5 * i;
        for (size_t count = 0; count <= MOST; count++) {
            memset(each, 0, sizeof each);
            locache_digest_each(each, data, size, count);
            for (size_t i = 0; i < MOST; i++) {
                locache_digest(alone, data[i], size);
                assert_int_equal(memcmp(each[i], alone, sizeof alone) == 0, i < count);
            }
        }
    }
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
        assert_true(from.largest <= LEAF);
        assert_false(from.disturbed);
    }
}

/* Cut into spans, some of them empty, of every size up to a few leaves. */
static size_t cut_up(lc_span *spans, size_t most, const unsigned char *data, size_t size,
                     unsigned seed)
{
    size_t count = 0;
    uint64_t random = seed;
    for (size_t at = 0; at < size; count++) {
        random = random * 6364136223846793005U + 1442695040888963407U;
        size_t part = (size_t)(random >> 33) % (random >> 63 ? 200 : 5 * LEAF);
        if (part > size - at || count == most - 1)
            part = size - at;
        spans[count] = (lc_span){part > 0 ? data + at : NULL, part};
        at += part;
    }
    if (count == 0)
        spans[count++] = (lc_span){NULL, 0};
    return count;
}

static void test_digest__of_spans_is_that_of_the_whole(void **state)
{
    enum { MOST = 4000 };
    lc_span *spans = malloc(MOST * sizeof *spans);
    (void)state;
    assert_non_null(spans);
    for (size_t i = 0; i < KNOWN_COUNT; i++) {
        for (unsigned seed = 0; seed < (known[i].size < MIB ? 20 : 1); seed++) {
            unsigned char out[LOCACHE_DIGEST_SIZE];
            lc_digest(out, spans, cut_up(spans, MOST, pattern, known[i].size, seed));
            if (!is_known(out, i))
                fail_msg("%zu bytes in spans, seed %u", known[i].size, seed);
        }
    }
    free(spans);
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
    /* Of 4 MiB each, and of more. */
    size_t size = SANITIZED ? (size_t)most * 4 * MIB : PATTERN_SIZE;
    assert_int_equal(threads_for(size), most - 1);
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
    assert_int_equal(threads_for(known[MANY].size), 0);
    locache_digest(out, pattern, known[MANY].size);
    assert_true(is_known(out, MANY));
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
            locache_digest(out, pattern, known[MANY].size);
            failed = fault_clear();
            assert_true(is_known(out, MANY));
        }
    }
}

static void test_digest__of_spans_needs_neither_threads_nor_memory(void **state)
{
    static const char *const calls[] = {"thread", "alloc"};
    lc_span spans[50];
    size_t count = cut_up(spans, 50, pattern, known[MANY].size, 3);
    (void)state;
    for (size_t c = 0; c < 2; c++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            unsigned char out[LOCACHE_DIGEST_SIZE];
            fault_set(calls[c], n, EAGAIN);
            lc_digest(out, spans, count);
            failed = fault_clear();
            assert_true(is_known(out, MANY));
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
        bool done = locache_digest_parts(out, known[MANY].size, fill_from, &from);
        failed = fault_clear();
        refused += !done;
        if (done)
            assert_true(is_known(out, MANY));
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
        locache_digest(out, pattern, known[MANY].size);
        *right &= is_known(out, MANY);
    }
    return NULL;
}

/* A child has none of its parent's threads, whatever they were doing, and needs none of them. */
static void test_digest__works_in_a_child_of_fork(void **state)
{
    pthread_t thread;
    bool right;
    (void)state;
    /* ThreadSanitizer starts no threads in a child of many. AddressSanitizer's list of threads
     * stays locked in a child that is made while the parent starts one, as this one always does. */
    if (SANITIZED)
        skip();
    atomic_store(&enough, false);
    assert_int_equal(pthread_create(&thread, NULL, digest_on, &right), 0);
    for (int i = 0; i < 10; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            unsigned char out[LOCACHE_DIGEST_SIZE];
            alarm(60);
            locache_digest(out, pattern, known[MANY].size);
            _exit(is_known(out, MANY) ? 0 : 1);
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
        cmocka_unit_test(test_digest__of_each_is_that_of_one_alone),
        cmocka_unit_test(test_digest__of_parts_is_that_of_the_whole),
        cmocka_unit_test(test_digest__of_spans_is_that_of_the_whole),
        cmocka_unit_test(test_digest__starts_threads_for_large_data_only),
        cmocka_unit_test(test_digest__is_the_same_on_one_processor),
        cmocka_unit_test(test_digest__needs_neither_threads_nor_memory),
        cmocka_unit_test(test_digest__of_spans_needs_neither_threads_nor_memory),
        cmocka_unit_test(test_digest__of_parts_says_where_memory_is_missing),
        cmocka_unit_test(test_digest__works_in_a_child_of_fork),
    };
    return cmocka_run_group_tests(tests, make_pattern, free_pattern);
}
