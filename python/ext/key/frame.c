/* The frames of pandas: column by column, so that how a frame keeps its columns in blocks of
 * memory does not matter. The library is not imported: a frame that is here has its own with it.
 *
 * Its own reductions would do, but for two things: they show how the frame came to be, so that
 * equal frames have other keys, and they copy all of it. Here the arrays within are digested where
 * they lie. A frame is tag 49613 over its class and these parts, so that it can never be taken for
 * another object. */
#include "key/frame.h"

#include "key/blocks.h"
#include "key/odd_array.h"
#include "key/table.h"
#include "plain/names.h"

#include <string.h>

/* ["category", codes, categories, ordered] */
static int write_categorical(lcpy_walk *walk, PyObject *array)
{
    locache_cbor_write_array(walk->writer, 4);
    locache_cbor_write_text(walk->writer, "category", strlen("category"));
    if (lcpy_walk_attribute(walk, array, "codes") < 0 ||
        lcpy_walk_attribute(walk, array, "categories") < 0)
        return -1;
    return lcpy_walk_attribute(walk, array, "ordered");
}

/* Numbers beside a mask: what lies under the mask is arbitrary, so that zeros take its place. */
static int write_masked(lcpy_walk *walk, PyObject *array, PyObject *dtype, PyObject *number_type)
{
    PyObject *method = PyObject_GetAttrString(array, "to_numpy");
    PyObject *arguments = PyTuple_New(0);
    PyObject *options = Py_BuildValue("{s:O,s:i}", "dtype", number_type, "na_value", 0);
    PyObject *values = NULL;
    int result = -1;

    if (method != NULL && arguments != NULL && options != NULL)
        values = PyObject_Call(method, arguments, options);
    if (values != NULL) {
        locache_cbor_write_array(walk->writer, 3);
        result = lcpy_walk_new(walk, PyObject_Repr(dtype));
    }
    if (result == 0)
        result = lcpy_walk_value(walk, values);
    if (result == 0)
        result = lcpy_walk_call(walk, array, "isna");
    Py_XDECREF(values);
    Py_XDECREF(options);
    Py_XDECREF(arguments);
    Py_XDECREF(method);
    return result;
}

/* The NumPy type of a nullable number, as Int64 is one (new reference); NULL without exception for
 * other types. */
static PyObject *masked_number_type(PyObject *dtype)
{
    PyObject *type = PyObject_GetAttrString(dtype, "numpy_dtype");
    PyObject *kind = type == NULL ? NULL : PyObject_GetAttrString(type, "kind");
    const char *letter = kind == NULL || !PyUnicode_Check(kind) ? NULL : PyUnicode_AsUTF8(kind);

    if (letter == NULL || letter[0] == '\0' || strchr("biuf", letter[0]) == NULL)
        Py_CLEAR(type);
    Py_XDECREF(kind);
    PyErr_Clear();
    return type;
}

/* Does pandas keep this type in arrays of pyarrow? */
static bool is_arrow_backed(PyObject *dtype)
{
    PyObject *class = (PyObject *)Py_TYPE(dtype);
    PyObject *storage;
    bool arrow;

    if (class == lcpy_names_loaded("pandas", "ArrowDtype"))
        return true;
    storage = class == lcpy_names_loaded("pandas", "StringDtype")
                  ? PyObject_GetAttrString(dtype, "storage")
                  : NULL;
    arrow = storage != NULL && PyUnicode_Check(storage) &&
            (PyUnicode_CompareWithASCIIString(storage, "pyarrow") == 0 ||
             /* pandas 2.1 and 2.2 */
             PyUnicode_CompareWithASCIIString(storage, "pyarrow_numpy") == 0);
    Py_XDECREF(storage);
    PyErr_Clear();
    return arrow;
}

/* [type, pyarrow's array] */
static int write_arrow_backed(lcpy_walk *walk, PyObject *array, PyObject *dtype)
{
    locache_cbor_write_array(walk->writer, 2);
    if (lcpy_walk_new(walk, PyObject_Repr(dtype)) < 0)
        return -1;
    return lcpy_walk_call(walk, array, "__arrow_array__");
}

