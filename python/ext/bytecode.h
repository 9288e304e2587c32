/* What a code object does, as bytes and as a digest. */
#ifndef LCPY_BYTECODE_H
#define LCPY_BYTECODE_H

#include "pyscalar.h"

/* Append a constant as a code object or a syntax tree holds it (None, Ellipsis, numbers, str, bytes, tuples, frozensets,
 * slices, code): typed, and with the members of a frozenset in an order of their own. 0, or -1 with an exception:
 * TypeError where no compiler would have put it there. */
int lcpy_constant_write(lcpy_state *state, locache_writer *writer, PyObject *constant);

/* The digest of what was written. 0, or -1 with an exception. */
int lcpy_writer_id(locache_id *out, const locache_writer *writer);

#endif
