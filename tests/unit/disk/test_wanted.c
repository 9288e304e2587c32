/* What processes that have turns say to wait for. Two open descriptions of the file are as two
 * processes. */
#include "base/system.h"
#include "disk/wanted.h"
#include "fault.h"
#include "turnfile.h"

#include <signal.h>

static lc_turn held; /* of place 5, by ours */

static int enter(void **unused)
{
    return turnfile_setup(unused) != 0 || lc_turns_take(&held, &ours, &at, 5, lc_now()) != 0;
}

#define wanted_test(f) cmocka_unit_test_setup_teardown(f, enter, turnfile_teardown)

static lc_wanted place_of(uint64_t place)
{
    return (lc_wanted){
        .device = self.st_dev, .inode = self.st_ino, .place = place, .path = "/a/path"};
}

static void must_tell(uint64_t place)
{
    const lc_wanted wanted = place_of(place);
    assert_true(lc_wanted_tell(&ours, 5, &wanted));
}

#define PLACES 300
static unsigned seen[PLACES];

static bool see(void *context, const lc_wanted *wanted)
{
    unsigned *count = context;
    assert_in_range(wanted->place, 0, PLACES - 1);
    assert_int_equal(wanted->inode, self.st_ino);
    assert_int_equal(wanted->device, self.st_dev);
    assert_string_equal(wanted->path, "/a/path");
    seen[wanted->place]++;
    ++*count;
    return true;
}

/* How many the holder of a place waits for. */
static unsigned told_of(uint64_t place)
{
    unsigned count = 0;
    memset(seen, 0, sizeof seen);
    lc_wanted_each(&theirs, &at, place, see, &count);
    return count;
}

static void test_wanted__is_told_until_it_is_over(void **unused)
{
    (void)unused;
    const lc_wanted nine = place_of(9);
    assert_int_equal(told_of(5), 0);
    must_tell(9);
    must_tell(9);
    assert_int_equal(told_of(5), 1);
    assert_int_equal(seen[9], 1);
    must_tell(10);
    assert_int_equal(told_of(5), 2);
    assert_int_equal(told_of(5 + 4), 0);
    lc_wanted_over(&ours, 5, &nine);
    assert_int_equal(told_of(5), 1);
    assert_int_equal(seen[10], 1);
    /* What is free is taken again. */
    for (int i = 0; i < 1000; i++) {
        must_tell(11);
        const lc_wanted eleven = place_of(11);
        lc_wanted_over(&ours, 5, &eleven);
    }
    assert_int_equal(told_of(5), 1);
}

/* Of more than there is room for each is there now and then, and none twice. */
static void test_wanted__of_very_many_is_told_by_turns(void **unused)
{
    (void)unused;
    bool was_there[PLACES] = {false};
    unsigned missing = PLACES;
    for (int round = 0; missing > 0 && round < 1000; round++) {
        for (unsigned place = 0; place < PLACES; place++)
            must_tell(place);
        assert_int_equal(told_of(5), 64);
        for (unsigned place = 0; place < PLACES; place++) {
            assert_in_range(seen[place], 0, 1);
            missing -= seen[place] == 1 && !was_there[place] ? 1 : 0;
            was_there[place] = was_there[place] || seen[place] == 1;
        }
    }
    assert_int_equal(missing, 0);
}

static void hold_the_turn(void *context)
{
    (void)context;
    lc_turns own;
    child_require(lc_turns_open(&own, &at, self.st_dev, self.st_ino) == 0);
    child_require(lc_turns_take(&held, &own, &at, 5, lc_now()) == 0);
    for (;;)
        pause();
}

static void test_wanted__by_an_earlier_holder_counts_for_nothing(void **unused)
{
    (void)unused;
    must_tell(9);
    lc_turns_give_up(&held, &ours, &at);
    pid_t child = in_child(hold_the_turn, NULL);
    while (lc_turns_take(&held, &ours, &at, 5, lc_now()) == 0) {
        lc_turns_give_up(&held, &ours, &at);
        usleep(1000);
    }
    assert_int_equal(told_of(5), 0);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

/* Others' bytes, where each note would be; and a file that ends within one. */
static void test_wanted__of_a_damaged_file_is_nothing(void **unused)
{
    (void)unused;
    unsigned char other[512];
    const char *file = in_foo(".locache/turns");
    for (unsigned i = 0; i < sizeof other; i++)
        other[i] = (unsigned char)(i * 89 + 7);
    uint64_t place = 5;
    uint64_t process = (uint64_t)getpid();
    uint64_t size = 464;
    memcpy(other, &place, 8);
    memcpy(other + 8, &process, 8);
    memcpy(other + 40, &size, 8);
    int fd = open(file, O_WRONLY);
    assert_true(fd >= 0);
    for (off_t from = 0; from < 128 << 10; from += (off_t)sizeof other)
        assert_int_equal(pwrite(fd, other, sizeof other, from), sizeof other);
    assert_int_equal(told_of(5), 0);
    must_tell(9);
    assert_int_equal(told_of(5), 1);
    assert_int_equal(ftruncate(fd, 40), 0);
    assert_int_equal(told_of(5), 0);
    must_tell(9);
    assert_int_equal(told_of(5), 1);
    close(fd);
}

/* Without memory, or where the file cannot be read or written, it is said that it cannot be. */
static void test_wanted__cannot_be_told_where_a_call_fails(void **unused)
{
    (void)unused;
    const lc_wanted nine = place_of(9);
    int failures = 0;
    bool failed = true;
    for (int n = 1; failed; n++) {
        fault_set(NULL, n, EIO);
        bool told = lc_wanted_tell(&ours, 5, &nine);
        failed = fault_clear();
        assert_true(told != failed);
        failures += failed;
        lc_wanted_over(&ours, 5, &nine);
        assert_int_equal(told_of(5), 0);
    }
    assert_true(failures >= 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        wanted_test(test_wanted__is_told_until_it_is_over),
        wanted_test(test_wanted__of_very_many_is_told_by_turns),
        wanted_test(test_wanted__by_an_earlier_holder_counts_for_nothing),
        wanted_test(test_wanted__of_a_damaged_file_is_nothing),
        wanted_test(test_wanted__cannot_be_told_where_a_call_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
