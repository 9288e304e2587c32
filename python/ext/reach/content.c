/* What values hold that somebody may change in place: taken down once, compared at each call. */
#include "reach/content.h"

#include <string.h>

#include "plain/compat.h"
#include "reach/mark.h"

/* Items of all containers together that are compared at each call: a microsecond or two. */
#define ITEMS_MAX 1000
/* Bytes of a buffer that are compared at each call: a quarter of a microsecond. Of all buffers: as
 * long as the items take. */
#define BUFFER_MAX (16 * 1024)
#define BYTES_MAX (128 * 1024)
/* As many items as a mark takes as long as. */
#define MARK_COST 50
/* What is looked at for more to look at: bounds the time for tuples of tuples. */
#define QUEUE_MAX (4 * ITEMS_MAX)

/* --------------------------------------------------------------------------------- what is held */

/* The instance's own dict, where it has one: new reference, or NULL. */
static PyObject *instance_dict(PyObject *object)
{
    PyObject *dict = Py_TYPE(object)->tp_dictoffset != 0 || lcpy_compat_has_dict(object)
                         ? PyObject_GenericGetDict(object, NULL)
                         : NULL;
    PyErr_Clear();
    if (dict != NULL && !PyDict_Check(dict))
        Py_CLEAR(dict);
    return dict;
}

static PyObject *items_of_dict(PyObject *dict)
{
    PyObject *items = PyTuple_New(2 * PyDict_GET_SIZE(dict));
    PyObject *key;
    PyObject *value;
    Py_ssize_t at = 0;
    Py_ssize_t n = 0;
    while (items != NULL && n + 1 < PyTuple_GET_SIZE(items) &&
           PyDict_Next(dict, &at, &key, &value)) {
        PyTuple_SET_ITEM(items, n++, Py_NewRef(key));
        PyTuple_SET_ITEM(items, n++, Py_NewRef(value));
    }
    return items;
}

static PyObject *items_of_instance(PyObject *object)
{
    PyObject *dict = instance_dict(object);
    PyObject *items = dict != NULL ? items_of_dict(dict) : NULL;
    Py_XDECREF(dict);
    return items;
}

/* The bytes of a buffer in whatever layout; NULL where it is too large or gives none. */
static PyObject *bytes_of_buffer(PyObject *object)
{
    Py_buffer view;
    PyObject *bytes = NULL;
    if (PyObject_GetBuffer(object, &view, PyBUF_FULL_RO) < 0) {
        PyErr_Clear();
        return NULL;
    }
    if (view.len <= BUFFER_MAX)
        bytes = PyBytes_FromStringAndSize(NULL, view.len);
    if (bytes != NULL && PyBuffer_ToContiguous(PyBytes_AS_STRING(bytes), &view, view.len, 'C') < 0)
        Py_CLEAR(bytes);
    PyErr_Clear();
    PyBuffer_Release(&view);
    return bytes;
}

static int append_referent(PyObject *referent, void *list)
{
    return PyList_Append(list, referent);
}

static PyObject *referents_of(PyObject *object)
{
    PyObject *list = PyList_New(0);
    if (list != NULL && Py_TYPE(object)->tp_traverse(object, append_referent, list) != 0)
        Py_CLEAR(list);
    PyObject *items = list != NULL ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return items;
}

/* NULL where that cannot be seen, perhaps with an exception. */
static PyObject *take_items(lcpy_state *state, PyObject *object, lcpy_content_kind kind)
{
    switch (kind) {
    case LCPY_CONTENT_DICT:
        return items_of_dict(object);
    case LCPY_CONTENT_LIST:
        return PyList_AsTuple(object);
    case LCPY_CONTENT_SET:
    case LCPY_CONTENT_ORDER:
        return PySequence_Tuple(object);
    case LCPY_CONTENT_BUFFER:
        return bytes_of_buffer(object);
    case LCPY_CONTENT_ATTRIBUTES:
        return items_of_instance(object);
    case LCPY_CONTENT_REFERENTS:
        return referents_of(object);
    case LCPY_CONTENT_MARK:
        return lcpy_mark_of(state, object);
    }
    return NULL;
}

