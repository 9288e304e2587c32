/* Frames and series of polars in pickles: by the buffers that they export by Arrow's interface for
 * C, so that a hit makes one over the entry's own memory, mapped or read, and copies nothing. */
#ifndef LCPY_ARROW_FRAME_H
#define LCPY_ARROW_FRAME_H

#include "state.h"

/* Of a frame or a series of polars (exact type): a reduction, as a new reference. NULL with an
 * exception; NULL without one: it is something else, or what it exports would not come back as it
 * is, or is much more than what it shows. */
PyObject *lcpy_arrow_frame_reduce(lcpy_state *state, PyObject *object);
/* _arrow_frame(name, schema, chunks, sorted) of the module: what such reductions call. */
PyObject *lcpy_arrow_frame_restore(PyObject *module, PyObject *arguments);

/* ------------------------------------------------------------------------- within this folder */

/* An object that exports a stream, once: the capsule is taken. New reference, or NULL. */
PyObject *lcpy_arrow_stream_of(lcpy_state *state, PyObject *capsule);

#endif
