#include "pykey_walk.h"

#include <string.h>

/* CBOR nesting that a key's reader follows, less what the key itself has around an argument. */
#define LEVELS_MAX (LOCACHE_DEPTH_MAX - 4)
/* What shares its parts is written as often as it refers to them, which can be exponential in its size: stop in time. */
#define KEY_MAX ((size_t)256 << 20)
/* A view may show the same memory again and again (broadcasts, windows), and be of any size: a few seconds' work at most. */
#define REPEATED_MAX ((size_t)4 << 30)
/* Below, giving up the GIL costs more than the digest. */
#define RELEASE_FROM ((size_t)256 << 10)

/* Characters of a way that a message shows, from the outermost on: the cause and the remedy follow it. */
#define WHERE_MAX 120

/* ------------------------------------------------------------------------------------------------------------ refusals */

int lcpy_walk_refuse(lcpy_walk *walk, PyObject *object, const char *why)
{
    if (walk->refusal == NULL) {
        walk->refusal = PyUnicode_FromFormat("a '%.200s' object cannot be part of a cache key%s%s: give its class a "
                                             "__locache_key__ method, or leave the argument out with ignore=",
                                             Py_TYPE(object)->tp_name, why == NULL ? "" : ", ", why == NULL ? "" : why);
    }
    if (walk->refusal != NULL) {
        PyErr_SetObject(PyExc_TypeError, walk->refusal);
    }
    return -1;
}

int lcpy_walk_step(lcpy_walk *walk, const char *format, ...)
{
    PyObject *raised, *value, *traceback;
    PyObject *step, *where;
    va_list arguments;

    if (walk->refusal == NULL) {
        return -1;
    }
    PyErr_Fetch(&raised, &value, &traceback);
    va_start(arguments, format);
    step = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    where = step == NULL || walk->where == NULL ? Py_XNewRef(step) : PyUnicode_Concat(step, walk->where);
    if (where != NULL && PyUnicode_GET_LENGTH(where) > WHERE_MAX) {
        Py_SETREF(where, PyUnicode_Substring(where, 0, WHERE_MAX));
    }
    if (where != NULL) {
        Py_XSETREF(walk->where, where);
    }
    Py_XDECREF(step);
    PyErr_Clear();
    PyErr_Restore(raised, value, traceback);
    return -1;
}

/* The step to a dict's value. A key is shown where that runs no code of its class. */
static int step_to_key(lcpy_walk *walk, PyObject *key, bool attribute)
{
    if (PyUnicode_CheckExact(key)) {
        return attribute ? lcpy_walk_step(walk, ".%U", key) : lcpy_walk_step(walk, "[%R]", key);
    }
    return PyLong_CheckExact(key) ? lcpy_walk_step(walk, "[%R]", key)
                                  : lcpy_walk_step(walk, "[<%s>]", Py_TYPE(key)->tp_name);
}

/* ------------------------------------------------------------------------------------------------------------- nesting */

int lcpy_walk_enter(lcpy_walk *walk, lcpy_frame *frame, PyObject *object, unsigned levels)
{
    for (const lcpy_frame *outer = walk->inner; outer != NULL; outer = outer->outer) {
        if (outer->object == object) {
            locache_write_tag(walk->writer, LOCACHE_TAG_ANCESTOR);
            locache_write_uint(walk->writer, outer->index);
            return 1;
        }
    }
    if (walk->levels + levels > LEVELS_MAX) {
        return lcpy_walk_refuse(walk, object, "being nested too deep");
    }
    if (walk->writer->length > KEY_MAX) {
        return lcpy_walk_refuse(walk, object, "being part of something too large");
    }
    if (Py_EnterRecursiveCall(" while a cache key is made")) {
        return -1;
    }
    *frame = (lcpy_frame){.object = object,
                          .outer = walk->inner,
                          .index = walk->inner == NULL ? 0 : walk->inner->index + 1,
                          .levels = levels};
    walk->inner = frame;
    walk->levels += levels;
    return 0;
}

void lcpy_walk_leave(lcpy_walk *walk)
{
    walk->levels -= walk->inner->levels;
    walk->inner = walk->inner->outer;
    Py_LeaveRecursiveCall();
}

/* --------------------------------------------------------------------------------------------------------------- names */

