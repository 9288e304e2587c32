/* int, complex, Decimal and Fraction as CBOR.
 *
 * An int is a CBOR integer where 64 bits hold it, else a bignum (tags 2 and 3); complex numbers,
 * decimals and fractions are arrays of numbers under a tag. One value has one form: the reading
 * half refuses what the writing half does not write, such as a bignum that would have fitted, so
 * that a decoded entry that is encoded again has the bytes that it had. */
#include "plain/number.h"

#include <string.h>

/* A decimal goes as an int and an exponent, and its int from and to text, which takes time
 * quadratic in the digits and which an interpreter may limit. This is the least limit that can be
 * set (sys.int_info.str_digits_check_threshold): a decimal with more digits is kept as text, so
 * that none is ever over it. */
#define MANTISSA_DIGITS_MAX 640
#define MANTISSA_BYTES_MAX 266 /* holds 10^640 */
#define HEADS_MAX 8            /* bytes: of a bignum's tag, and of its byte string */

/* -------------------------------------------------------------------------------------- writing */

/* The C API has no public way to an int's bytes that all versions share; its methods are that. An
 * exact int's cannot be replaced. */
static lcpy_written write_big_int(locache_cbor_writer *writer, PyObject *value, bool negative)
{
    lcpy_written result = LCPY_ERROR;
    PyObject *magnitude = PyNumber_Absolute(value);
    PyObject *bits = magnitude == NULL ? NULL : PyObject_CallMethod(magnitude, "bit_length", NULL);
    Py_ssize_t size = bits == NULL ? -1 : PyLong_AsSsize_t(bits);
    PyObject *bytes =
        size < 0 ? NULL : PyObject_CallMethod(magnitude, "to_bytes", "ns", size / 8 + 1, "big");

    if (bytes != NULL) {
        locache_cbor_write_bigint(writer, negative, PyBytes_AS_STRING(bytes),
                                  (size_t)PyBytes_GET_SIZE(bytes));
        result = LCPY_DONE;
    }
    Py_XDECREF(bytes);
    Py_XDECREF(bits);
    Py_XDECREF(magnitude);
    return result;
}

lcpy_written lcpy_number_write_int(locache_cbor_writer *writer, PyObject *value)
{
    int overflow;
    long long small = PyLong_AsLongLongAndOverflow(value, &overflow);

    /* Only its sign is known of an int that does not fit. */
    if (overflow != 0)
        return write_big_int(writer, value, overflow < 0);
    locache_cbor_write_int(writer, small);
    return LCPY_DONE;
}

lcpy_written lcpy_number_write_complex(locache_cbor_writer *writer, PyObject *value)
{
    Py_complex number = PyComplex_AsCComplex(value);

    locache_cbor_write_tag(writer, LOCACHE_TAG_COMPLEX);
    locache_cbor_write_array(writer, 2);
    locache_cbor_write_real(writer, number.real);
    locache_cbor_write_real(writer, number.imag);
    return LCPY_DONE;
}

/* The digits of Decimal.as_tuple() with their sign, as an int. NULL with an exception; NULL without
 * where there are too many of them. */
static PyObject *mantissa_of(PyObject *digits, bool negative)
{
    char text[1 + MANTISSA_DIGITS_MAX + 1];
    Py_ssize_t count = PyTuple_GET_SIZE(digits);

    if (count > MANTISSA_DIGITS_MAX)
        return NULL;
    text[0] = negative ? '-' : '+';
    for (Py_ssize_t i = 0; i < count; i++)
        /* Decimal.as_tuple() makes the digits itself: ints from 0 to 9. */
        text[1 + i] = (char)('0' + PyLong_AsLong(PyTuple_GET_ITEM(digits, i)));
    text[1 + count] = '\0';
    return PyLong_FromString(text, NULL, 10);
}

/* As str(value): infinities, NaNs with their payload and sign, minus zero, and too many digits. */
static lcpy_written write_decimal_text(locache_cbor_writer *writer, PyObject *value)
{
    PyObject *text = PyObject_Str(value);
    const char *ascii = text == NULL ? NULL : PyUnicode_AsUTF8(text);

    if (ascii != NULL) {
        locache_cbor_write_tag(writer, LOCACHE_TAG_DECIMAL_TEXT);
        lcpy_cbor_write_text(writer, ascii);
    }
    Py_XDECREF(text);
    return ascii == NULL ? LCPY_ERROR : LCPY_DONE;
}

