/* Compressed entries: body and buffers are zstd frames, one each, in the places where they would be
 * as they are.
 *
 * Checksum and MAC are of what is stored, so that nothing is decompressed before it was verified. A
 * checksum is no proof of good will, though: some kilobytes may say that they are terabytes. So all
 * frames are asked for the size of their content before memory is taken for any of it, and what
 * they say together is compared with the memory that there is. What is read is expanded into an
 * entry's image as it would be in memory without compression, so that nobody after this knows. */
#include "disk/packed.h"
#include "base/alloc.h"
#include "base/system.h"
#include "base/zstd.h"
#include "format/frame.h"

#include <string.h>

/* A result that is smaller gets no smaller by a frame, whose header has some 10 bytes. */
#define LEAST 64
/* What takes up no more than a block of the file system's takes no less when it is compressed. */
#define AUTO_LEAST 4096
#define AUTO_LEVEL 3 /* zstd's own default */
/* So much is looked at to find out whether it pays, */
#define PROBE_SIZE ((size_t)64 << 10)
/* which it does where at least a fourth goes: what is decompressed is read at a fifth of the speed
 * of what is not. */
#define PAYS(size) ((size) - (size) / 4)
/* What is no larger is allocated without asking how much memory is left. */
#define MODEST ((uint64_t)64 << 20)

/* --------------------------------------------------------------------------------------- expand */

/* The nth stored part: the body, then the buffers. */
static lc_span stored_part(const locache_value *value, uint32_t n)
{
    return n == 0 ? value->entry.body : lc_entry_buffer(value->bytes, &value->entry, n - 1);
}

/* The size of the expanded image. */
static locache_status measure(uint64_t *out, const locache_value *value, locache_error *error)
{
    const lc_entry *entry = &value->entry;
    lc_entry front = *entry;
    uint64_t end = 0;
    if (lc_zstd_load() == NULL)
        return lc_fail(error, LOCACHE_ELIMIT, "compressed, and there is no %s: install libzstd",
                       LC_ZSTD_FILE);
    for (uint32_t n = 0; n <= entry->buffer_count; n++) {
        uint64_t size;
        if (!lc_frame_size(&size, stored_part(value, n)))
            return lc_fail(error, LOCACHE_ECORRUPT,
                           "damaged: part %u is not one zstd frame that says its size",
                           (unsigned)n);
        if (n == 0) {
            front.body.size = size <= SIZE_MAX ? (size_t)size : SIZE_MAX;
            end = lc_entry_front_size(&front);
        } else {
            end = lc_entry_end_after(end, size);
        }
        if (end == 0 || end >= SIZE_MAX / 2)
            return lc_fail(error, LOCACHE_ELIMIT, "larger than any memory when it is decompressed");
    }
    if (end > MODEST && end > lc_memory_available())
        return lc_fail(error, LOCACHE_ELIMIT,
                       "larger than the memory that there is when it is decompressed: %llu bytes",
                       (unsigned long long)end);
    *out = end;
    return LOCACHE_OK;
}

/* Into memory that has room for all of it, as measure() found. */
static bool expand_all(locache_value *out, const locache_value *value, lc_expander *expander)
{
    lc_entry *entry = &out->entry;
    uint64_t size;
    *entry = value->entry;
    entry->compressed = false;
    (void)lc_frame_size(&size, value->entry.body);
    entry->body.size = (size_t)size;
    lc_entry_begin(out->bytes, entry);
    size_t end = lc_value_front(out);
    unsigned char *body = out->bytes + end - entry->body.size;
    bool sound = lc_frame_expand(body, entry->body.size, value->entry.body, expander);
    for (uint32_t n = 0; sound && n < entry->buffer_count; n++) {
        lc_span frame = stored_part(value, n + 1);
        (void)lc_frame_size(&size, frame);
        size_t next = (size_t)lc_entry_end_after(end, size);
        size_t start = next - (size_t)size;
        memset(out->bytes + end, 0, start - end);
        sound = lc_frame_expand(out->bytes + start, (size_t)size, frame, expander);
        lc_entry_set_end(out->bytes, n, next);
        end = next;
    }
    return sound;
}

