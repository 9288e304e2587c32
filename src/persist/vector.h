/* Arrays as arguments and results of C functions: a pointer and a count, as locache_array() has
 * them. Any thread. */
#ifndef LC_VECTOR_H
#define LC_VECTOR_H

#include "locache.h"

/* Append an array's elements to a key. A failure stays in the writer: EINVAL for one without
 * data. */
void lc_vector_key(locache_cbor_writer *key, unsigned kind, const void *value);
/* Append a result to a body, without its elements where lc_vector_apart() is true: they are buffer
 * 0 then. */
void lc_vector_write(locache_cbor_writer *body, unsigned kind, const void *value);
/* Is a result's data out of line? Then *data is that, borrowed, and *size its bytes. */
bool lc_vector_apart(const void **data, size_t *size, unsigned kind, const void *value);
/* Read a result into memory of malloc()'s own. False where it is no array of that type in one
 * dimension, or without memory. */
bool lc_vector_read(void *out, const locache_value *value, unsigned kind);
/* size bytes and a NUL behind them in memory of malloc()'s own, as results are given to programs,
 * whatever the library's allocator is; NULL without memory. */
char *lc_vector_copy(const void *data, size_t size);

#endif
