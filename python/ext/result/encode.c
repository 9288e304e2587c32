/* Results to CBOR: exactly, or not at all.
 *
 * Two passes. The first finds what is met twice; the second writes, and knows by then what must
 * carry a SHARED tag. Either may run Python code (an allocation may collect, a Fraction has
 * methods) and with it another thread that changes the very value: whatever is worked on is
 * therefore held, and every container's length is checked as it is walked. */
#include "plain/array.h"
#include "plain/npscalar.h"
#include "plain/scalar.h"
#include "result/pickle.h"
#include "result/result.h"

#include <math.h>

/* Strings up to here cost less than the tags that would share them. */
#define SHARED_STRING_MIN 65
/* A leaf nests no deeper than this: an array is tag, pair, tag, tag. */
#define LEAF_DEPTH 6

typedef enum shape {
    SHAPE_OTHER,
    SHAPE_SCALAR,
    SHAPE_STR,
    SHAPE_BYTES,
    SHAPE_BYTEARRAY,
    SHAPE_LIST,
    SHAPE_TUPLE,
    SHAPE_DICT,
    SHAPE_SET,
    SHAPE_FROZENSET,
    SHAPE_ARRAY,
    SHAPE_NPSCALAR
} shape;

/* An object that may be met again. */
typedef struct seen {
    PyObject *object; /* owned; NULL: a free slot */
    /* bytes that it was written in, those of what it refers to counted each time */
    uint64_t expansion;
    Py_ssize_t number; /* of its SHARED tag; -1 before that is written */
    bool twice;
    bool open; /* being written */
} seen;

typedef struct encoder {
    lcpy_state *state;
    lcpy_encoded *out;
    locache_writer *body;
    seen *table;  /* by open addressing */
    size_t slots; /* a power of two, or 0 */
    size_t used;
    Py_ssize_t numbers; /* SHARED tags written */
    int depth;
    int hashed;            /* > 0 within a dict key or a set member */
    uint64_t expanded;     /* bytes that the references written stand for */
    uint64_t hashed_bytes; /* those of them within keys and members */
    const char *why;       /* for LCPY_NOT_EXACT: what stands in the way */
    PyTypeObject *culprit; /* and of which type; held */
} encoder;

static lcpy_written not_exact(encoder *e, PyObject *value, const char *why)
{
    if (e->culprit == NULL) {
        e->culprit = (PyTypeObject *)Py_NewRef((PyObject *)Py_TYPE(value));
        e->why = why;
    }
    return LCPY_NOT_EXACT;
}

static lcpy_written changed(void)
{
    PyErr_SetString(PyExc_RuntimeError,
                    "the result was changed by another thread while it was being stored");
    return LCPY_ERROR;
}

static shape shape_of_class(lcpy_class class_of)
{
    switch (class_of) {
    case LCPY_DATETIME:
    case LCPY_DATE:
    case LCPY_TIME:
    case LCPY_TIMEDELTA:
    case LCPY_DECIMAL:
    case LCPY_FRACTION:
    case LCPY_UUID:
        return SHAPE_SCALAR;
    case LCPY_PYARRAY:
    case LCPY_NDARRAY:
        return SHAPE_ARRAY;
    case LCPY_NPSCALAR:
        return SHAPE_NPSCALAR;
    default:
        return SHAPE_OTHER;
    }
}

static shape shape_of(encoder *e, PyObject *value, lcpy_class *class_of)
{
    PyTypeObject *type = Py_TYPE(value);
    *class_of = LCPY_OTHER;
    if (type == &PyLong_Type || type == &PyFloat_Type || value == Py_None || type == &PyBool_Type)
        return SHAPE_SCALAR;
    if (type == &PyUnicode_Type)
        return SHAPE_STR;
    if (type == &PyList_Type)
        return SHAPE_LIST;
    if (type == &PyDict_Type)
        return SHAPE_DICT;
    if (type == &PyTuple_Type)
        return SHAPE_TUPLE;
    if (type == &PyBytes_Type)
        return SHAPE_BYTES;
    if (type == &PyComplex_Type)
        return SHAPE_SCALAR;
    if (type == &PySet_Type)
        return SHAPE_SET;
    if (type == &PyFrozenSet_Type)
        return SHAPE_FROZENSET;
    if (type == &PyByteArray_Type)
        return SHAPE_BYTEARRAY;
    *class_of = lcpy_types_classify(e->state, type);
    return shape_of_class(*class_of);
}