/* Does a time zone's str(), which is what a dtype shows of it, say all? */
static bool is_zone_named(PyObject *zone)
{
    static const char *const packages[] = {"pytz", "zoneinfo", "dateutil."};
    PyObject *module = PyObject_GetAttrString((PyObject *)Py_TYPE(zone), "__module__");
    const char *name = module != NULL && PyUnicode_Check(module) ? PyUnicode_AsUTF8(module) : NULL;
    PyObject *class = lcpy_names_loaded("datetime", "timezone");
    PyObject *utc = class != NULL ? PyObject_GetAttrString(class, "utc") : NULL;
    bool named = zone == utc;

    for (size_t i = 0; name != NULL && i < sizeof packages / sizeof packages[0]; i++)
        named = named || strncmp(name, packages[i], strlen(packages[i])) == 0;
    Py_XDECREF(utc);
    Py_XDECREF(module);
    PyErr_Clear();
    return named;
}

/* [type, nanoseconds or what the type counts], with another zone [type, zone, the same] */
static int write_zoned(lcpy_walk *walk, PyObject *array, PyObject *dtype)
{
    PyObject *zone = PyObject_GetAttrString(dtype, "tz");
    bool named = zone != NULL && is_zone_named(zone);
    int result = -1;

    /* Nanoseconds since 1970 in UTC say the moment; which zone it is shown in is part of the
     * value. */
    locache_cbor_write_array(walk->writer, named ? 2 : 3);
    if (zone != NULL && lcpy_walk_new(walk, PyObject_Repr(dtype)) == 0)
        result = named ? 0 : lcpy_walk_value(walk, zone);
    Py_XDECREF(zone);
    return result < 0 ? -1 : lcpy_walk_attribute(walk, array, "asi8");
}

/* Of a module's name, as much as tells pandas from others. */
#define MODULE_ROOM 16

/* The beginning of the name of the module that an object's class is from; empty where it has
 * none. */
static const char *module_of(PyObject *object, char room[MODULE_ROOM])
{
    PyObject *module = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__module__");
    const char *name = module != NULL && PyUnicode_Check(module) ? PyUnicode_AsUTF8(module) : NULL;

    PyOS_snprintf(room, MODULE_ROOM, "%.15s", name == NULL ? "" : name);
    Py_XDECREF(module);
    PyErr_Clear();
    return room;
}

/* The arrays that pandas has of its own: those known to have a form without a copy per element; all
 * others (periods, intervals, sparse arrays, other packages' types) as lists of their elements. */
static int write_extension(lcpy_walk *walk, PyObject *array, PyObject *dtype)
{
    char room[MODULE_ROOM];
    PyObject *number_type;
    int result;

    if ((PyObject *)Py_TYPE(dtype) == lcpy_names_loaded("pandas", "CategoricalDtype"))
        return write_categorical(walk, array);
    /* pyarrow's array has a form of its own (table.c). */
    if (is_arrow_backed(dtype))
        return write_arrow_backed(walk, array, dtype);
    number_type = masked_number_type(dtype);
    if (number_type != NULL) {
        result = write_masked(walk, array, dtype, number_type);
        Py_DECREF(number_type);
        return result;
    }
    if ((PyObject *)Py_TYPE(dtype) == lcpy_names_loaded("pandas", "DatetimeTZDtype"))
        return write_zoned(walk, array, dtype);
    /* What another package's array holds beside its elements, only its class knows. */
    if (strncmp(module_of(dtype, room), "pandas.", strlen("pandas.")) != 0)
        return lcpy_walk_value(walk, array);
    /* One object of Python for each element: slow, but right for any type. */
    locache_cbor_write_array(walk->writer, 2);
    if (lcpy_walk_new(walk, PyObject_Repr(dtype)) < 0)
        return -1;
    return lcpy_walk_new(walk, PySequence_List(array));
}

