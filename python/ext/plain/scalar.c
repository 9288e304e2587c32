/* Which of Python's scalars a value or a tag is; UUIDs, too. Numbers and dates have files of their
 * own, as the long texts of results have, and the reading of those with surrogates. */
#include "plain/scalar.h"

#include "plain/date.h"
#include "plain/number.h"

/* -------------------------------------------------------------------------------------- writing */

/* A str that is no Unicode text, as os.fsdecode() makes of file names: CBOR's texts may not hold
 * it, so that it goes as bytes under a tag. */
static lcpy_written write_surrogates(locache_cbor_writer *writer, PyObject *text)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");

    if (bytes == NULL)
        return LCPY_ERROR;
    locache_cbor_write_tag(writer, LOCACHE_TAG_SURROGATES);
    locache_cbor_write_bytes(writer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return LCPY_DONE;
}

/* PyUnicode_AsUTF8AndSize() keeps the UTF-8 with a str that is not ASCII. Long texts of a key do
 * not come here for that reason (key/key.c). */
static lcpy_written write_long_str(locache_cbor_writer *writer, PyObject *value)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);

    if (text != NULL) {
        locache_cbor_write_text(writer, text, (size_t)size);
        return LCPY_DONE;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return LCPY_ERROR;
    PyErr_Clear();
    return write_surrogates(writer, value);
}

/* As its 16 bytes. One from uuid1() may also know whether it was made safely among processes, which
 * the tag has no room for. */
static lcpy_written write_uuid(locache_cbor_writer *writer, PyObject *value)
{
    lcpy_written result = LCPY_ERROR;
    PyObject *safe = PyObject_GetAttrString(value, "is_safe");
    PyObject *known = safe == NULL ? NULL : PyObject_GetAttrString(safe, "value");
    PyObject *bytes = known == NULL ? NULL : PyObject_GetAttrString(value, "bytes");

    if (bytes == NULL)
        goto done;
    if (known != Py_None || !PyBytes_CheckExact(bytes)) {
        result = LCPY_NOT_EXACT;
        goto done;
    }
    locache_cbor_write_tag(writer, LOCACHE_TAG_UUID);
    locache_cbor_write_bytes(writer, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
    result = LCPY_DONE;
done:
    Py_XDECREF(bytes);
    Py_XDECREF(known);
    Py_XDECREF(safe);
    return result;
}

/* The slow half of lcpy_scalar_write_fast(), for what that declined. */
static lcpy_written write_builtin(locache_cbor_writer *writer, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    if (lcpy_scalar_write_fast(writer, value))
        return LCPY_DONE;
    if (type == &PyLong_Type)
        return lcpy_number_write_int(writer, value);
    if (type == &PyUnicode_Type)
        return write_long_str(writer, value);
    return type == &PyComplex_Type ? lcpy_number_write_complex(writer, value) : LCPY_NOT_EXACT;
}

lcpy_written lcpy_scalar_write(locache_cbor_writer *writer, PyObject *value, lcpy_class class_of)
{
    switch (class_of) {
    case LCPY_OTHER:
        return write_builtin(writer, value);
    case LCPY_DATETIME:
    case LCPY_DATE:
    case LCPY_TIME:
    case LCPY_TIMEDELTA:
        return lcpy_date_write(writer, value, class_of);
    case LCPY_DECIMAL:
        return lcpy_number_write_decimal(writer, value);
    case LCPY_FRACTION:
        return lcpy_number_write_fraction(writer, value);
    case LCPY_UUID:
        return write_uuid(writer, value);
    default:
        return LCPY_NOT_EXACT;
    }
}

/* -------------------------------------------------------------------------------------- reading */

/* By the bytes alone: UUID(None, bytes). */
static PyObject *read_uuid(locache_cbor_reader *reader)
{
    locache_cbor_item item;

    if (!lcpy_cbor_take(&item, reader, LOCACHE_KIND_BYTES) || item.size != 16)
        return lcpy_cbor_refuse("UUID");
    return lcpy_cbor_construct(
        "uuid", "UUID",
        Py_BuildValue("(Oy#)", Py_None, (const char *)item.data, (Py_ssize_t)item.size));
}

PyObject *lcpy_scalar_read(lcpy_state *state, locache_cbor_reader *reader, uint64_t tag)
{
    switch (tag) {
    case LOCACHE_TAG_BIGNUM:
    case LOCACHE_TAG_BIGNUM_NEG:
        return lcpy_number_read_bignum(reader, tag == LOCACHE_TAG_BIGNUM_NEG);
    case LOCACHE_TAG_COMPLEX:
        return lcpy_number_read_complex(reader);
    case LOCACHE_TAG_DATETIME:
    case LOCACHE_TAG_LOCALTIME:
    case LOCACHE_TAG_DATE:
    case LOCACHE_TAG_TIME:
    case LOCACHE_TAG_DURATION:
        return lcpy_date_read(state, reader, tag);
    case LOCACHE_TAG_DECIMAL:
        return lcpy_number_read_decimal(reader);
    case LOCACHE_TAG_DECIMAL_TEXT:
        return lcpy_number_read_decimal_text(reader);
    case LOCACHE_TAG_RATIONAL:
        return lcpy_number_read_fraction(reader);
    case LOCACHE_TAG_UUID:
        return read_uuid(reader);
    default:
        return NULL;
    }
}
