/* Arrays, also those that are no plain data (fields, objects, metadata, another package's types),
 * and dtypes.
 *
 * Most arrays are plain data: a head and their bytes, digested where they lie. The others are
 * written under the same tag with their dtype in full, and with whatever says their elements
 * exactly. */
#include "key/odd_array.h"

#include "key/object.h"
#include "plain/array.h"

/* False also where it cannot be asked. Leaves no exception. */
static bool is_attribute_none(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    bool none = value == Py_None;

    Py_XDECREF(value);
    PyErr_Clear();
    return none;
}

/* Its string says all: no fields, no shape, no metadata, NumPy's own. */
static bool is_plain_dtype(PyObject *dtype)
{
    PyObject *builtin = PyObject_GetAttrString(dtype, "isbuiltin");
    PyObject *kind = PyObject_GetAttrString(dtype, "kind");
    /* 2: registered by another package; T: strings of any length, which have options. */
    bool plain = builtin != NULL && PyLong_AsLong(builtin) != 2 && kind != NULL &&
                 PyUnicode_Check(kind) && PyUnicode_CompareWithASCIIString(kind, "T") != 0;

    Py_XDECREF(kind);
    Py_XDECREF(builtin);
    PyErr_Clear();
    return plain && is_attribute_none(dtype, "names") && is_attribute_none(dtype, "subdtype") &&
           is_attribute_none(dtype, "metadata");
}

/* One that its string does not say whole has a reduction that does. */
int lcpy_odd_array_write_dtype(lcpy_walk *walk, PyObject *dtype)
{
    if (!is_plain_dtype(dtype))
        return lcpy_object_write(walk, dtype);
    lcpy_walk_begin_object(walk, "numpy:dtype", 1);
    return lcpy_walk_attribute(walk, dtype, "str");
}

/* The field arrays of a structured array, one by one: what lies between the fields is padding. */
static int write_fields(lcpy_walk *walk, PyObject *array, PyObject *names)
{
    Py_ssize_t count = PyTuple_GET_SIZE(names);

    locache_cbor_write_array(walk->writer, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);

        if (lcpy_walk_new(walk, PyObject_GetItem(array, name)) < 0)
            return lcpy_walk_step(walk, "[%R]", name);
    }
    return 0;
}

/* The elements one by one, as Python has them: what lies in the array are pointers. */
static int write_elements(lcpy_walk *walk, PyObject *array)
{
    PyObject *flat = PyObject_CallMethod(array, "ravel", NULL);
    int result = flat == NULL ? -1 : lcpy_walk_call(walk, flat, "tolist");

    Py_XDECREF(flat);
    return result;
}

/* The elements as they lie in memory; by a copy where the type has no buffer. */
static int write_raw(lcpy_walk *walk, PyObject *array)
{
    const lcpy_padding none = {0};
    lcpy_strided bytes;
    Py_buffer view;
    int result;

    if (PyObject_GetBuffer(array, &view, PyBUF_STRIDES) < 0) {
        PyErr_Clear();
        return lcpy_walk_call(walk, array, "tobytes");
    }
    lcpy_strided_of(&bytes, &view, none);
    result = lcpy_walk_strided(walk, &bytes, array);
    PyBuffer_Release(&view);
    return result;
}

/* By what its elements are: records, pointers, or bytes of a kind that RFC 8746 and NumPy's type
 * strings do not say all of. */
static int write_payload(lcpy_walk *walk, PyObject *array, PyObject *dtype)
{
    PyObject *names = PyObject_GetAttrString(dtype, "names");
    /* also said of strings of any length */
    PyObject *has_objects = PyObject_GetAttrString(dtype, "hasobject");
    int result = -1;

    if (names == NULL || has_objects == NULL)
        goto done;
    if (PyTuple_Check(names))
        result = write_fields(walk, array, names);
    else
        result = has_objects == Py_True ? write_elements(walk, array) : write_raw(walk, array);
done:
    Py_XDECREF(has_objects);
    Py_XDECREF(names);
    return result;
}

/* [places of the axes], and the array follows: its items lie in neither of the two usual orders. */
static void begin_placed(lcpy_walk *walk, const signed char *places, int dimensions)
{
    lcpy_walk_begin_object(walk, "numpy:ndarray", 2);
    locache_cbor_write_array(walk->writer, (uint64_t)dimensions);
    for (int i = 0; i < dimensions; i++)
        locache_cbor_write_int(walk->writer, places[i]);
}

/* The order of an array that is written element by element. */
static int write_order(lcpy_walk *walk, PyObject *array)
{
    Py_ssize_t shape[LCPY_DIMENSIONS_MAX], strides[LCPY_DIMENSIONS_MAX];
    signed char places[LCPY_DIMENSIONS_MAX];
    PyObject *extents = PyObject_GetAttrString(array, "shape");
    PyObject *steps = PyObject_GetAttrString(array, "strides");
    Py_ssize_t count = extents == NULL || !PyTuple_Check(extents) ? 0 : PyTuple_GET_SIZE(extents);
    const char *order = "C";

    if (steps == NULL || !PyTuple_Check(steps) || PyTuple_GET_SIZE(steps) != count ||
        count > LCPY_DIMENSIONS_MAX)
        count = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        shape[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(extents, i));
        strides[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(steps, i));
    }
    Py_XDECREF(steps);
    Py_XDECREF(extents);
    if (PyErr_Occurred() != NULL)
        return -1;
    switch (lcpy_strided_order(places, (int)count, shape, strides)) {
    case LCPY_OTHERWISE:
        locache_cbor_write_array(walk->writer, (uint64_t)count);
        for (Py_ssize_t i = 0; i < count; i++)
            locache_cbor_write_int(walk->writer, places[i]);
        return 0;
    case LCPY_COLUMNS:
        order = "F";
        break;
    default:
        break;
    }
    locache_cbor_write_text(walk->writer, order, 1);
    return 0;
}

