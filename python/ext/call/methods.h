/* The methods of a decorated function. */
#ifndef LCPY_METHODS_H
#define LCPY_METHODS_H

#include "state.h"

extern PyMethodDef lcpy_methods[];

/* What a function of locache._sending gives for the decorated function and one more argument, or
 * NULL for no more. NULL with an exception. */
PyObject *lcpy_methods_delegate(const char *name, PyObject *object, PyObject *argument);

#endif
