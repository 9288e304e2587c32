/* The table of results in memory: what is found, what is evicted, who holds what. */
#include "scratch.h"

#include <sys/resource.h>

#include "cache/table.h"
#include "disk/stamp.h"
#include "fault.h"

#include <pthread.h>
#include <stdatomic.h>

/* An object that knows how many hold it. */
typedef struct thing {
    atomic_int holders;
    int number;
} thing;

static void retain(void *object)
{
    atomic_fetch_add(&((thing *)object)->holders, 1);
}

static void release(void *object)
{
    atomic_fetch_sub(&((thing *)object)->holders, 1);
}

static lc_table *table_of(uint64_t entries, uint64_t kept)
{
    const lc_table_options options = {
        .entries = entries, .bytes = kept, .retain = retain, .release = release};
    lc_table *table = lc_table_new(&options);
    assert_non_null(table);
    return table;
}

/* Of the file whose descriptors are held. */
static locache_stamp stamp;

static int open_file(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int setup(void **state_)
{
    struct stat found;
    if (stat("/dev/null", &found) != 0)
        return -1;
    lc_stamp_take(&stamp, &found, 0, true);
    return scratch_setup(state_);
}

/* The address of a number, which outlives it. */
static lc_address address_of(const int *number)
{
    lc_address address;
    lc_address_init(&address, number, sizeof *number);
    return address;
}
#define AT(number) ((const lc_address[]){address_of(&(number))})

static void put_thing(lc_table *table, thing *object)
{
    lc_table_put(table, AT(object->number), &stamp, object, 0);
}

/* The number of what is found under a number, or -1. */
static int find(lc_table *table, int number)
{
    lc_table_hit hit;
    if (!lc_table_find(&hit, table, AT(number)))
        return -1;
    int found = ((thing *)hit.object)->number;
    lc_table_release(table, hit.object);
    return found;
}

static thing *make_things(int count)
{
    thing *things = calloc((size_t)count, sizeof *things);
    assert_non_null(things);
    for (int i = 0; i < count; i++)
        things[i].number = i;
    return things;
}

static int held_of(const thing *things, int count)
{
    int held = 0;
    for (int i = 0; i < count; i++) {
        assert_in_range(things[i].holders, 0, 1);
        held += things[i].holders;
    }
    return held;
}

static void test_table__finds_what_was_put(void **unused)
{
    (void)unused;
    lc_table *table = table_of(100, 1 << 20);
    thing *things = make_things(50);
    lc_table_hit hit;
    assert_int_equal(find(table, 0), -1);
    for (int i = 0; i < 50; i++)
        put_thing(table, &things[i]);
    for (int i = 0; i < 50; i++)
        assert_int_equal(find(table, i), i);
    assert_true(lc_table_find(&hit, table, AT(things[7].number)));
    assert_ptr_equal(hit.object, &things[7]);
    assert_memory_equal(&hit.stamp, &stamp, sizeof stamp);
    assert_int_equal(hit.descriptor, -1);
    assert_int_equal(things[7].holders, 2);
    lc_table_release(table, hit.object);
    assert_int_equal(held_of(things, 50), 50);
    lc_table_free(table);
    assert_int_equal(held_of(things, 50), 0);
    free(things);
}

static void test_table__replaces_and_drops(void **unused)
{
    (void)unused;
    lc_table *table = table_of(100, 1 << 20);
    thing first = {.number = 1};
    thing second = {.number = 1};
    lc_table_hit hit;
    put_thing(table, &first);
    assert_true(lc_table_find(&hit, table, AT(first.number)));
    lc_table_release(table, hit.object);
    put_thing(table, &second);
    assert_int_equal(first.holders, 0);
    assert_int_equal(second.holders, 1);
    /* that entry is gone: the new one stays */
    lc_table_drop(table, AT(first.number), hit.serial);
    assert_int_equal(find(table, 1), 1);
    lc_table_drop(table, AT(first.number), 0);
    assert_int_equal(find(table, 1), -1);
    assert_int_equal(second.holders, 0);
    put_thing(table, &first);
    lc_table_clear(table);
    assert_int_equal(first.holders, 0);
    assert_int_equal(find(table, 1), -1);
    lc_table_free(table);
}

static void test_table__keeps_to_its_entries(void **unused)
{
    (void)unused;
    enum { COUNT = 20000 };
    lc_table *table = table_of(1000, 1 << 30);
    thing *things = make_things(COUNT);
    for (int i = 0; i < COUNT; i++) {
        put_thing(table, &things[i]);
        if (i % 3 == 0)
            find(table, i / 2);
    }
    assert_int_equal(held_of(things, COUNT), 1000);
    lc_table_free(table);
    assert_int_equal(held_of(things, COUNT), 0);
    free(things);
}

static void test_table__keeps_to_its_bytes(void **unused)
{
    (void)unused;
    enum { COUNT = 1000, EACH = 10000, ALL = 1 << 20 };
    lc_table *table = table_of(1 << 20, ALL);
    thing *things = make_things(COUNT);
    for (int i = 0; i < COUNT; i++)
        lc_table_put(table, AT(things[i].number), &stamp, &things[i], EACH);
    int held = held_of(things, COUNT);
    assert_in_range(held, ALL / EACH * 9 / 10, ALL / EACH);
    /* One that would push out most others is not taken, nor is what was there under its key
     * kept. */
    lc_table_put(table, AT(things[COUNT - 1].number), &stamp, &things[0], ALL / 2);
    lc_table_put(table, AT(things[0].number), &stamp, &things[0], SIZE_MAX);
    assert_int_equal(find(table, COUNT - 1), -1);
    assert_int_equal(find(table, 0), -1);
    lc_table_free(table);
    free(things);
}

/* What is used again and again stays while ten times as many keys as there is room for are seen
 * once. */
static void test_table__a_scan_does_not_evict_what_is_used(void **unused)
{
    (void)unused;
    enum { HOT = 400, ROOM = 1000, SCANNED = 10 * ROOM };
    lc_table *table = table_of(ROOM, 1 << 30);
    thing *things = make_things(HOT + SCANNED);
    for (int i = 0; i < HOT; i++)
        put_thing(table, &things[i]);
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < HOT; i++)
            assert_int_equal(find(table, i), i);
    for (int i = HOT; i < HOT + SCANNED; i++) {
        assert_int_equal(find(table, i), -1);
        put_thing(table, &things[i]);
    }
    for (int i = 0; i < HOT; i++)
        assert_int_equal(find(table, i), i);
    lc_table_free(table);
    free(things);
}

