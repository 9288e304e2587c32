/* A function's syntax tree as bytes that are the same in every Python version. */
#ifndef LCPY_NORMAL_H
#define LCPY_NORMAL_H

#include "state.h"

/* Digest of a FunctionDef, AsyncFunctionDef or Lambda node: without layout, docstrings and other statements that do
 * nothing, and without what the call's key or the function's name already say: its own name, decorators, defaults,
 * annotations and type parameters. Within it, all of these count for a nested function; annotations of local variables,
 * which are never evaluated, do not. 0, or -1 with an exception. */
int lcpy_normal_id(lcpy_state *state, locache_id *out, PyObject *function_node);

/* Is this node of the class ast.<name>? */
int lcpy_node_is(PyObject *node, const char *name);

#endif