/* ----------------------------------------------------------------------------------- taken down */

/* A container's size, so that what is not compared is not copied either. */
static Py_ssize_t size_of(PyObject *object, lcpy_content_kind kind)
{
    return kind == LCPY_CONTENT_DICT   ? PyDict_GET_SIZE(object)
           : kind == LCPY_CONTENT_LIST ? PyList_GET_SIZE(object)
           : kind == LCPY_CONTENT_SET  ? PySet_GET_SIZE(object)
                                       : 0;
}

static void set_items(lcpy_content *content, PyObject *items)
{
    Py_XSETREF(content->items, Py_NewRef(items));
    content->versioned = content->kind == LCPY_CONTENT_DICT &&
                         lcpy_compat_dict_version(&content->version, content->object);
}

/* Room for one more, doubled where the number is a power of two. */
static lcpy_content *next_content(lcpy_contents *contents)
{
    Py_ssize_t count = contents->count;
    lcpy_content *all = contents->all;
    if (count == 0 || (count & (count - 1)) == 0)
        all = PyMem_Realloc(all, (size_t)(count > 0 ? 2 * count : 1) * sizeof *all);
    if (all == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    contents->all = all;
    return &all[contents->count];
}

static bool is_changing_function(const PyTypeObject *type)
{
    /* What they note down of their calls is their own. */
    return strcmp(type->tp_name, "functools._lru_cache_wrapper") == 0 ||
           strncmp(type->tp_name, "locache.", 8) == 0;
}

/* What nobody changes, or what is looked at elsewhere, or has no value. */
static bool is_settled(PyObject *value)
{
    return value == Py_None || PyUnicode_CheckExact(value) || PyBytes_CheckExact(value) ||
           PyLong_CheckExact(value) || PyFloat_CheckExact(value) || PyBool_Check(value) ||
           PyComplex_CheckExact(value) || PyFunction_Check(value) || PyType_Check(value) ||
           PyModule_Check(value) || PyCFunction_Check(value) || PyGen_Check(value) ||
           PyCoro_CheckExact(value) || PyCode_Check(value) || is_changing_function(Py_TYPE(value));
}

static int push_each(lcpy_contents *contents, PyObject *tuple)
{
    int status = 0;
    for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(tuple); i++)
        if (!is_settled(PyTuple_GET_ITEM(tuple, i)) && PyList_GET_SIZE(contents->queue) < QUEUE_MAX)
            status = PyList_Append(contents->queue, PyTuple_GET_ITEM(tuple, i));
    return status;
}

static int take_as(lcpy_contents *contents, PyObject *object, lcpy_content_kind kind)
{
    if (contents->items + size_of(object, kind) > ITEMS_MAX || contents->bytes > BYTES_MAX)
        return 0;
    PyObject *items = take_items(contents->state, object, kind);
    if (items == NULL)
        return PyErr_Occurred() != NULL ? -1 : 0;
    lcpy_content *content = next_content(contents);
    int status = content != NULL ? 0 : -1;
    if (status == 0) {
        contents->count++;
        *content = (lcpy_content){.object = object, .kind = kind};
        set_items(content, items);
        if (kind == LCPY_CONTENT_MARK) {
            contents->items += MARK_COST;
        } else if (PyTuple_Check(items)) {
            contents->items += 1 + PyTuple_GET_SIZE(items);
            status = push_each(contents, items);
        } else {
            contents->bytes += PyBytes_GET_SIZE(items);
        }
    }
    Py_DECREF(items);
    return status;
}

/* Is all that it holds in its dict, being made of classes without slots? */
static bool is_all_attributes(PyTypeObject *type)
{
    while (PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) && Py_SIZE(type) == 0 &&
           !PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE))
        type = type->tp_base;
    return type == &PyBaseObject_Type;
}

static int push_new(lcpy_contents *contents, PyObject *value)
{
    int status = value != NULL ? PyList_Append(contents->queue, value) : 0;
    PyErr_Clear();
    Py_XDECREF(value);
    return status;
}

