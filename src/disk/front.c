/* The front of an entry's file, read without the rest.
 *
 * Listings show what they find to a person, and take nothing for a result: so the checksum, which
 * is over the whole file, is not asked. All that is read is bounded, whatever a file says of
 * itself. */
#include "disk/front.h"
#include "base/os.h"
#include "disk/evict.h"
#include "disk/owner.h"
#include "disk/stamp.h"
#include "format/key.h"

#include <errno.h>
#include <fcntl.h>

#define BLOCK 512 /* the unit of st_blocks, on every system */

/* The key, where it is not in the room already: after the table of a result with many buffers. */
static bool read_front_key(lc_front *front, int fd, uint64_t key_at, size_t got)
{
    lc_span *key = &front->entry.key;
    /* A longer one stands in an entry as its digest. */
    if (key->size >= LOCACHE_KEY_LONG)
        return false;
    key->data = front->room + LC_ENTRY_HEADER;
    if (key_at == LC_ENTRY_HEADER)
        return got >= LC_ENTRY_HEADER + key->size;
    return lc_pread_full(fd, front->room + LC_ENTRY_HEADER, key->size, key_at) ==
           (ssize_t)key->size;
}

static void take_sizes(lc_front *out, const struct stat *found)
{
    out->size = (uint64_t)found->st_size;
    out->blocks = (uint64_t)found->st_blocks * BLOCK;
    out->modified = lc_stamp_nanoseconds(&found->st_mtim);
    out->used = lc_evict_last_use(found);
}

static locache_status read_opened(lc_front *out, int fd, const lc_directory *at, const char *name,
                                  locache_error *error)
{
    struct stat found;
    uint64_t key_at;
    if (lc_fstat(fd, &found) != 0)
        return lc_fail_os(error, errno, "cannot examine %s/%s", at->path, name);
    take_sizes(out, &found);
    locache_status status =
        lc_owner_file(fd, &found, &(lc_owner_in){at->dir, at->owner}, at->path, name, error);
    if (status != LOCACHE_OK)
        return status;
    ssize_t got = lc_read_full(fd, out->room, sizeof out->room);
    if (got < 0)
        return lc_fail_os(error, errno, "cannot read %s/%s", at->path, name);
    if (got < LC_ENTRY_HEADER)
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is cut off", at->path, name);
    status = lc_entry_parse_head(&out->entry, &key_at, out->room, out->size);
    if (status == LOCACHE_OK && !read_front_key(out, fd, key_at, (size_t)got))
        status = LOCACHE_ECORRUPT;
    if (status == LOCACHE_EFORMAT)
        return lc_fail(error, status, "%s/%s was written by a later version of locache", at->path,
                       name);
    if (status == LOCACHE_ECORRUPT)
        return lc_fail(error, status, "%s/%s is damaged", at->path, name);
    if (status == LOCACHE_OK && !lc_key_has_filename(out->entry.key, name))
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is the result of another call", at->path,
                       name);
    return status;
}

locache_status lc_front_examine(lc_front *out, const lc_directory *at, const char *name,
                                locache_error *error)
{
    struct stat found;
    lc_error_clear(error);
    out->size = out->blocks = 0;
    out->modified = out->used = 0;
    /* Before it is opened: to open a device may do something. */
    if (lc_fstatat(at->dir, name, &found) != 0)
        return errno == ENOENT ? LOCACHE_MISS
                               : lc_fail_os(error, errno, "cannot examine %s/%s", at->path, name);
    take_sizes(out, &found);
    if (!S_ISREG(found.st_mode))
        return lc_fail(error, LOCACHE_EUNTRUSTED, "%s/%s is %s", at->path, name,
                       S_ISLNK(found.st_mode) ? "a symbolic link, which is not followed"
                                              : "not a regular file");
    int fd = lc_open_unseen(at->dir, name);
    if (fd < 0)
        return errno == ENOENT ? LOCACHE_MISS
                               : lc_fail_os(error, errno, "cannot open %s/%s", at->path, name);
    locache_status status = read_opened(out, fd, at, name, error);
    lc_close(fd);
    return status;
}

bool lc_front_read(lc_front *out, const lc_directory *at, const char *name)
{
    return lc_front_examine(out, at, name, NULL) == LOCACHE_OK;
}
