/* Results asked for by several threads at once: one computes, whoever it is, and no wait is in vain
 * or for itself. Counts are exact. Built with ThreadSanitizer too. */
#include "scratch.h"

#include "fault.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define MILLISECOND 1000000L

static const locache_record result = {.size = sizeof result,
                                      .codec = LOCACHE_CODEC_RAW,
                                      .body = "r",
                                      .body_size = 1,
                                      .compute_time = 7};

static atomic_int computed;

static bool is_long(void)
{
    return getenv("LOCACHE_TEST_LONG") != NULL;
}

static void pause_for(long nanoseconds)
{
    nanosleep(&(struct timespec){.tv_nsec = nanoseconds}, NULL);
}

/* Without cmocka's asserts, which are for the main thread. */
#define require(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

typedef struct asked {
    locache_status status;
    locache_flight *flight;
    int64_t created; /* of what was stored */
} asked;

static asked ask_for(locache *cache, int64_t x, locache_request *request)
{
    key k = key_of(x);
    locache_value *value = NULL;
    locache_error own;
    locache_request plain = {.size = sizeof plain};
    asked out = {.flight = NULL};
    if (request == NULL)
        request = &plain;
    request->key = k.bytes;
    request->key_size = k.size;
    out.status = locache_ask(&value, &out.flight, cache, request, &own);
    require((out.status == LOCACHE_OK) == (value != NULL));
    require((out.status == LOCACHE_MISS) == (out.flight != NULL));
    if (value != NULL)
        out.created = locache_value_created(value);
    locache_value_free(value);
    if (request == &plain)
        locache_give_up(request);
    return out;
}

/* A call of a memoized function. */
static void call(locache *cache, int64_t x)
{
    asked it = ask_for(cache, x, NULL);
    if (it.status == LOCACHE_MISS) {
        atomic_fetch_add(&computed, 1);
        pause_for(MILLISECOND / 10);
        require(locache_commit(it.flight, &result, NULL) == LOCACHE_OK);
    } else {
        require(it.status == LOCACHE_OK);
    }
}

typedef struct crowd {
    locache *cache;
    int keys;
} crowd;

static void *call_all(void *context)
{
    crowd *all = context;
    for (int x = 0; x < all->keys; x++)
        call(all->cache, x);
    return NULL;
}

static void run_threads(int count, void *(*run)(void *), void *context)
{
    pthread_t threads[64];
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, context), 0);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void test_ask__threads_compute_each_key_once(void **unused)
{
    (void)unused;
    int keys = is_long() ? 1000 : 20;
    for (int round = 0; round < (is_long() ? 20 : 2); round++) {
        locache *cache = open_function(round % 2 == 0 ? "even" : "odd");
        assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
        atomic_store(&computed, 0);
        run_threads(64, call_all, &(crowd){cache, keys});
        assert_int_equal(atomic_load(&computed), keys);
        locache_close(cache);
    }
}

/* Two handles of one function exclude each other, as those of two libraries in a program. */
static void *call_by_own_handle(void *context)
{
    crowd *all = context;
    locache_error own;
    locache *cache = NULL;
    locache_options options = options_for("my_func");
    require(locache_open(&cache, foo, &options, &own) == LOCACHE_OK);
    call_all(&(crowd){cache, all->keys});
    locache_close(cache);
    return NULL;
}

static void test_ask__handles_of_one_function_compute_once(void **unused)
{
    (void)unused;
    atomic_store(&computed, 0);
    run_threads(8, call_by_own_handle, &(crowd){NULL, 50});
    assert_int_equal(atomic_load(&computed), 50);
}

/* ----------------------------------------------------------------------------- what ends a wait */

static void *abandon_later(void *context)
{
    pause_for(20 * MILLISECOND);
    locache_abandon(context);
    return NULL;
}

