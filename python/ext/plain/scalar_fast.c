/* Scalars that take no time: what the arguments of most calls are. Nothing here allocates, raises
 * or runs Python code; what would is left to lcpy_scalar_write().
 *
 * A call whose arguments are all of this kind gets its key in a hundred instructions or two
 * (call/simple.c): each function that is not called here can be measured in the time of a hit. */
#include "plain/scalar.h"

#if PY_VERSION_HEX < 0x030B0000
#include <longintrepr.h>
#endif

/* So many characters are encoded on the stack, in 256 bytes; the UTF-8 of longer ones is made by
 * CPython, which keeps it with the str. */
#define SHORT_TEXT_MAX 64
/* Of ASCII, which is UTF-8 as it is: no more bytes than the other may have. Long strings are copied
 * at the cost of their length, or digested, and then the way here no longer matters. */
#define SHORT_ASCII_MAX 256

/* The UTF-8 of a character that is no surrogate; how many bytes. */
static size_t encode_character(char *out, Py_UCS4 character)
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    size_t size = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    out[0] = (char)((0xF00 >> size & 0xFF) | character); /* as many ones as bytes, and a zero */
    return size;
}

/* Not ASCII. A str that is not compact has its characters elsewhere, as old extensions made it. Out
 * of line, since its room on the stack would be made for each int. */
static __attribute__((noinline)) bool write_short_text(locache_cbor_writer *writer, PyObject *text)
{
    char utf8[4 * SHORT_TEXT_MAX];
    size_t size = 0;
    Py_ssize_t length = PyUnicode_GET_LENGTH(text);

    if (length > SHORT_TEXT_MAX || !PyUnicode_IS_COMPACT(text))
        return false;
    for (Py_ssize_t i = 0; i < length; i++) {
        Py_UCS4 character = PyUnicode_READ_CHAR(text, i);

        if (Py_UNICODE_IS_SURROGATE(character))
            return false;
        size += encode_character(utf8 + size, character);
    }
    locache_cbor_write_text(writer, utf8, size);
    return true;
}

/* The usual case first: a compact ASCII str has its UTF-8 right behind its head. */
static bool write_short_str(locache_cbor_writer *writer, PyObject *value)
{
    if (!PyUnicode_IS_COMPACT_ASCII(value))
        return write_short_text(writer, value);
    if (PyUnicode_GET_LENGTH(value) > SHORT_ASCII_MAX)
        return false;
    locache_cbor_write_text(writer, (const char *)PyUnicode_1BYTE_DATA(value),
                            (size_t)PyUnicode_GET_LENGTH(value));
    return true;
}

/* The number of an int that is one digit of CPython's, which most are: the function that asks all
 * of them costs more than the rest of what is done with it. */
static bool one_digit(int64_t *out, PyObject *value)
{
#if PY_VERSION_HEX >= 0x030C0000
    if (!PyUnstable_Long_IsCompact((PyLongObject *)value))
        return false;
    *out = PyUnstable_Long_CompactValue((PyLongObject *)value);
    return true;
#else
    Py_ssize_t size = Py_SIZE(value); /* of digits; negative where the int is */

    if (size < -1 || size > 1)
        return false;
    *out = size == 0 ? 0 : (int64_t)size * (int64_t)((PyLongObject *)value)->ob_digit[0];
    return true;
#endif
}

static __attribute__((noinline)) bool write_longer_int(locache_cbor_writer *writer, PyObject *value)
{
    int overflow;
    int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow);

    if (overflow != 0)
        return false;
    locache_cbor_write_int(writer, number);
    return true;
}

static bool write_small_int(locache_cbor_writer *writer, PyObject *value)
{
    int64_t number;

    if (!one_digit(&number, value))
        return write_longer_int(writer, value);
    locache_cbor_write_int(writer, number);
    return true;
}

bool lcpy_scalar_write_fast(locache_cbor_writer *writer, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    /* by how often they are arguments */
    if (type == &PyLong_Type)
        return write_small_int(writer, value);
    if (type == &PyUnicode_Type)
        return write_short_str(writer, value);
    if (type == &PyFloat_Type)
        locache_cbor_write_real(writer, PyFloat_AS_DOUBLE(value));
    else if (value == Py_None)
        locache_cbor_write_null(writer);
    else if (type == &PyBool_Type)
        locache_cbor_write_bool(writer, value == Py_True);
    else
        return false;
    return true;
}
