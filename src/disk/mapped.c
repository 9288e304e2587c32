/* Large results: mapped and verified once when they are read, copied and verified when written.
 *
 * A mapping is the file, not a copy: what was checked in it can change afterwards. So what says
 * where things are (header, table, key, body) is read into private memory and parsed there; only
 * the buffers are used where they are mapped, and their bytes are data and no lengths. That it is
 * the right data is verified once for each state of the file (verified.c): the stamp was sampled
 * before, every byte is read through the descriptor, the stamp is compared again, and only then is
 * the state recorded. A caller's writes to a mapping reach neither the file nor another mapping. */
#include "disk/mapped.h"
#include "base/alloc.h"
#include "base/mapping.h"
#include "base/os.h"
#include "disk/verified.h"

#include <errno.h>
#include <string.h>

/* What is verified at a time: in a buffer that stays in the processor's cache. To verify the
 * mapping itself would cost a fault for each page, and leave all of it resident. */
#define PIECE_SIZE ((size_t)256 << 10)
/* What is written at a time, up to where a huge page of the file ends: what one write() brings into
 * the page cache may become one page there, and a mapping of it takes one fault. */
#define WRITTEN_SIZE ((size_t)2 << 20)

/* ----------------------------------------------------------------------------------------- read */

/* A file that is read through, from the end of its front. */
typedef struct passage {
    int fd;
    size_t at;
    size_t end;
    unsigned char *piece; /* PIECE_SIZE bytes; NULL: into `whole` */
    unsigned char *whole; /* all of the file */
    int code;             /* errno of what failed; 0: the file ended too soon */
} passage;

static bool next_piece(void *context, lc_span *piece)
{
    passage *in = context;
    size_t size = in->end - in->at < PIECE_SIZE ? in->end - in->at : PIECE_SIZE;
    unsigned char *place = in->piece != NULL ? in->piece : in->whole + in->at;
    *piece = (lc_span){.data = place, .size = size};
    if (size == 0)
        return true;
    /* pread(): the descriptor's own offset is where the header ended, for who reads the file if it
     * cannot be mapped. */
    ssize_t got = lc_pread_full(in->fd, place, size, in->at);
    in->code = got < 0 ? errno : 0;
    in->at += size;
    return got >= 0 && (size_t)got == size;
}

/* Is the whole file what its checksum says, and did nobody change it meanwhile? MISS: no memory. */
static locache_status verify(const lc_entry *entry, const lc_opened *file, locache_error *error)
{
    struct stat found;
    const locache_stamp *stamp = &file->stamp;
    passage in = {.fd = file->fd, .at = file->front, .end = (size_t)stamp->words[LC_STAMP_SIZE]};
    in.piece = lc_alloc_aligned(PIECE_SIZE);
    if (in.piece == NULL)
        return LOCACHE_MISS;
    locache_status status = lc_entry_verify(entry, next_piece, &in, error);
    /* Read whole and right says something about now; unchanged since it was sampled, about the
     * state that is recorded. */
    if (status == LOCACHE_EIO)
        status = in.code != 0 ? lc_fail_os(error, in.code, "cannot be read")
                              : lc_fail(error, LOCACHE_ECORRUPT, "damaged: cut off");
    else if (status == LOCACHE_OK &&
             (lc_fstat(file->fd, &found) != 0 || !lc_stamp_matches(stamp, &found)))
        status = lc_fail(error, LOCACHE_ECORRUPT, "changed while it was read");
    lc_free(in.piece);
    return status;
}

static locache_status read_front(locache_value *value, const lc_opened *file, locache_error *error)
{
    size_t rest = file->front - LC_ENTRY_HEADER;
    memcpy(value->room, file->head, LC_ENTRY_HEADER);
    ssize_t got = lc_pread_full(file->fd, value->room + LC_ENTRY_HEADER, rest, LC_ENTRY_HEADER);
    if (got < 0)
        return lc_fail_os(error, errno, "cannot be read");
    if ((size_t)got != rest)
        return lc_fail(error, LOCACHE_ECORRUPT, "damaged: cut off");
    return lc_entry_parse_front(&value->entry, value->room,
                                (size_t)file->stamp.words[LC_STAMP_SIZE], error);
}

/* Make a value of it. MISS: nothing is wrong, but it cannot be mapped. */
static locache_status map_open(locache_value *value, const lc_opened *file, const lc_directory *at,
                               locache_error *error)
{
    lc_verified record;
    const locache_stamp *stamp = &file->stamp;
    locache_status status = read_front(value, file, error);
    if (status != LOCACHE_OK)
        return status;
    /* The checksum in the header is part of the record, so that the header that was read is the one
     * that was verified. */
    lc_verified_init(&record, at->dir, at->owner, stamp, lc_entry_checksum(value->room));
    bool known = lc_verified_find(&record);
    /* Where a change may not show, only bytes of one's own can be verified. */
    if (!known && !stamp->words[LC_STAMP_PROVES])
        return LOCACHE_MISS;
    size_t size = (size_t)stamp->words[LC_STAMP_SIZE];
    void *bytes = lc_map(file->fd, size);
    if (bytes == NULL)
        return LOCACHE_MISS;
    /* From here on locache_value_free() unmaps it. */
    value->bytes = bytes;
    value->size = size;
    value->mapped = value->sound = true;
    if (known)
        return LOCACHE_OK;
    status = verify(&value->entry, file, error);
    if (status == LOCACHE_OK)
        lc_verified_note(&record);
    return status;
}

