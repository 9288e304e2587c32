/* What a call did to its arguments. */
#ifndef LCPY_CALL_CHANGE_H
#define LCPY_CALL_CHANGE_H

#include "call/changed.h"
#include "call/persisted.h"

/* May the result of a call with this key be stored, as far as the arguments say that are there now?
 * Warns where the call changed them. 1, 0, or -1 with an exception. */
int lcpy_call_may_be_stored(lcpy_persisted *self, const lcpy_changed_key *before,
                            const lcpy_call *call);
/* Before a call is computed: what its key holds of objects as digests, for lcpy_changed_key. Makes
 * the key once more where there is any. 0, or -1 with an exception. */
int lcpy_call_note_parts(lcpy_persisted *self, locache_cbor_writer *parts, const lcpy_key *key,
                         const lcpy_call *call);

#endif
