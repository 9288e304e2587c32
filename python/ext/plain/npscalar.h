/* NumPy's scalars (numpy.float64, numpy.str_, ...) as CBOR: [type string, bytes]. */
#ifndef LCPY_NPSCALAR_H
#define LCPY_NPSCALAR_H

#include "plain/cbor.h"

/* A scalar of a class of NumPy's own. NOT_EXACT for structured and object scalars, and for the one
 * of two integer classes of one size that the type string would not give back. */
lcpy_written lcpy_npscalar_write(locache_cbor_writer *writer, PyObject *scalar);

/* The way back: the head of LOCACHE_TAG_SCALAR has been read. New reference; NULL with ValueError
 * on content that the writer does not write, or with ImportError where NumPy is not there. */
PyObject *lcpy_npscalar_read(locache_cbor_reader *reader);

#endif
