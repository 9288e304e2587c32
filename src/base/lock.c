/* Locks on single bytes, each of which a test can make fail.
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
static int set_byte(int fd, int64_t byte, short type)
{
    int result;
    struct flock one = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
    do
        result = fcntl(fd, F_OFD_SETLK, &one);
    while (result != 0 && errno == EINTR);
    return result;
}
#endif

int lc_lock_byte(int fd, int64_t byte)
{
    if (lc_fault("lockbyte"))
        return -1;
#ifdef F_OFD_SETLK
    int result = set_byte(fd, byte, F_WRLCK);
    if (result != 0 && errno == EACCES)
        errno = EAGAIN;
    else if (result != 0 && errno == EINVAL) /* a kernel before 3.15 */
        errno = ENOTSUP;
    return result;
#else
    (void)fd, (void)byte;
    errno = ENOTSUP;
    return -1;
#endif
}

void lc_unlock_byte(int fd, int64_t byte)
{
#ifdef F_OFD_SETLK
    set_byte(fd, byte, F_UNLCK);
#else
    (void)fd, (void)byte;
#endif
}

int lc_lock_whole(int fd)
{
    int result;
    if (lc_fault("flock"))
        return -1;
    do
        result = flock(fd, LOCK_EX | LOCK_NB);
    while (result != 0 && errno == EINTR);
    if (result != 0 && errno == EWOULDBLOCK)
        errno = EAGAIN;
    return result;
}
