/* Objects with the buffer protocol as parts of a key. */
#ifndef LCPY_VIEW_H
#define LCPY_VIEW_H

#include "key/walk.h"

/* Tag 49620: class, item format, extents, bytes in C order, what an instance of a subclass has
 * besides. 0, or -1 with an exception. */
int lcpy_view_write(lcpy_walk *walk, PyObject *value);
/* The same of an object that has begun. */
int lcpy_view_write_here(lcpy_walk *walk, PyObject *value);

#endif
