/* Arrays to CBOR: opened, so that their bytes can be written or digested where they lie, and the
 * head that stands before those bytes. The way back is in array_read.c.
 *
 * NumPy is asked by attributes and the buffer protocol alone, as any Python program would ask it:
 * there is no build against NumPy, and no version of its binary interface to agree with. */
#include "plain/array.h"

#include <string.h>

#include "plain/strided.h"
#include "plain/types.h"

/* -------------------------------------------------------------------------------------- opening */

/* The shape, by its attribute: the buffer protocol has none of some types (dates). */
static bool read_extents(lcpy_array *out, PyObject *array)
{
    PyObject *shape = PyObject_GetAttrString(array, "shape");
    bool done = false;

    if (shape == NULL || !PyTuple_Check(shape) || PyTuple_GET_SIZE(shape) > LCPY_DIMENSIONS_MAX) {
        if (shape != NULL)
            PyErr_SetString(PyExc_ValueError, "an array of too many dimensions");
        goto done;
    }
    out->dimensions = (int)PyTuple_GET_SIZE(shape);
    for (int i = 0; i < out->dimensions; i++) {
        out->extents[i] = PyLong_AsSsize_t(PyTuple_GET_ITEM(shape, i));
        if (out->extents[i] < 0)
            goto done;
    }
    done = true;
done:
    Py_XDECREF(shape);
    return done;
}

/* A buffer over `bytes` (stolen, may be NULL). */
static bool view_of(Py_buffer *out, PyObject *bytes)
{
    bool done = bytes != NULL && PyObject_GetBuffer(bytes, out, PyBUF_SIMPLE) == 0;

    Py_XDECREF(bytes);
    return done;
}

/* The bytes of an array in C order, copied. */
static bool copy_bytes(lcpy_array *out, PyObject *array)
{
    PyObject *bytes = PyObject_CallMethod(array, "tobytes", "s", "C");

    if (bytes != NULL && lcpy_dtype_has_padding(out->type)) {
        /* tobytes() gives bytes, which may not be changed. */
        Py_SETREF(bytes, PyByteArray_FromObject(bytes));
        if (bytes != NULL)
            lcpy_dtype_clear_padding(out->type, PyByteArray_AS_STRING(bytes),
                                     PyByteArray_GET_SIZE(bytes));
    }
    out->order = 'C';
    return view_of(&out->view, bytes);
}

/* `array`, or the integers that its dates are, in place. 0: it cannot be; -1 with an exception. */
static int open_in_place(lcpy_array *out, PyObject *array)
{
    /* the buffer protocol has no format for dates and durations */
    bool is_time = out->type[1] == 'm' || out->type[1] == 'M';
    PyObject *source = is_time ? PyObject_CallMethod(array, "view", "s", "i8") : Py_NewRef(array);
    int result = 1;

    if (source == NULL)
        return -1;
    if (PyObject_GetBuffer(source, &out->view, PyBUF_STRIDES) < 0) {
        PyErr_Clear();
        result = 0;
    }
    Py_DECREF(source);
    return result;
}

/* In one piece: in place where the array is contiguous and all of its bytes mean something. */
static bool open_contiguous(lcpy_array *out, PyObject *array, bool keep_order)
{
    int opened = lcpy_dtype_has_padding(out->type) ? 0 : open_in_place(out, array);

    if (opened > 0) {
        out->order = PyBuffer_IsContiguous(&out->view, 'C') ? 'C' : 'F';
        if (out->order == 'C' || (keep_order && PyBuffer_IsContiguous(&out->view, 'F')))
            return true;
        PyBuffer_Release(&out->view);
    }
    return opened >= 0 && copy_bytes(out, array);
}

/* However its items lie; bytes that mean nothing are left to whoever reads them. */
static bool open_anyhow(lcpy_array *out, PyObject *array)
{
    int opened = open_in_place(out, array);

    out->order = 'C';
    return opened > 0 || (opened == 0 && copy_bytes(out, array));
}

/* How an array is opened: for a result as it lies or else in C order, for a result in C order, for
 * a key wherever its items lie. */
enum how { KEEP_ORDER, C_ORDER, ANYHOW };

static lcpy_written open_numpy(lcpy_array *out, PyObject *array, enum how how)
{
    PyObject *dtype = PyObject_GetAttrString(array, "dtype");
    lcpy_written result = dtype == NULL ? LCPY_ERROR : lcpy_dtype_string(out->type, dtype);

    Py_XDECREF(dtype);
    if (result != LCPY_DONE)
        return result;
    out->tag = lcpy_dtype_tag(out->type);
    /* RFC 8746 knows integers and floats alone: the type string stands for all others. */
    if (out->tag == 0)
        out->tag = LOCACHE_TAG_ARRAY;
    if (!read_extents(out, array))
        return LCPY_ERROR;
    return (how == ANYHOW ? open_anyhow(out, array)
                          : open_contiguous(out, array, how == KEEP_ORDER))
               ? LCPY_DONE
               : LCPY_ERROR;
}

/* array.array: always in one piece. Its type code is as long as C's types are here, which goes into
 * the key and the entry as it is. */
static lcpy_written open_pyarray(lcpy_array *out, PyObject *array)
{
    out->tag = LOCACHE_TAG_PYARRAY;
    out->order = 'C';
    out->dimensions = 0;
    if (!lcpy_dtype_attribute(out->type, array, "typecode"))
        return LCPY_ERROR;
    return PyObject_GetBuffer(array, &out->view, PyBUF_SIMPLE) == 0 ? LCPY_DONE : LCPY_ERROR;
}

