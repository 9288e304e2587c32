/* CBOR to numpy.ndarray and array.array. The content may be anybody's: type, extents and size must
 * agree before NumPy makes an array over the bytes, and must be what the writer writes. */
#include "plain/array.h"

#include <string.h>

/* Where an array's bytes come from: its reader, and who takes them from it. */
typedef struct source {
    locache_reader *reader;
    lcpy_bytes_reader bytes;
    void *context;
} source;

/* An array's shape as read: the tuple, and how many elements that makes. */
typedef struct extents {
    PyObject *tuple; /* owned */
    uint64_t elements;
} extents;

/* False without extents where the content is bad, or memory is short (with
 * MemoryError). The product may be 0 and the others out of range still, which is bad, too: NumPy
 * multiplies them all. */
static bool take_shape(extents *out, locache_reader *reader)
{
    locache_item item;
    uint64_t product = 1;
    bool empty = false;

    *out = (extents){0};
    if (!lcpy_cbor_take(&item, reader, LOCACHE_ARRAY) || item.number > LCPY_DIMENSIONS_MAX)
        return false;
    Py_ssize_t dimensions = (Py_ssize_t)item.number;
    out->tuple = PyTuple_New(dimensions);
    for (Py_ssize_t i = 0; out->tuple != NULL && i < dimensions; i++) {
        PyObject *extent = NULL;

        /* Overflow is looked for among the extents that are not 0. */
        if (lcpy_cbor_take(&item, reader, LOCACHE_UINT) && item.number <= PY_SSIZE_T_MAX) {
            empty = empty || item.number == 0;
            if (item.number == 0 || !__builtin_mul_overflow(product, item.number, &product))
                extent = PyLong_FromUnsignedLongLong(item.number);
        }
        if (extent == NULL)
            Py_CLEAR(out->tuple);
        else
            PyTuple_SET_ITEM(out->tuple, i, extent);
    }
    out->elements = empty ? 0 : product;
    return out->tuple != NULL && product <= PY_SSIZE_T_MAX;
}

/* The size of a buffer, or -1 with an exception. */
/* Of what lcpy_bytes_reader gave: asked as NumPy will ask it. */
static Py_ssize_t buffer_size(PyObject *data)
{
    Py_buffer view;

    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) < 0)
        return -1;
    PyBuffer_Release(&view);
    return view.len;
}

/* Do so many elements of this type fill exactly these bytes? */
static bool sizes_agree(PyObject *dtype, uint64_t elements, PyObject *data)
{
    /* Types of no size would agree with any number of elements. */
    PyObject *item_size = PyObject_GetAttrString(dtype, "itemsize");
    Py_ssize_t each = item_size == NULL ? -1 : PyLong_AsSsize_t(item_size);
    Py_ssize_t size = each > 0 ? buffer_size(data) : -1;
    uint64_t total;

    Py_XDECREF(item_size);
    return size >= 0 && !__builtin_mul_overflow((uint64_t)each, elements, &total) &&
           total == (uint64_t)size;
}

/* numpy.ndarray over `data`, whose size has been compared. */
/* numpy.ndarray(extents, dtype, order=..., buffer=data): the array holds data, which holds its
 * memory. The constructor is told everything, so that it neither guesses nor copies. */
static PyObject *make_array(PyObject *numpy, PyObject *dtype, const extents *shape, PyObject *data,
                            char order)
{
    PyObject *class = PyObject_GetAttrString(numpy, "ndarray");
    PyObject *arguments = Py_BuildValue("(OO)", shape->tuple, dtype);
    /* Without elements there is nothing to keep the buffer for. */
    PyObject *options = shape->elements == 0
                            ? Py_BuildValue("{s:C}", "order", order)
                            : Py_BuildValue("{s:C,s:O}", "order", order, "buffer", data);
    PyObject *array = NULL;

    if (class != NULL && arguments != NULL && options != NULL)
        array = PyObject_Call(class, arguments, options);
    Py_XDECREF(options);
    Py_XDECREF(arguments);
    Py_XDECREF(class);
    return array;
}

/* What is left of an array of this type: its bytes. Takes the shape. */
static PyObject *read_rest(const source *from, const char *type, extents *shape, char order)
{
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *dtype = numpy == NULL ? NULL : lcpy_dtype_new(numpy, type);
    PyObject *data = dtype == NULL ? NULL : from->bytes(from->context, from->reader);
    PyObject *array = NULL;

    if (data != NULL && sizes_agree(dtype, shape->elements, data))
        array = make_array(numpy, dtype, shape, data, order);
    if (data != NULL && array == NULL)
        lcpy_cbor_refuse("array");
    Py_XDECREF(data);
    Py_XDECREF(dtype);
    Py_XDECREF(numpy);
    Py_CLEAR(shape->tuple);
    return array;
}

