/* The first pass over a result: which objects are met twice, and is all of it plain? */
#ifndef LCPY_SHARED_H
#define LCPY_SHARED_H

#include "result/shape.h"

/* An object that may be met again: more than one reference leads to it. */
typedef struct lcpy_seen {
    PyObject *object; /* owned; NULL: a free slot */
    /* bytes that it was written in, those of what it refers to counted each time */
    uint64_t expansion;
    Py_ssize_t number; /* of its SHARED tag; -1 before that is written */
    bool twice;
    bool open; /* being written */
} lcpy_seen;

/* Zeroed at first, but for state and obstacle. */
typedef struct lcpy_shared {
    lcpy_state *state;
    lcpy_obstacle *obstacle;
    lcpy_seen *table; /* by open addressing */
    size_t slots;     /* a power of two, or 0 */
    size_t used;
    int depth; /* of nesting, while it is walked */
} lcpy_shared;

/* Walk all of the value; the caller holds one reference to it beside those that lead to it.
 * NOT_EXACT: something in it has no plain form, which obstacle says. Clear it in every case. */
lcpy_written lcpy_shared_find(lcpy_shared *shared, PyObject *value);
/* What is known of an object that was met twice; NULL for all others. */
lcpy_seen *lcpy_shared_get(const lcpy_shared *shared, PyObject *value, lcpy_shape shape);
void lcpy_shared_clear(lcpy_shared *shared);

#endif
