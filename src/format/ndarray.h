/* Arrays of numbers as RFC 8746 has them, within the core. No I/O, no allocation. */
#ifndef LC_NDARRAY_H
#define LC_NDARRAY_H

#include "locache.h"

/* An array whose item (tag 40 or 1040) was read, all but its elements: out->size is what they must
 * have, the reader is at the byte string, or at what stands for it. OK; ETYPE: elements of a type
 * that locache_element lacks; ECORRUPT. */
locache_status lc_ndarray_read_head(locache_ndarray *out, locache_cbor_reader *reader,
                                    bool column_major);

#endif
