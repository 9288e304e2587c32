/* A flight: who begins one, and what its commit and its abandoning leave. */
#include "scratch.h"

#include "fault.h"
#include "sanitized.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <time.h>

static const locache_record result = {.size = sizeof result,
                                      .codec = LOCACHE_CODEC_RAW,
                                      .body = "r",
                                      .body_size = 1,
                                      .compute_time = 7};

/* The status of asking for x; where it is OK, the value is freed. */
static locache_status begin(locache_flight **flight, locache *cache, int64_t x)
{
    key k = key_of(x);
    locache_value *value = NULL;
    locache_status status = locache_begin(&value, flight, cache, k.bytes, k.size, &error);
    assert_true((status == LOCACHE_OK) == (value != NULL));
    locache_value_free(value);
    return status;
}

static void test_flight__a_miss_gives_a_flight_and_a_hit_none(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight = NULL;
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(error.status, LOCACHE_OK);
    assert_non_null(flight);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    flight = NULL;
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_OK);
    assert_null(flight);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

static void test_flight__what_is_abandoned_is_not_there(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight;
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    locache_abandon(flight);
    locache_abandon(NULL);
    assert_miss(cache, 1);
    assert_int_equal(count_of(cache), 0);
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

static void test_flight__flights_nest(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flights[20];
    for (int i = 0; i < 20; i++)
        /* the later ones ask for the same */
        assert_int_equal(begin(&flights[i], cache, i % 10), LOCACHE_MISS);
    for (int i = 20; i-- > 0;)
        assert_int_equal(locache_commit(flights[i], &result, &error), LOCACHE_OK);
    assert_int_equal(count_of(cache), 10);
    locache_close(cache);
}

static void test_flight__an_entry_that_is_not_valid_is_computed_anew(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight;
    must_put(cache, 1, "r");
    write_text(in_foo("my_func/x=1"), "damaged");
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(error.status, LOCACHE_ECORRUPT);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

static void test_flight__begin_and_commit_report_failures(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight = NULL;
    locache_value *value = NULL;
    key k = key_of(1);
    assert_int_equal(locache_begin(&value, &flight, cache, "no key", 6, &error), LOCACHE_EINVAL);
    assert_int_equal(locache_begin(&value, &flight, cache, "no key", 6, NULL), LOCACHE_EINVAL);
    fault_set("alloc", 1, ENOMEM);
    assert_int_equal(locache_begin(&value, &flight, cache, k.bytes, k.size, &error),
                     LOCACHE_ENOMEM);
    fault_clear();
    assert_int_equal(error.status, LOCACHE_ENOMEM);
    assert_null(value);
    assert_null(flight);
    /* The flight goes with a commit that fails, too. */
    locache_record wrong = result;
    wrong.codec = (locache_codec)9;
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(locache_commit(flight, &wrong, &error), LOCACHE_EINVAL);
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(locache_commit(flight, NULL, &error), LOCACHE_EINVAL);
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    fault_set("write", 1, ENOSPC);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_EIO);
    fault_clear();
    assert_miss(cache, 1);
    locache_close(cache);
}

typedef struct inheritance {
    locache *cache;
    locache_flight *flight;
} inheritance;

static void abandon_in_child(void *context)
{
    inheritance *all = context;
    locache_abandon(all->flight);
    locache_close(all->cache);
}

static void test_flight__a_child_abandons_its_parents(void **unused)
{
    (void)unused;
    inheritance all = {.cache = open_function("my_func")};
    assert_int_equal(begin(&all.flight, all.cache, 1), LOCACHE_MISS);
    wait_for(in_child(abandon_in_child, &all));
    assert_int_equal(locache_commit(all.flight, &result, &error), LOCACHE_OK);
    assert_hit(all.cache, 1, "r");
    locache_close(all.cache);
}

/* ----------------------------------------------------------------------------- other processes */

/* Shared by a test and its children. */
typedef struct shared {
    atomic_int computed;
    atomic_int arrived;
    atomic_int go;
} shared;

static shared *share(void)
{
    shared *out =
        mmap(NULL, sizeof *out, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(out != MAP_FAILED);
    return out;
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void pause_for(int milliseconds)
{
    usleep((useconds_t)milliseconds * 1000);
}

static void wait_until(atomic_int *what, int count)
{
    while (atomic_load(what) < count)
        pause_for(1);
}

static bool is_long(void)
{
    return getenv("LOCACHE_TEST_LONG") != NULL;
}

/* A call of a memoized function, in a child. */
static void call(locache *cache, int64_t x, shared *all)
{
    locache_flight *flight = NULL;
    locache_status status = begin(&flight, cache, x);
    if (status == LOCACHE_MISS) {
        atomic_fetch_add(&all->computed, 1);
        child_require(locache_commit(flight, &result, &error) == LOCACHE_OK);
    } else {
        child_require(status == LOCACHE_OK);
    }
}

typedef struct job {
    shared *all;
    locache *cache;
    int keys;
} job;

static void call_all(void *context)
{
    job *mine = context;
    locache *cache = open_function("my_func");
    for (int x = 0; x < mine->keys; x++)
        call(cache, x, mine->all);
    locache_close(cache);
}

static void test_flight__processes_compute_each_key_once(void **unused)
{
    (void)unused;
    int keys = is_long() ? 1000 : 20;
    int count = watched() && !is_long() ? 16 : 64;
    for (int round = 0; round < (is_long() ? 20 : 1); round++) {
        pid_t children[64];
        job work = {.all = share(), .keys = keys};
        remove_all(foo);
        for (int i = 0; i < count; i++)
            children[i] = in_child(call_all, &work);
        for (int i = 0; i < count; i++)
            wait_for(children[i]);
        assert_int_equal(atomic_load(&work.all->computed), keys);
        munmap(work.all, sizeof *work.all);
    }
}

static void *thread_of_call_all(void *context)
{
    job *mine = context;
    for (int x = 0; x < mine->keys; x++)
        call(mine->cache, x, mine->all);
    return NULL;
}

static void call_by_eight_threads(void *context)
{
    job mine = *(job *)context;
    pthread_t threads[8];
    mine.cache = open_function("my_func");
    for (int i = 0; i < 8; i++)
        child_require(pthread_create(&threads[i], NULL, thread_of_call_all, &mine) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    locache_close(mine.cache);
}

static void test_flight__processes_of_threads_compute_each_key_once(void **unused)
{
    (void)unused;
    for (int round = 0; round < (is_long() ? 20 : 1); round++) {
        pid_t children[8];
        job work = {.all = share(), .keys = is_long() ? 1000 : 20};
        remove_all(foo);
        for (int i = 0; i < 8; i++)
            children[i] = in_child(call_by_eight_threads, &work);
        for (int i = 0; i < 8; i++)
            wait_for(children[i]);
        assert_int_equal(atomic_load(&work.all->computed), work.keys);
        munmap(work.all, sizeof *work.all);
    }
}

/* Begin, and stay. */
static void hold_for_ever(void *context)
{
    shared *all = context;
    locache_flight *flight = NULL;
    locache *cache = open_function("my_func");
    child_require(begin(&flight, cache, 1) == LOCACHE_MISS);
    atomic_store(&all->arrived, 1);
    for (;;)
        pause();
}

#define TAKEN_WITHIN (10 * 1000000) /* ns: promised */

static _Atomic int64_t killed;

static void *kill_later(void *context)
{
    pause_for(50);
    atomic_store(&killed, now());
    kill(*(pid_t *)context, SIGKILL);
    return NULL;
}

static void test_flight__a_dead_process_place_is_taken_at_once(void **unused)
{
    (void)unused;
    int64_t best = INT64_MAX;
    int within = 0;
    int rounds = is_long() ? 200 : 5;
    int round = 0;
    /* From the kill on, by who was asked 5 ms before at most; where much else runs, some rounds are
     * disturbed. */
    for (; round < rounds || (round < 60 && best >= TAKEN_WITHIN); round++) {
        shared *all = share();
        pthread_t killer;
        locache_flight *flight = NULL;
        pid_t child = in_child(hold_for_ever, all);
        locache *cache = open_function("my_func");
        wait_until(&all->arrived, 1);
        assert_int_equal(pthread_create(&killer, NULL, kill_later, &child), 0);
        assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
        int64_t taken = now();
        pthread_join(killer, NULL);
        waitpid(child, NULL, 0);
        int64_t took = taken - atomic_load(&killed);
        best = took < best ? took : best;
        within += took < TAKEN_WITHIN;
        locache_abandon(flight);
        locache_close(cache);
        munmap(all, sizeof *all);
    }
    printf("a dead process's place: taken within 10 ms in %d of %d rounds, at best %.2f ms\n",
           within, round, (double)best / 1e6);
    assert_true(best < TAKEN_WITHIN);
}

static void compute_and_ask_for_the_next(void *context, int own, int count)
{
    shared *all = context;
    locache_flight *outer = NULL;
    char name[16];
    snprintf(name, sizeof name, "f%d", own);
    locache *mine = open_function(name);
    snprintf(name, sizeof name, "f%d", (own + 1) % count);
    locache *next = open_function(name);
    child_require(begin(&outer, mine, 1) == LOCACHE_MISS);
    atomic_fetch_add(&all->arrived, 1);
    wait_until(&all->arrived, count);
    call(next, 1, all);
    child_require(locache_commit(outer, &result, &error) == LOCACHE_OK);
    locache_close(next);
    locache_close(mine);
}

typedef struct member {
    shared *all;
    int own;
    int count;
} member;

static void be_in_a_circle(void *context)
{
    member *mine = context;
    compute_and_ask_for_the_next(mine->all, mine->own, mine->count);
}

/* Functions of their own, so that no process knows all their lock files. */
static void test_flight__processes_that_wait_in_a_circle_go_on(void **unused)
{
    (void)unused;
    for (int count = 2; count <= 4; count++) {
        shared *all = share();
        member members[4];
        pid_t children[4];
        remove_all(foo);
        for (int i = 0; i < count; i++) {
            members[i] = (member){all, i, count};
            children[i] = in_child(be_in_a_circle, &members[i]);
        }
        for (int i = 0; i < count; i++)
            wait_for(children[i]);
        /* Several may see it in the same moment. */
        assert_in_range(atomic_load(&all->computed), 1, count);
        munmap(all, sizeof *all);
    }
}

static void fail_when_told(void *context)
{
    shared *all = context;
    locache_flight *flight = NULL;
    locache *cache = open_function("my_func");
    child_require(begin(&flight, cache, 1) == LOCACHE_MISS);
    atomic_store(&all->arrived, 1);
    wait_until(&all->go, 1);
    pause_for(100); /* by then the others wait */
    child_require(locache_commit(flight, NULL, &error) == LOCACHE_EINVAL);
    locache_close(cache);
}

/* Who waited, and computes now, does so at the same time as all the others. */
static void wait_and_meet(void *context)
{
    shared *all = context;
    locache_flight *flight = NULL;
    locache *cache = open_function("my_func");
    atomic_fetch_add(&all->go, 1);
    child_require(begin(&flight, cache, 1) == LOCACHE_MISS);
    atomic_fetch_add(&all->computed, 1);
    wait_until(&all->computed, 4);
    locache_abandon(flight);
    locache_close(cache);
}

static void test_flight__processes_do_not_stand_in_line_for_what_cannot_be_stored(void **unused)
{
    (void)unused;
    shared *all = share();
    pid_t children[5];
    children[4] = in_child(fail_when_told, all);
    wait_until(&all->arrived, 1);
    for (int i = 0; i < 4; i++)
        children[i] = in_child(wait_and_meet, all);
    for (int i = 0; i < 5; i++)
        wait_for(children[i]);
    munmap(all, sizeof *all);
}

/* ------------------------------------------------------------------------------- computed anew */

/* The status of asking for x anew; where it is OK, the value is freed. */
static locache_status begin_anew(locache_flight **flight, locache *cache, locache_request *request)
{
    static key k;
    locache_value *value = NULL;
    k = key_of(1);
    request->size = sizeof *request;
    request->key = k.bytes;
    request->key_size = k.size;
    request->fresh = true;
    locache_status status = locache_ask(&value, flight, cache, request, &error);
    assert_true((status == LOCACHE_OK) == (value != NULL));
    locache_value_free(value);
    return status;
}

static void test_flight__what_is_stored_does_not_count_where_it_is_computed_anew(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight = NULL;
    locache_request first = {.size = sizeof first};
    must_put(cache, 1, "old");
    assert_int_equal(begin_anew(&flight, cache, &first), LOCACHE_MISS);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    assert_hit(cache, 1, "r");
    locache_close(cache);
}

static void test_flight__what_another_thread_computes_anew_is_waited_for(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight = NULL;
    locache_flight *other = NULL;
    locache_request first = {.detached = true};
    locache_request second = {.detached = true, .wait = -1};
    locache_request third = {.detached = true, .wait = -1};
    must_put(cache, 1, "old");
    assert_int_equal(begin_anew(&flight, cache, &first), LOCACHE_MISS);
    assert_int_equal(begin_anew(&other, cache, &second), LOCACHE_PENDING);
    assert_int_equal(begin_anew(&other, cache, &third), LOCACHE_PENDING);
    /* The old one is there still, and is none. */
    assert_int_equal(begin_anew(&other, cache, &second), LOCACHE_PENDING);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    assert_int_equal(begin_anew(&other, cache, &second), LOCACHE_OK);
    /* Abandoned, it is the next one's, whatever is stored. */
    assert_int_equal(begin_anew(&other, cache, &third), LOCACHE_OK);
    first = (locache_request){.detached = true};
    second = (locache_request){.detached = true, .wait = -1};
    assert_int_equal(begin_anew(&flight, cache, &first), LOCACHE_MISS);
    assert_int_equal(begin_anew(&other, cache, &second), LOCACHE_PENDING);
    locache_abandon(flight);
    assert_int_equal(begin_anew(&other, cache, &second), LOCACHE_MISS);
    locache_abandon(other);
    locache_close(cache);
}

static void test_flight__what_another_process_computes_is_not_waited_for_anew(void **unused)
{
    (void)unused;
    shared *all = share();
    locache_flight *flight = NULL;
    locache_request request = {.wait = 0};
    pid_t child = in_child(hold_for_ever, all);
    locache *cache = open_function("my_func");
    wait_until(&all->arrived, 1);
    assert_int_equal(begin_anew(&flight, cache, &request), LOCACHE_MISS);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    locache_close(cache);
    munmap(all, sizeof *all);
}

/* ----------------------------------------------------------------------------------------- fork */

static void ask_within(void *context)
{
    job *mine = context;
    locache_flight *flight = NULL;
    /* The parent waits for this child: it would wait for itself. */
    child_require(begin(&flight, mine->cache, 1) == LOCACHE_MISS);
    locache_abandon(flight);
    /* And what it has never begun it asks for as others do. */
    child_require(begin(&flight, mine->cache, 2) == LOCACHE_MISS);
    child_require(locache_commit(flight, &result, &error) == LOCACHE_OK);
}

static void test_flight__a_child_computes_what_it_was_forked_within(void **unused)
{
    (void)unused;
    job work = {.cache = open_function("my_func")};
    locache_flight *flight = NULL;
    assert_int_equal(begin(&flight, work.cache, 1), LOCACHE_MISS);
    wait_for(in_child(ask_within, &work));
    assert_hit(work.cache, 2, "r");
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    locache_close(work.cache);
}

static void live_on(void *context)
{
    shared *all = context;
    atomic_store(&all->arrived, 1);
    wait_until(&all->go, 1);
}

static void fork_within_and_die(void *context)
{
    shared *all = context;
    locache_flight *flight = NULL;
    locache *cache = open_function("my_func");
    child_require(begin(&flight, cache, 1) == LOCACHE_MISS);
    in_child(live_on, all);
    wait_until(&all->arrived, 1);
    raise(SIGKILL);
}

static void test_flight__a_child_that_outlives_its_parent_holds_nothing(void **unused)
{
    (void)unused;
    shared *all = share();
    locache_flight *flight = NULL;
    pid_t child = in_child(fork_within_and_die, all);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    locache_options options = options_for("my_func");
    options.wait = 1000000000;
    locache *cache = open_with(&options);
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    locache_abandon(flight);
    atomic_store(&all->go, 1);
    locache_close(cache);
}

/* --------------------------------------------------------------------------- where locks are
 * not */

static void test_flight__a_deleted_lock_file_is_made_again(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight = NULL;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(begin(&flight, cache, round), LOCACHE_MISS);
        assert_true(exists(in_foo("my_func/.locache/turns")));
        locache_abandon(flight);
        remove_all(round == 0 ? in_foo("my_func/.locache/turns")
                              : in_foo(round == 1 ? "my_func/.locache" : "my_func"));
    }
    assert_int_equal(begin(&flight, cache, 9), LOCACHE_MISS);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    assert_hit(cache, 9, "r");
    locache_close(cache);
}

static void test_flight__without_locks_it_computes(void **unused)
{
    (void)unused;
    static const int codes[] = {ENOLCK, EIO, EACCES};
    locache *cache = open_function("my_func");
    locache_flight *flight = NULL;
    must_put(cache, 0, "r");
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        fault_set("lockrange", 1, codes[i]);
        assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
        fault_clear();
        locache_abandon(flight);
    }
    locache_close(cache);
}

static int no_byte_locks(const char *call)
{
    return strcmp(call, "lockrange") == 0 ? ENOTSUP : 0;
}

static void hold_a_file(void *context)
{
    lc_fault_hook = no_byte_locks;
    hold_for_ever(context);
}

static void test_flight__a_file_for_each_key_where_bytes_have_no_locks(void **unused)
{
    (void)unused;
    shared *all = share();
    locache_flight *flight = NULL;
    pid_t child = in_child(hold_a_file, all);
    wait_until(&all->arrived, 1);
    locache_options options = options_for("my_func");
    options.wait = 20000000;
    locache *cache = open_with(&options);
    lc_fault_hook = no_byte_locks;
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_PENDING);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
    assert_int_equal(names_in(in_foo("my_func/.locache"), "t-"), 1);
    locache_abandon(flight);
    lc_fault_hook = NULL;
    assert_int_equal(names_in(in_foo("my_func/.locache"), "t-"), 0);
    locache_close(cache);
}

static void store_in_a_new_directory(void *context)
{
    (void)context;
    remove_all(in_foo("my_func"));
    locache *cache = open_function("my_func");
    must_put(cache, 1, "theirs");
    locache_close(cache);
}

static void test_flight__what_others_store_in_a_directory_made_anew_is_found(void **unused)
{
    (void)unused;
    static locache *cache; /* still seen in the children, whose stack ends, by valgrind */
    locache_flight *flight = NULL;
    cache = open_function("my_func");
    for (int round = 0; round < 2; round++) {
        assert_int_equal(begin(&flight, cache, 2), LOCACHE_MISS);
        locache_abandon(flight);
        wait_for(in_child(store_in_a_new_directory, NULL));
        assert_int_equal(begin(&flight, cache, 1), LOCACHE_OK);
        /* Without locks it is the directory itself that is asked. */
        wait_for(in_child(store_in_a_new_directory, NULL));
        fault_set("lockrange", 1, ENOLCK);
        assert_int_equal(begin(&flight, cache, 1), LOCACHE_OK);
        fault_clear();
    }
    locache_close(cache);
}

static void test_flight__of_a_read_only_handle_changes_nothing(void **unused)
{
    (void)unused;
    locache_options options = options_for("my_func");
    locache_flight *flight = NULL;
    options.flags = LOCACHE_OPEN_READ_ONLY;
    for (int round = 0; round < 2; round++) {
        locache *cache = open_with(&options);
        assert_int_equal(begin(&flight, cache, 1), LOCACHE_MISS);
        assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_EINVAL);
        assert_false(exists(in_foo("my_func/.locache/turns")));
        assert_true(round == 1 || !exists(foo));
        locache_close(cache);
        cache = open_function("my_func");
        must_put(cache, 2, "r");
        locache_close(cache);
    }
}