/* Does it matter whether two places hold this one object? Where it can change; for the rest, to
 * share saves space. */
static bool is_shareable(PyObject *value, shape kind)
{
    switch (kind) {
    case SHAPE_STR:
        return PyUnicode_GetLength(value) >= SHARED_STRING_MIN;
    case SHAPE_BYTES:
        return PyBytes_GET_SIZE(value) >= SHARED_STRING_MIN;
    case SHAPE_TUPLE:
        return PyTuple_GET_SIZE(value) > 0;
    case SHAPE_FROZENSET:
        return PySet_GET_SIZE(value) > 0;
    case SHAPE_BYTEARRAY:
    case SHAPE_LIST:
    case SHAPE_DICT:
    case SHAPE_SET:
    case SHAPE_ARRAY:
        return true;
    default:
        return false;
    }
}

/* ---------------------------------------------------------------------------- what is met twice */

/* The slot of an object, or the free one where it belongs. */
static seen *slot_of(const encoder *e, PyObject *object)
{
    /* Fibonacci hashing: 2^64 divided by the golden ratio spreads addresses, whose low bits are
     * equal. */
    size_t at = (size_t)(((uint64_t)(uintptr_t)object * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
    for (;; at++) {
        seen *slot = &e->table[at & (e->slots - 1)];
        if (slot->object == NULL || slot->object == object)
            return slot;
    }
}

static int grow_table(encoder *e)
{
    encoder larger = *e;
    larger.slots = e->slots == 0 ? 64 : e->slots * 2;
    larger.table = PyMem_Calloc(larger.slots, sizeof *larger.table);
    if (larger.table == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < e->slots; i++)
        if (e->table[i].object != NULL)
            *slot_of(&larger, e->table[i].object) = e->table[i];
    PyMem_Free(e->table);
    e->table = larger.table;
    e->slots = larger.slots;
    return 0;
}

/* 1 where the object was met before, 0 where it is new, -1 with MemoryError. */
static int meet(encoder *e, PyObject *object)
{
    if (e->used * 2 >= e->slots && grow_table(e) < 0)
        return -1;
    seen *slot = slot_of(e, object);
    if (slot->object != NULL) {
        slot->twice = true;
        return 1;
    }
    *slot = (seen){.object = Py_NewRef(object), .number = -1};
    e->used++;
    return 0;
}

static void free_table(encoder *e)
{
    for (size_t i = 0; i < e->slots; i++)
        Py_XDECREF(e->table[i].object);
    PyMem_Free(e->table);
}

static lcpy_written find_shared(encoder *e, PyObject *value);

static lcpy_written find_in_list(encoder *e, PyObject *list)
{
    lcpy_written found = LCPY_DONE;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list) && found == LCPY_DONE; i++) {
        PyObject *item = Py_NewRef(PyList_GET_ITEM(list, i));
        found = find_shared(e, item);
        Py_DECREF(item);
    }
    return found;
}

static lcpy_written find_in_tuple(encoder *e, PyObject *tuple)
{
    lcpy_written found = LCPY_DONE;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple) && found == LCPY_DONE; i++) {
        PyObject *item = Py_NewRef(PyTuple_GET_ITEM(tuple, i));
        found = find_shared(e, item);
        Py_DECREF(item);
    }
    return found;
}

static lcpy_written find_in_dict(encoder *e, PyObject *dict)
{
    lcpy_written found = LCPY_DONE;
    Py_ssize_t position = 0;
    PyObject *key;
    PyObject *item;
    while (found == LCPY_DONE && PyDict_Next(dict, &position, &key, &item)) {
        Py_INCREF(key);
        Py_INCREF(item);
        found = find_shared(e, key);
        if (found == LCPY_DONE)
            found = find_shared(e, item);
        Py_DECREF(key);
        Py_DECREF(item);
    }
    return found;
}

