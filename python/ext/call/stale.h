/* Results that are served beyond their time, while one caller computes them anew behind. */
#ifndef LCPY_STALE_H
#define LCPY_STALE_H

#include "call/persisted.h"

/* Have a call computed anew behind the caller; takes the flight. 0, also where it was not begun;
 * -1 with an exception that is not the cache's to keep back. */
int lcpy_stale_refresh(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call,
                       locache_flight *flight);
/* _warn_stale(exception): that raised, and the stale result is served on. */
PyObject *lcpy_stale_warn(PyObject *object, PyObject *raised);

#endif
