/* Results to CBOR: exactly, or not at all.
 *
 * Two passes. The first (shared.c) finds what is met twice; the second writes, and knows by then
 * what must carry a SHARED tag. Either may run Python code (an allocation may collect, a Fraction
 * has methods) and with it another thread that changes the very value: whatever is worked on is
 * therefore held, and every container's length is checked as it is walked. */
#include "plain/array.h"
#include "plain/npscalar.h"
#include "plain/scalar.h"
#include "result/layout.h"
#include "result/pickle.h"
#include "result/result.h"
#include "result/shared.h"
#include "result/text.h"

#include <math.h>

/* A leaf nests no deeper than this: an array is tag, tag, pair, tag, tag, and a margin of one. */
#define LEAF_DEPTH 6

typedef struct encoder {
    lcpy_state *state;
    lcpy_encoded *out;
    locache_cbor_writer *body;
    lcpy_shared shared;
    Py_ssize_t numbers; /* SHARED tags written */
    int depth;
    int plain_only;
    int hashed;             /* > 0 within a dict key or a set member */
    uint64_t expanded;      /* bytes that the references written stand for */
    uint64_t hashed_bytes;  /* those of them within keys and members */
    lcpy_obstacle obstacle; /* for LCPY_NOT_EXACT */
} encoder;

/* Something has no plain form: the result goes to pickle, or is not stored and the message says
 * why. */
static lcpy_written refuse(encoder *e, PyObject *value, const char *why)
{
    return lcpy_shape_refuse(&e->obstacle, value, why);
}

static lcpy_written changed(void)
{
    PyErr_SetString(PyExc_RuntimeError,
                    "the result was changed by another thread while it was being stored");
    return LCPY_ERROR;
}

/* ---------------------------------------------------------------------------------- out of line */

/* The view's bytes where the body is, or a TAG_BUFFER that stands for them. */
static lcpy_written encode_view(encoder *e, Py_buffer *view)
{
    if (lcpy_encoded_takes(e->out, view->len))
        return lcpy_encoded_write_buffer(e->out, view, LOCACHE_TAG_BUFFER);
    locache_cbor_write_bytes(e->body, view->buf, (size_t)view->len);
    return LCPY_DONE;
}

/* -------------------------------------------------------------------------------------- writing */

static lcpy_written encode_value(encoder *e, PyObject *value);

/* The length is written first: an item that is added or taken away meanwhile makes the rest
 * wrong. */
static lcpy_written encode_list(encoder *e, PyObject *list)
{
    Py_ssize_t count = PyList_GET_SIZE(list);
    locache_cbor_write_array(e->body, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++) {
        if (PyList_GET_SIZE(list) != count)
            return changed();
        PyObject *item = Py_NewRef(PyList_GET_ITEM(list, i));
        lcpy_written written = encode_value(e, item);
        Py_DECREF(item);
        if (written != LCPY_DONE)
            return written;
    }
    return PyList_GET_SIZE(list) == count ? LCPY_DONE : changed();
}

/* Tuples and sets are one level deeper than lists: a tag, and its array. */
static lcpy_written encode_tuple(encoder *e, PyObject *tuple)
{
    Py_ssize_t count = PyTuple_GET_SIZE(tuple);
    locache_cbor_write_tag(e->body, LOCACHE_TAG_TUPLE);
    locache_cbor_write_array(e->body, (uint64_t)count);
    for (Py_ssize_t i = 0; i < count; i++) {
        lcpy_written written = encode_value(e, PyTuple_GET_ITEM(tuple, i));
        if (written != LCPY_DONE)
            return written;
    }
    return LCPY_DONE;
}

/* A dict key or a set member, which is hashed when it is read again: with what it shares, as often
 * as it refers to it (LCPY_HASHED_MAX). */
static lcpy_written encode_hashed(encoder *e, PyObject *value)
{
    uint64_t before = e->expanded;
    e->hashed++;
    lcpy_written written = encode_value(e, value);
    e->hashed--;
    e->hashed_bytes += e->expanded - before;
    if (written == LCPY_DONE && e->hashed_bytes > LCPY_HASHED_MAX)
        return refuse(e, value, "dict keys or set members that share too much");
    return written;
}

/* In its own order, which is part of the result. A dict that is changed while it is walked may be
 * walked wrongly by PyDict_Next(): no more pairs than there were, and the length afterwards, are
 * checked. */
static lcpy_written encode_dict(encoder *e, PyObject *dict)
{
    Py_ssize_t count = PyDict_GET_SIZE(dict);
    Py_ssize_t pairs = 0;
    Py_ssize_t position = 0;
    PyObject *key;
    PyObject *item;
    locache_cbor_write_map(e->body, (uint64_t)count);
    while (PyDict_Next(dict, &position, &key, &item)) {
        if (++pairs > count)
            return changed();
        Py_INCREF(key);
        Py_INCREF(item);
        lcpy_written written = encode_hashed(e, key);
        if (written == LCPY_DONE)
            written = encode_value(e, item);
        Py_DECREF(key);
        Py_DECREF(item);
        if (written != LCPY_DONE)
            return written;
    }
    return pairs == count && PyDict_GET_SIZE(dict) == count ? LCPY_DONE : changed();
}

