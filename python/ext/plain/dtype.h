/* NumPy's data types by their type strings ("<f8"), and the RFC 8746 tags that stand for some.
 * NumPy is never imported here: a dtype is asked for its attributes. */
#ifndef LCPY_DTYPE_H
#define LCPY_DTYPE_H

#include "plain/cbor.h"
#include "plain/strided.h"

/* Room for a type string with its NUL. They are 3 to some 20 characters, as "<M8[1000000000ns]";
 * what is longer is refused. */
#define LCPY_DTYPE_SIZE 64

/* The RFC 8746 tag for a type string, or 0 where there is none. */
uint64_t lcpy_dtype_tag(const char *type);
/* The way back. False for tags that NumPy has no type for (clamped bytes, binary128). */
bool lcpy_dtype_of_tag(char out[4], uint64_t tag);

/* The type string of a numpy.dtype whose elements are plain data of NumPy's own types. NOT_EXACT
 * for objects, structured types, types of another package and those with metadata. */
lcpy_written lcpy_dtype_string(char out[LCPY_DTYPE_SIZE], PyObject *dtype);
/* The next item as a type string of plain data. False, without exception, where it is none. */
bool lcpy_dtype_take(char out[LCPY_DTYPE_SIZE], locache_cbor_reader *reader);
/* numpy.dtype(type), where NumPy gives this very string back. New reference, or NULL with
 * ValueError (or MemoryError). */
PyObject *lcpy_dtype_new(PyObject *numpy, const char *type);
/* Copy an attribute that is a str. False with an exception, also where it is too long. */
bool lcpy_dtype_attribute(char out[LCPY_DTYPE_SIZE], PyObject *object, const char *name);

/* The bytes of each element that mean nothing: none for nearly every type. */
bool lcpy_dtype_has_padding(const char *type);
lcpy_padding lcpy_dtype_padding(const char *type);
/* Zeros in their place, in a type that has_padding. */
void lcpy_dtype_clear_padding(const char *type, char *data, Py_ssize_t size);

#endif
