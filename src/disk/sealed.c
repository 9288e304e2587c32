/* Small files that are written in place, each with its checksum.
 *
 * They are what a store changes each time, so that a new file under a temporary name, which is how
 * all else is written, would cost as much as the store itself. In exchange nothing depends on what
 * they say: who finds none begins anew. */
#include "disk/sealed.h"
#include "base/os.h"
#include "disk/owner.h"
#include "disk/share.h"

#include <fcntl.h>
#include <string.h>

/* A hard link has another name elsewhere, and is not written to. */
bool lc_sealed_may_write(int fd, const lc_directory *at, const char *name)
{
    struct stat found;
    return lc_fstat(fd, &found) == 0 && found.st_nlink == 1 &&
           lc_owner_file(fd, &found, &(lc_owner_in){at->dir, at->owner}, at->path, name, NULL) ==
               LOCACHE_OK;
}

int lc_sealed_open(const lc_directory *at, const char *name, int flags)
{
    if (!at->meta_known && !lc_owner_meta(at->dir, at->owner))
        return -1;
    int fd = lc_openat(at->dir, name, flags, 0600);
    if (fd >= 0 && at->mode != 0 && flags & O_CREAT)
        (void)!lc_share_file(fd, at->mode); /* another member's has its rights already */
    return fd;
}

bool lc_sealed_read(void *record, size_t size, int fd)
{
    unsigned char sum[LC_CHECKSUM_SIZE];
    const lc_span content = {record, size - sizeof sum};
    if (lc_pread_full(fd, record, size, 0) != (ssize_t)size)
        return false;
    lc_checksum(sum, &content, 1);
    return memcmp(sum, (unsigned char *)record + content.size, sizeof sum) == 0;
}

static void seal_record(void *record, size_t size)
{
    const lc_span content = {record, size - LC_CHECKSUM_SIZE};
    lc_checksum((unsigned char *)record + content.size, &content, 1);
}

/* Half a record fails its checksum. */
void lc_sealed_write(int fd, void *record, size_t size)
{
    seal_record(record, size);
    (void)!lc_pwrite(fd, record, size, 0);
}

void lc_sealed_write_within(int fd, void *record, size_t size)
{
    seal_record(record, size);
    (void)!lc_pwrite_within(fd, record, size, 0);
}
