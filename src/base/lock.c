/* Locks on ranges of bytes, each of which a test can make fail.
 *
 * They are of the open file description: those that POSIX had first are the process's, go when any
 * descriptor of the file is closed by anybody in it, and do not keep its threads apart. Where a
 * system has no other, or a file system refuses them, flock() on a file for each key does as
 * well, at the cost of a file. */
#include "base/lock.h"
#include "base/fault.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#ifdef F_OFD_SETLK
static int control(int fd, int command, struct flock *range)
{
    int result;
    do
        result = fcntl(fd, command, range);
    while (result != 0 && errno == EINTR);
    return result;
}
#endif

int lc_lock_range(int fd, int64_t start, int64_t length)
{
    if (lc_fault("lockrange"))
        return -1;
#ifdef F_OFD_SETLK
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    range.l_start = (off_t)start;
    range.l_len = (off_t)length;
    int result = control(fd, F_OFD_SETLK, &range);
    if (result != 0 && errno == EACCES)
        errno = EAGAIN;
    else if (result != 0 && errno == EINVAL) /* a kernel before 3.15 */
        errno = ENOTSUP;
    return result;
#else
    (void)fd, (void)start, (void)length;
    errno = ENOTSUP;
    return -1;
#endif
}

void lc_unlock_range(int fd, int64_t start, int64_t length)
{
#ifdef F_OFD_SETLK
    struct flock range = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    range.l_start = (off_t)start;
    range.l_len = (off_t)length;
    control(fd, F_OFD_SETLK, &range);
#else
    (void)fd, (void)start, (void)length;
#endif
}

int64_t lc_lock_length(int fd, int64_t start)
{
    if (lc_fault("lockrange"))
        return -1;
#ifdef F_OFD_SETLK
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    range.l_start = (off_t)start;
    range.l_len = 1;
    if (control(fd, F_OFD_GETLK, &range) != 0)
        return -1;
    if (range.l_type != F_UNLCK && range.l_start == (off_t)start)
        return (int64_t)range.l_len;
    errno = ENOENT;
#else
    (void)fd, (void)start;
    errno = ENOTSUP;
#endif
    return -1;
}

int lc_lock_find(int64_t *at, int64_t *length, int fd, int64_t start, int64_t end)
{
    if (lc_fault("lockrange"))
        return -1;
#ifdef F_OFD_SETLK
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    range.l_start = (off_t)start;
    range.l_len = (off_t)(end - start);
    if (control(fd, F_OFD_GETLK, &range) != 0)
        return -1;
    *at = (int64_t)range.l_start;
    *length = (int64_t)range.l_len;
    if (range.l_type != F_UNLCK)
        return 0;
    errno = ENOENT;
#else
    (void)at, (void)length, (void)fd, (void)start, (void)end;
    errno = ENOTSUP;
#endif
    return -1;
}

static int lock_file(int fd, int how)
{
    int result;
    if (lc_fault("flock"))
        return -1;
    do
        result = flock(fd, how | LOCK_NB);
    while (result != 0 && errno == EINTR);
    if (result != 0 && errno == EWOULDBLOCK)
        errno = EAGAIN;
    return result;
}

int lc_lock_whole(int fd)
{
    return lock_file(fd, LOCK_EX);
}

int lc_lock_shared(int fd)
{
    return lock_file(fd, LOCK_SH);
}