/* The arrays of a frame or series, which its blocks do not tell the collector of. */
static int push_blocks(lcpy_contents *contents, PyObject *frame)
{
    PyObject *manager = PyObject_GetAttrString(frame, "_mgr");
    PyObject *blocks = manager != NULL ? PyObject_GetAttrString(manager, "blocks") : NULL;
    int status = 0;
    if (blocks != NULL && PyTuple_Check(blocks))
        for (Py_ssize_t i = 0; status == 0 && i < PyTuple_GET_SIZE(blocks); i++)
            status =
                push_new(contents, PyObject_GetAttrString(PyTuple_GET_ITEM(blocks, i), "values"));
    PyErr_Clear();
    Py_XDECREF(blocks);
    Py_XDECREF(manager);
    return status;
}

static bool is_named_type(const PyTypeObject *type, const char *name)
{
    const char *dot = strrchr(type->tp_name, '.');
    return strcmp(dot != NULL ? dot + 1 : type->tp_name, name) == 0;
}

static bool gives_buffer(PyObject *object)
{
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_FULL_RO) < 0) {
        PyErr_Clear();
        return false;
    }
    PyBuffer_Release(&view);
    return true;
}

/* A buffer; of an array of times, which gives none, what it holds as numbers. Not of one that is
 * too large: so is each view of it. */
static int take_buffer(lcpy_contents *contents, PyObject *object)
{
    Py_ssize_t before = contents->count;
    int status = take_as(contents, object, LCPY_CONTENT_BUFFER);
    return status == 0 && contents->count == before && is_named_type(Py_TYPE(object), "ndarray") &&
                   !gives_buffer(object)
               ? push_new(contents, PyObject_CallMethod(object, "view", "s", "i8"))
               : status;
}

/* What cannot be asked, as a tensor that has no memory, is left out. */
static int take_mark(lcpy_contents *contents, PyObject *object)
{
    int status = take_as(contents, object, LCPY_CONTENT_MARK);
    if (status < 0 && PyErr_ExceptionMatches(PyExc_Exception)) {
        PyErr_Clear();
        status = 0;
    }
    return status;
}

static int take_object(lcpy_contents *contents, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    if (lcpy_mark_is_for(contents->state, object))
        return take_mark(contents, object);
    int status = take_as(contents, object, LCPY_CONTENT_ATTRIBUTES);
    if (status == 0 && PyObject_CheckBuffer(object))
        return take_buffer(contents, object);
    if (status == 0 && (is_named_type(type, "DataFrame") || is_named_type(type, "Series")))
        status = push_blocks(contents, object);
    return status == 0 && type->tp_traverse != NULL && PyObject_IS_GC(object) &&
                   !is_all_attributes(type)
               ? take_as(contents, object, LCPY_CONTENT_REFERENTS)
               : status;
}

static int take_one(lcpy_contents *contents, PyObject *value)
{
    lcpy_content_kind kind = PyDict_Check(value)     ? LCPY_CONTENT_DICT
                             : PyList_Check(value)   ? LCPY_CONTENT_LIST
                             : PyAnySet_Check(value) ? LCPY_CONTENT_SET
                                                     : LCPY_CONTENT_REFERENTS;
    if (PyTuple_CheckExact(value))
        return push_each(contents, value);
    if (PyWeakref_CheckRef(value)) {
        PyObject *referent = lcpy_compat_referent(value);
        int status = referent != NULL && !is_settled(referent)
                         ? PyList_Append(contents->queue, referent)
                         : 0;
        Py_XDECREF(referent);
        return status;
    }
    if (kind == LCPY_CONTENT_REFERENTS)
        return take_object(contents, value);
    int status = take_as(contents, value, kind);
    if (status == 0 && PyODict_Check(value) && Py_TYPE(value)->tp_iter == PyODict_Type.tp_iter)
        status = take_as(contents, value, LCPY_CONTENT_ORDER);
    return status == 0 ? take_as(contents, value, LCPY_CONTENT_ATTRIBUTES) : status;
}

