/* The way of a call: bind and write the key, look up, or call the function and store. */
#ifndef LCPY_CALL_H
#define LCPY_CALL_H

#include "call/changed.h"
#include "call/persisted.h"

/* As lcpy_target_key(). The key is to be cleared in every case. */
lcpy_bound lcpy_call_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                         PyObject **culprit);

/* Call the function, whatever is stored, and store what it returns; for `async def`, a coroutine
 * that will. The key may be made again. */
PyObject *lcpy_call_compute(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call);
/* The same where no key could be made (`bound` says why, and where it is an error its exception is
 * set): warns. */
PyObject *lcpy_call_without_key(lcpy_persisted *self, const lcpy_call *call, lcpy_bound bound,
                                PyObject *culprit);

/* May the result of a call with this key be stored, as far as the arguments say that are there now?
 * Warns where the call changed them. 1, 0, or -1 with an exception. */
int lcpy_call_may_be_stored(lcpy_persisted *self, const lcpy_changed_key *before,
                            const lcpy_call *call);
/* Before a call is computed: what its key holds of objects as digests, for lcpy_changed_key. Makes
 * the key once more where there is any. 0, or -1 with an exception. */
int lcpy_call_note_parts(lcpy_persisted *self, locache_cbor_writer *parts, const lcpy_key *key,
                         const lcpy_call *call);

/* vectorcall of a decorated function. */
PyObject *lcpy_call_vectorcall(PyObject *object, PyObject *const *args, size_t nargsf,
                               PyObject *kwnames);

#endif
