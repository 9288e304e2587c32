/* CBOR to results. A body is not trusted: a checksum proves nothing about who wrote it.
 *
 * Memory stays within a constant times the body: no array is made before there are bytes left for
 * its items and for those of every array around it, and each out-of-line buffer is used exactly
 * once, in order. */
#include "plain/array.h"
#include "plain/compat.h"
#include "plain/npscalar.h"
#include "plain/number.h"
#include "plain/scalar.h"
#include "plain/zeros.h"
#include "result/pickle.h"
#include "result/result.h"
#include "result/short_keys.h"
#include "result/text.h"

#define LENT_LEAST ((size_t)4 << 20) /* bytes: two huge pages, of which its memory is made then */
#define NO_SLOT ((size_t)-1)         /* of an item that no SHARED tag is before */

/* What a SHARED tag holds. */
typedef struct shared {
    /* owned; NULL until it is complete, but for a list or dict, which may be referred to before */
    PyObject *object;
    uint64_t expansion; /* as the encoder counts it (encode.c) */
} shared;

typedef struct decoder {
    locache_cbor_reader reader;
    lcpy_buffer_source source;
    uint64_t pending; /* items that the arrays and maps around still announce */
    shared *table;
    size_t shared_count;
    size_t shared_room;
    int depth;
    uint64_t expanded; /* as the encoder counts them */
    uint64_t hashed_bytes;
    lcpy_short_keys *short_keys;
} decoder;

/* ValueError, unless something else has gone wrong. Always NULL. */
static PyObject *malformed(const char *what)
{
    if (PyErr_Occurred() == NULL)
        PyErr_Format(PyExc_ValueError, "malformed entry: %s", what);
    return NULL;
}

static PyObject *decode_item(decoder *d, size_t slot);

static PyObject *decode_value(decoder *d)
{
    return decode_item(d, NO_SLOT);
}

/* Each item takes a byte at least: what is announced can be compared with it. */
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

static PyObject *decode_bytearray(decoder *d)
{
    lcpy_memory bytes;
    size_t n;

    if (!lcpy_buffer_read(&bytes, &n, &d->source, &d->reader))
        return malformed("no byte string");
    return PyByteArray_FromStringAndSize(bytes.data, (Py_ssize_t)bytes.size);
}

/* bytes that lie out of line: CPython's bytes have their content within, so that it is copied. */
static PyObject *decode_long_bytes(decoder *d)
{
    size_t n;

    if (!lcpy_buffer_take(&n, &d->source, &d->reader))
        return malformed("a buffer that is not the next");
    lcpy_memory buffer = lcpy_buffer_of(d->source.value, n);
    if (!lcpy_zeros_many(buffer.data, buffer.size))
        return PyBytes_FromStringAndSize(buffer.data, (Py_ssize_t)buffer.size);
    /* bytes(size) is memory that nobody wrote to, and nobody else knows these yet. */
    PyObject *bytes =
        PyObject_CallFunction((PyObject *)&PyBytes_Type, "n", (Py_ssize_t)buffer.size);
    if (bytes != NULL)
        lcpy_zeros_copy(PyBytes_AS_STRING(bytes), buffer.data, buffer.size);
    return bytes;
}

/* What was read and is so large that to copy it once more is felt, as filling new memory is. Only
 * where it is most of the result: whoever keeps it keeps all of that. Pages of zeros are better not
 * touched at all. */
static bool is_lent(const decoder *d, const lcpy_memory *bytes)
{
    return bytes->size >= LENT_LEAST && bytes->size >= locache_value_size(d->source.value) / 2 &&
           !lcpy_zeros_many(bytes->data, bytes->size);
}

/* For lcpy_array_read(): the array keeps what is mapped where it is, and so it does what is very
 * large. What else was read is copied, so that the array owns it and can be resized. */
static int decode_array_bytes(lcpy_array_bytes *out, void *context, locache_cbor_reader *reader)
{
    decoder *d = context;
    lcpy_memory bytes;
    size_t n;

    if (!lcpy_buffer_read(&bytes, &n, &d->source, reader)) {
        malformed("no byte string");
        return -1;
    }
    *out = (lcpy_array_bytes){.data = bytes.data, .size = bytes.size};
    if (n == LCPY_BUFFER_INLINE || (!locache_value_mapped(d->source.value) && !is_lent(d, &bytes)))
        return 0;
    out->lent = lcpy_buffer_lend(&d->source, n);
    return out->lent != NULL ? 0 : -1;
}

