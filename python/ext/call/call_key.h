/* The key of a call with these arguments. */
#ifndef LCPY_CALL_KEY_H
#define LCPY_CALL_KEY_H

#include "call/persisted.h"

/* As lcpy_target_key(). The key is to be cleared in every case. */
lcpy_bound lcpy_call_key(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                         PyObject **culprit);
/* The same of a function whose arguments may be large and without a key. No exception and no
 * culprit where it was cut short: why was said when the first was refused. */
lcpy_bound lcpy_call_key_in_time(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call,
                                 PyObject **culprit);
/* Arguments that can change may have done so while the call waited: then it is another call. 1: its
 * key is the same; 0: *key is the new one; -1: it has none, or there is an exception. */
int lcpy_call_key_again(lcpy_persisted *self, lcpy_key *key, const lcpy_call *call);

#endif
