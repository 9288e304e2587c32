/* Which class locache knows a type as. A type is looked up by name once, in the modules that are
 * loaded; the answer is kept in a hash table by the type's address.
 *
 * By identity in the end: a name is anybody's to use, so that a type is numpy.ndarray only if numpy
 * is loaded and has this very type under that name. Nothing is imported for the question, which
 * would be slow, and could fail or run code where all that was asked is what an argument is. */
#include "plain/types.h"

#include "plain/names.h"

#include <string.h>

/* Room for every class that can be found: some 40 listed below, 25 scalar and 30 dtype classes of
 * NumPy, some 50 array classes of pyarrow. */
#define SLOTS 256
/* Beyond three quarters, probing grows long: later classes are looked up each time. */
#define SLOTS_USED_MAX 192

typedef struct slot {
    PyTypeObject *type; /* owned, so that no other class can come to live at its address */
    lcpy_class class_of;
} slot;

struct lcpy_types {
    slot slots[SLOTS];
    size_t used;
};

typedef struct known {
    /* tp_name: qualified with its module for C types, bare for classes made by a class statement */
    const char *name;
    const char *module;
    const char *attribute;
    lcpy_class class_of;
} known;

static const known known_types[] = {
    /* Static types of C, told by their names alone, since nothing else has these: the attributes of
     * the module may be replaced by a test's fake clock. */
    {"datetime.datetime", NULL, NULL, LCPY_DATETIME},
    {"datetime.date", NULL, NULL, LCPY_DATE},
    {"datetime.time", NULL, NULL, LCPY_TIME},
    {"datetime.timedelta", NULL, NULL, LCPY_TIMEDELTA},
    {"decimal.Decimal", "decimal", "Decimal", LCPY_DECIMAL},
    {"Fraction", "fractions", "Fraction", LCPY_FRACTION},
    {"UUID", "uuid", "UUID", LCPY_UUID},
    {"PosixPath", "pathlib", "PosixPath", LCPY_PATH},
    {"PurePosixPath", "pathlib", "PurePosixPath", LCPY_PATH},
    {"PureWindowsPath", "pathlib", "PureWindowsPath", LCPY_PATH},
    {"WindowsPath", "pathlib", "WindowsPath", LCPY_PATH},
    {"PurePath", "pathlib", "PurePath", LCPY_PATH},
    {"Path", "pathlib", "Path", LCPY_PATH},
    {"array.array", "array", "array", LCPY_PYARRAY},
    {"numpy.ndarray", "numpy", "ndarray", LCPY_NDARRAY},
    {"DataFrame", "pandas", "DataFrame", LCPY_PANDAS_FRAME},
    {"Series", "pandas", "Series", LCPY_PANDAS_SERIES},
    {"Index", "pandas", "Index", LCPY_PANDAS_INDEX},
    {"RangeIndex", "pandas", "RangeIndex", LCPY_PANDAS_INDEX},
    {"MultiIndex", "pandas", "MultiIndex", LCPY_PANDAS_INDEX},
    {"DatetimeIndex", "pandas", "DatetimeIndex", LCPY_PANDAS_INDEX},
    {"TimedeltaIndex", "pandas", "TimedeltaIndex", LCPY_PANDAS_INDEX},
    {"PeriodIndex", "pandas", "PeriodIndex", LCPY_PANDAS_INDEX},
    {"IntervalIndex", "pandas", "IntervalIndex", LCPY_PANDAS_INDEX},
    {"CategoricalIndex", "pandas", "CategoricalIndex", LCPY_PANDAS_INDEX},
    {"Int64Index", "pandas", "Int64Index", LCPY_PANDAS_INDEX}, /* these three until pandas 2 */
    {"UInt64Index", "pandas", "UInt64Index", LCPY_PANDAS_INDEX},
    {"Float64Index", "pandas", "Float64Index", LCPY_PANDAS_INDEX},
    {"pyarrow.lib.Table", "pyarrow", "Table", LCPY_ARROW_TABLE},
    {"pyarrow.lib.RecordBatch", "pyarrow", "RecordBatch", LCPY_ARROW_TABLE},
    {"pyarrow.lib.ChunkedArray", "pyarrow", "ChunkedArray", LCPY_ARROW_ARRAY},
    {"DataFrame", "polars", "DataFrame", LCPY_POLARS_FRAME},
    {"Series", "polars", "Series", LCPY_POLARS_SERIES},
};

/* A dtype class, or a scalar class that numpy has under this name. A user's subclass has another
 * module in its name, or is not what numpy has. */
