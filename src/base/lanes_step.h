/* BLAKE2b of several messages side by side, for lanes.c and lanes_eight.c, which differ in how many
 * fit into a register: LC_LANES_WIDTH, four (AVX2) or eight (AVX-512) words of 64 bits.
 *
 * Everything that BLAKE2b has one of, there are so many of here: a register holds the same word of
 * each message's state, and each instruction does the same step of all of them. The lanes never
 * mix, so a digest is the one that libsodium gives of that message alone. Messages of one size:
 * then the counter and the last block are the same for all. */
#ifndef LC_LANES_STEP_H
#define LC_LANES_STEP_H

#include "base/blake.h"
#include "base/lanes.h"

#include <string.h>

#ifdef LC_LANES_X86

#include <immintrin.h>

#ifndef LC_LANES_WIDTH
#define LC_LANES_WIDTH 4
#endif
#define BLOCK 128 /* bytes, BLAKE2b's own */

/* Compiled for these vectors whatever the rest is compiled for; lc_lanes_count() is asked first.
 * Helpers are inlined: as calls they would pass registers through memory. */
#if LC_LANES_WIDTH == 8
#define WITH_VECTORS __attribute__((target("avx512f")))
#define INLINE static inline __attribute__((always_inline, target("avx512f")))
typedef __m512i words;
#define ADD _mm512_add_epi64
#define XOR _mm512_xor_si512
#define OF_ALL _mm512_set1_epi64
#define ROTATED _mm512_ror_epi64
#else
#define WITH_VECTORS __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline, target("avx2")))
typedef __m256i words;
#define ADD _mm256_add_epi64
#define XOR _mm256_xor_si256
#define OF_ALL _mm256_set1_epi64x
/* To the right. By whole bytes it is one shuffle: shifts would be two, and an or. By 63 it is by 1
 * to the left, whose shift is an addition. */
#define ROTATED(x, by) rotated_##by(x)

INLINE __m256i rotated_32(__m256i x)
{
    return _mm256_shuffle_epi32(x, 0xb1);
}

INLINE __m256i rotated_24(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi8(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9,
                                                   10, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15,
                                                   8, 9, 10));
}

INLINE __m256i rotated_16(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi8(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15,
                                                   8, 9, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14,
                                                   15, 8, 9));
}

INLINE __m256i rotated_63(__m256i x)
{
    return _mm256_or_si256(_mm256_srli_epi64(x, 63), _mm256_add_epi64(x, x));
}
#endif

/* Four words of each of four messages, turned so that register i holds word i of all of them. */
INLINE void load_four(__m256i out[4], const unsigned char *const messages[4], size_t at)
{
    __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(messages[0] + at));
    __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(messages[1] + at));
    __m256i c = _mm256_loadu_si256((const __m256i *)(const void *)(messages[2] + at));
    __m256i d = _mm256_loadu_si256((const __m256i *)(const void *)(messages[3] + at));
    __m256i ab_even = _mm256_unpacklo_epi64(a, b);
    __m256i ab_odd = _mm256_unpackhi_epi64(a, b);
    __m256i cd_even = _mm256_unpacklo_epi64(c, d);
    __m256i cd_odd = _mm256_unpackhi_epi64(c, d);
    out[0] = _mm256_permute2x128_si256(ab_even, cd_even, 0x20);
    out[1] = _mm256_permute2x128_si256(ab_odd, cd_odd, 0x20);
    out[2] = _mm256_permute2x128_si256(ab_even, cd_even, 0x31);
    out[3] = _mm256_permute2x128_si256(ab_odd, cd_odd, 0x31);
}

INLINE void load_words(words out[4], const unsigned char *const messages[LC_LANES_WIDTH], size_t at)
{
#if LC_LANES_WIDTH == 8
    __m256i low[4], high[4];
    load_four(low, messages, at);
    load_four(high, messages + 4, at);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        out[i] = _mm512_inserti64x4(_mm512_castsi256_si512(low[i]), high[i], 1);
#else
    load_four(out, messages, at);
#endif
}

/* RFC 7693, 3.1: one of the four columns of the state, as a square of rows of four (turn 0), or one
 * of its diagonals (turn 1): each row counts from where the one above stands, `turn` further. */
