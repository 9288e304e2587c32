/* BLAKE2b-256 of several messages of one size at once, each in its lane of the processor's vector
 * registers: one message alone leaves most of such a register idle, since each step of BLAKE2b
 * waits for the one before. Any thread. */
#ifndef LC_LANES_H
#define LC_LANES_H

#include "locache.h"

#define LC_LANES_MOST 8 /* 64-bit words in a register of AVX-512; AVX2 has four */

#if defined(__x86_64__) && defined(__GNUC__)
#define LC_LANES_X86
#endif

/* How many this processor does at once: 8, 4, or 0 where it has no such vectors, and nothing below
 * may be called. */
unsigned lc_lanes_count(void);
/* Digests of lc_lanes_count() messages of `size` bytes, not 0, which may be the same. No key, a
 * salt of zeros, and this personalisation of 16 bytes. */
void lc_lanes_digest(unsigned char (*out)[LOCACHE_DIGEST_SIZE],
                     const unsigned char *const *messages, size_t size, const char *person);
/* The same of so many, where lc_lanes_count() is not less. */
void lc_lanes_digest_four(unsigned char (*out)[LOCACHE_DIGEST_SIZE],
                          const unsigned char *const messages[4], size_t size, const char *person);
void lc_lanes_digest_eight(unsigned char (*out)[LOCACHE_DIGEST_SIZE],
                           const unsigned char *const messages[8], size_t size, const char *person);

#endif
