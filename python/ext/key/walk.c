/* The walk over an argument: nesting, names, strings, lists and dicts. What a value is, key.c says.
 *
 * A value may run code while it is walked (__locache_key__, __reduce_ex__), and with it other
 * threads: whatever is being written is held, and the size of each container is checked as it is
 * walked. */
#include "key/walk.h"

#include <string.h>

#include "plain/names.h"

/* CBOR nesting that a key's reader follows, less what the key itself has around an argument. */
#define LEVELS_MAX (LOCACHE_DEPTH_MAX - 4)

/* What shares its parts is written as often as it refers to them, which can be exponential in its
 * size: stop in time. */
#define KEY_MAX ((size_t)256 << 20)

/* A view may show the same memory again and again (broadcasts, windows), and be of any size: a few
 * seconds' work at most. */
#define REPEATED_MAX ((size_t)4 << 30)

/* Below, giving up the GIL costs more than the digest. */
#define RELEASE_FROM ((size_t)256 << 10)

/* Characters of a way that a message shows, from the outermost on: the cause and the remedy follow
 * it. */
#define WHERE_MAX 120

/* ------------------------------------------------------------------------------ what goes wrong */

int lcpy_walk_refuse(lcpy_walk *walk, PyObject *object, const char *why)
{
    /* The innermost comes first, and is the one to mend. */
    if (walk->refusal == NULL) {
        walk->refusal = PyUnicode_FromFormat(
            "a '%.200s' object cannot be part of a cache key%s%s: give its class a "
            "__locache_key__ method, or leave the argument out with ignore=",
            Py_TYPE(object)->tp_name, why == NULL ? "" : ", ", why == NULL ? "" : why);
    }
    if (walk->refusal != NULL)
        PyErr_SetObject(PyExc_TypeError, walk->refusal);
    return -1;
}

/* Called from the innermost out: each step goes before those that there are. No memory for it is no
 * reason for another exception. */
int lcpy_walk_step(lcpy_walk *walk, const char *format, ...)
{
    PyObject *raised, *value, *traceback;
    PyObject *step, *where;
    va_list arguments;

    if (walk->refusal == NULL)
        return -1;
    /* The functions below must not be called with an exception set. */
    PyErr_Fetch(&raised, &value, &traceback);
    va_start(arguments, format);
    step = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    where = step == NULL || walk->where == NULL ? Py_XNewRef(step)
                                                : PyUnicode_Concat(step, walk->where);
    if (where != NULL && PyUnicode_GET_LENGTH(where) > WHERE_MAX)
        Py_SETREF(where, PyUnicode_Substring(where, 0, WHERE_MAX));
    if (where != NULL)
        Py_XSETREF(walk->where, where);
    Py_XDECREF(step);
    PyErr_Clear();
    PyErr_Restore(raised, value, traceback);
    return -1;
}

/* The step to a dict's value. A key is shown where that runs no code of its class. */
static int step_to_key(lcpy_walk *walk, PyObject *key, bool attribute)
{
    if (PyUnicode_CheckExact(key))
        return attribute ? lcpy_walk_step(walk, ".%U", key) : lcpy_walk_step(walk, "[%R]", key);
    return PyLong_CheckExact(key) ? lcpy_walk_step(walk, "[%R]", key)
                                  : lcpy_walk_step(walk, "[<%s>]", Py_TYPE(key)->tp_name);
}

int lcpy_walk_changed(const char *what)
{
    PyErr_Format(PyExc_RuntimeError, "%s changed size while a cache key was made of it", what);
    return -1;
}

/* -------------------------------------------------------------------------------------- nesting */

/* Ancestors are compared one by one: nesting is bounded, and mostly shallow. Only they are: an
 * object that is met again elsewhere is written again, so that what is equal and not shared has the
 * same key. */
