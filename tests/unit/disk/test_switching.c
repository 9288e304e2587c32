/* The lock on .versions/, by processes that start at once and all want it. */
#include "orphan.h"
#include "sanitized.h"
#include "scratch.h"

#include "base/fault.h"

#include <string.h>

/* So many processes, of as many functions: a switch of versions each. */
typedef struct start {
    int gate;
    int functions;
    int number;
    bool slow;
} start;

/* What asks a server elsewhere takes 10 ms there. */
static int slow_metadata(const char *call)
{
    static const char *const calls[] = {"openat", "mkdir", "unlink", "rename", "fstatat"};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strcmp(call, calls[i]) == 0)
            usleep(10000);
    }
    return 0;
}

static void start_one(void *context)
{
    const start *in = context;
    char byte;
    child_require(read(in->gate, &byte, 1) == 0);
    if (in->slow)
        lc_fault_hook = slow_metadata;
    locache *cache = open_function(function_name(in->number % in->functions));
    child_require(put(cache, in->number, "r") == LOCACHE_OK);
    child_require(get(cache, in->number, "r") == LOCACHE_OK);
    locache_close(cache);
}

static void start_at_once(int count, int functions, bool slow)
{
    enum { MOST = 2000 };
    static pid_t children[MOST];
    int ends[2];
    assert_in_range(count, 1, MOST);
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < count; i++) {
        start one = {.gate = ends[0], .functions = functions, .number = i, .slow = slow};
        fflush(NULL);
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            close(ends[1]);
            alarm(300);
            start_one(&one);
            _exit(0);
        }
    }
    close(ends[1]);
    for (int i = 0; i < count; i++)
        wait_for(children[i]);
    close(ends[0]);
    printf("%d processes of %d functions started at once%s: none gave up\n", count, functions,
           slow ? ", with 10 ms for each call on metadata" : "");
    remove_all(foo);
}

static bool is_long(void)
{
    return getenv("LOCACHE_TEST_LONG") != NULL;
}

static void test_switching__many_start_at_once_and_none_gives_up(void **unused)
{
    (void)unused;
    int count = is_long() ? 2000 : SANITIZED ? 60 : 300;
    start_at_once(count, 1, false);
    start_at_once(count, count, false);
}

/* The last waits longer than a lock that nobody gives up is waited for. */
static void test_switching__a_slow_disk_makes_nobody_give_up(void **unused)
{
    (void)unused;
    int count = is_long() ? 200 : 12;
    start_at_once(count, 1, true);
    start_at_once(count, count, true);
}

static void begin_a_function(void)
{
    locache *cache = open_function("killed");
    orphan_from_now();
    (void)!put(cache, 1, "r");
}

/* Somebody else's thread forks, and the process is killed, in the middle of a switch. */
static void test_switching__a_child_has_no_part_in_the_lock(void **unused)
{
    (void)unused;
    int child = orphan_of("rename", begin_a_function, true);
    /* It would give up after seconds. */
    locache *cache = open_function("another");
    must_put(cache, 1, "r");
    assert_hit(cache, 1, "r");
    locache_close(cache);
    close(child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test_long(test_switching__many_start_at_once_and_none_gives_up),
        scratch_test_long(test_switching__a_slow_disk_makes_nobody_give_up),
        scratch_test(test_switching__a_child_has_no_part_in_the_lock),
    };
    return cmocka_run_group_tests_name("switching", tests, NULL, NULL);
}