/* What comes back soon after it was evicted is not evicted again by the next keys that are seen
 * once. */
static void test_table__a_key_that_comes_back_is_not_evicted_by_a_scan(void **unused)
{
    (void)unused;
    enum { ROOM = 100, MORE = 150 };
    lc_table *table = table_of(ROOM, 1 << 30);
    thing *things = make_things(3 * MORE);
    for (int i = 0; i < MORE; i++)
        put_thing(table, &things[i]);
    assert_int_equal(find(table, 0), -1);
    put_thing(table, &things[0]);
    for (int i = MORE; i < 2 * MORE; i++)
        put_thing(table, &things[i]);
    assert_int_equal(find(table, 0), 0);
    lc_table_free(table);
    free(things);
}

/* ---------------------------------------------------------------------------------- descriptors */

/* Pin an entry that is used much by a descriptor, as recall.c does. Did it want one? */
static bool hold(lc_table *table, int number)
{
    lc_table_hit hit;
    if (!lc_table_find(&hit, table, AT(number)))
        return false;
    lc_table_release(table, hit.object);
    if (!hit.pin)
        return false;
    lc_table_pin(table, AT(number), hit.serial, open_file());
    return true;
}

static bool is_held(lc_table *table, int number)
{
    lc_table_hit hit;
    assert_true(lc_table_find(&hit, table, AT(number)));
    lc_table_release(table, hit.object);
    return hit.descriptor >= 0 && fcntl(hit.descriptor, F_GETFD) >= 0;
}

static void test_table__descriptors_go_with_their_entries(void **unused)
{
    (void)unused;
    lc_table *table = table_of(100, 1 << 20);
    thing *things = make_things(10);
    int before = open_descriptors();
    for (int i = 0; i < 10; i++)
        put_thing(table, &things[i]);
    assert_false(hold(table, 3)); /* used once so far */
    assert_true(hold(table, 3));
    assert_true(is_held(table, 3));
    assert_false(hold(table, 3)); /* it has one */
    assert_int_equal(open_descriptors(), before + 1);
    lc_table_drop(table, AT(things[3].number), 0);
    assert_int_equal(open_descriptors(), before);
    lc_table_pin(table, AT(things[3].number), 1, open_file());
    assert_int_equal(open_descriptors(), before);
    for (int i = 0; i < 30; i++)
        hold(table, i % 10);
    assert_int_equal(open_descriptors(), before + 9);
    lc_table_free(table);
    assert_int_equal(open_descriptors(), before);
    free(things);
}

