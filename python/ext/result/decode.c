/* CBOR to results. A body is not trusted: a checksum proves nothing about who wrote it.
 *
 * Memory stays within a constant times the body: no array is made before there are bytes left for
 * its items and for those of every array around it, and each out-of-line buffer is used exactly
 * once, in order. */
#include "plain/array.h"
#include "plain/npscalar.h"
#include "plain/scalar.h"
#include "result/pickle.h"
#include "result/result.h"

#include <string.h>

#define NO_SLOT ((size_t)-1)

/* Dict keys repeat from row to row of a table: so many short ones are kept at hand, for one object
 * each. */
#define NAMES 128
#define NAME_SIZE_MAX 32

/* What a SHARED tag holds. */
typedef struct shared {
    /* owned; NULL until it is complete, but for a list or dict, which may be referred to before */
    PyObject *object;
    uint64_t expansion; /* as the encoder counts it (pyvalue_write.c) */
} shared;

/* Most results have few names or none: only what is marked is there. */
typedef struct name_table {
    uint64_t marks[NAMES / 64];
    PyObject *known[NAMES];
} name_table;

typedef struct decoder {
    lcpy_state *state;
    locache_reader reader;
    locache_value *value; /* owned here while owner is NULL */
    lcpy_owner *owner;    /* made for the first buffer that an array keeps */
    size_t buffers;       /* used so far */
    uint64_t pending;     /* items that the arrays and maps around still announce */
    shared *table;
    size_t shared_count;
    size_t shared_room;
    int depth;
    uint64_t expanded; /* as the encoder counts them */
    uint64_t hashed_bytes;
    name_table *names;
} decoder;

static PyObject *malformed(const char *what)
{
    if (PyErr_Occurred() == NULL)
        PyErr_Format(PyExc_ValueError, "malformed entry: %s", what);
    return NULL;
}

static PyObject *read_item(decoder *d, size_t slot);

static PyObject *read_value(decoder *d)
{
    return read_item(d, NO_SLOT);
}

static size_t bytes_left(const decoder *d)
{
    return (size_t)(d->reader.end - d->reader.at);
}

/* `count` more items are announced: can they all be there, with those announced before? */
static bool announce(decoder *d, uint64_t count)
{
    if (d->pending > bytes_left(d) || count > bytes_left(d) - d->pending)
        return false;
    d->pending += count;
    return true;
}

/* --------------------------------------------------------------------------------------- leaves */

static PyObject *read_negative(uint64_t number)
{
    if (number <= INT64_MAX)
        return PyLong_FromLongLong(-1 - (long long)number);
    PyObject *positive = PyLong_FromUnsignedLongLong(number);
    PyObject *negative = positive == NULL ? NULL : PyNumber_Invert(positive);
    Py_XDECREF(positive);
    return negative;
}

/* The head of TAG_BUFFER has been read: the buffer that it stands for. */
static bool take_buffer(size_t *n, decoder *d, locache_reader *reader)
{
    locache_item item;
    if (locache_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_UINT ||
        item.number != d->buffers || d->buffers >= locache_value_buffer_count(d->value))
        return false;
    *n = d->buffers++;
    return true;
}

/* A byte string, or the buffer that a TAG_BUFFER stands for. *n is its number, or NO_SLOT. */
static bool read_octets(const char **data, Py_ssize_t *size, size_t *n, decoder *d,
                        locache_reader *reader)
{
    locache_item item;
    locache_buffer buffer;
    *n = NO_SLOT;
    if (locache_read(&item, reader) != LOCACHE_OK)
        return false;
    if (item.kind == LOCACHE_BYTES) {
        buffer = (locache_buffer){.data = (void *)(uintptr_t)item.data, .size = item.size};
    } else {
        if (item.kind != LOCACHE_TAG || item.number != LOCACHE_TAG_BUFFER ||
            !take_buffer(n, d, reader))
            return false;
        buffer = locache_value_buffer(d->value, *n);
    }
    *data = buffer.data;
    *size = (Py_ssize_t)buffer.size;
    return buffer.size <= PY_SSIZE_T_MAX;
}

static PyObject *read_bytearray(decoder *d)
{
    const char *data;
    Py_ssize_t size;
    size_t n;
    if (!read_octets(&data, &size, &n, d, &d->reader))
        return malformed("no byte string");
    return PyByteArray_FromStringAndSize(data, size);
}

