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

#endif
