/* What of a function's results is kept in memory, beside their files. The core's table decides what
 * stays and whether it still holds (locache.h, "results in memory"); here is what its objects are:
 * a PyObject that nobody can change, and that is handed out as it is; or, marked by the lowest bit
 * of the pointer, a locache_value, which is decoded at each hit. */
#ifndef LCPY_KEPT_H
#define LCPY_KEPT_H

#include <stdbool.h>

#include "call/persisted.h"

/* For locache_options. The GIL is held wherever the core calls them. */
void lcpy_kept_retain(void *object);
void lcpy_kept_release(void *object);

/* Is it to be handed out as it is? */
static inline bool lcpy_kept_is_result(const void *object)
{
    return ((uintptr_t)object & 1) == 0;
}

/* The result of another object that locache_recall() gave, whose reference is taken. New reference,
 * or NULL with an exception, as lcpy_decode(). */
PyObject *lcpy_kept_decode(lcpy_state *state, void *object, PyObject *module);

/* Another holder of a value that was read, for lcpy_kept_store(), whatever the result that it is
 * decoded to does with its buffers; NULL where it is not worth keeping. To be freed. */
locache_value *lcpy_kept_value(locache_value *value);
/* Keep what the file of that stamp holds: the result where nobody can change it, else the value
 * (may be NULL). False: neither was possible. */
bool lcpy_kept_store(lcpy_persisted *self, const lcpy_key *key, const locache_stamp *stamp,
                     PyObject *result, locache_value *value);

#endif
