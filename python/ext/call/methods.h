/* The methods of a decorated function. */
#ifndef LCPY_METHODS_H
#define LCPY_METHODS_H

#include "state.h"

extern PyMethodDef lcpy_methods[];
/* Make what they return: cache_info()'s type. 0 or -1. */
int lcpy_methods_exec(PyObject *module);

#endif
