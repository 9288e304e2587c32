/* Which results nobody can change: those that may be given to every caller as the same object. */
#include "result/frozen.h"

#include "plain/names.h"
#include "plain/types.h"

#include <datetime.h>
#include <stdbool.h>
#include <string.h>

/* The walk costs a part of what reading or writing the same items just cost. What is shared within
 * counts as often as it is met, which bounds what can be exponential. */
#define ITEMS_MAX 65536
/* of tuples: more is not met, and each takes C stack here and when it is freed */
#define DEPTH_MAX 32

#define GC_HEAD (2 * sizeof(void *)) /* what the garbage collector keeps before an object */
#define SET_SLOT (2 * sizeof(void *))

typedef struct tally {
    lcpy_state *state;
    size_t size;
    Py_ssize_t items;
    int depth;
    /* numpy.number, once looked up: borrowed, since nothing runs here that could let it go */
    PyObject *number;
} tally;

static bool is_frozen(tally *t, PyObject *value);

static bool add(tally *t, size_t size)
{
    t->size += size;
    return true;
}

/* Refused before they are walked where there are too many. */
static bool add_members(tally *t, PyObject *container, size_t each)
{
    Py_ssize_t count = PyObject_Length(container);

    if (count < 0 || t->depth == DEPTH_MAX || count > ITEMS_MAX - t->items)
        return false;
    t->items += count;
    return add(t, GC_HEAD + (size_t)Py_TYPE(container)->tp_basicsize + (size_t)count * each);
}

/* A tuple is as immutable as what it holds. */
static bool is_frozen_tuple(tally *t, PyObject *tuple)
{
    bool frozen = add_members(t, tuple, sizeof(PyObject *));

    t->depth++;
    for (Py_ssize_t i = 0; frozen && i < PyTuple_GET_SIZE(tuple); i++)
        frozen = is_frozen(t, PyTuple_GET_ITEM(tuple, i));
    t->depth--;
    return frozen;
}

static bool is_frozen_set(tally *t, PyObject *set)
{
    /* Its table is between one and a half times and six times as long as it has members. */
    bool frozen = add_members(t, set, 4 * SET_SLOT);
    PyObject *members = frozen ? PyObject_GetIter(set) : NULL;
    PyObject *member;

    frozen = members != NULL;
    t->depth++;
    while (frozen && (member = PyIter_Next(members)) != NULL) {
        frozen = is_frozen(t, member);
        Py_DECREF(member);
    }
    t->depth--;
    Py_XDECREF(members);
    return frozen;
}

/* The object itself says what it takes: for what is rare or has no simple size. */
static bool add_own_size(tally *t, PyObject *value)
{
    PyObject *said = PyObject_CallMethod(value, "__sizeof__", NULL);
    size_t size = said == NULL ? 0 : PyLong_AsSize_t(said);

    Py_XDECREF(said);
    return PyErr_Occurred() == NULL && add(t, size);
}

/* Of NumPy's scalars those that are no number hold objects, or fields that can be assigned. */
static bool is_number(tally *t, PyTypeObject *type)
{
    if (t->number == NULL)
        t->number = lcpy_names_loaded("numpy", "number");
    return (t->number != NULL && PyType_Check(t->number) &&
            PyType_IsSubtype(type, (PyTypeObject *)t->number)) ||
           lcpy_names_loaded("numpy", "bool_") == (PyObject *)type;
}

/* A zone may be any object of any class, and the offset of a datetime.timezone of one that derives
 * from timedelta. */
static bool is_frozen_zone(tally *t, PyObject *zone)
{
    if (zone == Py_None)
        return true;
    if (strcmp(Py_TYPE(zone)->tp_name, "datetime.timezone") != 0 ||
        PyType_HasFeature(Py_TYPE(zone), Py_TPFLAGS_HEAPTYPE))
        return false;
    PyObject *parts = PyObject_CallMethod(zone, "__getinitargs__", NULL);
    bool frozen = parts != NULL && PyTuple_Check(parts) && is_frozen_tuple(t, parts);

    Py_XDECREF(parts);
    return frozen && add(t, (size_t)Py_TYPE(zone)->tp_basicsize);
}

/* Of the classes that locache knows, those without any attribute that can be set. */
static bool is_frozen_instance(tally *t, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    /* Fractions and UUIDs have slots that can be assigned; paths keep what they compute. */
    switch (lcpy_types_classify(t->state, type)) {
    case LCPY_DATE:
    case LCPY_TIMEDELTA:
        return add(t, (size_t)type->tp_basicsize);
    case LCPY_DATETIME:
        return is_frozen_zone(t, PyDateTime_DATE_GET_TZINFO(value)) &&
               add(t, (size_t)type->tp_basicsize);
    case LCPY_TIME:
        return PyDateTime_TIME_GET_TZINFO(value) == Py_None && add(t, (size_t)type->tp_basicsize);
    case LCPY_DECIMAL:
        return add_own_size(t, value);
    case LCPY_NPSCALAR:
        return is_number(t, type) && add(t, (size_t)type->tp_basicsize);
    default:
        return false;
    }
}

/* CPython allocates whole digits of 30 bits; what 64 bits hold takes three at most. */
static bool add_int(tally *t, PyObject *value)
{
    int overflow;

    PyLong_AsLongLongAndOverflow(value, &overflow);
    return overflow != 0 ? add_own_size(t, value) : add(t, sizeof(PyLongObject) + sizeof(int64_t));
}

/* Compact: head and characters in one block, with a NUL behind them. */
static bool add_str(tally *t, PyObject *value)
{
    if (!PyUnicode_IS_COMPACT(value))
        return add_own_size(t, value);
    size_t head =
        PyUnicode_IS_ASCII(value) ? sizeof(PyASCIIObject) : sizeof(PyCompactUnicodeObject);
    return add(t, head + ((size_t)PyUnicode_GET_LENGTH(value) + 1) * (size_t)PyUnicode_KIND(value));
}

/* By exact type: a subclass of int or tuple may have attributes that can be set. */
static bool is_frozen(tally *t, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    if (value == Py_None || type == &PyBool_Type)
        return true;
    if (type == &PyFloat_Type || type == &PyComplex_Type)
        return add(t, (size_t)type->tp_basicsize);
    if (type == &PyLong_Type)
        return add_int(t, value);
    if (type == &PyUnicode_Type)
        return add_str(t, value);
    if (type == &PyBytes_Type)
        return add(t, (size_t)type->tp_basicsize + (size_t)PyBytes_GET_SIZE(value));
    if (type == &PyTuple_Type)
        return is_frozen_tuple(t, value);
    return type == &PyFrozenSet_Type ? is_frozen_set(t, value) : is_frozen_instance(t, value);
}

/* Never 0 for what is frozen: there is at least the reference to it. */
size_t lcpy_frozen_size(lcpy_state *state, PyObject *value)
{
    tally t = {.state = state, .size = sizeof(void *)};
    bool frozen = is_frozen(&t, value);

    PyErr_Clear();
    return frozen ? t.size : 0;
}
