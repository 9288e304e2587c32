/* Storing a result, and forgetting what was kept of it in memory. */
#ifndef LCPY_STORE_H
#define LCPY_STORE_H

#include "call/persisted.h"

/* A result as the function returned it. */
typedef struct lcpy_computed {
    PyObject *result;       /* borrowed */
    int64_t compute_time;   /* nanoseconds */
    bool fresh;             /* nothing was looked up before: it may replace another */
    bool quiet;             /* the call has warned already */
    locache_flight *flight; /* ended in any case; or NULL */
} lcpy_computed;

/* Encode and store, count and warn, unless quiet. 0, or -1 with an exception that is not the
 * cache's to keep back. */
int lcpy_store(lcpy_persisted *self, const lcpy_key *key, const lcpy_computed *computed);
/* End a flight whose result cannot be stored: who waits for it computes. NULL is allowed. */
void lcpy_store_give_up(locache_flight *flight);
/* What was removed or replaced by name is not in memory either. After the files were. */
void lcpy_store_forget(lcpy_persisted *self);

#endif
