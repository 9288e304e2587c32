/* Results as entry bodies and back. */
#ifndef LCPY_PYVALUE_H
#define LCPY_PYVALUE_H

#include "pyarray.h"

/* A result encoded. Keeps what its buffers point into alive until lcpy_encoded_clear(). */
typedef struct lcpy_encoded {
    locache_writer body;
    locache_codec codec;
    locache_buffer *buffers;
    size_t buffer_count;
    Py_buffer *views; /* buffer_count of them: what keeps the buffers in place */
} lcpy_encoded;

/* Encode with codec CBOR where that gives back exactly what it was given (type, order, shared references), else, unless
 * plain_only, with pickle protocol 5. Buffers from LCPY_OUT_OF_LINE bytes on go out of line, uncopied where contiguous.
 * 0, or -1 with the exception that says why it cannot be stored. out needs lcpy_encoded_clear() after 0 only. */
int lcpy_value_encode(lcpy_state *state, lcpy_encoded *out, PyObject *value, int plain_only);
void lcpy_encoded_clear(lcpy_encoded *encoded);

#define LCPY_OUT_OF_LINE 4096 /* bytes: a page; below, alignment would cost more than the copy */

/* Decode; takes ownership of value in every case. `module` is the __name__ of the function's module (lcpy_unpickle). New
 * reference, or NULL with an exception: the entry is no good here and is to be a miss. */
PyObject *lcpy_value_decode(lcpy_state *state, locache_value *value, PyObject *module);

#endif
