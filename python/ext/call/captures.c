/* Captured variables: which of them count, what each counts as, and which are state. */
#include "call/captures.h"

#include <opcode.h>

#include "call/plan.h"
#include "plain/compat.h"

/* Does the code assign to the free variable with this number? 1, 0, or -1 with an exception. */
static int rebinds(PyCodeObject *code, unsigned index)
{
    PyObject *bytecode = PyObject_GetAttrString((PyObject *)code, "co_code");
    if (bytecode == NULL)
        return -1;
    const unsigned char *at = (const unsigned char *)PyBytes_AS_STRING(bytecode);
    Py_ssize_t size = PyBytes_GET_SIZE(bytecode);
    int found = 0;
    unsigned extended = 0;
    for (Py_ssize_t i = 0; i + 1 < size && !found; i += 2) {
        unsigned argument = extended << 8 | at[i + 1];
        extended = at[i] == EXTENDED_ARG ? argument : 0;
        found = (at[i] == STORE_DEREF || at[i] == DELETE_DEREF) && argument == index;
    }
    Py_DECREF(bytecode);
    return found;
}

static int is_left_out(PyObject *name, PyObject *ignored)
{
    return ignored != NULL ? PySet_Contains(ignored, name) : 0;
}

/* 1 where the variable stays out of every key, 0 where not, -1 with an exception. */
static int never_counts(PyCodeObject *code, Py_ssize_t n, PyObject *name, PyObject *ignored)
{
    if (PyUnicode_CompareWithASCIIString(name, "__class__") == 0)
        return 1;
    int skip = is_left_out(name, ignored);
    return skip != 0 ? skip : rebinds(code, lcpy_compat_first_free(code) + (unsigned)n);
}

static int add_function(lcpy_captures *captures, PyObject *function, PyObject *wrapped,
                        PyObject *ignored)
{
    PyCodeObject *code = (PyCodeObject *)PyFunction_GET_CODE(function);
    PyObject *cells = PyFunction_GET_CLOSURE(function);
    PyObject *names = PyObject_GetAttrString((PyObject *)code, "co_freevars");
    if (names == NULL)
        return -1;
    int status = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names) && status == 0; i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        int skip = never_counts(code, i, name, ignored);
        if (skip != 0) {
            status = skip < 0 ? -1 : 0;
            continue;
        }
        lcpy_capture *capture = &captures->items[captures->count++];
        capture->name = Py_NewRef(name);
        capture->cell = Py_NewRef(PyTuple_GET_ITEM(cells, i));
        capture->wrapped = Py_XNewRef(wrapped);
        capture->label = lcpy_plan_label(name);
        status = capture->label != NULL ? 0 : -1;
    }
    Py_DECREF(names);
    return status;
}

static Py_ssize_t cell_count(PyObject *function)
{
    PyObject *cells = PyFunction_GET_CLOSURE(function);
    return cells != NULL ? PyTuple_GET_SIZE(cells) : 0;
}

int lcpy_captures_init(lcpy_captures *out, PyObject *functions, PyObject *ignored)
{
    *out = (lcpy_captures){0};
    Py_ssize_t count = 0;
    Py_ssize_t depth = PyTuple_GET_SIZE(functions);
    for (Py_ssize_t i = 0; i < depth; i++)
        count += cell_count(PyTuple_GET_ITEM(functions, i));
    /* One more for lcpy_captures_add(). */
    out->items = PyMem_Calloc((size_t)count + 1, sizeof *out->items);
    if (out->items == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < depth; i++) {
        PyObject *function = PyTuple_GET_ITEM(functions, i);
        PyObject *wrapped = i + 1 < depth ? PyTuple_GET_ITEM(functions, i + 1) : NULL;
        if (cell_count(function) > 0 && add_function(out, function, wrapped, ignored) < 0)
            return -1;
    }
    return 0;
}

int lcpy_captures_add(lcpy_captures *captures, PyObject *name, PyObject *object, PyObject *ignored)
{
    int skip = is_left_out(name, ignored);
    if (skip != 0)
        return skip < 0 ? -1 : 0;
    lcpy_capture *capture = &captures->items[captures->count++];
    capture->name = Py_NewRef(name);
    capture->cell = PyCell_New(object);
    capture->added = true;
    capture->label = lcpy_plan_label(name);
    return capture->cell != NULL && capture->label != NULL ? 0 : -1;
}

void lcpy_captures_forget(lcpy_captures *captures)
{
    for (Py_ssize_t i = 0; i < captures->count; i++) {
        Py_CLEAR(captures->items[i].encoded);
        Py_CLEAR(captures->items[i].seen);
    }
}

void lcpy_captures_clear(lcpy_captures *captures)
{
    lcpy_captures old = *captures;
    *captures = (lcpy_captures){0};
    for (Py_ssize_t i = 0; i < old.count; i++) {
        Py_CLEAR(old.items[i].name);
        Py_CLEAR(old.items[i].label);
        Py_CLEAR(old.items[i].cell);
        Py_CLEAR(old.items[i].wrapped);
        Py_CLEAR(old.items[i].seen);
        Py_CLEAR(old.items[i].encoded);
    }
    PyMem_Free(old.items);
}

