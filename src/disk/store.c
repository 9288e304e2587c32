/* The files of one function's directory: read, written, removed, listed.
 *
 * Everything is relative to the directory's descriptor, so that a directory that another version
 * took the place of goes on being read and written where it is now. A read is one open, one fstat
 * and one read of the whole file, in that order: the stamp is sampled before the bytes are read, so
 * that whoever changes the file meanwhile shows in it. A write is a temporary, which is published
 * by a link or a rename; it has the time of modification that is its own before it has its
 * name. */
#include "disk/store.h"
#include "base/listing.h"
#include "base/os.h"
#include "base/system.h"
#include "disk/evict.h"
#include "disk/mapped.h"
#include "disk/ours.h"
#include "disk/owner.h"
#include "disk/share.h"
#include "disk/tally.h"
#include "disk/temporary.h"
#include "disk/verified.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* File systems that compress store less than they show, though hardly ever this much less: beyond,
 * it may be a sparse file, made to exhaust memory. It may as well be on a file system that does not
 * count blocks, as many do that are programs (FUSE), or not yet (ZFS, for some seconds): then there
 * is no hole to be found in it. What is no larger than this takes neither memory nor time that
 * matters, hole or not: ZFS makes holes of zeros. */
#define COMPRESSION_MAX 64
#define SPARSE_MAX ((uint64_t)256 << 20)
#define BLOCK 512 /* the unit of st_blocks, on every system */

/* ----------------------------------------------------------------------------------------- read */

/* The errors of reading are misses, but for memory: what cannot be read is computed. The error says
 * why, for the caller to report. */
static locache_status missed(locache_status status)
{
    return status == LOCACHE_ENOMEM ? status : LOCACHE_MISS;
}

static locache_status refuse_open(const lc_directory *at, const char *name, int code,
                                  locache_error *error)
{
    if (code == ENOENT) {
        lc_error_clear(error);
        return LOCACHE_MISS;
    }
    /* What is opened is never a link (O_NOFOLLOW), and never waits: a socket is ENXIO. */
    if (code == ELOOP)
        lc_fail(error, LOCACHE_EUNTRUSTED, "%s/%s is a symbolic link, which is not followed",
                at->path, name);
    else if (code == ENXIO)
        lc_fail(error, LOCACHE_EUNTRUSTED, "%s/%s is not a regular file", at->path, name);
    else
        return missed(lc_fail_os(error, code, "cannot open %s/%s", at->path, name));
    return LOCACHE_MISS;
}

/* Before memory is taken for a large file: is it the size that it says, in its header and in blocks
 * on disk? Else a hole of a terabyte, made in an instant by a truncate, would take all memory there
 * is. file->front stays 0 where it has no buffers or where only its checksum can tell what it
 * is. */
static locache_status check_large(lc_opened *file, const struct stat *found, const lc_directory *at,
                                  const char *name, locache_error *error)
{
    uint64_t size = (uint64_t)found->st_size;
    uint64_t table;
    if ((uint64_t)found->st_blocks * BLOCK * COMPRESSION_MAX + SPARSE_MAX < size &&
        lc_has_hole(file->fd, size))
        return lc_fail(error, LOCACHE_EUNTRUSTED, "%s/%s is mostly a hole", at->path, name);
    if (size > SIZE_MAX / 2)
        return lc_fail(error, LOCACHE_ELIMIT, "%s/%s is too large", at->path, name);
    ssize_t got = lc_read_full(file->fd, file->head, LC_ENTRY_HEADER);
    if (got < 0)
        return lc_fail_os(error, errno, "cannot read %s/%s", at->path, name);
    if (got != LC_ENTRY_HEADER)
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is cut off", at->path, name);
    file->done = LC_ENTRY_HEADER;
    uint64_t least;
    /* From here on these bytes are those in `head`, here and in the mapping: the file is not asked
     * for them again, so that what was checked is what is used. */
    locache_status status = lc_entry_peek(&least, &table, file->head, NULL);
    /* Only its checksum can tell a newer entry, or an earlier one, from a damaged one. */
    if (status == LOCACHE_EFORMAT || status == LOCACHE_MISS)
        return LOCACHE_OK;
    if (status != LOCACHE_OK)
        return lc_fail(error, status, "%s/%s is no entry", at->path, name);
    if (least > size || (table == LC_ENTRY_HEADER && least != size))
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is not as long as it says", at->path, name);
    file->front = table == LC_ENTRY_HEADER ? 0 : (size_t)least;
    return LOCACHE_OK;
}

