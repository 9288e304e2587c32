/* The system calls on files, each of which a test can make fail.
 *
 * A call here is the one of POSIX with what every caller would have to add: it asks the test's hook
 * first, goes on after EINTR (a program's signal handler must not make a cache fail), and of files
 * opens nothing that could block, lead elsewhere or outlive an exec. What a call means is decided
 * above. */
#include "base/os.h"
#include "base/fault.h"
#include "base/forked.h"
#include "base/system.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#endif

/* What one read or writev is asked for: Linux stops short of 2 GiB, macOS refuses more than
 * that. */
#define CALL_MAX ((size_t)1 << 30)
/* Vectors passed to one writev: an entry with few buffers is one call, and the copy stays small. */
#define BATCH 64

/* A lock is held for microseconds: ask again soon (0.1 ms), then ever less often, so that waiting
 * costs little, be it of thousands of processes, but never more than 50 ms late. */
#define LOCK_STEP_FIRST INT64_C(100000)
#define LOCK_STEP_LAST INT64_C(50000000)

/* Kernels stamp files with the time of their last tick, at 100 Hz at the slowest: 10 ms, and as
 * much again. */
#define TICK_MAX INT64_C(20000000)
#ifndef ZFS_SUPER_MAGIC
#define ZFS_SUPER_MAGIC 0x2FC12FC1 /* not Linux's own: its <linux/magic.h> does not list it */
#endif

/* -------------------------------------------------------------------------------- files by name */

/* Where a program has none of its standard streams, their numbers are the next to be given: what it
 * prints then, or a library of its, were written into a file of the cache. */
static int keep_off_streams(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO)
        return fd;
    int other = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int code = errno;
    close(fd);
    errno = code;
    return other;
}

int lc_openat(int dir, const char *path, int flags, mode_t mode)
{
    int fd;
    if (lc_fault("openat"))
        return -1;
    /* Without O_NONBLOCK, to open a FIFO that somebody put in the place of an entry would wait for
     * its other end; without O_NOCTTY a terminal could become the program's. Both mean nothing for
     * files. */
    do
        fd = openat(dir, path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode);
    while (fd < 0 && errno == EINTR);
    return keep_off_streams(fd);
}

int lc_open_unseen(int dir, const char *path)
{
#ifdef O_NOATIME
    int fd = lc_openat(dir, path, O_RDONLY | O_NOATIME, 0);
    if (fd >= 0 || errno != EPERM)
        return fd;
#endif
    return lc_openat(dir, path, O_RDONLY, 0);
}

int lc_fstatat(int dir, const char *path, struct stat *out)
{
    int result;
    if (lc_fault("fstatat"))
        return -1;
    do
        result = fstatat(dir, path, out, AT_SYMLINK_NOFOLLOW);
    while (result != 0 && errno == EINTR);
    return result;
}

/* A umask may take rights from the owner, too: nobody could use what is made, then or later. */
static void give_owner(int dir, const char *path, mode_t mode)
{
    struct stat found;
    mode_t own = mode & S_IRWXU;
    if (fstatat(dir, path, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(found.st_mode) &&
        (found.st_mode & own) != own)
        (void)!fchmodat(dir, path, (found.st_mode & ALLPERMS) | own, 0);
}

int lc_mkdirat(int dir, const char *path, mode_t mode)
{
    int result;
    if (lc_fault("mkdir"))
        return -1;
    do
        result = mkdirat(dir, path, mode);
    while (result != 0 && errno == EINTR);
    if (result == 0)
        give_owner(dir, path, mode);
    return result;
}

int lc_unlinkat(int dir, const char *path, int flags)
{
    int result;
    if (lc_fault("unlink"))
        return -1;
    do
        result = unlinkat(dir, path, flags);
    while (result != 0 && errno == EINTR);
    return result;
}

int lc_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int result;
    if (lc_fault("rename"))
        return -1;
    do
        result = renameat(from_dir, from, to_dir, to);
    while (result != 0 && errno == EINTR);
    return result;
}