/* For lcpy_shape_each_member(). */
static lcpy_written encode_member(void *context, PyObject *member)
{
    return encode_hashed(context, member);
}

/* In the set's own order: any order would do, and to sort would put SHARED tags out of theirs. */
static lcpy_written encode_set(encoder *e, PyObject *set, uint64_t tag)
{
    Py_ssize_t count = PySet_GET_SIZE(set);
    locache_cbor_write_tag(e->body, tag);
    locache_cbor_write_array(e->body, (uint64_t)count);
    /* its iterator finds out when the size changes */
    lcpy_written written = lcpy_shape_each_member(set, encode_member, e);
    return written != LCPY_DONE || PySet_GET_SIZE(set) == count ? written : changed();
}

/* bytes and bytearray by their buffer, which keeps a bytearray from being resized. */
static lcpy_written encode_bytes(encoder *e, PyObject *value)
{
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0)
        return LCPY_ERROR;
    lcpy_written written = encode_view(e, &view);
    PyBuffer_Release(&view);
    return written;
}

/* What an array of NumPy is beside its items. LCPY_NOT_EXACT: it would grow too much. */
static __attribute__((noinline)) lcpy_written inspect_array(encoder *e, PyObject *value,
                                                            bool *readonly)
{
    Py_buffer view;
    lcpy_strided bytes;
    const lcpy_padding none = {0};
    int said = lcpy_array_is_readonly(value);
    if (said < 0)
        return LCPY_ERROR;
    *readonly = said > 0;
    if (PyObject_GetBuffer(value, &view, PyBUF_STRIDES) < 0) {
        PyErr_Clear(); /* dates: their views are as large as they look, or hardly met */
        return LCPY_DONE;
    }
    lcpy_strided_of(&bytes, &view, none);
    bool expanded = lcpy_expanded(view.len, &bytes);
    PyBuffer_Release(&view);
    return expanded ? refuse(e, value, "a view that shows the same memory many times over")
                    : LCPY_DONE;
}

/* Where no pickle may be made, an array is rather stored in C's order than not at all. */
static lcpy_written check_order(encoder *e, PyObject *value)
{
    int lost = e->plain_only ? 0 : lcpy_layout_is_lost(value);
    if (lost < 0)
        return LCPY_ERROR;
    return lost ? refuse(e, value, "an array in neither C's nor Fortran's order") : LCPY_DONE;
}

