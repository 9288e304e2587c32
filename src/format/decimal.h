/* Numbers as decimal text, as Python's repr() writes them, whatever the locale. No allocation. Any
 * thread. */
#ifndef LC_DECIMAL_H
#define LC_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest magnitude whose digits may fit a name: below 256^58 lie all numbers of
 * LOCACHE_NAME_MAX - 1 digits. */
#define LC_DECIMAL_BYTES_MAX 58
#define LC_DECIMAL_MAX 144 /* bytes that any of these write: a sign and the 140 digits of 256^58 */

/* Each writes at out, without a NUL, and returns how many bytes. */
size_t lc_decimal_uint(char *out, uint64_t value);
/* -1 - number, as CBOR has negative integers. */
size_t lc_decimal_negative(char *out, uint64_t number);
/* An integer of size (at most LC_DECIMAL_BYTES_MAX) big-endian bytes; where negative, it is -1 -
 * that. */
size_t lc_decimal_bigint(char *out, bool negative, const unsigned char *magnitude, size_t size);
/* The shortest decimal that reads back as the same value, and of those the closest: "1.0", "1e+16",
 * "-inf", "nan". */
size_t lc_decimal_real(char *out, double value);

#endif