/* A sixteenth of what the process may open, 256 at least; and of the low numbers three quarters. */
static int few_descriptors(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    int share = limit.rlim_cur / 16 > 256 ? (int)(limit.rlim_cur / 16) : 256;
    int low = limit.rlim_cur / 8 < 1000 ? (int)(limit.rlim_cur / 8) : 1000;
    return share < low / 4 * 3 ? share : low / 4 * 3;
}

static void test_table__descriptors_are_few_and_move_to_what_is_used(void **unused)
{
    (void)unused;
    enum { COUNT = 2000 };
    const int few = few_descriptors();
    lc_table *table = table_of(COUNT, 1 << 30);
    thing *things = make_things(COUNT);
    int before = open_descriptors();
    for (int i = 0; i < COUNT; i++)
        put_thing(table, &things[i]);
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < COUNT / 2; i++)
            hold(table, i);
    assert_in_range(open_descriptors(), before + 1, before + few);
    /* Others are used now, and only those: in the end they have them. */
    for (int round = 0; round < 40000; round++)
        hold(table, COUNT - 1 - round % 10);
    for (int i = 0; i < 10; i++)
        assert_true(is_held(table, COUNT - 1 - i));
    assert_in_range(open_descriptors(), before + 1, before + few);
    lc_table_free(table);
    assert_int_equal(open_descriptors(), before);
    free(things);
}

/* As of a program that becomes a daemon: it closes all that is open, and opens files of its own. */
static void test_table__a_descriptor_that_is_anothers_is_not_closed(void **unused)
{
    (void)unused;
    lc_table *table = table_of(100, 1 << 20);
    thing *things = make_things(2);
    lc_table_hit hit;
    for (int i = 0; i < 2; i++) {
        put_thing(table, &things[i]);
        hold(table, i);
        assert_true(hold(table, i));
    }
    assert_true(lc_table_find(&hit, table, AT(things[0].number)));
    lc_table_release(table, hit.object);
    int other = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_int_equal(dup2(other, hit.descriptor), hit.descriptor);
    close(other);
    lc_table_free(table);
    assert_true(fcntl(hit.descriptor, F_GETFD) >= 0);
    close(hit.descriptor);
    free(things);
}

/* ------------------------------------------------------------------------------------- failures */

static void test_table__without_memory_nothing_is_kept(void **unused)
{
    (void)unused;
    thing *things = make_things(200);
    bool failed = true;
    for (int n = 1; failed; n++) {
        const lc_table_options options = {
            .entries = 500, .bytes = 1 << 20, .retain = retain, .release = release};
        fault_set("alloc", n, ENOMEM);
        lc_table *table = lc_table_new(&options);
        for (int i = 0; table != NULL && i < 200; i++)
            put_thing(table, &things[i]);
        failed = fault_clear();
        int found = 0;
        for (int i = 0; table != NULL && i < 200; i++)
            found += find(table, i) == i;
        assert_in_range(found, table == NULL ? 0 : 199, 200);
        assert_int_equal(held_of(things, 200), found);
        lc_table_free(table);
        assert_int_equal(held_of(things, 200), 0);
    }
    free(things);
}

/* ----------------------------------------------------------------------------- threads and fork */

enum { SHARED = 300 };

typedef struct sharing {
    lc_table *table;
    thing *things;
    atomic_bool stop;
    atomic_int wrong;
} sharing;

static void *use_table(void *context)
{
    sharing *all = context;
    for (int i = 0; !atomic_load(&all->stop); i++) {
        int number = i * 7 % SHARED;
        int found = find(all->table, number);
        if (found >= 0 && found != number)
            atomic_fetch_add(&all->wrong, 1);
        if (found < 0)
            put_thing(all->table, &all->things[number]);
        if (i % 11 == 0)
            lc_table_drop(all->table, AT(number), 0);
        if (i % 5000 == 4999)
            lc_table_clear(all->table);
        hold(all->table, number);
    }
    return NULL;
}

static void child_uses_table(void *context)
{
    sharing *all = context;
    thing mine = {.number = SHARED};
    put_thing(all->table, &mine);
    child_require(find(all->table, SHARED) == SHARED);
    lc_table_clear(all->table);
    child_require(find(all->table, SHARED) == -1);
}

