/* Frames and series of polars from what stands for them in a pickle (arrow_frame.c): schemas and
 * arrays over the entry's memory, offered to polars as a stream.
 *
 * polars lets go of an array in any of its threads, long after this. So what an array is made of is
 * C's own memory, and what it lies in is held by a count that needs no GIL: the value's. The few
 * buffers that are so small that they lie in the pickle are copied. */
#include "result/arrow_frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plain/arrow.h"
#include "result/buffer.h"

/* What Arrow recommends, and entries have. */
#define ALIGNMENT 64
#define CAPSULE_NAME "arrow_array_stream"

/* Where buffers without bytes are. */
static _Alignas(ALIGNMENT) unsigned char nothing[ALIGNMENT];

static void *malformed_frame(const char *what)
{
    if (PyErr_Occurred() == NULL)
        PyErr_Format(PyExc_ValueError, "malformed entry: %s", what);
    return NULL;
}

/* -------------------------------------------------------------------------------------- arrays */

/* What an array owns: its private_data. */
typedef struct array_parts {
    const void **buffers;
    void **copies;          /* of those that are in the pickle; else NULL */
    locache_value **values; /* that the others are in; else NULL */
    int64_t count;          /* of all three */
} array_parts;

static void free_children(lcpy_arrow_array *array)
{
    for (int64_t i = 0; i < array->n_children && array->children != NULL; i++) {
        lcpy_arrow_array *child = array->children[i];
        if (child != NULL && child->release != NULL)
            child->release(child);
        free(child);
    }
    free(array->children);
    if (array->dictionary != NULL && array->dictionary->release != NULL)
        array->dictionary->release(array->dictionary);
    free(array->dictionary);
}

static void release_array(lcpy_arrow_array *array)
{
    array_parts *parts = array->private_data;

    free_children(array);
    for (int64_t i = 0; i < parts->count; i++) {
        free(parts->copies[i]);
        locache_value_free(parts->values[i]);
    }
    free(parts->buffers);
    free(parts->copies);
    free(parts->values);
    free(parts);
    array->release = NULL;
}

/* For `count` things of a size: at least one, all zeros. */
static void *new_zeros(int64_t count, size_t size)
{
    void *memory = calloc((size_t)count + 1, size);

    if (memory == NULL)
        PyErr_NoMemory();
    return memory;
}

static bool new_parts(lcpy_arrow_array *out, int64_t count)
{
    array_parts *parts = new_zeros(1, sizeof *parts);

    if (parts == NULL)
        return false;
    out->private_data = parts;
    out->release = release_array;
    parts->buffers = new_zeros(count, sizeof *parts->buffers);
    parts->copies = parts->buffers == NULL ? NULL : new_zeros(count, sizeof *parts->copies);
    parts->values = parts->copies == NULL ? NULL : new_zeros(count, sizeof *parts->values);
    if (parts->values == NULL)
        return false;
    parts->count = count;
    out->buffers = parts->buffers;
    return true;
}

static bool copy_buffer(array_parts *parts, Py_ssize_t n, PyObject *memory)
{
    Py_buffer view;

    if (PyObject_GetBuffer(memory, &view, PyBUF_SIMPLE) < 0)
        return false;
    size_t size = ((size_t)view.len / ALIGNMENT + 1) * ALIGNMENT;
    void *copy = aligned_alloc(ALIGNMENT, size);
    if (copy != NULL)
        memcpy(copy, view.buf, (size_t)view.len);
    else
        PyErr_NoMemory();
    PyBuffer_Release(&view);
    parts->buffers[n] = parts->copies[n] = copy;
    return copy != NULL;
}

static bool place_buffer(const lcpy_state *state, array_parts *parts, Py_ssize_t n,
                         PyObject *memory)
{
    lcpy_memory within;

    /* The validity of an array that has no nulls is not there at all. */
    if (memory == Py_None) {
        parts->buffers[n] = n == 0 ? NULL : nothing;
        return true;
    }
    locache_value *value = lcpy_buffer_value(&within, state, memory);
    if (value == NULL)
        return copy_buffer(parts, n, memory);
    locache_value_retain(value);
    parts->values[n] = value;
    parts->buffers[n] = within.data;
    return true;
}

