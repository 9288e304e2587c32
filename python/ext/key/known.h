/* Which functions say what counts of the objects of a class that is not one's own. */
#ifndef LCPY_KNOWN_H
#define LCPY_KNOWN_H

#include "state.h"

/* The function for a class, or for the first of its bases that has one: 1 and a new reference, 0
 * where there is none, -1 with an exception. May import locache._known. */
int lcpy_known_find(PyObject **out, lcpy_state *state, PyTypeObject *type);
/* Would lcpy_known_find() say what it said when state->known_turn was this? */
bool lcpy_known_is_same(const lcpy_state *state, unsigned turn);
/* locache._core.key_for(class, function): from now on. */
PyObject *lcpy_known_set(PyObject *module, PyObject *const *arguments, Py_ssize_t count);

#endif
