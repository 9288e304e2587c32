/* C's numbers as CBOR and back, bit for bit. Any thread. */
#ifndef LC_NUMBER_H
#define LC_NUMBER_H

#include "locache.h"

/* The byte order, as NumPy's type strings begin: ">f16" is read as numpy.longdouble in Python. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LC_NUMBER_ORDER ">"
#else
#define LC_NUMBER_ORDER "<"
#endif

/* Append the number of that kind at `value`, of size bytes. */
void lc_number_write(locache_cbor_writer *out, unsigned kind, const void *value, size_t size);
/* Read one. False where it is no value of that type: what was stored for an int and does not fit a
 * char, say. *out is undefined then. */
bool lc_number_read(void *out, const locache_value *value, unsigned kind, size_t size);
/* Is it one of those that LOCACHE_DISCARD_... says? No NaN is, and nothing but a real number, an
 * integer or a bool. */
bool lc_number_discarded(unsigned kind, const void *value, size_t size, unsigned discard);
/* May a result of that kind be one? */
bool lc_number_discardable(unsigned kind);

#endif
