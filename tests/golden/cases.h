/* What the golden entries hold: make_golden.c writes them, tests/unit/test_entry.c holds the
 * library to them.
 *
 * The files are what format v2 is. Once released they never change; a new version of the format
 * gets files of its own. */
#ifndef LOCACHE_GOLDEN_CASES_H
#define LOCACHE_GOLDEN_CASES_H

#include "format/entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOLDEN_BUFFERS_MAX 4
#define GOLDEN_CREATED INT64_C(1700000000123456789) /* 2023-11-14T22:13:20.123456789Z */
#define GOLDEN_COUNT(table) (sizeof(table) / sizeof *(table))

/* Keys and bodies are in hexadecimal, spaced where items begin. */
typedef struct golden_good {
    const char *name;
    locache_codec codec;
    bool has_mac;
    int64_t created, compute_time, expires;
    const char *function;
    const char *key;
    const char *body;
    uint32_t buffer_count;
    size_t buffers[GOLDEN_BUFFERS_MAX]; /* sizes; byte i of buffer n is golden_byte(n, i) */
} golden_good;

/* my_func(x=1, num=3) */
#define GOLDEN_KEY "84 6178 01 636e756d 03"

static const golden_good golden_goods[] = {
    {"cbor",
     LOCACHE_CODEC_CBOR,
     false,
     GOLDEN_CREATED,
     1500000000,
     0,
     "my_func",
     GOLDEN_KEY,
     "03",
     0,
     {0}},
    {"cbor_nested",
     LOCACHE_CODEC_CBOR,
     false,
     GOLDEN_CREATED,
     7,
     0,
     "Class.method",
     "82 6178 d9c1c0 82 01 6161",
     "a2 6161 83 01 f5 f6 6162 d9c1c0 82 fb3ff199999999999a f90000",
     0,
     {0}},
    {"no_arguments", LOCACHE_CODEC_CBOR, false, GOLDEN_CREATED, 0, 0, "f", "80", "f6", 0, {0}},
    {"expires",
     LOCACHE_CODEC_CBOR,
     false,
     GOLDEN_CREATED,
     0,
     INT64_C(1800000000000000000),
     "f",
     "80",
     "f6",
     0,
     {0}},
    {"before_1970", LOCACHE_CODEC_CBOR, false, -1, 0, 0, "f", "80", "f6", 0, {0}},
    {"raw", LOCACHE_CODEC_RAW, false, GOLDEN_CREATED, 1, 0, "f", GOLDEN_KEY, "00 ff 0a 0d", 0, {0}},
    {"raw_empty_body", LOCACHE_CODEC_RAW, false, GOLDEN_CREATED, 1, 0, "f", GOLDEN_KEY, "", 0, {0}},
    {"pickle_mac",
     LOCACHE_CODEC_PICKLE,
     true,
     GOLDEN_CREATED,
     12345,
     0,
     "f",
     GOLDEN_KEY,
     "8005 4b03 2e",
     0,
     {0}},
    /* An array of 25 float64 by reference to the buffer: tag 40, [[25], tag 86, tag 49608, 0]. */
    {"one_buffer",
     LOCACHE_CODEC_CBOR,
     false,
     GOLDEN_CREATED,
     0,
     0,
     "f",
     GOLDEN_KEY,
     "d828 82 81 1819 d856 d9c1c8 00",
     1,
     {200}},
    {"array_readonly",
     LOCACHE_CODEC_CBOR,
     false,
     GOLDEN_CREATED,
     0,
     0,
     "f",
     GOLDEN_KEY,
     "d9c1d9 d828 82 81 1819 d856 d9c1c8 00",
     1,
     {200}},
    /* A text by reference to the buffer, whose bytes are ASCII as far as that. */
    {"text_buffer",
     LOCACHE_CODEC_CBOR,
     false,
     GOLDEN_CREATED,
     0,
     0,
     "f",
     GOLDEN_KEY,
     "d9c1db 00",
     1,
     {18}},
    {"many_buffers",
     LOCACHE_CODEC_CBOR,
     false,
     GOLDEN_CREATED,
     0,
     0,
     "f",
     GOLDEN_KEY,
     "84 d9c1c8 00 d9c1c8 01 d9c1c8 02 d9c1c8 03",
     4,
     {1, 64, 0, 65}},
    {"last_buffer_empty",
     LOCACHE_CODEC_CBOR,
     false,
     GOLDEN_CREATED,
     0,
     0,
     "f",
     GOLDEN_KEY,
     "82 d9c1c8 00 d9c1c8 01",
     2,
     {1, 0}},
    {"pickle_mac_buffer",
     LOCACHE_CODEC_PICKLE,
     true,
     GOLDEN_CREATED,
     0,
     0,
     "f",
     GOLDEN_KEY,
     "8005 97 2e",
     1,
     {130}},
    {"compressed",
     LOCACHE_CODEC_CBOR,
     false,
     GOLDEN_CREATED,
     0,
     0,
     "f",
     GOLDEN_KEY,
     "82 d9c1c8 00 d9c1c8 01",
     2,
     {200, 0}},
    {"compressed_mac",
     LOCACHE_CODEC_PICKLE,
     true,
     GOLDEN_CREATED,
     0,
     0,
     "f",
     GOLDEN_KEY,
     "8005 97 2e",
     1,
     {130}},
};