static int write_name(lcpy_walk *walk, PyObject *name)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);

    if (text == NULL) {
        return -1;
    }
    locache_write_tag(walk->writer, LOCACHE_TAG_GLOBAL);
    locache_write_text(walk->writer, text, (size_t)size);
    return 0;
}

int lcpy_walk_name(lcpy_walk *walk, const char *name)
{
    locache_write_tag(walk->writer, LOCACHE_TAG_GLOBAL);
    locache_write_text(walk->writer, name, strlen(name));
    return 0;
}

int lcpy_walk_global(lcpy_walk *walk, PyObject *object)
{
    PyObject *name = lcpy_global_name(walk->state, object);
    int result;

    if (name == NULL) {
        return PyErr_ExceptionMatches(PyExc_TypeError) ? lcpy_walk_refuse(walk, object, "having no module and name")
                                                       : -1;
    }
    result = write_name(walk, name);
    Py_DECREF(name);
    return result;
}

int lcpy_walk_attribute(lcpy_walk *walk, PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    int result;

    if (value == NULL) {
        return -1;
    }
    result = lcpy_walk_value(walk, value);
    Py_DECREF(value);
    return result < 0 ? lcpy_walk_step(walk, ".%s", name) : 0;
}

/* ------------------------------------------------------------------------------------------------------------- strings */

static void put_digest(lcpy_walk *walk, uint64_t tag, size_t size, const unsigned char digest[LOCACHE_DIGEST_SIZE])
{
    locache_write_tag(walk->writer, tag);
    locache_write_array(walk->writer, 2);
    locache_write_uint(walk->writer, size);
    locache_write_bytes(walk->writer, digest, LOCACHE_DIGEST_SIZE);
}

static void write_digest(lcpy_walk *walk, uint64_t tag, const void *data, size_t size)
{
    unsigned char digest[LOCACHE_DIGEST_SIZE];

    if (size >= RELEASE_FROM) {
        Py_BEGIN_ALLOW_THREADS locache_digest(digest, data, size);
        Py_END_ALLOW_THREADS
    } else {
        locache_digest(digest, data, size);
    }
    put_digest(walk, tag, size, digest);
}

int lcpy_walk_data(lcpy_walk *walk, const void *data, size_t size)
{
    if (size >= LCPY_DIGEST_FROM) {
        write_digest(walk, LOCACHE_TAG_DIGEST, data, size);
    } else {
        locache_write_bytes(walk->writer, data, size);
    }
    return 0;
}

int lcpy_walk_parts(lcpy_walk *walk, size_t size, void (*fill)(void *context, void *out, size_t offset, size_t size),
                    void *context)
{
    unsigned char digest[LOCACHE_DIGEST_SIZE];
    char room[LCPY_DIGEST_FROM];
    bool done;

    if (size < sizeof room) {
        fill(context, room, 0, size);
        return lcpy_walk_data(walk, room, size);
    }
    if (size >= RELEASE_FROM) {
        Py_BEGIN_ALLOW_THREADS done = locache_digest_parts(digest, size, fill, context);
        Py_END_ALLOW_THREADS
    } else {
        done = locache_digest_parts(digest, size, fill, context);
    }
    if (!done) {
        PyErr_NoMemory();
        return -1;
    }
    put_digest(walk, LOCACHE_TAG_DIGEST, size, digest);
    return 0;
}

int lcpy_walk_strided(lcpy_walk *walk, lcpy_strided *data, PyObject *object)
{
    if (lcpy_strided_in_place(data)) {
        return lcpy_walk_data(walk, data->start, data->size);
    }
    if (data->size > REPEATED_MAX && data->size > lcpy_strided_span(data)) {
        return lcpy_walk_refuse(walk, object, "being larger than the memory that it is a view of");
    }
    return lcpy_walk_parts(walk, data->size, lcpy_strided_copy, data);
}

/* Text whose UTF-8 may be long: encoded for the while only, since the str would keep it for good. */
static int write_long_text(lcpy_walk *walk, PyObject *text)
{
    PyObject *bytes = PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass");

    if (bytes == NULL) {
        return -1;
    }
    size_t size = (size_t)PyBytes_GET_SIZE(bytes);
    if (size >= LCPY_DIGEST_FROM) {
        write_digest(walk, LOCACHE_TAG_TEXT_DIGEST, PyBytes_AS_STRING(bytes), size);
    }
    Py_DECREF(bytes);
    return size >= LCPY_DIGEST_FROM ? 0 : lcpy_scalar_write(walk->state, walk->writer, text, LCPY_OTHER);
}