static void test_ask__who_waits_for_what_is_abandoned_computes(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    asked first =
        ask_for(cache, 1, &(locache_request){.size = sizeof(locache_request), .detached = true});
    pthread_t thread;
    assert_int_equal(first.status, LOCACHE_MISS);
    assert_int_equal(pthread_create(&thread, NULL, abandon_later, first.flight), 0);
    asked second = ask_for(cache, 1, NULL);
    assert_int_equal(second.status, LOCACHE_MISS);
    pthread_join(thread, NULL);
    assert_int_equal(locache_commit(second.flight, &result, &error), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

static void *fail_later(void *context)
{
    pause_for(500 * MILLISECOND); /* by then all eight wait for it */
    require(locache_commit(context, NULL, NULL) == LOCACHE_EINVAL);
    return NULL;
}

static void *wait_and_meet(void *context)
{
    crowd *all = context;
    asked it = ask_for(all->cache, 1, NULL);
    require(it.status == LOCACHE_MISS);
    /* All of them at once: one that waited for the other would not get here. */
    atomic_fetch_add(&computed, 1);
    while (atomic_load(&computed) < all->keys)
        pause_for(MILLISECOND);
    locache_abandon(it.flight);
    return NULL;
}

static void *wait_eight(void *context)
{
    run_threads(8, wait_and_meet, context);
    return NULL;
}

static void test_ask__where_a_result_cannot_be_stored_all_who_wait_compute(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    crowd all = {cache, 8};
    pthread_t waiting, failing;
    asked first =
        ask_for(cache, 1, &(locache_request){.size = sizeof(locache_request), .detached = true});
    atomic_store(&computed, 0);
    assert_int_equal(pthread_create(&waiting, NULL, wait_eight, &all), 0);
    assert_int_equal(pthread_create(&failing, NULL, fail_later, first.flight), 0);
    pthread_join(waiting, NULL);
    pthread_join(failing, NULL);
    assert_int_equal(atomic_load(&computed), 8);
    locache_close(cache);
}

static void test_ask__a_wait_is_bounded_and_may_go_on(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    options.wait = 10 * MILLISECOND;
    locache *cache = open_with(&options);
    key k = key_of(1);
    locache_value *value = NULL;
    locache_flight *flight = NULL;
    locache_request detached = {.size = sizeof detached, .detached = true};
    locache_request at_once = {.size = sizeof at_once, .detached = true, .wait = -1};
    asked first = ask_for(cache, 1, &detached);
    assert_int_equal(locache_begin(&value, &flight, cache, k.bytes, k.size, &error),
                     LOCACHE_PENDING);
    assert_null(flight);
    assert_int_equal(ask_for(cache, 1, &at_once).status, LOCACHE_PENDING);
    assert_int_equal(ask_for(cache, 1, &at_once).status, LOCACHE_PENDING);
    assert_int_equal(locache_commit(first.flight, &result, &error), LOCACHE_OK);
    assert_int_equal(ask_for(cache, 1, &at_once).status, LOCACHE_OK);
    assert_null(at_once.waits);
    locache_close(cache);
}

static void test_ask__a_handle_may_be_closed_before_its_flights(void **unused)
{
    (void)unused;
    int before = open_descriptors();
    locache *cache = open_function("my_func");
    asked it = ask_for(cache, 1, NULL);
    locache_close(cache);
    assert_int_equal(locache_commit(it.flight, &result, &error), LOCACHE_OK);
    assert_int_equal(open_descriptors(), before);
    cache = open_function("my_func");
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

/* ---------------------------------------------------------------------------------------
 * circles */

static atomic_int arrived;

typedef struct pair {
    locache *cache;
    int64_t own;
    int64_t other;
    int count;
} pair;

/* Compute one, and within it ask for the other, when all compute theirs. */
static void *ask_for_the_next(void *context)
{
    pair *mine = context;
    asked outer = ask_for(mine->cache, mine->own, NULL);
    require(outer.status == LOCACHE_MISS);
    atomic_fetch_add(&arrived, 1);
    while (atomic_load(&arrived) < mine->count)
        pause_for(MILLISECOND);
    asked inner = ask_for(mine->cache, mine->other, NULL);
    if (inner.status == LOCACHE_MISS) {
        atomic_fetch_add(&computed, 1);
        require(locache_commit(inner.flight, &result, NULL) == LOCACHE_OK);
    }
    require(locache_commit(outer.flight, &result, NULL) == LOCACHE_OK);
    return NULL;
}

static void test_ask__threads_that_wait_in_a_circle_go_on(void **unused)
{
    (void)unused;
    for (int count = 2; count <= 5; count++) {
        locache *cache = open_function("my_func");
        pair pairs[5];
        pthread_t threads[5];
        assert_int_equal(locache_reset(cache, &error), LOCACHE_OK);
        atomic_store(&arrived, 0);
        atomic_store(&computed, 0);
        for (int i = 0; i < count; i++) {
            pairs[i] = (pair){cache, i, (i + 1) % count, count};
            assert_int_equal(pthread_create(&threads[i], NULL, ask_for_the_next, &pairs[i]), 0);
        }
        for (int i = 0; i < count; i++)
            pthread_join(threads[i], NULL);
        /* Who closed the circle computed, the others found what they waited for. */
        assert_int_equal(atomic_load(&computed), 1);
        locache_close(cache);
    }
}

static void test_ask__what_is_within_itself_is_computed(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_request task = {.size = sizeof task, .detached = true};
    asked outer = ask_for(cache, 1, &task);
    locache_request inner = {.size = sizeof inner, .detached = true, .within = outer.flight};
    asked middle = ask_for(cache, 2, &inner);
    locache_request innermost = {.size = sizeof inner, .detached = true, .within = middle.flight};
    asked again = ask_for(cache, 1, &innermost);
    assert_int_equal(again.status, LOCACHE_MISS);
    /* Not within it, it waits. */
    locache_request another = {.size = sizeof another, .detached = true, .wait = -1};
    assert_int_equal(ask_for(cache, 1, &another).status, LOCACHE_PENDING);
    locache_give_up(&another);
    locache_abandon(outer.flight);
    locache_abandon(again.flight);
    locache_abandon(middle.flight);
    locache_close(cache);
}

static void test_ask__tasks_that_wait_in_a_circle_go_on(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    asked one =
        ask_for(cache, 1, &(locache_request){.size = sizeof(locache_request), .detached = true});
    asked two =
        ask_for(cache, 2, &(locache_request){.size = sizeof(locache_request), .detached = true});
    locache_request first = {
        .size = sizeof first, .detached = true, .wait = -1, .within = one.flight};
    locache_request second = {
        .size = sizeof second, .detached = true, .wait = -1, .within = two.flight};
    assert_int_equal(ask_for(cache, 2, &first).status, LOCACHE_PENDING);
    asked closes = ask_for(cache, 1, &second);
    assert_int_equal(closes.status, LOCACHE_MISS);
    assert_int_equal(locache_commit(closes.flight, &result, &error), LOCACHE_OK);
    assert_int_equal(ask_for(cache, 2, &first).status, LOCACHE_PENDING);
    assert_int_equal(locache_commit(two.flight, &result, &error), LOCACHE_OK);
    assert_int_equal(ask_for(cache, 2, &first).status, LOCACHE_OK);
    locache_abandon(one.flight);
    locache_close(cache);
}

/* A thread that computes takes over what a task began: what the task asks for is within both. */
static void test_ask__what_is_adopted_is_within_what_the_thread_computes(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    asked task =
        ask_for(cache, 1, &(locache_request){.size = sizeof(locache_request), .detached = true});
    asked outer = ask_for(cache, 2, NULL);
    assert_true(task.status == LOCACHE_MISS && outer.status == LOCACHE_MISS);
    locache_adopt(task.flight);
    asked within = ask_for(cache, 2, NULL);
    assert_int_equal(within.status, LOCACHE_MISS);
    locache_abandon(within.flight);
    assert_int_equal(locache_commit(task.flight, &result, &error), LOCACHE_OK);
    assert_int_equal(locache_commit(outer.flight, &result, &error), LOCACHE_OK);
    for (int x = 1; x <= 2; x++)
        assert_int_equal(ask_for(cache, x, NULL).status, LOCACHE_OK);
    locache_close(cache);
}

/* -------------------------------------------------------------------------------- misses in a row
 */

static int looks;
static int locks;

static int count_looks_and_locks(const char *call)
{
    looks += strcmp(call, "openat") == 0 || strcmp(call, "fstatat") == 0;
    locks += strcmp(call, "lockrange") == 0;
    return 0;
}

/* Ask, and count what that asks of the system. */
static asked counted_ask(locache *cache, int64_t x)
{
    looks = locks = 0;
    lc_fault_hook = count_looks_and_locks;
    asked it = ask_for(cache, x, NULL);
    lc_fault_hook = NULL;
    return it;
}

static void miss_in_a_row(locache *cache, int64_t first)
{
    for (int64_t x = first; x < first + 5; x++) {
        asked it = ask_for(cache, x, NULL);
        assert_int_equal(it.status, LOCACHE_MISS);
        assert_int_equal(locache_commit(it.flight, &result, &error), LOCACHE_OK);
    }
}

static void test_ask__after_misses_in_a_row_it_is_looked_up_once(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    miss_in_a_row(cache, 0);
    asked it = counted_ask(cache, 10);
    assert_int_equal(it.status, LOCACHE_MISS);
    assert_int_equal(looks, 1);
    assert_int_equal(locks, 1);
    locache_abandon(it.flight);
    locache_close(cache);
}

static void test_ask__a_hit_ends_a_row_of_misses(void **unused)
{
    (void)unused;
    locache *theirs = open_function("my_func");
    locache *cache = open_function("my_func");
    for (int64_t x = 10; x < 12; x++)
        must_put(theirs, x, "theirs");
    miss_in_a_row(cache, 0);
    assert_int_equal(counted_ask(cache, 10).status, LOCACHE_OK);
    assert_int_equal(locks, 1);
    assert_int_equal(counted_ask(cache, 11).status, LOCACHE_OK);
    assert_int_equal(locks, 0);
    assert_int_equal(looks, 1);
    locache_close(theirs);
    locache_close(cache);
}

/* What is there already is not waited for, though somebody has its turn to compute it anew. */
static void test_ask__in_a_row_of_misses_what_is_there_is_not_waited_for(void **unused)
{
    (void)unused;
    locache *theirs = open_function("my_func");
    locache *cache = open_function("my_func");
    must_put(theirs, 10, "theirs");
    locache_request anew = {.size = sizeof anew, .detached = true, .fresh = true};
    asked first = ask_for(theirs, 10, &anew);
    assert_int_equal(first.status, LOCACHE_MISS);
    miss_in_a_row(cache, 0);
    locache_request second = {.size = sizeof second, .detached = true, .wait = -1};
    assert_int_equal(ask_for(cache, 10, &second).status, LOCACHE_OK);
    locache_abandon(first.flight);
    locache_close(theirs);
    locache_close(cache);
}

/* A handle that found no directory looks under the turn alone: what others stored since is there,
 * and is not waited for. */
static void test_ask__without_a_directory_it_is_looked_for_under_the_turn(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache *later = open_function("my_func");
    locache *theirs = open_function("my_func");
    must_put(theirs, 10, "theirs");
    assert_int_equal(counted_ask(cache, 10).status, LOCACHE_OK);
    assert_int_equal(locks, 1);
    assert_int_equal(counted_ask(cache, 10).status, LOCACHE_OK);
    assert_int_equal(locks, 0);
    locache_request anew = {.size = sizeof anew, .detached = true, .fresh = true};
    asked first = ask_for(theirs, 10, &anew);
    assert_int_equal(first.status, LOCACHE_MISS);
    locache_request second = {.size = sizeof second, .detached = true, .wait = -1};
    assert_int_equal(ask_for(later, 10, &second).status, LOCACHE_OK);
    locache_abandon(first.flight);
    locache_close(theirs);
    locache_close(later);
    locache_close(cache);
}

/* What was stored before is as good as nothing: one computes, others wait for it, and what it
 * stores counts. */
static void test_ask__newer_than_what_is_stored(void **unused)
{
    (void)unused;
    locache *theirs = open_function("my_func");
    locache *cache = open_function("my_func");
    must_put(cache, 1, "earlier");
    asked stored = ask_for(cache, 1, NULL);
    assert_int_equal(stored.status, LOCACHE_OK);
    int64_t created = stored.created;
    locache_request counts = {.size = sizeof counts, .newer_than = created};
    assert_int_equal(ask_for(cache, 1, &counts).status, LOCACHE_OK);
    locache_request later = {.size = sizeof later, .detached = true, .newer_than = created + 1};
    asked first = ask_for(cache, 1, &later);
    assert_int_equal(first.status, LOCACHE_MISS);
    locache_request second = {.size = sizeof second, .wait = -1, .newer_than = created + 1};
    assert_int_equal(ask_for(theirs, 1, &second).status, LOCACHE_PENDING);
    assert_int_equal(locache_commit(first.flight, &result, &error), LOCACHE_OK);
    stored = ask_for(theirs, 1, &second);
    assert_int_equal(stored.status, LOCACHE_OK);
    assert_true(stored.created > created);
    locache_close(theirs);
    locache_close(cache);
}

/* A program of an earlier header does not have the member: what stands behind is not read. */
static void test_ask__a_shorter_request_is_of_any_time(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    must_put(cache, 1, "earlier");
    locache_request shorter = {.size = offsetof(locache_request, newer_than),
                               .newer_than = INT64_MAX};
    assert_int_equal(ask_for(cache, 1, &shorter).status, LOCACHE_OK);
    locache_close(cache);
}

static int rejected;

static void count_rejected(void *context, const locache_event *event)
{
    (void)context;
    rejected += event->kind == LOCACHE_EVENT_REJECT;
}

static void test_ask__in_a_row_of_misses_a_damaged_entry_is_told_and_computed(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    miss_in_a_row(cache, 0);
    write_text(in_foo("my_func/x=2"), "damaged");
    locache_set_log(count_rejected, NULL);
    asked it = ask_for(cache, 2, NULL);
    locache_set_log(NULL, NULL);
    assert_int_equal(it.status, LOCACHE_MISS);
    assert_int_equal(rejected, 1);
    assert_int_equal(locache_commit(it.flight, &result, &error), LOCACHE_OK);
    assert_hit(cache, 2, "r");
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test_long(test_ask__threads_compute_each_key_once),
        scratch_test(test_ask__handles_of_one_function_compute_once),
        scratch_test(test_ask__who_waits_for_what_is_abandoned_computes),
        scratch_test(test_ask__where_a_result_cannot_be_stored_all_who_wait_compute),
        scratch_test(test_ask__a_wait_is_bounded_and_may_go_on),
        scratch_test(test_ask__a_handle_may_be_closed_before_its_flights),
        scratch_test(test_ask__threads_that_wait_in_a_circle_go_on),
        scratch_test(test_ask__what_is_within_itself_is_computed),
        scratch_test(test_ask__tasks_that_wait_in_a_circle_go_on),
        scratch_test(test_ask__what_is_adopted_is_within_what_the_thread_computes),
        scratch_test(test_ask__after_misses_in_a_row_it_is_looked_up_once),
        scratch_test(test_ask__a_hit_ends_a_row_of_misses),
        scratch_test(test_ask__in_a_row_of_misses_what_is_there_is_not_waited_for),
        scratch_test(test_ask__without_a_directory_it_is_looked_for_under_the_turn),
        scratch_test(test_ask__in_a_row_of_misses_a_damaged_entry_is_told_and_computed),
        scratch_test(test_ask__newer_than_what_is_stored),
        scratch_test(test_ask__a_shorter_request_is_of_any_time),
    };
    return cmocka_run_group_tests_name("ask", tests, NULL, NULL);
}
