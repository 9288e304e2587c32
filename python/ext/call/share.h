/* Functions of one name, of several files that share a cache directory by name=. */
#ifndef LCPY_SHARE_H
#define LCPY_SHARE_H

#include "call/persisted.h"

/* The name of the function's own directory in that cache directory, where `name` is that of a
 * function of another file: a new str. NULL without an exception where `name` is right, or with one
 * that is not the cache's to keep back. Needs lcpy_depend_begin() before; holds the GIL. */
PyObject *lcpy_share_name(lcpy_persisted *self, const lcpy_where *where, const char *directory,
                          const char *name);

#endif
