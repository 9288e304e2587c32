/* Whose code is it: the user's own, an installed package's, or Python's. */
#ifndef LCPY_REACH_OWNER_H
#define LCPY_REACH_OWNER_H

#include "state.h"

typedef enum lcpy_owner {
    LCPY_OWNER_USER = 0, /* a project, a script, a notebook, an editable install */
    LCPY_OWNER_COMPILED, /* an extension module of the user's, as Cython makes them */
    LCPY_OWNER_PACKAGE,  /* below site-packages or dist-packages */
    LCPY_OWNER_PYTHON    /* the standard library, and locache itself */
} lcpy_owner;

/* Look up where the standard library is, if that is known yet. 0, or -1 with an exception. */
int lcpy_owner_prepare(lcpy_state *state);

/* All: an owner, or -1 with an exception. */

/* Of the module of this name, loaded or not. */
int lcpy_owner_of_module(lcpy_state *state, PyObject *name);
/* Of a types.FunctionType: where its code was compiled from. */
int lcpy_owner_of_function(lcpy_state *state, PyObject *function);
/* Of a class: its module's. */
int lcpy_owner_of_class(lcpy_state *state, PyObject *class);
/* Of either, of a module, or of a function of C: the module's that it names. */
int lcpy_owner_of(lcpy_state *state, PyObject *object);
/* Is it a function of C that is in a module of LCPY_OWNER_COMPILED? 1, 0, or -1. */
int lcpy_owner_is_compiled(lcpy_state *state, PyObject *object);

/* The distribution of a module of LCPY_OWNER_PACKAGE, and its version, as "numpy 2.1.0"; the name
 * alone where no version can be found. New reference. */
PyObject *lcpy_owner_version(lcpy_state *state, PyObject *name);
/* Of a module of LCPY_OWNER_COMPILED: the digest of its file, as bytes; None: it has none. A new
 * reference. */
PyObject *lcpy_owner_build(PyObject *name);
/* lcpy_owner_version() of a module that is not loaded. None: it is Python's own; NULL without an
 * exception: it is no package's that is known by its name. */
PyObject *lcpy_owner_unloaded(lcpy_state *state, PyObject *name);

#endif