static PyObject *read_buffer_as_bytes(decoder *d)
{
    size_t n;
    if (!take_buffer(&n, d, &d->reader))
        return malformed("a buffer that is not the next");
    locache_buffer buffer = locache_value_buffer(d->value, n);
    return PyBytes_FromStringAndSize(buffer.data, (Py_ssize_t)buffer.size);
}

/* For lcpy_array_read(): the array keeps what lies out of line where it is. */
static PyObject *read_array_bytes(void *context, locache_reader *reader)
{
    decoder *d = context;
    const char *data;
    Py_ssize_t size;
    size_t n;
    if (!read_octets(&data, &size, &n, d, reader))
        return malformed("no byte string");
    if (n == NO_SLOT)
        return PyByteArray_FromStringAndSize(data, size);
    if (d->owner == NULL) {
        locache_value *value = d->value;
        d->value = NULL; /* gone even where this fails */
        if ((d->owner = lcpy_owner_new(value)) == NULL)
            return NULL;
        d->value = value;
    }
    return lcpy_buffer_nth(d->state, d->owner, n);
}

static bool is_array_tag(uint64_t tag)
{
    return tag == LOCACHE_TAG_NDARRAY || tag == LOCACHE_TAG_NDARRAY_F || tag == LOCACHE_TAG_ARRAY ||
           tag == LOCACHE_TAG_PYARRAY ||
           (tag >= LOCACHE_TAG_TYPED_FIRST && tag <= LOCACHE_TAG_TYPED_LAST);
}

static PyObject *read_leaf_tag(decoder *d, uint64_t tag)
{
    PyObject *value;

    if (tag == LOCACHE_TAG_SCALAR)
        value = lcpy_npscalar_read(&d->reader);
    else if (is_array_tag(tag))
        value = lcpy_array_read(&d->reader, tag, read_array_bytes, d);
    else
        value = lcpy_scalar_read(&d->reader, tag);
    return value != NULL ? value : malformed("a tag that results do not have");
}

/* ----------------------------------------------------------------------------------- containers */

/* Whoever refers to this SHARED slot may have the object from now on. */
static void publish(decoder *d, size_t slot, PyObject *object)
{
    if (slot != NO_SLOT)
        d->table[slot].object = Py_NewRef(object);
}

static PyObject *read_list(decoder *d, uint64_t count, size_t slot)
{
    if (!announce(d, count))
        return malformed("an array longer than its bytes");
    PyObject *list = PyList_New((Py_ssize_t)count);
    if (list == NULL)
        return NULL;
    publish(d, slot, list);
    for (uint64_t i = 0; i < count; i++) {
        d->pending--;
        PyObject *item = read_value(d);
        if (item == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    return list;
}

/* The array that a tag of a container must be followed by. */
static bool read_members_head(decoder *d, uint64_t *count)
{
    locache_item item;
    if (locache_read(&item, &d->reader) != LOCACHE_OK || item.kind != LOCACHE_ARRAY ||
        !announce(d, item.number)) {
        malformed("no array of members, or one longer than its bytes");
        return false;
    }
    *count = item.number;
    return true;
}

static PyObject *read_tuple(decoder *d)
{
    uint64_t count;
    if (!read_members_head(d, &count))
        return NULL;
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (uint64_t i = 0; i < count && tuple != NULL; i++) {
        d->pending--;
        PyObject *item = read_value(d);
        if (item == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
    }
    return tuple;
}

static bool hashing_is_cheap(decoder *d, uint64_t expanded_before)
{
    d->hashed_bytes += d->expanded - expanded_before;
    return d->hashed_bytes <= LCPY_HASHED_MAX;
}

/* Add a member: false with an exception where it cannot be one, or is there already. */
static bool add_member(PyObject *set, PyObject *member)
{
    Py_ssize_t before = PySet_GET_SIZE(set);
    if (PySet_Add(set, member) < 0) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            malformed("a member that cannot be hashed");
        }
        return false;
    }
    if (PySet_GET_SIZE(set) == before)
        malformed("a member twice");
    return PySet_GET_SIZE(set) != before;
}

static PyObject *read_set(decoder *d, PyObject *set)
{
    uint64_t count = 0;
    bool good = set != NULL && read_members_head(d, &count);
    for (uint64_t i = 0; i < count && good; i++) {
        uint64_t before = d->expanded;
        d->pending--;
        PyObject *member = read_value(d);
        good = member != NULL &&
               (hashing_is_cheap(d, before) || malformed("members that share too much") != NULL) &&
               add_member(set, member);
        Py_XDECREF(member);
    }
    if (!good)
        Py_CLEAR(set);
    return set;
}

/* The str for a short text that was perhaps met before. */
static PyObject *name_of(decoder *d, const unsigned char *text, size_t size)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ text[i]) * 16777619U;
    hash = (hash ^ hash >> 16) % NAMES;
    uint64_t *marks = &d->names->marks[hash / 64];
    uint64_t mark = UINT64_C(1) << hash % 64;
    PyObject **place = &d->names->known[hash];
    Py_ssize_t known_size;
    const char *known = *marks & mark ? PyUnicode_AsUTF8AndSize(*place, &known_size) : NULL;
    if (known != NULL && (size_t)known_size == size && memcmp(known, text, size) == 0)
        return Py_NewRef(*place);
    PyObject *name = PyUnicode_DecodeUTF8((const char *)text, (Py_ssize_t)size, "strict");
    /* others would keep a second copy of themselves, as UTF-8 */
    if (name != NULL && PyUnicode_IS_ASCII(name)) {
        PyObject *old = *marks & mark ? *place : NULL;
        *place = Py_NewRef(name);
        *marks |= mark;
        Py_XDECREF(old);
    }
    return name;
}