/* Say which file it is of. */
static locache_status tell_whose(locache_status status, const locache_error *own,
                                 const lc_directory *at, const char *name, locache_error *error)
{
    lc_fail(error, status, "%s/%s: %s", at->path, name, own->message);
    if (error != NULL)
        error->os_error = own->os_error;
    return status;
}

/* Each piece is verified as soon as it is read, while it is in the processor's cache. */
static locache_status load_pieces(locache_value *value, const lc_opened *file, locache_error *error)
{
    passage in = {.fd = file->fd, .at = file->front, .end = value->size, .whole = value->bytes};
    locache_status status = read_front(value, file, error);
    if (status == LOCACHE_OK)
        status = lc_entry_verify(&value->entry, next_piece, &in, error);
    if (status == LOCACHE_EIO)
        status = in.code != 0 ? lc_fail_os(error, in.code, "cannot be read")
                              : lc_fail(error, LOCACHE_ECORRUPT, "damaged: cut off");
    value->sound = status == LOCACHE_OK;
    return status;
}

locache_status lc_mapped_load(locache_value **out, const lc_opened *file, const lc_directory *at,
                              const char *name, locache_error *error)
{
    locache_error own;
    size_t size = (size_t)file->stamp.words[LC_STAMP_SIZE];
    locache_value *value = lc_value_new(size);
    if (value == NULL)
        return lc_fail(error, LOCACHE_ENOMEM, "no memory for %s/%s (%zu bytes)", at->path, name,
                       size);
    locache_status status = load_pieces(value, file, &own);
    if (status == LOCACHE_OK) {
        *out = value;
        return LOCACHE_OK;
    }
    locache_value_free(value);
    return tell_whose(status, &own, at, name, error);
}

locache_status lc_mapped_read(locache_value **out, const lc_opened *file, const lc_directory *at,
                              const char *name, locache_error *error)
{
    locache_error own;
    locache_value *value = lc_value_new(file->front);
    if (value == NULL)
        return LOCACHE_MISS;
    locache_status status = map_open(value, file, at, &own);
    if (status == LOCACHE_OK)
        *out = value;
    else
        locache_value_free(value);
    return status < 0 ? tell_whose(status, &own, at, name, error) : status;
}

/* ---------------------------------------------------------------------------------------- write */

/* An entry that is written: each piece is copied, summed up and written from the copy. */
typedef struct copying {
    int fd;
    const lc_span *spans;
    size_t count;
    size_t done;          /* of the first of them */
    size_t at;            /* in the file */
    unsigned char *piece; /* WRITTEN_SIZE bytes, or all that is written */
    bool passing;         /* buffers leave memory as they are copied */
    int code;             /* errno of what failed */
} copying;

/* Fill the piece with what comes next. */
static size_t fill_piece(copying *in)
{
    size_t filled = 0;
    size_t most = WRITTEN_SIZE - in->at % WRITTEN_SIZE;
    while (in->count > 0 && filled < most) {
        size_t rest = in->spans->size - in->done;
        size_t size = rest < most - filled ? rest : most - filled;
        const unsigned char *from = in->spans->data;
        if (size > 0)
            memcpy(in->piece + filled, from + in->done, size);
        /* Paddings and buffers take turns, and a buffer is the last. */
        if (in->passing && size > 0 && in->count % 2 == 1)
            lc_map_leave(from + in->done, size);
        filled += size;
        in->done += size;
        if (in->done == in->spans->size) {
            in->spans++;
            in->count--;
            in->done = 0;
        }
    }
    in->at += filled;
    return filled;
}

static bool write_piece(void *context, lc_span *piece)
{
    copying *in = context;
    *piece = (lc_span){.data = in->piece, .size = fill_piece(in)};
    struct iovec vector = {.iov_base = in->piece, .iov_len = piece->size};
    if (piece->size == 0 || lc_write_full(in->fd, &vector, 1) == 0)
        return true;
    in->code = errno;
    return false;
}

int lc_mapped_write(bool *sound, lc_temporary *temporary, const lc_image *image)
{
    lc_entry entry;
    const lc_span *spans = image->spans;
    size_t size = 0;
    for (size_t i = 0; i < image->count; i++)
        size += spans[i].size;
    copying in = {.fd = temporary->fd,
                  .spans = spans + 1,
                  .count = image->count - 1,
                  .passing = image->passing,
                  .at = spans[0].size,
                  .piece = lc_alloc_aligned(size < WRITTEN_SIZE ? size : WRITTEN_SIZE)};
    if (in.piece == NULL) {
        lc_temporary_discard(temporary);
        errno = ENOMEM;
        return -1;
    }
    int result = lc_temporary_write(temporary, spans, 1);
    if (result != 0) {
        in.code = errno;
        goto done;
    }
    /* The front is ours and does not change; its checksum is of the buffers as they were. */
    locache_status status = lc_entry_parse_front(&entry, spans[0].data, size, NULL);
    if (status == LOCACHE_OK)
        status = lc_entry_verify(&entry, write_piece, &in, NULL);
    *sound = status == LOCACHE_OK;
    /* Not sound is the caller's to discard; not written is ours, as with every other write. */
    if (status == LOCACHE_EIO) {
        lc_temporary_discard(temporary);
        result = -1;
    }
done:
    lc_free(in.piece);
    errno = in.code;
    return result;
}