/* Call visit for each member, which is held meanwhile. */
static lcpy_written each_member(encoder *e, PyObject *set,
                                lcpy_written (*visit)(encoder *, PyObject *))
{
    lcpy_written done = LCPY_DONE;
    PyObject *iterator = PyObject_GetIter(set);
    if (iterator == NULL)
        return LCPY_ERROR;
    PyObject *member;
    while (done == LCPY_DONE && (member = PyIter_Next(iterator)) != NULL) {
        done = visit(e, member);
        Py_DECREF(member);
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() != NULL ? LCPY_ERROR : done;
}

/* `value` is held by the caller beside whatever it lies in: with two references it can only be met
 * here. */
static lcpy_written find_shared(encoder *e, PyObject *value)
{
    lcpy_class class_of;
    shape kind = shape_of(e, value, &class_of);
    if (kind == SHAPE_SCALAR)
        return LCPY_DONE;
    if (kind == SHAPE_OTHER)
        return not_exact(e, value, "an object of a class that has no plain form");
    if (Py_REFCNT(value) > 2 && is_shareable(value, kind)) {
        int before = meet(e, value);
        if (before != 0)
            return before < 0 ? LCPY_ERROR : LCPY_DONE;
    }
    if (e->depth >= LOCACHE_DEPTH_MAX)
        return not_exact(e, value, "nesting deeper than entries hold");
    lcpy_written found = LCPY_DONE;
    e->depth++;
    if (kind == SHAPE_LIST)
        found = find_in_list(e, value);
    else if (kind == SHAPE_TUPLE)
        found = find_in_tuple(e, value);
    else if (kind == SHAPE_DICT)
        found = find_in_dict(e, value);
    else if (kind == SHAPE_SET || kind == SHAPE_FROZENSET)
        found = each_member(e, value, find_shared);
    e->depth--;
    return found;
}

/* ---------------------------------------------------------------------------------- out of line */

/* The view's bytes where the body is, or a TAG_BUFFER that stands for them. */
static lcpy_written write_view(encoder *e, Py_buffer *view)
{
    if (view->len < LCPY_OUT_OF_LINE || e->out->buffer_count >= LCPY_BUFFERS_MAX) {
        locache_write_bytes(e->body, view->buf, (size_t)view->len);
        return LCPY_DONE;
    }
    locache_write_tag(e->body, LOCACHE_TAG_BUFFER);
    locache_write_uint(e->body, e->out->buffer_count);
    return lcpy_encoded_add(e->out, view) < 0 ? LCPY_ERROR : LCPY_DONE;
}

/* -------------------------------------------------------------------------------------- writing */

static lcpy_written write_value(encoder *e, PyObject *value);

static lcpy_written write_list(encoder *e, PyObject *list)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    locache_write_array(e->body, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyList_GET_SIZE(list) != count)
            return changed();
        PyObject *item = Py_NewRef(PyList_GET_ITEM(list, i));
        lcpy_written written = write_value(e, item);
        Py_DECREF(item);
        if (written != LCPY_DONE)
            return written;
    }
    return PyList_GET_SIZE(list) == count ? LCPY_DONE : changed();
}

static lcpy_written write_tuple(encoder *e, PyObject *tuple)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    locache_write_tag(e->body, LOCACHE_TAG_TUPLE);
    locache_write_array(e->body, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++) {
        lcpy_written written = write_value(e, PyTuple_GET_ITEM(tuple, i));
        if (written != LCPY_DONE)
            return written;
    }
    return LCPY_DONE;
}

/* A dict key or a set member. */
static lcpy_written write_hashed(encoder *e, PyObject *value)
{
    uint64_t before = e->expanded;
    e->hashed++;
    lcpy_written written = write_value(e, value);
    e->hashed--;
    e->hashed_bytes += e->expanded - before;
    if (written == LCPY_DONE && e->hashed_bytes > LCPY_HASHED_MAX)
        return not_exact(e, value, "dict keys or set members that share too much");
    return written;
}