int lcpy_captures_traverse(lcpy_captures *captures, visitproc visit, void *arg)
{
    for (Py_ssize_t i = 0; i < captures->count; i++) {
        Py_VISIT(captures->items[i].cell);
        Py_VISIT(captures->items[i].wrapped);
        Py_VISIT(captures->items[i].seen);
    }
    return 0;
}

/* Encode the object that the variable is bound to. LOCACHE_TAG_DEFAULT, which no value encodes
 * like, stands for nothing and for object(), which is only ever compared with. */
static PyObject *encode_captured(lcpy_state *state, PyObject *value)
{
    unsigned char room[512]; /* bytes: more go to the heap */
    locache_writer writer;
    locache_writer_init(&writer, room, sizeof room);
    PyObject *encoded = NULL;
    if (value != NULL && !Py_IS_TYPE(value, &PyBaseObject_Type)) {
        if (lcpy_key_write(state, &writer, value) < 0)
            goto done;
    } else {
        locache_write_tag(&writer, LOCACHE_TAG_DEFAULT);
        locache_write_null(&writer);
    }
    if (locache_writer_status(&writer) != LOCACHE_OK) {
        PyErr_NoMemory();
        goto done;
    }
    encoded = PyBytes_FromStringAndSize((const char *)writer.data, (Py_ssize_t)writer.length);
done:
    locache_writer_clear(&writer);
    return encoded;
}

/* Nothing can change it. */
static bool is_constant(PyObject *value)
{
    return value == NULL || value == Py_None || PyUnicode_CheckExact(value) ||
           PyBytes_CheckExact(value) || PyLong_CheckExact(value) || PyFloat_CheckExact(value) ||
           PyBool_Check(value);
}

static bool is_recursion(const lcpy_captures *captures)
{
    return captures->running > 0 && captures->thread == PyThread_get_thread_ident();
}

/* The encoding of what the cell holds now; new reference. Other threads may do the same while
 * Python code runs here. */
static PyObject *encode_current(lcpy_state *state, lcpy_captures *captures, lcpy_capture *capture,
                                PyObject *value)
{
    if (capture->encoded != NULL && capture->seen == value &&
        (capture->is_state || is_recursion(captures) || is_constant(value)))
        return Py_NewRef(capture->encoded);
    Py_XINCREF(value);
    PyObject *encoded = encode_captured(state, value);
    if (encoded == NULL) {
        Py_XDECREF(value);
        return NULL;
    }
    PyObject *old_encoded = capture->encoded;
    PyObject *old_seen = capture->seen;
    capture->encoded = Py_NewRef(encoded);
    capture->seen = value;
    capture->is_state = capture->is_state && old_seen == value;
    Py_XDECREF(old_encoded);
    Py_XDECREF(old_seen);
    return encoded;
}

int lcpy_captures_write(lcpy_state *state, lcpy_captured *out, lcpy_captures *captures,
                        PyObject *own, PyObject *function, PyObject **culprit)
{
    for (Py_ssize_t i = 0; i < captures->count; i++) {
        lcpy_capture *capture = &captures->items[i];
        PyObject *value = PyCell_GET(capture->cell);
        if (value != NULL && !capture->added &&
            (value == own || value == function || value == capture->wrapped))
            continue;
        PyObject *encoded = encode_current(state, captures, capture, value);
        if (encoded == NULL) {
            *culprit = Py_NewRef(capture->name);
            return -1;
        }
        locache_write_raw(&out->writer, PyBytes_AS_STRING(capture->label),
                          (size_t)PyBytes_GET_SIZE(capture->label));
        locache_write_raw(&out->writer, PyBytes_AS_STRING(encoded),
                          (size_t)PyBytes_GET_SIZE(encoded));
        Py_DECREF(encoded);
        out->count++;
    }
    return 0;
}

void lcpy_captures_begin(lcpy_captures *captures)
{
    captures->running++;
    captures->thread = PyThread_get_thread_ident();
}

/* Has the object that was seen changed since? What cannot be encoded any more has. 1, 0, or -1 as
 * lcpy_captures_end(). */
static int has_changed(lcpy_state *state, lcpy_capture *capture)
{
    PyObject *before = Py_NewRef(capture->encoded);
    PyObject *seen = Py_NewRef(capture->seen);
    PyObject *now = encode_captured(state, seen);
    int result = now != NULL ? PyObject_RichCompareBool(before, now, Py_NE)
                 : PyErr_ExceptionMatches(PyExc_Exception) ? 1
                                                           : -1;
    if (result >= 0) {
        PyErr_Clear();
        /* else another thread saw the variable bound to another object */
        result = result && capture->seen == seen;
    }
    Py_XDECREF(now);
    Py_DECREF(seen);
    Py_DECREF(before);
    return result;
}

int lcpy_captures_end(lcpy_state *state, lcpy_captures *captures)
{
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    int status = 0;
    for (Py_ssize_t i = 0; i < captures->count && status == 0; i++) {
        lcpy_capture *capture = &captures->items[i];
        if (capture->encoded == NULL || capture->is_state || is_constant(capture->seen))
            continue;
        int changed = has_changed(state, capture);
        status = changed < 0 ? -1 : 0;
        capture->is_state = capture->is_state || changed > 0;
    }
    captures->running--;
    if (status == 0) {
        PyErr_Restore(type, value, traceback);
        return 0;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return -1;
}
