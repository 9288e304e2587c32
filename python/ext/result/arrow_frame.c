/* Frames and series of polars to pickles, as the buffers that they export.
 *
 * polars pickles a frame by writing all of it to a stream of its own, and reads it back by copying:
 * half a second for 40 MB. What it exports by Arrow's interface are the very buffers that it has,
 * and it takes such as they are. So a frame is what says how the buffers belong together, as tuples
 * that any pickle holds, and the buffers, which go out of line.
 *
 *     schema: (format, name, metadata or None, flags, (child, ...), dictionary or None)
 *     array:  (length, nulls, offset, (buffer or None, ...), (child, ...), dictionary or None)
 *
 * It is only read where the entry's MAC says that this user wrote it, as any pickle is: polars
 * believes what is in such buffers. What polars itself would not take back as it was, as objects of
 * Python, is left to its own way: that is tried out before it is stored. */
#include "result/arrow_frame.h"

#include <string.h>

#include "plain/arrow.h"
#include "plain/names.h"
#include "result/buffer.h"

/* As deep as columns are nested; deeper ones go polars' own way. */
#define DEPTH_MAX 32
#define ITEMS_PER_BYTE 8
#define VIEW_SIZE 16
/* A slice exports the buffers that it is a part of. Up to so many times what it shows, and so many
 * bytes more, these are stored; else it is polars' to copy what is meant. */
#define EXCESS 2
#define EXCESS_BYTES ((size_t)1 << 16)

/* ------------------------------------------------------------------------------------ exporting */

/* What has been taken of an object: the buffers lend their memory from it, and hold `keeper`. */
typedef struct export
{
    lcpy_state *state;
    PyObject *keeper;
    size_t bytes; /* of all buffers */
}
export;

static void end_keeper(PyObject *capsule)
{
    lcpy_arrow *arrow = PyCapsule_GetPointer(capsule, NULL);

    lcpy_arrow_clear(arrow);
    PyMem_Free(arrow);
}

/* A capsule that holds what the object exports. NULL without an exception: it exports nothing. */
static PyObject *open_keeper(PyObject *object)
{
    lcpy_arrow *arrow = PyMem_Malloc(sizeof *arrow);
    int opened = arrow != NULL ? lcpy_arrow_open(arrow, object) : -1;
    PyObject *keeper = opened > 0 ? PyCapsule_New(arrow, NULL, end_keeper) : NULL;

    if (arrow == NULL)
        PyErr_NoMemory();
    if (opened > 0 && keeper == NULL)
        lcpy_arrow_clear(arrow);
    if (keeper == NULL)
        PyMem_Free(arrow);
    return keeper;
}

/* None where an array has no such buffer. */
static PyObject *buffer_of(export *of, const void *data, size_t size)
{
    if (data == NULL || size == 0)
        return Py_NewRef(Py_None);
    PyObject *memory = lcpy_buffer_over(of->state, of->keeper, (void *)(uintptr_t)data, size);
    PyObject *buffer = memory == NULL ? NULL : PyPickleBuffer_FromObject(memory);
    Py_XDECREF(memory);
    of->bytes += size;
    return buffer;
}

/* Bytes of as many bits. */
static size_t bit_bytes(int64_t count)
{
    return ((size_t)count + ITEMS_PER_BYTE - 1) / ITEMS_PER_BYTE;
}

/* The last of count + 1 offsets, of 4 bytes or 8: how much they lead to. */
static size_t last_offset(const void *offsets, int64_t count, bool is_long)
{
    int64_t wide;
    int32_t narrow;

    if (offsets == NULL)
        return 0;
    if (is_long) {
        memcpy(&wide, (const char *)offsets + (size_t)count * sizeof wide, sizeof wide);
        return (size_t)wide;
    }
    memcpy(&narrow, (const char *)offsets + (size_t)count * sizeof narrow, sizeof narrow);
    return (size_t)narrow;
}

/* How the values of a format lie, where a nested one has a layout of its own, too. */
typedef enum form {
    FORM_UNKNOWN,
    FORM_NULLS,
    FORM_BITS,
    FORM_FIXED,
    FORM_TEXT,
    FORM_LONG_TEXT,
    FORM_VIEWS,
    FORM_LIST,
    FORM_LONG_LIST,
    FORM_PARENT
} form;

