/* The machine's long double, by its bits: no conversion, which would round, raise flags or trap in
 * a program that has set the processor so. Any thread. */
#ifndef LC_LONG_REAL_H
#define LC_LONG_REAL_H

#include <float.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes of one that hold its value. x87's has 64 bits of mantissa in 10 bytes; the others are
 * padding, and hold anything. */
#if LDBL_MANT_DIG == 64
#define LC_LONG_REAL_SIZE 10
#else
#define LC_LONG_REAL_SIZE sizeof(long double)
#endif

/* The bits of the double that is the number at `value`; false where none is, and for NaNs. */
bool lc_long_real_narrow(uint64_t *out, const void *value);
/* The long double that is the double with these bits, into out. */
void lc_long_real_widen(void *out, uint64_t bits);

#endif
