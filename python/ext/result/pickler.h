/* pickle.dumps() for results. */
#ifndef LCPY_PICKLER_H
#define LCPY_PICKLER_H

#include "state.h"

/* Pickle a value with protocol 5; `callback` is pickle's buffer_callback. bytes that nobody else
 * holds, or NULL with an exception: TypeError for what would not come back as it is (lost.h),
 * RecursionError where the C stack ends. */
PyObject *lcpy_pickler_dump(lcpy_state *state, PyObject *value, PyObject *callback);
/* An attribute of the module pickle: new reference, or NULL with an exception. */
PyObject *lcpy_pickler_attribute(lcpy_state *state, const char *name);

#endif