/* Not inlined: encode_shape() is on the stack once per level, and an lcpy_array is large. */
static __attribute__((noinline)) lcpy_written encode_array(encoder *e, PyObject *value,
                                                           lcpy_class class_of)
{
    lcpy_array array;
    bool readonly = false;
    lcpy_written written =
        class_of == LCPY_NDARRAY ? inspect_array(e, value, &readonly) : LCPY_DONE;
    if (written != LCPY_DONE)
        return written;
    written = class_of == LCPY_NDARRAY ? check_order(e, value) : LCPY_DONE;
    if (written != LCPY_DONE)
        return written;
    written = lcpy_array_open(e->state, &array, value, true);
    if (written == LCPY_NOT_EXACT)
        return refuse(e, value, "an array whose elements are no plain data");
    if (written == LCPY_ERROR)
        return written;
    if (readonly)
        locache_cbor_write_tag(e->body, LOCACHE_TAG_READONLY);
    e->out->arrays = true;
    lcpy_array_write_head(e->body, &array);
    written = encode_view(e, &array.view);
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

/* What holds no other objects of the result. */
static lcpy_written encode_leaf(encoder *e, PyObject *value, lcpy_shape shape, lcpy_class class_of)
{
    if (e->hashed > 0 && is_nan(value, class_of))
        return refuse(e, value, "a NaN as dict key or set member");
    lcpy_written written = shape == LCPY_SHAPE_NPSCALAR
                               ? lcpy_npscalar_write(e->body, value)
                               : lcpy_scalar_write(e->body, value, class_of);
    return written == LCPY_NOT_EXACT ? refuse(e, value, "a value that its plain form cannot hold")
                                     : written;
}

static lcpy_written encode_shape(encoder *e, PyObject *value, lcpy_shape shape, lcpy_class class_of)
{
    switch (shape) {
    case LCPY_SHAPE_LIST:
        return encode_list(e, value);
    case LCPY_SHAPE_DICT:
        return encode_dict(e, value);
    case LCPY_SHAPE_TUPLE:
        return encode_tuple(e, value);
    case LCPY_SHAPE_SET:
        return encode_set(e, value, LOCACHE_TAG_SET);
    case LCPY_SHAPE_FROZENSET:
        return encode_set(e, value, LOCACHE_TAG_FROZENSET);
    case LCPY_SHAPE_BYTEARRAY:
        locache_cbor_write_tag(e->body, LOCACHE_TAG_BYTEARRAY);
        return encode_bytes(e, value);
    case LCPY_SHAPE_BYTES:
        return encode_bytes(e, value);
    case LCPY_SHAPE_ARRAY:
        return encode_array(e, value, class_of);
    case LCPY_SHAPE_STR:
        return PyUnicode_GET_LENGTH(value) >= LCPY_TEXT_MIN
                   ? lcpy_text_write(e->out, value)
                   : encode_leaf(e, value, shape, class_of);
    case LCPY_SHAPE_SCALAR:
    case LCPY_SHAPE_NPSCALAR:
        return encode_leaf(e, value, shape, class_of);
    case LCPY_SHAPE_OTHER:
        break;
    }
    return refuse(e, value, "an object of a class that has no plain form");
}

/* To what has been written, or is being written around this: a decoder can tie a cycle through
 * lists and dicts alone, which it has before their items. */
static lcpy_written encode_reference(encoder *e, const lcpy_seen *met, lcpy_shape shape)
{
    if (met->open && shape != LCPY_SHAPE_LIST && shape != LCPY_SHAPE_DICT)
        return refuse(e, met->object, "a cycle that only pickle can tie");
    locache_cbor_write_tag(e->body, LOCACHE_TAG_REFERENCE);
    locache_cbor_write_uint(e->body, (uint64_t)met->number);
    /* Without wrapping round: it may double with each level. */
    e->expanded =
        e->expanded > UINT64_MAX - met->expansion ? UINT64_MAX : e->expanded + met->expansion;
    return LCPY_DONE;
}

/* The first of several times: under a SHARED tag, which is numbered. */
static lcpy_written encode_shared(encoder *e, lcpy_seen *met, lcpy_shape shape, lcpy_class class_of)
{
    met->number = e->numbers++;
    met->open = true;
    locache_cbor_write_tag(e->body, LOCACHE_TAG_SHARED);
    size_t start = e->body->length;
    uint64_t before = e->expanded;
    lcpy_written written = encode_shape(e, met->object, shape, class_of);
    met->open = false;
    /* Known from here on; a reference from within, a cycle, counts nothing. */
    met->expansion = e->body->length - start + (e->expanded - before);
    return written;
}

/* Any object: by reference if it was written before, and under a SHARED tag if it will be met
 * again. */
static lcpy_written encode_value(encoder *e, PyObject *value)
{
    lcpy_class class_of;
    lcpy_shape shape = lcpy_shape_of(e->state, &class_of, value);
    if (shape == LCPY_SHAPE_SCALAR)
        return encode_leaf(e, value, shape, class_of);
    lcpy_seen *met = lcpy_shared_get(&e->shared, value, shape);
    if (met != NULL && met->number >= 0)
        return encode_reference(e, met, shape);
    /* Tags count: at most SHARED, the container's own, and its array. */
    if (e->depth + 3 + LEAF_DEPTH > LOCACHE_DEPTH_MAX)
        return refuse(e, value, "nesting deeper than entries hold");
    int levels = 1 + (met != NULL) + (shape != LCPY_SHAPE_LIST && shape != LCPY_SHAPE_DICT);
    e->depth += levels;
    lcpy_written written = met != NULL ? encode_shared(e, met, shape, class_of)
                                       : encode_shape(e, value, shape, class_of);
    e->depth -= levels;
    return written;
}

static lcpy_written encode_plain(encoder *e, PyObject *value)
{
    /* The second reference, beside those that lead to it (lcpy_shared_find). */
    Py_INCREF(value);
    lcpy_written written = lcpy_shared_find(&e->shared, value);
    if (written == LCPY_DONE)
        written = encode_value(e, value);
    Py_DECREF(value);
    if (written == LCPY_DONE && locache_cbor_writer_status(e->body) != LOCACHE_OK) {
        /* the one thing that fails it: every text that is written comes from a str */
        PyErr_NoMemory();
        written = LCPY_ERROR;
    }
    return written;
}

/* The obstacle is kept until here: only the caller knows whether pickle may do it. */
int lcpy_encode(lcpy_state *state, lcpy_encoded *out, PyObject *value, int plain_only)
{
    *out = (lcpy_encoded){.codec = LOCACHE_CODEC_CBOR};
    locache_cbor_writer_init(&out->body, NULL, 0);
    encoder e = {.state = state, .out = out, .body = &out->body, .plain_only = plain_only};
    e.shared = (lcpy_shared){.state = state, .obstacle = &e.obstacle};
    lcpy_written written = encode_plain(&e, value);
    if (written == LCPY_NOT_EXACT) {
        /* What was written so far is of no use: pickle begins anew. */
        lcpy_encoded_clear(out);
        written = LCPY_ERROR;
        if (plain_only)
            PyErr_Format(PyExc_TypeError,
                         "the result cannot be stored without pickle: it holds %s (%.200s)",
                         e.obstacle.why, e.obstacle.type->tp_name);
        else if (lcpy_pickle_encode(state, out, value) == 0)
            written = LCPY_DONE;
    }
    if (written != LCPY_DONE)
        lcpy_encoded_clear(out);
    lcpy_shared_clear(&e.shared);
    Py_XDECREF((PyObject *)e.obstacle.type);
    return written == LCPY_DONE ? 0 : -1;
}
