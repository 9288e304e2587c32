/* NumPy's data types by their type strings: byte order, a letter for the kind, the size in bytes
 * (of texts in characters), for dates their unit.
 *
 * A type string is what NumPy itself takes and gives, so that it is a name that lasts. It does not
 * say all of every type: those of which it does not are told from the others here. */
#include "plain/dtype.h"

#include <float.h>
#include <string.h>

/* Kinds of plain data: bool, signed, unsigned, float, complex, bytes, text, raw, durations, dates.
 * Not O, which are pointers to objects, nor T, whose strings lie elsewhere. */
#define KINDS "biufcSUVmM"

/* Bits of an RFC 8746 tag: 010 f s e ll. ll is the size's logarithm; for floats that of half of it,
 * since there is none of one byte. */
enum { TYPED_FLOAT = 16, TYPED_SIGNED = 8, TYPED_LITTLE = 4 };

uint64_t lcpy_dtype_tag(const char *type)
{
    uint64_t tag = LOCACHE_TAG_TYPED_FIRST;
    unsigned size_log2;

    if (strlen(type) != 3 || strchr("1248", type[2]) == NULL)
        return 0;
    size_log2 = type[2] == '1' ? 0 : type[2] == '2' ? 1 : type[2] == '4' ? 2 : 3;
    /* A single byte has no order; NumPy says "|" there. */
    if (size_log2 > 0)
        tag |= type[0] == '<' ? TYPED_LITTLE : 0;
    switch (type[1]) {
    case 'u':
        return tag | size_log2;
    case 'i':
        return tag | TYPED_SIGNED | size_log2;
    case 'f':
        return size_log2 == 0 ? 0 : tag | TYPED_FLOAT | (size_log2 - 1);
    default:
        return 0;
    }
}

bool lcpy_dtype_of_tag(char out[4], uint64_t tag)
{
    bool is_float = (tag & TYPED_FLOAT) != 0;
    unsigned size_log2 = (unsigned)(tag & 3) + (is_float ? 1 : 0);

    if (tag < LOCACHE_TAG_TYPED_FIRST || tag > LOCACHE_TAG_TYPED_LAST || size_log2 > 3 ||
        (is_float && tag & TYPED_SIGNED))
        return false;
    out[0] = (char)(size_log2 == 0 ? '|' : tag & TYPED_LITTLE ? '<' : '>');
    out[1] = (char)(is_float ? 'f' : tag & TYPED_SIGNED ? 'i' : 'u');
    out[2] = (char)('0' + (1 << size_log2));
    out[3] = '\0';
    /* A single byte has no byte order: its tag with the bit for one is clamped bytes, or
     * nothing. */
    return lcpy_dtype_tag(out) == tag;
}

bool lcpy_dtype_attribute(char out[LCPY_DTYPE_SIZE], PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    Py_ssize_t size = 0;
    const char *text = value == NULL ? NULL : PyUnicode_AsUTF8AndSize(value, &size);

    if (text != NULL && size >= LCPY_DTYPE_SIZE) {
        PyErr_Format(PyExc_ValueError, "%s is too long", name);
        text = NULL;
    }
    if (text != NULL)
        memcpy(out, text, (size_t)size + 1);
    Py_XDECREF(value);
    return text != NULL;
}

/* Is this attribute None? 1, 0, or -1 with an exception. */
static int is_none(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    int result = value == NULL ? -1 : value == Py_None;

    Py_XDECREF(value);
    return result;
}

lcpy_written lcpy_dtype_string(char out[LCPY_DTYPE_SIZE], PyObject *dtype)
{
    PyObject *builtin = NULL;
    int plain;

    if (!lcpy_dtype_attribute(out, dtype, "str"))
        return LCPY_ERROR;
    if (out[0] == '\0' || out[1] == '\0' || strchr(KINDS, out[1]) == NULL ||
        (strchr("SUV", out[1]) != NULL && strcmp(out + 2, "0") == 0))
        return LCPY_NOT_EXACT; /* also texts of no length, which numpy.dtype() would give one */
    /* What the string does not say: fields, and metadata. */
    plain = is_none(dtype, "names");
    if (plain > 0)
        plain = is_none(dtype, "metadata");
    if (plain > 0) {
        /* 2: a type that another package registered */
        builtin = PyObject_GetAttrString(dtype, "isbuiltin");
        plain = builtin == NULL ? -1 : PyLong_AsLong(builtin) != 2;
        Py_XDECREF(builtin);
    }
    return plain < 0 ? LCPY_ERROR : plain ? LCPY_DONE : LCPY_NOT_EXACT;
}

/* x87's long double has 10 bytes of value in 16: the rest is whatever was in memory, and would make
 * two keys of one value. */
bool lcpy_dtype_has_padding(const char *type)
{
    return LDBL_MANT_DIG == 64 && sizeof(long double) == 16 &&
           (strcmp(type + 1, "f16") == 0 || strcmp(type + 1, "c32") == 0);
}

lcpy_padding lcpy_dtype_padding(const char *type)
{
    /* The 6 highest bytes: behind the value, or before it where the order was swapped. */
    const lcpy_padding none = {0};
    const lcpy_padding after = {.every = 16, .first = 10, .last = 15};
    const lcpy_padding before = {.every = 16, .first = 0, .last = 5};

    return !lcpy_dtype_has_padding(type) ? none : type[0] == '>' ? before : after;
}

void lcpy_dtype_clear_padding(const char *type, char *data, Py_ssize_t size)
{
    lcpy_padding padding = lcpy_dtype_padding(type);

    for (Py_ssize_t i = 0; i + 16 <= size; i += 16)
        memset(data + i + padding.first, 0, 6);
}

/* NumPy parses it next, and may be of a version with a laxer or a larger language: only what looks
 * like a string of its own gets there. */
bool lcpy_dtype_take(char out[LCPY_DTYPE_SIZE], locache_cbor_reader *reader)
{
    locache_cbor_item item;
    size_t at = 2;

    if (!lcpy_cbor_take(&item, reader, LOCACHE_KIND_TEXT) || item.size < 3 ||
        item.size >= LCPY_DTYPE_SIZE || memchr(item.data, 0, item.size) != NULL)
        return false;
    memcpy(out, item.data, item.size);
    out[item.size] = '\0';
    if (strchr("<>|", out[0]) == NULL || strchr(KINDS, out[1]) == NULL)
        return false;
    at += strspn(out + at, "0123456789");
    if (at == 2)
        return false;
    if (out[at] == '[' && (out[1] == 'm' || out[1] == 'M')) {
        at += 1 + strspn(out + at + 1,
                         "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/");
        at += out[at] == ']'; /* a unit, as [25s] or [D] */
    }
    return out[at] == '\0';
}

PyObject *lcpy_dtype_new(PyObject *numpy, const char *type)
{
    char again[LCPY_DTYPE_SIZE];
    PyObject *dtype = PyObject_CallMethod(numpy, "dtype", "s", type);

    if (dtype != NULL && (!lcpy_dtype_attribute(again, dtype, "str") || strcmp(again, type) != 0))
        Py_CLEAR(dtype);
    return dtype != NULL ? dtype : lcpy_cbor_refuse("array");
}
