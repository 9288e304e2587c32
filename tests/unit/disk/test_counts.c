/* The file in which processes add up what they counted. */
#include "scratch.h"

#include "base/os.h"
#include "disk/counts.h"
#include "fault.h"
#include "orphan.h"

#include <time.h>

#define RECORD 128

static lc_directory at;

static void open_directory(void)
{
    char path[LOCACHE_PATH_MAX];
    assert_int_equal(mkdir(foo, 0700), 0);
    snprintf(path, sizeof path, "%s/" LC_META, foo);
    assert_int_equal(mkdir(path, 0700), 0);
    at = (lc_directory){.dir = open(foo, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                        .owner = geteuid(),
                        .function = "f",
                        .path = foo};
    assert_true(at.dir >= 0);
}

static const char *file(void)
{
    return in_foo(LC_COUNTS_NAME);
}

/* As an old process: what is recent is kept apart. */
static lc_counts counted(uint64_t hits, int64_t until)
{
    return (lc_counts){
        .numbers = {[LC_COUNT_HITS] = hits, [LC_COUNT_SAVED_TIME] = 3 * hits},
        .since = until - 5,
        .until = until,
        .process = 7,
    };
}

static void must_add(uint64_t hits)
{
    const lc_counts more = counted(hits, 1000);
    assert_int_equal(lc_counts_add(&at, &more, true), 0);
}

static uint64_t hits_there(void)
{
    lc_counts sum;
    (void)lc_counts_read(&sum, &at);
    assert_int_equal(sum.numbers[LC_COUNT_SAVED_TIME], 3 * sum.numbers[LC_COUNT_HITS]);
    return sum.numbers[LC_COUNT_HITS];
}

static int64_t size_there(void)
{
    struct stat found;
    return stat(file(), &found) == 0 ? (int64_t)found.st_size : -1;
}

static void test_counts__are_summed_up(void **unused)
{
    (void)unused;
    open_directory();
    lc_counts sum;
    assert_false(lc_counts_read(&sum, &at));
    assert_int_equal(sum.since, 0);
    must_add(3);
    const lc_counts more = counted(4, 2000);
    assert_int_equal(lc_counts_add(&at, &more, true), 0);
    assert_true(lc_counts_read(&sum, &at));
    assert_int_equal(sum.numbers[LC_COUNT_HITS], 7);
    assert_int_equal(sum.since, 995);
    assert_int_equal(sum.until, 2000);
    assert_int_equal(sum.process, 0);
    lc_counts_forget(at.dir);
    assert_int_equal(hits_there(), 0);
    must_add(1);
    assert_int_equal(hits_there(), 1);
}

static void test_counts__stop_at_the_greatest_number(void **unused)
{
    (void)unused;
    lc_counts sum = {.numbers = {UINT64_MAX - 1}};
    const lc_counts more = {.numbers = {5, 5}};
    lc_counts_join(&sum, &more);
    assert_true(sum.numbers[0] == UINT64_MAX);
    assert_int_equal(sum.numbers[1], 5);
}

/* A file that is added to for years stays small, and loses nothing. */
static void test_counts__are_folded(void **unused)
{
    (void)unused;
    open_directory();
    int64_t largest = 0;
    for (uint64_t i = 1; i <= 2000; i++) {
        must_add(i);
        largest = size_there() > largest ? size_there() : largest;
    }
    assert_int_equal(hits_there(), 2000 * 2001 / 2);
    assert_true(largest <= 256 * RECORD);
}

static void count_process(void *context, const lc_counts *one)
{
    *(unsigned *)context += one->process == 7;
}

/* Who counted within the last seconds is told, also after a fold. */
static void test_counts__keep_recent_ones_apart(void **unused)
{
    (void)unused;
    open_directory();
    for (int i = 0; i < 250; i++)
        must_add(1);
    for (int i = 0; i < 10; i++) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        const lc_counts more = counted(1, (int64_t)now.tv_sec * 1000000000);
        assert_int_equal(lc_counts_add(&at, &more, true), 0);
    }
    assert_true(size_there() < 20 * RECORD);
    unsigned recent = 0;
    assert_true(lc_counts_each(&at, count_process, &recent));
    assert_int_equal(recent, 10);
    assert_int_equal(hits_there(), 260);
}