static form form_of(size_t *width, const char *format)
{
    static const form forms[] = {
        [LCPY_ARROW_UNKNOWN] = FORM_UNKNOWN, [LCPY_ARROW_NULLS] = FORM_NULLS,
        [LCPY_ARROW_BITS] = FORM_BITS,       [LCPY_ARROW_FIXED] = FORM_FIXED,
        [LCPY_ARROW_TEXT32] = FORM_TEXT,     [LCPY_ARROW_TEXT64] = FORM_LONG_TEXT,
        [LCPY_ARROW_VIEWS] = FORM_VIEWS};

    *width = 0;
    if (strcmp(format, "+l") == 0)
        return FORM_LIST;
    if (strcmp(format, "+L") == 0)
        return FORM_LONG_LIST;
    if (strcmp(format, "+s") == 0 || strncmp(format, "+w:", 3) == 0)
        return FORM_PARENT;
    return forms[lcpy_arrow_layout(width, format)];
}

/* The size of buffer n; false: an array of this form has none such. */
static bool buffer_size(size_t *size, const lcpy_arrow_array *array, int64_t n, form kind,
                        size_t width)
{
    int64_t count = array->offset + array->length;
    bool is_long = kind == FORM_LONG_TEXT || kind == FORM_LONG_LIST;
    bool by_offsets = is_long || kind == FORM_TEXT || kind == FORM_LIST;
    const int64_t *sizes = array->buffers[array->n_buffers - 1];

    *size = n == 0 ? bit_bytes(count) : 0;
    if (kind == FORM_VIEWS && n > 1) {
        /* The last one says how long those before it are. */
        bool last = n == array->n_buffers - 1;
        *size = last ? (size_t)(n - 2) * sizeof *sizes : (size_t)sizes[n - 2];
        return true;
    }
    if (n == 1 && kind == FORM_BITS)
        *size = bit_bytes(count);
    else if (n == 1 && kind == FORM_FIXED)
        *size = (size_t)count * width;
    else if (n == 1 && kind == FORM_VIEWS)
        *size = (size_t)count * VIEW_SIZE;
    else if (n == 1 && by_offsets)
        *size = ((size_t)count + 1) * (is_long ? sizeof(int64_t) : sizeof(int32_t));
    else if (n == 2 && by_offsets)
        *size = last_offset(array->buffers[1], count, is_long);
    return n < 2 || (n == 2 && by_offsets);
}

/* A tuple; NULL without an exception: of a form that is not known here. */
static PyObject *buffers_of(export *of, const lcpy_arrow_array *array, const char *format)
{
    size_t width;
    form kind = form_of(&width, format);
    PyObject *buffers = kind == FORM_UNKNOWN || (kind == FORM_VIEWS && array->n_buffers < 3)
                            ? NULL
                            : PyTuple_New((Py_ssize_t)array->n_buffers);

    for (int64_t n = 0; n < array->n_buffers && buffers != NULL; n++) {
        size_t size;
        PyObject *buffer = buffer_size(&size, array, n, kind, width)
                               ? buffer_of(of, array->buffers[n], size)
                               : NULL;
        if (buffer == NULL)
            Py_CLEAR(buffers);
        else
            PyTuple_SET_ITEM(buffers, (Py_ssize_t)n, buffer);
    }
    return buffers;
}

static PyObject *array_of(export *of, const lcpy_arrow_array *array,
                          const lcpy_arrow_schema *schema, int depth);

static PyObject *children_of(export *of, const lcpy_arrow_array *array,
                             const lcpy_arrow_schema *schema, int depth)
{
    PyObject *children =
        array->n_children == schema->n_children ? PyTuple_New((Py_ssize_t)array->n_children) : NULL;

    for (int64_t i = 0; i < array->n_children && children != NULL; i++) {
        PyObject *child = array_of(of, array->children[i], schema->children[i], depth + 1);
        if (child == NULL)
            Py_CLEAR(children);
        else
            PyTuple_SET_ITEM(children, (Py_ssize_t)i, child);
    }
    return children;
}

