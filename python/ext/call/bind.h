/* Arguments bound to a signature, and written as a key. The plan is made once, at decoration;
 * binding runs no Python code but what a value's own key needs. */
#ifndef LCPY_BIND_H
#define LCPY_BIND_H

#include <stdbool.h>

#include "call/captures.h"

typedef struct lcpy_parameter {
    PyObject *name;  /* interned */
    PyObject *label; /* bytes: the name as a key holds it */
    /* bytes: for lcpy_quick_key(), all that a key has before its value; or NULL */
    PyObject *opening;
    PyObject *fallback; /* its default, where the plan does not come from a function; or NULL */
    bool ignored;
} lcpy_parameter;

typedef struct lcpy_plan {
    PyObject
        /* a types.FunctionType, whose defaults are read at each call since they can be assigned; or
         * NULL */
        *function;
    lcpy_parameter *parameters;
    Py_ssize_t count;
    uint64_t counted;           /* of these, the ones that are not ignored */
    Py_ssize_t positional_only; /* the first so many have no keyword */
    /* the first so many can go by position; the rest are keyword-only */
    Py_ssize_t positional;
    bool any_position;     /* *args */
    bool any_keyword;      /* **kwargs */
    bool ignore_positions; /* "args" is ignored */
    bool ignore_keywords;  /* "kwargs" is ignored */
    /* names only: defaults are not filled in, and nothing is required */
    bool keep_missing;
    PyObject *ignored; /* set of names, also for what comes by **kwargs; or NULL */
} lcpy_plan;

/* The plan of a types.FunctionType. names_only: of the innermost function of a chain of
 * functools.wraps(), whose decorators may fill in what they like: arguments get their names from
 * it, and nothing else. Names found in `ignored` are removed from the set `unused`. 0, or -1 with
 * an exception; clear it in both cases. */
int lcpy_plan_of_function(lcpy_plan *out, PyObject *function, bool names_only, PyObject *ignored,
                          PyObject *unused);
/* The plan of any callable: by inspect.signature() where that works, else arguments are known by
 * position. */
int lcpy_plan_of_callable(lcpy_plan *out, PyObject *callable, PyObject *ignored, PyObject *unused);
void lcpy_plan_clear(lcpy_plan *plan);
int lcpy_plan_traverse(lcpy_plan *plan, visitproc visit, void *arg);

/* The default that the nth parameter has now: a borrowed reference; NULL where there is none, or
 * with an exception. */
PyObject *lcpy_plan_default(const lcpy_plan *plan, Py_ssize_t n);

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
 * position, those from **kwargs sorted by name, then `captured` pairs of label and value that are
 * encoded already. The writer's own status is the caller's to check. */
lcpy_bound lcpy_plan_key(lcpy_state *state, locache_writer *key, const lcpy_plan *plan,
                         const lcpy_call *call, const locache_writer *captures, Py_ssize_t captured,
                         PyObject **culprit);

#endif