/* numpy.ndarray: the tag's head has been read. */
static PyObject *decode_readonly(decoder *d)
{
    locache_cbor_item item;

    if (locache_cbor_read(&item, &d->reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_TAG ||
        (item.number != LOCACHE_TAG_NDARRAY && item.number != LOCACHE_TAG_NDARRAY_F &&
         item.number != LOCACHE_TAG_ARRAY))
        return malformed("no array");
    PyObject *array = lcpy_array_read(&d->reader, item.number, decode_array_bytes, d);
    if (array != NULL && lcpy_array_make_readonly(array) < 0)
        Py_CLEAR(array);
    return array;
}

/* Those of plain/array.h. */
static bool is_array_tag(uint64_t tag)
{
    return tag == LOCACHE_TAG_NDARRAY || tag == LOCACHE_TAG_NDARRAY_F || tag == LOCACHE_TAG_ARRAY ||
           tag == LOCACHE_TAG_PYARRAY ||
           (tag >= LOCACHE_TAG_TYPED_FIRST && tag <= LOCACHE_TAG_TYPED_LAST);
}

/* A tag that no container of Python has. The readers of plain/ set exceptions of their own, but for
 * a tag that they do not know. */
static PyObject *decode_leaf_tag(decoder *d, uint64_t tag)
{
    PyObject *value;

    if (tag == LOCACHE_TAG_SCALAR)
        value = lcpy_npscalar_read(&d->reader);
    else if (is_array_tag(tag))
        value = lcpy_array_read(&d->reader, tag, decode_array_bytes, d);
    else
        value = lcpy_scalar_read(d->source.state, &d->reader, tag);
    return value != NULL ? value : malformed("a tag that results do not have");
}

/* ----------------------------------------------------------------------------------- containers */

/* Whoever refers to this SHARED slot may have the object from now on. */
static void publish(decoder *d, size_t slot, PyObject *object)
{
    if (slot != NO_SLOT)
        d->table[slot].object = Py_NewRef(object);
}

/* Lists and dicts are published before their items: these may refer to them, which is how a cycle
 * is tied. Nothing else can be met before it is whole. */
static PyObject *decode_list(decoder *d, uint64_t count, size_t slot)
{
    if (!announce(d, count))
        return malformed("an array longer than its bytes");
    PyObject *list = PyList_New((Py_ssize_t)count);
    if (list == NULL)
        return NULL;
    publish(d, slot, list);
    for (uint64_t i = 0; i < count; i++) {
        d->pending--;
        PyObject *item = decode_value(d);
        if (item == NULL) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, item);
    }
    return list;
}

/* The array that a tag of a container must be followed by. */
static bool decode_members_head(decoder *d, uint64_t *count)
{
    locache_cbor_item item;
    if (locache_cbor_read(&item, &d->reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_ARRAY ||
        !announce(d, item.number)) {
        malformed("no array of members, or one longer than its bytes");
        return false;
    }
    *count = item.number;
    return true;
}

/* A tuple cannot be published before it is whole, nor can a set: a cycle through one only is
 * refused. */
static PyObject *decode_tuple(decoder *d)
{
    uint64_t count;
    if (!decode_members_head(d, &count))
        return NULL;
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (uint64_t i = 0; i < count && tuple != NULL; i++) {
        d->pending--;
        PyObject *item = decode_value(d);
        if (item == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, item);
    }
    return tuple;
}

/* After a key or a member was decoded: may it be hashed? `expanded_before` is what d->expanded was
 * before it. */
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
    /* Two that are equal, as 1 and 1.0: then the result never had both. */
    if (PySet_GET_SIZE(set) == before)
        malformed("a member twice");
    return PySet_GET_SIZE(set) != before;
}

/* Into `set`, new and perhaps NULL, whose reference it takes. A frozenset can be added to while
 * nobody else has it. */