int lcpy_walk_enter(lcpy_walk *walk, lcpy_walk_node *node, PyObject *object, unsigned levels)
{
    for (const lcpy_walk_node *outer = walk->inner; outer != NULL; outer = outer->outer) {
        if (outer->object == object) {
            locache_write_tag(walk->writer, LOCACHE_TAG_ANCESTOR);
            locache_write_uint(walk->writer, outer->index);
            return 1;
        }
    }
    /* Only after the ancestors: a cycle ends there, however deep it lies. */
    if (walk->levels + levels > LEVELS_MAX)
        return lcpy_walk_refuse(walk, object, "being nested too deep");
    if (walk->writer->length > KEY_MAX)
        return lcpy_walk_refuse(walk, object, "being part of something too large");
    if (Py_EnterRecursiveCall(" while a cache key is made"))
        return -1;
    *node = (lcpy_walk_node){.object = object,
                             .outer = walk->inner,
                             .index = walk->inner == NULL ? 0 : walk->inner->index + 1,
                             .levels = levels};
    walk->inner = node;
    walk->levels += levels;
    return 0;
}

void lcpy_walk_leave(lcpy_walk *walk)
{
    walk->levels -= walk->inner->levels;
    walk->inner = walk->inner->outer;
    Py_LeaveRecursiveCall();
}

/* The node is on the C stack of this function, as deep as the value is nested. */
int lcpy_walk_nested(lcpy_walk *walk, PyObject *object, unsigned levels,
                     int (*write)(lcpy_walk *walk, PyObject *object))
{
    lcpy_walk_node node;
    int result = lcpy_walk_enter(walk, &node, object, levels);

    if (result != 0)
        return result < 0 ? -1 : 0;
    result = write(walk, object);
    lcpy_walk_leave(walk);
    return result;
}

/* ---------------------------------------------------------------------------------------- names */

/* Tag 49614, from a str. */
static int write_global_name(lcpy_walk *walk, PyObject *name)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);

    if (text == NULL)
        return -1;
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

/* What has no name cannot be told apart from others like it. */
int lcpy_walk_global(lcpy_walk *walk, PyObject *object)
{
    PyObject *name = lcpy_names_global(walk->state, object);
    int result;

    if (name == NULL) {
        return PyErr_ExceptionMatches(PyExc_TypeError)
                   ? lcpy_walk_refuse(walk, object, "having no module and name")
                   : -1;
    }
    result = write_global_name(walk, name);
    Py_DECREF(name);
    return result;
}

/* [class, [parts]]: as if the class were called with the parts, which it need not take. */
void lcpy_walk_begin_object(lcpy_walk *walk, const char *name, uint64_t count)
{
    locache_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_write_array(walk->writer, 2);
    lcpy_walk_name(walk, name);
    locache_write_array(walk->writer, count);
}

int lcpy_walk_new(lcpy_walk *walk, PyObject *value)
{
    int result = value == NULL ? -1 : lcpy_walk_value(walk, value);

    Py_XDECREF(value);
    return result;
}

int lcpy_walk_call(lcpy_walk *walk, PyObject *object, const char *method)
{
    return lcpy_walk_new(walk, PyObject_CallMethod(object, method, NULL));
}

/* Steps are added on the way out, by whoever knows what led to the value. */
int lcpy_walk_attribute(lcpy_walk *walk, PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);
    int result;

    if (value == NULL)
        return -1;
    result = lcpy_walk_value(walk, value);
    Py_DECREF(value);
    return result < 0 ? lcpy_walk_step(walk, ".%s", name) : 0;
}

/* -------------------------------------------------------------------------------------- strings */

/* [size, digest] */
static void put_digest(lcpy_walk *walk, uint64_t tag, size_t size,
                       const unsigned char digest[LOCACHE_DIGEST_SIZE])
{
    locache_write_tag(walk->writer, tag);
    locache_write_array(walk->writer, 2);
    locache_write_uint(walk->writer, size);
    locache_write_bytes(walk->writer, digest, LOCACHE_DIGEST_SIZE);
}

/* The bytes are held by the caller: a bytes or str object, or a buffer that keeps its owner from
 * resizing. Another thread may write into such a buffer meanwhile, as it may without locache. */
void lcpy_walk_digest(lcpy_walk *walk, uint64_t tag, const void *data, size_t size)
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

/* From a page on the digest: a key is compared with another on every read, and is kept in memory
 * for each result. */
int lcpy_walk_data(lcpy_walk *walk, const void *data, size_t size)
{
    if (size >= LCPY_DIGEST_FROM)
        lcpy_walk_digest(walk, LOCACHE_TAG_DIGEST, data, size);
    else
        locache_write_bytes(walk->writer, data, size);
    return 0;
}

