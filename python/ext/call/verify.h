/* verify=: a share of the hits is computed again, and compared with what was stored. */
#ifndef LCPY_VERIFY_H
#define LCPY_VERIFY_H

#include "call/persisted.h"

/* options.verify of this much is every hit; of half as much, every second one. */
#define LCPY_VERIFY_ALL (UINT64_C(1) << 53)

/* A hit that is computed again. */
typedef struct lcpy_check {
    struct lcpy_check *outer; /* of the same thread */
    lcpy_persisted *self;
    PyObject *stored; /* NULL: this is no such hit */
} lcpy_check;

/* Of a function that has the option: is this hit to be computed again? Not within such a call of
 * the same function, or a recursion would compute all that it was spared. */
bool lcpy_verify_draws(lcpy_persisted *self);

/* Around the call: takes `stored`. */
void lcpy_verify_begin(lcpy_check *check, lcpy_persisted *self, PyObject *stored);
/* It is over, also where it never ran. What was not taken is released. */
void lcpy_verify_end(lcpy_check *check);

/* What the call gives: takes `stored` and `computed`, which may be NULL with an exception. *store:
 * 1 where the result might be stored, 0 where nothing can be said of it; then 1 where it is another
 * and is to be stored, or -1. Warns and counts. NULL, or *store is -1, with an exception that is
 * not the cache's to keep back. */
PyObject *lcpy_verify_settle(lcpy_persisted *self, const lcpy_key *key, PyObject *stored,
                             PyObject *computed, int *store);

#endif
