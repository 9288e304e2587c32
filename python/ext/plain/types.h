/* Which of the types that locache knows by name is this? Nothing is imported for the question: an
 * object whose type comes from a module proves that the module is there. */
#ifndef LCPY_TYPES_H
#define LCPY_TYPES_H

#include "state.h"

typedef enum lcpy_class {
    LCPY_OTHER = 0,
    LCPY_DATETIME,
    LCPY_DATE,
    LCPY_TIME,
    LCPY_TIMEDELTA,
    LCPY_DECIMAL,
    LCPY_FRACTION,
    LCPY_UUID,
    LCPY_PATH,      /* any class of pathlib, exactly */
    LCPY_PYARRAY,   /* array.array */
    LCPY_NDARRAY,   /* numpy.ndarray */
    LCPY_NPSCALAR,  /* any scalar class of NumPy's own (numpy.float64, numpy.bool_, ...) */
    LCPY_NPDTYPE,   /* any numpy.dtype class */
    LCPY_FUNCTION,  /* types.FunctionType */
    LCPY_PERSISTED, /* our own decorated function */
    LCPY_MODULE,
    LCPY_MEMORYVIEW,
    LCPY_PANDAS_FRAME,
    LCPY_PANDAS_SERIES,
    LCPY_PANDAS_INDEX, /* any class of pandas that is an Index */
    LCPY_POLARS_FRAME,
    LCPY_POLARS_SERIES,
    LCPY_ARROW_TABLE, /* pyarrow.Table, pyarrow.RecordBatch */
    LCPY_ARROW_ARRAY  /* pyarrow.ChunkedArray, any class of pyarrow's own that is an Array */
} lcpy_class;

/* Exact types only: a subclass that a user made is LCPY_OTHER. Cannot fail; leaves no exception. */
lcpy_class lcpy_types_classify(lcpy_state *state, PyTypeObject *type);

/* Was the class made in C, so that no class statement's methods are its own? */
static inline bool lcpy_types_is_of_c(const PyTypeObject *type)
{
    return !(type->tp_flags & Py_TPFLAGS_HEAPTYPE) || type->tp_flags & Py_TPFLAGS_IMMUTABLETYPE;
}

/* The first such class among a class and its bases: object at last. Borrowed. */
static inline PyTypeObject *lcpy_types_base_of_c(PyTypeObject *type)
{
    while (!lcpy_types_is_of_c(type) && type->tp_base != NULL)
        type = type->tp_base;
    return type;
}

void lcpy_types_free(lcpy_types *types);
int lcpy_types_traverse(lcpy_types *types, visitproc visit, void *arg);

#endif