/* All of it, in memory of its own. */
static locache_status read_whole(locache_value **out, const lc_opened *file, const lc_directory *at,
                                 const char *name, locache_error *error)
{
    size_t size = (size_t)file->stamp.words[LC_STAMP_SIZE];
    locache_value *value = lc_value_new(size);
    if (value == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory for %s/%s (%zu bytes)", at->path, name,
                       size);
    /* Into private memory: whoever writes to the file from now on does not change what is validated
     * next. A file that is cut meanwhile is short, not a SIGBUS. */
    memcpy(value->bytes, file->head, file->done);
    ssize_t got = lc_read_full(file->fd, value->bytes + file->done, size - file->done);
    if (got >= 0 && (size_t)got == size - file->done) {
        *out = value;
        return LOCACHE_OK;
    }
    int code = errno;
    locache_value_free(value);
    return got < 0 ? lc_fail_os(error, code, "cannot read %s/%s", at->path, name)
                   : lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is cut off", at->path, name);
}

static locache_status read_open(locache_value **out, int fd, const lc_directory *at,
                                const char *name, locache_error *error)
{
    lc_opened file;
    struct stat found;
    file.fd = fd;
    file.done = file.front = 0;
    if (lc_fstat(fd, &found) != 0)
        return lc_fail_os(error, errno, "cannot examine %s/%s", at->path, name);
    locache_status status =
        lc_owner_file(fd, &found, &(lc_owner_in){at->dir, at->owner}, at->path, name, error);
    if (status != LOCACHE_OK)
        return status;
    if (found.st_size < LC_ENTRY_HEADER)
        return lc_fail(error, LOCACHE_ECORRUPT, "%s/%s is cut off", at->path, name);
    if ((uint64_t)found.st_size >= LOCACHE_MAP_FROM)
        status = check_large(&file, &found, at, name, error);
    if (status != LOCACHE_OK)
        return status;
    lc_stamp_take(&file.stamp, &found, at->grain, false);
    /* MISS: it cannot be mapped, and is read like a small one. */
    bool maps = file.front > 0 && at->map && !lc_entry_is_compressed(file.head);
    status = maps ? lc_mapped_read(out, &file, at, name, error) : LOCACHE_MISS;
    /* One that is mapped may be larger: it takes memory as it is touched, and gives it back. */
    if (status == LOCACHE_MISS && file.front > 0 && (uint64_t)found.st_size > lc_memory_size())
        return lc_fail(error, LOCACHE_ELIMIT, "%s/%s is larger than the memory of this machine",
                       at->path, name);
    if (status == LOCACHE_MISS)
        status = file.front > 0 ? lc_mapped_load(out, &file, at, name, error)
                                : read_whole(out, &file, at, name, error);
    if (status == LOCACHE_OK) {
        (*out)->stamp = file.stamp;
        (*out)->used = lc_evict_last_use(&found);
    }
    return status;
}

locache_status lc_store_read(locache_value **out, const lc_directory *at, const char *name,
                             locache_error *error)
{
    int fd = at->unseen ? lc_open_unseen(at->dir, name) : lc_openat(at->dir, name, O_RDONLY, 0);
    if (fd < 0)
        return refuse_open(at, name, errno, error);
    locache_status status = read_open(out, fd, at, name, error);
    lc_close(fd);
    return status == LOCACHE_OK ? status : missed(status);
}

