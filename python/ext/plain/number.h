/* Numbers as CBOR: int of any size, complex, decimal.Decimal, fractions.Fraction. Exact types only;
 * whoever calls has looked at the type.
 *
 * Each write returns LCPY_DONE, LCPY_NOT_EXACT or LCPY_ERROR (plain/cbor.h). Each read is called
 * when the head of its tag has been read, and returns a new reference, or NULL with ValueError on
 * content that the write does not make. */
#ifndef LCPY_NUMBER_H
#define LCPY_NUMBER_H

#include "plain/cbor.h"

lcpy_written lcpy_number_write_int(locache_cbor_writer *writer, PyObject *value);
lcpy_written lcpy_number_write_complex(locache_cbor_writer *writer, PyObject *value);
lcpy_written lcpy_number_write_decimal(locache_cbor_writer *writer, PyObject *value);
/* NOT_EXACT where numerator or denominator is no int. */
lcpy_written lcpy_number_write_fraction(locache_cbor_writer *writer, PyObject *value);

/* Tags 2 and 3, which stand for the content and for -1 - content. */
PyObject *lcpy_number_read_bignum(locache_cbor_reader *reader, bool negative);
PyObject *lcpy_number_read_complex(locache_cbor_reader *reader);
PyObject *lcpy_number_read_decimal(locache_cbor_reader *reader);
PyObject *lcpy_number_read_decimal_text(locache_cbor_reader *reader);
PyObject *lcpy_number_read_fraction(locache_cbor_reader *reader);
/* The int -1 - number, which a LOCACHE_KIND_NEGATIVE item stands for. New reference. */
PyObject *lcpy_number_negative(uint64_t number);

#endif
