/* Deep work: where it is done, and what it leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/deep.h"

#include "fault.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define GO_DOWN "go down"

/* What was seen where the work was done. */
typedef struct seen {
    pthread_t thread;
    int code;
    bool ran;
} seen;

static void look(void *context)
{
    seen *this = context;
    *this = (seen){.thread = pthread_self(), .code = errno, .ran = true};
    errno = EDOM;
}

static void test_deep__a_stack_with_room_is_used(void **unused)
{
    (void)unused;
    seen all = {.ran = false};
    errno = ERANGE;
    assert_true(lc_deep_run(look, &all));
    assert_int_equal(errno, EDOM);
    assert_true(all.ran && pthread_equal(all.thread, pthread_self()));
    assert_int_equal(all.code, ERANGE);
}

static void *work(void *context)
{
    seen *this = context;
    errno = ERANGE;
    bool done = lc_deep_run(look, this);
    bool elsewhere = !pthread_equal(this->thread, pthread_self());
    return done && elsewhere && errno == EDOM && this->code == ERANGE ? this : NULL;
}

static void test_deep__a_small_thread_has_it_done_by_another(void **unused)
{
    (void)unused;
    seen all = {.ran = false};
    pthread_attr_t small;
    pthread_t thread;
    void *right = NULL;
    pthread_attr_init(&small);
    assert_int_equal(pthread_attr_setstacksize(&small, 64 << 10), 0);
    assert_int_equal(pthread_create(&thread, &small, work, &all), 0);
    pthread_join(thread, &right);
    pthread_attr_destroy(&small);
    assert_non_null(right);
}

static ucontext_t back, fiber;
static seen of_fiber;
static bool was_run;

static void work_on_fiber(void)
{
    was_run = lc_deep_run(look, &of_fiber);
}

static void run_fiber(void)
{
    static char stack[64 << 10];
    of_fiber = (seen){.ran = false};
    getcontext(&fiber);
    fiber.uc_stack.ss_sp = stack;
    fiber.uc_stack.ss_size = sizeof stack;
    fiber.uc_link = &back;
    makecontext(&fiber, work_on_fiber, 0);
    swapcontext(&back, &fiber);
}

static void test_deep__a_stack_of_the_programs_own_is_taken_for_a_small_one(void **unused)
{
    (void)unused;
    run_fiber();
    assert_true(was_run && of_fiber.ran);
    assert_false(pthread_equal(of_fiber.thread, pthread_self()));
}

static void test_deep__without_a_thread_nothing_is_run(void **unused)
{
    (void)unused;
    fault_set("thread", 1, EAGAIN);
    run_fiber();
    assert_true(fault_clear());
    assert_false(was_run || of_fiber.ran);
}

/* In a process whose environment is larger than what the stack has to have left: 0, the work was
 * done on another one. */
static __attribute__((noinline)) int go_down(uintptr_t lowest)
{
    volatile char room[4096];
    room[0] = 1;
    if ((uintptr_t)room - lowest > 100 << 10)
        return go_down(lowest) + room[0] - 1;
    seen all = {.ran = false};
    return lc_deep_run(look, &all) && !pthread_equal(all.thread, pthread_self()) ? 0 : 3;
}

static int go_down_to_the_end(void)
{
    pthread_attr_t attributes;
    void *lowest;
    size_t size;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0 ||
        pthread_attr_getstack(&attributes, &lowest, &size) != 0)
        return 2;
    pthread_attr_destroy(&attributes);
    return go_down((uintptr_t)lowest);
}

static void test_deep__a_large_environment_lies_on_the_stack(void **unused)
{
    (void)unused;
    static char large[12][100000];
    char *environment[13] = {NULL};
    char *arguments[] = {(char *)"test_deep", (char *)GO_DOWN, NULL};
    int status;
    for (int i = 0; i < 12; i++) {
        memset(large[i], 'x', sizeof large[i] - 1);
        large[i][1] = '=';
        environment[i] = large[i];
    }
    pid_t child = fork();
    if (child == 0) {
        execve("/proc/self/exe", arguments, environment);
        _exit(4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], GO_DOWN) == 0)
        return go_down_to_the_end();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deep__a_stack_with_room_is_used),
        cmocka_unit_test(test_deep__a_small_thread_has_it_done_by_another),
        cmocka_unit_test(test_deep__a_stack_of_the_programs_own_is_taken_for_a_small_one),
        cmocka_unit_test(test_deep__a_large_environment_lies_on_the_stack),
        cmocka_unit_test(test_deep__without_a_thread_nothing_is_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
