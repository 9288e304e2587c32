/* The walk over an argument: names, strings, lists and dicts. What a value is, key.c says; how
 * objects refer to each other, graph.c.
 *
 * A value may run code while it is walked (__locache_key__, __reduce_ex__), and with it other
 * threads: whatever is being written is held, and the size of each container is checked as it is
 * walked. */
#include "key/walk.h"

#include "key/advice.h"

#include <string.h>
#include <time.h>

#include "plain/names.h"

/* A view may show the same memory again and again (broadcasts, windows), and be of any size: a few
 * seconds' work at most. */
#define REPEATED_MAX ((size_t)4 << 30)

/* Below, giving up the GIL costs more than the digest. */
#define RELEASE_FROM ((size_t)256 << 10)

/* Numbers and short texts that are written before the deadline is looked at again: some 50
 * microseconds. */
#define ITEMS_BETWEEN 4096

/* Bytes that no deadline is met with: their digest takes milliseconds. */
#define LATE_FROM ((size_t)8 << 20)

/* Characters of a text that is written in place without a second look. */
#define SHORT_TEXT 256

/* Characters of a way that a message shows, from the outermost on: the cause and the remedy follow
 * it. */
#define WHERE_MAX 120

/* ------------------------------------------------------------------------------ what goes wrong */

int lcpy_walk_refuse(lcpy_walk *walk, PyObject *object, const char *why)
{
    /* The innermost comes first, and is the one to mend. */
    if (walk->refusal == NULL) {
        walk->refusal = PyUnicode_FromFormat(
            "a '%.200s' object cannot be part of a cache key%s%s: %s, or leave it out with ignore=",
            Py_TYPE(object)->tp_name, why == NULL ? "" : ", ", why == NULL ? "" : why,
            lcpy_advice_for(object));
    }
    if (walk->refusal != NULL)
        PyErr_SetObject(PyExc_TypeError, walk->refusal);
    return -1;
}

bool lcpy_walk_is_late(const lcpy_walk *walk)
{
    struct timespec now;

    if (walk->deadline == 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec > walk->deadline;
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

int lcpy_walk_nested(lcpy_walk *walk, PyObject *object,
                     int (*write)(lcpy_walk *walk, PyObject *object))
{
    if (object != walk->current)
        return walk->refer(walk, object, false);
    walk->current = NULL;
    walk->inside = true;
    return write(walk, object);
}

int lcpy_walk_apart(lcpy_walk *walk, PyObject *object,
                    int (*write)(lcpy_walk *walk, PyObject *object))
{
    if (object != walk->current && walk->inside)
        return walk->refer(walk, object, false);
    walk->apart = true;
    return write(walk, object);
}

/* ---------------------------------------------------------------------------------------- names */

/* Tag 49614, from a str. */
static int write_global_name(lcpy_walk *walk, PyObject *name)
{
    Py_ssize_t size;
    const char *text = PyUnicode_AsUTF8AndSize(name, &size);

    if (text == NULL)
        return -1;
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_GLOBAL);
    locache_cbor_write_text(walk->writer, text, (size_t)size);
    return 0;
}

int lcpy_walk_name(lcpy_walk *walk, const char *name)
{
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_GLOBAL);
    locache_cbor_write_text(walk->writer, name, strlen(name));
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
    locache_cbor_write_tag(walk->writer, LOCACHE_TAG_OBJECT);
    locache_cbor_write_array(walk->writer, 2);
    lcpy_walk_name(walk, name);
    locache_cbor_write_array(walk->writer, count);
}

/* What nothing else refers to is written in place: it need not be held until all is written. */
int lcpy_walk_new(lcpy_walk *walk, PyObject *value)
{
    int result = -1;

    if (value != NULL) {
        PyObject *current = walk->current;
        bool apart = walk->apart;

        if (Py_REFCNT(value) == 1)
            walk->current = value;
        result = lcpy_walk_value(walk, value);
        walk->current = current;
        walk->apart = apart;
    }

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
    PyObject *text = lcpy_names_text(walk->state, name);
    PyObject *value = text == NULL ? NULL : PyObject_GetAttr(object, text);
    int result;

    if (value == NULL)
        return -1;
    result = lcpy_walk_value(walk, value);
    Py_DECREF(value);
    return result < 0 ? lcpy_walk_step(walk, ".%s", name) : 0;
}

/* -------------------------------------------------------------------------------------- strings */

void lcpy_walk_put_digest(locache_cbor_writer *to, uint64_t tag, size_t size,
                          const unsigned char digest[LOCACHE_DIGEST_SIZE])
{
    locache_cbor_write_tag(to, tag);
    locache_cbor_write_array(to, 2);
    locache_cbor_write_uint(to, size);
    locache_cbor_write_bytes(to, digest, LOCACHE_DIGEST_SIZE);
}

