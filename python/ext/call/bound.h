/* The type of bound methods: what a decorated function in a class is, asked of an object. */
#ifndef LCPY_BOUND_H
#define LCPY_BOUND_H

#include "state.h"

/* `function`, a decorated one, bound to `instance`. A new reference, or NULL with an exception. */
PyObject *lcpy_bound_new(lcpy_state *state, PyObject *function, PyObject *instance);

int lcpy_bound_exec(PyObject *module);

#endif
