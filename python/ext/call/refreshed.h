/* Under LOCACHE=refresh each call is computed once in a process: else a recursive function would
 * take as long as without a cache. A call is noted when it is computed and stored, before who waits
 * for it takes its turn: so nobody is given what there was before, nor computes it again. */
#ifndef LCPY_REFRESHED_H
#define LCPY_REFRESHED_H

#include "call/persisted.h"

/* 1: it was computed; 0; or -1 with an exception. */
int lcpy_refreshed_has(const lcpy_persisted *self, const lcpy_key *key);
/* 0, or -1 with an exception. */
int lcpy_refreshed_add(lcpy_persisted *self, const lcpy_key *key);

#endif
