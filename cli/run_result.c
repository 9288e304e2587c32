/* A command's result as an entry holds it: CBOR of its exit status and of what it printed, as any
 * reader of entries shows it. What is long is out of line, so that neither storing nor giving it
 * takes memory for the whole.
 *
 *     {"status": 0, "stdout": b"...", "stderr": b"...", "order": b"..."}
 *
 * `order` is there where the two streams take turns: how many bytes of the first come before how
 * many of the second, and so on, as LEB128 numbers. */
#include "print.h"
#include "run.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Below, what is printed stands in the body: a buffer is for what may be mapped. */
#define INLINE_MAX ((size_t)64 << 10)
/* Of a result that is mapped, written at once: much more than a pipe takes, and no burden. */
#define GIVEN_MAX ((size_t)1 << 20)
/* Seven bits a byte. */
#define LEB128_MAX 10

/* ------------------------------------------------------------------------------------ recording */

void cli_recording_begin(cli_recording *recording, const char *dir)
{
    *recording = (cli_recording){.last = 0};
    for (int n = 0; n < 2; n++)
        cli_spool_begin(&recording->streams[n], dir);
    cli_spool_begin(&recording->order, dir);
}

static void end_piece(cli_recording *recording)
{
    unsigned char bytes[LEB128_MAX];
    size_t count = 0;
    uint64_t left = recording->piece;
    do {
        bytes[count++] = (unsigned char)((left & 0x7F) | (left > 0x7F ? 0x80 : 0));
        left >>= 7;
    } while (left > 0);
    cli_spool_add(&recording->order, bytes, count);
    recording->piece = 0;
}

void cli_recording_add(cli_recording *recording, int stream, const void *data, size_t size)
{
    if (stream != recording->last) {
        end_piece(recording);
        recording->last = stream;
    }
    recording->piece += size;
    cli_spool_add(&recording->streams[stream], data, size);
}

void cli_recording_clear(cli_recording *recording)
{
    for (int n = 0; n < 2; n++)
        cli_spool_clear(&recording->streams[n]);
    cli_spool_clear(&recording->order);
}

/* ---------------------------------------------------------------------------------------- store */

typedef struct packing {
    locache_cbor_writer body;
    const void *buffers[3];
    size_t sizes[3];
    size_t count;
    bool files; /* each buffer is to be a file's mapping */
    int error;
} packing;

static void pack(packing *in, const char *name, cli_spool *spool)
{
    if (in->files && spool->size >= INLINE_MAX)
        cli_spool_spill(spool);
    const void *bytes = cli_spool_bytes(spool);
    if (spool->error != 0)
        in->error = spool->error;
    locache_cbor_write_text(&in->body, name, strlen(name));
    if (spool->size < INLINE_MAX || bytes == NULL) {
        locache_cbor_write_bytes(&in->body, bytes, bytes != NULL ? spool->size : 0);
        return;
    }
    locache_cbor_write_tag(&in->body, LOCACHE_TAG_BUFFER);
    locache_cbor_write_uint(&in->body, in->count);
    in->buffers[in->count] = bytes;
    in->sizes[in->count++] = spool->size;
}

bool cli_recording_commit(cli_recording *recording, locache_flight *flight, int status,
                          int64_t took)
{
    unsigned char room[4096];
    locache_error error;
    packing in = {.files = recording->streams[0].fd >= 0 || recording->streams[1].fd >= 0 ||
                           recording->order.fd >= 0};
    /* All of the first, then all of the second, is what no order means. */
    bool ordered = recording->order.size > 0 && recording->streams[0].size > 0 &&
                   recording->streams[1].size > 0;
    if (ordered)
        end_piece(recording);
    locache_cbor_writer_init(&in.body, room, sizeof room);
    locache_cbor_write_map(&in.body, ordered ? 4 : 3);
    locache_cbor_write_text(&in.body, "status", 6);
    locache_cbor_write_int(&in.body, status);
    pack(&in, "stdout", &recording->streams[0]);
    pack(&in, "stderr", &recording->streams[1]);
    if (ordered)
        pack(&in, "order", &recording->order);
    const locache_record record = {
        .size = sizeof record,
        .codec = LOCACHE_CODEC_CBOR,
        .body = in.body.data,
        .body_size = in.body.length,
        .buffers = in.buffers,
        .buffer_sizes = in.sizes,
        .buffer_count = in.count,
        .compute_time = took,
        .flags = in.files ? LOCACHE_RECORD_PASSING : 0,
    };
    locache_status stored = LOCACHE_EIO;
    if (in.error != 0 || locache_cbor_writer_status(&in.body) != LOCACHE_OK) {
        cli_error("run: the result is not kept: %s", strerror(in.error ? in.error : ENOMEM));
        locache_abandon(flight);
    } else {
        stored = locache_commit(flight, &record, &error);
        if (stored != LOCACHE_OK)
            cli_error("run: the result is not kept: %s", error.message);
    }
    locache_cbor_writer_clear(&in.body);
    return stored == LOCACHE_OK;
}