/* NULL with an exception, or without one: it has no form here. */
static PyObject *array_of(export *of, const lcpy_arrow_array *array,
                          const lcpy_arrow_schema *schema, int depth)
{
    PyObject *dictionary = Py_None;
    bool known = depth < DEPTH_MAX && (schema->dictionary != NULL) == (array->dictionary != NULL);
    PyObject *buffers = known ? buffers_of(of, array, schema->format) : NULL;
    PyObject *children = buffers == NULL ? NULL : children_of(of, array, schema, depth);

    if (children != NULL && array->dictionary != NULL)
        dictionary = array_of(of, array->dictionary, schema->dictionary, depth + 1);
    else
        Py_INCREF(dictionary);
    PyObject *result =
        children == NULL || dictionary == NULL
            ? NULL
            : Py_BuildValue("(LLLOOO)", (long long)array->length, (long long)array->null_count,
                            (long long)array->offset, buffers, children, dictionary);
    Py_XDECREF(dictionary);
    Py_XDECREF(children);
    Py_XDECREF(buffers);
    return result;
}

static PyObject *schema_of(const lcpy_arrow_schema *schema)
{
    PyObject *children = PyTuple_New((Py_ssize_t)schema->n_children);
    PyObject *dictionary =
        schema->dictionary != NULL ? schema_of(schema->dictionary) : Py_NewRef(Py_None);

    for (int64_t i = 0; i < schema->n_children && children != NULL; i++) {
        PyObject *child = schema_of(schema->children[i]);
        if (child == NULL)
            Py_CLEAR(children);
        else
            PyTuple_SET_ITEM(children, (Py_ssize_t)i, child);
    }
    PyObject *result = NULL;
    if (children != NULL && dictionary != NULL)
        result =
            Py_BuildValue("(yyy#LOO)", schema->format, schema->name != NULL ? schema->name : "",
                          schema->metadata, (Py_ssize_t)lcpy_arrow_metadata_size(schema->metadata),
                          (long long)schema->flags, children, dictionary);
    Py_XDECREF(dictionary);
    Py_XDECREF(children);
    return result;
}

static PyObject *chunks_of(export *of, const lcpy_arrow *arrow)
{
    PyObject *chunks = PyTuple_New(arrow->count);

    for (Py_ssize_t i = 0; i < arrow->count && chunks != NULL; i++) {
        PyObject *chunk = array_of(of, &arrow->chunks[i], &arrow->schema, 0);
        if (chunk == NULL)
            Py_CLEAR(chunks);
        else
            PyTuple_SET_ITEM(chunks, i, chunk);
    }
    return chunks;
}

/* ------------------------------------------------------------------------------- is it the same */

/* Does polars take back what it exports with the same types, and as many rows? 1, 0, -1. What it
 * says of itself in an exception means no. */
static int exports_whole(lcpy_state *state, PyObject *object, const char *type)
{
    PyObject *capsule = PyObject_CallMethod(object, "__arrow_c_stream__", NULL);
    PyObject *stream = capsule == NULL ? NULL : lcpy_arrow_stream_of(state, capsule);
    PyObject *again =
        stream == NULL ? NULL : PyObject_CallOneArg((PyObject *)Py_TYPE(object), stream);
    PyObject *before = again == NULL ? NULL : PyObject_GetAttrString(object, type);
    PyObject *after = before == NULL ? NULL : PyObject_GetAttrString(again, type);
    int same = after == NULL ? -1 : PyObject_RichCompareBool(before, after, Py_EQ);

    if (same > 0)
        same = PyObject_Size(object) == PyObject_Size(again);
    Py_XDECREF(after);
    Py_XDECREF(before);
    Py_XDECREF(again);
    Py_XDECREF(stream);
    Py_XDECREF(capsule);
    if (same < 0 && PyErr_Occurred() != NULL && PyErr_ExceptionMatches(PyExc_Exception) &&
        !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
        same = 0;
    }
    return same;
}

/* -1 with an exception. */
static int is_excessive(const export *of, PyObject *object)
{
    PyObject *shown = PyObject_CallMethod(object, "estimated_size", NULL);
    double size = shown == NULL ? -1 : PyFloat_AsDouble(shown);

    Py_XDECREF(shown);
    if (PyErr_Occurred() != NULL)
        return -1;
    return (double)of->bytes > EXCESS * size + (double)EXCESS_BYTES;
}