/* What is cut off, zeros, or anything else counts nothing, and hides nothing that is behind it. */
static void test_counts__pass_over_what_is_damaged(void **unused)
{
    (void)unused;
    open_directory();
    must_add(1);
    for (size_t bad = 1; bad < 2 * RECORD; bad += 31) {
        char rubbish[2 * RECORD];
        int64_t before = size_there();
        for (size_t i = 0; i < bad; i++)
            rubbish[i] = bad % 2 == 0 ? 0 : "LOCCNTS\1"[i % 8];
        int fd = open(file(), O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_int_equal(write(fd, rubbish, bad), bad);
        close(fd);
        uint64_t hits = hits_there();
        must_add(1);
        assert_int_equal(hits_there(), hits + 1);
        assert_int_equal(size_there(), before + (int64_t)bad + RECORD);
    }
    /* Any byte of a record. */
    lc_counts_forget(at.dir);
    must_add(1);
    for (int offset = 0; offset < RECORD; offset++) {
        unsigned char byte;
        int fd = open(file(), O_RDWR | O_CLOEXEC);
        assert_int_equal(pread(fd, &byte, 1, offset), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
        assert_int_equal(hits_there(), 0);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
        close(fd);
    }
    assert_int_equal(hits_there(), 1);
    for (int size = 0; size < RECORD; size++) {
        assert_int_equal(truncate(file(), size), 0);
        assert_int_equal(hits_there(), 0);
    }
}

static void test_counts__of_a_huge_file_begin_anew(void **unused)
{
    (void)unused;
    open_directory();
    must_add(1);
    assert_int_equal(truncate(file(), (off_t)1 << 40), 0);
    must_add(2);
    assert_int_equal(hits_there(), 1); /* what was appended there is out of reach */
    must_add(4);
    assert_int_equal(hits_there(), 5);
    assert_int_equal(size_there(), 2 * RECORD);
}

/* Without locks nobody can fold: what became too large begins anew. */
static void test_counts__begin_anew_where_there_are_no_locks(void **unused)
{
    (void)unused;
    open_directory();
    must_add(1);
    assert_int_equal(truncate(file(), (off_t)1 << 21), 0);
    const lc_counts more = counted(2, 1000);
    fault_set("lock", 1, ENOLCK);
    (void)!lc_counts_add(&at, &more, true);
    assert_true(fault_clear());
    assert_int_equal(size_there(), -1);
    must_add(4);
    assert_int_equal(hits_there(), 4);
}

/* Nothing is followed, nothing blocks, and no file of the user's is written to. */
static void test_counts__are_written_to_no_other_file(void **unused)
{
    (void)unused;
    const lc_counts more = counted(1, 1000);
    char mine[LOCACHE_PATH_MAX];
    struct stat found;
    open_directory();
    snprintf(mine, sizeof mine, "%s", in_foo("mine"));
    write_text(mine, "mine");
    for (int kind = 0; kind < 4; kind++) {
        assert_int_equal(kind == 0   ? symlink(mine, file())
                         : kind == 1 ? link(mine, file())
                         : kind == 2 ? mkfifo(file(), 0600)
                                     : mkdir(file(), 0700),
                         0);
        assert_int_equal(lc_counts_add(&at, &more, true), -1);
        assert_int_equal(hits_there(), 0);
        assert_int_equal(remove(file()), 0);
    }
    assert_int_equal(stat(mine, &found), 0);
    assert_int_equal(found.st_size, 4);
    /* Without .locache/ there is nothing to add to, and none is made. */
    assert_int_equal(rmdir(in_foo(LC_META)), 0);
    assert_int_equal(lc_counts_add(&at, &more, true), -1);
    assert_int_equal(access(in_foo(LC_META), F_OK), -1);
}

/* ---------------------------------------------------------------------------------- two at once */

#define PROCESSES 4
#define ROUNDS 1500

static void test_counts__of_several_processes_lose_nothing(void **unused)
{
    (void)unused;
    open_directory();
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            const lc_counts more = counted(1, 1000);
            int failed = 0;
            for (int n = 0; n < ROUNDS; n++)
                failed |= lc_counts_add(&at, &more, true) != 0;
            _exit(failed);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(hits_there(), PROCESSES * ROUNDS);
    assert_true(size_there() <= 256 * RECORD);
}

/* What another process does between two system calls of one that folds. */
static int turn;
static int act_at;
static bool within;
static unsigned acted;

static int add_between(const char *call)
{
    (void)call;
    if (within || turn++ != act_at)
        return 0;
    within = true;
    must_add(1000000);
    acted++;
    within = false;
    return 0;
}

static void test_counts__lose_nothing_to_a_fold_at_any_moment(void **unused)
{
    (void)unused;
    open_directory();
    for (act_at = 0; acted == (unsigned)act_at; act_at++) {
        lc_counts_forget(at.dir);
        for (int i = 0; i < 255; i++)
            must_add(1);
        turn = 0;
        lc_fault_hook = add_between;
        must_add(1);
        lc_fault_hook = NULL;
        assert_int_equal(hits_there(), 256 + (acted > (unsigned)act_at ? 1000000 : 0));
    }
    assert_true(acted > 10);
}

/* Others add to each file that is folded, and to the new one until one record more fills it. */
static int add_and_fill(const char *call)
{
    if (within)
        return 0;
    within = true;
    if (strcmp(call, "rename") == 0) {
        must_add(1000);
        acted++;
    }
    for (int64_t at_once = size_there(); acted > 0 && at_once < 255 * RECORD; at_once += RECORD)
        must_add(0);
    within = false;
    return 0;
}

static void test_counts__lose_nothing_to_a_fold_while_what_came_late_is_added(void **unused)
{
    (void)unused;
    open_directory();
    acted = 0;
    for (int i = 0; i < 255; i++)
        must_add(1);
    lc_fault_hook = add_and_fill;
    must_add(1);
    lc_fault_hook = NULL;
    assert_true(acted > 0);
    assert_int_equal(hits_there(), 256 + 1000 * acted);
}

/* The other way round: another process folds between two system calls of one that adds. */
static int fold_between(const char *call)
{
    (void)call;
    if (within || turn++ != act_at)
        return 0;
    within = true;
    for (int i = 0; i < 300; i++)
        must_add(1);
    acted++;
    within = false;
    return 0;
}

static void test_counts__are_added_once_whenever_another_folds(void **unused)
{
    (void)unused;
    open_directory();
    acted = 0;
    for (act_at = 0; acted == (unsigned)act_at; act_at++) {
        lc_counts_forget(at.dir);
        turn = 0;
        lc_fault_hook = fold_between;
        must_add(1000000);
        lc_fault_hook = NULL;
        assert_int_equal(hits_there(), 1000000 + (acted > (unsigned)act_at ? 300 : 0));
    }
    assert_true(acted > 4);
}

/* --------------------------------------------------------------------------------------- faults */

/* Each system call and allocation fails: what was there stays, a fold or not. What is told as added
 * is there, and what is not, is not. */
static void test_counts__stay_what_they_are_where_a_call_fails(void **unused)
{
    (void)unused;
    open_directory();
    for (int records = 0; records < 256; records += 255) {
        bool failed = true;
        for (int n = 1; failed; n++) {
            lc_counts_forget(at.dir);
            for (int i = 0; i < records; i++)
                must_add(1);
            const lc_counts more = counted(1, 1000);
            fault_set(NULL, n, ENOSPC);
            int result = lc_counts_add(&at, &more, true);
            failed = fault_clear();
            assert_int_equal(hits_there(), records + (result == 0 ? 1 : 0));
        }
    }
}

/* Killed at each system call, as it comes to it: the sum is with or without what was added. */
static int die_at_nth(const char *call)
{
    (void)call;
    if (turn++ == act_at)
        _exit(9);
    return 0;
}

static void test_counts__survive_a_process_that_dies_at_any_call(void **unused)
{
    (void)unused;
    open_directory();
    for (int records = 0; records < 256; records += 255) {
        bool died = true;
        for (act_at = 0; died; act_at++) {
            int status;
            lc_counts_forget(at.dir);
            for (int i = 0; i < records; i++)
                must_add(1);
            pid_t child = fork();
            if (child == 0) {
                const lc_counts more = counted(1, 1000);
                turn = 0;
                lc_fault_hook = die_at_nth;
                (void)!lc_counts_add(&at, &more, true);
                _exit(0);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            died = WEXITSTATUS(status) == 9;
            uint64_t hits = hits_there();
            assert_in_range(hits, (uint64_t)records, (uint64_t)records + 1);
            must_add(1);
            assert_int_equal(hits_there(), hits + 1);
        }
    }
}

static void add_until_folded(void)
{
    orphan_from_now();
    for (int i = 0; i < 1000; i++)
        must_add(1);
}

/* Somebody else's thread forks, and the process is killed, while it folds. */
static void test_counts__a_child_has_no_part_in_the_lock(void **unused)
{
    (void)unused;
    open_directory();
    int child = orphan_of("rename", add_until_folded, true);
    int fd = open(file(), O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(lc_lock_now(fd), 0);
    close(fd);
    close(child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        scratch_test(test_counts__are_summed_up),
        scratch_test(test_counts__stop_at_the_greatest_number),
        scratch_test(test_counts__are_folded),
        scratch_test(test_counts__keep_recent_ones_apart),
        scratch_test(test_counts__pass_over_what_is_damaged),
        scratch_test(test_counts__of_a_huge_file_begin_anew),
        scratch_test(test_counts__begin_anew_where_there_are_no_locks),
        scratch_test(test_counts__are_written_to_no_other_file),
        scratch_test(test_counts__of_several_processes_lose_nothing),
        scratch_test(test_counts__lose_nothing_to_a_fold_at_any_moment),
        scratch_test(test_counts__lose_nothing_to_a_fold_while_what_came_late_is_added),
        scratch_test(test_counts__are_added_once_whenever_another_folds),
        scratch_test(test_counts__stay_what_they_are_where_a_call_fails),
        scratch_test(test_counts__survive_a_process_that_dies_at_any_call),
        scratch_test(test_counts__a_child_has_no_part_in_the_lock),
    };
    return cmocka_run_group_tests_name("counts", tests, NULL, NULL);
}
