/* Objects as parts of a key by what they reduce to, as pickle and copy take them apart. */
#ifndef LCPY_REDUCTION_H
#define LCPY_REDUCTION_H

#include "key/walk.h"

/* By its __reduce_ex__(4), or by the function that copyreg has for its class; by its buffer where
 * it has neither. 0, or -1 with an exception: TypeError where nothing says what it is. */
int lcpy_reduction_write(lcpy_walk *walk, PyObject *object);

#endif
