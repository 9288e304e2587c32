/* What any value is in a key. The one file that knows all the others of this folder: it classifies
 * a value by its exact type and has it written by whoever knows that type.
 *
 * Exact types only: what derives from int or dict may have any state and any methods besides, and
 * is an object. What has a form here (docs/format.md, "Keys") has it because Python's own reduction
 * of it does not exist, is slow, or differs between versions of Python or of the library. */
#include "key/key.h"

#include "key/class.h"
#include "key/frame.h"
#include "key/graph.h"
#include "key/instance.h"
#include "key/object.h"
#include "key/odd_array.h"
#include "key/polars.h"
#include "key/table.h"
#include "key/view.h"
#include "key/walk.h"
#include "plain/names.h"
#include "plain/npscalar.h"
#include "plain/scalar.h"

/* -------------------------------------------------------------------------------------- strings */

/* Text whose UTF-8 may be long: encoded for the while only, since a str that is asked for its UTF-8
 * keeps it for good. */
static int write_long_text(lcpy_walk *walk, PyObject *text)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");

    if (bytes == NULL)
        return -1;
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    if (size >= LCPY_DIGEST_FROM)
        lcpy_walk_digest(walk, LOCACHE_TAG_TEXT_DIGEST, PyBytes_AS_STRING(bytes), size);
    Py_DECREF(bytes);
    return size >= LCPY_DIGEST_FROM ? 0 : lcpy_scalar_write(walk->writer, text, LCPY_OTHER);
}

/* Of 4,096 characters or more, or up to 4 times as many bytes. */
static int write_digested_text(lcpy_walk *walk, PyObject *text)
{
    if (!PyUnicode_IS_ASCII(text))
        return write_long_text(walk, text);
    lcpy_walk_digest(walk, LOCACHE_TAG_TEXT_DIGEST, PyUnicode_1BYTE_DATA(text),
                     (size_t)PyUnicode_GET_LENGTH(text));
    return 0;
}

static int write_key_text(lcpy_walk *walk, PyObject *text)
{
    /* No character takes more than 4 bytes. */
    if (PyUnicode_GET_LENGTH(text) < LCPY_DIGEST_FROM / 4)
        return lcpy_scalar_write(walk->writer, text, LCPY_OTHER);
    if (PyUnicode_GET_LENGTH(text) >= LCPY_DIGEST_FROM)
        return lcpy_walk_apart(walk, text, write_digested_text);
    return PyUnicode_IS_ASCII(text) ? lcpy_scalar_write(walk->writer, text, LCPY_OTHER)
                                    : write_long_text(walk, text);
}

static int write_bytes(lcpy_walk *walk, PyObject *bytes)
{
    return lcpy_walk_data(walk, PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
}

static int write_key_bytes(lcpy_walk *walk, PyObject *bytes)
{
    return PyBytes_GET_SIZE(bytes) < LCPY_DIGEST_FROM ? write_bytes(walk, bytes)
                                                      : lcpy_walk_apart(walk, bytes, write_bytes);
}

static int write_bytearray(lcpy_walk *walk, PyObject *value)
{
    Py_buffer view; /* keeps it from being resized by another thread meanwhile */

    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0)
        return -1;
    /* A bytearray is another value than the same bytes. */
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_BYTEARRAY);
    lcpy_walk_data(walk, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return 0;
}

/* ----------------------------------------------------------------------------------- containers */

static int write_tuple(lcpy_walk *walk, PyObject *tuple)
{
    Py_ssize_t size = PyTuple_GET_SIZE(tuple);

    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_TUPLE);
    locache_cbor_write_array(walk->writer, (uint64_t)size);
    for (Py_ssize_t i = 0; i < size; i++)
        if (lcpy_walk_value(walk, PyTuple_GET_ITEM(tuple, i)) < 0)
            return lcpy_walk_step(walk, "[%zd]", i);
    return 0;
}

