/* The coroutine of a call. */
#ifndef LCPY_AWAITABLE_H
#define LCPY_AWAITABLE_H

#include "call/persisted.h"

/* A new reference, or NULL with an exception. Nothing was looked up yet. */
PyObject *lcpy_awaitable_new(lcpy_persisted *self, const lcpy_key *key, const lcpy_call *call,
                             lcpy_wanted wanted);

#endif
