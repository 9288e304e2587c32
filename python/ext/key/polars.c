/* The frames of polars: column by column, so that how a frame keeps its columns in chunks of memory
 * does not matter; for the rest as those of pandas (frame.c). */
#include "key/polars.h"

#include <string.h>

#include "key/table.h"
#include "plain/names.h"

/* [lengths, all items] of a column of lists: to_list() would make them objects of Python, which
 * know no nanoseconds. */
static int write_polars_lists(lcpy_walk *walk, PyObject *lists)
{
    PyObject *space = PyObject_GetAttrString(lists, "list");
    PyObject *lengths = space == NULL ? NULL : PyObject_CallMethod(space, "len", NULL);
    PyObject *zero = PyLong_FromLong(0);
    PyObject *any =
        lengths == NULL || zero == NULL ? NULL : PyObject_RichCompare(lengths, zero, Py_GT);
    /* Of an empty list explode() makes a null. */
    PyObject *full = any == NULL ? NULL : PyObject_CallMethod(lists, "filter", "O", any);
    int result = -1;

    /* The length of a null is null or 0, by version. */
    locache_cbor_write_array(walk->writer, 3);
    if (full != NULL && lcpy_walk_call(walk, lists, "is_null") == 0 &&
        lcpy_walk_value(walk, lengths) == 0)
        result = lcpy_walk_call(walk, full, "explode");
    Py_XDECREF(full);
    Py_XDECREF(any);
    Py_XDECREF(zero);
    Py_XDECREF(lengths);
    Py_XDECREF(space);
    return result;
}

/* [lengths, all items] */
static int write_polars_arrays(lcpy_walk *walk, PyObject *arrays)
{
    PyObject *space = PyObject_GetAttrString(arrays, "arr");
    PyObject *lists = space == NULL ? NULL : PyObject_CallMethod(space, "to_list", NULL);
    int result = lists == NULL ? -1 : write_polars_lists(walk, lists);

    Py_XDECREF(lists);
    Py_XDECREF(space);
    return result;
}

/* [nulls, frame of the fields] */
static int write_polars_structs(lcpy_walk *walk, PyObject *structs)
{
    PyObject *space = PyObject_GetAttrString(structs, "struct");
    int result = -1;

    locache_cbor_write_array(walk->writer, 2);
    if (space != NULL && lcpy_walk_call(walk, structs, "is_null") == 0)
        result = lcpy_walk_call(walk, space, "unnest");
    Py_XDECREF(space);
    return result;
}

/* What a type of somebody's own is kept as. */
static int write_polars_extension(lcpy_walk *walk, PyObject *series)
{
    PyObject *space = PyObject_GetAttrString(series, "ext");
    int result = space == NULL ? -1 : lcpy_walk_call(walk, space, "storage");

    Py_XDECREF(space);
    return result;
}

/* 1: written by its parts; 0: it has none; -1 with an exception. */
static int write_polars_nested(lcpy_walk *walk, PyObject *series, PyObject *dtype)
{
    static const struct {
        const char *name;
        int (*write)(lcpy_walk *, PyObject *);
    } nested[] = {{"List", write_polars_lists},
                  {"Array", write_polars_arrays},
                  {"Struct", write_polars_structs},
                  {"BaseExtension", write_polars_extension}};

    for (size_t i = 0; i < sizeof nested / sizeof nested[0]; i++) {
        PyObject *class = lcpy_names_loaded("polars", nested[i].name);
        int found = class == NULL ? 0 : PyObject_IsInstance(dtype, class);

        if (found != 0)
            return found < 0 || nested[i].write(walk, series) < 0 ? -1 : 1;
    }
    return 0;
}

/* By its buffers; nested types by their parts; objects of Python, and what is none of these, as a
 * list. */
static int write_polars_data(lcpy_walk *walk, PyObject *series, PyObject *dtype)
{
    PyObject *object_type = lcpy_names_loaded("polars", "Object");
    int is_object = object_type == NULL ? 0 : PyObject_RichCompareBool(dtype, object_type, Py_EQ);
    int written = is_object != 0 ? -(is_object < 0) : lcpy_table_write_series(walk, series);

    if (written == 0 && is_object == 0)
        written = write_polars_nested(walk, series, dtype);
    if (written != 0)
        return written < 0 ? -1 : 0;
    return lcpy_walk_call(walk, series, "to_list");
}

/* The values that a series has, each once, as it sorts them. */
static int write_polars_order(lcpy_walk *walk, PyObject *series)
{
    PyObject *once = PyObject_CallMethod(series, "unique", NULL);
    PyObject *sorted = once == NULL ? NULL : PyObject_CallMethod(once, "sort", NULL);
    int result = sorted == NULL ? -1 : lcpy_walk_call(walk, sorted, "to_list");

    Py_XDECREF(sorted);
    Py_XDECREF(once);
    return result;
}

/* Some versions sort categories by where they met each first, in whatever series: [data, order]. */
static int write_polars_values(lcpy_walk *walk, PyObject *series, PyObject *dtype, PyObject *type)
{
    if (PyUnicode_CompareWithASCIIString(type, "Categorical(ordering='physical')") != 0)
        return write_polars_data(walk, series, dtype);
    locache_cbor_write_array(walk->writer, 2);
    return write_polars_data(walk, series, dtype) < 0 ? -1 : write_polars_order(walk, series);
}

/* [name, type, data] */
static int write_polars_series(lcpy_walk *walk, PyObject *series)
{
    PyObject *dtype = PyObject_GetAttrString(series, "dtype");
    PyObject *type = dtype == NULL ? NULL : PyObject_Repr(dtype);
    int result = -1;

    lcpy_walk_begin_object(walk, "polars:Series", 3);
    if (type != NULL && lcpy_walk_attribute(walk, series, "name") == 0 &&
        lcpy_walk_value(walk, type) == 0)
        result = write_polars_values(walk, series, dtype, type);
    Py_XDECREF(type);
    Py_XDECREF(dtype);
    return result;
}

/* [height, [series]] */
static int write_polars_frame(lcpy_walk *walk, PyObject *frame)
{
    lcpy_walk_begin_object(walk, "polars:DataFrame", 2);
    if (lcpy_walk_attribute(walk, frame, "height") < 0)
        return -1;
    return lcpy_walk_call(walk, frame, "get_columns");
}

int lcpy_polars_write(lcpy_walk *walk, PyObject *value, bool is_frame)
{
    return lcpy_walk_nested(walk, value, is_frame ? write_polars_frame : write_polars_series);
}
