/* Results as entry bodies and back. The GIL is held throughout, copies of large buffers
 * included. */
#ifndef LCPY_RESULT_H
#define LCPY_RESULT_H

#include "plain/cbor.h"
#include "plain/strided.h"
#include "state.h"

/* A result encoded. Keeps what its buffers point into alive until lcpy_encoded_clear(). */
typedef struct lcpy_encoded {
    locache_cbor_writer body;
    locache_codec codec;
    const void **buffers;
    size_t *buffer_sizes;
    size_t buffer_count;
    Py_buffer *views;  /* buffer_count of them: what keeps the buffers in place */
    PyObject *pickled; /* what body's bytes belong to, for codec PICKLE */
    bool arrays;       /* it has some, or a pickle's buffers: used where they are mapped */
} lcpy_encoded;

/* Encode with codec CBOR where that gives back exactly what it was given (type, order, shared
 * references), else, unless plain_only, with pickle protocol 5. Buffers from LCPY_OUT_OF_LINE bytes
 * on go out of line, uncopied where contiguous. 0, or -1 with the exception that says why it cannot
 * be stored. out needs lcpy_encoded_clear() after 0 only; it may be moved. */
int lcpy_encode(lcpy_state *state, lcpy_encoded *out, PyObject *value, int plain_only);
void lcpy_encoded_clear(lcpy_encoded *encoded);

#define LCPY_OUT_OF_LINE 4096 /* bytes: a page; below, alignment would cost more than the copy */

/* Decode; takes ownership of value in every case. `module` is the __name__ of the function's
 * module, str or None (pickle.h). New reference, or NULL with an exception: the entry is no
 * good here and is to be a miss. */
PyObject *lcpy_decode(lcpy_state *state, locache_value *value, PyObject *module);

/* ------------------------------------------------------------------------- within this folder */

/* Move a view into out as its next buffer. The caller's view is empty afterwards, whatever happens.
 * 0, or -1 with MemoryError. */
int lcpy_encoded_add(lcpy_encoded *out, Py_buffer *view);
#define LCPY_BUFFERS_MAX 65536 /* what an entry holds (docs/format.md): further ones stay inline */

/* Does what has so many bytes go out of line? */
static inline bool lcpy_encoded_takes(const lcpy_encoded *out, Py_ssize_t size)
{
    return size >= LCPY_OUT_OF_LINE && out->buffer_count < LCPY_BUFFERS_MAX;
}

/* That, with the tag that stands for it in the body. DONE, or ERROR with MemoryError. */
lcpy_written lcpy_encoded_write_buffer(lcpy_encoded *out, Py_buffer *view, uint64_t tag);

/* A view may show the same memory again and again (windows, broadcasts), and would be written out
 * in full. What grows beyond so many times the memory that it shows is not stored, from a size on
 * that matters. */
static inline bool lcpy_expanded(Py_ssize_t size, const lcpy_strided *bytes)
{
    return size > 65536 && (size_t)size / 16 > lcpy_strided_span(bytes);
}

/* Hashing a dict key or a set member walks it with its shared references expanded, so that thirty
 * nested pairs may stand for 2^30 items. So many bytes may come from references in all: about a
 * second's work. Beyond, the encoder leaves the result to pickle, and a body is refused. */
#define LCPY_HASHED_MAX ((uint64_t)1 << 26)

#endif