/* ----------------------------------------------------------------------------------------- give */

static bool unpack(const void **data, size_t *size, locache_cbor_reader *reader,
                   const locache_value *value)
{
    locache_cbor_item item;
    if (locache_cbor_read(&item, reader) != LOCACHE_OK)
        return false;
    if (item.kind == LOCACHE_KIND_BYTES) {
        *data = item.data;
        *size = item.size;
        return true;
    }
    if (item.kind != LOCACHE_KIND_TAG || item.number != LOCACHE_TAG_BUFFER ||
        locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_UINT)
        return false;
    *data = locache_value_buffer(size, value, (size_t)item.number);
    return *data != NULL;
}

static bool unpack_one(cli_output *out, locache_cbor_reader *reader, const locache_value *value)
{
    static const char *const names[] = {"stdout", "stderr"};
    locache_cbor_item name, item;
    if (locache_cbor_read(&name, reader) != LOCACHE_OK || name.kind != LOCACHE_KIND_TEXT ||
        name.size > 6)
        return false;
    if (name.size == 6 && memcmp(name.data, "status", 6) == 0) {
        bool read = locache_cbor_read(&item, reader) == LOCACHE_OK;
        if (!read || item.kind != LOCACHE_KIND_UINT || item.number > 255)
            return false;
        out->status = (int)item.number;
        return true;
    }
    for (int n = 0; n < 2; n++)
        if (name.size == 6 && memcmp(name.data, names[n], 6) == 0)
            return unpack(&out->data[n], &out->size[n], reader, value);
    const void *order = NULL;
    bool read = name.size == 5 && memcmp(name.data, "order", 5) == 0 &&
                unpack(&order, &out->order_size, reader, value);
    out->order = order;
    return read;
}

/* The next number of the order; what is left over where there is none. */
static size_t next_piece(const unsigned char **at, const unsigned char *end, size_t left)
{
    uint64_t size = 0;
    if (*at == end)
        return left;
    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        size |= (uint64_t)(**at & 0x7F) << shift;
        if ((*(*at)++ & 0x80) == 0)
            break;
    }
    return size < left ? (size_t)size : left;
}

bool cli_output_read(cli_output *out, const locache_value *value)
{
    locache_cbor_reader reader;
    locache_cbor_item item;
    *out = (cli_output){.status = -1, .mapped = locache_value_mapped(value)};
    if (locache_value_reader(&reader, value) != LOCACHE_OK ||
        locache_cbor_read(&item, &reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_MAP)
        return false;
    for (uint64_t n = 0; n < item.number; n++)
        if (!unpack_one(out, &reader, value))
            return false;
    return out->status >= 0;
}

/* What was written is not needed any more: of a mapping the pages go back, so that giving a result
 * takes memory for a piece of it. They are the file's, and nobody wrote to them. */
static int write_piece(int fd, const char *data, size_t size, bool mapped)
{
    int error = 0;
    while (size > 0 && error == 0) {
        size_t some = size < GIVEN_MAX ? size : GIVEN_MAX;
        error = cli_write_all(fd, data, some);
        if (mapped && some == GIVEN_MAX) {
            uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
            uintptr_t from = ((uintptr_t)data + page - 1) / page * page;
            uintptr_t to = ((uintptr_t)data + some) / page * page;
            (void)madvise((void *)from, to - from, MADV_DONTNEED);
        }
        data += some;
        size -= some;
    }
    return error;
}

int cli_output_replay(const cli_output *output)
{
    const unsigned char *at = output->order;
    const unsigned char *end = at != NULL ? at + output->order_size : NULL;
    size_t done[2] = {0, 0};
    int first = 0;
    for (int n = 0; done[0] < output->size[0] || done[1] < output->size[1]; n = 1 - n) {
        size_t size = next_piece(&at, end, output->size[n] - done[n]);
        const char *from = output->data[n];
        int error = size > 0 ? write_piece(n + 1, from + done[n], size, output->mapped) : 0;
        /* The other stream is somebody else's to read. */
        if (error != 0 && first == 0)
            first = error;
        done[n] += size;
    }
    return first;
}
