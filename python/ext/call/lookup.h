/* Looking up a result: in memory, then in its file. Hits, misses and errors are counted here. */
#ifndef LCPY_LOOKUP_H
#define LCPY_LOOKUP_H

#include "call/persisted.h"

/* What is in memory, else what is in the file: decode, count and warn. *out is a new reference
 * where FOUND. */
lcpy_found lcpy_lookup(PyObject **out, lcpy_persisted *self, const lcpy_key *key);
/* Its two halves: an object that locache_recall() gave, whose reference is taken; the file. */
lcpy_found lcpy_lookup_kept(PyObject **out, lcpy_persisted *self, const lcpy_key *key,
                            void *object);
lcpy_found lcpy_lookup_file(PyObject **out, lcpy_persisted *self, const lcpy_key *key);
/* What giving a value that was read counts as saved, to take back where it is not given. */
uint64_t lcpy_lookup_saves(const locache_value *value);
/* Open the cache where it is not open: FOUND; UNUSABLE, counted; or INTERRUPTED. */
lcpy_found lcpy_lookup_open(lcpy_persisted *self);

/* How a call asks for a result that memory has not. */
typedef struct lcpy_asking {
    bool fresh;   /* for one that is computed anew: locache_request.fresh */
    bool at_once; /* nobody is waited for */
    bool waited;  /* out: meanwhile others ran */
} lcpy_asking;

/* The file; and where it is ABSENT or REJECTED, or FOUND and stale, the undertaking to compute the
 * result: *flight, which the caller ends, or NULL where he is to do without. Waits for who computes it already. */
lcpy_found lcpy_lookup_begin(PyObject **out, locache_flight **flight, lcpy_persisted *self,
                             const lcpy_key *key, lcpy_asking *how);

/* What a request was answered with. */
typedef struct lcpy_answer {
    locache_status status; /* of locache_get() or locache_ask() */
    locache_value *value;
    locache_error error;
    uint64_t forgotten; /* self->forgotten before it was asked */
    bool fresh;         /* what is there was not asked for: it is no miss */
} lcpy_answer;

/* Count and decode it, and warn, as above. */
lcpy_found lcpy_lookup_answer(PyObject **out, lcpy_persisted *self, const lcpy_key *key,
                              const lcpy_answer *answer);

#endif
