/* Whether a function's cache is used: LOCACHE, locache.disabled(), enabled=. And where: LOCACHE_DIR
 * may change between two calls, as pytest's monkeypatch does it.
 *
 * A hit asks with a handful of comparisons whether anything of that changed. The environment has no
 * version, so what is compared is the array itself: where it is, that it ends where it did, and
 * the pointers to its last variable and to the two that count. To set or unset any variable moves
 * one of these. */
#ifndef LCPY_SWITCH_H
#define LCPY_SWITCH_H

#include "call/persisted.h"

#include <unistd.h>

/* Is a call of it to be as always? */
static inline bool lcpy_switch_is_plain(const lcpy_persisted *self)
{
    const lcpy_watch *watch = &self->state->watch;
    return self->seen == watch->generation && environ == watch->environment &&
           *watch->end == NULL && *watch->slots[0] == watch->values[0] &&
           (!watch->is_set ||
            (*watch->slots[1] == watch->values[1] && *watch->slots[2] == watch->values[2]));
}

/* Nothing was seen yet; and what was seen is given back. */
void lcpy_switch_init(lcpy_state *state);
void lcpy_switch_clear(lcpy_state *state);

/* Find out what changed. 1: the cache is elsewhere now; 0; or -1 with an exception. */
int lcpy_switch_refresh(lcpy_persisted *self);

/* _core.set_switch(active): does locache._switch have something to say of every function? */
PyObject *lcpy_switch_set(PyObject *module, PyObject *active);

#endif
