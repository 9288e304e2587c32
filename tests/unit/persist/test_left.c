/* Bodies of memoized C functions that are left without a return: nobody waits for them, and nothing
 * of their calls is left. */
#define LOCACHE_NO_SOURCE
#include "scratch.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <time.h>

enum { RETURN, JUMP, EXIT, STAY, NEST };

static atomic_int runs;
static atomic_int what; /* the next body does */
static jmp_buf back;

static void pause_for(int milliseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = milliseconds * 1000000L}, NULL);
}

LOCACHE_PERSIST(int, leave, (int, x), (const char *, long_text))
{
    (void)long_text;
    atomic_fetch_add(&runs, 1);
    int now = atomic_exchange(&what, RETURN);
    if (now == JUMP)
        longjmp(back, 1);
    if (now == EXIT)
        pthread_exit(NULL);
    while (now == STAY)
        pause_for(1);
    if (now == NEST) {
        atomic_store(&what, JUMP);
        return leave(x + 1, "") + 1;
    }
    return x;
}

LOCACHE_PERSIST(int, fib, (int, n))
{
    atomic_fetch_add(&runs, 1);
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/* Longer than a call has room for, so that its key is on the heap. */
static const char *text(void)
{
    static char out[1000];
    memset(out, 'x', sizeof out - 1);
    return out;
}

static void *call_from_thread(void *context)
{
    (void)context;
    if (leave(1, text()) != 1)
        abort();
    return NULL;
}

static void call_from_another_thread(void)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, call_from_thread, NULL), 0);
    pthread_join(thread, NULL);
}

/* Functions keep their handles: a process for each test. */
static void in_process(void (*fn)(void *context))
{
    atomic_store(&runs, 0);
    assert_int_equal(locache_set_dir(foo, &error), LOCACHE_OK);
    wait_for(in_child(fn, NULL));
}

static void jump_and_call_again(void *unused)
{
    (void)unused;
    for (volatile int i = 0; i < 3; i++) {
        atomic_store(&what, JUMP);
        if (setjmp(back) == 0) {
            leave(1, text());
            child_require(false);
        }
    }
    child_require(atomic_load(&runs) == 3);
    child_require(leave(1, text()) == 1 && atomic_load(&runs) == 4);
    child_require(leave(1, text()) == 1 && atomic_load(&runs) == 4);
}

static void test_left__a_body_that_was_jumped_out_of_runs_again(void **unused)
{
    (void)unused;
    in_process(jump_and_call_again);
}

static void jump_over_two(void *unused)
{
    (void)unused;
    atomic_store(&what, NEST);
    if (setjmp(back) == 0) {
        leave(1, text());
        child_require(false);
    }
    child_require(leave(1, text()) == 1 && leave(2, "") == 2);
}

static void test_left__a_jump_out_of_two_bodies(void **unused)
{
    (void)unused;
    in_process(jump_over_two);
}

#ifdef __GLIBC__
/* The thread that jumped calls nothing any more. */
static void jump_and_let_others_call(void *unused)
{
    (void)unused;
    atomic_store(&what, JUMP);
    if (setjmp(back) == 0)
        leave(1, text());
    call_from_another_thread();
    child_require(atomic_load(&runs) == 2);
}

static void test_left__others_need_not_wait_for_who_jumped(void **unused)
{
    (void)unused;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* frames are not on the stack */
#endif
    in_process(jump_and_let_others_call);
}
#endif

static void exit_and_let_others_call(void *unused)
{
    (void)unused;
    atomic_store(&what, EXIT);
    call_from_another_thread();
    call_from_another_thread();
    child_require(atomic_load(&runs) == 2);
}

static void test_left__a_thread_that_ends_in_a_body(void **unused)
{
    (void)unused;
    in_process(exit_and_let_others_call);
}

static void cancel_and_let_others_call(void *unused)
{
    pthread_t computes, waits, alone;
    (void)unused;
    atomic_store(&what, STAY);
    pthread_create(&computes, NULL, call_from_thread, NULL);
    while (atomic_load(&runs) == 0)
        pause_for(1);
    pthread_create(&waits, NULL, call_from_thread, NULL);
    pthread_create(&alone, NULL, call_from_thread, NULL);
    pause_for(20);
    /* One that waits, and then the one that computes. */
    pthread_cancel(waits);
    pthread_join(waits, NULL);
    child_require(atomic_load(&runs) == 1);
    pthread_cancel(computes);
    pthread_join(computes, NULL);
    pthread_join(alone, NULL);
    child_require(atomic_load(&runs) == 2);
    child_require(leave(1, text()) == 1 && atomic_load(&runs) == 2);
}

static void test_left__cancelled_threads(void **unused)
{
    (void)unused;
    in_process(cancel_and_let_others_call);
}

static void recurse(void *unused)
{
    (void)unused;
    child_require(fib(40) == 102334155 && atomic_load(&runs) == 41);
}

static void test_left__recursion_is_not_left(void **unused)
{
    (void)unused;
    in_process(recurse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_left__a_body_that_was_jumped_out_of_runs_again),
        scratch_test(test_left__a_jump_out_of_two_bodies),
#ifdef __GLIBC__
        scratch_test(test_left__others_need_not_wait_for_who_jumped),
#endif
        scratch_test(test_left__a_thread_that_ends_in_a_body),
        scratch_test(test_left__cancelled_threads),
        scratch_test(test_left__recursion_is_not_left),
    };
    return cmocka_run_group_tests_name("left", tests, NULL, NULL);
}
