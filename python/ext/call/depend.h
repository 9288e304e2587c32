/* What a decorated function reaches beside its own code: looked at when its cache is opened,
 * watched at every call, looked at again where it changed. */
#ifndef LCPY_DEPEND_H
#define LCPY_DEPEND_H

#include "call/persisted.h"

/* Is everything as it was when it was looked at? */
static inline bool lcpy_depend_holds(const lcpy_persisted *self)
{
    return self->reach == NULL || lcpy_reach_holds(self->reach);
}

/* All: 0, or -1 with an exception. */

/* Look at it where that was not done yet. */
int lcpy_depend_begin(lcpy_persisted *self);
/* Mix what is reached into the identity of the function's own code, or of its own source. */
void lcpy_depend_code(const lcpy_persisted *self, locache_id *code);
int lcpy_depend_source(lcpy_persisted *self, locache_id *source);

/* Something changed since it was looked at. 1: it is another version now; 0: it is not. */
int lcpy_depend_again(lcpy_persisted *self);

/* After a run that began with `turn` and `others` (lcpy_captures_clock()): 1: its result is that of
 * the version that is open; 0: it is nobody's, since what it depends on changed meanwhile. What the
 * run itself changed is its state, and stays what it was. */
int lcpy_depend_ended(lcpy_persisted *self, unsigned turn, int64_t others);

/* f._depends(): a list of (kind, place, digest or None, object or None) of what it reaches now. */
PyObject *lcpy_depend_parts(PyObject *object, PyObject *unused);

#endif