/* A set that changes meanwhile is written as it was. */
static int write_set(lcpy_walk *walk, PyObject *set)
{
    PyObject *members = PySequence_Tuple(set);
    int result;

    if (members == NULL)
        return -1;
    locache_cbor_write_tag(walk->writer,
                           PySet_CheckExact(set) ? LOCACHE_TAG_SET : LOCACHE_TAG_FROZENSET);
    result = lcpy_walk_members(walk, members, set);
    Py_DECREF(members);
    return result;
}

/* Bytes that a plain value has at most, and containers that are written in place where they are
 * referred to: as they would be otherwise (components.c), but faster. */
#define PLAIN_NUMBER 9
#define PLAIN_TEXT 32
#define IN_PLACE_MAX 240

/* The most bytes that an item takes, or more than there may be. */
static size_t most_bytes(PyObject *item)
{
    PyTypeObject *type = Py_TYPE(item);

    if (type == &PyFloat_Type || item == Py_None || type == &PyBool_Type)
        return PLAIN_NUMBER;
    if (type == &PyLong_Type) {
        int overflow;
        PyLong_AsLongLongAndOverflow(item, &overflow);
        return overflow == 0 ? PLAIN_NUMBER : IN_PLACE_MAX + 1;
    }
    if (type == &PyUnicode_Type && PyUnicode_IS_ASCII(item) &&
        PyUnicode_GET_LENGTH(item) < PLAIN_TEXT)
        return (size_t)PyUnicode_GET_LENGTH(item) + 2;
    return IN_PLACE_MAX + 1;
}

/* A few plain values and nothing else? */
static bool is_short(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    size_t sum = 0;

    if (type == &PyTuple_Type) {
        for (Py_ssize_t i = 0; sum <= IN_PLACE_MAX && i < PyTuple_GET_SIZE(value); i++)
            sum += most_bytes(PyTuple_GET_ITEM(value, i));
    } else if (type == &PyList_Type) {
        for (Py_ssize_t i = 0; sum <= IN_PLACE_MAX && i < PyList_GET_SIZE(value); i++)
            sum += most_bytes(PyList_GET_ITEM(value, i));
    } else {
        PyObject *key, *item;
        Py_ssize_t at = 0;

        while (sum <= IN_PLACE_MAX && PyDict_Next(value, &at, &key, &item))
            sum += most_bytes(key) + most_bytes(item);
    }
    return sum <= IN_PLACE_MAX;
}

static int write_sequence(lcpy_walk *walk, PyObject *value,
                          int (*write)(lcpy_walk *walk, PyObject *value))
{
    if (walk->inside && value != walk->current && is_short(value))
        return write(walk, value);
    return lcpy_walk_nested(walk, value, write);
}

/* -------------------------------------------------------------- what a few attributes say whole */

/* A type of Python's own: an object of it is its class and the values of these attributes. */
typedef struct simple_type {
    PyTypeObject *type;
    const char *name;
    const char *attributes[4]; /* up to three, then NULL */
} simple_type;

/* Those that have no reduction, or one that differs from version to version of Python. */
static const simple_type simple_types[] = {
    {&PyRange_Type, "builtins:range", {"start", "stop", "step"}},
    {&PySlice_Type, "builtins:slice", {"start", "stop", "step"}},
    {&PyMethod_Type, "types:MethodType", {"__func__", "__self__"}},
    {&PyProperty_Type, "builtins:property", {"fget", "fset", "fdel"}},
    {&PyStaticMethod_Type, "builtins:staticmethod", {"__func__"}},
    {&PyClassMethod_Type, "builtins:classmethod", {"__func__"}},
};

static const simple_type *find_simple(const PyTypeObject *type)
{
    for (size_t i = 0; i < sizeof simple_types / sizeof simple_types[0]; i++)
        if (simple_types[i].type == type)
            return &simple_types[i];
    return NULL;
}

