/* The plan of a signature, made once, at decoration: what binding a call and writing its key need
 * to know. */
#ifndef LCPY_PLAN_H
#define LCPY_PLAN_H

#include <stdbool.h>

#include "state.h"

typedef struct lcpy_parameter {
    PyObject *name;  /* interned */
    PyObject *label; /* bytes: the name as a key holds it */
    /* bytes: for lcpy_simple_key(), all that a key has before its value; or NULL */
    PyObject *opening;
    PyObject *fallback; /* its default, where the plan does not come from a function; or NULL */
    PyObject *key;      /* function that says what counts of it, or NULL */
    bool ignored;
} lcpy_parameter;

typedef struct lcpy_plan {
    /* a types.FunctionType, whose defaults are read at each call since they can be assigned; or
     * NULL */
    PyObject *function;
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
    PyObject *keys;    /* dict: functions that say what counts, by name as `ignored`; or NULL */
    PyObject *position_key; /* what counts of each from *args, and each from **kwargs; or NULL */
    PyObject *keyword_key;
    PyObject *call_key; /* function that says what counts of a whole call, or NULL */
} lcpy_plan;

/* From the tuple that locache._target.plan_of_function() or plan_of_callable() gives. `ignored`: a
 * set of names, or NULL. `keys`: functions by name in a dict, a function for whole calls, or None.
 * 0, or -1 with an exception; clear it in both cases. */
int lcpy_plan_init(lcpy_plan *out, PyObject *told, PyObject *ignored, PyObject *keys);
void lcpy_plan_clear(lcpy_plan *plan);
int lcpy_plan_traverse(const lcpy_plan *plan, visitproc visit, void *arg);

/* The default that the nth parameter has now: a borrowed reference; NULL where there is none, or
 * with an exception. */
PyObject *lcpy_plan_default(const lcpy_plan *plan, Py_ssize_t n);

/* The label of a parameter or variable, encoded as keys hold it: bytes, new reference, or NULL with
 * an exception. */
PyObject *lcpy_plan_label(PyObject *name);

#endif