static int write_text(lcpy_walk *walk, PyObject *text)
{
    /* No character takes more than 4 bytes. */
    if (PyUnicode_GET_LENGTH(text) < LCPY_DIGEST_FROM / 4) {
        return lcpy_scalar_write(walk->state, walk->writer, text, LCPY_OTHER);
    }
    if (!PyUnicode_IS_ASCII(text)) {
        return write_long_text(walk, text);
    }
    if (PyUnicode_GET_LENGTH(text) < LCPY_DIGEST_FROM) {
        return lcpy_scalar_write(walk->state, walk->writer, text, LCPY_OTHER);
    }
    write_digest(walk, LOCACHE_TAG_TEXT_DIGEST, PyUnicode_1BYTE_DATA(text), (size_t)PyUnicode_GET_LENGTH(text));
    return 0;
}

static int write_bytearray(lcpy_walk *walk, PyObject *value)
{
    Py_buffer view; /* keeps it from being resized by another thread meanwhile */

    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0) {
        return -1;
    }
    locache_write_tag(walk->writer, LOCACHE_TAG_BYTEARRAY);
    lcpy_walk_data(walk, view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    return 0;
}

/* ---------------------------------------------------------------------------------------------------------- containers */

static int changed_size(const char *what)
{
    PyErr_Format(PyExc_RuntimeError, "%s changed size while a cache key was made of it", what);
    return -1;
}

static int write_items(lcpy_walk *walk, PyObject *tuple)
{
    Py_ssize_t size = PyTuple_GET_SIZE(tuple);

    locache_write_array(walk->writer, (uint64_t)size);
    for (Py_ssize_t i = 0; i < size; i++) {
        if (lcpy_walk_value(walk, PyTuple_GET_ITEM(tuple, i)) < 0) {
            return lcpy_walk_step(walk, "[%zd]", i);
        }
    }
    return 0;
}

static int write_tuple(lcpy_walk *walk, PyObject *tuple)
{
    lcpy_frame frame;
    int result = lcpy_walk_enter(walk, &frame, tuple, 2);

    if (result != 0) {
        return result < 0 ? -1 : 0;
    }
    locache_write_tag(walk->writer, LOCACHE_TAG_TUPLE);
    result = write_items(walk, tuple);
    lcpy_walk_leave(walk);
    return result;
}

int lcpy_walk_list(lcpy_walk *walk, PyObject *list)
{
    lcpy_frame frame;
    Py_ssize_t size = PyList_GET_SIZE(list);
    int result = lcpy_walk_enter(walk, &frame, list, 1);

    if (result != 0) {
        return result < 0 ? -1 : 0;
    }
    locache_write_array(walk->writer, (uint64_t)size);
    for (Py_ssize_t i = 0; result == 0 && i < size && i < PyList_GET_SIZE(list); i++) {
        PyObject *item = Py_NewRef(PyList_GET_ITEM(list, i));

        result = lcpy_walk_value(walk, item);
        Py_DECREF(item);
        if (result < 0) {
            lcpy_walk_step(walk, "[%zd]", i);
        }
    }
    if (result == 0 && PyList_GET_SIZE(list) != size) {
        result = changed_size("a list");
    }
    lcpy_walk_leave(walk);
    return result;
}

int lcpy_walk_sort(lcpy_walk *walk, size_t start, unsigned per_group, PyObject *object)
{
    bool sound = locache_writer_status(walk->writer) == LOCACHE_OK;

    locache_write_sorted(walk->writer, start, per_group);
    if (sound && locache_writer_status(walk->writer) == LOCACHE_EINVAL) {
        return lcpy_walk_refuse(walk, object, "having two members that look the same");
    }
    return 0;
}

static int write_pair(lcpy_walk *walk, PyObject *key, PyObject *value, bool attributes)
{
    int result = -1;

    Py_INCREF(key);
    Py_INCREF(value);
    if (lcpy_walk_value(walk, key) < 0) {
        lcpy_walk_step(walk, "%s", " (a key)");
    } else if (lcpy_walk_value(walk, value) < 0) {
        step_to_key(walk, key, attributes);
    } else {
        result = 0;
    }
    Py_DECREF(value);
    Py_DECREF(key);
    return result;
}