static bool read_array(const lcpy_state *state, lcpy_arrow_array *out, PyObject *from);

/* NULL with an exception; what was read so far is in out. */
static bool read_parts(const lcpy_state *state, lcpy_arrow_array *out, PyObject *children,
                       PyObject *dictionary)
{
    out->children = new_zeros(PyTuple_GET_SIZE(children), sizeof *out->children);
    if (out->children == NULL)
        return false;
    out->n_children = PyTuple_GET_SIZE(children);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(children); i++)
        if ((out->children[i] = new_zeros(1, sizeof **out->children)) == NULL ||
            !read_array(state, out->children[i], PyTuple_GET_ITEM(children, i)))
            return false;
    if (dictionary == Py_None)
        return true;
    out->dictionary = new_zeros(1, sizeof *out->dictionary);
    return out->dictionary != NULL && read_array(state, out->dictionary, dictionary);
}

/* False with an exception. *out is zeroed before, and to be released in any case. */
static bool read_array(const lcpy_state *state, lcpy_arrow_array *out, PyObject *from)
{
    long long length;
    long long nulls;
    long long offset;
    PyObject *buffers;
    PyObject *children;
    PyObject *dictionary;

    if (!PyTuple_Check(from) ||
        !PyArg_ParseTuple(from, "LLLO!O!O", &length, &nulls, &offset, &PyTuple_Type, &buffers,
                          &PyTuple_Type, &children, &dictionary) ||
        length < 0 || offset < 0)
        return malformed_frame("no array of a frame") != NULL;
    *out = (lcpy_arrow_array){.length = length,
                              .null_count = nulls,
                              .offset = offset,
                              .n_buffers = PyTuple_GET_SIZE(buffers)};
    if (!new_parts(out, out->n_buffers))
        return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(buffers); i++)
        if (!place_buffer(state, out->private_data, i, PyTuple_GET_ITEM(buffers, i)))
            return false;
    return read_parts(state, out, children, dictionary);
}

/* -------------------------------------------------------------------------------------- schemas */

static void release_schema(lcpy_arrow_schema *schema)
{
    for (int64_t i = 0; i < schema->n_children && schema->children != NULL; i++) {
        lcpy_arrow_schema *child = schema->children[i];
        if (child != NULL && child->release != NULL)
            child->release(child);
        free(child);
    }
    free(schema->children);
    if (schema->dictionary != NULL && schema->dictionary->release != NULL)
        schema->dictionary->release(schema->dictionary);
    free(schema->dictionary);
    free(schema->private_data);
    schema->release = NULL;
}

/* Its three texts, in one block: those of two end with a NUL, which bytes of Python have. */
static bool set_texts(lcpy_arrow_schema *out, PyObject *format, PyObject *name, PyObject *metadata)
{
    size_t format_size = (size_t)PyBytes_GET_SIZE(format) + 1;
    size_t name_size = (size_t)PyBytes_GET_SIZE(name) + 1;
    size_t metadata_size = metadata != Py_None ? (size_t)PyBytes_GET_SIZE(metadata) : 0;
    char *texts = new_zeros((int64_t)(format_size + name_size + metadata_size), 1);

    if (texts == NULL)
        return false;
    memcpy(texts, PyBytes_AS_STRING(format), format_size);
    memcpy(texts + format_size, PyBytes_AS_STRING(name), name_size);
    out->format = texts;
    out->name = texts + format_size;
    if (metadata_size > 0)
        out->metadata =
            memcpy(texts + format_size + name_size, PyBytes_AS_STRING(metadata), metadata_size);
    out->private_data = texts;
    return true;
}

/* As read_array(). */
static bool read_schema(lcpy_arrow_schema *out, PyObject *from)
{
    long long flags;
    PyObject *format;
    PyObject *name;
    PyObject *metadata;
    PyObject *children;
    PyObject *dictionary;

    if (!PyTuple_Check(from) ||
        !PyArg_ParseTuple(from, "SSOLO!O", &format, &name, &metadata, &flags, &PyTuple_Type,
                          &children, &dictionary) ||
        (metadata != Py_None && !PyBytes_Check(metadata)))
        return malformed_frame("no schema of a frame") != NULL;
    *out = (lcpy_arrow_schema){.flags = flags, .release = release_schema};
    out->children = new_zeros(PyTuple_GET_SIZE(children), sizeof *out->children);
    if (out->children == NULL || !set_texts(out, format, name, metadata))
        return false;
    out->n_children = PyTuple_GET_SIZE(children);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(children); i++)
        if ((out->children[i] = new_zeros(1, sizeof **out->children)) == NULL ||
            !read_schema(out->children[i], PyTuple_GET_ITEM(children, i)))
            return false;
    if (dictionary == Py_None)
        return true;
    out->dictionary = new_zeros(1, sizeof *out->dictionary);
    return out->dictionary != NULL && read_schema(out->dictionary, dictionary);
}