/* Body and buffers are what golden_frame() makes of them. */
static inline bool golden_is_compressed(const golden_good *good)
{
    return strncmp(good->name, "compressed", strlen("compressed")) == 0;
}

/* What is done to a good file to make a bad one, before the checksum is made right again unless it
 * is told not to be. */
typedef struct golden_bad {
    const char *name; /* what is wrong, and the status that must come of it */
    const char *base; /* of golden_goods */
    size_t at, width; /* bytes of the file to overwrite, little-endian; width 0: none */
    uint64_t value;
    long resize; /* bytes to cut off (negative) or to add */
    bool keep_checksum;
} golden_bad;

static const golden_bad golden_bads[] = {
    {"empty.ECORRUPT", "cbor", 0, 0, 0, -154, true},
    {"one_byte.ECORRUPT", "cbor", 0, 0, 0, -153, true},
    {"truncated_header.ECORRUPT", "cbor", 0, 0, 0, -11, true},
    {"truncated_key.ECORRUPT", "cbor", 0, 0, 0, -5, false},
    {"truncated_body.ECORRUPT", "cbor", 0, 0, 0, -1, false},
    {"truncated_table.ECORRUPT", "many_buffers", 0, 0, 0, -280, false},
    {"truncated_padding.ECORRUPT", "one_buffer", 0, 0, 0, -210, false},
    {"truncated_buffer.ECORRUPT", "one_buffer", 0, 0, 0, -1, false},
    {"extended_by_one.ECORRUPT", "cbor", 0, 0, 0, 1, false},
    {"extended_by_a_page.ECORRUPT", "cbor", 0, 0, 0, 4096, false},
    {"extended_after_buffer.ECORRUPT", "one_buffer", 0, 0, 0, 1, false},
    {"bad_magic.ECORRUPT", "cbor", 0, 1, 0x88, 0, false},
    {"magic_line_end.ECORRUPT", "cbor", 4, 1, 0x0A, 0, false},
    {"version_zero.ECORRUPT", "cbor", 8, 2, 0, 0, false},
    {"newer_version.EFORMAT", "cbor", 8, 2, 3, 0, false},
    {"newer_version_bad_checksum.ECORRUPT", "cbor", 8, 2, 3, 0, true},
    {"earlier_version.MISS", "cbor", 8, 2, 1, 0, false},
    {"earlier_version_bad_checksum.ECORRUPT", "cbor", 8, 2, 1, 0, true},
    {"unknown_codec.ECORRUPT", "cbor", 10, 1, 4, 0, false},
    {"codec_zero.ECORRUPT", "cbor", 10, 1, 0, 0, false},
    {"unknown_flag.ECORRUPT", "cbor", 11, 1, 4, 0, false},
    {"nonzero_reserved.ECORRUPT", "cbor", 63, 1, 1, 0, false},
    {"mac_without_flag.ECORRUPT", "pickle_mac", 11, 1, 0, 0, false},
    {"bad_checksum.ECORRUPT", "cbor", 128, 1, 0, 0, true},
    {"bad_key_byte.ECORRUPT", "cbor", 144 + 3, 1, 2, 0, true},
    {"bad_body_byte.ECORRUPT", "cbor", 144 + 9, 1, 4, 0, true},
    {"bad_buffer_byte.ECORRUPT", "one_buffer", 192 + 7, 1, 0xFF, 0, true},
    {"bad_created.ECORRUPT", "cbor", 32, 8, 1, 0, true},
    {"key_length_past_eof.ECORRUPT", "cbor", 16, 8, 11, 0, false},
    {"body_length_past_eof.ECORRUPT", "cbor", 24, 8, 2, 0, false},
    {"key_length_short.ECORRUPT", "cbor", 16, 8, 8, 0, false},
    {"key_length_overflow.ECORRUPT", "cbor", 16, 8, UINT64_MAX, 0, false},
    {"body_length_overflow.ECORRUPT", "cbor", 24, 8, UINT64_MAX - 152, 0, false},
    {"body_length_past_int64.ECORRUPT", "cbor", 24, 8, INT64_MAX, 0, false},
    {"buffer_count_huge.ECORRUPT", "cbor", 12, 4, UINT32_MAX, 0, false},
    {"buffer_count_past_limit.ECORRUPT", "cbor", 12, 4, LC_ENTRY_BUFFERS_MAX + 1, 0, false},
    {"buffer_table_past_eof.ECORRUPT", "cbor", 12, 4, LC_ENTRY_BUFFERS_MAX, 0, false},
    {"buffer_missing.ECORRUPT", "one_buffer", 12, 4, 0, 0, false},
    {"buffer_past_eof.ECORRUPT", "one_buffer", 144, 8, 393, 0, false},
    {"buffer_end_huge.ECORRUPT", "one_buffer", 144, 8, UINT64_MAX, 0, false},
    {"buffer_end_before_start.ECORRUPT", "one_buffer", 144, 8, 191, 0, false},
    {"buffer_ends_descend.ECORRUPT", "many_buffers", 144 + 16, 8, 100, 0, false},
    {"nonzero_padding.ECORRUPT", "one_buffer", 191, 1, 1, 0, false},
    /* Frames: the body's begins at 169, its descriptor is at 173, its size at 174, its block's
     * header at 175; the first buffer's begins at 192. */
    {"not_compressed.ECORRUPT", "one_buffer", 11, 1, 2, 0, false},
    {"frame_magic.ECORRUPT", "compressed", 169, 1, 0x29, 0, false},
    {"frame_skippable.ECORRUPT", "compressed", 169, 4, 0x184D2A50, 0, false},
    {"frame_without_size.ECORRUPT", "compressed", 173, 1, 0, 0, false},
    {"frame_with_dictionary.ECORRUPT", "compressed", 173, 1, 0x21, 0, false},
    {"frame_says_more.ECORRUPT", "compressed", 174, 1, 12, 0, false},
    {"frame_says_less.ECORRUPT", "compressed", 174, 1, 8, 0, false},
    {"frame_goes_on.ECORRUPT", "compressed", 175, 1, 0x48, 0, false},
    {"frame_reserved_block.ECORRUPT", "compressed", 175, 1, 0x4F, 0, false},
    {"frame_ends_early.ECORRUPT", "compressed", 198, 1, 0x39, 0, false},
    {"frame_buffer_magic.ECORRUPT", "compressed", 192, 1, 0, 0, false},
};

