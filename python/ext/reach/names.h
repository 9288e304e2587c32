/* What a code object reads of what is around it, and what it changes there. */
#ifndef LCPY_REACH_NAMES_H
#define LCPY_REACH_NAMES_H

#include "state.h"

/* Paths are tuples of str: the name of a global variable, then attributes, as ("helpers", "scale").
 * What a function imports itself begins with the import: "<level>module", as ("<0>helpers",
 * "scale"). Both of the code and of all codes within it. */
typedef struct lcpy_names {
    PyObject *read;     /* set */
    PyObject *assigned; /* set: variables, attributes and items that it assigns or deletes */
    PyObject *rebound;  /* set: variables of functions around it that it assigns */
    PyObject *mutated;  /* set: objects that it stores into, or calls a method of that does */
} lcpy_names;

/* 0, or -1 with an exception; clear it in both cases. */
int lcpy_names_init(lcpy_names *out, PyObject *code);
void lcpy_names_clear(lcpy_names *names);

#endif