/* The bytes are held by the caller: a bytes or str object, or a buffer that keeps its owner from
 * resizing. Another thread may write into such a buffer meanwhile, as it may without locache. */
void lcpy_walk_write_digest(locache_cbor_writer *to, uint64_t tag, const void *data, size_t size)
{
    unsigned char digest[LOCACHE_DIGEST_SIZE];

    if (size >= RELEASE_FROM) {
        Py_BEGIN_ALLOW_THREADS locache_digest(digest, data, size);
        Py_END_ALLOW_THREADS
    } else {
        locache_digest(digest, data, size);
    }
    lcpy_walk_put_digest(to, tag, size, digest);
}

void lcpy_walk_digest(lcpy_walk *walk, uint64_t tag, const void *data, size_t size)
{
    lcpy_walk_write_digest(walk->writer, tag, data, size);
}

/* From a page on the digest: a key is compared with another on every read, and is kept in memory
 * for each result. */
int lcpy_walk_data(lcpy_walk *walk, const void *data, size_t size)
{
    if (size >= LATE_FROM && walk->deadline != 0)
        return lcpy_walk_refuse(walk, walk->outermost, LCPY_WALK_LATE);
    if (size >= LCPY_DIGEST_FROM)
        lcpy_walk_digest(walk, LOCACHE_TAG_DIGEST, data, size);
    else
        locache_cbor_write_bytes(walk->writer, data, size);
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

    if (size >= LATE_FROM && walk->deadline != 0)
        return lcpy_walk_refuse(walk, walk->outermost, LCPY_WALK_LATE);
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
    lcpy_walk_put_digest(walk->writer, LOCACHE_TAG_DIGEST, size, digest);
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

/* As it is when it is met: items that are appended meanwhile are noticed, not written. */
int lcpy_walk_items(lcpy_walk *walk, PyObject *list)
{
    Py_ssize_t size = PyList_GET_SIZE(list);
    int result = 0;

    locache_cbor_write_array(walk->writer, (uint64_t)size);
    for (Py_ssize_t i = 0; result == 0 && i < size && i < PyList_GET_SIZE(list); i++) {
        PyObject *item = Py_NewRef(PyList_GET_ITEM(list, i));

        result = lcpy_walk_value(walk, item);
        Py_DECREF(item);
        if (result == 0 && i % ITEMS_BETWEEN == ITEMS_BETWEEN - 1 && lcpy_walk_is_late(walk))
            result = lcpy_walk_refuse(walk, list, LCPY_WALK_LATE);
        if (result < 0)
            lcpy_walk_step(walk, "[%zd]", i);
    }
    if (result == 0 && PyList_GET_SIZE(list) != size)
        result = lcpy_walk_changed("a list");
    return result;
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

    locache_cbor_write_map(walk->writer, (uint64_t)size);
    while (PyDict_Next(dict, &at, &key, &value))
        if (++count > size || write_pair(walk, key, value, attributes) < 0 ||
            (count % ITEMS_BETWEEN == 0 && lcpy_walk_is_late(walk) &&
             lcpy_walk_refuse(walk, dict, LCPY_WALK_LATE) < 0))
            break;
    if (PyErr_Occurred() != NULL)
        return -1;
    if (count != size || PyDict_GET_SIZE(dict) != size)
        return lcpy_walk_changed("a dict");
    return 0;
}

int lcpy_walk_pairs(lcpy_walk *walk, PyObject *dict)
{
    return write_pairs(walk, dict, false);
}

/* In any order: a set's iterator may be made from a copy of it, and the members of one that is
 * referred to by a member are not known yet. */
int lcpy_walk_members(lcpy_walk *walk, PyObject *tuple, PyObject *object)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    bool plain = true;

    locache_cbor_write_array(walk->writer, (uint64_t)count);
    for (Py_ssize_t i = 0; plain && i < count; i++)
        plain = lcpy_walk_is_plain(PyTuple_GET_ITEM(tuple, i));
    size_t start = walk->writer->length;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *member = PyTuple_GET_ITEM(tuple, i);

        if ((plain ? lcpy_walk_value(walk, member) : walk->refer(walk, member, true)) < 0)
            return lcpy_walk_step(walk, "%s", " (a member)");
    }
    if (!plain)
        return 0;
    bool sound = locache_cbor_writer_status(walk->writer) == LOCACHE_OK;
    locache_cbor_write_sorted(walk->writer, start, 1);
    if (sound && locache_cbor_writer_status(walk->writer) == LOCACHE_EINVAL)
        return lcpy_walk_refuse(walk, object, "having two members that look the same");
    return 0;
}

bool lcpy_walk_is_plain(PyObject *value)
{
    PyTypeObject *type = Py_TYPE(value);

    return type == &PyLong_Type || type == &PyFloat_Type || value == Py_None ||
           type == &PyBool_Type || type == &PyComplex_Type ||
           (type == &PyUnicode_Type && PyUnicode_GET_LENGTH(value) < SHORT_TEXT) ||
           (type == &PyBytes_Type && PyBytes_GET_SIZE(value) < SHORT_TEXT);
}

