/* The lock file of a function: turns between processes, and who is said to have them. Two open
 * descriptions of the file are as two processes. */
#include "base/system.h"
#include "fault.h"
#include "turnfile.h"

#include <signal.h>

#define MINUTE INT64_C(60000000000)

#define turns_test(f) cmocka_unit_test_setup_teardown(f, turnfile_setup, turnfile_teardown)

static int take(lc_turn *out, const lc_turns *turns, uint64_t place)
{
    return lc_turns_take(out, turns, &at, place, lc_now());
}

static void test_turns__a_turn_is_one_description_s(void **unused)
{
    (void)unused;
    const uint64_t last = lc_turns_place(UINT64_MAX);
    const uint64_t places[] = {0, 1, 77, last - 1, last};
    lc_turn held[5];
    lc_turn other;
    for (int i = 0; i < 5; i++)
        assert_int_equal(take(&held[i], &ours, places[i]), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(take(&other, &theirs, places[i]), -1);
        assert_int_equal(errno, EAGAIN);
    }
    lc_turns_give_up(&held[1], &ours, &at);
    assert_int_equal(take(&other, &theirs, places[1]), 0);
    assert_int_equal(take(&held[1], &ours, places[1]), -1);
    /* Those beside it stay. */
    assert_int_equal(take(&other, &theirs, places[0]), -1);
    assert_int_equal(take(&other, &theirs, places[2]), -1);
}

static void test_turns__the_lock_says_whose_it_is_and_since_when(void **unused)
{
    (void)unused;
    const int64_t ages[] = {0, 1, 59, 60, 1440, 32767};
    lc_turn_holder holder;
    lc_turn held;
    assert_false(lc_turns_holder(&holder, &theirs, &at, 5));
    for (size_t i = 0; i < sizeof ages / sizeof *ages; i++) {
        int64_t since = lc_now() - ages[i] * MINUTE;
        assert_int_equal(lc_turns_take(&held, &ours, &at, 5, since), 0);
        assert_true(lc_turns_holder(&holder, &theirs, &at, 5));
        assert_int_equal(holder.process, getpid());
        /* To the minute: the last one of three weeks may be the first one again by now. */
        if (ages[i] < 32767)
            assert_int_equal(holder.since / MINUTE, since / MINUTE);
        lc_turns_give_up(&held, &ours, &at);
        assert_false(lc_turns_holder(&holder, &theirs, &at, 5));
    }
}

static int no_range_locks(const char *call)
{
    return strcmp(call, "lockrange") == 0 ? ENOTSUP : 0;
}

static void test_turns__a_file_says_the_same_where_ranges_have_no_locks(void **unused)
{
    (void)unused;
    lc_turn_holder holder;
    lc_turn held;
    lc_turn other;
    int64_t since = lc_now() - INT64_C(100) * MINUTE;
    lc_fault_hook = no_range_locks;
    assert_false(lc_turns_holder(&holder, &theirs, &at, 5));
    assert_int_equal(lc_turns_take(&held, &ours, &at, 5, since), 0);
    assert_int_equal(take(&other, &theirs, 5), -1);
    assert_int_equal(errno, EAGAIN);
    assert_true(lc_turns_holder(&holder, &theirs, &at, 5));
    assert_int_equal(holder.process, getpid());
    assert_int_equal(holder.since, since);
    lc_turns_give_up(&held, &ours, &at);
    assert_false(lc_turns_holder(&holder, &theirs, &at, 5));
    lc_fault_hook = NULL;
}

static void test_turns__a_deleted_file_counts_no_more(void **unused)
{
    (void)unused;
    lc_turns made;
    assert_true(lc_turns_valid(&ours));
    assert_int_equal(unlink(in_foo(".locache/turns")), 0);
    assert_false(lc_turns_valid(&ours));
    remove_all(foo);
    assert_int_equal(lc_turns_open(&made, &at, self.st_dev, self.st_ino), -1);
    assert_int_equal(errno, ENOENT);
}

/* The number of its descriptor may be another directory's by now. */
static void test_turns__nothing_is_made_in_a_directory_that_is_not_the_function_s(void **unused)
{
    (void)unused;
    lc_turns made;
    char other[256];
    snprintf(other, sizeof other, "%s/other", scratch);
    assert_int_equal(mkdir(other, 0700), 0);
    const lc_directory elsewhere = {.dir = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                                    .owner = geteuid()};
    assert_int_equal(lc_turns_open(&made, &elsewhere, self.st_dev, self.st_ino), -1);
    assert_int_equal(errno, ENOENT);
    close(elsewhere.dir);
    assert_int_equal(rmdir(other), 0);
}

static void test_turns__that_a_wait_is_in_vain_is_told_for_a_time(void **unused)
{
    (void)unused;
    int64_t now = lc_now();
    assert_false(lc_turns_in_vain(&theirs, 5, now));
    lc_turns_set_vain(&ours, 5, now + 10);
    assert_true(lc_turns_in_vain(&theirs, 5, now + 9));
    assert_false(lc_turns_in_vain(&theirs, 5, now + 10));
    assert_false(lc_turns_in_vain(&theirs, 5 + 64, now));
}

static bool note_holder(void *context, const lc_turn_holder *holder)
{
    unsigned *count = context;
    assert_int_equal(holder->process, getpid());
    assert_in_range((uint64_t)(lc_now() - holder->since), 0, 2 * (uint64_t)MINUTE);
    ++*count;
    return *count != 7;
}

/* In whatever order they were taken, and by whichever description. */
static void test_turns__all_that_are_held_are_told(void **unused)
{
    (void)unused;
    enum { MANY = 600 };
    lc_turn held[MANY];
    unsigned count = 100;
    lc_turns_each(&at, note_holder, &count);
    assert_int_equal(count, 100);
    for (unsigned i = 0; i < MANY; i++) {
        uint64_t place = (uint64_t)(i % 3 == 0 ? i : i % 3 == 1 ? 50000 - i : i * 7919 % 40009);
        assert_int_equal(take(&held[i], i % 2 == 0 ? &ours : &theirs, place), 0);
    }
    lc_turns_each(&at, note_holder, &count);
    assert_int_equal(count, 100 + MANY);
    count = 0;
    lc_turns_each(&at, note_holder, &count);
    assert_int_equal(count, 7);
    fault_set("lockrange", 1, EIO);
    lc_turns_each(&at, note_holder, &count);
    assert_true(fault_clear());
    assert_int_equal(count, 7);
    for (unsigned i = 0; i < MANY; i++)
        lc_turns_give_up(&held[i], i % 2 == 0 ? &ours : &theirs, &at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        turns_test(test_turns__a_turn_is_one_description_s),
        turns_test(test_turns__all_that_are_held_are_told),
        turns_test(test_turns__the_lock_says_whose_it_is_and_since_when),
        turns_test(test_turns__a_file_says_the_same_where_ranges_have_no_locks),
        turns_test(test_turns__a_deleted_file_counts_no_more),
        turns_test(test_turns__nothing_is_made_in_a_directory_that_is_not_the_function_s),
        turns_test(test_turns__that_a_wait_is_in_vain_is_told_for_a_time),
    };
    return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