/* -------------------------------------------------------------------------------------- streams */

/* What a stream gives, each once: moved to who asks. */
typedef struct offered {
    lcpy_arrow_schema schema;
    lcpy_arrow_array *chunks;
    int64_t count;
    int64_t next;
} offered;

static void free_offered(offered *all)
{
    if (all->schema.release != NULL)
        all->schema.release(&all->schema);
    for (int64_t i = 0; i < all->count; i++)
        if (all->chunks[i].release != NULL)
            all->chunks[i].release(&all->chunks[i]);
    free(all->chunks);
    free(all);
}

static int give_schema(lcpy_arrow_stream *stream, lcpy_arrow_schema *out)
{
    offered *all = stream->private_data;

    if (all->schema.release == NULL)
        return EINVAL;
    *out = all->schema;
    all->schema.release = NULL;
    return 0;
}

static int give_next(lcpy_arrow_stream *stream, lcpy_arrow_array *out)
{
    offered *all = stream->private_data;

    *out = (lcpy_arrow_array){0};
    if (all->next < all->count) {
        *out = all->chunks[all->next];
        all->chunks[all->next++].release = NULL;
    }
    return 0;
}

static const char *give_error(lcpy_arrow_stream *stream)
{
    (void)stream;
    return "a stream is read once";
}

static void release_stream(lcpy_arrow_stream *stream)
{
    free_offered(stream->private_data);
    stream->release = NULL;
}

static void end_capsule(PyObject *capsule)
{
    lcpy_arrow_stream *stream = PyCapsule_GetPointer(capsule, CAPSULE_NAME);

    if (stream->release != NULL)
        stream->release(stream);
    free(stream);
}

static PyObject *capsule_of(offered *all)
{
    lcpy_arrow_stream *stream = new_zeros(1, sizeof *stream);
    PyObject *capsule = stream == NULL ? NULL : PyCapsule_New(stream, CAPSULE_NAME, end_capsule);

    if (capsule == NULL) {
        free(stream);
        free_offered(all);
        return NULL;
    }
    *stream = (lcpy_arrow_stream){.get_schema = give_schema,
                                  .get_next = give_next,
                                  .get_last_error = give_error,
                                  .release = release_stream,
                                  .private_data = all};
    return capsule;
}

static PyObject *read_stream(const lcpy_state *state, PyObject *schema, PyObject *chunks)
{
    Py_ssize_t count = PyTuple_GET_SIZE(chunks);
    offered *all = new_zeros(1, sizeof *all);
    bool good = all != NULL && (all->chunks = new_zeros(count, sizeof *all->chunks)) != NULL &&
                read_schema(&all->schema, schema);

    for (Py_ssize_t i = 0; i < count && good; i++) {
        all->count = i + 1;
        good = read_array(state, &all->chunks[i], PyTuple_GET_ITEM(chunks, i));
    }
    if (good)
        return capsule_of(all);
    if (all != NULL)
        free_offered(all);
    return NULL;
}

/* ---------------------------------------------------------------------------- what polars takes */

/* Holds the capsule that it gives. */
typedef struct stream_object {
    PyObject_HEAD
    PyObject *capsule;
} stream_object;

static void stream_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);

    Py_XDECREF(((stream_object *)self)->capsule);
    type->tp_free(self);
    Py_DECREF(type);
}

/* What schema the other would rather have does not matter: the interface allows that. */
static PyObject *stream_export(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    (void)arguments;
    (void)keywords;
    return Py_NewRef(((stream_object *)self)->capsule);
}

