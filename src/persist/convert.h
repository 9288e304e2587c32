/* Arguments and results of C functions as CBOR, such that Python makes the same of the same
 * values. */
#ifndef LC_CONVERT_H
#define LC_CONVERT_H

#include "locache.h"

#include <stddef.h>
#include <string.h>

/* The one after a member or parameter, which begins with how far that is: a program of another
 * version of the header has longer or shorter ones. */
static inline const void *lc_convert_next(const void *part)
{
    size_t size;
    memcpy(&size, part, sizeof size);
    return (const char *)part + size;
}

/* Append the argument at `value`, of size bytes, to a key. A failure stays in the writer: EINVAL
 * for an array without data. */
void lc_convert_key(locache_cbor_writer *key, unsigned kind, const void *value, size_t size,
                    const locache_layout *layout);
/* Append what a struct looks like in memory. */
void lc_convert_layout(locache_cbor_writer *out, const locache_layout *layout);
/* Append a result to a body, whose codec is returned: a struct is its bytes and the id of its
 * layout, all else is CBOR. A failure stays in the writer: ENOMEM. */
locache_codec lc_convert_write(locache_cbor_writer *body, unsigned kind, const void *value,
                               size_t size, const locache_layout *layout);
/* Read a result, strings into memory of malloc()'s own. False where it is no value of that type, or
 * without memory; *out is undefined then. */
bool lc_convert_read(void *out, const locache_value *value, unsigned kind, size_t size,
                     const locache_layout *layout);

#endif