/* ---------------------------------------------------------------------------------------- write */

/* Is what is there an entry of a later version, and a whole one? That takes all of it to say. */
static bool is_newer(const lc_directory *at, const char *name)
{
    locache_value *value = NULL;
    locache_status status = lc_store_read(&value, at, name, NULL);
    if (status != LOCACHE_OK || value == NULL)
        return false;
    bool newer = !value->mapped &&
                 lc_entry_parse(&value->entry, value->bytes, value->size, NULL) == LOCACHE_EFORMAT;
    locache_value_free(value);
    return newer;
}

/* What is in the place of a new entry? OK: nothing, or what may be replaced. */
static locache_status probe(lc_stored *out, const lc_directory *at, const char *name,
                            locache_error *error)
{
    unsigned char head[LC_ENTRY_HEADER];
    uint64_t least;
    uint64_t table;
    struct stat found;
    int fd = lc_openat(at->dir, name, O_RDONLY, 0);
    out->replaced = fd >= 0 || errno != ENOENT;
    /* What cannot be opened, as a link, the rename replaces. */
    if (fd < 0)
        return LOCACHE_OK;
    /* The header is enough for nearly all: only one that says it is newer needs its checksum. */
    bool known = lc_fstat(fd, &found) == 0;
    out->replaced_size = known && S_ISREG(found.st_mode) ? (int64_t)found.st_size : 0;
    bool suspect = known && S_ISREG(found.st_mode) &&
                   lc_read_full(fd, head, sizeof head) == sizeof head &&
                   lc_entry_peek(&least, &table, head, NULL) == LOCACHE_EFORMAT;
    lc_close(fd);
    if (known && S_ISDIR(found.st_mode))
        return lc_fail_os(error, EISDIR, "cannot write %s/%s, delete or rename what is there",
                          at->path, name);
    if (suspect && is_newer(at, name))
        return lc_fail(error, LOCACHE_EFORMAT,
                       "%s/%s was written by a later version of locache, and is left alone",
                       at->path, name);
    return LOCACHE_OK;
}

static locache_status refuse_write(const lc_directory *at, const char *name, int code,
                                   locache_error *error)
{
    /* The directory, its .locache/ or the temporary was deleted: somebody reset the cache. */
    if (code == ENOENT || code == ESTALE)
        return LOCACHE_MISS;
    return lc_fail_os(error, code, "cannot write %s/%s", at->path, name);
}

/* Make .locache/ where it is missing, or say what is wrong with it. */
static locache_status make_meta(const lc_directory *at, const char *name, locache_error *error)
{
    int meta;
    if (lc_share_mkdir(at->dir, LC_META, at->mode) != 0 && errno != EEXIST)
        return refuse_write(at, name, errno, error);
    locache_status status = lc_owner_open_dir(&meta, at->dir, LC_META, at->path, error);
    if (status == LOCACHE_OK)
        lc_close(meta);
    return status;
}

static locache_status have_meta(const lc_directory *at, const char *name, locache_error *error)
{
    return lc_owner_meta(at->dir, at->owner) ? LOCACHE_OK : make_meta(at, name, error);
}

static locache_status make_named(lc_temporary *out, const lc_directory *at, const char *name,
                                 locache_error *error)
{
    if (lc_temporary_create_meta(out, at->dir) != 0)
        return refuse_write(at, name, errno, error);
    /* It is to be had with a name, and was not without. */
    if (at->named != NULL)
        atomic_store_explicit(at->named, true, memory_order_relaxed);
    return LOCACHE_OK;
}

