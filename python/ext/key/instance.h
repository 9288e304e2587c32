/* Objects of a class that come by the thousand: what is looked at once for the class. Needs the
 * GIL. */
#ifndef LCPY_INSTANCE_H
#define LCPY_INSTANCE_H

#include "key/walk.h"

/* The function that copyreg has for this class (borrowed), or NULL. */
PyObject *lcpy_instance_reducer(PyTypeObject *type);
/* Does the class have a method of this name other than object's own? */
bool lcpy_instance_has_own(PyTypeObject *type, const char *name);

/* Note that objects of this class have no form of their own; what else holds for all of them is
 * then looked for once. */
void lcpy_instance_meet(lcpy_walk *walk, PyTypeObject *type);
/* Append the attributes that a plain object of a class that was met has in its __dict__. 0, or -1
 * with an exception. */
int lcpy_instance_attributes(lcpy_walk *walk, PyObject *object, PyObject *dict);
/* At the end of the walk. */
void lcpy_instance_forget(lcpy_walk *walk);

#endif
