/* CBOR to numpy.ndarray and array.array. The content may be anybody's: type, extents and size must
 * agree before NumPy makes an array over the bytes, and must be what the writer writes. */
#include "plain/array.h"

#include <string.h>

/* Where an array's bytes come from: its reader, and who takes them from it. */
typedef struct source {
    locache_cbor_reader *reader;
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
static bool take_shape(extents *out, locache_cbor_reader *reader)
{
    locache_cbor_item item;
    uint64_t product = 1;
    bool empty = false;

    *out = (extents){0};
    if (!lcpy_cbor_take(&item, reader, LOCACHE_KIND_ARRAY) || item.number > LCPY_DIMENSIONS_MAX)
        return false;
    Py_ssize_t dimensions = (Py_ssize_t)item.number;
    out->tuple = PyTuple_New(dimensions);
    for (Py_ssize_t i = 0; out->tuple != NULL && i < dimensions; i++) {
        PyObject *extent = NULL;

        /* Overflow is looked for among the extents that are not 0. */
        if (lcpy_cbor_take(&item, reader, LOCACHE_KIND_UINT) && item.number <= PY_SSIZE_T_MAX) {
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

/* Do so many elements of this type fill exactly these bytes? */
static bool sizes_agree(PyObject *dtype, uint64_t elements, size_t size)
{
    /* Types of no size would agree with any number of elements. */
    PyObject *item_size = PyObject_GetAttrString(dtype, "itemsize");
    Py_ssize_t each = item_size == NULL ? -1 : PyLong_AsSsize_t(item_size);
    uint64_t total;

    Py_XDECREF(item_size);
    return each > 0 && !__builtin_mul_overflow((uint64_t)each, elements, &total) && total == size;
}

/* numpy.ndarray(extents, dtype, order=..., buffer=lent): the array holds what is lent, which holds
 * its memory; without it, its memory is its own, and new. The constructor is told everything, so
 * that it neither guesses nor copies. */
static PyObject *make_array(PyObject *numpy, PyObject *dtype, const extents *shape, PyObject *lent,
                            char order)
{
    PyObject *class = PyObject_GetAttrString(numpy, "ndarray");
    PyObject *arguments = Py_BuildValue("(OO)", shape->tuple, dtype);
    PyObject *options = lent == NULL ? Py_BuildValue("{s:C}", "order", order)
                                     : Py_BuildValue("{s:C,s:O}", "order", order, "buffer", lent);
    PyObject *array = NULL;

    if (class != NULL && arguments != NULL && options != NULL)
        array = PyObject_Call(class, arguments, options);
    Py_XDECREF(options);
    Py_XDECREF(arguments);
    Py_XDECREF(class);
    return array;
}

/* Into an array that owns its memory. The buffer protocol has no format for dates and durations:
 * they are filled as the integers that they are. */
static bool fill_array(PyObject *array, const lcpy_array_bytes *bytes, bool is_time)
{
    const int flags = PyBUF_WRITABLE | PyBUF_ANY_CONTIGUOUS;
    PyObject *filled = is_time ? PyObject_CallMethod(array, "view", "s", "i8") : Py_NewRef(array);
    Py_buffer view;
    bool done = false;

    if (filled != NULL && PyObject_GetBuffer(filled, &view, flags) == 0) {
        done = (size_t)view.len == bytes->size;
        if (done)
            memcpy(view.buf, bytes->data, bytes->size);
        PyBuffer_Release(&view);
    }
    Py_XDECREF(filled);
    return done;
}

/* The array of this type, shape and bytes, whose reference to what is lent is taken. */
static PyObject *make_filled(PyObject *numpy, PyObject *dtype, const char *type,
                             const extents *shape, lcpy_array_bytes *bytes, char order)
{
    PyObject *array = NULL;

    if (sizes_agree(dtype, shape->elements, bytes->size)) {
        /* Without elements there is nothing to keep a buffer for, nor anything to fill. */
        if (shape->elements == 0)
            Py_CLEAR(bytes->lent);
        array = make_array(numpy, dtype, shape, bytes->lent, order);
        if (array != NULL && bytes->lent == NULL && shape->elements > 0 &&
            !fill_array(array, bytes, type[1] == 'm' || type[1] == 'M'))
            Py_CLEAR(array);
    }
    Py_XDECREF(bytes->lent);
    return array != NULL ? array : lcpy_cbor_refuse("array");
}

/* What is left of an array of this type: its bytes. Takes the shape. */
static PyObject *read_rest(const source *from, const char *type, extents *shape, char order)
{
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *dtype = numpy == NULL ? NULL : lcpy_dtype_new(numpy, type);
    lcpy_array_bytes bytes;
    PyObject *array = NULL;

    if (dtype != NULL && from->bytes(&bytes, from->context, from->reader) == 0)
        array = make_filled(numpy, dtype, type, shape, &bytes, order);
    Py_XDECREF(dtype);
    Py_XDECREF(numpy);
    Py_CLEAR(shape->tuple);
    return array;
}

/* [[extents], typed array] */
static PyObject *read_typed(const source *from, char order)
{
    extents shape = {0};
    locache_cbor_item item;
    char type[4];

    if (!lcpy_cbor_take_array(from->reader, 2) || !take_shape(&shape, from->reader) ||
        !lcpy_cbor_take(&item, from->reader, LOCACHE_KIND_TAG) ||
        !lcpy_dtype_of_tag(type, item.number)) {
        Py_XDECREF(shape.tuple);
        return lcpy_cbor_refuse("array");
    }
    return read_rest(from, type, &shape, order);
}

/* A typed array alone: one dimension, as long as its bytes, which alone say how many elements there
 * are. */
static PyObject *read_flat(const source *from, uint64_t tag)
{
    char type[4];
    PyObject *array = NULL;
    lcpy_array_bytes bytes;

    if (!lcpy_dtype_of_tag(type, tag))
        return lcpy_cbor_refuse("array");
    PyObject *numpy = PyImport_ImportModule("numpy");
    PyObject *dtype = numpy == NULL ? NULL : lcpy_dtype_new(numpy, type);
    if (dtype != NULL && from->bytes(&bytes, from->context, from->reader) == 0) {
        extents shape = {.elements = bytes.size / (uint64_t)(type[2] - '0')};

        shape.tuple = Py_BuildValue("(n)", (Py_ssize_t)shape.elements);
        if (shape.tuple != NULL)
            array = make_filled(numpy, dtype, type, &shape, &bytes, 'C');
        else
            Py_XDECREF(bytes.lent);
        Py_XDECREF(shape.tuple);
    }
    Py_XDECREF(dtype);
    Py_XDECREF(numpy);
    return array;
}

/* [type string, [extents], "C" or "F", bytes] */
static PyObject *read_untyped(const source *from)
{
    extents shape = {0};
    locache_cbor_item item;
    char type[LCPY_DTYPE_SIZE];

    if (!lcpy_cbor_take_array(from->reader, 4) || !lcpy_dtype_take(type, from->reader) ||
        lcpy_dtype_tag(type) != 0 || !take_shape(&shape, from->reader) ||
        !lcpy_cbor_take(&item, from->reader, LOCACHE_KIND_TEXT) || item.size != 1 ||
        (item.data[0] != 'C' && item.data[0] != 'F')) {
        Py_XDECREF(shape.tuple);
        return lcpy_cbor_refuse("array");
    }
    return read_rest(from, type, &shape, (char)item.data[0]);
}

/* It refuses a size that is no whole number of items. */
static PyObject *fill_pyarray(PyObject *module, char type, const lcpy_array_bytes *bytes)
{
    PyObject *array = PyObject_CallMethod(module, "array", "C", type);
    PyObject *view = array == NULL ? NULL
                                   : PyMemoryView_FromMemory((char *)(uintptr_t)bytes->data,
                                                             (Py_ssize_t)bytes->size, PyBUF_READ);
    PyObject *done = view == NULL ? NULL : PyObject_CallMethod(array, "frombytes", "O", view);

    Py_XDECREF(view);
    if (done == NULL) {
        Py_CLEAR(array);
        lcpy_cbor_refuse("array");
    }
    Py_XDECREF(done);
    return array;
}

/* [type code, bytes] */
static PyObject *read_pyarray(const source *from)
{
    locache_cbor_item item;
    lcpy_array_bytes bytes = {0};
    PyObject *array = NULL;

    if (!lcpy_cbor_take_array(from->reader, 2) ||
        !lcpy_cbor_take(&item, from->reader, LOCACHE_KIND_TEXT) || item.size != 1 ||
        strchr("bBuwhHiIlLqQfd", item.data[0]) == NULL)
        return lcpy_cbor_refuse("array");
    PyObject *module = PyImport_ImportModule("array");
    if (module != NULL && from->bytes(&bytes, from->context, from->reader) == 0)
        array = fill_pyarray(module, (char)item.data[0], &bytes);
    Py_XDECREF(bytes.lent);
    Py_XDECREF(module);
    return array;
}

/* The bytes of a scalar, which the reader is at; as a bytes reader. */
static int take_inline(lcpy_array_bytes *out, void *context, locache_cbor_reader *reader)
{
    locache_cbor_item item;

    (void)context;
    if (!lcpy_cbor_take(&item, reader, LOCACHE_KIND_BYTES)) {
        lcpy_cbor_refuse("array");
        return -1;
    }
    *out = (lcpy_array_bytes){.data = item.data, .size = item.size};
    return 0;
}

PyObject *lcpy_array_read_single(locache_cbor_reader *reader, const char *type)
{
    const source from = {.reader = reader, .bytes = take_inline};
    extents shape = {.tuple = PyTuple_New(0), .elements = 1};

    return shape.tuple == NULL ? NULL : read_rest(&from, type, &shape, 'C');
}

PyObject *lcpy_array_read(locache_cbor_reader *reader, uint64_t tag, lcpy_bytes_reader bytes,
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
