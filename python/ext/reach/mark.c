/* Objects that somebody may change in place where no pointer or buffer shows it.
 *
 * polars keeps its columns out of Python's sight: a small frame is known by its key, a larger one
 * by its size and the names of its columns. torch counts the changes of a tensor itself. What is
 * registered with an abstract class is counted by abc, for all classes together. */
#include "reach/mark.h"

#include "key/key.h"
#include "plain/names.h"
#include "plain/types.h"

/* Bytes of a frame that is read at each call, as of a buffer: some ten microseconds. */
#define FRAME_MAX (16 * 1024)

static bool is_polars(lcpy_state *state, PyObject *object)
{
    lcpy_class kind = lcpy_types_classify(state, Py_TYPE(object));
    return kind == LCPY_POLARS_FRAME || kind == LCPY_POLARS_SERIES;
}

bool lcpy_mark_is_abstract(PyObject *class)
{
    return PyType_Check(class) && lcpy_names_is_of(class, "abc", "ABCMeta");
}

PyObject *lcpy_mark_registrations(void)
{
    return Py_XNewRef(lcpy_names_loaded("_abc", "get_cache_token"));
}

bool lcpy_mark_is_for(lcpy_state *state, PyObject *object)
{
    return is_polars(state, object) || lcpy_names_is_of(object, "torch", "Tensor");
}

static PyObject *digest_of(lcpy_state *state, PyObject *object)
{
    unsigned char room[512];
    locache_id id;
    locache_cbor_writer key;
    PyObject *digest = NULL;
    locache_cbor_writer_init(&key, room, sizeof room);
    if (lcpy_key_write(state, &key, object) == 0 &&
        locache_cbor_writer_status(&key) == LOCACHE_OK) {
        locache_id_of(&id, key.data, key.length);
        digest = PyBytes_FromStringAndSize((const char *)id.bytes, sizeof id.bytes);
    }
    locache_cbor_writer_clear(&key);
    return digest;
}

static PyObject *pair_of(PyObject *object, const char *one, const char *other)
{
    PyObject *a = PyObject_GetAttrString(object, one);
    PyObject *b = a != NULL ? PyObject_GetAttrString(object, other) : NULL;
    PyObject *pair = b != NULL ? PyTuple_Pack(2, a, b) : NULL;
    Py_XDECREF(b);
    Py_XDECREF(a);
    return pair;
}

static PyObject *mark_of_polars(lcpy_state *state, PyObject *object)
{
    PyObject *told = PyObject_CallMethod(object, "estimated_size", NULL);
    long long size = told != NULL ? PyLong_AsLongLong(told) : -1;
    Py_XDECREF(told);
    if (size < 0)
        return NULL;
    if (size <= FRAME_MAX)
        return digest_of(state, object);
    return lcpy_types_classify(state, Py_TYPE(object)) == LCPY_POLARS_FRAME
               ? pair_of(object, "shape", "columns")
               : pair_of(object, "shape", "name");
}

static PyObject *mark_of_tensor(PyObject *object)
{
    PyObject *version = PyObject_GetAttrString(object, "_version");
    PyObject *place = version != NULL ? PyObject_CallMethod(object, "data_ptr", NULL) : NULL;
    PyObject *shape = place != NULL ? PyObject_GetAttrString(object, "shape") : NULL;
    PyObject *mark = shape != NULL ? PyTuple_Pack(3, version, place, shape) : NULL;
    Py_XDECREF(shape);
    Py_XDECREF(place);
    Py_XDECREF(version);
    return mark;
}

PyObject *lcpy_mark_of(lcpy_state *state, PyObject *object)
{
    return is_polars(state, object) ? mark_of_polars(state, object) : mark_of_tensor(object);
}
