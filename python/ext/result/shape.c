/* What a result is made of: the types that have a plain form, and whether sharing one matters.
 *
 * Both passes of the encoder ask these questions of every object; what neither can write exactly,
 * such as any class of a user, is left to pickle as a whole: a result has one codec. */
#include "result/shape.h"

/* Bytes, or characters: shorter strings cost less than the tags that would share them. They cannot
 * change, so that nothing but space is lost. */
#define SHARED_STRING_MIN 65

/* Of the classes that locache knows. The others may be in keys, but only pickle gives them back. */
static lcpy_shape shape_of_class(lcpy_class class_of)
{
    switch (class_of) {
    case LCPY_DATETIME:
    case LCPY_DATE:
    case LCPY_TIME:
    case LCPY_TIMEDELTA:
    case LCPY_DECIMAL:
    case LCPY_FRACTION:
    case LCPY_UUID:
        return LCPY_SHAPE_SCALAR;
    case LCPY_PYARRAY:
    case LCPY_NDARRAY:
        return LCPY_SHAPE_ARRAY;
    case LCPY_NPSCALAR:
        return LCPY_SHAPE_NPSCALAR;
    default:
        return LCPY_SHAPE_OTHER;
    }
}

/* The builtin types by pointer, the most frequent first. */
lcpy_shape lcpy_shape_of(lcpy_state *state, lcpy_class *class_of, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    *class_of = LCPY_OTHER;
    if (type == &PyLong_Type || type == &PyFloat_Type || value == Py_None || type == &PyBool_Type)
        return LCPY_SHAPE_SCALAR;
    if (type == &PyUnicode_Type)
        return LCPY_SHAPE_STR;
    if (type == &PyList_Type)
        return LCPY_SHAPE_LIST;
    if (type == &PyDict_Type)
        return LCPY_SHAPE_DICT;
    if (type == &PyTuple_Type)
        return LCPY_SHAPE_TUPLE;
    if (type == &PyBytes_Type)
        return LCPY_SHAPE_BYTES;
    if (type == &PyComplex_Type)
        return LCPY_SHAPE_SCALAR;
    if (type == &PySet_Type)
        return LCPY_SHAPE_SET;
    if (type == &PyFrozenSet_Type)
        return LCPY_SHAPE_FROZENSET;
    if (type == &PyByteArray_Type)
        return LCPY_SHAPE_BYTEARRAY;
    *class_of = lcpy_types_classify(state, type);
    return shape_of_class(*class_of);
}

bool lcpy_shape_is_shareable(PyObject *value, lcpy_shape shape)
{
    switch (shape) {
    case LCPY_SHAPE_STR:
        return PyUnicode_GetLength(value) >= SHARED_STRING_MIN;
    case LCPY_SHAPE_BYTES:
        return PyBytes_GET_SIZE(value) >= SHARED_STRING_MIN;
    case LCPY_SHAPE_TUPLE: /* it may hold what can change; Python has one empty tuple */
        return PyTuple_GET_SIZE(value) > 0;
    case LCPY_SHAPE_FROZENSET:
        return PySet_GET_SIZE(value) > 0;
    case LCPY_SHAPE_BYTEARRAY:
    case LCPY_SHAPE_LIST:
    case LCPY_SHAPE_DICT:
    case LCPY_SHAPE_SET:
    case LCPY_SHAPE_ARRAY:
        return true;
    default:
        return false;
    }
}

/* By an iterator, since the C API has no other public way that keeps to one state of the set. */
lcpy_written lcpy_shape_each_member(PyObject *set,
                                    lcpy_written (*visit)(void *context, PyObject *member),
                                    void *context)
{
    lcpy_written done = LCPY_DONE;
    PyObject *iterator = PyObject_GetIter(set);
    if (iterator == NULL)
        return LCPY_ERROR;
    PyObject *member;
    while (done == LCPY_DONE && (member = PyIter_Next(iterator)) != NULL) {
        done = visit(context, member);
        Py_DECREF(member);
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() != NULL ? LCPY_ERROR : done;
}

/* The innermost object, or the first of several: enough for a message that helps. */
lcpy_written lcpy_shape_refuse(lcpy_obstacle *obstacle, PyObject *value, const char *why)
{
    if (obstacle->type == NULL) {
        obstacle->type = (PyTypeObject *)Py_NewRef((PyObject *)Py_TYPE(value));
        obstacle->why = why;
    }
    return LCPY_NOT_EXACT;
}
