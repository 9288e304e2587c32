/* Objects that have no form of their own as parts of a key. */
#ifndef LCPY_OBJECT_H
#define LCPY_OBJECT_H

#include "key/walk.h"

/* By __locache_key__ where the class has it, as what it is where that is known (a class, a
 * function, a member of an enumeration), else by its reduction. 0, or -1 with an exception:
 * TypeError where it cannot be keyed. Runs the class's own code. */
int lcpy_object_write(lcpy_walk *walk, PyObject *value);
/* The same of an object that has begun. */
int lcpy_object_write_here(lcpy_walk *walk, PyObject *value);

#endif