static PyMethodDef stream_methods[] = {
    {"__arrow_c_stream__", (PyCFunction)(void (*)(void))stream_export, METH_VARARGS | METH_KEYWORDS,
     "The stream, once."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject *stream_type(lcpy_state *state)
{
    if (state->stream_type == NULL) {
        PyType_Slot slots[] = {
            {Py_tp_doc, "Columns of a result."},
            {Py_tp_dealloc, LCPY_SLOT(stream_dealloc)},
            {Py_tp_methods, stream_methods},
            {0, NULL},
        };
        PyType_Spec spec = {
            .name = "locache._core.Stream",
            .basicsize = (int)sizeof(stream_object),
            .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
            .slots = slots,
        };
        state->stream_type = (PyTypeObject *)PyType_FromSpec(&spec);
    }
    return state->stream_type;
}

PyObject *lcpy_arrow_stream_of(lcpy_state *state, PyObject *capsule)
{
    PyTypeObject *type = stream_type(state);
    stream_object *self = type == NULL ? NULL : PyObject_New(stream_object, type);

    if (self != NULL)
        self->capsule = Py_NewRef(capsule);
    return (PyObject *)self;
}

/* A series that is known to be sorted is told so again: it takes no look at its values. */
static PyObject *sort_again(PyObject *series, char order)
{
    if (order != 'a' && order != 'd')
        return Py_NewRef(series);
    PyObject *method = PyObject_GetAttrString(series, "set_sorted");
    PyObject *keywords =
        method == NULL ? NULL
                       : Py_BuildValue("{sO}", "descending", order == 'd' ? Py_True : Py_False);
    PyObject *none = keywords == NULL ? NULL : PyTuple_New(0);
    PyObject *sorted = none == NULL ? NULL : PyObject_Call(method, none, keywords);

    Py_XDECREF(none);
    Py_XDECREF(keywords);
    Py_XDECREF(method);
    return sorted;
}

/* In place: the frame is nobody's yet. False with an exception. */
static bool sort_columns(PyObject *frame, const char *order, Py_ssize_t count)
{
    if (memchr(order, 'a', (size_t)count) == NULL && memchr(order, 'd', (size_t)count) == NULL)
        return true;
    PyObject *columns = PyObject_CallMethod(frame, "get_columns", NULL);
    bool good = columns != NULL && PyList_Check(columns) && PyList_GET_SIZE(columns) == count;

    if (columns != NULL && !good)
        malformed_frame("other columns than there were");
    for (Py_ssize_t i = 0; i < count && good; i++) {
        if (order[i] != 'a' && order[i] != 'd')
            continue;
        PyObject *sorted = sort_again(PyList_GET_ITEM(columns, i), order[i]);
        PyObject *done =
            sorted == NULL ? NULL : PyObject_CallMethod(frame, "replace_column", "nO", i, sorted);
        good = done != NULL;
        Py_XDECREF(done);
        Py_XDECREF(sorted);
    }
    Py_XDECREF(columns);
    return good;
}

PyObject *lcpy_arrow_frame_restore(PyObject *module, PyObject *arguments)
{
    lcpy_state *state = PyModule_GetState(module);
    const char *name;
    const char *order;
    Py_ssize_t count;
    PyObject *schema;
    PyObject *chunks;

    if (!PyArg_ParseTuple(arguments, "sOO!y#:_arrow_frame", &name, &schema, &PyTuple_Type, &chunks,
                          &order, &count))
        return NULL;
    PyObject *polars = PyImport_ImportModule("polars");
    PyObject *class = polars == NULL ? NULL : PyObject_GetAttrString(polars, name);
    PyObject *capsule = class == NULL ? NULL : read_stream(state, schema, chunks);
    PyObject *stream = capsule == NULL ? NULL : lcpy_arrow_stream_of(state, capsule);
    PyObject *result = stream == NULL ? NULL : PyObject_CallOneArg(class, stream);
    if (result != NULL && strcmp(name, "DataFrame") != 0)
        Py_SETREF(result, sort_again(result, count > 0 ? order[0] : '-'));
    else if (result != NULL && !sort_columns(result, order, count))
        Py_CLEAR(result);
    Py_XDECREF(stream);
    Py_XDECREF(capsule);
    Py_XDECREF(class);
    Py_XDECREF(polars);
    return result;
}
