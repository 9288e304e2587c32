/* CBOR within the core, beside what locache.h offers: checks over whole items. No I/O, no
 * allocation. */
#ifndef LC_CBOR_H
#define LC_CBOR_H

#include "locache.h"

/* OK where data is exactly one well-formed, strict item no deeper than LOCACHE_DEPTH_MAX; else
 * ECORRUPT or ELIMIT. */
locache_status lc_cbor_check(const void *data, size_t size);

/* The shortest IEEE 754 encoding of a binary64 (as its bits) that keeps every bit, NaNs' payloads
 * too: *out is the encoding of as many bytes as are returned: 2, 4 or 8. Writer and reader ask the
 * same function, so that there is one encoding of each real. */
unsigned lc_real_shortest(uint64_t *out, uint64_t bits);
/* A binary32 as the binary64 that it is, and back where that is exact: bit for bit, NaNs too. */
uint64_t lc_real_widen(uint32_t bits);
bool lc_real_narrow(uint32_t *out, uint64_t bits);

#endif
