/* BLAKE2b of one short message, in plain C.
 *
 * Names and ids are digested in every process that uses a cache, most of them in nothing else. To
 * have libsodium choose its fastest implementation takes 27 us then, more than half of such a
 * process's first call; to digest a name here takes one. */
#include "base/blake.h"

#include <string.h>

#define BLOCK 128

typedef struct message {
    uint64_t h[8];
    uint64_t length; /* of what was compressed, and of the block that is next */
    unsigned char block[BLOCK];
    size_t filled;
} message;

#ifdef __GNUC__
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

INLINE uint64_t rotate(uint64_t x, unsigned by)
{
    return x >> by | x << (64 - by);
}

INLINE uint64_t word_at(const unsigned char *bytes)
{
    /* Written out: compilers see one load in it. */
    return (uint64_t)bytes[0] | (uint64_t)bytes[1] << 8 | (uint64_t)bytes[2] << 16 |
           (uint64_t)bytes[3] << 24 | (uint64_t)bytes[4] << 32 | (uint64_t)bytes[5] << 40 |
           (uint64_t)bytes[6] << 48 | (uint64_t)bytes[7] << 56;
}

/* RFC 7693, 3.1: a column of the state (turn 0), or a diagonal (turn 1). */
INLINE void mix_words(uint64_t v[16], unsigned column, unsigned turn, uint64_t x, uint64_t y)
{
    uint64_t *a = v + column;
    uint64_t *b = v + 4 + (column + turn) % 4;
    uint64_t *c = v + 8 + (column + 2 * turn) % 4;
    uint64_t *d = v + 12 + (column + 3 * turn) % 4;
    uint64_t p = *a + *b + x;
    uint64_t q = rotate(*d ^ p, 32);
    uint64_t r = *c + q;
    uint64_t s = rotate(*b ^ r, 24);
    *a = p += s + y;
    *d = q = rotate(q ^ p, 16);
    *c = r += q;
    *b = rotate(s ^ r, 63);
}

/* RFC 7693, 3.2. The counter's upper half is zero: no message has 2^64 bytes. */
static void compress_block(message *in, bool last)
{
    uint64_t v[16];
    uint64_t m[16];
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++)
        m[i] = word_at(in->block + 8 * (size_t)i);
    memcpy(v, in->h, sizeof in->h);
    memcpy(v + 8, lc_blake_initial, sizeof lc_blake_initial);
    v[12] ^= in->length;
    v[14] ^= last ? UINT64_MAX : 0;
    /* Unrolled, so that which words are which is in the instructions: half as many. */
#pragma GCC unroll 12
    for (unsigned round = 0; round < LC_BLAKE_ROUNDS; round++) {
        const unsigned char *order = lc_blake_schedule[round % 10];
#pragma GCC unroll 8
        for (unsigned i = 0; i < 8; i++)
            mix_words(v, i % 4, i / 4, m[order[2 * i]], m[order[2 * i + 1]]);
    }
    for (unsigned i = 0; i < 8; i++)
        in->h[i] ^= v[i] ^ v[8 + i];
}

/* A full block is compressed when more comes: the last one is told to be that. */
static void add_bytes(message *in, const unsigned char *bytes, size_t size)
{
    while (size > 0) {
        if (in->filled == BLOCK) {
            compress_block(in, false);
            in->filled = 0;
        }
        size_t part = size < BLOCK - in->filled ? size : BLOCK - in->filled;
        memcpy(in->block + in->filled, bytes, part);
        in->filled += part;
        in->length += part;
        bytes += part;
        size -= part;
    }
}

void lc_blake_digest(unsigned char *out, size_t out_size, const lc_span *spans, size_t count)
{
    message in = {.length = 0};
    memcpy(in.h, lc_blake_initial, sizeof in.h);
    /* RFC 7693, 2.5 and 2.8: the digest's size, no key, one leaf in a tree of one. */
    in.h[0] ^= UINT64_C(0x01010000) ^ out_size;
    for (size_t i = 0; i < count; i++)
        if (spans[i].size > 0)
            add_bytes(&in, spans[i].data, spans[i].size);
    memset(in.block + in.filled, 0, BLOCK - in.filled);
    compress_block(&in, true);
    for (size_t i = 0; i < out_size; i++)
        out[i] = (unsigned char)(in.h[i / 8] >> 8 * (i % 8));
}
