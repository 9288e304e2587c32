/* The bound of what all tables keep together: who has to go for whom, and who frees it. */
#include "scratch.h"

#include "cache/budget.h"
#include "cache/table.h"
#include "disk/stamp.h"
#include "sanitized.h"

#include <pthread.h>
#include <stdatomic.h>

enum { TABLES = 40, KEYS = 20, SIZE = 1000, THREADS = 4, ROUNDS = 3000 };

static atomic_int held; /* objects that tables hold */
static atomic_int others_held;

static void retain(void *object)
{
    (void)object;
    atomic_fetch_add(&held, 1);
}

static void release(void *object)
{
    (void)object;
    atomic_fetch_sub(&held, 1);
}

static void retain_other(void *object)
{
    (void)object;
    atomic_fetch_add(&others_held, 1);
}

static void release_other(void *object)
{
    (void)object;
    atomic_fetch_sub(&others_held, 1);
}

static const int numbers[KEYS] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                                  10, 11, 12, 13, 14, 15, 16, 17, 18, 19};

static lc_table *new_table(void)
{
    const lc_table_options options = {
        .entries = 1000, .bytes = UINT64_MAX, .retain = retain, .release = release};
    lc_table *table = lc_table_new(&options);
    assert_non_null(table);
    return table;
}

static lc_table *other_table(const void *group)
{
    const lc_table_options options = {.entries = 1000,
                                      .bytes = UINT64_MAX,
                                      .retain = retain_other,
                                      .release = release_other,
                                      .group = group};
    lc_table *table = lc_table_new(&options);
    assert_non_null(table);
    return table;
}

static bool keep(lc_table *table, int number)
{
    lc_address address;
    locache_stamp stamp = {{0}};
    lc_address_init(&address, &numbers[number], sizeof numbers[number]);
    return lc_table_put(table, &address, &stamp, NULL, SIZE) != 0;
}

static bool is_kept(lc_table *table, int number)
{
    lc_address address;
    lc_table_hit hit;
    lc_address_init(&address, &numbers[number], sizeof numbers[number]);
    bool found = lc_table_find(&hit, table, &address);
    if (found)
        lc_table_release(table, hit.object);
    return found;
}

static int teardown(void **unused)
{
    locache_set_memory(0, NULL);
    return scratch_teardown(unused);
}

static void test_budget__tables_share_one_bound(void **unused)
{
    (void)unused;
    lc_table *tables[TABLES];
    locache_set_memory((int64_t)100 * SIZE, NULL);
    for (int i = 0; i < TABLES; i++) {
        tables[i] = new_table();
        for (int k = 0; k < KEYS; k++)
            assert_true(keep(tables[i], k));
        assert_in_range(atomic_load(&held), 1, 100);
    }
    /* An entry takes some more than its object: no less than that is made of the room. */
    assert_in_range(atomic_load(&held), 70, 100);
    for (int i = 0; i < TABLES; i++)
        lc_table_free(tables[i]);
    assert_int_equal(atomic_load(&held), 0);
    /* All was given back. */
    lc_table *table = new_table();
    for (int k = 0; k < KEYS; k++)
        assert_true(keep(table, k));
    for (int k = 0; k < KEYS; k++)
        assert_true(is_kept(table, k));
    lc_table_free(table);
}

/* Those of a function that is called stay while others pass. */
static void test_budget__what_is_used_stays(void **unused)
{
    (void)unused;
    lc_table *used = new_table();
    lc_table *scanned = new_table();
    locache_set_memory((int64_t)12 * SIZE, NULL);
    assert_true(keep(used, 0));
    for (int round = 0; round < 10; round++) {
        for (int k = 0; k < KEYS; k++) {
            assert_true(is_kept(used, 0));
            assert_true(keep(scanned, k));
        }
    }
    lc_table_free(used);
    lc_table_free(scanned);
}

/* Where all are used, some go nevertheless: a new result is kept. */
static void test_budget__a_new_result_is_kept_where_all_are_used(void **unused)
{
    (void)unused;
    lc_table *one = new_table();
    lc_table *two = new_table();
    locache_set_memory((int64_t)12 * SIZE, NULL);
    for (int k = 0; k < KEYS; k++) {
        assert_true(keep(one, k));
        assert_true(is_kept(one, k));
        assert_true(keep(two, k));
        assert_true(is_kept(two, k));
    }
    lc_table_free(one);
    lc_table_free(two);
}

