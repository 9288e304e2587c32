/* What the walk writes with, whatever is met: the number of a node, a text, a version, a digest. */
#include "reach/walk.h"

long lcpy_reach_number(lcpy_reacher *r, PyObject *object, int mode)
{
    PyObject *key = Py_BuildValue("(ni)", (Py_ssize_t)(intptr_t)object, mode);
    PyObject *known = key != NULL ? PyDict_GetItemWithError(r->numbers, key) : NULL;
    long number = known != NULL ? PyLong_AsLong(known) : -1;
    if (key != NULL && known == NULL && PyErr_Occurred() == NULL) {
        PyObject *node = Py_BuildValue("(OiO)", object, mode, r->place);
        PyObject *next = PyLong_FromSsize_t(PyList_GET_SIZE(r->nodes));
        if (node != NULL && next != NULL && PyDict_SetItem(r->numbers, key, next) == 0 &&
            PyList_Append(r->nodes, node) == 0)
            number = PyLong_AsLong(next);
        Py_XDECREF(node);
        Py_XDECREF(next);
    }
    Py_XDECREF(key);
    return number;
}

int lcpy_reach_node(lcpy_reacher *r, PyObject *object, int mode)
{
    long number = lcpy_reach_number(r, object, mode);
    if (number < 0)
        return -1;
    r->counted = true;
    locache_cbor_write_array(r->writer, 2);
    locache_cbor_write_int(r->writer, LCPY_FORM_NODE);
    locache_cbor_write_int(r->writer, number);
    return 0;
}

int lcpy_reach_left_out(lcpy_reacher *r)
{
    locache_cbor_write_array(r->writer, 1);
    locache_cbor_write_int(r->writer, LCPY_FORM_STATE);
    return 0;
}

int lcpy_reach_text(lcpy_reacher *r, int form, PyObject *text)
{
    Py_ssize_t size;
    const char *utf8 = text != NULL ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
    if (utf8 == NULL)
        return -1;
    r->counted = true;
    locache_cbor_write_array(r->writer, 2);
    locache_cbor_write_int(r->writer, form);
    locache_cbor_write_bytes(r->writer, utf8, (size_t)size);
    return form == LCPY_FORM_NAME
               ? lcpy_reach_part(r, "value", (lcpy_reach_bytes){utf8, (size_t)size}, text)
               : 0;
}

int lcpy_reach_version(lcpy_reacher *r, PyObject *version)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(version, &size);
    if (text == NULL)
        return -1;
    if ((r->scope & LCPY_REACH_PACKAGES) == 0)
        return lcpy_reach_left_out(r);
    return lcpy_reach_text(r, LCPY_FORM_PACKAGE, version) < 0
               ? -1
               : lcpy_reach_part(r, "package", (lcpy_reach_bytes){text, (size_t)size}, version);
}

int lcpy_reach_content(lcpy_reacher *r, const char *kind, PyObject *place, PyObject *content)
{
    locache_id id;
    size_t size = 0; /* there is none */
    PyObject *before = r->place;
    r->counted = true;
    locache_cbor_write_array(r->writer, 2);
    locache_cbor_write_int(r->writer, LCPY_FORM_VALUE);
    if (content == NULL || content == Py_None) {
        locache_cbor_write_null(r->writer);
    } else {
        locache_id_of(&id, PyBytes_AS_STRING(content), (size_t)PyBytes_GET_SIZE(content));
        locache_cbor_write_bytes(r->writer, id.bytes, sizeof id.bytes);
        size = sizeof id.bytes;
    }
    r->place = place;
    int status = lcpy_reach_part(r, kind, (lcpy_reach_bytes){id.bytes, size}, NULL);
    r->place = before;
    return status;
}
