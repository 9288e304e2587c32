/* Importing columns by the Arrow C interfaces, and the format strings that say how values lie in
 * buffers.
 *
 * An object gives its columns in capsules, which hold the buffers for as long as they live. No
 * library of Arrow is linked against: the three structures are the interface. */
#include "plain/arrow.h"

#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------ exporting */

/* What an object says of itself when it is asked to export goes no further: there are other ways to
 * its values. */
static int not_exported(void)
{
    if (PyErr_Occurred() != NULL &&
        (!PyErr_ExceptionMatches(PyExc_Exception) || PyErr_ExceptionMatches(PyExc_MemoryError)))
        return -1;
    PyErr_Clear();
    return 0;
}

/* The chunk is moved, as the interface allows: released with the others. */
static bool add_chunk(lcpy_arrow *to, const lcpy_arrow_array *chunk, Py_ssize_t *room)
{
    if (to->count == *room) {
        Py_ssize_t more = *room == 0 ? 8 : *room * 2;
        lcpy_arrow_array *grown = PyMem_Realloc(to->chunks, (size_t)more * sizeof *grown);

        if (grown == NULL) {
            PyErr_NoMemory();
            return false;
        }
        to->chunks = grown;
        *room = more;
    }
    to->chunks[to->count++] = *chunk;
    return true;
}

/* All chunks of a stream, until one comes that was released: its end. */
static int take_stream(lcpy_arrow *out, lcpy_arrow_stream *stream)
{
    Py_ssize_t room = 0;

    if (stream->get_schema(stream, &out->schema) != 0) {
        /* What a failed call left there is not a schema. */
        out->schema.release = NULL;
        return not_exported();
    }
    for (;;) {
        lcpy_arrow_array chunk = {0};

        if (stream->get_next(stream, &chunk) != 0)
            return not_exported();
        if (chunk.release == NULL)
            return 1;
        if (!add_chunk(out, &chunk, &room)) {
            chunk.release(&chunk);
            return -1;
        }
    }
}

/* The capsules of a schema and of one array, which go on owning them. */
static int take_pair(lcpy_arrow *out, PyObject *pair)
{
    const lcpy_arrow_schema *schema = NULL;
    const lcpy_arrow_array *array = NULL;
    Py_ssize_t room = 0;

    if (PyTuple_Check(pair) && PyTuple_GET_SIZE(pair) == 2) {
        schema = PyCapsule_GetPointer(PyTuple_GET_ITEM(pair, 0), "arrow_schema");
        array =
            schema == NULL ? NULL : PyCapsule_GetPointer(PyTuple_GET_ITEM(pair, 1), "arrow_array");
    }
    if (array == NULL)
        return not_exported();
    out->borrowed = true;
    out->schema = *schema;
    return add_chunk(out, array, &room) ? 1 : -1;
}

/* The schema is copied by value either way. From a stream it is ours, to be released; in a capsule
 * it is the capsule's. */
int lcpy_arrow_open(lcpy_arrow *out, PyObject *object)
{
    lcpy_arrow_stream *stream;
    int result;

    /* A stream where the object has one: tables and chunked arrays; else a single array. */
    *out = (lcpy_arrow){0};
    out->owner = PyObject_CallMethod(object, "__arrow_c_stream__", NULL);
    if (out->owner != NULL) {
        stream = PyCapsule_GetPointer(out->owner, "arrow_array_stream");
        result = stream == NULL ? not_exported() : take_stream(out, stream);
    } else if (PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        out->owner = PyObject_CallMethod(object, "__arrow_c_array__", NULL);
        result = out->owner == NULL ? not_exported() : take_pair(out, out->owner);
    } else {
        result = not_exported();
    }
    if (result <= 0)
        lcpy_arrow_clear(out);
    return result;
}