/* [exponent, mantissa]: as written, so that 1.0 and 1.00 stay two values. */
lcpy_written lcpy_number_write_decimal(locache_cbor_writer *writer, PyObject *value)
{
    lcpy_written result = LCPY_ERROR;
    PyObject *parts = PyObject_CallMethod(value, "as_tuple", NULL);
    PyObject *mantissa = NULL;

    if (parts == NULL || !PyTuple_Check(parts) || PyTuple_GET_SIZE(parts) != 3)
        goto done;
    PyObject *exponent = PyTuple_GET_ITEM(parts, 2); /* 'F', 'n', 'N' for what is no number */
    int negative = PyObject_IsTrue(PyTuple_GET_ITEM(parts, 0));

    if (PyLong_CheckExact(exponent) && PyTuple_Check(PyTuple_GET_ITEM(parts, 1))) {
        mantissa = mantissa_of(PyTuple_GET_ITEM(parts, 1), negative);
        if (mantissa == NULL && PyErr_Occurred() != NULL)
            goto done;
    }
    /* no number, too many digits, or a zero with a sign, which an int does not have */
    if (mantissa == NULL || (negative && !PyObject_IsTrue(mantissa))) {
        result = write_decimal_text(writer, value);
        goto done;
    }
    locache_cbor_write_tag(writer, LOCACHE_TAG_DECIMAL);
    locache_cbor_write_array(writer, 2);
    result = lcpy_number_write_int(writer, exponent);
    if (result == LCPY_DONE)
        result = lcpy_number_write_int(writer, mantissa);
done:
    Py_XDECREF(mantissa);
    Py_XDECREF(parts);
    return result;
}

/* [numerator, denominator], both of any size. */
lcpy_written lcpy_number_write_fraction(locache_cbor_writer *writer, PyObject *value)
{
    lcpy_written result = LCPY_ERROR;
    PyObject *numerator = PyObject_GetAttrString(value, "numerator");
    PyObject *denominator = numerator == NULL ? NULL : PyObject_GetAttrString(value, "denominator");

    if (denominator == NULL)
        goto done;
    if (!PyLong_CheckExact(numerator) || !PyLong_CheckExact(denominator)) {
        result = LCPY_NOT_EXACT; /* Fraction(True) keeps its bool in some versions */
        goto done;
    }
    locache_cbor_write_tag(writer, LOCACHE_TAG_RATIONAL);
    locache_cbor_write_array(writer, 2);
    result = lcpy_number_write_int(writer, numerator);
    if (result == LCPY_DONE)
        result = lcpy_number_write_int(writer, denominator);
done:
    Py_XDECREF(denominator);
    Py_XDECREF(numerator);
    return result;
}

/* -------------------------------------------------------------------------------------- reading */

/* An int of any size from its magnitude, the highest byte first; -1 - magnitude where negative. */
static PyObject *from_magnitude(bool negative, const unsigned char *bytes, size_t size)
{
    PyObject *value = PyObject_CallMethod((PyObject *)&PyLong_Type, "from_bytes", "y#s",
                                          (const char *)bytes, (Py_ssize_t)size, "big");

    if (value != NULL && negative)
        Py_SETREF(value, PyNumber_Invert(value));
    return value;
}

/* The content of tag 2 or 3: more than 64 bits, no leading zero. */
PyObject *lcpy_number_read_bignum(locache_cbor_reader *reader, bool negative)
{
    locache_cbor_item item;

    if (!lcpy_cbor_take(&item, reader, LOCACHE_KIND_BYTES) || item.size <= sizeof(uint64_t) ||
        item.data[0] == 0)
        return lcpy_cbor_refuse("integer");
    return from_magnitude(negative, item.data, item.size);
}

/* By way of 64 bits with a sign where these hold it, which makes no second int. */
PyObject *lcpy_number_negative(uint64_t number)
{
    if (number <= INT64_MAX)
        return PyLong_FromLongLong(-1 - (long long)number);
    PyObject *positive = PyLong_FromUnsignedLongLong(number);
    PyObject *negative = positive == NULL ? NULL : PyNumber_Invert(positive);

    Py_XDECREF(positive);
    return negative;
}

/* An int of any size. */
static PyObject *read_int(locache_cbor_reader *reader)
{
    locache_cbor_item item;

    if (locache_cbor_read(&item, reader) != LOCACHE_OK)
        return lcpy_cbor_refuse("integer");
    switch (item.kind) {
    case LOCACHE_KIND_UINT:
        return PyLong_FromUnsignedLongLong(item.number);
    case LOCACHE_KIND_NEGATIVE:
        return lcpy_number_negative(item.number);
    case LOCACHE_KIND_TAG:
        if (item.number == LOCACHE_TAG_BIGNUM || item.number == LOCACHE_TAG_BIGNUM_NEG)
            return lcpy_number_read_bignum(reader, item.number == LOCACHE_TAG_BIGNUM_NEG);
        return lcpy_cbor_refuse("integer");
    default:
        return lcpy_cbor_refuse("integer");
    }
}

