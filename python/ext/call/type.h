/* The type of decorated functions, locache._core.Persisted. */
#ifndef LCPY_TYPE_H
#define LCPY_TYPE_H

#include "state.h"

/* Make the types; called once, by the module. 0 or -1. */
int lcpy_type_exec(PyObject *module);

/* locache._core.decorate(): what locache._target found out, as a decorated function. */
PyObject *lcpy_type_decorate(PyObject *module, PyObject *args);

#endif
