/* The key of a call that is only spoken of, as in is_cached(). */
#ifndef LCPY_ASKED_H
#define LCPY_ASKED_H

#include "call/persisted.h"

/* 0, or -1 with an exception: TypeError where the arguments do not fit, cannot be part of a key, or
 * may be of another call. The key is to be cleared in every case. */
int lcpy_asked_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call);
/* The last alone: may these be the arguments of another call? 0: no; -1 with TypeError. */
int lcpy_asked_check(lcpy_persisted *self, const lcpy_call *call);

/* tp_getattro of a decorated function. */
PyObject *lcpy_asked_getattro(PyObject *object, PyObject *name);

#endif