INLINE void mix(words v[16], int column, int turn, words x, words y)
{
    const int a = column;
    const int b = 4 + (column + turn) % 4;
    const int c = 8 + (column + 2 * turn) % 4;
    const int d = 12 + (column + 3 * turn) % 4;
    v[a] = ADD(ADD(v[a], v[b]), x);
    v[d] = ROTATED(XOR(v[d], v[a]), 32);
    v[c] = ADD(v[c], v[d]);
    v[b] = ROTATED(XOR(v[b], v[c]), 24);
    v[a] = ADD(ADD(v[a], v[b]), y);
    v[d] = ROTATED(XOR(v[d], v[a]), 16);
    v[c] = ADD(v[c], v[d]);
    v[b] = ROTATED(XOR(v[b], v[c]), 63);
}

INLINE void mix_all(words v[16], const words m[16], const unsigned char order[16])
{
    mix(v, 0, 0, m[order[0]], m[order[1]]);
    mix(v, 1, 0, m[order[2]], m[order[3]]);
    mix(v, 2, 0, m[order[4]], m[order[5]]);
    mix(v, 3, 0, m[order[6]], m[order[7]]);
    mix(v, 0, 1, m[order[8]], m[order[9]]);
    mix(v, 1, 1, m[order[10]], m[order[11]]);
    mix(v, 2, 1, m[order[12]], m[order[13]]);
    mix(v, 3, 1, m[order[14]], m[order[15]]);
}

/* One block of each message. RFC 7693, 3.2; `length` counts this block too. */
INLINE void compress(words h[8], const unsigned char *const messages[LC_LANES_WIDTH], size_t at,
                     uint64_t length, bool last)
{
    words v[16], m[16];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        load_words(m + 4 * i, messages, at + 32 * i);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[8 + i] = OF_ALL((long long)lc_blake_initial[i]);
    }
    v[12] = XOR(v[12], OF_ALL((long long)length));
    v[14] = XOR(v[14], OF_ALL(last ? -1 : 0));
    /* v[13], the counter's upper half, stays: no message has 2^64 bytes. Unrolled, so that the
     * schedule is in the instructions: which words are which is not looked up. */
#pragma GCC unroll 12
    for (int round = 0; round < LC_BLAKE_ROUNDS; round++)
        mix_all(v, m, lc_blake_schedule[round % 10]);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        h[i] = XOR(h[i], XOR(v[i], v[8 + i]));
}

/* The last block of each, of fewer bytes: zeros go on with it. */
INLINE void compress_rest(words h[8], const unsigned char *const messages[LC_LANES_WIDTH],
                          size_t at, size_t size)
{
    unsigned char room[LC_LANES_WIDTH][BLOCK] = {{0}};
    const unsigned char *rests[LC_LANES_WIDTH];
    for (unsigned lane = 0; lane < LC_LANES_WIDTH; lane++) {
        memcpy(room[lane], messages[lane] + at, size - at);
        rests[lane] = room[lane];
    }
    compress(h, rests, 0, size, true);
}

INLINE void begin_chain(words h[8], const char *person)
{
    /* The block of parameters (RFC 7693, 2.5; its last bytes as in the BLAKE2 paper): size of the
     * digest, fan-out 1, depth 1, and the personalisation as words 6 and 7. */
    uint64_t parameters[8] = {UINT64_C(0x01010000) | LOCACHE_DIGEST_SIZE};
    memcpy(parameters + 6, person, 16);
    for (unsigned i = 0; i < 8; i++)
        h[i] = OF_ALL((long long)(lc_blake_initial[i] ^ parameters[i]));
}

/* Little-endian words, as this machine has them. */
INLINE void give_digests(unsigned char (*out)[LOCACHE_DIGEST_SIZE], const words h[8])
{
    uint64_t chain[8][LC_LANES_WIDTH];
    memcpy(chain, h, sizeof chain);
    for (unsigned lane = 0; lane < LC_LANES_WIDTH; lane++)
        for (size_t i = 0; i < LOCACHE_DIGEST_SIZE / 8; i++)
            memcpy(out[lane] + 8 * i, &chain[i][lane], 8);
}

/* What lc_lanes_digest() promises, of LC_LANES_WIDTH messages. */
INLINE void digest(unsigned char (*out)[LOCACHE_DIGEST_SIZE],
                   const unsigned char *const messages[LC_LANES_WIDTH], size_t size,
                   const char *person)
{
    words h[8];
    size_t at = 0;
    begin_chain(h, person);
    /* The last block is told apart from one before it, even if both have the same bytes. */
    for (; size - at >= BLOCK; at += BLOCK)
        compress(h, messages, at, at + BLOCK, size - at == BLOCK);
    if (at < size)
        compress_rest(h, messages, at, size);
    give_digests(out, h);
}

#endif
#endif