/* How a series is known to be sorted, which exports do not say: 1, -1 backwards, 0 not; -2 with an
 * exception. */
static int sorted_of(PyObject *series)
{
    static const char *const names[] = {"SORTED_ASC", "SORTED_DESC"};
    PyObject *flags = PyObject_GetAttrString(series, "flags");
    int result = flags == NULL ? -2 : 0;

    for (int i = 0; i < 2 && result == 0; i++) {
        PyObject *flag = PyMapping_GetItemString(flags, names[i]);
        int is_set = flag == NULL ? -1 : PyObject_IsTrue(flag);
        Py_XDECREF(flag);
        result = is_set < 0 ? -2 : is_set ? 1 - 2 * i : 0;
    }
    Py_XDECREF(flags);
    return result;
}

/* bytes: of each column 'a', 'd' or '-'. */
static PyObject *order_of(PyObject *object, bool is_frame)
{
    PyObject *columns =
        is_frame ? PyObject_CallMethod(object, "get_columns", NULL) : Py_BuildValue("[O]", object);
    Py_ssize_t count = columns == NULL ? 0 : PyList_Size(columns);
    PyObject *order = columns == NULL ? NULL : PyBytes_FromStringAndSize(NULL, count);

    for (Py_ssize_t i = 0; i < count && order != NULL; i++) {
        int sorted = sorted_of(PyList_GET_ITEM(columns, i));
        if (sorted == -2)
            Py_CLEAR(order);
        else
            PyBytes_AS_STRING(order)[i] = "d-a"[sorted + 1];
    }
    Py_XDECREF(columns);
    return order;
}

/* ------------------------------------------------------------------------------------ the whole */

/* (locache._core._arrow_frame, (name, schema, chunks, order)), or NULL. */
static PyObject *reduce_export(export *of, PyObject *object, const char *name, bool is_frame)
{
    const lcpy_arrow *arrow = PyCapsule_GetPointer(of->keeper, NULL);
    PyObject *chunks = chunks_of(of, arrow);
    int excessive = chunks == NULL ? 1 : is_excessive(of, object);
    PyObject *schema = excessive != 0 ? NULL : schema_of(&arrow->schema);
    PyObject *order = schema == NULL ? NULL : order_of(object, is_frame);
    PyObject *module = order == NULL ? NULL : PyImport_ImportModule("locache._core");
    PyObject *restore = module == NULL ? NULL : PyObject_GetAttrString(module, "_arrow_frame");
    PyObject *reduction =
        restore == NULL ? NULL : Py_BuildValue("(O(sOOO))", restore, name, schema, chunks, order);

    Py_XDECREF(restore);
    Py_XDECREF(module);
    Py_XDECREF(order);
    Py_XDECREF(schema);
    Py_XDECREF(chunks);
    return reduction;
}

/* Has it nothing but what polars keeps in it? */
static bool has_no_more(PyObject *object)
{
    PyObject *own = PyObject_GetAttrString(object, "__dict__");
    bool bare = own != NULL && PyDict_CheckExact(own) && PyDict_GET_SIZE(own) == 1;

    Py_XDECREF(own);
    PyErr_Clear();
    return bare;
}

PyObject *lcpy_arrow_frame_reduce(lcpy_state *state, PyObject *object)
{
    PyObject *type = (PyObject *)Py_TYPE(object);
    bool is_frame = type == lcpy_names_loaded("polars", "DataFrame");
    bool is_series = !is_frame && type == lcpy_names_loaded("polars", "Series");
    PyObject *reduction = NULL;

    if (!is_frame && !is_series)
        return NULL;
    int same =
        has_no_more(object) ? exports_whole(state, object, is_frame ? "schema" : "dtype") : 0;
    export of = {.state = state, .keeper = same > 0 ? open_keeper(object) : NULL};
    if (of.keeper != NULL)
        reduction = reduce_export(&of, object, is_frame ? "DataFrame" : "Series", is_frame);
    Py_XDECREF(of.keeper);
    return reduction;
}
