/* Captured variables: which of them count, what each counts as, and which are state. */
#include "call/captures.h"

#include <opcode.h>
#include <string.h>
#include <time.h>

#include "call/plan.h"
#include "plain/compat.h"

/* Does the code assign to the free variable with this number? 1, 0, or -1 with an exception. */
static int rebinds(PyCodeObject *code, unsigned index)
{
    PyObject *bytecode = lcpy_compat_code_bytes((PyObject *)code);
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
    PyObject *names = lcpy_compat_code_free((PyObject *)code);
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
        Py_CLEAR(captures->items[i].after);
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
        Py_CLEAR(old.items[i].after);
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
    locache_cbor_writer writer;
    locache_cbor_writer_init(&writer, room, sizeof room);
    PyObject *encoded = NULL;
    if (value != NULL && !Py_IS_TYPE(value, &PyBaseObject_Type)) {
        if (lcpy_key_write(state, &writer, value) < 0)
            goto done;
    } else {
        locache_cbor_write_tag(&writer, LOCACHE_TAG_DEFAULT);
        locache_cbor_write_null(&writer);
    }
    if (locache_cbor_writer_status(&writer) != LOCACHE_OK) {
        PyErr_NoMemory();
        goto done;
    }
    encoded = PyBytes_FromStringAndSize((const char *)writer.data, (Py_ssize_t)writer.length);
done:
    locache_cbor_writer_clear(&writer);
    return encoded;
}

/* Nothing can change it. */
static bool is_constant(PyObject *value)
{
    return value == NULL || value == Py_None || PyUnicode_CheckExact(value) ||
           PyBytes_CheckExact(value) || PyLong_CheckExact(value) || PyFloat_CheckExact(value) ||
           PyBool_Check(value);
}

/* ----------------------------------------------------------------------------------- at the key */

/* Is the variable no part of the key now? As lcpy_captures_write(). */
static bool is_own(const lcpy_capture *capture, PyObject *value, PyObject *own, PyObject *function)
{
    return value != NULL && !capture->added &&
           (value == own || value == function || value == capture->wrapped);
}

/* What the variable counted as in the run that this call is made in; borrowed, or NULL. */
static PyObject *encoded_around(const lcpy_captures *captures, Py_ssize_t n, PyObject *value)
{
    const lcpy_run *run = captures->last;
    if (run == NULL)
        return NULL;
    unsigned long thread = PyThread_get_thread_ident();
    while (run != NULL && run->thread != thread)
        run = run->before;
    return run != NULL && run->count > n && run->values[n].seen == value ? run->values[n].encoded
                                                                         : NULL;
}

/* Note what an object counts as. Takes the references to `encoded` and `after`. */
static void set_capture(lcpy_capture *capture, PyObject *seen, PyObject *encoded, PyObject *after)
{
    PyObject *old[] = {capture->seen, capture->encoded, capture->after};
    capture->seen = Py_XNewRef(seen);
    capture->encoded = encoded;
    capture->after = after;
    for (size_t i = 0; i < sizeof old / sizeof *old; i++)
        Py_XDECREF(old[i]);
}

static bool same_bytes(PyObject *a, PyObject *b)
{
    return a == b ||
           (PyBytes_GET_SIZE(a) == PyBytes_GET_SIZE(b) &&
            memcmp(PyBytes_AS_STRING(a), PyBytes_AS_STRING(b), (size_t)PyBytes_GET_SIZE(a)) == 0);
}

/* Is the object still what the function made of it? `now` is its encoding, or NULL with an
 * exception. */
static bool is_own_state(const lcpy_capture *capture, PyObject *value, PyObject *now)
{
    if (capture->after == NULL || capture->seen != value)
        return false;
    if (now == NULL)
        return PyBytes_GET_SIZE(capture->after) == 0 && PyErr_ExceptionMatches(PyExc_Exception);
    return same_bytes(capture->after, now);
}

/* What the object that the cell holds now counts as; new reference. Other threads may do the same
 * while Python code runs here. */
