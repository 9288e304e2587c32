/* The cache of a decorated function, opened where its identity and where it is are first needed. */
#ifndef LCPY_OPEN_H
#define LCPY_OPEN_H

#include "call/depend.h"

/* Open a cache for this function elsewhere. As locache_open(), but that NEED_SOURCE is answered
 * here; LOCACHE_ETYPE: with an exception set instead of *error. */
locache_status lcpy_open_at(locache **out, lcpy_persisted *self, const lcpy_where *where,
                            locache_error *error);
/* Open the function's own cache where it is not open. OK, or why not, as above. */
locache_status lcpy_open(lcpy_persisted *self, locache_error *error);
/* Close it where it is open: it is to be opened again, elsewhere. */
void lcpy_open_again(lcpy_persisted *self);
/* Nanoseconds that the results of hits had taken to compute. */
uint64_t lcpy_open_saved(const lcpy_persisted *self);
/* Close all that is open. */
void lcpy_open_end(lcpy_persisted *self);
/* The same on the way of a call: FOUND where it is open; UNUSABLE: said and counted; or
 * INTERRUPTED. */
lcpy_found lcpy_open_for_call(lcpy_persisted *self);

/* Find out what changed of whether and where results are kept, and close the cache where it is
 * elsewhere now. 0, or -1 with an exception. */
int lcpy_open_refresh(lcpy_persisted *self);
/* The same where something changed of what the function depends on. */
int lcpy_open_changed(lcpy_persisted *self);
/* The same, asking whether something did: before whatever is looked up, stored or computed. */
static inline int lcpy_open_follow(lcpy_persisted *self)
{
    return lcpy_depend_holds(self) ? 0 : lcpy_open_changed(self);
}
/* Before a run whose cache may not have been opened: what it depends on is as it is now. */
int lcpy_open_begin_run(lcpy_persisted *self);

#endif