static inline unsigned char golden_byte(uint32_t buffer, size_t at)
{
    return (unsigned char)(31 * (size_t)buffer + 7 * at + 1);
}

/* A zstd frame with one raw block, as docs/format.md has its parts: in 9 bytes more than `size`,
 * which is less than 256. What a compressor makes is its own matter, and another with the next
 * version. */
static inline size_t golden_frame(unsigned char *out, const unsigned char *content, size_t size)
{
    /* magic; one segment, the size in a byte; that; the last block, raw, its size */
    const unsigned char head[] = {0x28,
                                  0xB5,
                                  0x2F,
                                  0xFD,
                                  0x20,
                                  (unsigned char)size,
                                  (unsigned char)(size << 3 | 1),
                                  (unsigned char)(size >> 5),
                                  0};
    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, content, size);
    return sizeof head + size;
}

static inline void golden_mac_key(unsigned char out[LC_MAC_KEY_SIZE])
{
    for (unsigned i = 0; i < LC_MAC_KEY_SIZE; i++)
        out[i] = (unsigned char)i;
}

/* Bytes from spaced hexadecimal; out has room for half the digits. */
static inline size_t golden_unhex(unsigned char *out, const char *text)
{
    size_t digits = 0;
    for (; *text != '\0'; text++) {
        if (*text == ' ')
            continue;
        unsigned value = (unsigned)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
        out[digits / 2] = (unsigned char)(digits % 2 == 0 ? value << 4 : out[digits / 2] | value);
        digits++;
    }
    return digits / 2;
}

