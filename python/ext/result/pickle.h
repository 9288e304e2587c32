/* Results that CBOR cannot give back exactly: pickle, protocol 5, buffers out of line.
 *
 * Body: the pickle, then the import name of the __main__ module of the process that wrote it
 * (UTF-8, at most 255 bytes, empty where it has none), then one byte, that name's length.
 * Unpicklers stop at the pickle's own end. */
#ifndef LCPY_PICKLE_H
#define LCPY_PICKLE_H

#include "result/buffer.h"
#include "result/result.h"

/* 0, or -1 with the exception that pickle raised. out has been zeroed; it needs
 * lcpy_encoded_clear() in every case. */
int lcpy_pickle_encode(lcpy_state *state, lcpy_encoded *out, PyObject *value);

/* Runs what the pickle says: only for entries whose MAC has been verified, which locache_get() does
 * for codec PICKLE. `module` is the __name__ of the function's module (str or None). New reference,
 * or NULL with whatever exception. */
PyObject *lcpy_pickle_decode(lcpy_state *state, lcpy_owner *owner, PyObject *module);

#endif
