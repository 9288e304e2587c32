/* Arrays whose items lie in neither C's nor Fortran's order: turned axes, reversed ones.
 *
 * NumPy stores both as a copy in C's order. A caller can see the difference (ravel("K"), and every
 * function that goes through the memory as it lies), and keys count it: what a hit gives would be
 * another argument of the next function than what was computed. So the array is stored with its
 * axes put in the order in which they lie, and comes back as a view of that. */
#include "result/layout.h"

#include <string.h>

#include "plain/array.h"
#include "plain/strided.h"

typedef struct layout {
    int dimensions;
    signed char places[LCPY_DIMENSIONS_MAX]; /* as from lcpy_strided_order() */
    lcpy_layout_order order;
} layout;

/* shape or strides. By attribute: the buffer protocol has none of dates. */
static int read_numbers(Py_ssize_t *out, PyObject *array, const char *name)
{
    PyObject *numbers = PyObject_GetAttrString(array, name);
    int count = -1;

    if (numbers != NULL && PyTuple_Check(numbers) &&
        PyTuple_GET_SIZE(numbers) <= LCPY_DIMENSIONS_MAX)
        count = (int)PyTuple_GET_SIZE(numbers);
    for (int i = 0; i < count; i++) {
        out[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(numbers, i));
        if (out[i] == -1 && PyErr_Occurred() != NULL)
            count = -1;
    }
    if (count < 0 && PyErr_Occurred() == NULL)
        PyErr_Format(PyExc_ValueError, "an array of unknown %s", name);
    Py_XDECREF(numbers);
    return count;
}

static int read_layout(layout *out, PyObject *array)
{
    Py_ssize_t shape[LCPY_DIMENSIONS_MAX];
    Py_ssize_t strides[LCPY_DIMENSIONS_MAX];

    out->dimensions = read_numbers(shape, array, "shape");
    if (out->dimensions < 0 || read_numbers(strides, array, "strides") != out->dimensions)
        return -1;
    out->order = lcpy_strided_order(out->places, out->dimensions, shape, strides);
    return 0;
}

/* flags.f_contiguous: then its copy is in Fortran's order. */
static int is_fortran(PyObject *array)
{
    PyObject *flags = PyObject_GetAttrString(array, "flags");
    PyObject *fortran = flags == NULL ? NULL : PyObject_GetAttrString(flags, "f_contiguous");
    int is = fortran == NULL ? -1 : PyObject_IsTrue(fortran);

    Py_XDECREF(fortran);
    Py_XDECREF(flags);
    return is;
}

int lcpy_layout_is_lost(PyObject *array)
{
    layout found;

    if (read_layout(&found, array) < 0)
        return -1;
    if (found.order != LCPY_COLUMNS)
        return found.order == LCPY_OTHERWISE;
    int fortran = is_fortran(array);
    return fortran < 0 ? -1 : !fortran;
}

/* The axes from the outermost in: those whose place does not count first. */
static void sort_axes(int *axes, const layout *of)
{
    int count = 0;

    for (int place = 0; place <= of->dimensions; place++)
        for (int i = 0; i < of->dimensions; i++)
            if (of->places[i] == place || of->places[i] == -place)
                axes[count++] = i;
}

static PyObject *tuple_of(const int *numbers, int count)
{
    PyObject *tuple = PyTuple_New(count);

    for (int i = 0; tuple != NULL && i < count; i++) {
        PyObject *number = PyLong_FromLong(numbers[i]);
        if (number == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, i, number);
    }
    return tuple;
}

/* Of each axis `:`, or `::-1` where it runs backwards. */
static PyObject *index_of(const layout *of)
{
    PyObject *index = PyTuple_New(of->dimensions);
    PyObject *back = PyLong_FromLong(-1);

    for (int i = 0; index != NULL && back != NULL && i < of->dimensions; i++) {
        PyObject *slice = PySlice_New(NULL, NULL, of->places[i] < 0 ? back : NULL);
        if (slice == NULL)
            Py_CLEAR(index);
        else
            PyTuple_SET_ITEM(index, i, slice);
    }
    if (back == NULL)
        Py_CLEAR(index);
    Py_XDECREF(back);
    return index;
}

/* A view of the array with its axes as they lie, each forwards, which is C's order. */
static PyObject *put_straight(PyObject *array, PyObject *index, const int *axes, int count)
{
    PyObject *forwards = PyObject_GetItem(array, index);
    PyObject *order = forwards == NULL ? NULL : tuple_of(axes, count);
    PyObject *turned =
        order == NULL ? NULL : PyObject_CallMethod(forwards, "transpose", "(O)", order);

    Py_XDECREF(order);
    Py_XDECREF(forwards);
    return turned;
}

/* (locache._core._laid_out, (straight, where each axis is in it, index, readonly)). */
PyObject *lcpy_layout_reduce(PyObject *array, int readonly)
{
    layout found;
    int axes[LCPY_DIMENSIONS_MAX] = {0};
    int back[LCPY_DIMENSIONS_MAX] = {0};

    if (read_layout(&found, array) < 0)
        return NULL;
    sort_axes(axes, &found);
    for (int i = 0; i < found.dimensions; i++)
        back[axes[i]] = i;
    PyObject *module = PyImport_ImportModule("locache._core");
    PyObject *restore = module == NULL ? NULL : PyObject_GetAttrString(module, "_laid_out");
    PyObject *index = restore == NULL ? NULL : index_of(&found);
    PyObject *order = index == NULL ? NULL : tuple_of(back, found.dimensions);
    PyObject *straight = order == NULL ? NULL : put_straight(array, index, axes, found.dimensions);
    PyObject *reduction =
        straight == NULL ? NULL
                         : Py_BuildValue("(O(OOOi))", restore, straight, order, index, readonly);
    Py_XDECREF(straight);
    Py_XDECREF(order);
    Py_XDECREF(index);
    Py_XDECREF(restore);
    Py_XDECREF(module);
    return reduction;
}

PyObject *lcpy_layout_restore(PyObject *module, PyObject *arguments)
{
    PyObject *straight;
    PyObject *order;
    PyObject *index;
    int readonly;

    (void)module;
    if (!PyArg_ParseTuple(arguments, "OOOi:_laid_out", &straight, &order, &index, &readonly))
        return NULL;
    PyObject *turned = PyObject_CallMethod(straight, "transpose", "(O)", order);
    PyObject *array = turned == NULL ? NULL : PyObject_GetItem(turned, index);
    Py_XDECREF(turned);
    if (array != NULL && readonly && lcpy_array_make_readonly(array) < 0)
        Py_CLEAR(array);
    return array;
}
