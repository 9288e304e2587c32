/* Memory of results as read, lent to the arrays that lie in it. */
#ifndef LCPY_PYBUFFER_H
#define LCPY_PYBUFFER_H

#include "state.h"

/* One result's memory, freed when the last who holds it lets go. */
typedef struct lcpy_owner {
    Py_ssize_t holders;
    locache_value *value;
} lcpy_owner;

/* Takes ownership of value in every case; held once, by the caller. NULL with MemoryError. */
lcpy_owner *lcpy_owner_new(locache_value *value);
void lcpy_owner_release(lcpy_owner *owner);

/* An object that exports `size` writable bytes at `data`, within owner's value, and holds owner.
 * New reference. */
PyObject *lcpy_buffer_new(lcpy_state *state, lcpy_owner *owner, void *data, size_t size);
/* The nth out-of-line buffer of owner's value, in the same way. */
PyObject *lcpy_buffer_nth(lcpy_state *state, lcpy_owner *owner, size_t n);

#endif
