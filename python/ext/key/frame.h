/* The frames, series and indices of pandas as parts of a key. */
#ifndef LCPY_FRAME_H
#define LCPY_FRAME_H

#include "key/walk.h"

/* class_of: what lcpy_types_classify() says of it, LCPY_PANDAS_*. 0, or -1 with an
 * exception. */
int lcpy_frame_write(lcpy_walk *walk, PyObject *value, lcpy_class class_of);

#endif
