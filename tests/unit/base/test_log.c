/* Events and their receiver: one at a time, with its own context. */
#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

typedef struct seen {
    int count;
    locache_event_kind kind;
    char function[32], path[32], detail[32];
} seen;

static void keep(void *context, const locache_event *event)
{
    seen *into = context;
    into->count++;
    into->kind = event->kind;
    strcpy(into->function, event->function);
    strcpy(into->path, event->path);
    strcpy(into->detail, event->detail);
}

static void test_log__nobody_listens_at_first(void **state)
{
    (void)state;
    assert_false(lc_log_wanted());
    lc_log(LOCACHE_EVENT_HIT, "f", "/p", "");
}

static void test_log__receiver_gets_the_event(void **state)
{
    seen got = {0};
    (void)state;
    locache_set_log(keep, &got);
    assert_true(lc_log_wanted());
    lc_log(LOCACHE_EVENT_STORE, "my_func", "/a/x=1", "because");
    assert_int_equal(got.count, 1);
    assert_int_equal(got.kind, LOCACHE_EVENT_STORE);
    assert_string_equal(got.function, "my_func");
    assert_string_equal(got.path, "/a/x=1");
    assert_string_equal(got.detail, "because");
    lc_log(LOCACHE_EVENT_REJECT, "g", "/b", NULL);
    assert_int_equal(got.count, 2);
    assert_string_equal(got.detail, "");
    locache_set_log(NULL, NULL);
}

static void test_log__null_stops_it(void **state)
{
    seen got = {0};
    (void)state;
    locache_set_log(keep, &got);
    locache_set_log(NULL, &got);
    assert_false(lc_log_wanted());
    lc_log(LOCACHE_EVENT_HIT, "f", "/p", "");
    assert_int_equal(got.count, 0);
}

static void test_log__last_receiver_replaces_the_one_before(void **state)
{
    seen first = {0};
    seen second = {0};
    (void)state;
    locache_set_log(keep, &first);
    locache_set_log(keep, &second);
    lc_log(LOCACHE_EVENT_HIT, "f", "/p", "");
    assert_int_equal(first.count, 0);
    assert_int_equal(second.count, 1);
    locache_set_log(NULL, NULL);
}

static void keep_and_stop(void *context, const locache_event *event)
{
    locache_set_log(NULL, NULL);
    keep(context, event);
    lc_log(LOCACHE_EVENT_HIT, "inner", "/", "");
}

static void test_log__receiver_may_change_the_receiver_and_log(void **state)
{
    seen got = {0};
    (void)state;
    locache_set_log(keep_and_stop, &got);
    lc_log(LOCACHE_EVENT_RESET, "outer", "/", "");
    lc_log(LOCACHE_EVENT_RESET, "outer", "/", "");
    assert_int_equal(got.count, 1);
    assert_string_equal(got.function, "outer");
}

/* Two receivers, each of which knows the context that it must come with. */
static atomic_int wrong_pairs, calls, stop;
static int context_a, context_b;

static void receive_a(void *context, const locache_event *event)
{
    (void)event;
    atomic_fetch_add(&calls, 1);
    if (context != &context_a)
        atomic_fetch_add(&wrong_pairs, 1);
}

static void receive_b(void *context, const locache_event *event)
{
    (void)event;
    atomic_fetch_add(&calls, 1);
    if (context != &context_b)
        atomic_fetch_add(&wrong_pairs, 1);
}

static void *log_until_stopped(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop))
        lc_log(LOCACHE_EVENT_HIT, "f", "/p", "");
    return NULL;
}

static void *set_in_turn(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20000; i++) {
        locache_set_log(receive_a, &context_a);
        locache_set_log(receive_b, &context_b);
        locache_set_log(NULL, NULL);
    }
    return NULL;
}

static void test_log__receiver_always_comes_with_its_own_context(void **state)
{
    pthread_t loggers[3];
    pthread_t setters[2];
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&loggers[i], NULL, log_until_stopped, NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&setters[i], NULL, set_in_turn, NULL), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(setters[i], NULL), 0);
    locache_set_log(receive_a, &context_a);
    lc_log(LOCACHE_EVENT_HIT, "f", "/p", "");
    atomic_store(&stop, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_join(loggers[i], NULL), 0);
    locache_set_log(NULL, NULL);
    assert_true(atomic_load(&calls) > 0);
    assert_int_equal(atomic_load(&wrong_pairs), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__nobody_listens_at_first),
        cmocka_unit_test(test_log__receiver_gets_the_event),
        cmocka_unit_test(test_log__null_stops_it),
        cmocka_unit_test(test_log__last_receiver_replaces_the_one_before),
        cmocka_unit_test(test_log__receiver_may_change_the_receiver_and_log),
        cmocka_unit_test(test_log__receiver_always_comes_with_its_own_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