/* --------------------------------------------------------------------------------- what is told */

static int kinds[LOCACHE_EVENT_WAIT + 1];

static void count_kinds(void *context, const locache_event *event)
{
    (void)context;
    kinds[event->kind]++;
}

static void test_flight__a_request_that_waits_is_one_miss_or_one_hit(void **unused)
{
    (void)unused;
    locache *cache = open_function("my_func");
    locache_flight *flight = NULL;
    locache_flight *other = NULL;
    locache_value *value = NULL;
    key k = key_of(1);
    must_put(cache, 1, "r");
    write_text(in_foo("my_func/x=1"), "damaged");
    locache_request first = {
        .size = sizeof first, .key = k.bytes, .key_size = k.size, .detached = true};
    locache_request second = first;
    second.wait = 1000000;
    locache_set_log(count_kinds, NULL);
    memset(kinds, 0, sizeof kinds);
    assert_int_equal(locache_ask(&value, &flight, cache, &first, &error), LOCACHE_MISS);
    assert_int_equal(kinds[LOCACHE_EVENT_REJECT], 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(locache_ask(&value, &other, cache, &second, &error), LOCACHE_PENDING);
    assert_int_equal(kinds[LOCACHE_EVENT_REJECT], 2);
    assert_int_equal(locache_commit(flight, &result, &error), LOCACHE_OK);
    assert_int_equal(locache_ask(&value, &other, cache, &second, &error), LOCACHE_OK);
    locache_value_free(value);
    assert_int_equal(kinds[LOCACHE_EVENT_REJECT], 2);
    assert_int_equal(kinds[LOCACHE_EVENT_MISS], 0);
    assert_int_equal(kinds[LOCACHE_EVENT_HIT], 1);
    first = (locache_request){.size = sizeof first, .detached = true};
    second = (locache_request){.size = sizeof second, .detached = true, .wait = 1000000};
    k = key_of(2);
    first.key = second.key = k.bytes;
    first.key_size = second.key_size = k.size;
    assert_int_equal(locache_ask(&value, &flight, cache, &first, &error), LOCACHE_MISS);
    assert_int_equal(locache_ask(&value, &other, cache, &second, &error), LOCACHE_PENDING);
    assert_int_equal(locache_ask(&value, &other, cache, &second, &error), LOCACHE_PENDING);
    assert_int_equal(kinds[LOCACHE_EVENT_MISS], 1);
    locache_abandon(flight);
    assert_int_equal(locache_ask(&value, &other, cache, &second, &error), LOCACHE_MISS);
    assert_int_equal(kinds[LOCACHE_EVENT_MISS], 2);
    locache_abandon(other);
    locache_set_log(NULL, NULL);
    locache_close(cache);
}

static char told[512];

static void note_wait(void *context, const locache_event *event)
{
    (void)context;
    if (event->kind == LOCACHE_EVENT_WAIT)
        snprintf(told, sizeof told, "%s", event->detail);
}

static void test_flight__after_some_seconds_it_is_said_whom_one_waits_for(void **unused)
{
    (void)unused;
    shared *all = share();
    locache_flight *flight = NULL;
    char process[64];
    pid_t child = in_child(hold_for_ever, all);
    key k = key_of(1);
    locache_value *value = NULL;
    locache *cache = open_function("my_func");
    wait_until(&all->arrived, 1);
    /* Asked first three seconds ago. */
    locache_request request = {.size = sizeof request,
                               .key = k.bytes,
                               .key_size = k.size,
                               .wait = 20000000,
                               .since = now() - INT64_C(2990000000)};
    locache_set_log(note_wait, NULL);
    assert_int_equal(locache_ask(&value, &flight, cache, &request, &error), LOCACHE_PENDING);
    locache_set_log(NULL, NULL);
    locache_give_up(&request);
    snprintf(process, sizeof process, "process %d, since 20", (int)child);
    assert_non_null(strstr(told, process));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    locache_close(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_flight__a_miss_gives_a_flight_and_a_hit_none),
        scratch_test(test_flight__what_is_abandoned_is_not_there),
        scratch_test(test_flight__flights_nest),
        scratch_test(test_flight__an_entry_that_is_not_valid_is_computed_anew),
        scratch_test(test_flight__begin_and_commit_report_failures),
        scratch_test(test_flight__a_child_abandons_its_parents),
        scratch_test_long(test_flight__processes_compute_each_key_once),
        scratch_test_long(test_flight__processes_of_threads_compute_each_key_once),
        scratch_test(test_flight__a_dead_process_place_is_taken_at_once),
        scratch_test(test_flight__processes_that_wait_in_a_circle_go_on),
        scratch_test(test_flight__processes_do_not_stand_in_line_for_what_cannot_be_stored),
        scratch_test(test_flight__what_is_stored_does_not_count_where_it_is_computed_anew),
        scratch_test(test_flight__what_another_thread_computes_anew_is_waited_for),
        scratch_test(test_flight__what_another_process_computes_is_not_waited_for_anew),
        scratch_test(test_flight__a_child_computes_what_it_was_forked_within),
        scratch_test(test_flight__a_child_that_outlives_its_parent_holds_nothing),
        scratch_test(test_flight__a_deleted_lock_file_is_made_again),
        scratch_test(test_flight__without_locks_it_computes),
        scratch_test(test_flight__a_file_for_each_key_where_bytes_have_no_locks),
        scratch_test(test_flight__what_others_store_in_a_directory_made_anew_is_found),
        scratch_test(test_flight__of_a_read_only_handle_changes_nothing),
        scratch_test(test_flight__a_request_that_waits_is_one_miss_or_one_hit),
        scratch_test(test_flight__after_some_seconds_it_is_said_whom_one_waits_for),
    };
    return cmocka_run_group_tests_name("flight", tests, NULL, NULL);
}