static locache_status make_temporary(lc_temporary *out, const lc_directory *at, const char *name,
                                     const lc_image *image, locache_error *error)
{
    bool unnamed = at->named != NULL && !atomic_load_explicit(at->named, memory_order_relaxed) &&
                   lc_temporary_create_unnamed(out, at->dir) == 0;
    locache_status status = unnamed && !image->tallied ? LOCACHE_OK : have_meta(at, name, error);
    if (status != LOCACHE_OK && unnamed)
        lc_temporary_discard(out);
    if (status == LOCACHE_OK && !unnamed)
        status = make_named(out, at, name, error);
    if (status != LOCACHE_OK)
        return status;
    return at->mode == 0 || lc_temporary_share(out, at->mode) == 0
               ? LOCACHE_OK
               : refuse_write(at, name, errno, error);
}

/* Something may be there already, or cannot be told apart from nothing but by looking. Between the
 * look and the rename somebody else may publish: then the later one counts, and both are results of
 * one call. */
static locache_status replace(lc_stored *out, lc_temporary *temporary, const lc_directory *at,
                              const char *name, locache_error *error)
{
    locache_status status = probe(out, at, name, error);
    if (status == LOCACHE_OK && temporary->name[0] == '\0')
        status = have_meta(at, name, error);
    if (status != LOCACHE_OK) {
        lc_temporary_discard(temporary);
        return status;
    }
    if (lc_temporary_name_meta(temporary) != 0 ||
        lc_temporary_replace(temporary, at->dir, name) != 0)
        return refuse_write(at, name, errno, error);
    return LOCACHE_OK;
}

/* What was written is beyond doubt where it still has the time that is its own (-1: none). Age
 * would prove nothing: the file has had its name for a moment, in which somebody may have written
 * to it. */
static void stamp_written(locache_stamp *out, int fd, const struct timespec *own,
                          const lc_directory *at)
{
    struct stat found;
    if (lc_fstat(fd, &found) != 0) {
        *out = (locache_stamp){.words = {0}};
        return;
    }
    lc_stamp_take(out, &found, at->grain, true);
    if (found.st_mtim.tv_sec != own->tv_sec || found.st_mtim.tv_nsec != own->tv_nsec)
        out->words[LC_STAMP_PROVES] = 0;
}

/* Will it be mapped? */
static bool is_large(const lc_image *image)
{
    size_t size = 0;
    for (size_t i = 0; i < image->count && size < LOCACHE_MAP_FROM; i++)
        size += image->spans[i].size;
    return image->count > 1 && !image->packed && size >= LOCACHE_MAP_FROM;
}

static locache_status write_image(lc_temporary *temporary, const lc_directory *at, const char *name,
                                  const lc_image *image, locache_error *error)
{
    bool sound = true;
    if ((is_large(image) ? lc_mapped_write(&sound, temporary, image)
                         : lc_temporary_write(temporary, image->spans, image->count)) != 0)
        return refuse_write(at, name, errno, error);
    if (!sound) {
        lc_temporary_discard(temporary);
        return lc_fail(error, LOCACHE_EINVAL, "a buffer changed while it was written to %s/%s",
                       at->path, name);
    }
    if (image->durable && lc_temporary_flush(temporary) != 0)
        return refuse_write(at, name, errno, error);
    return LOCACHE_OK;
}

/* Give the file its time, *own, and its name. The time is set while nobody else knows the file.
 * Then the one way that needs no look at what is there: a new entry, which most are, is published
 * without replacing anything. */
static locache_status name_written(lc_stored *out, struct timespec *own, lc_temporary *temporary,
                                   const lc_directory *at, const char *name, locache_error *error)
{
    struct timespec set;
    if (at->grain >= 0 && lc_utime_own(&set, temporary->fd) == 0)
        *own = set;
    if (lc_temporary_place(temporary, at->dir, name) == 0)
        return LOCACHE_OK;
    if (temporary->name[0] == '\0' && errno != EEXIST) {
        /* The directory is deleted, or a sandbox has no such links: the next has a name at once. */
        atomic_store_explicit(at->named, true, memory_order_relaxed);
        lc_temporary_discard(temporary);
        return LOCACHE_MISS;
    }
    return replace(out, temporary, at, name, error);
}

