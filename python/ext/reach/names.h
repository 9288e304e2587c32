/* What a code object reads of what is around it, and what it changes there. */
#ifndef LCPY_REACH_NAMES_H
#define LCPY_REACH_NAMES_H

#include "plain/lazy_set.h"
#include "state.h"

/* Paths are tuples of str: the name of a global variable, then attributes, as ("helpers", "scale").
 * Other roots begin with a sign: what a function imports itself, "<level>module", where it imports
 * names of it "<level.>module"; a parameter, "=name"; super() without arguments; the class around
 * a method. */
#define LCPY_ROOT_ARGUMENT "="
#define LCPY_ROOT_SUPER "^super"
#define LCPY_ROOT_CLASS "^" /* before "__class__" */
/* Steps that are no attributes: what a call gives; an item. */
#define LCPY_STEP_CALL "()"
#define LCPY_STEP_ITEM "[]"

/* What a code looks at of functions and classes beside what they do. */
#define LCPY_SHOWN_NAME 1u
#define LCPY_SHOWN_DOC 2u
#define LCPY_SHOWN_ANNOTATIONS 4u

/* Both of the code and of all codes within it. Sets as plain/lazy_set.h has them. */
typedef struct lcpy_names {
    PyObject *read;
    PyObject *bound;    /* what local variables are bound to, whose every use is in `read` */
    PyObject *assigned; /* variables, attributes and items that it assigns or deletes */
    PyObject *rebound;  /* variables of functions around it that it assigns */
    PyObject *mutated;  /* objects that it stores into, or calls a method of that does */
    unsigned shown;     /* LCPY_SHOWN_* */
} lcpy_names;

/* 0, or -1 with an exception; clear it in both cases. */
int lcpy_names_init(lcpy_names *out, PyObject *code);
void lcpy_names_clear(lcpy_names *names);

/* _names_of(code): a dict of these sets, by their names. */
PyObject *lcpy_names_told(PyObject *module, PyObject *code);

#endif