/* ----------------------------------------------------------------------------------- attributes */

/* Is this attribute of an instance one that a property keeps its result in? The class has the
 * property under the same name: functools.cached_property, and what other packages call the
 * same. */
static bool is_cached_property(const PyObject *found)
{
    static const char *const names[] = {"cached_property", "lazyproperty", "under_cached_property"};
    const char *name = Py_TYPE(found)->tp_name;
    const char *dot = strrchr(name, '.');

    name = dot == NULL ? name : dot + 1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* Is it the hash that a __hash__ of Python's keeps? It says nothing that the other attributes do
 * not, and that of a text is another one in each process. */
static bool is_cached_hash(PyTypeObject *type, PyObject *name, PyObject *value)
{
    static const char *const names[] = {"_hash",     "_cached_hash", "_hash_cache",
                                        "_hashcode", "_hash_value",  "_attrs_cached_hash"};
    PyObject *hash_name;
    PyObject *hash;

    if (value != Py_None && !PyLong_CheckExact(value))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (PyUnicode_CompareWithASCIIString(name, names[i]) != 0)
            continue;
        hash_name = PyUnicode_InternFromString("__hash__");
        hash = hash_name == NULL ? NULL : _PyType_Lookup(type, hash_name);
        Py_XDECREF(hash_name);
        PyErr_Clear();
        return hash != NULL && PyFunction_Check(hash);
    }
    return false;
}

/* Of what functools.update_wrapper() takes over into an object, annotations say nothing of what it
 * does, and are not the same in every version of Python. */
static bool is_annotation(PyObject *name)
{
    static const lcpy_text names[] = {LCPY_TEXT("__annotations__"), LCPY_TEXT("__annotate__"),
                                      LCPY_TEXT("__type_params__")};

    return PyUnicode_READ_CHAR(name, 0) == '_' &&
           lcpy_names_is_one_of(name, names, sizeof names / sizeof *names);
}

static bool is_noted_down(PyTypeObject *type, PyObject *name, PyObject *value)
{
    PyObject *found = _PyType_Lookup(type, name);

    if (is_annotation(name))
        return true;
    return found != NULL ? is_cached_property(found)
                         : PyUnicode_READ_CHAR(name, 0) == '_' && is_cached_hash(type, name, value);
}

bool lcpy_walk_may_be_noted(PyTypeObject *type, PyObject *name)
{
    /* None is what a hash may be before it is known. */
    return PyUnicode_GET_LENGTH(name) > 0 && is_noted_down(type, name, Py_None);
}

bool lcpy_walk_has_none(PyObject *dict, PyTypeObject *type)
{
    PyObject *name, *value;
    Py_ssize_t at = 0;

    while (PyDict_Next(dict, &at, &name, &value))
        if (!PyUnicode_CheckExact(name) || PyUnicode_GET_LENGTH(name) == 0 ||
            !is_noted_down(type, name, value))
            return false;
    return true;
}

/* The names of what counts among the attributes, in order: a new list. NULL without exception where
 * there is a key that is no name: then it is a dict like any other. */
static PyObject *names_of(PyObject *dict, PyTypeObject *type)
{
    PyObject *names = PyList_New(0);
    PyObject *name, *value;
    Py_ssize_t at = 0;
    bool sorted = true;

    while (names != NULL && PyDict_Next(dict, &at, &name, &value)) {
        Py_ssize_t count = PyList_GET_SIZE(names);

        if (!PyUnicode_CheckExact(name)) {
            Py_DECREF(names);
            return NULL;
        }
        if (type != NULL && PyUnicode_GET_LENGTH(name) > 0 && is_noted_down(type, name, value))
            continue;
        sorted = sorted &&
                 (count == 0 || PyUnicode_Compare(PyList_GET_ITEM(names, count - 1), name) < 0);
        if (PyList_Append(names, name) < 0)
            Py_CLEAR(names);
    }
    if (names != NULL && !sorted && PyList_Sort(names) < 0)
        Py_CLEAR(names);
    return names;
}

int lcpy_walk_attributes(lcpy_walk *walk, PyObject *dict, PyTypeObject *type)
{
    PyObject *names = names_of(dict, type);
    int result = 0;

    if (names == NULL)
        return PyErr_Occurred() != NULL ? -1 : write_pairs(walk, dict, true);
    locache_cbor_write_map(walk->writer, (uint64_t)PyList_GET_SIZE(names));
    for (Py_ssize_t i = 0; result == 0 && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        PyObject *value = PyDict_GetItemWithError(dict, name);

        if (value != NULL)
            result = write_pair(walk, name, value, true);
        else
            result = PyErr_Occurred() != NULL ? -1 : lcpy_walk_changed("a dict");
    }
    Py_DECREF(names);
    return result;
}
