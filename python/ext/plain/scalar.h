/* CBOR for Python's scalars, the same in keys and in results. */
#ifndef LCPY_PYSCALAR_H
#define LCPY_PYSCALAR_H

#include <stdbool.h>

#include "plain/types.h"

typedef enum lcpy_written {
    LCPY_ERROR = -1, /* with an exception set */
    LCPY_DONE = 0,
    LCPY_NOT_EXACT = 1 /* nothing was written: this type or value has no plain form */
} lcpy_written;

/* None, bool, int, float, complex, str, and by class: datetime, date, time, timedelta, Decimal,
 * Fraction, UUID. Exact types only. NOT_EXACT where the tags cannot hold the value whole: a zone
 * that is no fixed offset, fold=1, a UUID that knows is_safe. */
lcpy_written lcpy_scalar_write(lcpy_state *state, locache_writer *writer, PyObject *value,
                               lcpy_class class_of);

/* The part of it that takes no time: None, bool, int of 64 bits, float, short str without
 * surrogates, all of exact types. False: it is none of these, and nothing was written. Runs no
 * Python code, leaves no exception. */
bool lcpy_scalar_write_brief(locache_writer *writer, PyObject *value);

/* An int of any size from the content of a bignum (tag 2; tag 3, which stands for -1 - content,
 * where negative). */
PyObject *lcpy_int_from_magnitude(int negative, const unsigned char *bytes, size_t size);

/* The way back for a tag that lcpy_scalar_write() writes (the tag's head has been read; its content
 * is next). New reference; NULL with ValueError on content that the writer does not write; NULL
 * without exception where the tag is none of a scalar's. */
PyObject *lcpy_scalar_read(lcpy_state *state, locache_reader *reader, uint64_t tag);

#endif
