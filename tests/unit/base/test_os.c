/* System calls and allocations, and that each of them fails when told. */
#include "base/alloc.h"
#include "base/fault.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/system.h"
#include "fault.h"
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static int make_file(const char *name, const char *content)
{
    int fd = lc_openat(dir, name, O_CREAT | O_RDWR | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static bool exists(const char *name)
{
    struct stat found;
    return fstatat(dir, name, &found, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool count_name(void *context, const char *name)
{
    (void)name;
    ++*(int *)context;
    return true;
}

/* --------------------------------------------------------------------------------------- memory */

static void test_os__nothing_can_be_allocated(void **state)
{
    (void)state;
    void *plain = lc_alloc(0);
    void *aligned = lc_alloc_aligned(0);
    void *grown = lc_realloc(NULL, 0);
    assert_non_null(plain);
    assert_non_null(aligned);
    assert_non_null(grown);
    grown = lc_realloc(grown, 0);
    assert_non_null(grown);
    lc_free(plain);
    lc_free(aligned);
    lc_free(grown);
    lc_free(NULL);
}

static void test_os__realloc_keeps_what_was_there(void **state)
{
    (void)state;
    char *text = lc_alloc(6);
    assert_non_null(text);
    strcpy(text, "hello");
    text = lc_realloc(text, 1 << 20);
    assert_non_null(text);
    assert_string_equal(text, "hello");
    lc_free(text);
}

static void test_os__aligned_memory_is_aligned(void **state)
{
    (void)state;
    for (size_t size = 1; size < 5000; size = size * 2 + 1) {
        unsigned char *memory = lc_alloc_aligned(size);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        memset(memory, 0xA5, size);
        lc_free(memory);
    }
}

static void test_os__allocations_fail_when_told(void **state)
{
    (void)state;
    void *old = lc_alloc(1);
    fault_set("alloc", 1, ENOMEM);
    assert_null(lc_alloc(1));
    assert_int_equal(errno, ENOMEM);
    fault_set("alloc", 1, ENOMEM);
    assert_null(lc_alloc_aligned(1));
    fault_set("alloc", 1, ENOMEM);
    assert_null(lc_realloc(old, 100));
    assert_true(fault_clear());
    lc_free(old);
}

/* AddressSanitizer's allocator would rather end the process. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void test_os__impossible_aligned_allocation_is_refused(void **state)
{
    (void)state;
    errno = 0;
    assert_null(lc_alloc_aligned((size_t)PTRDIFF_MAX - 4096));
    assert_int_equal(errno, ENOMEM);
}

/* -------------------------------------------------------------------------------- files by name */

static void test_os__openat_adds_its_flags(void **state)
{
    (void)state;
    int fd = make_file("a", "");
    assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
    assert_int_equal(lc_close(fd), 0);
}

static void test_os__openat_follows_no_link(void **state)
{
    (void)state;
    lc_close(make_file("target", "x"));
    assert_int_equal(symlinkat("target", dir, "link"), 0);
    assert_int_equal(symlinkat(".", dir, "dirlink"), 0);
    assert_int_equal(lc_openat(dir, "link", O_RDONLY, 0), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(lc_openat(dir, "link", O_RDWR | O_CREAT, 0600), -1);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(lc_openat(dir, "dirlink", O_RDONLY | O_DIRECTORY, 0), -1);
    assert_true(errno == ELOOP || errno == ENOTDIR);
}

/* Where the program has none of its own. */
static void test_os__openat_takes_no_number_of_a_standard_stream(void **state)
{
    (void)state;
    int own = dup(STDIN_FILENO);
    assert_true(own >= 0);
    assert_int_equal(close(STDIN_FILENO), 0);
    int fd = lc_openat(dir, "stream", O_RDWR | O_CREAT, 0600);
    assert_true(fd > STDERR_FILENO);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
    assert_int_equal(lc_close(fd), 0);
    assert_int_equal(dup2(own, STDIN_FILENO), STDIN_FILENO);
    assert_int_equal(close(own), 0);
}

static void test_os__mkdirat_leaves_the_owner_his_rights(void **state)
{
    (void)state;
    static const mode_t umasks[] = {0177, 0277, 0377, 0777, 022};
    struct stat found;
    for (size_t i = 0; i < sizeof umasks / sizeof *umasks; i++) {
        mode_t before = umask(umasks[i]);
        int result = lc_mkdirat(dir, "odd", 0700);
        umask(before);
        assert_int_equal(result, 0);
        assert_int_equal(fstatat(dir, "odd", &found, 0), 0);
        assert_int_equal(found.st_mode & 07777, 0700);
        assert_int_equal(unlinkat(dir, "odd", AT_REMOVEDIR), 0);
    }
}

static void test_os__openat_never_waits_for_a_fifo(void **state)
{
    (void)state;
    assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
    alarm(5);
    int fd = lc_openat(dir, "fifo", O_RDONLY, 0);
    assert_true(fd >= 0);
    assert_int_equal(lc_close(fd), 0);
    assert_int_equal(lc_openat(dir, "fifo", O_WRONLY, 0), -1);
    assert_int_equal(errno, ENXIO);
    alarm(0);
}

static void test_os__fstatat_follows_no_link(void **state)
{
    struct stat found;
    (void)state;
    assert_int_equal(symlinkat("nowhere", dir, "link"), 0);
    assert_int_equal(lc_fstatat(dir, "link", &found), 0);
    assert_true(S_ISLNK(found.st_mode));
    assert_int_equal(lc_fstatat(dir, "absent", &found), -1);
    assert_int_equal(errno, ENOENT);
}

static void test_os__names_are_made_moved_linked_and_removed(void **state)
{
    struct stat first;
    struct stat second;
    (void)state;
    assert_int_equal(lc_mkdirat(dir, "d", 0700), 0);
    assert_int_equal(lc_mkdirat(dir, "d", 0700), -1);
    assert_int_equal(errno, EEXIST);
    lc_close(make_file("a", "x"));
    assert_int_equal(lc_linkat(dir, "a", dir, "b"), 0);
    assert_int_equal(lc_linkat(dir, "a", dir, "b"), -1);
    assert_int_equal(errno, EEXIST);
    assert_int_equal(lc_fstatat(dir, "a", &first), 0);
    assert_int_equal(lc_fstatat(dir, "b", &second), 0);
    assert_true(first.st_ino == second.st_ino);
    assert_int_equal(lc_renameat(dir, "a", dir, "c"), 0);
    assert_false(exists("a"));
    assert_true(exists("c"));
    assert_int_equal(lc_renameat(dir, "a", dir, "c"), -1);
    assert_int_equal(errno, ENOENT);
    assert_int_equal(lc_unlinkat(dir, "c", 0), 0);
    assert_int_equal(lc_unlinkat(dir, "c", 0), -1);
    assert_int_equal(lc_unlinkat(dir, "d", AT_REMOVEDIR), 0);
    assert_false(exists("d"));
}

static void test_os__rename_new_replaces_nothing(void **state)
{
    (void)state;
    lc_close(make_file("a", "x"));
    lc_close(make_file("b", "yy"));
    assert_int_equal(lc_rename_new(dir, "a", dir, "b"), -1);
    assert_true(exists("a"));
    struct stat found;
    assert_int_equal(lc_fstatat(dir, "b", &found), 0);
    assert_int_equal(found.st_size, 2);
    /* A file system may not offer it; where it does, the name moves. */
    if (lc_rename_new(dir, "a", dir, "c") == 0)
        assert_true(exists("c"));
    assert_int_not_equal(exists("a"), exists("c"));
}

static void test_os__realpath_keeps_within_its_room(void **state)
{
    char room[] = "123456789";
    (void)state;
    assert_int_equal(lc_realpath(room, 2, "/"), 0);
    assert_string_equal(room, "/");
    assert_int_equal(lc_realpath(room, 4, "/proc"), -1);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_int_equal(room[4], '5');
}

static void test_os__linkat_links_the_link_itself(void **state)
{
    struct stat found;
    (void)state;
    assert_int_equal(symlinkat("nowhere", dir, "link"), 0);
    assert_int_equal(lc_linkat(dir, "link", dir, "copy"), 0);
    assert_int_equal(lc_fstatat(dir, "copy", &found), 0);
    assert_true(S_ISLNK(found.st_mode));
}

static void test_os__utime_now_sets_the_file_not_its_target(void **state)
{
    const struct timespec old[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};
    struct stat found;
    (void)state;
    lc_close(make_file("a", "x"));
    assert_int_equal(symlinkat("a", dir, "link"), 0);
    assert_int_equal(utimensat(dir, "a", old, 0), 0);
    assert_int_equal(lc_utime_now(dir, "link"), 0);
    assert_int_equal(lc_fstatat(dir, "a", &found), 0);
    assert_int_equal(found.st_mtime, 1000000);
    assert_int_equal(lc_utime_now(dir, "a"), 0);
    assert_int_equal(lc_fstatat(dir, "a", &found), 0);
    assert_true(labs((long)(found.st_mtime - time(NULL))) <= 2);
    assert_int_equal(lc_utime_now(dir, "absent"), -1);
    assert_int_equal(errno, ENOENT);
}

/* Every call: told to fail it fails, with the errno given, and does nothing. */
static void test_os__calls_fail_without_being_made(void **state)
{
    struct stat found;
    char byte;
    char path[8];
    int count = 0;
    (void)state;
    int fd = make_file("a", "x");
    struct iovec vector = {.iov_base = "yy", .iov_len = 2};
#define FAILS(name, call)                                                                          \
    do {                                                                                           \
        fault_set(name, 1, EDQUOT);                                                                \
        errno = 0;                                                                                 \
        assert_int_equal((call), -1);                                                              \
        assert_int_equal(errno, EDQUOT);                                                           \
        assert_true(fault_clear());                                                                \
    } while (0)
    FAILS("openat", lc_openat(dir, "new", O_CREAT | O_RDWR, 0600));
    FAILS("fstat", lc_fstat(fd, &found));
    FAILS("fstatat", lc_fstatat(dir, "a", &found));
    FAILS("mkdir", lc_mkdirat(dir, "new", 0700));
    FAILS("unlink", lc_unlinkat(dir, "a", 0));
    FAILS("rename", lc_renameat(dir, "a", dir, "new"));
    FAILS("rename", lc_rename_new(dir, "a", dir, "new"));
    FAILS("link", lc_linkat(dir, "a", dir, "new"));
    FAILS("symlink", lc_symlinkat("a", dir, "new"));
    FAILS("realpath", lc_realpath(path, sizeof path, "/"));
    FAILS("access", lc_writable("/"));
    FAILS("dup", lc_dup_over(fd, fd));
    FAILS("utime", lc_utime_now(dir, "a"));
    FAILS("fsync", lc_fsync(fd));
    FAILS("chmod", lc_fchmod(fd, 0600));
    FAILS("read", lc_read_full(fd, &byte, 1));
    FAILS("write", lc_write_full(fd, &vector, 1));
    FAILS("lock", lc_lock_now(fd));
    FAILS("lock", lc_lock_within(fd, 1000, NULL, NULL));
    FAILS("openat", lc_each_name(dir, count_name, &count));
    FAILS("readdir", lc_each_name(dir, count_name, &count));
    FAILS("close", lc_close(fd));
#undef FAILS
    assert_int_equal(count, 0);
    assert_true(exists("a"));
    assert_false(exists("new"));
    assert_int_equal(lc_fstatat(dir, "a", &found), 0);
    assert_int_equal(found.st_size, 1);
}

/* -------------------------------------------------------------------------- files by descriptor */

static void test_os__close_closes_even_when_it_fails(void **state)
{
    (void)state;
    int fd = make_file("a", "");
    fault_set("close", 1, EIO);
    assert_int_equal(lc_close(fd), -1);
    assert_true(fault_clear());
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(lc_close(fd), -1);
    assert_int_equal(errno, EBADF);
}

static void test_os__fstat_and_fsync_see_the_file(void **state)
{
    struct stat found;
    (void)state;
    int fd = make_file("a", "hello");
    assert_int_equal(lc_fstat(fd, &found), 0);
    assert_int_equal(found.st_size, 5);
    assert_int_equal(lc_fsync(fd), 0);
    lc_close(fd);
    assert_int_equal(lc_fstat(fd, &found), -1);
    assert_int_equal(lc_fsync(fd), -1);
}

static void test_os__read_full_stops_at_the_end_of_the_file(void **state)
{
    char text[16];
    (void)state;
    int fd = make_file("a", "hello");
    assert_int_equal(lc_read_full(fd, text, 0), 0);
    assert_int_equal(lc_read_full(fd, text, 3), 3);
    assert_memory_equal(text, "hel", 3);
    assert_int_equal(lc_read_full(fd, text, sizeof text), 2);
    assert_memory_equal(text, "lo", 2);
    assert_int_equal(lc_read_full(fd, text, sizeof text), 0);
    lc_close(fd);
}

static void test_os__read_full_refuses_what_it_could_not_count(void **state)
{
    char byte;
    (void)state;
    int fd = make_file("a", "hello");
    assert_int_equal(lc_read_full(fd, &byte, (size_t)SSIZE_MAX + 1), -1);
    assert_int_equal(errno, EINVAL);
    lc_close(fd);
    assert_int_equal(lc_read_full(fd, &byte, 1), -1);
    assert_int_equal(errno, EBADF);
}

/* Reads come in pieces, some interrupted by a signal: all of it arrives all the same. */
static void ignore_signal(int number)
{
    (void)number;
}

static void test_os__read_full_puts_pieces_together(void **state)
{
    int ends[2];
    char text[64] = "";
    struct sigaction action = {.sa_handler = ignore_signal};
    struct sigaction before;
    (void)state;
    assert_int_equal(sigaction(SIGUSR1, &action, &before), 0);
    assert_int_equal(pipe(ends), 0);
    pid_t reader = getpid();
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 10; i++) {
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
            kill(reader, SIGUSR1);
            if (write(ends[1], "abcd", 4) != 4)
                _exit(1);
        }
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(lc_read_full(ends[0], text, sizeof text), 40);
    assert_memory_equal(text, "abcdabcdabcdabcdabcdabcdabcdabcdabcdabcd", 40);
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    sigaction(SIGUSR1, &before, NULL);
}

static void test_os__write_full_writes_any_number_of_vectors(void **state)
{
    enum { COUNT = 3 * IOV_MAX };
    static struct iovec vectors[COUNT];
    static unsigned char bytes[COUNT];
    static unsigned char back[COUNT];
    (void)state;
    for (int i = 0; i < COUNT; i++)
        bytes[i] = (unsigned char)(i * 7);
    for (int i = 0; i < COUNT; i++)
        vectors[i] = (struct iovec){.iov_base = i % 3 == 0 ? NULL : &bytes[i],
                                    .iov_len = i % 3 == 0 ? 0 : 1};
    int fd = make_file("a", "");
    assert_int_equal(lc_write_full(fd, vectors, COUNT), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(lc_read_full(fd, back, sizeof back), COUNT - COUNT / 3);
    for (int i = 0, at = 0; i < COUNT; i++) {
        if (i % 3 != 0)
            assert_int_equal(back[at++], bytes[i]);
    }
    lc_close(fd);
}

static void test_os__write_full_of_nothing_does_nothing(void **state)
{
    struct iovec empty[2] = {{.iov_base = NULL, .iov_len = 0}, {.iov_base = "x", .iov_len = 0}};
    (void)state;
    assert_int_equal(lc_write_full(-1, NULL, 0), 0);
    assert_int_equal(lc_write_full(-1, empty, 2), 0);
}

typedef struct transfer {
    int fd;
    unsigned char *into;
    size_t size;
    ssize_t got;
} transfer;

static void *receive_slowly(void *context)
{
    transfer *job = context;
    size_t done = 0;
    ssize_t got;
    while (done < job->size && (got = read(job->fd, job->into + done, 1 + done % 5000)) > 0) {
        done += (size_t)got;
        if (done % 8 == 0)
            sched_yield();
    }
    job->got = (ssize_t)done;
    return NULL;
}

/* A pipe takes what it has room for: every write is a short one, ending anywhere within a
 * vector. */
static void test_os__write_full_goes_on_after_short_writes(void **state)
{
    enum { SIZE = 1 << 20, COUNT = 150 };
    static unsigned char sent[SIZE];
    static unsigned char received[SIZE];
    struct iovec vectors[COUNT];
    transfer job = {.into = received, .size = SIZE};
    pthread_t reader;
    int ends[2];
    (void)state;
    for (size_t i = 0; i < SIZE; i++)
        sent[i] = (unsigned char)(i * 31 >> 3);
    for (size_t i = 0; i < COUNT; i++) {
        size_t start = i * (SIZE / COUNT);
        vectors[i] =
            (struct iovec){.iov_base = sent + start,
                           .iov_len = i == COUNT - 1 ? SIZE - start : (size_t)(SIZE / COUNT)};
    }
    assert_int_equal(pipe(ends), 0);
    job.fd = ends[0];
    assert_int_equal(pthread_create(&reader, NULL, receive_slowly, &job), 0);
    assert_int_equal(lc_write_full(ends[1], vectors, COUNT), 0);
    close(ends[1]);
    assert_int_equal(pthread_join(reader, NULL), 0);
    close(ends[0]);
    assert_int_equal(job.got, SIZE);
    assert_memory_equal(sent, received, SIZE);
}

static void test_os__write_full_reports_what_stops_it_half_way(void **state)
{
    enum { SIZE = 1 << 20 }; /* more than a pipe takes */
    static char text[SIZE];
    struct iovec vectors[2] = {{.iov_base = text, .iov_len = 50},
                               {.iov_base = text + 50, .iov_len = SIZE - 50}};
    int ends[2];
    int waiting;
    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    assert_int_equal(lc_write_full(ends[1], vectors, 2), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(ioctl(ends[0], FIONREAD, &waiting), 0);
    assert_true(waiting > 50 && waiting < SIZE);
    close(ends[0]);
    close(ends[1]);
}

/* SIGXFSZ would end the process: nothing is written that does not fit. */
static void test_os__write_full_keeps_to_the_limit_of_file_sizes(void **state)
{
    char text[100];
    struct rlimit before;
    struct stat found;
    (void)state;
    memset(text, 'x', sizeof text);
    int fd = make_file("a", "");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {.rlim_cur = 70, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct iovec most[2] = {{.iov_base = text, .iov_len = 40}, {.iov_base = text, .iov_len = 31}};
    int result = lc_write_full(fd, most, 2);
    int code = errno;
    struct iovec half = {.iov_base = text, .iov_len = 40};
    int first = lc_write_full(fd, &half, 1);
    half = (struct iovec){.iov_base = text, .iov_len = 31};
    int second = lc_write_full(fd, &half, 1);
    half = (struct iovec){.iov_base = text, .iov_len = 30};
    int third = lc_write_full(fd, &half, 1);
    int past = lc_pwrite(fd, text, 1, 70) + lc_append(fd, text, 1, 70) + lc_truncate(fd, 71);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(result, -1);
    assert_int_equal(code, EFBIG);
    assert_int_equal(first, 0);
    assert_int_equal(second, -1);
    assert_int_equal(third, 0);
    assert_int_equal(past, -3);
    assert_int_equal(lc_fstat(fd, &found), 0);
    assert_int_equal(found.st_size, 70);
    lc_close(fd);
}

static void test_os__holes(void **state)
{
    (void)state;
    int fd = make_file("a", "abc");
    assert_false(lc_has_hole(fd, 3));
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_true(lc_has_hole(fd, 1 << 20));
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    fault_set("seek", 1, EINVAL);
    assert_false(lc_has_hole(fd, 1 << 20));
    assert_true(fault_clear());
    lc_close(fd);
}

/* More than one system call takes. The pages are never touched: /dev/null does not look. */
static void test_os__write_full_splits_what_is_too_much_for_a_call(void **state)
{
    size_t size = (size_t)5 << 30;
    (void)state;
    if (sizeof(size_t) < 8)
        skip();
    void *nothing = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (nothing == MAP_FAILED)
        skip();
    struct iovec vectors[2] = {{.iov_base = nothing, .iov_len = size},
                               {.iov_base = nothing, .iov_len = size / 2}};
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    fault_set("write", INT_MAX, EIO);
    assert_int_equal(lc_write_full(fd, vectors, 2), 0);
    int calls = INT_MAX - fault.remaining;
    fault_clear();
    assert_true(calls >= 8);
    close(fd);
    munmap(nothing, size);
}

/* ---------------------------------------------------------------------------------------- locks */

static void test_os__lock_keeps_others_out_until_closed(void **state)
{
    (void)state;
    int first = make_file("lock", "");
    int second = lc_openat(dir, "lock", O_RDWR, 0);
    assert_int_equal(lc_lock_now(first), 0);
    assert_int_equal(lc_lock_now(first), 0);
    assert_int_equal(lc_lock_now(second), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(lc_close(first), 0);
    assert_int_equal(lc_lock_now(second), 0);
    lc_close(second);
}

static void test_os__lock_dies_with_its_holder(void **state)
{
    int ready[2];
    char byte;
    (void)state;
    int fd = make_file("lock", "");
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        int own = lc_openat(dir, "lock", O_RDWR, 0);
        if (own < 0 || lc_lock_now(own) != 0 || write(ready[1], "r", 1) != 1)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(lc_lock_now(fd), -1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(lc_lock_now(fd), 0);
    lc_close(fd);
    close(ready[0]);
    close(ready[1]);
}

static void test_os__lock_needs_a_descriptor_that_may_write(void **state)
{
    (void)state;
    lc_close(make_file("lock", ""));
    int fd = lc_openat(dir, "lock", O_RDONLY, 0);
    assert_int_equal(lc_lock_within(fd, 10000, NULL, NULL), -1);
    assert_int_equal(errno, EBADF);
    lc_close(fd);
}

static void test_os__lock_within_gives_up_in_time(void **state)
{
    (void)state;
    int first = make_file("lock", "");
    int second = lc_openat(dir, "lock", O_RDWR, 0);
    assert_int_equal(lc_lock_now(first), 0);
    for (int limit = -5; limit <= 50; limit += 55) {
        int64_t begin = lc_now();
        assert_int_equal(lc_lock_within(second, limit, NULL, NULL), -1);
        assert_int_equal(errno, EAGAIN);
        int64_t took = (lc_now() - begin) / 1000000;
        assert_true(took >= limit - 5);
        assert_true(took < limit + 2000);
    }
    lc_close(first);
    assert_int_equal(lc_lock_within(second, 0, NULL, NULL), 0);
    lc_unlock(second);
    lc_close(second);
}

static void *close_after_a_while(void *context)
{
    nanosleep(&(struct timespec){.tv_nsec = 30000000}, NULL);
    lc_close(*(int *)context);
    return NULL;
}

static void test_os__lock_within_gets_what_becomes_free(void **state)
{
    pthread_t holder;
    (void)state;
    int first = make_file("lock", "");
    int second = lc_openat(dir, "lock", O_RDWR, 0);
    assert_int_equal(lc_lock_now(first), 0);
    int64_t begin = lc_now();
    assert_int_equal(pthread_create(&holder, NULL, close_after_a_while, &first), 0);
    assert_int_equal(lc_lock_within(second, 10000, NULL, NULL), 0);
    assert_true(lc_now() - begin < INT64_C(5000000000));
    assert_int_equal(pthread_join(holder, NULL), 0);
    lc_unlock(second);
    lc_close(second);
}

/* A child's status: whether the descriptor is closed in it. */
static bool closed_in_child(int fd)
{
    int status = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(fcntl(fd, F_GETFD) == -1 ? 1 : 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WEXITSTATUS(status) == 1;
}

static void test_os__a_child_closes_what_is_locked_for_a_moment(void **state)
{
    (void)state;
    int fd = make_file("lock", "");
    int other = lc_openat(dir, "lock", O_RDWR, 0);
    assert_false(closed_in_child(fd));
    assert_int_equal(lc_lock_within(fd, 0, NULL, NULL), 0);
    assert_int_equal(lc_lock_within(other, 0, NULL, NULL), -1);
    assert_true(closed_in_child(fd));
    assert_false(closed_in_child(other));
    /* It is this process's still, and its lock, too. */
    assert_int_equal(lc_lock_now(other), -1);
    lc_unlock(fd);
    assert_false(closed_in_child(fd));
    assert_int_equal(lc_lock_now(other), 0);
    lc_close(other);
    lc_close(fd);
}

#define OS_TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OS_TEST(test_os__nothing_can_be_allocated),
        OS_TEST(test_os__realloc_keeps_what_was_there),
        OS_TEST(test_os__aligned_memory_is_aligned),
        OS_TEST(test_os__allocations_fail_when_told),
        OS_TEST(test_os__impossible_aligned_allocation_is_refused),
        OS_TEST(test_os__openat_adds_its_flags),
        OS_TEST(test_os__openat_follows_no_link),
        OS_TEST(test_os__openat_never_waits_for_a_fifo),
        OS_TEST(test_os__openat_takes_no_number_of_a_standard_stream),
        OS_TEST(test_os__mkdirat_leaves_the_owner_his_rights),
        OS_TEST(test_os__fstatat_follows_no_link),
        OS_TEST(test_os__names_are_made_moved_linked_and_removed),
        OS_TEST(test_os__rename_new_replaces_nothing),
        OS_TEST(test_os__realpath_keeps_within_its_room),
        OS_TEST(test_os__linkat_links_the_link_itself),
        OS_TEST(test_os__utime_now_sets_the_file_not_its_target),
        OS_TEST(test_os__calls_fail_without_being_made),
        OS_TEST(test_os__close_closes_even_when_it_fails),
        OS_TEST(test_os__fstat_and_fsync_see_the_file),
        OS_TEST(test_os__read_full_stops_at_the_end_of_the_file),
        OS_TEST(test_os__read_full_refuses_what_it_could_not_count),
        OS_TEST(test_os__read_full_puts_pieces_together),
        OS_TEST(test_os__write_full_writes_any_number_of_vectors),
        OS_TEST(test_os__write_full_of_nothing_does_nothing),
        OS_TEST(test_os__write_full_goes_on_after_short_writes),
        OS_TEST(test_os__write_full_reports_what_stops_it_half_way),
        OS_TEST(test_os__write_full_keeps_to_the_limit_of_file_sizes),
        OS_TEST(test_os__holes),
        OS_TEST(test_os__write_full_splits_what_is_too_much_for_a_call),
        OS_TEST(test_os__lock_keeps_others_out_until_closed),
        OS_TEST(test_os__lock_dies_with_its_holder),
        OS_TEST(test_os__lock_needs_a_descriptor_that_may_write),
        OS_TEST(test_os__lock_within_gives_up_in_time),
        OS_TEST(test_os__lock_within_gets_what_becomes_free),
        OS_TEST(test_os__a_child_closes_what_is_locked_for_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
