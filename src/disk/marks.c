/* Files beside a function's results to which processes add bytes.
 *
 * Adding is one write at the end, so that none is lost between two processes; nobody waits for it.
 * Such a name may be a link to some other file, which is not written to. */
#include "disk/marks.h"
#include "base/os.h"
#include "disk/owner.h"
#include "disk/share.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* More than anybody adds at once. */
#define BYTES_MAX 64

int lc_marks_open(const lc_directory *at, const char *name, bool *made)
{
    struct stat found;
    *made = false;
    if (!lc_owner_meta(at->dir, at->owner))
        return -1;
    int fd = lc_openat(at->dir, name, O_RDWR | O_APPEND, 0);
    if (fd < 0 && errno == ENOENT) {
        fd = lc_openat(at->dir, name, O_RDWR | O_APPEND | O_CREAT, 0600);
        *made = true;
    }
    if (fd < 0)
        return -1;
    if (*made)
        (void)!lc_share_file(fd, at->mode); /* what it is then is asked next */
    /* A hard link has another name elsewhere. */
    if (lc_fstat(fd, &found) == 0 && found.st_nlink == 1 &&
        lc_owner_file(fd, &found, &(lc_owner_in){at->dir, at->owner}, at->path, name, NULL) ==
            LOCACHE_OK)
        return fd;
    lc_close(fd);
    return -1;
}

int lc_marks_add(int fd, unsigned char byte, size_t count)
{
    unsigned char bytes[BYTES_MAX];
    struct iovec all = {.iov_base = bytes, .iov_len = count < BYTES_MAX ? count : BYTES_MAX};
    memset(bytes, byte, all.iov_len);
    return lc_write_full(fd, &all, 1);
}

int64_t lc_marks_size(int fd, int *last)
{
    struct stat found;
    unsigned char byte;
    *last = -1;
    if (lc_fstat(fd, &found) != 0)
        return -1;
    if (found.st_size > 0 && lc_pread_full(fd, &byte, 1, (uint64_t)found.st_size - 1) == 1)
        *last = byte;
    return found.st_size;
}
