/* Objects that somebody may change in place where no pointer or buffer shows it. Needs the GIL. */
#ifndef LCPY_REACH_MARK_H
#define LCPY_REACH_MARK_H

#include "state.h"

/* Is it one for which there is a mark: a frame or series of polars, a tensor of torch? */
bool lcpy_mark_is_for(lcpy_state *state, PyObject *object);
/* What is another where such an object was changed: compared by ==. New reference; NULL where it
 * cannot be told, perhaps with an exception. */
PyObject *lcpy_mark_of(lcpy_state *state, PyObject *object);
/* May others be registered with the class? */
bool lcpy_mark_is_abstract(PyObject *class);
/* The function that counts such registrations, of all classes together: a new reference, or NULL
 * without an exception. */
PyObject *lcpy_mark_registrations(void);

#endif
