/* What writing plain values as CBOR and reading them back have in common.
 *
 * The reader of the core gives items one by one and has checked that each is as the subset of
 * docs/format.md has it. Here they are asked for by what the writer would have written next: what
 * is something else is no content of this library, and the whole entry a miss. */
#include "plain/cbor.h"

#include <string.h>

void lcpy_cbor_write_text(locache_cbor_writer *writer, const char *text)
{
    locache_cbor_write_text(writer, text, strlen(text));
}

bool lcpy_cbor_take(locache_cbor_item *out, locache_cbor_reader *reader, locache_cbor_kind kind)
{
    return locache_cbor_read(out, reader) == LOCACHE_OK && out->kind == kind;
}

bool lcpy_cbor_take_array(locache_cbor_reader *reader, uint64_t count)
{
    locache_cbor_item item;

    return lcpy_cbor_take(&item, reader, LOCACHE_KIND_ARRAY) && item.number == count;
}

/* For exponents and counts. CBOR has a sign and 64 bits beside it, of which 63 fit. */
bool lcpy_cbor_take_int64(int64_t *out, locache_cbor_reader *reader)
{
    locache_cbor_item item;

    if (locache_cbor_read(&item, reader) != LOCACHE_OK || item.number > INT64_MAX ||
        (item.kind != LOCACHE_KIND_UINT && item.kind != LOCACHE_KIND_NEGATIVE))
        return false;
    *out = item.kind == LOCACHE_KIND_UINT ? (int64_t)item.number : -1 - (int64_t)item.number;
    return true;
}

/* What a constructor says of bad content (a month of 13) is no error of the caller: the entry is
 * bad, and becomes a miss. */
PyObject *lcpy_cbor_refuse(const char *what)
{
    if (PyErr_Occurred() == NULL ||
        (PyErr_ExceptionMatches(PyExc_Exception) && !PyErr_ExceptionMatches(PyExc_MemoryError) &&
         !PyErr_ExceptionMatches(PyExc_ImportError)))
        PyErr_Format(PyExc_ValueError, "no %s as locache writes it", what);
    return NULL;
}

/* For types that have no constructor in C. The module is one of the standard library; a value of it
 * was written by a program that had it loaded. */
PyObject *lcpy_cbor_construct(const char *module, const char *name, PyObject *arguments)
{
    PyObject *found = arguments == NULL ? NULL : PyImport_ImportModule(module);
    PyObject *class = found == NULL ? NULL : PyObject_GetAttrString(found, name);
    PyObject *value = class == NULL ? NULL : PyObject_CallObject(class, arguments);

    if (class != NULL && value == NULL)
        lcpy_cbor_refuse(name);
    Py_XDECREF(class);
    Py_XDECREF(found);
    Py_XDECREF(arguments);
    return value;
}
