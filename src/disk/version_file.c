/* The record of a version in a function's directory: read, written, compared with what is asked.
 *
 * A lost record is no failure: whoever needs the directory mends it. That is safe because entries
 * carry the id of their version: if the guess was wrong, they are misses. A failure to mend is none
 * either, so that a cache on a full or read-only disk still gives what it has. */
#include "disk/version_file.h"
#include "base/os.h"
#include "disk/owner.h"
#include "disk/temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define FILE_NAME "version" /* in .locache/ */

static locache_status read_record(lc_version *out, int fd, const char *path, locache_error *error)
{
    char text[LC_VERSION_TEXT_MAX + 1]; /* one more, so that a longer file shows */
    struct stat found;
    if (lc_fstat(fd, &found) != 0)
        return lc_fail_os(error, errno, "cannot examine %s/" LC_META "/" FILE_NAME, path);
    locache_status status =
        lc_owner_file(fd, &found, geteuid(), path, LC_META "/" FILE_NAME, error);
    if (status != LOCACHE_OK)
        return status;
    ssize_t size = lc_read_full(fd, text, sizeof text);
    if (size < 0)
        return lc_fail_os(error, errno, "cannot read %s/" LC_META "/" FILE_NAME, path);
    lc_version_parse(out, text, (size_t)size);
    return LOCACHE_OK;
}

locache_status lc_version_file_read(lc_version *out, int dir, const char *path,
                                    locache_error *error)
{
    int meta;
    *out = (lc_version){.lost = true};
    locache_status status = lc_owner_open_dir(&meta, dir, LC_META, path, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? LOCACHE_OK : status;
    int fd = lc_openat(meta, FILE_NAME, O_RDONLY, 0);
    if (fd >= 0) {
        status = read_record(out, fd, path, error);
        lc_close(fd);
    } else if (errno == ELOOP || errno == ENXIO) {
        status = lc_fail(error, LOCACHE_EUNTRUSTED,
                         "%s/" LC_META "/" FILE_NAME " is not a regular file: delete it", path);
    } else if (errno != ENOENT) {
        status = lc_fail_os(error, errno, "cannot open %s/" LC_META "/" FILE_NAME, path);
    }
    lc_close(meta);
    return status;
}

locache_status lc_version_file_write(int dir, const lc_version *from, const char *path,
                                     locache_error *error)
{
    char text[LC_VERSION_TEXT_MAX];
    lc_temporary temporary;
    int meta;
    size_t size = lc_version_print(text, from);
    if (lc_mkdirat(dir, LC_META, 0700) != 0 && errno != EEXIST)
        return lc_fail_os(error, errno, "cannot make %s/" LC_META, path);
    locache_status status = lc_owner_open_dir(&meta, dir, LC_META, path, error);
    if (status != LOCACHE_OK)
        return status == LOCACHE_MISS ? lc_fail_os(error, ENOENT, "cannot open %s/" LC_META, path)
                                      : status;
    /* Whole or not at all: another process may be reading it. */
    if (lc_temporary_create(&temporary, meta) != 0 ||
        lc_temporary_write(&temporary, &(lc_span){text, size}, 1) != 0 ||
        lc_temporary_publish(&temporary, meta, FILE_NAME) != 0)
        status = lc_fail_os(error, errno, "cannot write %s/" LC_META "/" FILE_NAME, path);
    lc_close(meta);
    return status;
}

locache_status lc_version_file_check(lc_version *found, int dir, const char *path,
                                     const lc_wanted *wanted, locache_error *error)
{
    locache_status status = lc_version_file_read(found, dir, path, error);
    if (status != LOCACHE_OK)
        return status;
    /* Its entries say themselves which version they belong to: ours are found by the id that we
     * would have given them. */
    if (found->lost || found->newer) {
        if (lc_version_could_ask(wanted->identity) && !wanted->keep)
            return LOCACHE_NEED_SOURCE;
        lc_version_own_id(&found->id, wanted->identity);
        if (!found->newer && lc_version_learn(found, wanted->identity))
            (void)!lc_version_file_write(dir, found, path, NULL);
        return LOCACHE_OK;
    }
    status = lc_version_compare(found, wanted->identity);
    if (status == LOCACHE_OK && lc_version_learn(found, wanted->identity))
        (void)!lc_version_file_write(dir, found, path, NULL);
    if (status != LOCACHE_OK && wanted->keep) {
        /* Results of this source must not be taken for those of the one that the directory was made
         * for. */
        lc_version_own_id(&found->id, wanted->identity);
        return LOCACHE_OK;
    }
    return status;
}
