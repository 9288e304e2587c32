/* The entry format, version 2: bytes to structure and back. docs/format.md, "Entries", is
 * normative. No I/O, no allocation, no casts.
 *
 *   offset size
 *        0    8  magic 89 4C 4F 43 0D 0A 1A 0A
 *        8    2  format version (2)
 *       10    1  codec (1 CBOR, 2 pickle, 3 raw)
 *       11    1  flags (bit 0: a MAC is there; bit 1: body and buffers are one zstd frame each; the
 *                rest 0)
 *       12    4  number of out-of-line buffers
 *       16    8  length of the key
 *       24    8  length of the body
 *       32    8  time of creation, nanoseconds since 1970-01-01 UTC
 *       40    8  compute time, nanoseconds
 *       48    8  expiry, nanoseconds since 1970-01-01 UTC; 0: never
 *       56    8  reserved, 0
 *       64   16  function: BLAKE2b-128 of its qualified name
 *       80   16  version: id of the function directory it was made in
 *       96   32  MAC, BLAKE2b-256 keyed, of what is before it and of the digest of what follows the
 *                header; 0 where there is none
 *      128   16  checksum, XXH3-128 of the file with this field zeroed
 *      144       8 bytes per buffer: the offset of its end; then the key, or its digest
 *                (lc_key_stored()); then the body; then each buffer, at the next multiple of 64
 *
 * Little-endian. Padding is zero. The file ends with the last byte of the last part. Magic, format
 * version and checksum stay where they are and what they are in every version to come. */
#ifndef LC_ENTRY_H
#define LC_ENTRY_H

#include "base/hash.h"
#include "locache.h"

#define LC_ENTRY_HEADER 144
#define LC_ENTRY_ALIGN 64 /* a cache line, and the widest vector: arrays are used where they lie */
/* Out-of-line buffers are large ones: a result with more has small ones inline. A table of so many
 * is half a MiB. */
#define LC_ENTRY_BUFFERS_MAX 65536

typedef struct lc_entry {
    locache_codec codec;
    bool has_mac;
    int64_t created;
    int64_t compute_time;
    int64_t expires;
    locache_id function;
    locache_id version;
    lc_span key;
    lc_span body;
    uint32_t buffer_count;
    bool compressed; /* body and buffers are zstd frames (frame.h), whose sizes are those here */
    bool passing;    /* to be built: buffers leave memory as they are read, by lc_map_leave() */
} lc_entry;

/* What a header (LC_ENTRY_HEADER bytes) announces, before anything is allocated for it and before
 * the file is validated: *least, the size of the file without its buffers (with none: its exact
 * size), *table, the size of header and buffer table together. Neither is past INT64_MAX. OK;
 * ECORRUPT: no entry; EFORMAT: a newer version; MISS, with *error untouched: an earlier one. Any
 * thread. */
locache_status lc_entry_peek(uint64_t *least, uint64_t *table, const unsigned char *head,
                             locache_error *error);

/* Parse a whole file: lengths, padding, reserved fields, checksum; everything but MAC, key and
 * identity, which are the caller's to compare. out's spans point into bytes; out is set on OK only.
 * OK; ECORRUPT; EFORMAT: a newer version whose checksum is right (with a wrong one it is a damaged
 * version number, thus ECORRUPT); MISS, with *error untouched: an earlier one, likewise. Any
 * thread. */
locache_status lc_entry_parse(lc_entry *out, const unsigned char *bytes, size_t size,
                              locache_error *error);

/* The same in two steps, of a file that is not in memory as a whole. First its lengths: `front` is
 * header, buffer table, key and body, lc_entry_peek()'s `least` bytes, of a file of `size`; out's
 * spans point into it. OK; ECORRUPT; EFORMAT; MISS. */
locache_status lc_entry_parse_front(lc_entry *out, const unsigned char *front, size_t size,
                                    locache_error *error);
/* Then padding and checksum. next() gives what follows the front, piece by piece, and an empty one
 * at the end; false: it could not. OK; ECORRUPT; EIO, with *error untouched: next() could not. Any
 * thread. */
locache_status lc_entry_verify(const lc_entry *entry, bool (*next)(void *context, lc_span *piece),
                               void *context, locache_error *error);

/* What a header says of itself, of a file of `size`, whose checksum is not asked: out's spans have
 * their sizes and no data; the key begins at *key_at. OK; ECORRUPT; EFORMAT; MISS. Any thread. */
locache_status lc_entry_parse_head(lc_entry *out, uint64_t *key_at, const unsigned char *head,
                                   uint64_t size);

/* Do LC_ENTRY_MAGIC_SIZE bytes at the front of a file say that locache wrote it? */
#define LC_ENTRY_MAGIC_SIZE 8
bool lc_entry_has_magic(const unsigned char *head);
/* Of a header: its checksum; and does it say that there is a MAC? */
const unsigned char *lc_entry_checksum(const unsigned char *head);
bool lc_entry_has_mac(const unsigned char *head);
/* Of a header: are body and buffers zstd frames? */
bool lc_entry_is_compressed(const unsigned char *head);
/* Where a buffer of `size` bytes ends that comes after what ends at `end`; UINT64_MAX where that is
 * past any file's end. */
uint64_t lc_entry_end_after(uint64_t end, uint64_t size);
/* The nth buffer (n < entry->buffer_count) of a parsed file; the buffer table is read where entry's
 * spans point. Any thread. */
lc_span lc_entry_buffer(const unsigned char *bytes, const lc_entry *entry, uint32_t n);
/* Is there a MAC in a parsed file, and does it verify? Its bytes come in one piece (the second is
 * empty) or in two, the first of which has the header. With threads of its own where it is large,
 * as locache_digest(). Any thread. */
bool lc_entry_authentic(lc_span first, lc_span rest, const unsigned char key[LC_MAC_KEY_SIZE]);

/* Sign a parsed file anew with this key, and make its checksum right. */
void lc_entry_sign_anew(unsigned char *bytes, size_t size,
                        const unsigned char key[LC_MAC_KEY_SIZE]);

/* Lay an entry out: `front` receives header, buffer table, key and body (lc_entry_front_size()
 * bytes; the caller allocates), `spans` the whole file in order as spans over front, over padding
 * and over the buffers (lc_entry_span_count() of them). mac_key is NULL for an entry without MAC:
 * entry->has_mac is not looked at, nor is what is in the buffers copied, so that they must outlive
 * the spans. Any thread. */
/* 0 where the lengths overflow or pass the limits */
size_t lc_entry_front_size(const lc_entry *entry);
size_t lc_entry_span_count(const lc_entry *entry);
void lc_entry_build(unsigned char *front, lc_span *spans, const lc_entry *entry,
                    const void *const *buffers, const size_t *sizes, const unsigned char *mac_key);

/* The front of an entry that is made for memory only, with neither checksum nor MAC: header and key
 * are written; the ends of the buffers follow, each with lc_entry_set_end(), and the body, whose
 * place entry->body.data is set to. entry->key is copied, and is where it was copied to. */
void lc_entry_begin(unsigned char *front, lc_entry *entry);
void lc_entry_set_end(unsigned char *front, uint32_t n, uint64_t end);

#endif
