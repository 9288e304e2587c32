/* Code objects and their constants as bytes. */
#ifndef LCPY_CODE_H
#define LCPY_CODE_H

#include "plain/scalar.h"

/* Append a constant as a code object or a syntax tree holds it (None, Ellipsis, numbers, str, bytes, tuples, frozensets,
 * slices, code): typed, and with the members of a frozenset in an order of their own. 0, or -1 with an exception:
 * TypeError where no compiler would have put it there. */
int lcpy_constant_write(lcpy_state *state, locache_writer *writer, PyObject *constant);

/* Append a name. 0, or -1 with an exception. */
int lcpy_text_write(locache_writer *writer, PyObject *text);

/* sys.flags.optimize: from 1 on, assertions are not compiled. -1 with an exception. */
int lcpy_optimize_level(void);

/* The digest of what was written. 0, or -1 with an exception. */
int lcpy_writer_id(locache_id *out, const locache_writer *writer);

#endif
