/* numpy.ndarray and array.array as CBOR (RFC 8746), the same in keys and in results. NumPy is never
 * imported to write, and not linked against. */
#ifndef LCPY_ARRAY_H
#define LCPY_ARRAY_H

#include "plain/dtype.h"

#define LCPY_DIMENSIONS_MAX 64 /* NumPy 2's own limit */

/* An array opened for reading its bytes. */
typedef struct lcpy_array {
    Py_buffer view;             /* contiguous bytes in `order` */
    char type[LCPY_DTYPE_SIZE]; /* NumPy type string as "<f8", or array.array's type code */
    /* RFC 8746 tag of the element type, or LOCACHE_TAG_ARRAY, or LOCACHE_TAG_PYARRAY */
    uint64_t tag;
    char order; /* 'C' or 'F' */
    int dimensions;
    Py_ssize_t extents[LCPY_DIMENSIONS_MAX];
    bool odd; /* for keys */
    signed char places[LCPY_DIMENSIONS_MAX];
} lcpy_array;

/* Open a numpy.ndarray or array.array (exact types). keep_order: an F-contiguous array is opened as
 * 'F'; otherwise, and for arrays contiguous in neither way, as 'C', by a copy where needed. DONE:
 * close it with lcpy_array_close(). NOT_EXACT: its elements are no plain data (objects, structured
 * types, types with metadata). */
lcpy_written lcpy_array_open(lcpy_state *state, lcpy_array *out, PyObject *array, bool keep_order);
/* The same for keys: whatever its strides, an array is opened in place, as 'F' where its items lie
 * in that order, else as 'C'. Its bytes, in that order and with zeros where they mean nothing, are
 * `bytes`, which borrows from *out; out->view is not contiguous then. out->places are as from
 * lcpy_strided_order() where they lie in neither order, else out->odd is false. */
lcpy_written lcpy_array_open_for_key(lcpy_state *state, lcpy_array *out, lcpy_strided *bytes,
                                     PyObject *array);
void lcpy_array_close(lcpy_array *array);
/* A row of an array of two dimensions that was opened for a key and has a buffer of these, as if it
 * had been opened itself; it borrows from that, and is not closed. */
void lcpy_array_row_for_key(lcpy_array *out, lcpy_strided *bytes, const lcpy_array *of,
                            Py_ssize_t row);
/* Of a numpy.ndarray: must it not be written to? 1, 0, or -1 with an exception; make it so. */
int lcpy_array_is_readonly(PyObject *array);
int lcpy_array_make_readonly(PyObject *array);
/* Everything up to where the byte string goes: the caller writes that next (bytes, TAG_BUFFER n, or
 * TAG_DIGEST). */
void lcpy_array_write_head(locache_cbor_writer *writer, const lcpy_array *array);

/* The way back, array_read.c. The tag's head (LOCACHE_TAG_NDARRAY, _NDARRAY_F, _ARRAY, _PYARRAY or
 * 64 to 87) has been read. `bytes` is called when the reader is at the byte string (or TAG_BUFFER):
 * it consumes it and says where the bytes are; 0, or -1 with an exception. New reference; NULL with
 * ValueError on content that the writer does not write (also where type, extents and size do not
 * agree) or ImportError where NumPy is not there. */
typedef struct lcpy_array_bytes {
    const void *data;
    size_t size;
    /* an object with a writable contiguous buffer of these bytes, which the array may keep, a new
     * reference; NULL: the array gets a copy of its own */
    PyObject *lent;
} lcpy_array_bytes;
typedef int (*lcpy_bytes_reader)(lcpy_array_bytes *out, void *context, locache_cbor_reader *reader);
PyObject *lcpy_array_read(locache_cbor_reader *reader, uint64_t tag, lcpy_bytes_reader bytes,
                          void *context);
/* An array without dimensions: the bytes of its one element, of this type, are next. Else as
 * lcpy_array_read(). */
PyObject *lcpy_array_read_single(locache_cbor_reader *reader, const char *type);

#endif
