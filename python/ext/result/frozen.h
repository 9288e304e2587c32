/* Results that nobody can change, so that every caller may have the same object. */
#ifndef LCPY_FROZEN_H
#define LCPY_FROZEN_H

#include "state.h"

/* About the bytes of memory that a value takes with all that is within, where it is immutable all
 * the way down: exact types only, since a subclass may have attributes. 0 where it is not, or is
 * too large or too deep to tell. Leaves no exception. */
size_t lcpy_frozen_size(lcpy_state *state, PyObject *value);

#endif