int lc_rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
    int result;
    if (lc_fault("rename"))
        return -1;
#ifdef RENAME_NOREPLACE
    do
        result = renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE);
    while (result != 0 && errno == EINTR);
#else
    /* To look first and rename then would replace what came in between. */
    (void)from_dir, (void)from, (void)to_dir, (void)to;
    errno = ENOSYS;
    result = -1;
#endif
    return result;
}

int lc_linkat(int from_dir, const char *from, int to_dir, const char *to)
{
    int result;
    if (lc_fault("link"))
        return -1;
    do
        result = linkat(from_dir, from, to_dir, to, 0);
    while (result != 0 && errno == EINTR);
    return result;
}

int lc_open_unnamed(int dir)
{
    if (lc_fault("unnamed"))
        return -1;
#ifdef O_TMPFILE
    return lc_openat(dir, ".", O_WRONLY | O_TMPFILE, 0600);
#else
    (void)dir;
    errno = ENOTSUP;
    return -1;
#endif
}

#ifdef AT_EMPTY_PATH
/* By the descriptor itself, which Linux lets everybody do from 6.10 on; before, by the name that
 * /proc has for it. */
static int link_descriptor(int fd, int to_dir, const char *to)
{
    static atomic_bool by_name;
    char name[32];
    if (!atomic_load_explicit(&by_name, memory_order_relaxed)) {
        int result = linkat(fd, "", to_dir, to, AT_EMPTY_PATH);
        if (result == 0 || errno != ENOENT)
            return result;
    }
    (void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int result = linkat(AT_FDCWD, name, to_dir, to, AT_SYMLINK_FOLLOW);
    /* Else the directory may be deleted, which is ENOENT in either way. */
    if (result == 0)
        atomic_store_explicit(&by_name, true, memory_order_relaxed);
    return result;
}
#endif

int lc_link_unnamed(int fd, int to_dir, const char *to)
{
    int result;
    if (lc_fault("link"))
        return -1;
#ifdef AT_EMPTY_PATH
    do
        result = link_descriptor(fd, to_dir, to);
    while (result != 0 && errno == EINTR);
#else
    (void)fd, (void)to_dir, (void)to;
    errno = ENOTSUP;
    result = -1;
#endif
    return result;
}

int lc_symlinkat(const char *target, int dir, const char *path)
{
    int result;
    if (lc_fault("symlink"))
        return -1;
    do
        result = symlinkat(target, dir, path);
    while (result != 0 && errno == EINTR);
    return result;
}

static int set_times(int dir, const char *path, bool modified)
{
    int result;
    if (lc_fault("utime"))
        return -1;
    struct timespec now;
    /* Not UTIME_NOW: that is the time of the kernel's last tick, the same for many files. */
    clock_gettime(CLOCK_REALTIME, &now);
    const struct timespec times[2] = {now,
                                      modified ? now : (struct timespec){.tv_nsec = UTIME_OMIT}};
    do
        result = utimensat(dir, path, times, AT_SYMLINK_NOFOLLOW);
    while (result != 0 && errno == EINTR);
    return result;
}

int lc_utime_now(int dir, const char *path)
{
    return set_times(dir, path, true);
}

int lc_utime_access(int dir, const char *path)
{
    return set_times(dir, path, false);
}

int lc_utime_own(struct timespec *out, int fd)
{
    int result;
    if (lc_fault("utime"))
        return -1;
    clock_gettime(CLOCK_REALTIME, out);
    const struct timespec times[2] = {*out, *out};
    do
        result = futimens(fd, times);
    while (result != 0 && errno == EINTR);
    return result;
}

int lc_realpath(char *out, size_t size, const char *path)
{
    if (lc_fault("realpath"))
        return -1;
    /* Into memory of its own (malloc's, hence free()): a buffer would have to have PATH_MAX bytes,
     * and paths can be longer. */
    char *real = realpath(path, NULL);
    if (real == NULL)
        return -1;
    size_t length = strlen(real);
    if (length < size)
        memcpy(out, real, length + 1);
    free(real);
    if (length >= size)
        errno = ENAMETOOLONG;
    return length < size ? 0 : -1;
}

int lc_writable(const char *path)
{
    if (lc_fault("access"))
        return -1;
    /* The kernel's answer, not one from mode bits: there are ACLs and read-only mounts. */
    return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS);
}

