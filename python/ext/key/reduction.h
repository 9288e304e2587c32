/* Objects as parts of a key by what they reduce to, as pickle and copy take them apart. */
#ifndef LCPY_REDUCTION_H
#define LCPY_REDUCTION_H

#include "key/walk.h"

/* Is an object of this class no more than what its __dict__ holds, and reduced as object has it? */
bool lcpy_reduction_is_plain(lcpy_state *state, PyTypeObject *type);
/* The same of classes whose objects may be iterators. */
bool lcpy_reduction_is_bare(lcpy_state *state, PyTypeObject *type);
/* The same as lcpy_reduction_write() of an object of such a class, without asking for one. */
int lcpy_reduction_write_plain(lcpy_walk *walk, PyObject *object);
/* By its __reduce_ex__(4), or by the function that copyreg has for its class; by its buffer where
 * it has neither. The object has begun. 0, or -1 with an exception: TypeError where nothing says
 * what it is. */
int lcpy_reduction_write(lcpy_walk *walk, PyObject *object);

#endif
