/* BLAKE2b of four messages side by side, with AVX2.
 *
 * Everything that BLAKE2b has one of, there are four of here: a register holds the same word of
 * each message's state, and each instruction does the same step of all four. The lanes never mix,
 * so a digest is the one that libsodium gives of that message alone (tests/unit/base/test_digest.c
 * compares them). Messages of one size: then the counter and the last block are the same for all. */
#include "base/lanes.h"
#include "base/blake.h"
#include "base/hash.h"

#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>
#include <sodium.h>

/* Compiled for AVX2 whatever the rest is compiled for; lc_lanes_ready() is asked first. Helpers are
 * inlined: as calls they would pass registers through memory. */
#define WITH_AVX2 __attribute__((target("avx2")))
#define INLINE_AVX2 static inline __attribute__((always_inline, target("avx2")))

bool lc_lanes_ready(void)
{
    /* libsodium has asked the processor. The compiler's own question is asked by every program that
     * has this in it, as it starts, and in virtual machines each takes a microsecond. */
    lc_sodium_start();
    return sodium_runtime_has_avx2() != 0;
}

/* Four words of each message, turned so that register i holds word i of all of them. */
INLINE_AVX2 void load_words(__m256i out[4], const unsigned char *const messages[LC_LANES],
                            size_t at)
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

/* Rotations by whole bytes are one shuffle: shifts would be two, and an or. */
INLINE_AVX2 __m256i rotate_24(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi8(3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9,
                                                   10, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15,
                                                   8, 9, 10));
}

INLINE_AVX2 __m256i rotate_16(__m256i x)
{
    return _mm256_shuffle_epi8(x, _mm256_setr_epi8(2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15,
                                                   8, 9, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14,
                                                   15, 8, 9));
}

/* RFC 7693, 3.1: one of the four columns of the state, as a square of rows of four (turn 0), or one
 * of its diagonals (turn 1): each row counts from where the one above stands, `turn` further. */
INLINE_AVX2 void mix(__m256i v[16], int column, int turn, __m256i x, __m256i y)
{
    const int a = column;
    const int b = 4 + (column + turn) % 4;
    const int c = 8 + (column + 2 * turn) % 4;
    const int d = 12 + (column + 3 * turn) % 4;
    v[a] = _mm256_add_epi64(_mm256_add_epi64(v[a], v[b]), x);
    v[d] = _mm256_shuffle_epi32(_mm256_xor_si256(v[d], v[a]), 0xb1); /* rotates by 32 */
    v[c] = _mm256_add_epi64(v[c], v[d]);
    v[b] = rotate_24(_mm256_xor_si256(v[b], v[c]));
    v[a] = _mm256_add_epi64(_mm256_add_epi64(v[a], v[b]), y);
    v[d] = rotate_16(_mm256_xor_si256(v[d], v[a]));
    v[c] = _mm256_add_epi64(v[c], v[d]);
    v[b] = _mm256_xor_si256(v[b], v[c]);
    /* By 63 is by 1 to the left, whose shift is an addition. */
    v[b] = _mm256_or_si256(_mm256_srli_epi64(v[b], 63), _mm256_add_epi64(v[b], v[b]));
}

INLINE_AVX2 void mix_all(__m256i v[16], const __m256i m[16], const unsigned char order[16])
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
INLINE_AVX2 void compress(__m256i h[8], const unsigned char *const messages[LC_LANES], size_t at,
                          uint64_t length, bool last)
{
    __m256i v[16], m[16];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++)
        load_words(m + 4 * i, messages, at + 32 * i);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[8 + i] = _mm256_set1_epi64x((long long)lc_blake_initial[i]);
    }
    v[12] = _mm256_xor_si256(v[12], _mm256_set1_epi64x((long long)length));
    v[14] = _mm256_xor_si256(v[14], _mm256_set1_epi64x(last ? -1 : 0));
    /* v[13], the counter's upper half, stays: no message has 2^64 bytes. Unrolled, so that the
     * schedule is in the instructions: which words are which is not looked up. */
#pragma GCC unroll 12
    for (int round = 0; round < LC_BLAKE_ROUNDS; round++)
        mix_all(v, m, lc_blake_schedule[round % 10]);
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++)
        h[i] = _mm256_xor_si256(h[i], _mm256_xor_si256(v[i], v[8 + i]));
}

/* The last block of each, of fewer bytes: zeros go on with it. */
INLINE_AVX2 void end_within_block(__m256i h[8], lc_lanes *lanes,
                                  const unsigned char *const messages[LC_LANES], size_t at,
                                  size_t rest)
{
    unsigned char room[LC_LANES][LC_LANES_BLOCK] = {{0}};
    const unsigned char *rests[LC_LANES];
    for (unsigned lane = 0; lane < LC_LANES; lane++) {
        memcpy(room[lane], messages[lane] + at, rest);
        rests[lane] = room[lane];
    }
    lanes->length += rest;
    compress(h, rests, 0, lanes->length, true);
}

WITH_AVX2 void lc_lanes_add(lc_lanes *lanes, const unsigned char *const messages[LC_LANES],
                            size_t size, bool last)
{
    __m256i h[8];
    size_t at = 0;
    memcpy(h, lanes->chain, sizeof h);
    /* The last block is told apart from one before it, even if both have the same bytes. */
    for (; size - at >= LC_LANES_BLOCK; at += LC_LANES_BLOCK) {
        lanes->length += LC_LANES_BLOCK;
        compress(h, messages, at, lanes->length, last && size - at == LC_LANES_BLOCK);
    }
    if (at < size)
        end_within_block(h, lanes, messages, at, size - at);
    memcpy(lanes->chain, h, sizeof h);
}

void lc_lanes_start(lc_lanes *lanes, const char *person)
{
    /* The block of parameters (RFC 7693, 2.5; its last bytes as in the BLAKE2 paper): size of the
     * digest, fan-out 1, depth 1, and the personalisation as words 6 and 7. */
    uint64_t parameters[8] = {UINT64_C(0x01010000) | LOCACHE_DIGEST_SIZE};
    memcpy(parameters + 6, person, 16);
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned lane = 0; lane < LC_LANES; lane++)
            lanes->chain[i][lane] = lc_blake_initial[i] ^ parameters[i];
    }
    lanes->length = 0;
}

void lc_lanes_digest(unsigned char out[LOCACHE_DIGEST_SIZE], const lc_lanes *lanes, unsigned lane)
{
    /* Little-endian words, as this machine has them. */
    for (unsigned i = 0; i < LOCACHE_DIGEST_SIZE / 8; i++)
        memcpy(out + 8 * (size_t)i, &lanes->chain[i][lane], 8);
}

#else

/* Elsewhere libsodium's one message at a time is what there is: the rest is never called. */
bool lc_lanes_ready(void)
{
    return false;
}

void lc_lanes_start(lc_lanes *lanes, const char *person)
{
    (void)lanes, (void)person;
}

void lc_lanes_add(lc_lanes *lanes, const unsigned char *const messages[LC_LANES], size_t size,
                  bool last)
{
    (void)lanes, (void)messages, (void)size, (void)last;
}

void lc_lanes_digest(unsigned char out[LOCACHE_DIGEST_SIZE], const lc_lanes *lanes, unsigned lane)
{
    (void)out, (void)lanes, (void)lane;
}

#endif