static lcpy_written write_dict(encoder *e, PyObject *dict)
{
    Py_ssize_t count = PyDict_GET_SIZE(dict);
    Py_ssize_t pairs = 0;
    Py_ssize_t position = 0;
    PyObject *key;
    PyObject *item;
    locache_write_map(e->body, (uint64_t)count);
    while (PyDict_Next(dict, &position, &key, &item)) {
        if (++pairs > count)
            return changed();
        Py_INCREF(key);
        Py_INCREF(item);
        lcpy_written written = write_hashed(e, key);
        if (written == LCPY_DONE)
            written = write_value(e, item);
        Py_DECREF(key);
        Py_DECREF(item);
        if (written != LCPY_DONE)
            return written;
    }
    return pairs == count && PyDict_GET_SIZE(dict) == count ? LCPY_DONE : changed();
}

/* In the set's own order: any order would do, and to sort would put SHARED tags out of theirs. */
static lcpy_written write_set(encoder *e, PyObject *set, uint64_t tag)
{
    Py_ssize_t count = PySet_GET_SIZE(set);
    locache_write_tag(e->body, tag);
    locache_write_array(e->body, (uint64_t)count);
    /* its iterator finds out when the size changes */
    lcpy_written written = each_member(e, set, write_hashed);
    return written != LCPY_DONE || PySet_GET_SIZE(set) == count ? written : changed();
}

static lcpy_written write_bytes(encoder *e, PyObject *value)
{
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0)
        return LCPY_ERROR;
    lcpy_written written = write_view(e, &view);
    PyBuffer_Release(&view);
    return written;
}

/* Not inlined: write_shape() is on the stack once per level, and an lcpy_array is large. */
static __attribute__((noinline)) lcpy_written write_array(encoder *e, PyObject *value)
{
    lcpy_array array;
    lcpy_written written = lcpy_array_open(e->state, &array, value, true);
    if (written == LCPY_NOT_EXACT)
        return not_exact(e, value, "an array whose elements are no plain data");
    if (written == LCPY_ERROR)
        return written;
    lcpy_array_write_head(e->body, &array);
    written = write_view(e, &array.view);
    lcpy_array_close(&array);
    return written;
}

/* A NaN is no key that anyone finds again, and its hash differs from object to object. */
static bool is_nan(PyObject *value, lcpy_class class_of)
{
    if (PyFloat_CheckExact(value))
        return isnan(PyFloat_AS_DOUBLE(value));
    if (PyComplex_CheckExact(value))
        return isnan(PyComplex_RealAsDouble(value)) || isnan(PyComplex_ImagAsDouble(value));
    if (class_of != LCPY_DECIMAL && class_of != LCPY_NPSCALAR)
        return false;
    PyObject *differs = PyObject_RichCompare(value, value, Py_NE);
    int nan = differs == NULL ? -1 : PyObject_IsTrue(differs);
    Py_XDECREF(differs);
    if (nan < 0)
        PyErr_Clear();
    return nan != 0;
}

static lcpy_written write_leaf(encoder *e, PyObject *value, shape kind, lcpy_class class_of)
{
    if (e->hashed > 0 && is_nan(value, class_of))
        return not_exact(e, value, "a NaN as dict key or set member");
    lcpy_written written = kind == SHAPE_NPSCALAR ? lcpy_npscalar_write(e->body, value)
                                                  : lcpy_scalar_write(e->body, value, class_of);
    return written == LCPY_NOT_EXACT
               ? not_exact(e, value, "a value that its plain form cannot hold")
               : written;
}

static lcpy_written write_shape(encoder *e, PyObject *value, shape kind, lcpy_class class_of)
{
    switch (kind) {
    case SHAPE_LIST:
        return write_list(e, value);
    case SHAPE_DICT:
        return write_dict(e, value);
    case SHAPE_TUPLE:
        return write_tuple(e, value);
    case SHAPE_SET:
        return write_set(e, value, LOCACHE_TAG_SET);
    case SHAPE_FROZENSET:
        return write_set(e, value, LOCACHE_TAG_FROZENSET);
    case SHAPE_BYTEARRAY:
        locache_write_tag(e->body, LOCACHE_TAG_BYTEARRAY);
        return write_bytes(e, value);
    case SHAPE_BYTES:
        return write_bytes(e, value);
    case SHAPE_ARRAY:
        return write_array(e, value);
    case SHAPE_SCALAR:
    case SHAPE_STR:
    case SHAPE_NPSCALAR:
        return write_leaf(e, value, kind, class_of);
    case SHAPE_OTHER:
        break;
    }
    return not_exact(e, value, "an object of a class that has no plain form");
}