static void forget_names(const name_table *names)
{
    for (size_t i = 0; i < NAMES; i++) {
        uint64_t rest = names->marks[i / 64] >> i % 64;
        if (rest == 0)
            i |= 63; /* none in this word */
        else if (rest & 1)
            Py_DECREF(names->known[i]);
    }
}

static PyObject *read_key(decoder *d)
{
    locache_reader ahead = d->reader;
    locache_item item;
    if (locache_read(&item, &ahead) == LOCACHE_OK && item.kind == LOCACHE_TEXT &&
        item.size <= NAME_SIZE_MAX) {
        d->reader = ahead;
        return name_of(d, item.data, item.size);
    }
    uint64_t before = d->expanded;
    PyObject *key = read_value(d);
    if (key != NULL && !hashing_is_cheap(d, before)) {
        Py_DECREF(key);
        return malformed("keys that share too much");
    }
    return key;
}

static bool add_pair(PyObject *dict, PyObject *key, PyObject *item)
{
    Py_ssize_t before = PyDict_GET_SIZE(dict);
    if (PyDict_SetItem(dict, key, item) < 0) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            malformed("a key that cannot be hashed");
        }
        return false;
    }
    if (PyDict_GET_SIZE(dict) == before)
        malformed("a key twice");
    return PyDict_GET_SIZE(dict) != before;
}

static PyObject *read_dict(decoder *d, uint64_t count, size_t slot)
{
    if (!announce(d, 2 * count)) /* no more than what remains: no overflow */
        return malformed("a map longer than its bytes");
    PyObject *dict = PyDict_New();
    if (dict == NULL)
        return NULL;
    publish(d, slot, dict);
    for (uint64_t i = 0; i < count; i++) {
        d->pending--;
        PyObject *key = read_key(d);
        d->pending--;
        PyObject *item = key == NULL ? NULL : read_value(d);
        bool added = item != NULL && add_pair(dict, key, item);
        Py_XDECREF(key);
        Py_XDECREF(item);
        if (!added) {
            Py_DECREF(dict);
            return NULL;
        }
    }
    return dict;
}

/* -------------------------------------------------------------------------------------- sharing */

