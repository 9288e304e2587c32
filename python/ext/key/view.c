/* Objects with the buffer protocol: memoryviews, and what has no reduction but a buffer (mmap,
 * ctypes). What they show is their type, the format and extents of their items, and the bytes; what
 * their memory belongs to, and its strides, do not count. */
#include "key/view.h"

#include "key/class.h"

#include <string.h>

/* The bytes in C order. */
static int write_view_data(lcpy_walk *walk, Py_buffer *view)
{
    const lcpy_padding none = {0};
    lcpy_strided bytes;
    PyObject *copy;
    int result = -1;

    if (view->suboffsets == NULL) {
        lcpy_strided_of(&bytes, view, none);
        return lcpy_walk_strided(walk, &bytes, view->obj);
    }
    /* Rows behind pointers of their own, which lcpy_strided does not know: copied. */
    copy = PyBytes_FromStringAndSize(NULL, view->len);
    if (copy != NULL && PyBuffer_ToContiguous(PyBytes_AS_STRING(copy), view, view->len, 'C') == 0)
        result = lcpy_walk_data(walk, PyBytes_AS_STRING(copy), (size_t)view->len);
    Py_XDECREF(copy);
    return result;
}

/* The dict of an instance of a subclass: null where it has nothing. */
static int write_instance_dict(lcpy_walk *walk, PyObject *value)
{
    PyObject *dict = PyObject_GetAttrString(value, "__dict__");
    int result = 0;

    if (dict != NULL && PyDict_CheckExact(dict) && PyDict_GET_SIZE(dict) > 0) {
        result = lcpy_walk_attributes(walk, dict, Py_TYPE(value));
    } else {
        PyErr_Clear();
        locache_cbor_write_null(walk->writer);
    }
    Py_XDECREF(dict);
    return result;
}

static int write_exported(lcpy_walk *walk, PyObject *value, Py_buffer *view)
{
    const char *format = view->format == NULL ? "B" : view->format; /* what NULL means */
    /* A class of C has no attributes besides; a user's subclass of it may. */
    bool subclass = PyType_HasFeature(Py_TYPE(value), Py_TPFLAGS_HEAPTYPE);

    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_VIEW);
    locache_cbor_write_array(walk->writer, subclass ? 5 : 4);
    if (lcpy_class_write(walk, (PyObject *)Py_TYPE(value)) < 0)
        return -1;
    locache_cbor_write_text(walk->writer, format, strlen(format));
    locache_cbor_write_array(walk->writer, (uint64_t)view->ndim);
    for (int i = 0; i < view->ndim; i++)
        locache_cbor_write_uint(walk->writer, (uint64_t)view->shape[i]);
    if (write_view_data(walk, view) < 0)
        return -1;
    return subclass ? write_instance_dict(walk, value) : 0;
}

static int write_buffer(lcpy_walk *walk, PyObject *value)
{
    Py_buffer view;
    int result;

    if (PyObject_GetBuffer(value, &view, PyBUF_FULL_RO) < 0)
        return -1;
    result = write_exported(walk, value, &view);
    PyBuffer_Release(&view);
    return result;
}

int lcpy_view_write_here(lcpy_walk *walk, PyObject *value)
{
    return write_buffer(walk, value);
}

int lcpy_view_write(lcpy_walk *walk, PyObject *value)
{
    return lcpy_walk_nested(walk, value, write_buffer);
}
