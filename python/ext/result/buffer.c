/* Memory of results as read: one block for the body and its out-of-line buffers, which lives as
 * long as the last array that lies in it. Nothing is copied on the way from the file to the array.
 *
 * An array of NumPy holds the object that gave it its memory: a small one of a type of our own,
 * which holds the block. The decoder holds it, too, while it reads. */
#include "result/buffer.h"

/* Refers to no object but its type, so that the garbage collector need not know it. */
typedef struct buffer {
    PyObject_HEAD
    lcpy_owner *owner; /* or NULL, and */
    PyObject *keeper;  /* what has the memory */
    void *data;
    Py_ssize_t size;
} buffer;

lcpy_owner *lcpy_buffer_owner_new(locache_value *value)
{
    lcpy_owner *owner = PyMem_Malloc(sizeof *owner);
    if (owner == NULL) {
        locache_value_free(value);
        PyErr_NoMemory();
        return NULL;
    }
    owner->holders = 1;
    owner->value = value;
    return owner;
}

void lcpy_buffer_owner_release(lcpy_owner *owner)
{
    if (--owner->holders > 0)
        return;
    locache_value_free(owner->value);
    PyMem_Free(owner);
}

/* An instance of a heap type holds its type. */
static void buffer_dealloc(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    buffer *exporter = (buffer *)self;
    if (exporter->owner != NULL)
        lcpy_buffer_owner_release(exporter->owner);
    Py_XDECREF(exporter->keeper);
    type->tp_free(self);
    Py_DECREF(type);
}

/* Writable: the memory is a private copy of the file, or a private mapping of it. */
static int buffer_export(PyObject *self, Py_buffer *view, int flags)
{
    buffer *exporter = (buffer *)self;
    return PyBuffer_FillInfo(view, self, exporter->data, exporter->size, 0, flags);
}

static Py_ssize_t buffer_length(PyObject *self)
{
    return ((buffer *)self)->size;
}

static PyTypeObject *make_buffer_type(void)
{
    PyType_Slot slots[] = {
        {Py_tp_doc, "Memory of a result that locache read."},
        {Py_tp_dealloc, LCPY_SLOT(buffer_dealloc)},
        {Py_bf_getbuffer, LCPY_SLOT(buffer_export)},
        {Py_sq_length, LCPY_SLOT(buffer_length)},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = "locache._core.Buffer",
        .basicsize = (int)sizeof(buffer),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
        .slots = slots,
    };
    return (PyTypeObject *)PyType_FromSpec(&spec);
}

/* Whose memory it is, the caller says. */
static buffer *make_buffer(lcpy_state *state, void *data, size_t size)
{
    if (size > PY_SSIZE_T_MAX)
        return (buffer *)PyErr_NoMemory();
    /* Made at the first need: most programs have no large arrays. */
    if (state->buffer_type == NULL && (state->buffer_type = make_buffer_type()) == NULL)
        return NULL;
    buffer *self = PyObject_New(buffer, state->buffer_type);
    if (self == NULL)
        return NULL;
    self->owner = NULL;
    self->keeper = NULL;
    self->data = data;
    self->size = (Py_ssize_t)size;
    return self;
}

PyObject *lcpy_buffer_new(lcpy_state *state, lcpy_owner *owner, void *data, size_t size)
{
    buffer *self = make_buffer(state, data, size);
    if (self == NULL)
        return NULL;
    owner->holders++;
    self->owner = owner;
    return (PyObject *)self;
}

PyObject *lcpy_buffer_over(lcpy_state *state, PyObject *keeper, void *data, size_t size)
{
    buffer *self = make_buffer(state, data, size);
    if (self != NULL)
        self->keeper = Py_NewRef(keeper);
    return (PyObject *)self;
}

locache_value *lcpy_buffer_value(lcpy_memory *out, const lcpy_state *state, PyObject *object)
{
    const buffer *self = (const buffer *)object;
    if (state->buffer_type == NULL || Py_TYPE(object) != state->buffer_type || self->owner == NULL)
        return NULL;
    *out = (lcpy_memory){.data = self->data, .size = (size_t)self->size};
    return self->owner->value;
}

PyObject *lcpy_buffer_nth(lcpy_state *state, lcpy_owner *owner, size_t n)
{
    lcpy_memory memory = lcpy_buffer_of(owner->value, n);
    return lcpy_buffer_new(state, owner, memory.data, memory.size);
}

/* Only the next one: a body that names a buffer twice would share memory between two arrays, and
 * one that skips some would hold memory that nothing uses. */
bool lcpy_buffer_take(size_t *n, lcpy_buffer_source *from, locache_cbor_reader *reader)
{
    locache_cbor_item item;

    if (locache_cbor_read(&item, reader) != LOCACHE_OK || item.kind != LOCACHE_KIND_UINT ||
        item.number != from->used || from->used >= locache_value_buffer_count(from->value))
        return false;
    *n = from->used++;
    return true;
}

/* Short arrays lie in the body, long ones behind it; who reads one need not know which. */
bool lcpy_buffer_read(lcpy_memory *out, size_t *n, lcpy_buffer_source *from,
                      locache_cbor_reader *reader)
{
    locache_cbor_item item;

    *n = LCPY_BUFFER_INLINE;
    if (locache_cbor_read(&item, reader) != LOCACHE_OK)
        return false;
    if (item.kind == LOCACHE_KIND_BYTES) {
        *out = (lcpy_memory){.data = (void *)(uintptr_t)item.data, .size = item.size};
    } else {
        if (item.kind != LOCACHE_KIND_TAG || item.number != LOCACHE_TAG_BUFFER ||
            !lcpy_buffer_take(n, from, reader))
            return false;
        *out = lcpy_buffer_of(from->value, *n);
    }
    return out->size <= PY_SSIZE_T_MAX;
}

/* The owner is made at the first need: a result without arrays out of line frees its value at
 * once. */
PyObject *lcpy_buffer_lend(lcpy_buffer_source *from, size_t n)
{
    if (from->owner == NULL) {
        locache_value *value = from->value;

        from->value = NULL; /* gone even where this fails */
        if ((from->owner = lcpy_buffer_owner_new(value)) == NULL)
            return NULL;
        from->value = value; /* the owner's: to be read, no longer to be freed here */
    }
    return lcpy_buffer_nth(from->state, from->owner, n);
}

void lcpy_buffer_source_clear(lcpy_buffer_source *from)
{
    if (from->owner != NULL)
        lcpy_buffer_owner_release(from->owner);
    else
        locache_value_free(from->value);
}
