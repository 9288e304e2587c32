/* What a Python function's source is: a digest of the meaningful parts of its bytecode, tagged with the interpreter that made
 * it, and a digest of its normalised source text for when the interpreters differ (docs/architecture.md). */
#ifndef LCPY_SOURCE_H
#define LCPY_SOURCE_H

#include "state.h"

#define LCPY_TAG_MAX 63

/* Tag of this interpreter's bytecode, as "cpython-311-3495.O0" (cache tag, magic number, optimisation level). */
int lcpy_code_tag(char out[LCPY_TAG_MAX + 1]);
/* Digest of a code object: what it does, not where it stands: no line numbers, file name, docstring; nested code included;
 * constants typed and in an order that does not depend on the hash seed. 0, or -1 with an exception. */
int lcpy_code_id(lcpy_state *state, locache_id *out, PyObject *code);
/* Digest of the normalised source of a function (a types.FunctionType): its syntax tree without comments, layout,
 * docstrings, annotations and its own decorators, the same in every Python version. 1 found, 0 none to be had (exec, REPL,
 * edited since it was imported, two lambdas on one line), -1 with an exception. Slow (it parses the file). */
int lcpy_source_id(lcpy_state *state, locache_id *out, PyObject *function);

#endif
