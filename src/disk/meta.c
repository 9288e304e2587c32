/* Small files in .locache/ of a function's directory: what is known of its version. */
#include "disk/meta.h"
#include "base/os.h"
#include "disk/owner.h"
#include "disk/share.h"
#include "disk/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Room for ".locache/" and a name of a few letters: they are ours. */
#define WITHIN_MAX 32

/* The name of a file of .locache/ in the function's directory. Without printf(), which is at work
 * nowhere else where a cache is opened: a short program would wait for its pages. */
static void name_within(char out[WITHIN_MAX], const char *name)
{
    static const char meta[] = LC_META "/";
    size_t size = strnlen(name, WITHIN_MAX - sizeof meta);
    memcpy(out, meta, sizeof meta - 1);
    memcpy(out + sizeof meta - 1, name, size);
    out[sizeof meta - 1 + size] = '\0';
}

/* A file of .locache/ that is read. */
typedef struct opened_meta {
    const lc_meta *file;
    char within[WITHIN_MAX];
    uid_t us;
    int fd;
} opened_meta;

static locache_status read_meta(size_t *size, void *out, size_t room, const opened_meta *from,
                                locache_error *error)
{
    struct stat found;
    int fd = from->fd;
    const lc_meta *file = from->file;
    const char *within = from->within;
    if (lc_fstat(fd, &found) != 0)
        return lc_fail_os(error, errno, "cannot examine %s/%s", file->path, within);
    locache_status status =
        lc_owner_file(fd, &found, &(lc_owner_in){file->dir, from->us}, file->path, within, error);
    if (status != LOCACHE_OK)
        return status;
    /* It is replaced whole, and never written to: what is beyond its size need not be asked for. */
    if (found.st_size >= 0 && (uint64_t)found.st_size < room)
        room = (size_t)found.st_size;
    ssize_t got = lc_read_full(fd, out, room);
    if (got < 0)
        return lc_fail_os(error, errno, "cannot read %s/%s", file->path, within);
    *size = (size_t)got;
    return LOCACHE_OK;
}

locache_status lc_meta_read(size_t *size, void *out, size_t room, const lc_meta *file,
                            locache_error *error)
{
    int meta = -1;
    opened_meta from = {.file = file, .us = geteuid()};
    locache_status status = LOCACHE_OK;
    name_within(from.within, file->name);
    /* By its name where that is as good; opened where it is missing, or what is wrong with it is to
     * be said. */
    bool by_name = lc_owner_meta(file->dir, from.us);
    if (!by_name)
        status = lc_owner_open_dir(&meta, file->dir, LC_META, file->path, error);
    if (status != LOCACHE_OK)
        return status;
    from.fd =
        lc_openat(by_name ? file->dir : meta, by_name ? from.within : file->name, O_RDONLY, 0);
    if (from.fd >= 0) {
        status = read_meta(size, out, room, &from, error);
        lc_close(from.fd);
    } else if (errno == ENOENT) {
        status = LOCACHE_MISS;
    } else if (errno == ELOOP || errno == ENXIO) {
        status =
            lc_fail(error, LOCACHE_EUNTRUSTED, "%s/" LC_META "/%s is not a regular file: delete it",
                    file->path, file->name);
    } else {
        status = lc_fail_os(error, errno, "cannot open %s/" LC_META "/%s", file->path, file->name);
    }
    if (meta >= 0)
        lc_close(meta);
    return status;
}

locache_status lc_meta_write(const lc_meta *file, lc_span content, locache_error *error)
{
    lc_temporary temporary;
    int meta;
    if (lc_share_mkdir(file->dir, LC_META, lc_share_like(file->dir)) != 0 && errno != EEXIST)
        return lc_fail_os(error, errno, "cannot make %s/" LC_META, file->path);
    locache_status status = lc_owner_open_dir(&meta, file->dir, LC_META, file->path, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS
                   ? lc_fail_os(error, ENOENT, "cannot open %s/" LC_META, file->path)
                   : status;
    if (lc_temporary_create(&temporary, meta) != 0 ||
        lc_temporary_share(&temporary, lc_share_like(meta)) != 0 ||
        lc_temporary_write(&temporary, &content, 1) != 0 ||
        lc_temporary_publish(&temporary, meta, file->name) != 0)
        status = lc_fail_os(error, errno, "cannot write %s/" LC_META "/%s", file->path, file->name);
    lc_close(meta);
    return status;
}

locache_status lc_meta_make(const lc_meta *file, lc_span content, locache_error *error)
{
    char within[WITHIN_MAX];
    struct iovec all = {.iov_base = (void *)(uintptr_t)content.data, .iov_len = content.size};
    name_within(within, file->name);
    int fd = lc_openat(file->dir, within, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return lc_fail_os(error, errno, "cannot make %s/%s", file->path, within);
    bool written =
        lc_share_file(fd, lc_share_like(file->dir)) == 0 && lc_write_full(fd, &all, 1) == 0;
    int code = errno;
    if (lc_close(fd) != 0 && written) {
        code = errno;
        written = false;
    }
    if (written)
        return LOCACHE_OK;
    lc_unlinkat(file->dir, within, 0);
    return lc_fail_os(error, code, "cannot write %s/%s", file->path, within);
}

bool lc_meta_is_there(const lc_meta *file)
{
    char within[WITHIN_MAX];
    struct stat found;
    name_within(within, file->name);
    return lc_fstatat(file->dir, within, &found) == 0;
}