static PyObject *encode_current(lcpy_state *state, lcpy_captures *captures, Py_ssize_t n,
                                PyObject *value)
{
    lcpy_capture *capture = &captures->items[n];
    PyObject *around = encoded_around(captures, n, value);
    if (around != NULL)
        return Py_NewRef(around);
    if (capture->encoded != NULL && capture->seen == value && is_constant(value))
        return Py_NewRef(capture->encoded);
    Py_XINCREF(value);
    PyObject *now = encode_captured(state, value);
    if (is_own_state(capture, value, now)) {
        PyErr_Clear();
        Py_XSETREF(now, Py_NewRef(capture->encoded));
    } else if (now != NULL) {
        set_capture(capture, value, Py_NewRef(now), NULL);
    }
    Py_XDECREF(value);
    return now;
}

int lcpy_captures_write(lcpy_state *state, lcpy_captured *out, lcpy_captures *captures,
                        PyObject *own, PyObject *function, PyObject **culprit)
{
    for (Py_ssize_t i = 0; i < captures->count; i++) {
        lcpy_capture *capture = &captures->items[i];
        PyObject *value = PyCell_GET(capture->cell);
        if (is_own(capture, value, own, function))
            continue;
        PyObject *encoded = encode_current(state, captures, i, value);
        if (encoded == NULL) {
            *culprit = Py_NewRef(capture->name);
            return -1;
        }
        locache_cbor_write_raw(&out->writer, PyBytes_AS_STRING(capture->label),
                               (size_t)PyBytes_GET_SIZE(capture->label));
        locache_cbor_write_raw(&out->writer, PyBytes_AS_STRING(encoded),
                               (size_t)PyBytes_GET_SIZE(encoded));
        Py_DECREF(encoded);
        out->count++;
    }
    return 0;
}

/* ------------------------------------------------------------------------------------ whose change
 *
 * An object that is not what it was before the run was changed by the run or by another thread
 * meanwhile. Only where no other thread can have done it is it the function's state. Which objects
 * another thread can reach nobody knows, but whether it ran at all its CPU time says: threads that
 * only wait (a notebook's, a pool's) have none. */

/* More threads than these are not asked: somebody will have run. */
#define THREADS_MAX 64

#define UNKNOWN ((int64_t)-1)

/* CPU time of all other threads that can run Python code, nanoseconds: 0 where there is none,
 * UNKNOWN where it cannot be told. */
