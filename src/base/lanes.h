/* BLAKE2b-256 of several messages of one size at once, each in its lane of the processor's vector
 * registers: one message alone leaves most of such a register idle, since each step of BLAKE2b
 * waits for the one before. Any thread, one at a time for each state. */
#ifndef LC_LANES_H
#define LC_LANES_H

#include "locache.h"

#define LC_LANES 4          /* 64-bit words in a register of AVX2 */
#define LC_LANES_BLOCK 128  /* BLAKE2b's own */
#define LC_LANES_ALIGNED 32 /* a register */

typedef struct lc_lanes {
    _Alignas(LC_LANES_ALIGNED) uint64_t chain[8][LC_LANES];
    uint64_t length; /* bytes so far, of each message */
} lc_lanes;

/* Does this processor have what the functions below need? Without it they must not be called: they
 * would end the process (SIGILL), or give nothing. */
bool lc_lanes_ready(void);
/* No key, a salt of zeros, and this personalisation of 16 bytes. */
void lc_lanes_start(lc_lanes *lanes, const char *person);
/* size more bytes of each message, not 0. `last`: there are no more; else it is a multiple of
 * LC_LANES_BLOCK. Messages may be the same. */
void lc_lanes_add(lc_lanes *lanes, const unsigned char *const messages[LC_LANES], size_t size,
                  bool last);
/* The digest of one of the messages, once the last bytes of all were added. */
void lc_lanes_digest(unsigned char out[LOCACHE_DIGEST_SIZE], const lc_lanes *lanes, unsigned lane);

#endif
