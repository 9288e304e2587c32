/* What pickle would lose of an object, found out before it is pickled. */
#ifndef LCPY_LOST_H
#define LCPY_LOST_H

#include "state.h"

/* How pickle is to store the object: a new reference to its reduction, or to NotImplemented where
 * pickle's own way is right. NULL with TypeError where the object would not come back as it is, or
 * with what the class's own code raised. */
PyObject *lcpy_lost_reduce(lcpy_state *state, PyObject *object);
/* _read_only(array) of the module: what reductions of arrays that must not be written to call. */
PyObject *lcpy_lost_read_only(PyObject *module, PyObject *array);

#endif
