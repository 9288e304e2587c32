/* CBOR for Python's scalars, the same in keys and in results. */
#ifndef LCPY_SCALAR_H
#define LCPY_SCALAR_H

#include "plain/cbor.h"
#include "plain/types.h"

/* None, bool, int, float, complex, str, and by class: datetime, date, time, timedelta, Decimal,
 * Fraction, UUID. Exact types only; class_of is LCPY_OTHER for the builtin ones. NOT_EXACT where
 * the tags cannot hold the value whole (plain/date.h, plain/number.h; a UUID that knows
 * is_safe). */
lcpy_written lcpy_scalar_write(locache_cbor_writer *writer, PyObject *value, lcpy_class class_of);

/* The part of it that takes no time: None, bool, int of 64 bits, float, short str without
 * surrogates, all of exact types. False: it is none of these, and nothing was written. Runs no
 * Python code, leaves no exception. */
bool lcpy_scalar_write_fast(locache_cbor_writer *writer, PyObject *value);

/* The way back for a tag that lcpy_scalar_write() writes (the tag's head has been read; its content
 * is next), but for str (result/text.h). New reference; NULL with ValueError on content that the
 * writer does not write; NULL without exception where the tag is none of a scalar's. */
PyObject *lcpy_scalar_read(lcpy_state *state, locache_cbor_reader *reader, uint64_t tag);

#endif