/* [[extents], typed array] */
static PyObject *read_typed(const source *from, char order)
{
    extents shape = {0};
    locache_item item;
    char type[4];

    if (!lcpy_cbor_take_array(from->reader, 2) || !take_shape(&shape, from->reader) ||
        !lcpy_cbor_take(&item, from->reader, LOCACHE_TAG) ||
        !lcpy_dtype_of_tag(type, item.number)) {
        Py_XDECREF(shape.tuple);
        return lcpy_cbor_refuse("array");
    }
    return read_rest(from, type, &shape, order);
}

/* A typed array alone: one dimension, as long as its bytes. */
static PyObject *read_flat(const source *from, uint64_t tag)
{
    char type[4];
    PyObject *numpy = NULL;
    PyObject *data = NULL;
    PyObject *array = NULL;
    extents shape = {0};

    if (!lcpy_dtype_of_tag(type, tag))
        return lcpy_cbor_refuse("array");
    /* How many elements there are only the bytes say. */
    numpy = PyImport_ImportModule("numpy");
    PyObject *dtype = numpy == NULL ? NULL : lcpy_dtype_new(numpy, type);
    data = dtype == NULL ? NULL : from->bytes(from->context, from->reader);
    if (data == NULL)
        goto done;
    Py_ssize_t size = buffer_size(data);
    if (size >= 0) {
        shape.elements = (uint64_t)size / (uint64_t)(type[2] - '0');
        shape.tuple = Py_BuildValue("(n)", (Py_ssize_t)shape.elements);
    }
    if (shape.tuple != NULL && sizes_agree(dtype, shape.elements, data))
        array = make_array(numpy, dtype, &shape, data, 'C');
    if (array == NULL)
        lcpy_cbor_refuse("array");
done:
    Py_XDECREF(shape.tuple);
    Py_XDECREF(data);
    Py_XDECREF(dtype);
    Py_XDECREF(numpy);
    return array;
}

/* [type string, [extents], "C" or "F", bytes] */
static PyObject *read_untyped(const source *from)
{
    extents shape = {0};
    locache_item item;
    char type[LCPY_DTYPE_SIZE];

    if (!lcpy_cbor_take_array(from->reader, 4) || !lcpy_dtype_take(type, from->reader) ||
        lcpy_dtype_tag(type) != 0 || !take_shape(&shape, from->reader) ||
        !lcpy_cbor_take(&item, from->reader, LOCACHE_TEXT) || item.size != 1 ||
        (item.data[0] != 'C' && item.data[0] != 'F')) {
        Py_XDECREF(shape.tuple);
        return lcpy_cbor_refuse("array");
    }
    return read_rest(from, type, &shape, (char)item.data[0]);
}

/* [type code, bytes] */
static PyObject *read_pyarray(const source *from)
{
    locache_item item;
    PyObject *module = NULL;
    PyObject *array = NULL;
    PyObject *data = NULL;
    PyObject *done = NULL;

    if (!lcpy_cbor_take_array(from->reader, 2) ||
        !lcpy_cbor_take(&item, from->reader, LOCACHE_TEXT) || item.size != 1 ||
        strchr("bBuwhHiIlLqQfd", item.data[0]) == NULL)
        return lcpy_cbor_refuse("array");
    module = PyImport_ImportModule("array");
    data = module == NULL ? NULL : from->bytes(from->context, from->reader);
    if (data == NULL)
        goto done;
    array = PyObject_CallMethod(module, "array", "C", item.data[0]);
    /* It refuses a size that is no whole number of items. */
    done = array == NULL ? NULL : PyObject_CallMethod(array, "frombytes", "O", data);
    if (done == NULL) {
        Py_CLEAR(array);
        lcpy_cbor_refuse("array");
    }
    Py_XDECREF(done);
done:
    Py_XDECREF(data);
    Py_XDECREF(module);
    return array;
}

/* The bytes of a scalar, which the reader is at; as a bytes reader. */
static PyObject *copy_inline(void *context, locache_reader *reader)
{
    locache_item item;

    (void)context;
    return lcpy_cbor_take(&item, reader, LOCACHE_BYTES)
               ? PyByteArray_FromStringAndSize((const char *)item.data, (Py_ssize_t)item.size)
               : lcpy_cbor_refuse("array");
}

PyObject *lcpy_array_read_single(locache_reader *reader, const char *type)
{
    const source from = {.reader = reader, .bytes = copy_inline};
    extents shape = {.tuple = PyTuple_New(0), .elements = 1};

    return shape.tuple == NULL ? NULL : read_rest(&from, type, &shape, 'C');
}

PyObject *lcpy_array_read(locache_reader *reader, uint64_t tag, lcpy_bytes_reader bytes,
                          void *context)
{
    const source from = {.reader = reader, .bytes = bytes, .context = context};

    switch (tag) {
    case LOCACHE_TAG_NDARRAY:
        return read_typed(&from, 'C');
    case LOCACHE_TAG_NDARRAY_F:
        return read_typed(&from, 'F');
    case LOCACHE_TAG_ARRAY:
        return read_untyped(&from);
    case LOCACHE_TAG_PYARRAY:
        return read_pyarray(&from);
    default:
        return read_flat(&from, tag);
    }
}