static lcpy_written open_array(lcpy_state *state, lcpy_array *out, PyObject *array, enum how how)
{
    switch (lcpy_types_classify(state, Py_TYPE(array))) {
    case LCPY_NDARRAY:
        return open_numpy(out, array, how);
    case LCPY_PYARRAY:
        return open_pyarray(out, array);
    default:
        return LCPY_NOT_EXACT;
    }
}

lcpy_written lcpy_array_open(lcpy_state *state, lcpy_array *out, PyObject *array, bool keep_order)
{
    return open_array(state, out, array, keep_order ? KEEP_ORDER : C_ORDER);
}

/* The bytes of an array that lies in Fortran's order are those of the array turned round in C's. */
static void turn_round(lcpy_strided *out, const Py_buffer *view, lcpy_padding padding)
{
    Py_ssize_t shape[PyBUF_MAX_NDIM];
    Py_ssize_t strides[PyBUF_MAX_NDIM];
    Py_buffer turned = *view; /* what it points to is the exporter's */

    for (int i = 0; i < view->ndim; i++) {
        shape[i] = view->shape[view->ndim - 1 - i];
        strides[i] = view->strides[view->ndim - 1 - i];
    }
    turned.shape = shape;
    turned.strides = strides;
    lcpy_strided_of(out, &turned, padding);
}

/* In which order the bytes of `view`, which is what out->view is or a part of it, are taken. */
static void choose_order(lcpy_array *out, lcpy_strided *bytes, const Py_buffer *view)
{
    const lcpy_padding none = {0};
    bool counts = out->tag != LOCACHE_TAG_PYARRAY;
    lcpy_padding padding = counts ? lcpy_dtype_padding(out->type) : none;
    lcpy_layout_order order = LCPY_ROWS;

    if (counts && view->strides != NULL && view->shape != NULL)
        order = lcpy_strided_order(out->places, view->ndim, view->shape, view->strides);
    out->odd = order == LCPY_OTHERWISE;
    if (order == LCPY_COLUMNS) {
        out->order = 'F';
        turn_round(bytes, view, padding);
    } else {
        lcpy_strided_of(bytes, view, padding);
    }
}

lcpy_written lcpy_array_open_for_key(lcpy_state *state, lcpy_array *out, lcpy_strided *bytes,
                                     PyObject *array)
{
    lcpy_written result = open_array(state, out, array, ANYHOW);

    if (result == LCPY_DONE)
        choose_order(out, bytes, &out->view);
    return result;
}

void lcpy_array_row_for_key(lcpy_array *out, lcpy_strided *bytes, const lcpy_array *of,
                            Py_ssize_t row)
{
    Py_buffer view = of->view; /* what it points to is the array's */

    view.buf = (char *)view.buf + row * view.strides[0];
    view.len = view.shape[1] * view.itemsize;
    view.ndim = 1;
    view.shape++;
    view.strides++;
    memcpy(out->type, of->type, sizeof out->type);
    out->tag = of->tag;
    out->order = 'C';
    out->dimensions = 1;
    out->extents[0] = view.shape[0];
    choose_order(out, bytes, &view);
}

void lcpy_array_close(lcpy_array *array)
{
    /* A view of a copy, too, which it frees. */
    PyBuffer_Release(&array->view);
}

int lcpy_array_is_readonly(PyObject *array)
{
    PyObject *flags = PyObject_GetAttrString(array, "flags");
    PyObject *writeable = flags == NULL ? NULL : PyObject_GetAttrString(flags, "writeable");
    int is_writeable = writeable == NULL ? -1 : PyObject_IsTrue(writeable);

    Py_XDECREF(writeable);
    Py_XDECREF(flags);
    return is_writeable < 0 ? -1 : !is_writeable;
}

int lcpy_array_make_readonly(PyObject *array)
{
    PyObject *flags = PyObject_GetAttrString(array, "flags");
    int status = flags == NULL ? -1 : PyObject_SetAttrString(flags, "writeable", Py_False);

    Py_XDECREF(flags);
    return status;
}

/* -------------------------------------------------------------------------------------- writing */

static void write_extents(locache_cbor_writer *writer, const lcpy_array *array)
{
    locache_cbor_write_array(writer, (uint64_t)array->dimensions);
    for (int i = 0; i < array->dimensions; i++)
        locache_cbor_write_uint(writer, (uint64_t)array->extents[i]);
}

void lcpy_array_write_head(locache_cbor_writer *writer, const lcpy_array *array)
{
    switch (array->tag) {
    case LOCACHE_TAG_PYARRAY: /* [type code, */
        locache_cbor_write_tag(writer, array->tag);
        locache_cbor_write_array(writer, 2);
        lcpy_cbor_write_text(writer, array->type);
        break;
    case LOCACHE_TAG_ARRAY: /* [type string, [extents], order, */
        locache_cbor_write_tag(writer, array->tag);
        locache_cbor_write_array(writer, 4);
        lcpy_cbor_write_text(writer, array->type);
        write_extents(writer, array);
        locache_cbor_write_text(writer, &array->order, 1);
        break;
    default: /* RFC 8746: [[extents], tag of the elements, */
        locache_cbor_write_tag(writer,
                               array->order == 'F' ? LOCACHE_TAG_NDARRAY_F : LOCACHE_TAG_NDARRAY);
        locache_cbor_write_array(writer, 2);
        write_extents(writer, array);
        locache_cbor_write_tag(writer, array->tag);
        break;
    }
}