/* -------------------------------------------------------------------------- files by descriptor */

int lc_close(int fd)
{
    bool failed = lc_fault("close");
    int code = errno;
    /* Not again after EINTR: the descriptor is gone by then, and another thread may have been given
     * its number. */
    int result = close(fd);
    if (failed) {
        errno = code;
        return -1;
    }
    return result != 0 && errno == EINTR ? 0 : result;
}

/* On the way of every hit: without the C library's detour over newfstatat() with an empty path,
 * which the kernel takes longer for. Only where the C library's struct stat is the kernel's. */
static inline int plain_fstat(int fd, struct stat *out)
{
#if defined(__linux__) && defined(SYS_fstat) && (defined(__x86_64__) || defined(__aarch64__)) &&   \
    defined(__LP64__)
    int result = (int)syscall(SYS_fstat, fd, out);
    if (result == 0 || errno != ENOSYS) /* as a sandbox may have it */
        return result;
#endif
    return fstat(fd, out);
}

int lc_fstat(int fd, struct stat *out)
{
    int result;
    if (lc_fault("fstat"))
        return -1;
    do
        result = plain_fstat(fd, out);
    while (result != 0 && errno == EINTR);
    return result;
}

lc_file_system lc_file_system_of(int fd)
{
    const lc_file_system unknown = {.grain = -1, .holds = false};
#ifdef __linux__
    struct statfs found;
    if (lc_fault("statfs") || fstatfs(fd, &found) != 0)
        return unknown;
    /* Those whose times were seen to move at every change. What is not listed, network file systems
     * above all, may answer from what a client has kept: there every hit opens its file. */
    switch ((unsigned long)found.f_type) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case TMPFS_MAGIC:
        return (lc_file_system){.grain = TICK_MAX, .holds = true};
    case OVERLAYFS_SUPER_MAGIC: /* a file of a lower layer does not notice that it is hidden */
    case ZFS_SUPER_MAGIC:
        return (lc_file_system){.grain = TICK_MAX, .holds = false};
    default:
        return unknown;
    }
#else
    (void)fd;
    return unknown;
#endif
}

/* Linux 6.8 has them; older headers do not say so. */
#if defined(STATX_MNT_ID) && !defined(STATX_MNT_ID_UNIQUE)
#define STATX_MNT_ID_UNIQUE 0x00004000U
#endif

uint64_t lc_mount_of(int fd)
{
#ifdef STATX_MNT_ID_UNIQUE
    struct statx found;
    if (!lc_fault("statx") && statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID_UNIQUE, &found) == 0 &&
        found.stx_mask & STATX_MNT_ID_UNIQUE)
        return found.stx_mnt_id;
#else
    (void)fd;
#endif
    return 0;
}

ssize_t lc_readlink(const char *path, char *out, size_t size)
{
    if (lc_fault("readlink"))
        return -1;
    ssize_t got = readlink(path, out, size);
    if (got >= 0 && (size_t)got >= size) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (got >= 0)
        out[got] = '\0';
    return got;
}

ssize_t lc_get_attribute(int fd, const char *name, void *out, size_t size)
{
    if (lc_fault("getxattr"))
        return -1;
#ifdef __linux__
    return fgetxattr(fd, name, out, size);
#else
    (void)fd, (void)name, (void)out, (void)size;
    errno = ENOTSUP;
    return -1;
#endif
}

int lc_dup_over(int from, int to)
{
    int result;
    if (lc_fault("dup"))
        return -1;
    /* EBUSY: another thread is just opening what gets this number (Linux). */
    do
        result = dup3(from, to, O_CLOEXEC);
    while (result < 0 && (errno == EINTR || errno == EBUSY));
    return result < 0 ? -1 : 0;
}