void lcpy_arrow_clear(lcpy_arrow *arrow)
{
    /* What was taken out of a stream is ours to release; what lies in capsules is not. */
    for (Py_ssize_t i = 0; i < arrow->count && !arrow->borrowed; i++)
        arrow->chunks[i].release(&arrow->chunks[i]);
    if (arrow->schema.release != NULL && !arrow->borrowed)
        arrow->schema.release(&arrow->schema);
    PyMem_Free(arrow->chunks);
    Py_XDECREF(arrow->owner);
    *arrow = (lcpy_arrow){0};
}

/* From where it need not be aligned. */
static int32_t read_int32(const char *at)
{
    int32_t value;

    memcpy(&value, at, sizeof value);
    return value;
}

/* A count of pairs, then the size and bytes of each key and each value. */
size_t lcpy_arrow_metadata_size(const char *metadata)
{
    size_t at = sizeof(int32_t);

    if (metadata == NULL)
        return 0;
    for (int64_t strings = 2 * (int64_t)read_int32(metadata); strings > 0; strings--)
        at += sizeof(int32_t) + (size_t)read_int32(metadata + at);
    return at;
}

/* -------------------------------------------------------------------------------------- layouts */

/* The last number of "d:19,10,128" or "w:42". */
static size_t last_number(const char *format)
{
    const char *comma = strrchr(format, ',');
    /* A negative or absent number makes a width of 0, which no layout has. */
    long value = strtol(comma != NULL ? comma + 1 : format + 2, NULL, 10);

    return value > 0 ? (size_t)value : 0;
}

/* "d:precision,scale" is of 128 bits; a third number says how many bits otherwise. */
static size_t decimal_width(const char *format)
{
    const char *comma = strchr(format, ',');

    return comma != NULL && strchr(comma + 1, ',') != NULL ? last_number(format) / 8 : 16;
}

/* Dates, times, durations and intervals, by their first letters: a timestamp's zone follows. */
static size_t time_width(const char *format)
{
    static const struct {
        const char *format;
        size_t width;
    } widths[] = {{"tdD", 4}, {"tdm", 8}, {"tts", 4}, {"ttm", 4}, {"ttu", 8}, {"ttn", 8},
                  {"ts", 8},  {"tD", 8},  {"tiM", 4}, {"tiD", 8}, {"tin", 16}};

    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++)
        if (strncmp(format, widths[i].format, strlen(widths[i].format)) == 0)
            return widths[i].width;
    return 0;
}

/* In bytes: signed and unsigned integers, and floats, by a letter each. */
static size_t number_width(char format)
{
    switch (format) {
    case 'c':
    case 'C':
        return 1;
    case 's':
    case 'S':
    case 'e':
        return 2;
    case 'i':
    case 'I':
    case 'f':
        return 4;
    case 'l':
    case 'L':
    case 'g':
        return 8;
    default:
        return 0;
    }
}

/* Single letters first; then those that go on behind a colon or a letter for the kind. */
lcpy_layout lcpy_arrow_layout(size_t *width, const char *format)
{
    bool single = format[0] != '\0' && format[1] == '\0';

    *width = 0;
    if (single && format[0] == 'n')
        return LCPY_ARROW_NULLS;
    if (single && format[0] == 'b')
        return LCPY_ARROW_BITS;
    if (single && (format[0] == 'u' || format[0] == 'z'))
        return LCPY_ARROW_TEXT32;
    if (single && (format[0] == 'U' || format[0] == 'Z'))
        return LCPY_ARROW_TEXT64;
    if (strcmp(format, "vu") == 0 || strcmp(format, "vz") == 0)
        return LCPY_ARROW_VIEWS;
    if (single)
        *width = number_width(format[0]);
    else if (format[0] == 'd' && format[1] == ':')
        *width = decimal_width(format);
    else if (format[0] == 'w' && format[1] == ':')
        *width = last_number(format);
    else if (format[0] == 't')
        *width = time_width(format);
    return *width > 0 ? LCPY_ARROW_FIXED : LCPY_ARROW_UNKNOWN;
}