static int write_simple(lcpy_walk *walk, PyObject *value)
{
    const simple_type *simple = find_simple(Py_TYPE(value));
    uint64_t count = 0;

    while (simple->attributes[count] != NULL)
        count++;
    lcpy_walk_begin_object(walk, simple->name, count);
    for (uint64_t i = 0; i < count; i++)
        if (lcpy_walk_attribute(walk, value, simple->attributes[i]) < 0)
            return -1;
    return 0;
}

/* --------------------------------------------------------------------------------------- values */

/* Its class counts: PurePosixPath and PosixPath are two types. As text, not by parts, which have
 * changed between versions. */
static int write_path(lcpy_walk *walk, PyObject *path)
{
    PyObject *text = PyObject_Str(path);
    int result = -1;

    if (text != NULL) {
        locache_cbor_write_tag(walk->writer, LOCACHE_TAG_PATH);
        locache_cbor_write_array(walk->writer, 2);
        result = lcpy_walk_global(walk, (PyObject *)Py_TYPE(path)); /* pathlib's: has a name */
    }
    if (result == 0)
        result = lcpy_walk_value(walk, text);
    Py_XDECREF(text);
    return result;
}

/* lcpy_types_classify() looks at the names of all that it knows before it knows that it is none. */
static lcpy_class class_of_value(lcpy_state *state, PyTypeObject *type)
{
    lcpy_seen *seen = lcpy_instance_seen(state, type);
    if (seen != NULL && seen->other)
        return LCPY_OTHER;
    lcpy_class found = lcpy_types_classify(state, type);
    seen = lcpy_instance_seen(state, type);
    if (seen != NULL)
        seen->other = found == LCPY_OTHER;
    return found;
}

/* By class, of what is no builtin. Any of them may turn out to have no exact form of its own (a
 * zone with a name, a structured scalar): then it is an object like others. */
static int write_known(lcpy_walk *walk, PyObject *value)
{
    lcpy_class class_of = class_of_value(walk->state, Py_TYPE(value));
    lcpy_written written = LCPY_NOT_EXACT;

    switch (class_of) {
    case LCPY_OTHER:
        lcpy_instance_meet(walk, Py_TYPE(value));
        break;
    case LCPY_PATH:
        return write_path(walk, value);
    case LCPY_PYARRAY:
    case LCPY_NDARRAY:
        return lcpy_odd_array_write(walk, value);
    case LCPY_NPSCALAR:
        written = lcpy_npscalar_write(walk->writer, value);
        break;
    case LCPY_NPDTYPE:
        return lcpy_odd_array_write_dtype(walk, value);
    case LCPY_FUNCTION:
        return lcpy_class_write_function(walk, value);
    case LCPY_PERSISTED: /* the function: that it is cached changes nothing */
        return lcpy_walk_attribute(walk, value, "__wrapped__");
    case LCPY_MODULE:
        return lcpy_class_write_module(walk, value);
    case LCPY_MEMORYVIEW:
        return lcpy_view_write(walk, value);
    case LCPY_PANDAS_FRAME:
    case LCPY_PANDAS_SERIES:
    case LCPY_PANDAS_INDEX:
        return lcpy_frame_write(walk, value, class_of);
    case LCPY_POLARS_FRAME:
    case LCPY_POLARS_SERIES:
        return lcpy_polars_write(walk, value, class_of == LCPY_POLARS_FRAME);
    case LCPY_ARROW_TABLE:
    case LCPY_ARROW_ARRAY:
        return lcpy_table_write(walk, value, class_of == LCPY_ARROW_TABLE);
    default:
        written = lcpy_scalar_write(walk->writer, value, class_of);
        break;
    }
    return written == LCPY_NOT_EXACT ? lcpy_object_write(walk, value) : written;
}