static PyObject *decode_set(decoder *d, PyObject *set)
{
    uint64_t count = 0;
    bool good = set != NULL && decode_members_head(d, &count);
    for (uint64_t i = 0; i < count && good; i++) {
        uint64_t before = d->expanded;
        d->pending--;
        PyObject *member = decode_value(d);
        good = member != NULL &&
               (hashing_is_cheap(d, before) || malformed("members that share too much") != NULL) &&
               add_member(set, member);
        Py_XDECREF(member);
    }
    if (!good)
        Py_CLEAR(set);
    return set;
}

/* Of a dict. Short texts are most of them. */
static PyObject *decode_key(decoder *d)
{
    locache_cbor_reader ahead = d->reader;
    locache_cbor_item item;
    if (locache_cbor_read(&item, &ahead) == LOCACHE_OK && item.kind == LOCACHE_KIND_TEXT &&
        item.size <= LCPY_SHORT_KEY_MAX) {
        d->reader = ahead;
        return lcpy_short_keys_get(d->short_keys, item.data, item.size);
    }
    uint64_t before = d->expanded;
    PyObject *key = decode_value(d);
    if (key != NULL && !hashing_is_cheap(d, before)) {
        Py_DECREF(key);
        return malformed("keys that share too much");
    }
    return key;
}

/* As for members: what would replace an earlier pair was not written by the encoder. */
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