static void test_budget__a_lower_bound_holds_at_once(void **unused)
{
    (void)unused;
    lc_table *table = new_table();
    for (int k = 0; k < KEYS; k++)
        assert_true(keep(table, k));
    locache_set_memory((int64_t)5 * SIZE, NULL);
    assert_in_range(atomic_load(&held), 1, 5);
    locache_set_memory(-1, NULL);
    assert_int_equal(atomic_load(&held), 0);
    assert_false(keep(table, 0));
    locache_set_memory(0, NULL);
    assert_true(keep(table, 0));
    lc_table_free(table);
}

/* Another group's objects are never released from within this one's calls, whatever is wanted. */
static void test_budget__groups_leave_each_other_alone(void **unused)
{
    (void)unused;
    lc_table *table = new_table();
    lc_table *other = other_table(&held);
    locache_set_memory((int64_t)15 * SIZE, NULL);
    int kept = 0;
    for (int k = 0; k < KEYS; k++)
        kept += keep(other, k);
    assert_int_equal(kept, KEYS);
    int before = atomic_load(&others_held);
    for (int k = 0; k < KEYS; k++)
        (void)keep(table, k);
    /* Room for some: a result that takes more than an eighth of all is not kept. */
    locache_set_memory((int64_t)10 * SIZE, NULL);
    assert_int_equal(atomic_load(&others_held), before);
    assert_int_equal(atomic_load(&held), 0);
    /* Its own next call does what is left to do. */
    assert_true(keep(other, 0));
    assert_in_range(atomic_load(&others_held), 1, 10);
    assert_true(keep(other, 1));
    locache_set_memory(-1, &held);
    assert_int_equal(atomic_load(&others_held), 0);
    lc_table_free(other);
    lc_table_free(table);
}

static void *use(void *context)
{
    unsigned random = *(const unsigned *)context;
    lc_table *own = NULL;
    for (int i = 0; i < ROUNDS; i++) {
        random = random * 1103515245 + 12345;
        if (own == NULL)
            own = new_table();
        (void)keep(own, (int)((random >> 8) % KEYS));
        (void)is_kept(own, (int)((random >> 16) % KEYS));
        if (random % 64 == 0) {
            lc_table_free(own);
            own = NULL;
        }
        if (random % 128 == 1)
            locache_set_memory((int64_t)(random >> 16) % 40 * SIZE, NULL);
    }
    lc_table_free(own);
    return NULL;
}

static void test_budget__threads_that_come_and_go(void **unused)
{
    (void)unused;
    pthread_t threads[THREADS];
    unsigned seeds[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, use, &seeds[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&held), 0);
    /* Nothing of the bound is lost. */
    locache_set_memory((int64_t)100 * SIZE, NULL);
    lc_table *table = new_table();
    for (int k = 0; k < KEYS; k++)
        assert_true(keep(table, k));
    assert_int_equal(atomic_load(&held), KEYS);
    lc_table_free(table);
}

/* The sanitizers' own allocators are no good in a child of a process with other threads, one of
 * which may have been within. */
#if !SANITIZED

static void in_a_fork(void *table)
{
    locache_set_memory((int64_t)10 * SIZE, NULL);
    for (int k = 0; k < KEYS; k++)
        child_require(keep(table, k));
    child_require(is_kept(table, KEYS - 1));
}

static atomic_bool over;

static void *use_until_over(void *context)
{
    while (!atomic_load(&over))
        (void)use(context);
    return NULL;
}

/* While another thread is in the midst of it, the list too. */
static void test_budget__a_child_of_fork_goes_on(void **unused)
{
    (void)unused;
    pthread_t thread;
    unsigned seed = 1;
    lc_table *table = new_table();
    atomic_store(&over, false);
    assert_int_equal(pthread_create(&thread, NULL, use_until_over, &seed), 0);
    for (int i = 0; i < 20; i++)
        wait_for(in_child(in_a_fork, table));
    atomic_store(&over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    lc_table_free(table);
}

#endif

#define budget_test(name) cmocka_unit_test_setup_teardown(name, scratch_setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        budget_test(test_budget__tables_share_one_bound),
        budget_test(test_budget__what_is_used_stays),
        budget_test(test_budget__a_new_result_is_kept_where_all_are_used),
        budget_test(test_budget__a_lower_bound_holds_at_once),
        budget_test(test_budget__groups_leave_each_other_alone),
        budget_test(test_budget__threads_that_come_and_go),
#if !SANITIZED
        budget_test(test_budget__a_child_of_fork_goes_on),
#endif
    };
    return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