static lcpy_written write_reference(encoder *e, const seen *met, shape kind)
{
    if (met->open && kind != SHAPE_LIST && kind != SHAPE_DICT)
        return not_exact(e, met->object, "a cycle that only pickle can tie");
    locache_write_tag(e->body, LOCACHE_TAG_REFERENCE);
    locache_write_uint(e->body, (uint64_t)met->number);
    e->expanded =
        e->expanded > UINT64_MAX - met->expansion ? UINT64_MAX : e->expanded + met->expansion;
    return LCPY_DONE;
}

static lcpy_written write_shared(encoder *e, seen *met, shape kind, lcpy_class class_of)
{
    met->number = e->numbers++;
    met->open = true;
    locache_write_tag(e->body, LOCACHE_TAG_SHARED);
    size_t start = e->body->length;
    uint64_t before = e->expanded;
    lcpy_written written = write_shape(e, met->object, kind, class_of);
    met->open = false;
    met->expansion = e->body->length - start + (e->expanded - before);
    return written;
}

static lcpy_written write_value(encoder *e, PyObject *value)
{
    lcpy_class class_of;
    shape kind = shape_of(e, value, &class_of);
    if (kind == SHAPE_SCALAR)
        return write_leaf(e, value, kind, class_of);
    seen *met = e->used > 0 && is_shareable(value, kind) ? slot_of(e, value) : NULL;
    if (met != NULL && !met->twice)
        met = NULL; /* once, or not there */
    if (met != NULL && met->number >= 0)
        return write_reference(e, met, kind);
    /* Tags count: at most SHARED, the container's own, and its array. */
    if (e->depth + 3 + LEAF_DEPTH > LOCACHE_DEPTH_MAX)
        return not_exact(e, value, "nesting deeper than entries hold");
    int levels = 1 + (met != NULL) + (kind != SHAPE_LIST && kind != SHAPE_DICT);
    e->depth += levels;
    lcpy_written written =
        met != NULL ? write_shared(e, met, kind, class_of) : write_shape(e, value, kind, class_of);
    e->depth -= levels;
    return written;
}

static lcpy_written encode_plain(encoder *e, PyObject *value)
{
    Py_INCREF(value);
    lcpy_written written = find_shared(e, value);
    e->depth = 0;
    if (written == LCPY_DONE)
        written = write_value(e, value);
    Py_DECREF(value);
    if (written == LCPY_DONE && locache_writer_status(e->body) != LOCACHE_OK) {
        /* the one thing that fails it: every text that is written comes from a str */
        PyErr_NoMemory();
        written = LCPY_ERROR;
    }
    return written;
}

int lcpy_value_encode(lcpy_state *state, lcpy_encoded *out, PyObject *value, int plain_only)
{
    *out = (lcpy_encoded){.codec = LOCACHE_CBOR};
    locache_writer_init(&out->body, NULL, 0);
    encoder e = {.state = state, .out = out, .body = &out->body};
    lcpy_written written = encode_plain(&e, value);
    if (written == LCPY_NOT_EXACT) {
        lcpy_encoded_clear(out);
        written = LCPY_ERROR;
        if (plain_only)
            PyErr_Format(PyExc_TypeError,
                         "the result cannot be stored without pickle: it holds %s (%.200s)", e.why,
                         e.culprit->tp_name);
        else if (lcpy_pickle(state, out, value) == 0)
            written = LCPY_DONE;
    }
    if (written != LCPY_DONE)
        lcpy_encoded_clear(out);
    free_table(&e);
    Py_XDECREF((PyObject *)e.culprit);
    return written == LCPY_DONE ? 0 : -1;
}
