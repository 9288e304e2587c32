/* What a result is made of, as far as it has a plain form in CBOR. */
#ifndef LCPY_SHAPE_H
#define LCPY_SHAPE_H

#include "plain/cbor.h"
#include "plain/types.h"

typedef enum lcpy_shape {
    LCPY_SHAPE_OTHER,
    LCPY_SHAPE_SCALAR,
    LCPY_SHAPE_STR,
    LCPY_SHAPE_BYTES,
    LCPY_SHAPE_BYTEARRAY,
    LCPY_SHAPE_LIST,
    LCPY_SHAPE_TUPLE,
    LCPY_SHAPE_DICT,
    LCPY_SHAPE_SET,
    LCPY_SHAPE_FROZENSET,
    LCPY_SHAPE_ARRAY,
    LCPY_SHAPE_NPSCALAR
} lcpy_shape;

/* By its exact type; *class_of is what lcpy_types_classify() says where that was asked, else
 * LCPY_OTHER. Leaves no exception. */
lcpy_shape lcpy_shape_of(lcpy_state *state, lcpy_class *class_of, PyObject *value);

/* Does it matter whether two places hold this one object? Where it can change; for the rest, to
 * share saves space. */
bool lcpy_shape_is_shareable(PyObject *value, lcpy_shape shape);

/* Call visit for each member of a set, which is held meanwhile, until one is not LCPY_DONE. An
 * LCPY_ERROR with RuntimeError where the set's size changes. */
lcpy_written lcpy_shape_each_member(PyObject *set,
                                    lcpy_written (*visit)(void *context, PyObject *member),
                                    void *context);

/* What stands in the way of a plain form: the first that was met. Zeroed at first. */
typedef struct lcpy_obstacle {
    const char *why;
    PyTypeObject *type; /* of what object; held */
} lcpy_obstacle;

/* Note it, if it is the first. Always LCPY_NOT_EXACT. */
lcpy_written lcpy_shape_refuse(lcpy_obstacle *obstacle, PyObject *value, const char *why);

#endif
