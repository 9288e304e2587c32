/* NumPy's scalars as CBOR: numbers by their bytes, as an array without dimensions has them; texts
 * and byte strings by way of str and bytes. */
#include "plain/npscalar.h"

#include "plain/array.h"

#include <string.h>

/* The whole of a scalar. */
static void write_typed_bytes(locache_cbor_writer *writer, const char *type, const void *data,
                              size_t size)
{
    locache_cbor_write_tag(writer, LOCACHE_TAG_SCALAR);
    locache_cbor_write_array(writer, 2);
    lcpy_cbor_write_text(writer, type);
    locache_cbor_write_bytes(writer, data, size);
}

/* How str keeps its characters, and numpy.str_ with it. */
static const char native_order = PY_BIG_ENDIAN ? '>' : '<';

/* numpy.str_ and numpy.bytes_ are str and bytes: taken as such, since NumPy's own way drops NULs
 * from their ends. */
static lcpy_written write_npstring(locache_cbor_writer *writer, PyObject *scalar)
{
    char type[LCPY_DTYPE_SIZE];

    /* The type string has the length, and for bytes no byte order. */
    if (PyBytes_Check(scalar)) {
        snprintf(type, sizeof type, "|S%zd", PyBytes_GET_SIZE(scalar));
        write_typed_bytes(writer, type, PyBytes_AS_STRING(scalar),
                          (size_t)PyBytes_GET_SIZE(scalar));
        return LCPY_DONE;
    }
    /* Four bytes a character, without a NUL at the end. */
    Py_UCS4 *text = PyUnicode_AsUCS4Copy(scalar);
    if (text == NULL)
        return LCPY_ERROR;
    snprintf(type, sizeof type, "%cU%zd", native_order, PyUnicode_GET_LENGTH(scalar));
    write_typed_bytes(writer, type, text, sizeof *text * (size_t)PyUnicode_GET_LENGTH(scalar));
    PyMem_Free(text);
    return LCPY_DONE;
}

/* Two classes share a type string where C has two integers of one size, as long and long long: the
 * one that NumPy would not give back is left to others. */
static bool is_second_class(PyObject *dtype)
{
    PyObject *code = PyObject_GetAttrString(dtype, "char");
    bool second = code != NULL && sizeof(long) == sizeof(long long) &&
                  (PyUnicode_CompareWithASCIIString(code, "q") == 0 ||
                   PyUnicode_CompareWithASCIIString(code, "Q") == 0);

    Py_XDECREF(code);
    PyErr_Clear();
    return second;
}

/* Whatever is no text, by the buffer protocol: its own bytes, in its own order. */
static lcpy_written write_number(locache_cbor_writer *writer, const char *type, PyObject *scalar)
{
    char copy[2 * sizeof(long double)];
    Py_buffer view;

    if (PyObject_GetBuffer(scalar, &view, PyBUF_SIMPLE) < 0)
        return LCPY_ERROR;
    if (lcpy_dtype_has_padding(type) && (size_t)view.len <= sizeof copy) {
        memcpy(copy, view.buf, (size_t)view.len);
        lcpy_dtype_clear_padding(type, copy, view.len);
        write_typed_bytes(writer, type, copy, (size_t)view.len);
    } else {
        write_typed_bytes(writer, type, view.buf, (size_t)view.len);
    }
    PyBuffer_Release(&view);
    return LCPY_DONE;
}

lcpy_written lcpy_npscalar_write(locache_cbor_writer *writer, PyObject *scalar)
{
    char type[LCPY_DTYPE_SIZE];
    PyObject *dtype;
    lcpy_written result;

    /* Subclasses of str and bytes, with that as their value. */
    if (PyUnicode_Check(scalar) || PyBytes_Check(scalar))
        return write_npstring(writer, scalar);
    dtype = PyObject_GetAttrString(scalar, "dtype");
    result = dtype == NULL ? LCPY_ERROR : lcpy_dtype_string(type, dtype);
    if (result == LCPY_DONE && is_second_class(dtype))
        result = LCPY_NOT_EXACT;
    Py_XDECREF(dtype);
    return result == LCPY_DONE ? write_number(writer, type, scalar) : result;
}

/* The value of numpy.str_ or numpy.bytes_, where the type string is that of this very value: any
 * other length would be another type for the same scalar. */
static PyObject *string_value(const char *type, const locache_cbor_item *bytes)
{
    char again[LCPY_DTYPE_SIZE];
    /* For PyUnicode_DecodeUTF32(): -1 is little-endian. 0 would look for a byte order mark. */
    int order = type[0] == '>' ? 1 : -1;
    PyObject *value;

    if (type[1] == 'S') {
        snprintf(again, sizeof again, "|S%zu", bytes->size);
        value = PyBytes_FromStringAndSize((const char *)bytes->data, (Py_ssize_t)bytes->size);
    } else {
        snprintf(again, sizeof again, "%cU%zu", type[0] == '>' ? '>' : '<', bytes->size / 4);
        value = PyUnicode_DecodeUTF32((const char *)bytes->data, (Py_ssize_t)bytes->size,
                                      "surrogatepass", &order);
    }
    if (value != NULL && strcmp(again, type) != 0)
        Py_CLEAR(value);
    return value != NULL ? value : lcpy_cbor_refuse("array");
}

/* As NumPy makes one of a str or bytes, which keeps NULs at the end. */
static PyObject *read_npstring(const char *type, const locache_cbor_item *bytes)
{
    PyObject *value = string_value(type, bytes);
    PyObject *numpy = value == NULL ? NULL : PyImport_ImportModule("numpy");
    PyObject *scalar =
        numpy == NULL ? NULL
                      : PyObject_CallMethod(numpy, type[1] == 'S' ? "bytes_" : "str_", "O", value);

    Py_XDECREF(numpy);
    Py_XDECREF(value);
    return scalar;
}

PyObject *lcpy_npscalar_read(locache_cbor_reader *reader)
{
    char type[LCPY_DTYPE_SIZE];
    locache_cbor_item item;
    PyObject *array, *index, *scalar;

    if (!lcpy_cbor_take_array(reader, 2) || !lcpy_dtype_take(type, reader))
        return lcpy_cbor_refuse("array");
    if (type[1] == 'S' || type[1] == 'U') {
        return lcpy_cbor_take(&item, reader, LOCACHE_KIND_BYTES) ? read_npstring(type, &item)
                                                                 : lcpy_cbor_refuse("array");
    }
    /* array[()] of an array without dimensions is its scalar. */
    array = lcpy_array_read_single(reader, type);
    index = array == NULL ? NULL : PyTuple_New(0);
    scalar = index == NULL ? NULL : PyObject_GetItem(array, index);
    Py_XDECREF(index);
    Py_XDECREF(array);
    return scalar;
}