/* The data of a Series or an Index with its type: as NumPy's array where pandas keeps one. */
static int write_pandas_data(lcpy_walk *walk, PyObject *object)
{
    PyObject *dtype = PyObject_GetAttrString(object, "dtype");
    PyObject *array = NULL;
    int result = -1;

    if (dtype == NULL)
        return -1;
    /* Whatever pandas puts around it, the values are an array of NumPy. */
    if (lcpy_types_classify(walk->state, Py_TYPE(dtype)) == LCPY_NPDTYPE) {
        result = lcpy_walk_call(walk, object, "to_numpy");
    } else {
        array = PyObject_GetAttrString(object, "array");
        result = array == NULL ? -1 : write_extension(walk, array, dtype);
    }
    Py_XDECREF(array);
    Py_DECREF(dtype);
    return result;
}

/* A tuple of one name, or of one for each level; any of them may be None or any object. */
static int write_index_names(lcpy_walk *walk, PyObject *index)
{
    PyObject *names = PyObject_GetAttrString(index, "names");
    int result = names == NULL ? -1 : lcpy_walk_new(walk, PySequence_Tuple(names));

    Py_XDECREF(names);
    return result;
}

/* Every level as the index of its values; how they are encoded by levels and codes is not
 * unique. */
static int write_multi_index(lcpy_walk *walk, PyObject *index)
{
    PyObject *levels = PyObject_GetAttrString(index, "nlevels");
    long count = levels == NULL ? -1 : PyLong_AsLong(levels);

    Py_XDECREF(levels);
    if (count < 0)
        return -1;
    locache_cbor_write_array(walk->writer, (uint64_t)count);
    for (long i = 0; i < count; i++)
        if (lcpy_walk_new(walk, PyObject_CallMethod(index, "get_level_values", "l", i)) < 0)
            return -1;
    return 0;
}

/* [names, start, stop, step], [names, [levels]], or [names, data], of times with the frequency. Its
 * class is pandas' own, whose names are short. */
static int write_index(lcpy_walk *walk, PyObject *index)
{
    const char *name = Py_TYPE(index)->tp_name;
    char full[64];
    bool range = strcmp(name, "RangeIndex") == 0;
    bool multi = strcmp(name, "MultiIndex") == 0;
    bool times = strcmp(name, "DatetimeIndex") == 0 || strcmp(name, "TimedeltaIndex") == 0;

    /* By the class of the index: RangeIndex(3) and Index([0, 1, 2]) print and behave
     * differently. */
    snprintf(full, sizeof full, "pandas:%s", name);
    lcpy_walk_begin_object(walk, full, range ? 4 : times ? 3 : 2);
    if (write_index_names(walk, index) < 0)
        return -1;
    if (multi)
        return write_multi_index(walk, index);
    if (range) {
        return lcpy_walk_attribute(walk, index, "start") < 0 ||
                       lcpy_walk_attribute(walk, index, "stop") < 0
                   ? -1
                   : lcpy_walk_attribute(walk, index, "step");
    }
    if (write_pandas_data(walk, index) < 0)
        return -1;
    /* with its holidays and hours, which its name does not say */
    return times ? lcpy_walk_attribute(walk, index, "freq") : 0;
}

/* The attributes that the user gave, and whether labels may be there twice. */
static int write_about(lcpy_walk *walk, PyObject *object)
{
    PyObject *flags;
    int result;

    if (lcpy_walk_attribute(walk, object, "attrs") < 0)
        return -1;
    flags = PyObject_GetAttrString(object, "flags");
    result = flags == NULL ? -1 : lcpy_walk_attribute(walk, flags, "allows_duplicate_labels");
    Py_XDECREF(flags);
    return result;
}

/* [name, index, data, attributes, flag] */
static int write_pandas_series(lcpy_walk *walk, PyObject *series)
{
    lcpy_walk_begin_object(walk, "pandas:Series", 5);
    if (lcpy_walk_attribute(walk, series, "name") < 0 ||
        lcpy_walk_attribute(walk, series, "index") < 0 || write_pandas_data(walk, series) < 0)
        return -1;
    return write_about(walk, series);
}

/* How many columns, from this one on, are rows of one block of plain data; 0: this one is not. */
static int rows_of_one_block(Py_ssize_t rows[LCPY_ROWS_MOST], const lcpy_block_place *columns,
                             Py_ssize_t count)
{
    const lcpy_block *block = columns->block;
    int found = 0;

    while (block->plain && found < LCPY_ROWS_MOST && found < count &&
           columns[found].block == block) {
        rows[found] = columns[found].row;
        found++;
    }
    return found;
}

