/* Objects of a class that come by the thousand: what is looked at once for the class. Needs the
 * GIL. */
#ifndef LCPY_INSTANCE_H
#define LCPY_INSTANCE_H

#include "key/walk.h"

/* What was found of a class, in whichever key, while neither it nor a base of it was changed. */
struct lcpy_seen {
    /* Not owned: that it is still this class, its version says. */
    PyTypeObject *type;
    unsigned version; /* lcpy_compat_class_version() */
    unsigned turn;    /* state->known_turn when it was asked */
    bool other;       /* lcpy_types_classify() does not know it */
    bool asked;       /* as in lcpy_met */
    bool plain;
    int outlines;
    lcpy_outline *outline;
    /* Where it was found under its name, and what that is; NULL: it was not looked for. */
    PyObject *module;
    PyObject *qualified;
    PyObject *name;
};

/* What is known of a class: NULL where nothing can be kept of it now. Valid until other code
 * runs. */
lcpy_seen *lcpy_instance_seen(lcpy_state *state, PyTypeObject *type);
void lcpy_instance_free(lcpy_state *state);

/* The function that copyreg has for this class (borrowed), or NULL. */
PyObject *lcpy_instance_reducer(lcpy_state *state, PyTypeObject *type);
/* Does the class have a method of this name (from LCPY_NAME) other than object's own? */
bool lcpy_instance_has_own(PyTypeObject *type, PyObject *name);

/* Note that objects of this class have no form of their own; what else holds for all of them is
 * then looked for once. */
void lcpy_instance_meet(lcpy_walk *walk, PyTypeObject *type);
/* Append the attributes that a plain object of a class that was met has in its __dict__. 0, or -1
 * with an exception. */
int lcpy_instance_attributes(lcpy_walk *walk, PyObject *object, PyObject *dict);
/* At the end of the walk. */
void lcpy_instance_forget(lcpy_walk *walk);

#endif