int lc_fchmod(int fd, mode_t mode)
{
    int result;
    if (lc_fault("chmod"))
        return -1;
    do
        result = fchmod(fd, mode);
    while (result != 0 && errno == EINTR);
    return result;
}

int lc_fsync(int fd)
{
    int result;
    if (lc_fault("fsync"))
        return -1;
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result;
}

/* From `offset` on, or from where the descriptor stands where that is negative. A read may give
 * less than there is, for a signal or for no reason: only nothing is the end of the file. */
static ssize_t read_full(int fd, void *out, size_t size, int64_t offset)
{
    const char *call = offset < 0 ? "read" : "pread";
    size_t done = 0;
    if (size > SSIZE_MAX) {
        errno = EINVAL;
        return -1;
    }
    while (done < size) {
        size_t rest = size - done < CALL_MAX ? size - done : CALL_MAX;
        unsigned char *to = (unsigned char *)out + done;
        ssize_t got = -1;
        if (!lc_fault(call))
            got = offset < 0 ? read(fd, to, rest)
                             : pread(fd, to, rest, (off_t)(offset + (int64_t)done));
        if (got > 0)
            done += (size_t)got;
        else if (got == 0)
            break;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)done;
}

ssize_t lc_read_full(int fd, void *out, size_t size)
{
    return read_full(fd, out, size, -1);
}

ssize_t lc_pread_full(int fd, void *out, size_t size, uint64_t offset)
{
    if (size > SSIZE_MAX || offset > INT64_MAX - (uint64_t)size) {
        errno = EINVAL;
        return -1;
    }
    return read_full(fd, out, size, (int64_t)offset);
}

bool lc_has_hole(int fd, uint64_t size)
{
#ifdef SEEK_HOLE
    off_t hole = lc_fault("seek") ? -1 : lseek(fd, 0, SEEK_HOLE);
    /* What knows no holes says that the first is behind the end. */
    return lseek(fd, 0, SEEK_SET) == 0 && hole >= 0 && (uint64_t)hole < size;
#else
    (void)fd, (void)size;
    return false;
#endif
}

/* Past the limit of its files' sizes a process is sent a signal that ends it (SIGXFSZ): a cache
 * must not be the cause. Asked before each write, since a program may set the limit at any time.
 * -1 and EFBIG where so many bytes from `offset` on would pass it; negative: from where the
 * descriptor stands. */
static int check_limit(int fd, int64_t offset, size_t size)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return 0;
    int64_t from = offset < 0 ? (int64_t)lseek(fd, 0, SEEK_CUR) : offset;
    if (from >= 0 && (uint64_t)from + (uint64_t)size <= limit.rlim_cur)
        return 0;
    errno = EFBIG;
    return -1;
}

int lc_truncate(int fd, uint64_t size)
{
    int result;
    if (lc_fault("truncate") || check_limit(fd, (int64_t)size, 0) != 0)
        return -1;
    do
        result = ftruncate(fd, (off_t)size);
    while (result != 0 && errno == EINTR);
    return result;
}

int lc_pwrite(int fd, const void *data, size_t size, uint64_t offset)
{
    return check_limit(fd, (int64_t)offset, size) != 0 ? -1
                                                       : lc_pwrite_within(fd, data, size, offset);
}

int lc_pwrite_within(int fd, const void *data, size_t size, uint64_t offset)
{
    ssize_t put;
    if (lc_fault("pwrite"))
        return -1;
    do
        put = pwrite(fd, data, size, (off_t)offset);
    while (put < 0 && errno == EINTR);
    return put >= 0 && (size_t)put == size ? 0 : -1;
}

int lc_append(int fd, const void *data, size_t size, uint64_t end)
{
    ssize_t put;
    if (check_limit(fd, (int64_t)end, size) != 0)
        return -1;
    do
        put = lc_fault("write") ? -1 : write(fd, data, size);
    while (put < 0 && errno == EINTR);
    return put >= 0 && (size_t)put == size ? 0 : -1;
}

