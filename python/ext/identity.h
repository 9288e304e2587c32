/* What a function is: a digest of its code, and one of its source. Slow: asked once for each
 * function, and for functions that are arguments. */
#ifndef LCPY_IDENTITY_H
#define LCPY_IDENTITY_H

#include "state.h"

#define LCPY_TAG_MAX 63

/* Tag of this interpreter's bytecode, as "cpython-311-3495.O0": the state's, or NULL with an
 * exception. */
const char *lcpy_code_tag(lcpy_state *state);

/* Digest of a code object: exact, but for line numbers and names of files. It changes with a
 * docstring, and may with the layout. 0, or -1 with an exception. */
int lcpy_code_id(locache_id *out, PyObject *code);

/* Digest of what the source of a types.FunctionType means. 1 found, 0 none to be had, -1 with an
 * exception. */
int lcpy_source_id(lcpy_state *state, locache_id *out, PyObject *function);

/* Functions of the extension, for locache._identity: _id_of(bytes), and _code_id(code). */
PyObject *lcpy_identity_id_of(PyObject *module, PyObject *data);
PyObject *lcpy_identity_code_id(PyObject *module, PyObject *code);

#endif