/* [dtype, [extents], order, fields, elements or bytes], which are in C's order always: "C" and "F"
 * say how they lie in the array, as an array of places does. */
static int write_odd_array(lcpy_walk *walk, PyObject *array)
{
    PyObject *dtype = PyObject_GetAttrString(array, "dtype");
    PyObject *shape = PyObject_GetAttrString(array, "shape");
    int result = -1;

    if (dtype == NULL || shape == NULL || !PyTuple_Check(shape))
        goto done;
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_ARRAY);
    locache_cbor_write_array(walk->writer, 4);
    if ((is_plain_dtype(dtype) ? lcpy_walk_attribute(walk, dtype, "str")
                               : lcpy_odd_array_write_dtype(walk, dtype)) < 0)
        goto done;
    locache_cbor_write_array(walk->writer, (uint64_t)PyTuple_GET_SIZE(shape));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(shape); i++)
        if (lcpy_walk_value(walk, PyTuple_GET_ITEM(shape, i)) < 0)
            goto done;
    result = write_order(walk, array);
    if (result == 0)
        result = write_payload(walk, array, dtype);
done:
    Py_XDECREF(shape);
    Py_XDECREF(dtype);
    return result;
}

/* Plain data, which holds no other objects. */
static int write_plain(lcpy_walk *walk, const lcpy_array *open, lcpy_strided *bytes,
                       PyObject *array)
{
    if (open->odd)
        begin_placed(walk, open->places, open->dimensions);
    lcpy_array_write_head(walk->writer, open);
    return lcpy_walk_strided(walk, bytes, array);
}

/* Bytes of a row from which on its digest takes its place, long before that of an array by itself
 * does: where there is one row there are many, and a key of all of them takes more memory, and more
 * time, than the digests do. */
#define ROW_DIGEST_FROM 256

/* Rows of `size` bytes, in place or gathered, not on the stack, of which there may be little.
 * `head` is one of them: it is the same for all. */
static int write_digested(lcpy_walk *walk, const lcpy_array *head, size_t size,
                          const lcpy_array *of, const Py_ssize_t *rows, int count)
{
    unsigned char digests[LCPY_ROWS_MOST][LOCACHE_DIGEST_SIZE];
    const void *data[LCPY_ROWS_MOST] = {NULL};
    char *room = NULL;
    lcpy_strided bytes;
    lcpy_array open;

    for (int i = 0; i < count; i++) {
        lcpy_array_row_for_key(&open, &bytes, of, rows[i]);
        data[i] = bytes.start;
        if (lcpy_strided_in_place(&bytes))
            continue;
        if (room == NULL && (room = PyMem_Malloc((size_t)count * size)) == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        lcpy_strided_copy(&bytes, room + (size_t)i * size, 0, size);
        data[i] = room + (size_t)i * size;
    }
    locache_digest_each(digests, data, size, (size_t)count);
    PyMem_Free(room);
    for (int i = 0; i < count; i++) {
        lcpy_array_write_head(walk->writer, head);
        lcpy_walk_put_digest(walk->writer, LOCACHE_TAG_DIGEST, size, digests[i]);
    }
    return 0;
}

int lcpy_odd_array_write_rows(lcpy_walk *walk, const lcpy_array *of, const Py_ssize_t *rows,
                              int count, PyObject *array)
{
    lcpy_strided bytes;
    lcpy_array open;

    for (int i = 0; i < count; i++) {
        lcpy_array_row_for_key(&open, &bytes, of, rows[i]);
        open.odd = false; /* a column of a frame has no order of its own */
        /* They are of one size. */
        if (bytes.size >= ROW_DIGEST_FROM && bytes.size < LCPY_DIGEST_FROM)
            return write_digested(walk, &open, bytes.size, of, rows, count);
        if (write_plain(walk, &open, &bytes, array) < 0)
            return -1;
    }
    return 0;
}

static int write_odd(lcpy_walk *walk, PyObject *array)
{
    lcpy_strided bytes;
    lcpy_array open;
    int result;

    switch (lcpy_array_open_for_key(walk->state, &open, &bytes, array)) {
    case LCPY_DONE:
        result = write_plain(walk, &open, &bytes, array);
        lcpy_array_close(&open);
        walk->apart = true;
        return result;
    case LCPY_NOT_EXACT:
        return write_odd_array(walk, array);
    default:
        return -1;
    }
}

int lcpy_odd_array_write(lcpy_walk *walk, PyObject *array)
{
    return lcpy_walk_nested(walk, array, write_odd);
}