/* 1 where it is the first time, 0, or -1 with an exception. */
static int is_first(lcpy_contents *contents, PyObject *value)
{
    PyObject *address = PyLong_FromVoidPtr(value);
    Py_ssize_t before = PySet_GET_SIZE(contents->seen);
    int status = address != NULL ? PySet_Add(contents->seen, address) : -1;
    Py_XDECREF(address);
    return status < 0 ? -1 : PySet_GET_SIZE(contents->seen) > before;
}

int lcpy_contents_add(lcpy_contents *contents, PyObject *value)
{
    if (is_settled(value))
        return 0;
    if (contents->queue == NULL && (contents->queue = PyList_New(0)) == NULL)
        return -1;
    return PyList_Append(contents->queue, value);
}

void lcpy_contents_add_class(lcpy_contents *contents, PyObject *class)
{
    if (contents->registrations == NULL && lcpy_mark_is_abstract(class))
        contents->registrations = lcpy_mark_registrations();
}

static int take_token(lcpy_contents *contents)
{
    if (contents->registrations == NULL)
        return 0;
    PyObject *token = PyObject_CallNoArgs(contents->registrations);
    Py_XSETREF(contents->token, token);
    return token != NULL ? 0 : -1;
}

int lcpy_contents_take(lcpy_contents *contents)
{
    if (take_token(contents) < 0)
        return -1;
    if (contents->queue == NULL)
        return 0;
    if (contents->seen == NULL && (contents->seen = PySet_New(NULL)) == NULL)
        return -1;
    int status = 0;
    for (Py_ssize_t i = 0;
         status >= 0 && i < PyList_GET_SIZE(contents->queue) && contents->items < ITEMS_MAX; i++) {
        PyObject *value = PyList_GET_ITEM(contents->queue, i); /* which the queue holds */
        status = is_first(contents, value);
        if (status > 0)
            status = take_one(contents, value);
    }
    Py_CLEAR(contents->seen);
    return status < 0 ? -1 : 0;
}

/* ------------------------------------------------------------------------------------ at a call */

static bool same_items(PyObject *items, PyObject *const *now, Py_ssize_t count)
{
    return PyTuple_GET_SIZE(items) == count &&
           (count == 0 ||
            memcmp(&PyTuple_GET_ITEM(items, 0), now, (size_t)count * sizeof *now) == 0);
}

static bool same_dict(PyObject *items, PyObject *dict)
{
    PyObject *key;
    PyObject *value;
    Py_ssize_t at = 0;
    Py_ssize_t n = 0;
    if (2 * PyDict_GET_SIZE(dict) != PyTuple_GET_SIZE(items))
        return false;
    while (PyDict_Next(dict, &at, &key, &value)) {
        if (PyTuple_GET_ITEM(items, n) != key || PyTuple_GET_ITEM(items, n + 1) != value)
            return false;
        n += 2;
    }
    return true;
}

static bool same_instance(PyObject *items, PyObject *object)
{
    PyObject *dict = instance_dict(object);
    bool same = dict != NULL && same_dict(items, dict);
    Py_XDECREF(dict);
    return same;
}

static bool same_sequence(PyObject *items, PyObject *container, Py_ssize_t size)
{
    PyObject *now = size == PyTuple_GET_SIZE(items) ? PySequence_Tuple(container) : NULL;
    bool same = now != NULL && same_items(items, &PyTuple_GET_ITEM(now, 0), PyTuple_GET_SIZE(now));
    PyErr_Clear();
    Py_XDECREF(now);
    return same;
}

/* Of one that lies together nothing is copied. */
static bool same_buffer(PyObject *bytes, PyObject *object)
{
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_C_CONTIGUOUS) < 0) {
        PyErr_Clear();
        PyObject *now = bytes_of_buffer(object);
        bool same = now != NULL && PyBytes_GET_SIZE(now) == PyBytes_GET_SIZE(bytes) &&
                    memcmp(PyBytes_AS_STRING(now), PyBytes_AS_STRING(bytes),
                           (size_t)PyBytes_GET_SIZE(bytes)) == 0;
        PyErr_Clear();
        Py_XDECREF(now);
        return same;
    }
    bool same = view.len == PyBytes_GET_SIZE(bytes) &&
                memcmp(view.buf, PyBytes_AS_STRING(bytes), (size_t)view.len) == 0;
    PyBuffer_Release(&view);
    return same;
}

