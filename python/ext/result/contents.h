/* Does pickle bring back what a list, dict, set, tuple or deque of the user's own class holds? */
#ifndef LCPY_CONTENTS_H
#define LCPY_CONTENTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* 0 where it does, or the object is no such container. -1 with TypeError where it does not, or with
 * what the class's own code raised that is no Exception. Any thread that has the GIL. */
int lcpy_contents_check(PyObject *object);

#endif