PyObject *lcpy_number_read_complex(locache_cbor_reader *reader)
{
    locache_cbor_item real, imaginary;

    if (!lcpy_cbor_take_array(reader, 2) || !lcpy_cbor_take(&real, reader, LOCACHE_KIND_REAL) ||
        !lcpy_cbor_take(&imaginary, reader, LOCACHE_KIND_REAL))
        return lcpy_cbor_refuse("complex number");
    return PyComplex_FromDoubles(real.real, imaginary.real);
}

/* Where str(value) is not the text that it was made from, the text is not the writer's: Decimal()
 * takes " 1_0 ", too. Steals value. */
static PyObject *keep_if_text(PyObject *value, const char *text, size_t size)
{
    PyObject *again = value == NULL ? NULL : PyObject_Str(value);
    Py_ssize_t length = 0;
    const char *written = again == NULL ? NULL : PyUnicode_AsUTF8AndSize(again, &length);

    if (value != NULL &&
        (written == NULL || (size_t)length != size || memcmp(written, text, size) != 0)) {
        Py_CLEAR(value);
        lcpy_cbor_refuse("decimal");
    }
    Py_XDECREF(again);
    return value;
}

PyObject *lcpy_number_read_decimal_text(locache_cbor_reader *reader)
{
    locache_cbor_item item;

    if (!lcpy_cbor_take(&item, reader, LOCACHE_KIND_TEXT))
        return lcpy_cbor_refuse("decimal");
    const char *text = (const char *)item.data;

    return keep_if_text(lcpy_cbor_construct("decimal", "Decimal",
                                            Py_BuildValue("(s#)", text, (Py_ssize_t)item.size)),
                        text, item.size);
}

PyObject *lcpy_number_read_decimal(locache_cbor_reader *reader)
{
    PyObject *mantissa = NULL;
    PyObject *text = NULL;
    PyObject *value = NULL;
    int64_t exponent;

    if (!lcpy_cbor_take_array(reader, 2) || !lcpy_cbor_take_int64(&exponent, reader))
        return lcpy_cbor_refuse("decimal");
    const unsigned char *start = reader->at;
    mantissa = read_int(reader);
    if (mantissa == NULL)
        return NULL;
    /* Before PyUnicode_FromFormat() makes text of it: a crafted entry may have one of any size. */
    if (reader->at - start > MANTISSA_BYTES_MAX + HEADS_MAX) {
        lcpy_cbor_refuse("decimal");
        goto done;
    }
    text = PyUnicode_FromFormat("%SE%lld", mantissa, (long long)exponent);
    if (text == NULL) {
        lcpy_cbor_refuse("decimal");
        goto done;
    }
    value = lcpy_cbor_construct("decimal", "Decimal", Py_BuildValue("(O)", text));
    /* An exponent out of range is NaN where the context does not trap it. */
    PyObject *finite = value == NULL ? NULL : PyObject_CallMethod(value, "is_finite", NULL);
    if (value != NULL && finite != Py_True) {
        Py_CLEAR(value);
        lcpy_cbor_refuse("decimal");
    }
    Py_XDECREF(finite);
done:
    Py_XDECREF(text);
    Py_DECREF(mantissa);
    return value;
}

/* The denominator is compared, since that alone shows whether the constructor reduced the
 * fraction. */
PyObject *lcpy_number_read_fraction(locache_cbor_reader *reader)
{
    PyObject *numerator =
        lcpy_cbor_take_array(reader, 2) ? read_int(reader) : lcpy_cbor_refuse("fraction");
    PyObject *denominator = numerator == NULL ? NULL : read_int(reader);
    PyObject *value = NULL;

    if (denominator != NULL)
        value =
            lcpy_cbor_construct("fractions", "Fraction", PyTuple_Pack(2, numerator, denominator));
    /* In lowest terms, with a positive denominator: otherwise the constructor gave another one. */
    PyObject *kept = value == NULL ? NULL : PyObject_GetAttrString(value, "denominator");
    if (kept != NULL && PyObject_RichCompareBool(kept, denominator, Py_EQ) != 1) {
        Py_CLEAR(value);
        lcpy_cbor_refuse("fraction");
    }
    Py_XDECREF(kept);
    Py_XDECREF(denominator);
    Py_XDECREF(numerator);
    return value;
}
