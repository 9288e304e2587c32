/* CBOR within the core, beside what locache.h offers: checks over whole items. No I/O, no allocation. */
#ifndef LC_CBOR_H
#define LC_CBOR_H

#include "locache.h"

/* OK where data is exactly one well-formed, strict item no deeper than LOCACHE_DEPTH_MAX; else ECORRUPT or ELIMIT. */
locache_status lc_cbor_check(const void *data, size_t size);
bool lc_utf8_valid(const unsigned char *text, size_t size);

#endif