static void test_table__is_shared_by_threads_and_goes_on_in_children(void **unused)
{
    (void)unused;
    sharing all = {.table = table_of(SHARED / 2, 1 << 20), .things = make_things(SHARED)};
    pthread_t users[3];
    int before = open_descriptors();
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&users[i], NULL, use_table, &all), 0);
    for (int i = 0; i < 60; i++)
        wait_for(in_child(child_uses_table, &all));
    atomic_store(&all.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(users[i], NULL);
    assert_int_equal(all.wrong, 0);
    lc_table_free(all.table);
    assert_int_equal(held_of(all.things, SHARED), 0);
    assert_int_equal(open_descriptors(), before);
    free(all.things);
}

/* In a child whose parent's other thread was within the table: what retain() is called under is
 * that lock. */
static atomic_bool within;
static atomic_bool go_on;

static void retain_slowly(void *object)
{
    retain(object);
    atomic_store(&within, true);
    while (!atomic_load(&go_on))
        usleep(100);
}

static void *find_slowly(void *context)
{
    find(context, 1);
    return NULL;
}

static void child_finds_it_empty(void *context)
{
    thing mine = {.number = 2};
    atomic_store(&go_on, true);
    child_require(find(context, 1) == -1);
    put_thing(context, &mine);
    child_require(find(context, 2) == 2);
}

static void test_table__a_child_begins_anew_where_the_lock_was_held(void **unused)
{
    (void)unused;
    const lc_table_options options = {
        .entries = 10, .bytes = 1 << 20, .retain = retain_slowly, .release = release};
    lc_table *table = lc_table_new(&options);
    thing one = {.number = 1};
    pthread_t finder;
    assert_non_null(table);
    atomic_store(&go_on, true);
    put_thing(table, &one);
    atomic_store(&within, false);
    atomic_store(&go_on, false);
    assert_int_equal(pthread_create(&finder, NULL, find_slowly, table), 0);
    while (!atomic_load(&within))
        usleep(100);
    assert_int_equal(find(table, 1), -1); /* the lock cannot be had: as if it were not there */
    wait_for(in_child(child_finds_it_empty, table));
    atomic_store(&go_on, true);
    pthread_join(finder, NULL);
    assert_int_equal(find(table, 1), 1);
    lc_table_free(table);
    assert_int_equal(one.holders, 0);
}

typedef struct replacing {
    lc_table *table;
    thing *new;
} replacing;

static void *replace(void *context)
{
    const replacing *in = context;
    atomic_store(&within, true);
    put_thing(in->table, in->new);
    return NULL;
}

/* What is kept late is no loss; what is replaced must go, whoever holds the lock of the table. */
static void test_table__replaces_and_drops_where_the_lock_is_held_too(void **unused)
{
    (void)unused;
    const lc_table_options options = {
        .entries = 10, .bytes = 1 << 20, .retain = retain_slowly, .release = release};
    lc_table *table = lc_table_new(&options);
    thing old = {.number = 1};
    thing new = {.number = 1};
    pthread_t threads[2];
    assert_non_null(table);
    atomic_store(&go_on, true);
    put_thing(table, &old);
    atomic_store(&go_on, false);
    void *(*const steps[])(void *) = {find_slowly, replace};
    void *const contexts[] = {table, &(replacing){table, &new}};
    for (int i = 0; i < 2; i++) {
        atomic_store(&within, false);
        assert_int_equal(pthread_create(&threads[i], NULL, steps[i], contexts[i]), 0);
        while (!atomic_load(&within))
            usleep(100);
    }
    usleep(20000); /* time enough to give up */
    atomic_store(&go_on, true);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(old.holders, 0);
    assert_int_equal(new.holders, 1);
    lc_table_free(table);
    assert_int_equal(new.holders, 0);
}

#define table_test(f) cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        table_test(test_table__finds_what_was_put),
        table_test(test_table__replaces_and_drops),
        table_test(test_table__keeps_to_its_entries),
        table_test(test_table__keeps_to_its_bytes),
        table_test(test_table__a_scan_does_not_evict_what_is_used),
        table_test(test_table__a_key_that_comes_back_is_not_evicted_by_a_scan),
        table_test(test_table__descriptors_go_with_their_entries),
        table_test(test_table__descriptors_are_few_and_move_to_what_is_used),
        table_test(test_table__a_descriptor_that_is_anothers_is_not_closed),
        table_test(test_table__without_memory_nothing_is_kept),
        table_test(test_table__is_shared_by_threads_and_goes_on_in_children),
        table_test(test_table__a_child_begins_anew_where_the_lock_was_held),
        table_test(test_table__replaces_and_drops_where_the_lock_is_held_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
