/* What a function is, as locache._identity says. Slow: asked once for each function, and for
 * functions that are arguments. */
#ifndef LCPY_IDENTITY_H
#define LCPY_IDENTITY_H

#include "state.h"

#define LCPY_TAG_MAX 63

/* Tag of this interpreter's bytecode, as "cpython-311-3495.O0". 0, or -1 with an exception. */
int lcpy_code_tag(lcpy_state *state, char out[LCPY_TAG_MAX + 1]);
/* Digest of a code object: exact, but for line numbers and names of files. 0, or -1 with an
 * exception. */
int lcpy_code_id(lcpy_state *state, locache_id *out, PyObject *code);
/* Digest of a types.FunctionType's source. 1 found, 0 none to be had, -1 with an exception. */
int lcpy_source_id(lcpy_state *state, locache_id *out, PyObject *function);

#endif