static inline const golden_good *golden_find(const char *name)
{
    for (size_t i = 0; i < GOLDEN_COUNT(golden_goods); i++) {
        if (strcmp(golden_goods[i].name, name) == 0)
            return &golden_goods[i];
    }
    fprintf(stderr, "no golden entry is named %s\n", name);
    abort();
}

/* The whole file of a good case, as the library lays it out; the caller frees it. */
static inline unsigned char *golden_build(size_t *size, const golden_good *good)
{
    unsigned char key[64], body[64], pattern[GOLDEN_BUFFERS_MAX][256], mac_key[LC_MAC_KEY_SIZE];
    unsigned char framed_body[80], framed[GOLDEN_BUFFERS_MAX][272];
    const void *buffers[GOLDEN_BUFFERS_MAX];
    size_t sizes[GOLDEN_BUFFERS_MAX];
    lc_span spans[1 + 2 * GOLDEN_BUFFERS_MAX];
    lc_entry entry = {
        .codec = good->codec,
        .created = good->created,
        .compute_time = good->compute_time,
        .expires = good->expires,
        .buffer_count = good->buffer_count,
        .compressed = golden_is_compressed(good),
    };
    entry.key = (lc_span){key, golden_unhex(key, good->key)};
    entry.body = (lc_span){body, golden_unhex(body, good->body)};
    if (golden_is_compressed(good))
        entry.body = (lc_span){framed_body, golden_frame(framed_body, body, entry.body.size)};
    locache_id_of(&entry.function, good->function, strlen(good->function));
    locache_id_of(&entry.version, "golden", 6);
    golden_mac_key(mac_key);
    for (uint32_t n = 0; n < good->buffer_count; n++) {
        for (size_t i = 0; i < good->buffers[n]; i++)
            pattern[n][i] = golden_byte(n, i);
        buffers[n] = pattern[n];
        sizes[n] = good->buffers[n];
        if (golden_is_compressed(good)) {
            sizes[n] = golden_frame(framed[n], pattern[n], good->buffers[n]);
            buffers[n] = framed[n];
        }
    }

    size_t count = lc_entry_span_count(&entry);
    unsigned char *front = malloc(lc_entry_front_size(&entry));
    if (front == NULL)
        abort();
    lc_entry_build(front, spans, &entry, buffers, sizes, good->has_mac ? mac_key : NULL);
    *size = 0;
    for (size_t i = 0; i < count; i++)
        *size += spans[i].size;
    unsigned char *file = malloc(*size + 1);
    if (file == NULL)
        abort();
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (spans[i].size > 0)
            memcpy(file + at, spans[i].data, spans[i].size);
        at += spans[i].size;
    }
    free(front);
    return file;
}

/* Make a file's checksum right, whatever else is wrong; one with no room for a header stays as it
 * is. */
static inline void golden_stamp(unsigned char *file, size_t size)
{
    if (size < LC_ENTRY_HEADER)
        return;
    memset(file + LC_ENTRY_HEADER - LC_CHECKSUM_SIZE, 0, LC_CHECKSUM_SIZE);
    unsigned char sum[LC_CHECKSUM_SIZE];
    lc_checksum(sum, &(lc_span){file, size}, 1);
    memcpy(file + LC_ENTRY_HEADER - LC_CHECKSUM_SIZE, sum, sizeof sum);
}

/* The whole file of a bad case; the caller frees it. */
static inline unsigned char *golden_spoil(size_t *size, const golden_bad *bad)
{
    size_t old;
    unsigned char *good = golden_build(&old, golden_find(bad->base));
    *size = bad->resize < 0 ? old - (size_t)-bad->resize : old + (size_t)bad->resize;
    unsigned char *file = calloc(*size + 1, 1);
    if (file == NULL || *size > old + 4096)
        abort();
    memcpy(file, good, *size < old ? *size : old);
    for (size_t i = 0; i < bad->width; i++)
        file[bad->at + i] = (unsigned char)(bad->value >> (8 * i));
    if (!bad->keep_checksum)
        golden_stamp(file, *size);
    free(good);
    return file;
}

#endif
