/* The way of a call: bind and write the key, look up, or call the function and store. */
#ifndef LCPY_CALL_H
#define LCPY_CALL_H

#include "call/persisted.h"

/* Call the function, whatever is stored, and store what it returns; for `async def`, a coroutine
 * that will. The key may be made again. */
PyObject *lcpy_call_compute(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call);
/* The same where no key could be made (`bound` says why, and where it is an error its exception is
 * set): warns. */
PyObject *lcpy_call_without_key(lcpy_persisted *self, const lcpy_call *call, lcpy_bound bound,
                                PyObject *culprit);

/* vectorcall of a decorated function. */
PyObject *lcpy_call_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf,
                               PyObject *kwnames);

#endif
