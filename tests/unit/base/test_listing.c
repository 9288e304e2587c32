/* The names in a directory, all of them or some at a time. */
#include "base/fault.h"
#include "base/listing.h"
#include "base/os.h"
#include "fault.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static int make_file(const char *name)
{
    int fd = lc_openat(dir, name, O_CREAT | O_RDWR | O_TRUNC, 0600);
    assert_true(fd >= 0);
    return fd;
}

static bool count_name(void *context, const char *name)
{
    (void)name;
    ++*(int *)context;
    return true;
}

static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

typedef struct names {
    int count, limit;
    bool hidden, dots;
} names;

static bool note_name(void *context, const char *name)
{
    names *seen = context;
    seen->count++;
    seen->hidden |= strcmp(name, ".hidden") == 0;
    seen->dots |= strcmp(name, "...") == 0;
    assert_string_not_equal(name, ".");
    assert_string_not_equal(name, "..");
    return seen->count < seen->limit;
}

static void test_listing__each_name_gives_every_name_every_time(void **state)
{
    char name[16];
    (void)state;
    lc_close(make_file(".hidden"));
    lc_close(make_file("..."));
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "f%d", i);
        lc_close(make_file(name));
    }
    for (int round = 0; round < 2; round++) {
        names seen = {.limit = INT_MAX};
        assert_int_equal(lc_each_name(dir, note_name, &seen), 0);
        assert_int_equal(seen.count, 502);
        assert_true(seen.hidden);
        assert_true(seen.dots);
    }
    names few = {.limit = 3};
    assert_int_equal(lc_each_name(dir, note_name, &few), 0);
    assert_int_equal(few.count, 3);
}

typedef struct walk {
    unsigned left; /* names of this step */
    unsigned char seen[500];
} walk;

static bool note_number(void *context, const char *name)
{
    walk *on = context;
    on->seen[strtoul(name + strcspn(name, "-") + 1, NULL, 10)]++;
    return --on->left > 0;
}

/* Some at a time, by other descriptors each: each name once, however many fit what is asked for at
 * once, and however long they are. */
static void test_listing__each_name_from_goes_on_where_it_stopped(void **state)
{
    char name[256];
    char long_name[252] = ""; /* as long as a name may be, but for a number */
    walk on = {.left = 0};
    int64_t next = 0;
    unsigned steps = 0;
    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    for (unsigned i = 0; i < sizeof on.seen; i++) {
        snprintf(name, sizeof name, "%.*s-%03u", (int)(i % 251), long_name, i);
        lc_close(make_file(name));
    }
    do {
        on.left = 1 + steps % 40;
        assert_int_equal(lc_each_name_from(dir, &next, note_number, &on), 0);
        steps++;
    } while (next != 0);
    assert_true(steps > 20);
    for (unsigned i = 0; i < sizeof on.seen; i++)
        assert_int_equal(on.seen[i], 1);
}

static void test_listing__each_name_needs_a_directory(void **state)
{
    int count = 0;
    (void)state;
    int fd = make_file("a");
    assert_int_equal(lc_each_name(fd, count_name, &count), -1);
    assert_int_equal(errno, ENOTDIR);
    assert_int_equal(lc_each_name(-1, count_name, &count), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(count, 0);
    lc_close(fd);
}

static void test_listing__each_name_fails_without_losing_descriptors(void **state)
{
    static const char *const calls[] = {"openat", "readdir"};
    (void)state;
    lc_close(make_file("a"));
    int before = open_descriptors();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            int count = 0;
            fault_set(calls[i], n, EIO);
            int result = lc_each_name(dir, count_name, &count);
            failed = fault_clear();
            assert_int_equal(result, failed ? -1 : 0);
            assert_int_equal(open_descriptors(), before);
        }
    }
}

/* What is to be removed is found. */
static void test_listing__each_name_needs_no_memory(void **state)
{
    enum { NAMES = 100 };
    char name[100];
    int count = 0;
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "%090d", i);
        lc_close(make_file(name));
    }
    fault_set("alloc", 1, ENOMEM);
    assert_int_equal(lc_each_name(dir, count_name, &count), 0);
    assert_true(fault_clear());
    assert_int_equal(count, NAMES);
}

#define LISTING_TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LISTING_TEST(test_listing__each_name_gives_every_name_every_time),
        LISTING_TEST(test_listing__each_name_from_goes_on_where_it_stopped),
        LISTING_TEST(test_listing__each_name_needs_a_directory),
        LISTING_TEST(test_listing__each_name_fails_without_losing_descriptors),
        LISTING_TEST(test_listing__each_name_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