static int grow_table(decoder *d)
{
    if (d->shared_count < d->shared_room)
        return 0;
    size_t room = d->shared_room == 0 ? 16 : d->shared_room * 2;
    shared *table = PyMem_Realloc(d->table, room * sizeof *table);
    if (table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    d->table = table;
    d->shared_room = room;
    return 0;
}

static PyObject *read_shared(decoder *d)
{
    if (grow_table(d) < 0)
        return NULL;
    size_t slot = d->shared_count++;
    d->table[slot] = (shared){0};
    const unsigned char *start = d->reader.at;
    uint64_t before = d->expanded;
    PyObject *value = read_item(d, slot);
    if (value == NULL)
        return NULL;
    if (d->table[slot].object == NULL)
        publish(d, slot, value);
    d->table[slot].expansion = (uint64_t)(d->reader.at - start) + (d->expanded - before);
    return value;
}

static PyObject *read_reference(decoder *d)
{
    locache_item item;
    if (locache_read(&item, &d->reader) != LOCACHE_OK || item.kind != LOCACHE_UINT ||
        item.number >= d->shared_count)
        return malformed("a reference to nothing");
    const shared *to = &d->table[item.number];
    if (to->object == NULL)
        return malformed("a reference to what is not there yet");
    d->expanded =
        d->expanded > UINT64_MAX - to->expansion ? UINT64_MAX : d->expanded + to->expansion;
    return Py_NewRef(to->object);
}

/* ---------------------------------------------------------------------------------------- items */

static PyObject *read_tagged(decoder *d, uint64_t tag, size_t slot)
{
    switch (tag) {
    case LOCACHE_TAG_SHARED:
        return slot == NO_SLOT ? read_shared(d) : malformed("shared twice");
    case LOCACHE_TAG_REFERENCE:
        return slot == NO_SLOT ? read_reference(d) : malformed("a shared reference");
    case LOCACHE_TAG_TUPLE:
        return read_tuple(d);
    case LOCACHE_TAG_SET:
        return read_set(d, PySet_New(NULL));
    case LOCACHE_TAG_FROZENSET:
        return read_set(d, PyFrozenSet_New(NULL));
    case LOCACHE_TAG_BYTEARRAY:
        return read_bytearray(d);
    case LOCACHE_TAG_BUFFER:
        return read_buffer_as_bytes(d);
    default:
        return read_leaf_tag(d, tag);
    }
}

/* An array, a map or a tag: what a level of nesting is. */
static PyObject *read_nested(decoder *d, const locache_item *item, size_t slot)
{
    PyObject *value;
    if (d->depth >= LOCACHE_DEPTH_MAX)
        return malformed("nested too deep");
    d->depth++;
    if (item->kind == LOCACHE_ARRAY)
        value = read_list(d, item->number, slot);
    else if (item->kind == LOCACHE_MAP)
        value = read_dict(d, item->number, slot);
    else
        value = read_tagged(d, item->number, slot);
    d->depth--;
    return value;
}

/* One item; `slot` is that of the SHARED tag right before it, or NO_SLOT. */
static PyObject *read_item(decoder *d, size_t slot)
{
    locache_item item;
    if (locache_read(&item, &d->reader) != LOCACHE_OK)
        return malformed("not CBOR as locache writes it");
    switch (item.kind) {
    case LOCACHE_UINT:
        return PyLong_FromUnsignedLongLong(item.number);
    case LOCACHE_NEGATIVE:
        return read_negative(item.number);
    case LOCACHE_BYTES:
        return PyBytes_FromStringAndSize((const char *)item.data, (Py_ssize_t)item.size);
    case LOCACHE_TEXT:
        return PyUnicode_DecodeUTF8((const char *)item.data, (Py_ssize_t)item.size, "strict");
    case LOCACHE_FALSE:
        return Py_NewRef(Py_False);
    case LOCACHE_TRUE:
        return Py_NewRef(Py_True);
    case LOCACHE_NULL:
        return Py_NewRef(Py_None);
    case LOCACHE_REAL:
        return PyFloat_FromDouble(item.real);
    case LOCACHE_ARRAY:
    case LOCACHE_MAP:
    case LOCACHE_TAG:
        break;
    }
    return read_nested(d, &item, slot);
}

static PyObject *decode_plain(decoder *d)
{
    size_t size;
    name_table names;
    memset(names.marks, 0, sizeof names.marks);
    d->names = &names;
    const void *body = locache_value_body(d->value, &size);
    locache_reader_init(&d->reader, body, size);
    PyObject *value = read_value(d);
    if (value != NULL && (locache_reader_end(&d->reader) != LOCACHE_OK ||
                          d->buffers != locache_value_buffer_count(d->value))) {
        Py_DECREF(value);
        value = malformed("bytes or buffers that nothing uses");
    }
    for (size_t i = 0; i < d->shared_count; i++)
        Py_XDECREF(d->table[i].object);
    forget_names(&names);
    PyMem_Free(d->table);
    return value;
}

PyObject *lcpy_value_decode(lcpy_state *state, locache_value *value, PyObject *module)
{
    PyObject *result = NULL;
    decoder d = {.state = state, .value = value};
    switch (locache_value_codec(value)) {
    case LOCACHE_CBOR:
        result = decode_plain(&d);
        break;
    case LOCACHE_PICKLE:
        d.value = NULL;
        d.owner = lcpy_owner_new(value);
        if (d.owner != NULL)
            result = lcpy_unpickle(state, d.owner, module);
        break;
    case LOCACHE_RAW:
        malformed("plain bytes, which Python does not write");
        break;
    }
    if (d.owner != NULL)
        lcpy_owner_release(d.owner);
    else
        locache_value_free(d.value);
    return result;
}
