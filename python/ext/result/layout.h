/* Arrays of NumPy whose items lie in neither C's nor Fortran's order, in pickles. */
#ifndef LCPY_LAYOUT_H
#define LCPY_LAYOUT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Would a copy in C's or Fortran's order, as NumPy stores it, be told from this numpy.ndarray
 * (exact type), as keys tell arrays apart? 1, 0, or -1 with an exception. */
int lcpy_layout_is_lost(PyObject *array);
/* A reduction that keeps the order, for an array of which that is said. New reference. */
PyObject *lcpy_layout_reduce(PyObject *array, int readonly);
/* _laid_out(array, axes, index, readonly) of the module: what such reductions call. */
PyObject *lcpy_layout_restore(PyObject *module, PyObject *arguments);

#endif