static int write_pairs(lcpy_walk *walk, PyObject *dict, bool attributes)
{
    Py_ssize_t size = PyDict_GET_SIZE(dict);
    Py_ssize_t at = 0;
    Py_ssize_t count = 0;
    PyObject *key, *value;

    locache_write_map(walk->writer, (uint64_t)size);
    size_t start = walk->writer->length;
    while (PyDict_Next(dict, &at, &key, &value)) {
        if (++count > size || write_pair(walk, key, value, attributes) < 0) {
            break;
        }
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    if (count != size || PyDict_GET_SIZE(dict) != size) {
        return changed_size("a dict");
    }
    return lcpy_walk_sort(walk, start, 2, dict);
}

int lcpy_walk_dict(lcpy_walk *walk, PyObject *dict, bool attributes)
{
    lcpy_frame frame;
    int result = lcpy_walk_enter(walk, &frame, dict, 1);

    if (result != 0) {
        return result < 0 ? -1 : 0;
    }
    result = write_pairs(walk, dict, attributes);
    lcpy_walk_leave(walk);
    return result;
}

/* An exact set or frozenset. */
static int write_members(lcpy_walk *walk, PyObject *set)
{
    PyObject *members = PyObject_GetIter(set);
    PyObject *member = NULL;
    Py_ssize_t size = PySet_GET_SIZE(set);
    Py_ssize_t count = 0;
    int result = members == NULL ? -1 : 0;

    locache_write_array(walk->writer, (uint64_t)size);
    size_t start = walk->writer->length;
    while (result == 0 && (member = PyIter_Next(members)) != NULL) {
        result = ++count > size ? changed_size("a set") : lcpy_walk_value(walk, member);
        Py_DECREF(member);
    }
    Py_XDECREF(members);
    if (result < 0) {
        return lcpy_walk_step(walk, "%s", " (a member)");
    }
    if (PyErr_Occurred()) {
        return -1;
    }
    return count != size ? changed_size("a set") : lcpy_walk_sort(walk, start, 1, set);
}

static int write_set(lcpy_walk *walk, PyObject *set, uint64_t tag)
{
    lcpy_frame frame;
    int result = lcpy_walk_enter(walk, &frame, set, 2);

    if (result != 0) {
        return result < 0 ? -1 : 0;
    }
    locache_write_tag(walk->writer, tag);
    result = write_members(walk, set);
    lcpy_walk_leave(walk);
    return result;
}

/* ------------------------------------------------------------------------------------- what a few attributes say whole */

typedef struct simple_type {
    PyTypeObject *type;
    const char *name;
    const char *attributes[4];
} simple_type;

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
    for (size_t i = 0; i < sizeof simple_types / sizeof simple_types[0]; i++) {
        if (simple_types[i].type == type) {
            return &simple_types[i];
        }
    }
    return NULL;
}

static int write_simple(lcpy_walk *walk, PyObject *value, const simple_type *simple)
{
    lcpy_frame frame;
    uint64_t count = 0;
    int result = lcpy_walk_enter(walk, &frame, value, 3);

    if (result != 0) {
        return result < 0 ? -1 : 0;
    }
    while (simple->attributes[count] != NULL) {
        count++;
    }
    locache_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_write_array(walk->writer, 2);
    lcpy_walk_name(walk, simple->name);
    locache_write_array(walk->writer, count);
    for (uint64_t i = 0; result == 0 && i < count; i++) {
        result = lcpy_walk_attribute(walk, value, simple->attributes[i]);
    }
    lcpy_walk_leave(walk);
    return result;
}

/* --------------------------------------------------------------------------------------------------------------- values */

static int write_module(lcpy_walk *walk, PyObject *module)
{
    PyObject *name = PyModule_GetNameObject(module);
    PyObject *shown = name == NULL ? NULL : lcpy_module_name(walk->state, name);
    int result = -1;

    if (shown != NULL) {
        locache_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
        locache_write_array(walk->writer, 2);
        lcpy_walk_name(walk, "types:ModuleType");
        locache_write_array(walk->writer, 1);
        result = lcpy_walk_value(walk, shown);
    }
    Py_XDECREF(shown);
    Py_XDECREF(name);
    return result;
}

