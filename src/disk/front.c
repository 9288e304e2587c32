/* The front of an entry's file, read without the rest.
 *
 * Listings show what they find to a person, and take nothing for a result: so the checksum, which
 * is over the whole file, is not asked. All that is read is bounded, whatever a file says of
 * itself. */
#include "disk/front.h"
#include "base/os.h"
#include "disk/owner.h"
#include "disk/stamp.h"
#include "format/key.h"

#include <fcntl.h>

/* The key, where it is not in the room already: after the table of a result with many buffers. */
static bool read_key(lc_front *front, int fd, uint64_t key_at, size_t got)
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

static bool read_open(lc_front *out, int fd, const lc_directory *at, const char *name)
{
    struct stat found;
    uint64_t key_at;
    if (lc_fstat(fd, &found) != 0 ||
        lc_owner_file(&found, at->owner, at->path, name, NULL) != LOCACHE_OK)
        return false;
    ssize_t got = lc_read_full(fd, out->room, sizeof out->room);
    if (got < LC_ENTRY_HEADER)
        return false;
    out->size = (uint64_t)found.st_size;
    out->modified = lc_stamp_nanoseconds(&found.st_mtim);
    return lc_entry_parse_head(&out->entry, &key_at, out->room, out->size) == LOCACHE_OK &&
           read_key(out, fd, key_at, (size_t)got) && lc_key_has_filename(out->entry.key, name);
}

bool lc_front_read(lc_front *out, const lc_directory *at, const char *name)
{
    struct stat found;
    /* Before it is opened: to open a device may do something. */
    if (lc_fstatat(at->dir, name, &found) != 0 || !S_ISREG(found.st_mode))
        return false;
    int fd = lc_openat(at->dir, name, O_RDONLY, 0);
    if (fd < 0)
        return false;
    bool done = read_open(out, fd, at, name);
    lc_close(fd);
    return done;
}