static int64_t time_of_others(void)
{
    int64_t sum = 0;
    int left = THREADS_MAX;
    unsigned long self = PyThread_get_thread_ident();
    PyThreadState *thread = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
    for (; thread != NULL; thread = PyThreadState_Next(thread)) {
        struct timespec time;
        clockid_t clock;
        if (thread->thread_id == self)
            continue;
        if (left-- == 0 || !lcpy_compat_thread_clock(&clock, thread) ||
            clock_gettime(clock, &time) != 0)
            return UNKNOWN;
        sum += (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
    }
    return sum;
}

int64_t lcpy_captures_clock(void)
{
    return time_of_others();
}

/* Threads that the run itself began are its own doing where it was alone before. */
bool lcpy_captures_alone_since(int64_t others)
{
    return others == 0 || (others != UNKNOWN && others == time_of_others());
}

/* ---------------------------------------------------------------------------------------- a run */

/* Does the key, up to `end`, end with these? Then *end moves before them. */
static bool take_tail(const unsigned char *key, size_t *end, PyObject *label, PyObject *encoded)
{
    size_t size = (size_t)PyBytes_GET_SIZE(encoded);
    size_t head = (size_t)PyBytes_GET_SIZE(label);
    if (size + head > *end || memcmp(key + *end - size, PyBytes_AS_STRING(encoded), size) != 0 ||
        memcmp(key + *end - size - head, PyBytes_AS_STRING(label), head) != 0)
        return false;
    *end -= size + head;
    return true;
}

static void forget_values(lcpy_run *run)
{
    for (Py_ssize_t i = 0; i < run->count; i++) {
        Py_CLEAR(run->values[i].seen);
        Py_CLEAR(run->values[i].encoded);
    }
    run->count = 0;
}

/* The values that the key's end was made of. They are known to have been these: another thread may
 * have made a key of others since. A variable that was left out has nothing in the key. */
static void take_values(lcpy_run *run, const lcpy_captures *captures, const unsigned char *key,
                        size_t size)
{
    size_t end = size;
    run->count = captures->count;
    for (Py_ssize_t i = captures->count - 1; i >= 0; i--) {
        const lcpy_capture *capture = &captures->items[i];
        PyObject *around = encoded_around(captures, i, PyCell_GET(capture->cell));
        PyObject *encoded = around != NULL ? around : capture->encoded;
        if (encoded == NULL || !take_tail(key, &end, capture->label, encoded))
            continue;
        run->values[i].seen =
            Py_XNewRef(around != NULL ? PyCell_GET(capture->cell) : capture->seen);
        run->values[i].encoded = Py_NewRef(encoded);
    }
}

static lcpy_run *new_run(const lcpy_captures *captures, const void *key, size_t size)
{
    lcpy_run *run = PyMem_Calloc(1, sizeof *run + (size_t)captures->count * sizeof *run->values);
    if (run == NULL)
        PyErr_NoMemory();
    else
        take_values(run, captures, key, size);
    return run;
}

lcpy_run *lcpy_captures_begin(lcpy_captures *captures, const void *key, size_t size)
{
    lcpy_run *run = captures->count > 0 ? new_run(captures, key, size) : NULL;
    if (run == NULL)
        return NULL;
    run->thread = PyThread_get_thread_ident();
    run->others = time_of_others();
    run->before = captures->last;
    captures->last = run;
    return run;
}

int lcpy_captures_ended(lcpy_state *state, lcpy_captures *captures, const void *key, size_t size,
                        int64_t others)
{
    lcpy_run *run = captures->count > 0 ? new_run(captures, key, size) : NULL;
    if (run == NULL)
        return captures->count > 0 ? -1 : 0;
    run->others = others;
    return lcpy_captures_end(state, captures, run);
}

/* What it counts as now; empty where it cannot be part of a key, as no value is. */
static PyObject *encode_or_empty(lcpy_state *state, PyObject *value)
{
    PyObject *encoded = encode_captured(state, value);
    if (encoded == NULL && PyErr_ExceptionMatches(PyExc_Exception)) {
        PyErr_Clear();
        encoded = PyBytes_FromStringAndSize(NULL, 0);
    }
    return encoded;
}

/* Note what a run made of an object, if it was the run that did. 0, or -1 as
 * lcpy_captures_end(). */
static int note_change(lcpy_state *state, lcpy_captures *captures, const lcpy_run *run,
                       Py_ssize_t n)
{
    PyObject *seen = run->values[n].seen;
    PyObject *encoded = run->values[n].encoded;
    PyObject *now = encode_or_empty(state, seen);
    if (now == NULL)
        return -1;
    if (same_bytes(now, encoded) || !lcpy_captures_alone_since(run->others))
        Py_DECREF(now);
    else
        set_capture(&captures->items[n], seen, Py_NewRef(encoded), now);
    return 0;
}

static int note_changes(lcpy_state *state, lcpy_captures *captures, const lcpy_run *run)
{
    int status = 0;
    for (Py_ssize_t i = 0; i < run->count && i < captures->count && status == 0; i++) {
        PyObject *seen = run->values[i].seen;
        /* Within a run whose key was made of the same, that one notes it at its end. */
        if (run->values[i].encoded != NULL && !is_constant(seen) &&
            encoded_around(captures, i, seen) != run->values[i].encoded)
            status = note_change(state, captures, run, i);
    }
    return status;
}

static void unlink_run(lcpy_captures *captures, const lcpy_run *run)
{
    lcpy_run **at = &captures->last;
    while (*at != NULL && *at != run)
        at = &(*at)->before;
    if (*at != NULL)
        *at = run->before;
}

int lcpy_captures_end(lcpy_state *state, lcpy_captures *captures, lcpy_run *run)
{
    if (run == NULL)
        return 0;
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    unlink_run(captures, run);
    int status = note_changes(state, captures, run);
    forget_values(run);
    PyMem_Free(run);
    if (status == 0) {
        PyErr_Restore(type, value, traceback);
        return 0;
    }
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return -1;
}