typedef struct comparison {
    PyObject *items;
    Py_ssize_t at;
} comparison;

static int compare_referent(PyObject *referent, void *context)
{
    comparison *with = context;
    return with->at == PyTuple_GET_SIZE(with->items) ||
           PyTuple_GET_ITEM(with->items, with->at++) != referent;
}

static bool same_referents(PyObject *items, PyObject *object)
{
    comparison with = {.items = items};
    return Py_TYPE(object)->tp_traverse(object, compare_referent, &with) == 0 &&
           with.at == PyTuple_GET_SIZE(items);
}

static bool same_token(const lcpy_contents *contents)
{
    PyObject *now = PyObject_CallNoArgs(contents->registrations);
    bool same = now != NULL && contents->token != NULL &&
                PyObject_RichCompareBool(now, contents->token, Py_EQ) > 0;
    PyErr_Clear();
    Py_XDECREF(now);
    return same;
}

static bool same_mark(lcpy_state *state, PyObject *mark, PyObject *object)
{
    PyObject *now = lcpy_mark_of(state, object);
    bool same = now != NULL && PyObject_RichCompareBool(now, mark, Py_EQ) > 0;
    PyErr_Clear();
    Py_XDECREF(now);
    return same;
}

static bool same_content(lcpy_state *state, const lcpy_content *content)
{
    PyObject *object = content->object;
    switch (content->kind) {
    case LCPY_CONTENT_DICT:
        return same_dict(content->items, object);
    case LCPY_CONTENT_LIST:
        return same_items(content->items, ((PyListObject *)object)->ob_item,
                          PyList_GET_SIZE(object));
    case LCPY_CONTENT_SET:
        return same_sequence(content->items, object, PySet_GET_SIZE(object));
    case LCPY_CONTENT_ORDER:
        return same_sequence(content->items, object, PyDict_GET_SIZE(object));
    case LCPY_CONTENT_BUFFER:
        return same_buffer(content->items, object);
    case LCPY_CONTENT_ATTRIBUTES:
        return same_instance(content->items, object);
    case LCPY_CONTENT_REFERENTS:
        return same_referents(content->items, object);
    case LCPY_CONTENT_MARK:
        return same_mark(state, content->items, object);
    }
    return false;
}

bool lcpy_contents_hold(lcpy_contents *contents)
{
    uint64_t now;
    if (contents->registrations != NULL && !same_token(contents))
        return false;
    for (Py_ssize_t i = 0; i < contents->count; i++) {
        lcpy_content *content = &contents->all[i];
        if (content->versioned && lcpy_compat_dict_version(&now, content->object) &&
            now == content->version)
            continue;
        if (!same_content(contents->state, content))
            return false;
        if (content->versioned)
            (void)lcpy_compat_dict_version(&content->version, content->object);
    }
    return true;
}

int lcpy_contents_renew(lcpy_contents *contents)
{
    for (Py_ssize_t i = 0; i < contents->count; i++) {
        lcpy_content *content = &contents->all[i];
        PyObject *items = take_items(contents->state, content->object, content->kind);
        if (items == NULL && PyErr_Occurred() != NULL)
            return -1;
        if (items != NULL)
            set_items(content, items);
        Py_XDECREF(items);
    }
    return take_token(contents);
}

/* ------------------------------------------------------------------------------------- lifetime */

void lcpy_contents_clear(lcpy_contents *contents)
{
    lcpy_contents old = *contents;
    *contents = (lcpy_contents){0};
    for (Py_ssize_t i = 0; i < old.count; i++)
        Py_XDECREF(old.all[i].items);
    PyMem_Free(old.all);
    Py_XDECREF(old.queue);
    Py_XDECREF(old.seen);
    Py_XDECREF(old.registrations);
    Py_XDECREF(old.token);
}

int lcpy_contents_traverse(lcpy_contents *contents, visitproc visit, void *arg)
{
    Py_VISIT(contents->queue);
    Py_VISIT(contents->registrations);
    for (Py_ssize_t i = 0; i < contents->count; i++)
        Py_VISIT(contents->all[i].items);
    return 0;
}