int64_t lc_position(int fd)
{
    return (int64_t)lseek(fd, 0, SEEK_CUR);
}

/* Fill batch with what comes next of vectors, at most CALL_MAX bytes. The number of vectors used,
 * 0: nothing is left. */
static int fill_batch(struct iovec batch[BATCH], const struct iovec *vectors, int count)
{
    size_t total = 0;
    int used = 0;
    for (int i = 0; i < count && used < BATCH && total < CALL_MAX; i++) {
        if (vectors[i].iov_len == 0)
            continue;
        batch[used] = vectors[i];
        if (batch[used].iov_len > CALL_MAX - total)
            batch[used].iov_len = CALL_MAX - total;
        total += batch[used++].iov_len;
    }
    return used;
}

int lc_write_full(int fd, struct iovec *vectors, int count)
{
    struct iovec batch[BATCH];
    int used;
    size_t total = 0;
    for (int i = 0; i < count; i++)
        total += vectors[i].iov_len;
    if (total > 0 && check_limit(fd, -1, total) != 0)
        return -1;
    /* A write may stop anywhere, also within a vector: what is left begins there. */
    while ((used = fill_batch(batch, vectors, count)) > 0) {
        ssize_t put = lc_fault("write") ? -1 : writev(fd, batch, used);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            /* POSIX lets a write of something report nothing: asking again for ever would help
             * nobody. */
            if (put == 0)
                errno = EIO;
            return -1;
        }
        size_t done = (size_t)put;
        while (count > 0 && done >= vectors->iov_len) {
            done -= vectors->iov_len;
            vectors++;
            count--;
        }
        if (count > 0) {
            vectors->iov_base = (unsigned char *)vectors->iov_base + done;
            vectors->iov_len -= done;
        }
    }
    return 0;
}

/* ---------------------------------------------------------------------------------------- locks */

/* A lock of the open file description, as flock() has them, and not of the process: those go when
 * any thread closes any descriptor of the file, and two threads would not exclude each other. */
static int set_lock(int fd, bool held)
{
    int result;
#ifdef F_OFD_SETLK
    struct flock whole = {.l_type = held ? F_WRLCK : F_UNLCK, .l_whence = SEEK_SET};
    do
        result = fcntl(fd, F_OFD_SETLK, &whole);
    while (result != 0 && errno == EINTR);
#else
    do
        result = flock(fd, held ? LOCK_EX | LOCK_NB : LOCK_UN);
    while (result != 0 && errno == EINTR);
#endif
    return result;
}

int lc_lock_now(int fd)
{
    if (lc_fault("lock"))
        return -1;
    int result = set_lock(fd, true);
    if (result != 0 && (errno == EACCES || errno == EWOULDBLOCK))
        errno = EAGAIN;
    return result;
}

static int lock_in_steps(int fd, int milliseconds, bool (*done)(const void *context),
                         const void *context)
{
    int64_t deadline = lc_monotonic() + (int64_t)milliseconds * INT64_C(1000000);
    int64_t step = LOCK_STEP_FIRST;
    /* By asking again, since F_OFD_SETLKW cannot be told when to give up. */
    while (lc_lock_now(fd) != 0) {
        if (errno != EAGAIN)
            return -1;
        int64_t rest = deadline - lc_monotonic();
        bool over = done != NULL && done(context);
        if (over || rest <= 0) {
            errno = over ? EALREADY : EAGAIN;
            return -1;
        }
        if (lc_sleep(step < rest ? step : rest) != 0) {
            errno = EINTR;
            return -1;
        }
        step = step * 2 < LOCK_STEP_LAST ? step * 2 : LOCK_STEP_LAST;
    }
    return 0;
}

int lc_lock_within(int fd, int milliseconds, bool (*done)(const void *context), const void *context)
{
    lc_forked_closes(fd);
    int result = lock_in_steps(fd, milliseconds, done, context);
    if (result != 0)
        lc_forked_keeps(fd);
    return result;
}

void lc_unlock(int fd)
{
    set_lock(fd, false);
    lc_forked_keeps(fd);
}
