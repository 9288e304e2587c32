/* What is decorated: the function within partials, bound methods, callable objects and other
 * decorators, as locache._target found it. */
#ifndef LCPY_TARGET_H
#define LCPY_TARGET_H

#include <stdbool.h>

#include "call/bind.h"

typedef struct lcpy_target {
    PyObject *callable; /* what is called: as it was given */
    /* tuple: the types.FunctionType that runs, then those that its functools.wraps() decorators
     * wrap; or empty */
    PyObject *functions;
    /* the types.FunctionType that gives it its name and looks, or else what runs */
    PyObject *named;
    PyObject *prefix;   /* tuple: arguments that are put before the call's own; or NULL */
    PyObject *keywords; /* dict: keyword arguments of partials; or NULL */
    PyObject *qualname; /* str: the function's directory */
    PyObject *module;   /* str or None: its module's name */
    bool is_async;
    bool has_own; /* `own` is there */
    /* the plan says all: nothing is added to a call, and lcpy_simple_key() may be tried */
    bool is_simple;
    lcpy_plan plan;
    /* of a wrapper: its own signature, for what does not fit the wrapped function's */
    lcpy_plan own;
    /* of `functions`, where there are several: those that have defaults */
    lcpy_plan *defaulted;
    Py_ssize_t defaulted_count;
    lcpy_captures captures;
} lcpy_target;

/* From the tuple that locache._target.target_of() gives. `ignored`: a set of names, or NULL. 0, or
 * -1 with an exception; clear it in both cases. */
int lcpy_target_init(lcpy_target *out, PyObject *told, PyObject *ignored);
void lcpy_target_clear(lcpy_target *target);
int lcpy_target_traverse(lcpy_target *target, visitproc visit, void *arg);

/* The key of a call of `target->callable`: as lcpy_bind_key(). `own` is the decorated function. */
lcpy_bound lcpy_target_key(lcpy_state *state, locache_cbor_writer *key, lcpy_target *target,
                           const lcpy_call *call, PyObject *own, PyObject **culprit);

#endif
