/* Classes, and functions of Python and of C, as parts of a key. All: 0, or -1 with an exception. */
#ifndef LCPY_CLASS_H
#define LCPY_CLASS_H

#include "key/walk.h"

/* By name; by its content where no name leads to it. */
int lcpy_class_write(lcpy_walk *walk, PyObject *class);
/* A class or function of C that a name leads to: that name, and where it is the user's, what it
 * is. */
int lcpy_class_write_named(lcpy_walk *walk, PyObject *object);
/* lcpy_class_write() of a class that has begun. */
int lcpy_class_write_here(lcpy_walk *walk, PyObject *class);
/* A module: by its name, the user's by what is in it, too, a package's by its version. */
int lcpy_class_write_module(lcpy_walk *walk, PyObject *module);
/* A function of Python, an exact types.FunctionType: by its code and all that it is bound to. */
int lcpy_class_write_function(lcpy_walk *walk, PyObject *function);
/* A function of C that has begun: by name, a method with the object that it is bound to. */
int lcpy_class_write_builtin(lcpy_walk *walk, PyObject *function);
/* The digest of a function's source, or of its code where it has none; kept. */
int lcpy_class_function_id(lcpy_state *state, locache_id *out, PyObject *function);
/* The same for locache._parts. */
PyObject *lcpy_class_function_id_of(PyObject *module, PyObject *function);
/* Is it a name under which a class, or what wraps a function, has something that says nothing of
 * it, or that is not the same in every version of Python? */
bool lcpy_class_is_incidental(PyObject *name);
/* The dict of a class without what says nothing of it: a new dict. */
PyObject *lcpy_class_members(PyObject *class);
/* Is object found in its module under its qualified name? 1, 0, or -1 with an exception. */
int lcpy_class_is_global(PyObject *object);
/* The same of a class, by what was kept of it where it is still there; also true of those that C
 * made. */
int lcpy_class_is_named(lcpy_walk *walk, PyObject *class);

#endif