static lcpy_class classify_numpy(PyTypeObject *type)
{
    const char *name = type->tp_name + strlen("numpy.");
    PyObject *base = lcpy_names_loaded("numpy", "dtype");

    if (base != NULL && PyType_Check(base) && PyType_IsSubtype(type, (PyTypeObject *)base))
        return LCPY_NPDTYPE;
    base = lcpy_names_loaded("numpy", "generic");
    if (base == NULL || !PyType_Check(base) || !PyType_IsSubtype(type, (PyTypeObject *)base) ||
        lcpy_names_loaded("numpy", name) != (PyObject *)type)
        return LCPY_OTHER;
    return LCPY_NPSCALAR;
}

/* The array classes are too many for the list, one for each type: by their base. */
static lcpy_class classify_arrow(PyTypeObject *type)
{
    const char *name = type->tp_name + strlen("pyarrow.lib.");
    PyObject *base = lcpy_names_loaded("pyarrow", "Array");

    return base != NULL && PyType_Check(base) && PyType_IsSubtype(type, (PyTypeObject *)base) &&
                   lcpy_names_loaded("pyarrow.lib", name) == (PyObject *)type
               ? LCPY_ARROW_ARRAY
               : LCPY_OTHER;
}

/* The long way, by name, and then by identity: anybody may call a class DataFrame. */
static lcpy_class classify_by_name(PyTypeObject *type)
{
    for (size_t i = 0; i < sizeof known_types / sizeof known_types[0]; i++) {
        const known *entry = &known_types[i];

        if (strcmp(entry->name, type->tp_name) != 0)
            continue;
        if (entry->module == NULL
                ? !PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)
                : lcpy_names_loaded(entry->module, entry->attribute) == (PyObject *)type)
            return entry->class_of;
    }
    if (strncmp(type->tp_name, "pyarrow.lib.", strlen("pyarrow.lib.")) == 0)
        return classify_arrow(type);
    return strncmp(type->tp_name, "numpy.", strlen("numpy.")) == 0 ? classify_numpy(type)
                                                                   : LCPY_OTHER;
}

/* Where a type is in the table, or the free slot where it would be. */
static size_t index_of_type(const lcpy_types *types, const PyTypeObject *type)
{
    size_t i = ((uintptr_t)type >> 5) % SLOTS; /* types are at least 32 bytes apart */

    while (types->slots[i].type != NULL && types->slots[i].type != type)
        i = (i + 1) % SLOTS;
    return i;
}

/* Only what was found: a class that is LCPY_OTHER may be known later, once its module has finished
 * loading, and users' classes may be made and freed without end. */
static void add_type(lcpy_state *state, PyTypeObject *type, lcpy_class class_of)
{
    if (state->types == NULL)
        state->types = PyMem_Calloc(1, sizeof *state->types);
    /* No memory for the table, or a full one: nothing is lost but time. */
    if (state->types != NULL && state->types->used < SLOTS_USED_MAX) {
        slot *free_slot = &state->types->slots[index_of_type(state->types, type)];

        Py_INCREF(type);
        free_slot->type = type;
        free_slot->class_of = class_of;
        state->types->used++;
    }
}

/* May be called with an exception set, which stays. */
static lcpy_class classify_new(lcpy_state *state, PyTypeObject *type)
{
    PyObject *raised, *value, *traceback;

    PyErr_Fetch(&raised, &value, &traceback);
    lcpy_class class_of = classify_by_name(type);
    if (class_of != LCPY_OTHER)
        add_type(state, type, class_of);
    PyErr_Restore(raised, value, traceback);
    return class_of;
}

/* The one that is asked for every object: what is not in the table was not known when it was last
 * asked for, and is looked up again. */
lcpy_class lcpy_types_classify(lcpy_state *state, PyTypeObject *type)
{
    /* Those that can be compared with are not looked up. */
    if (type == &PyFunction_Type)
        return LCPY_FUNCTION;
    if (type == &PyModule_Type)
        return LCPY_MODULE;
    if (type == &PyMemoryView_Type)
        return LCPY_MEMORYVIEW;
    if (type == state->persisted_type)
        return LCPY_PERSISTED;
    if (state->types != NULL) {
        const slot *found = &state->types->slots[index_of_type(state->types, type)];

        if (found->type != NULL)
            return found->class_of;
    }
    return classify_new(state, type);
}

void lcpy_types_free(lcpy_types *types)
{
    if (types == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        Py_XDECREF(types->slots[i].type);
    PyMem_Free(types);
}

int lcpy_types_traverse(lcpy_types *types, visitproc visit, void *arg)
{
    for (size_t i = 0; types != NULL && i < SLOTS; i++)
        Py_VISIT(types->slots[i].type);
    return 0;
}