/* Each pair is added as it is read: in the order that it was written in, which a dict keeps. */
static PyObject *decode_dict(decoder *d, uint64_t count, size_t slot)
{
    if (!announce(d, 2 * count)) /* no more than what remains: no overflow */
        return malformed("a map longer than its bytes");
    PyObject *dict = PyDict_New();
    if (dict == NULL)
        return NULL;
    publish(d, slot, dict);
    for (uint64_t i = 0; i < count; i++) {
        d->pending--;
        PyObject *key = decode_key(d);
        d->pending--;
        PyObject *item = key == NULL ? NULL : decode_value(d);
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

/* SHARED tags are not counted before: as many as there are bytes, at most. */
static int grow_slots(decoder *d)
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

/* Slots are numbered in the order of their tags, as the encoder numbers them. */
static PyObject *decode_shared(decoder *d)
{
    if (grow_slots(d) < 0)
        return NULL;
    size_t slot = d->shared_count++;
    d->table[slot] = (shared){0};
    const unsigned char *start = d->reader.at;
    uint64_t before = d->expanded;
    PyObject *value = decode_item(d, slot);
    if (value == NULL)
        return NULL;
    if (d->table[slot].object == NULL)
        publish(d, slot, value);
    /* What it took here, and what it refers to. */
    d->table[slot].expansion = (uint64_t)(d->reader.at - start) + (d->expanded - before);
    return value;
}

/* It may be to something around this very item: a list or a dict that is not full yet. */
static PyObject *decode_reference(decoder *d)
{
    locache_cbor_item item;
    if (locache_cbor_read(&item, &d->reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_UINT ||
        item.number >= d->shared_count)
        return malformed("a reference to nothing");
    const shared *to = &d->table[item.number];
    if (to->object == NULL)
        return malformed("a reference to what is not there yet");
    /* Without wrapping round: it may double with each level. */
    d->expanded =
        d->expanded > UINT64_MAX - to->expansion ? UINT64_MAX : d->expanded + to->expansion;
    return Py_NewRef(to->object);
}

/* ---------------------------------------------------------------------------------------- items */

static PyObject *decode_tagged(decoder *d, uint64_t tag, size_t slot)
{
    switch (tag) {
    case LOCACHE_TAG_SHARED:
        return slot == NO_SLOT ? decode_shared(d) : malformed("shared twice");
    case LOCACHE_TAG_REFERENCE:
        return slot == NO_SLOT ? decode_reference(d) : malformed("a shared reference");
    case LOCACHE_TAG_TUPLE:
        return decode_tuple(d);
    case LOCACHE_TAG_SET:
        return decode_set(d, PySet_New(NULL));
    case LOCACHE_TAG_FROZENSET:
        return decode_set(d, PyFrozenSet_New(NULL));
    case LOCACHE_TAG_BYTEARRAY:
        return decode_bytearray(d);
    case LOCACHE_TAG_BUFFER:
        return decode_long_bytes(d);
    case LOCACHE_TAG_TEXT_BUFFER:
        return lcpy_text_read(&d->source, &d->reader);
    case LOCACHE_TAG_SURROGATES:
        return lcpy_text_read_surrogates(&d->source, &d->reader);
    case LOCACHE_TAG_READONLY:
        return decode_readonly(d);
    default:
        return decode_leaf_tag(d, tag);
    }
}

/* An array, a map or a tag: what a level of nesting is. */
/* Depth is counted by tags, too: they nest in one another. */
static PyObject *decode_nested(decoder *d, const locache_cbor_item *item, size_t slot)
{
    PyObject *value;
    /* Each level is a few frames of C stack here. */
    if (d->depth >= LOCACHE_DEPTH_MAX)
        return malformed("nested too deep");
    d->depth++;
    if (item->kind == LOCACHE_KIND_ARRAY)
        value = decode_list(d, item->number, slot);
    else if (item->kind == LOCACHE_KIND_MAP)
        value = decode_dict(d, item->number, slot);
    else
        value = decode_tagged(d, item->number, slot);
    d->depth--;
    return value;
}

/* One item; `slot` is that of the SHARED tag right before it, or NO_SLOT. */
static PyObject *decode_item(decoder *d, size_t slot)
{
    locache_cbor_item item;
    if (locache_cbor_read(&item, &d->reader) != LOCACHE_OK)
        return malformed("not CBOR as locache writes it");
    switch (item.kind) {
    case LOCACHE_KIND_UINT:
        return PyLong_FromUnsignedLongLong(item.number);
    case LOCACHE_KIND_NEGATIVE:
        return lcpy_number_negative(item.number);
    case LOCACHE_KIND_BYTES:
        return PyBytes_FromStringAndSize((const char *)item.data, (Py_ssize_t)item.size);
    case LOCACHE_KIND_TEXT:
        return PyUnicode_DecodeUTF8((const char *)item.data, (Py_ssize_t)item.size, "strict");
    case LOCACHE_KIND_FALSE:
        return Py_NewRef(Py_False);
    case LOCACHE_KIND_TRUE:
        return Py_NewRef(Py_True);
    case LOCACHE_KIND_NULL:
        return Py_NewRef(Py_None);
    case LOCACHE_KIND_REAL:
        return PyFloat_FromDouble(item.real);
    case LOCACHE_KIND_ARRAY:
    case LOCACHE_KIND_MAP:
    case LOCACHE_KIND_TAG:
        break;
    }
    return decode_nested(d, &item, slot);
}

/* Bytes of a body from which on it may hold more objects than the collector lets be made before it
 * runs, which is 700 by default. */
#define MANY_OBJECTS 2048

/* A body is all of it: an item, and nothing behind it. */
static PyObject *decode_plain(decoder *d)
{
    size_t size;
    lcpy_short_keys short_keys;
    const void *body = locache_value_body(&size, d->source.value);

    lcpy_short_keys_init(&short_keys);
    d->short_keys = &short_keys;
    locache_cbor_reader_init(&d->reader, body, size);
    bool held = size >= MANY_OBJECTS && lcpy_compat_hold_collector();
    PyObject *value = decode_value(d);
    lcpy_compat_release_collector(held);
    if (value != NULL && (locache_cbor_reader_end(&d->reader) != LOCACHE_OK ||
                          d->source.used != locache_value_buffer_count(d->source.value))) {
        Py_DECREF(value);
        value = malformed("bytes or buffers that nothing uses");
    }
    for (size_t i = 0; i < d->shared_count; i++)
        Py_XDECREF(d->table[i].object);
    lcpy_short_keys_clear(&short_keys);
    PyMem_Free(d->table);
    return value;
}

PyObject *lcpy_decode(lcpy_state *state, locache_value *value, PyObject *module)
{
    PyObject *result = NULL;
    decoder d = {.source = {.state = state, .value = value}};

    switch (locache_value_codec(value)) {
    case LOCACHE_CODEC_CBOR:
        result = decode_plain(&d);
        break;
    case LOCACHE_CODEC_PICKLE:
        d.source.value = NULL; /* the owner's, in every case */
        d.source.owner = lcpy_buffer_owner_new(value);
        if (d.source.owner != NULL)
            result = lcpy_pickle_decode(state, d.source.owner, module);
        break;
    case LOCACHE_CODEC_RAW:
        malformed("plain bytes, which Python does not write");
        break;
    }
    lcpy_buffer_source_clear(&d.source);
    return result;
}