static int write_container(lcpy_walk *walk, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    if (type == &PyList_Type)
        return write_sequence(walk, value, lcpy_walk_items);
    if (type == &PyTuple_Type)
        return write_sequence(walk, value, write_tuple);
    if (type == &PyDict_Type)
        return write_sequence(walk, value, lcpy_walk_pairs);
    if (type == &PySet_Type || type == &PyFrozenSet_Type)
        return lcpy_walk_nested(walk, value, write_set);
    /* A class with a metaclass goes by way of lcpy_object_write(): it may have a
     * __locache_key__. */
    if (type == &PyType_Type)
        return lcpy_class_write(walk, value);
    if (value == Py_Ellipsis)
        return lcpy_walk_name(walk, "builtins:Ellipsis");
    if (value == Py_NotImplemented)
        return lcpy_walk_name(walk, "builtins:NotImplemented");
    return find_simple(type) != NULL ? lcpy_walk_nested(walk, value, write_simple)
                                     : write_known(walk, value);
}

/* The walk's `value`. Scalars first: they are most of what there is, and need no more than a few
 * comparisons of pointers; then objects of a class that was met before. */
static int write_one(lcpy_walk *walk, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    if (lcpy_scalar_write_fast(walk->writer, value))
        return 0;
    if (lcpy_walk_has_met(walk, type))
        return lcpy_object_write(walk, value);
    if (type == &PyUnicode_Type)
        return write_key_text(walk, value);
    if (type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type || value == Py_None ||
        type == &PyComplex_Type)
        return lcpy_scalar_write(walk->writer, value, LCPY_OTHER);
    if (type == &PyBytes_Type)
        return write_key_bytes(walk, value);
    if (type == &PyByteArray_Type)
        return lcpy_walk_apart(walk, value, write_bytearray);
    return write_container(walk, value);
}

/* The message of what was refused, with the way to it: only now, that it is known whole. */
static void say_where(const lcpy_walk *walk)
{
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "at %U: %U", walk->where, walk->refusal);
}

static int copy_sound(locache_cbor_writer *out, const locache_cbor_writer *own)
{
    if (locache_cbor_writer_status(own) != LOCACHE_OK) {
        PyErr_NoMemory();
        return -1;
    }
    locache_cbor_write_raw(out, own->data, own->length);
    return 0;
}

/* Most values that are no scalars fit: a short list, an object of a few attributes. */
#define ROOM 512

static _Thread_local int64_t deadline_now;

int64_t lcpy_key_set_deadline(int64_t deadline)
{
    int64_t before = deadline_now;

    deadline_now = deadline;
    return before;
}

/* What holds others, or may: each argument is a walk of its own. */
static int write_whole(lcpy_state *state, locache_cbor_writer *out, PyObject *value,
                       lcpy_collector *collector)
{
    unsigned char room[ROOM];
    locache_cbor_writer own;
    lcpy_walk walk = {.state = state,
                      .collector = collector,
                      .writer = &own,
                      .value = write_one,
                      .refer = lcpy_graph_refer,
                      .deadline = deadline_now,
                      .outermost = value,
                      .current = value};
    int result;

    locache_cbor_writer_init(&own, room, sizeof room);
    result = lcpy_walk_value(&walk, value);
    if (result == 0 && walk.graph != NULL)
        result = lcpy_graph_finish(&walk, out);
    else if (result == 0)
        result = copy_sound(out, &own);
    if (result < 0 && walk.refusal != NULL && walk.where != NULL)
        say_where(&walk);
    lcpy_instance_forget(&walk);
    Py_XDECREF(walk.where);
    Py_XDECREF(walk.refusal);
    lcpy_graph_free(walk.graph);
    locache_cbor_writer_clear(&own);
    return result;
}

int lcpy_key_write(lcpy_state *state, locache_cbor_writer *writer, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    if (type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type || value == Py_None ||
        type == &PyComplex_Type ||
        (type == &PyUnicode_Type && PyUnicode_GET_LENGTH(value) < LCPY_DIGEST_FROM / 4))
        return lcpy_scalar_write(writer, value, LCPY_OTHER);
    return write_whole(state, writer, value, NULL);
}

int lcpy_key_collect(lcpy_state *state, locache_cbor_writer *writer, PyObject *value,
                     lcpy_collector *collector)
{
    return write_whole(state, writer, value, collector);
}
