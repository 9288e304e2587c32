/* The record of a version in a function's directory: read, written, compared with what is asked.
 *
 * A lost record is no failure: whoever needs the directory mends it. That is safe because entries
 * carry the id of their version: if the guess was wrong, they are misses. A failure to mend is none
 * either, so that a cache on a full or read-only disk still gives what it has. */
#include "disk/version_file.h"
#include "disk/meta.h"
#include "disk/share.h"
#include "disk/temporary.h"

#include <errno.h>

#define FILE_NAME "version" /* in .locache/ */
#define NOTE_NAME "parts"
/* Bytes of a record as most are. Longer ones are read once more: room for the longest would be two
 * pages of the stack that a process may not have touched before its first call. */
#define USUAL_MAX 1000

static __attribute__((noinline)) locache_status
read_long_record(lc_version *out, const lc_meta *file, locache_error *error)
{
    char text[LC_VERSION_TEXT_MAX + 1]; /* one more, so that a longer file shows */
    size_t size;
    locache_status status = lc_meta_read(&size, text, sizeof text, file, error);
    if (status == LOCACHE_OK)
        lc_version_parse(out, text, size);
    return status;
}

locache_status lc_version_file_read(lc_version *out, int dir, const char *path,
                                    locache_error *error)
{
    const lc_meta file = {dir, path, FILE_NAME};
    char text[USUAL_MAX + 1];
    size_t size;
    lc_version_clear(out);
    out->lost = true;
    locache_status status = lc_meta_read(&size, text, sizeof text, &file, error);
    if (status == LOCACHE_OK && size > USUAL_MAX)
        status = read_long_record(out, &file, error);
    else if (status == LOCACHE_OK)
        lc_version_parse(out, text, size);
    return status == LOCACHE_MISS ? LOCACHE_OK : status;
}

locache_status lc_version_file_write(int dir, const lc_version *from, const char *path,
                                     locache_error *error)
{
    char text[LC_VERSION_TEXT_MAX];
    size_t size = lc_version_print(text, from);
    return lc_meta_write(&(lc_meta){dir, path, FILE_NAME}, (lc_span){text, size}, error);
}

locache_status lc_version_file_make(int dir, const lc_version *from, const char *path,
                                    locache_error *error)
{
    char text[LC_VERSION_TEXT_MAX];
    size_t size = lc_version_print(text, from);
    if (lc_share_mkdir(dir, LC_META, lc_share_like(dir)) != 0)
        return lc_fail_os(error, errno, "cannot make %s/" LC_META, path);
    return lc_meta_make(&(lc_meta){dir, path, FILE_NAME}, (lc_span){text, size}, error);
}

locache_status lc_version_file_make_note(int dir, lc_span note, const char *path,
                                         locache_error *error)
{
    return note.size == 0 ? LOCACHE_OK
                          : lc_meta_make(&(lc_meta){dir, path, NOTE_NAME}, note, error);
}

locache_status lc_version_file_note(size_t *size, void *out, int dir, const char *path,
                                    locache_error *error)
{
    return lc_meta_read(size, out, LOCACHE_NOTE_MAX, &(lc_meta){dir, path, NOTE_NAME}, error);
}

locache_status lc_version_file_write_note(int dir, lc_span note, const char *path,
                                          locache_error *error)
{
    return note.size == 0 ? LOCACHE_OK
                          : lc_meta_write(&(lc_meta){dir, path, NOTE_NAME}, note, error);
}

/* Add to the record what it does not say of the identity, and the note where there is none: it was
 * made for this version, too. */
static void mend(lc_version *found, int dir, const char *path, const lc_wanted *wanted,
                 const locache_identity *as)
{
    if (wanted->read_only)
        return;
    if (lc_version_learn(found, as))
        (void)!lc_version_file_write(dir, found, path, NULL);
    if (wanted->note.size > 0 && !lc_meta_is_there(&(lc_meta){dir, path, NOTE_NAME}))
        (void)!lc_version_file_write_note(dir, wanted->note, path, NULL);
}

locache_status lc_version_file_check(lc_version *found, int dir, const char *path,
                                     const lc_wanted *wanted, locache_error *error)
{
    locache_status status = lc_version_file_read(found, dir, path, error);
    return status == LOCACHE_OK ? lc_version_file_compare(found, dir, path, wanted) : status;
}

locache_status lc_version_file_compare(lc_version *found, int dir, const char *path,
                                       const lc_wanted *wanted)
{
    const locache_identity *as = wanted->asked.main;
    /* Its entries say themselves which version they belong to: ours are found by the id that we
     * would have given them. */
    if (found->lost || found->newer) {
        if (lc_version_could_ask(as) && !wanted->keep)
            return LOCACHE_NEED_SOURCE;
        lc_version_own_id(&found->id, as);
        if (!found->newer)
            mend(found, dir, path, wanted, as);
        return LOCACHE_OK;
    }
    locache_status status = lc_version_compare(&as, found, &wanted->asked);
    if (status == LOCACHE_OK)
        mend(found, dir, path, wanted, as);
    if (status != LOCACHE_OK && wanted->keep) {
        /* Results of this source must not be taken for those of the one that the directory was made
         * for. */
        lc_version_own_id(&found->id, wanted->asked.main);
        return LOCACHE_OK;
    }
    return status;
}