static int write_path(lcpy_walk *walk, PyObject *path)
{
    PyObject *text = PyObject_Str(path);
    int result = -1;

    if (text != NULL) {
        locache_write_tag(walk->writer, LOCACHE_TAG_PATH);
        locache_write_array(walk->writer, 2);
        result = lcpy_walk_global(walk, (PyObject *)Py_TYPE(path));
    }
    if (result == 0) {
        result = lcpy_walk_value(walk, text);
    }
    Py_XDECREF(text);
    return result;
}

/* By class, where something else than a builtin is at hand. */
static int write_known(lcpy_walk *walk, PyObject *value)
{
    lcpy_class class_of = lcpy_classify(walk->state, Py_TYPE(value));
    lcpy_written written = LCPY_NOT_EXACT;

    switch (class_of) {
    case LCPY_OTHER:
        break;
    case LCPY_PATH:
        return write_path(walk, value);
    case LCPY_PYARRAY:
    case LCPY_NDARRAY:
        return lcpy_walk_array(walk, value);
    case LCPY_NPSCALAR:
        written = lcpy_npscalar_write(walk->state, walk->writer, value);
        break;
    case LCPY_NPDTYPE:
        return lcpy_walk_dtype(walk, value);
    case LCPY_FUNCTION:
        return lcpy_walk_function(walk, value);
    case LCPY_PERSISTED:
        return lcpy_walk_attribute(walk, value, "__wrapped__");
    case LCPY_MODULE:
        return write_module(walk, value);
    case LCPY_MEMORYVIEW:
        return lcpy_walk_buffer(walk, value);
    case LCPY_PANDAS_FRAME:
    case LCPY_PANDAS_SERIES:
    case LCPY_PANDAS_INDEX:
    case LCPY_POLARS_FRAME:
    case LCPY_POLARS_SERIES:
        return lcpy_walk_frame(walk, value, class_of);
    case LCPY_ARROW_TABLE:
    case LCPY_ARROW_ARRAY:
        return lcpy_walk_arrow(walk, value, class_of == LCPY_ARROW_TABLE);
    default:
        written = lcpy_scalar_write(walk->state, walk->writer, value, class_of);
        break;
    }
    return written == LCPY_NOT_EXACT ? lcpy_walk_object(walk, value) : written;
}

static int write_container(lcpy_walk *walk, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);
    const simple_type *simple;

    if (type == &PyList_Type) {
        return lcpy_walk_list(walk, value);
    }
    if (type == &PyTuple_Type) {
        return write_tuple(walk, value);
    }
    if (type == &PyDict_Type) {
        return lcpy_walk_dict(walk, value, false);
    }
    if (type == &PySet_Type || type == &PyFrozenSet_Type) {
        return write_set(walk, value, type == &PySet_Type ? LOCACHE_TAG_SET : LOCACHE_TAG_FROZENSET);
    }
    if (type == &PyType_Type) {
        return lcpy_walk_class(walk, value);
    }
    if (value == Py_Ellipsis) {
        return lcpy_walk_name(walk, "builtins:Ellipsis");
    }
    if (value == Py_NotImplemented) {
        return lcpy_walk_name(walk, "builtins:NotImplemented");
    }
    simple = find_simple(type);
    return simple != NULL ? write_simple(walk, value, simple) : write_known(walk, value);
}

int lcpy_walk_value(lcpy_walk *walk, PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    if (type == &PyUnicode_Type) {
        return write_text(walk, value);
    }
    if (type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type || value == Py_None ||
        type == &PyComplex_Type) {
        return lcpy_scalar_write(walk->state, walk->writer, value, LCPY_OTHER);
    }
    if (type == &PyBytes_Type) {
        return lcpy_walk_data(walk, PyBytes_AS_STRING(value), (size_t)PyBytes_GET_SIZE(value));
    }
    if (type == &PyByteArray_Type) {
        return write_bytearray(walk, value);
    }
    return write_container(walk, value);
}

/* The message of what was refused, with the way to it. */
static void say_where(const lcpy_walk *walk)
{
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "at %U: %U", walk->where, walk->refusal);
}

int lcpy_key_write(lcpy_state *state, locache_writer *writer, PyObject *value)
{
    lcpy_walk walk = {.state = state, .writer = writer};
    int result = lcpy_walk_value(&walk, value);

    if (result < 0 && walk.refusal != NULL && walk.where != NULL) {
        say_where(&walk);
    }
    Py_XDECREF(walk.where);
    Py_XDECREF(walk.refusal);
    return result;
}
