/* The system calls that no persistent cache can do without, bare: what the benchmark's ratios are
 * over. Loaded by bench/bare.py; each function returns the nanoseconds per operation, or -1 with
 * errno. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    NAME_SIZE = 32,
    BODY_SIZE = 158 /* what locache's entry of the call that is measured comes to */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int write_one(int dir, int n)
{
    char body[BODY_SIZE] = {1}, temporary[NAME_SIZE], name[NAME_SIZE];
    snprintf(temporary, sizeof temporary, ".tmp-%d", n);
    snprintf(name, sizeof name, "x=%d_num=3", n);
    int fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, body, sizeof body);
    if (close(fd) || written != (ssize_t)sizeof body)
        return -1;
    return renameat(dir, temporary, dir, name);
}

static int read_one(int dir, int n)
{
    char body[4096], name[NAME_SIZE];
    struct stat status;
    snprintf(name, sizeof name, "x=%d_num=3", n);
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int failed = fstat(fd, &status) || read(fd, body, sizeof body) < 0;
    return close(fd) || failed ? -1 : 0;
}

static int null_one(int dir, int n)
{
    (void)dir, (void)n;
    return syscall(SYS_getppid) < 0 ? -1 : 0;
}

/* Not by libc's fstat(), which asks by an empty name where that is slower. */
static int fstat_one(int dir, int n)
{
    (void)n;
    struct stat status;
#ifdef SYS_fstat
    return (int)syscall(SYS_fstat, dir, &status);
#else
    return fstat(dir, &status);
#endif
}

static int fstatat_one(int dir, int n)
{
    (void)n;
    struct stat status;
    return fstatat(dir, "x=0_num=3", &status, AT_SYMLINK_NOFOLLOW);
}

static double each(const char *path, int first, int count, int (*operation)(int dir, int n))
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return -1;
    double start = now(), result = 0;
    for (int n = first; n < first + count && result >= 0; n++)
        result = operation(dir, n) ? -1 : 0;
    if (result >= 0)
        result = (now() - start) / count;
    close(dir);
    return result;
}

/* A file under a temporary name, renamed: x=first and on. */
double bare_write(const char *path, int first, int count)
{
    return each(path, first, count, write_one);
}

/* openat + fstat + read + close. */
double bare_read(const char *path, int first, int count)
{
    return each(path, first, count, read_one);
}

/* getppid(), which does nothing: what it takes to enter the kernel and come back. */
double bare_null(const char *path, int first, int count)
{
    return each(path, first, count, null_one);
}

/* fstat of what is open. */
double bare_fstat(const char *path, int first, int count)
{
    return each(path, first, count, fstat_one);
}

/* fstatat of one file by its name, again and again. */
double bare_fstatat(const char *path, int first, int count)
{
    return each(path, first, count, fstatat_one);
}