/* Long ones are gathered piece by piece into the digest, so that no copy of the whole is made. */
int lcpy_walk_parts(lcpy_walk *walk, size_t size,
                    void (*fill)(void *context, void *out, size_t offset, size_t size),
                    void *context)
{
    unsigned char digest[LOCACHE_DIGEST_SIZE];
    char room[LCPY_DIGEST_FROM];
    bool done;

    /* So little goes into the key as it is. */
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
    if (lcpy_strided_in_place(data))
        return lcpy_walk_data(walk, data->start, data->size);
    /* Every byte of memory counts once: a large array that is not contiguous is no reason to
     * refuse. */
    if (data->size > REPEATED_MAX && data->size > lcpy_strided_span(data))
        return lcpy_walk_refuse(walk, object, "being larger than the memory that it is a view of");
    return lcpy_walk_parts(walk, data->size, lcpy_strided_copy, data);
}

/* ----------------------------------------------------------------------------------- containers */

static int write_list_items(lcpy_walk *walk, PyObject *list)
{
    Py_ssize_t size = PyList_GET_SIZE(list);
    int result = 0;

    locache_write_array(walk->writer, (uint64_t)size);
    for (Py_ssize_t i = 0; result == 0 && i < size && i < PyList_GET_SIZE(list); i++) {
        PyObject *item = Py_NewRef(PyList_GET_ITEM(list, i));

        result = lcpy_walk_value(walk, item);
        Py_DECREF(item);
        if (result < 0)
            lcpy_walk_step(walk, "[%zd]", i);
    }
    if (result == 0 && PyList_GET_SIZE(list) != size)
        result = lcpy_walk_changed("a list");
    return result;
}

/* As it is when it is met: items that are appended meanwhile are noticed, not written. */
int lcpy_walk_list(lcpy_walk *walk, PyObject *list)
{
    return lcpy_walk_nested(walk, list, 1, write_list_items);
}

int lcpy_walk_sort(lcpy_walk *walk, size_t start, unsigned per_group, PyObject *object)
{
    /* Of two equal members one would be lost, and two sets have one key. How they can come to look
     * the same: an object that says it is equal to nothing else, and has no state. */
    bool sound = locache_writer_status(walk->writer) == LOCACHE_OK;

    locache_write_sorted(walk->writer, start, per_group);
    if (sound && locache_writer_status(walk->writer) == LOCACHE_EINVAL)
        return lcpy_walk_refuse(walk, object, "having two members that look the same");
    return 0;
}

/* Both are held: writing the key may run code that takes the pair out of the dict. */
static int write_pair(lcpy_walk *walk, PyObject *key, PyObject *value, bool attributes)
{
    int result = -1;

    Py_INCREF(key);
    Py_INCREF(value);
    if (lcpy_walk_value(walk, key) < 0)
        lcpy_walk_step(walk, "%s", " (a key)");
    else if (lcpy_walk_value(walk, value) < 0)
        step_to_key(walk, key, attributes);
    else
        result = 0;
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

    /* In the order of their encoded keys, so that the order of insertion does not show. */
    locache_write_map(walk->writer, (uint64_t)size);
    size_t start = walk->writer->length;
    while (PyDict_Next(dict, &at, &key, &value))
        if (++count > size || write_pair(walk, key, value, attributes) < 0)
            break;
    if (PyErr_Occurred() != NULL)
        return -1;
    if (count != size || PyDict_GET_SIZE(dict) != size)
        return lcpy_walk_changed("a dict");
    return lcpy_walk_sort(walk, start, 2, dict);
}

static int write_items(lcpy_walk *walk, PyObject *dict)
{
    return write_pairs(walk, dict, false);
}

static int write_attributes(lcpy_walk *walk, PyObject *dict)
{
    return write_pairs(walk, dict, true);
}

int lcpy_walk_dict(lcpy_walk *walk, PyObject *dict)
{
    return lcpy_walk_nested(walk, dict, 1, write_items);
}

int lcpy_walk_attributes(lcpy_walk *walk, PyObject *dict)
{
    return lcpy_walk_nested(walk, dict, 1, write_attributes);
}