locache_status lc_store_write(lc_stored *out, const lc_directory *at, const char *name,
                              const lc_image *image, locache_error *error)
{
    lc_temporary temporary;
    out->replaced = false;
    out->replaced_size = 0;
    locache_status status = make_temporary(&temporary, at, name, image, error);
    if (status != LOCACHE_OK)
        return status;
    status = write_image(&temporary, at, name, image, error);
    if (status != LOCACHE_OK)
        return status;
    struct timespec own = {.tv_nsec = -1};
    if (image->gate != NULL)
        image->gate->enter(image->gate->context);
    status = name_written(out, &own, &temporary, at, name, error);
    if (image->gate != NULL)
        image->gate->leave(image->gate->context, status == LOCACHE_OK ? out : NULL);
    if (status != LOCACHE_OK)
        return status;
    /* By the descriptor: the name may lead to another's by now. After the rename, which moves the
     * time of change. */
    stamp_written(&out->stamp, temporary.fd, &own, at);
    if (lc_temporary_close(&temporary) != 0)
        status = refuse_write(at, name, errno, error);
    /* The content was flushed before it had its name; now the name. */
    if (status == LOCACHE_OK && image->durable && lc_fsync(at->dir) != 0)
        status = refuse_write(at, name, errno, error);
    if (status == LOCACHE_OK && is_large(image))
        lc_verified_note_sound(at, &out->stamp, image->spans[0].data);
    return status;
}

/* ------------------------------------------------------------------------------ remove and list */

locache_status lc_store_remove(const lc_directory *at, const char *name, locache_error *error)
{
    struct stat found;
    bool counts = lc_fstatat(at->dir, name, &found) == 0;
    if (lc_unlinkat(at->dir, name, 0) == 0) {
        if (counts)
            lc_tally_removed(at, &found);
        return LOCACHE_OK;
    }
    if (errno == ENOENT || errno == ESTALE)
        return LOCACHE_MISS;
    return lc_fail_os(error, errno, "cannot remove %s/%s", at->path, name);
}

typedef struct listing {
    const lc_directory *at;
    bool (*fn)(void *context, const char *name);
    void *context;
} listing;

/* Entries never begin with a dot: what does is ours (.locache) or a file manager's. */
static bool list_entry(void *context, const char *name)
{
    const listing *in = context;
    return name[0] == '.' || in->fn(in->context, name);
}

locache_status lc_store_each(const lc_directory *at, bool (*fn)(void *context, const char *name),
                             void *context, locache_error *error)
{
    listing in = {.fn = fn, .context = context};
    if (lc_each_name(at->dir, list_entry, &in) == 0 || errno == ENOENT || errno == ESTALE)
        return LOCACHE_OK;
    return lc_fail_os(error, errno, "cannot list %s", at->path);
}

typedef struct clearing {
    const lc_directory *at;
    locache_status status;
    locache_error *error;
} clearing;

static bool clear_entry(void *context, const char *name)
{
    clearing *in = context;
    /* A user may have put something of his own there: it stays. */
    if (lc_ours_entry(in->at->dir, name) && lc_unlinkat(in->at->dir, name, 0) != 0 &&
        errno != ENOENT)
        in->status = lc_fail_os(in->error, errno, "cannot remove %s/%s", in->at->path, name);
    return true;
}

locache_status lc_store_clear(const lc_directory *at, locache_error *error)
{
    clearing in = {.at = at, .status = LOCACHE_OK, .error = error};
    locache_status status = lc_store_each(at, clear_entry, &in, error);
    (void)lc_unlinkat(at->dir, LC_TALLY, 0);
    return status == LOCACHE_OK ? in.status : status;
}

void lc_store_sweep(const lc_directory *at)
{
    int meta;
    if (lc_owner_open_dir(&meta, at->dir, LC_META, at->path, NULL) != LOCACHE_OK)
        return;
    lc_temporary_sweep(meta);
    lc_close(meta);
}
