/* Any bytes as an entry, under a checksum that was made right: whatever is accepted lies within the
 * input, and laying it out again gives the same bytes. */
#include "disk/packed.h"
#include "format/frame.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define FLAGS_AT 11
#define MAC_AT 96
#define CHECKSUM_AT 128

static const unsigned char mac_key[LC_MAC_KEY_SIZE] = {1, 2, 3};

/* The span is within the file, and readable: a sanitizer sees to that. */
static void touch(lc_span span, const unsigned char *file, size_t size)
{
    const unsigned char *start = span.data;
    REQUIRE(start >= file && start <= file + size && span.size <= (size_t)(file + size - start));
    volatile unsigned char sum = 0;
    for (size_t i = 0; i < span.size; i++)
        sum = (unsigned char)(sum + start[i]);
}

static void stamp_checksum(unsigned char *file, size_t size)
{
    unsigned char sum[LC_CHECKSUM_SIZE];
    memset(file + CHECKSUM_AT, 0, sizeof sum);
    lc_checksum(sum, &(lc_span){file, size}, 1);
    memcpy(file + CHECKSUM_AT, sum, sizeof sum);
}

/* Make the checksum right; before it, where there is to be a MAC, that too, for half of the
 * inputs. */
static void stamp(unsigned char *file, size_t size)
{
    unsigned char digest[LOCACHE_DIGEST_SIZE];
    if ((file[FLAGS_AT] & 1) != 0 && file[MAC_AT] % 2 == 0) {
        locache_digest(digest, file + LC_ENTRY_HEADER, size - LC_ENTRY_HEADER);
        const lc_span signed_parts[] = {{file, MAC_AT}, {digest, sizeof digest}};
        lc_mac(file + MAC_AT, mac_key, "locache entry\0\0", signed_parts, 2);
    }
    stamp_checksum(file, size);
}

static void rebuilds_to_itself(const lc_entry *entry, const unsigned char *file, size_t size,
                               bool with_mac)
{
    const void **buffers = calloc(entry->buffer_count + (size_t)1, sizeof *buffers);
    size_t *sizes = calloc(entry->buffer_count + (size_t)1, sizeof *sizes);
    lc_span *spans = calloc(lc_entry_span_count(entry), sizeof *spans);
    unsigned char *front = malloc(lc_entry_front_size(entry));
    size_t at = 0;
    if (buffers == NULL || sizes == NULL || spans == NULL || front == NULL)
        abort();
    for (uint32_t i = 0; i < entry->buffer_count; i++) {
        lc_span buffer = lc_entry_buffer(file, entry, i);
        touch(buffer, file, size);
        REQUIRE(((size_t)((const unsigned char *)buffer.data - file)) % LC_ENTRY_ALIGN == 0);
        buffers[i] = buffer.data;
        sizes[i] = buffer.size;
    }
    lc_entry_build(front, spans, entry, buffers, sizes, with_mac ? mac_key : NULL);
    for (size_t i = 0; i < lc_entry_span_count(entry); i++) {
        REQUIRE(spans[i].size <= size - at);
        REQUIRE(spans[i].size == 0 || memcmp(file + at, spans[i].data, spans[i].size) == 0);
        at += spans[i].size;
    }
    REQUIRE(at == size);
    free(front);
    free(spans);
    free(buffers);
    free(sizes);
}

/* What the frames of a compressed entry say that they hold; 0: they do not say it, and nothing is
 * to be taken for them. */
static size_t said_by_frames(const locache_value *value)
{
    uint64_t size = 0, all = 0;
    const lc_entry *entry = &value->entry;
    for (uint32_t n = 0; n <= entry->buffer_count; n++) {
        lc_span frame = n == 0 ? entry->body : lc_entry_buffer(value->bytes, entry, n - 1);
        if (!lc_frame_size(&size, frame) || size > SIZE_MAX / 8 - all)
            return 0;
        all += size;
    }
    return (size_t)all;
}

/* What it holds when it is decompressed lies within its own memory, which is no more than its
 * frames say. A frame of a fuzzer's may say that it is large. */