locache_status lc_packed_expand(locache_value **value, locache_error *error)
{
    uint64_t size = 0;
    locache_value *stored = *value;
    locache_value *out = NULL;
    locache_status status = measure(&size, stored, error);
    if (status != LOCACHE_OK)
        return status;
    lc_expander *expander = lc_expander_new();
    out = expander != NULL ? lc_value_new((size_t)size) : NULL;
    if (out == NULL) {
        status = lc_fail(error, LOCACHE_ENOMEM, "no memory to decompress %llu bytes",
                         (unsigned long long)size);
    } else if (!expand_all(out, stored, expander)) {
        status = lc_fail(error, LOCACHE_ECORRUPT, "damaged: it cannot be decompressed");
    } else {
        out->stamp = stored->stamp;
        out->used = stored->used;
        out->sound = true;
        *value = out;
        out = stored;
    }
    lc_expander_free(expander);
    locache_value_free(out);
    return status;
}

/* ------------------------------------------------------------------------------------- compress */

static lc_span given_part(const lc_parts *parts, size_t n)
{
    return n == 0 ? parts->body : (lc_span){parts->buffers[n - 1], parts->sizes[n - 1]};
}

static size_t parts_size(const lc_parts *parts)
{
    size_t size = parts->body.size;
    for (size_t i = 0; i < parts->count; i++)
        size = parts->sizes[i] <= SIZE_MAX - size ? size + parts->sizes[i] : SIZE_MAX;
    return size;
}

/* The first bytes of each part, of a larger one more, PROBE_SIZE in all: are they worth it? */
static bool pays(const lc_parts *parts, size_t size, lc_compressor *compressor)
{
    size_t bound = lc_frame_bound(PROBE_SIZE);
    unsigned char *room = lc_alloc(PROBE_SIZE + bound);
    size_t got = 0;
    if (room == NULL)
        return false;
    for (size_t n = 0; n <= parts->count; n++) {
        lc_span part = given_part(parts, n);
        size_t share = size <= PROBE_SIZE
                           ? part.size
                           : (size_t)((double)part.size / (double)size * (double)PROBE_SIZE);
        share = share < PROBE_SIZE - got ? share : PROBE_SIZE - got;
        if (share > 0)
            memcpy(room + got, part.data, share);
        got += share;
    }
    size_t packed = lc_frame_compress(room + PROBE_SIZE, bound, (lc_span){room, got}, compressor);
    lc_free(room);
    return packed > 0 && packed <= PAYS(got);
}

/* One allocation: where each frame is, how large it is, and the frames. NULL: no memory. */
static unsigned char *frames_room(size_t *room, const lc_parts *parts)
{
    size_t lists = parts->count * (sizeof(void *) + sizeof(size_t));
    *room = 0;
    for (size_t n = 0; n <= parts->count; n++) {
        size_t bound = lc_frame_bound(given_part(parts, n).size);
        if (bound == 0 || bound > SIZE_MAX / 2 - *room)
            return NULL;
        *room += bound;
    }
    return lc_alloc(lists + *room);
}

/* Compress all of it. False: no memory. `most`: what it may have at most to be worth it. */
static bool compress_all(lc_packed *out, const lc_parts *parts, size_t most,
                         lc_compressor *compressor)
{
    size_t room;
    size_t done = 0;
    unsigned char *memory = frames_room(&room, parts);
    if (memory == NULL)
        return false;
    const void **buffers = (const void **)(void *)memory;
    size_t *sizes = (size_t *)(void *)(buffers + parts->count);
    unsigned char *frames = (unsigned char *)(sizes + parts->count);
    for (size_t n = 0; n <= parts->count; n++) {
        size_t size =
            lc_frame_compress(frames + done, room - done, given_part(parts, n), compressor);
        if (size == 0 || size > most - done) {
            lc_free(memory);
            return false;
        }
        if (n == 0)
            out->parts.body = (lc_span){frames, size};
        else {
            buffers[n - 1] = frames + done;
            sizes[n - 1] = size;
        }
        done += size;
    }
    out->memory = memory;
    out->parts.buffers = buffers;
    out->parts.sizes = sizes;
    out->parts.count = parts->count;
    return true;
}

bool lc_packed_make(lc_packed *out, const lc_parts *parts, int level, bool maps)
{
    bool automatic = level == LOCACHE_COMPRESS_AUTO;
    size_t size = parts_size(parts);
    bool stays = automatic && maps && parts->count > 0 && size >= LOCACHE_MAP_FROM;
    if (stays || size < (automatic ? AUTO_LEAST : LEAST))
        return false;
    lc_compressor *compressor = lc_compressor_new(automatic ? AUTO_LEVEL : level);
    if (compressor == NULL)
        return false;
    /* With a level, whatever gets smaller at all. */
    bool made = (!automatic || pays(parts, size, compressor)) &&
                compress_all(out, parts, automatic ? PAYS(size) : size - 1, compressor);
    lc_compressor_free(compressor);
    return made;
}
