/* Arguments bound to a signature, and written as a key. Binding runs no Python code but what a
 * value's own key needs. */
#ifndef LCPY_BIND_H
#define LCPY_BIND_H

#include "call/captures.h"
#include "call/plan.h"

/* A call's arguments, as vectorcall has them. */
typedef struct lcpy_call {
    PyObject *const *args;
    Py_ssize_t count;  /* positional */
    PyObject *kwnames; /* tuple, or NULL */
} lcpy_call;

typedef enum lcpy_bound {
    /* with an exception; *culprit is a new reference to what to call the argument, or NULL */
    LCPY_BIND_ERROR = -1,
    LCPY_BOUND = 0,
    LCPY_MISFIT = 1 /* the arguments do not fit the signature; nothing was written */
} lcpy_bound;

/* Write the key of a call: the arguments in the order of the signature, those from *args by
 * position, those from **kwargs sorted by name, then what is captured. The writer's own status is
 * the caller's to check. */
lcpy_bound lcpy_bind_key(lcpy_state *state, locache_cbor_writer *key, const lcpy_plan *plan,
                         const lcpy_call *call, const lcpy_captured *captured, PyObject **culprit);

/* A default that no argument was given for, as part of a key: told from the same value given, which
 * decorators may see. object() says no more than that. 0, or -1 with an exception. */
int lcpy_bind_write_default(lcpy_state *state, locache_cbor_writer *key, PyObject *value);

#endif