static void check_expanded(const unsigned char *file, size_t size)
{
    locache_error error;
    locache_value *value = lc_value_new(size);
    if (value == NULL)
        abort();
    memcpy(value->bytes, file, size);
    REQUIRE(lc_entry_parse(&value->entry, value->bytes, size, NULL) == LOCACHE_OK);
    size_t said = said_by_frames(value);
    size_t began = memory_begin();
    locache_status status = lc_packed_expand(&value, &error);
    memory_within(began, size + said);
    REQUIRE(status == LOCACHE_OK || status == LOCACHE_ECORRUPT || status == LOCACHE_ELIMIT ||
            status == LOCACHE_ENOMEM);
    REQUIRE(value->entry.compressed == (status != LOCACHE_OK));
    touch(value->entry.key, value->bytes, value->size);
    touch(value->entry.body, value->bytes, value->size);
    for (uint32_t i = 0; status == LOCACHE_OK && i < value->entry.buffer_count; i++)
        touch(lc_entry_buffer(value->bytes, &value->entry, i), value->bytes, value->size);
    locache_value_free(value);
}

/* A file in pieces. */
typedef struct pieces {
    const unsigned char *file;
    size_t at;
    size_t size;
    size_t step;
} pieces;

static bool next_piece(void *context, lc_span *piece)
{
    pieces *in = context;
    size_t rest = in->size - in->at;
    *piece = (lc_span){in->file + in->at, rest < in->step ? rest : in->step};
    in->at += piece->size;
    return true;
}

/* In two steps it is what it is at once, whatever the pieces. */
static void check_in_steps(const unsigned char *file, size_t size, locache_status at_once)
{
    uint64_t least = 0, table = 0;
    lc_entry entry;
    if (size < LC_ENTRY_HEADER || lc_entry_peek(&least, &table, file, NULL) != LOCACHE_OK ||
        least > size)
        return;
    unsigned char *front = malloc((size_t)least);
    if (front == NULL)
        abort();
    memcpy(front, file, (size_t)least);
    for (size_t step = 1; step < 4096; step = step * 5 + 2) {
        pieces in = {.file = file, .at = (size_t)least, .size = size, .step = step};
        locache_status status = lc_entry_parse_front(&entry, front, size, NULL);
        if (status == LOCACHE_OK)
            status = lc_entry_verify(&entry, next_piece, &in, NULL);
        REQUIRE(status == at_once);
        for (uint32_t i = 0; status == LOCACHE_OK && i < entry.buffer_count; i++)
            touch(lc_entry_buffer(file, &entry, i), file, size);
    }
    free(front);
}

static void check_parsed(unsigned char *file, size_t size)
{
    lc_entry entry;
    locache_error error;
    uint64_t least = 0, table = 0;
    size_t began = memory_begin();
    locache_status status = lc_entry_parse(&entry, file, size, &error);
    check_in_steps(file, size, status);
    memory_within(began, size);
    if (status != LOCACHE_OK) {
        REQUIRE(status == LOCACHE_ECORRUPT || status == LOCACHE_EFORMAT || status == LOCACHE_MISS);
        REQUIRE(status == LOCACHE_MISS || (error.status == status && error.message[0] != '\0'));
        return;
    }
    REQUIRE(lc_entry_peek(&least, &table, file, NULL) == LOCACHE_OK);
    REQUIRE(least <= size && table <= least && (entry.buffer_count > 0 || least == size));
    touch(entry.key, file, size);
    touch(entry.body, file, size);
    if (entry.compressed)
        check_expanded(file, size);
    bool authentic = lc_entry_authentic((lc_span){file, size}, (lc_span){NULL, 0}, mac_key);
    REQUIRE(entry.has_mac || !authentic);
    if (entry.has_mac && !authentic) {
        /* A MAC of another key cannot be built again: the rest is compared without it. */
        file[FLAGS_AT] &= (unsigned char)~1U;
        memset(file + MAC_AT, 0, LC_MAC_SIZE);
        stamp_checksum(file, size);
        REQUIRE(lc_entry_parse(&entry, file, size, NULL) == LOCACHE_OK);
    }
    rebuilds_to_itself(&entry, file, size, authentic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *file = malloc(size > 0 ? size : 1);
    if (file == NULL)
        abort();
    if (size > 0)
        memcpy(file, data, size);
    check_parsed(file, size); /* as it is: nearly always a wrong checksum */
    if (size >= LC_ENTRY_HEADER) {
        stamp(file, size);
        check_parsed(file, size);
    }
    free(file);
    return 0;
}