/* A column as pandas keeps it. What is made here is written in place (lcpy_walk_new()), as a row of
 * plain data is. */
static int write_block_column(lcpy_walk *walk, const lcpy_block_place *column)
{
    PyObject *array = NULL;
    PyObject *dtype = NULL;
    int result;

    array = lcpy_blocks_array(column);
    dtype = array == NULL ? NULL : PyObject_GetAttrString(array, "dtype");
    if (dtype == NULL) {
        Py_XDECREF(array);
        return -1;
    }
    if (lcpy_types_classify(walk->state, Py_TYPE(dtype)) == LCPY_NPDTYPE) {
        result = lcpy_walk_new(walk, array); /* which it was made for */
    } else {
        result = write_extension(walk, array, dtype);
        Py_DECREF(array);
    }
    Py_DECREF(dtype);
    return result;
}

/* Neither which blocks there are nor how they lie in memory counts. */
static int write_blocks(lcpy_walk *walk, const lcpy_blocks *blocks)
{
    locache_cbor_write_array(walk->writer, (uint64_t)blocks->columns_count);
    for (Py_ssize_t i = 0; i < blocks->columns_count;) {
        const lcpy_block_place *column = &blocks->columns[i];
        const lcpy_block *block = column->block;
        Py_ssize_t rows[LCPY_ROWS_MOST];
        int count = rows_of_one_block(rows, column, blocks->columns_count - i);
        int result = count > 0
                         ? lcpy_odd_array_write_rows(walk, &block->open, rows, count, block->values)
                         : write_block_column(walk, column);

        if (result < 0)
            return lcpy_walk_step(walk, ".iloc[:, %zd]", i);
        i += count > 0 ? count : 1;
    }
    return 0;
}

/* The data of every column: `items` is a list of pairs of a label and a series. */
static int write_items(lcpy_walk *walk, PyObject *items)
{
    locache_cbor_write_array(walk->writer, (uint64_t)PyList_GET_SIZE(items));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);

        if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
            PyErr_SetString(PyExc_TypeError, "DataFrame.items() gives no pairs");
            return -1;
        }
        if (write_pandas_data(walk, PyTuple_GET_ITEM(pair, 1)) < 0)
            return lcpy_walk_step(walk, ".iloc[:, %zd]", i);
    }
    return 0;
}

static int write_columns(lcpy_walk *walk, PyObject *frame)
{
    lcpy_blocks blocks;
    int result = lcpy_blocks_open(&blocks, walk->state, frame);

    if (result != 0) {
        result = result < 0 ? -1 : write_blocks(walk, &blocks);
        lcpy_blocks_close(&blocks);
        return result;
    }
    PyObject *iterator = PyObject_CallMethod(frame, "items", NULL);
    PyObject *items = iterator == NULL ? NULL : PySequence_List(iterator);
    result = items == NULL ? -1 : write_items(walk, items);
    Py_XDECREF(items);
    Py_XDECREF(iterator);
    return result;
}

/* [columns, index, [data], attributes, flag] */
static int write_pandas_frame(lcpy_walk *walk, PyObject *frame)
{
    lcpy_walk_begin_object(walk, "pandas:DataFrame", 5);
    if (lcpy_walk_attribute(walk, frame, "columns") < 0 ||
        lcpy_walk_attribute(walk, frame, "index") < 0 || write_columns(walk, frame) < 0)
        return -1;
    return write_about(walk, frame);
}

int lcpy_frame_write(lcpy_walk *walk, PyObject *value, lcpy_class class_of)
{
    int (*write)(lcpy_walk * walk, PyObject * value);

    switch (class_of) {
    case LCPY_PANDAS_FRAME:
        write = write_pandas_frame;
        break;
    case LCPY_PANDAS_SERIES:
        write = write_pandas_series;
        break;
    default:
        write = write_index;
        break;
    }
    return lcpy_walk_nested(walk, value, write);
}
