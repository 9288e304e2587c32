/* The door from the core's log to Python: one event becomes one line. */
#include "log.h"

#include <stdatomic.h>

#include "plain/gil.h"

/* In the dict of an interpreter. */
#define WRITER "locache._log.write"

/* Interpreters that want lines. */
static atomic_int listeners;

static const char *const event_names[] = {
    [LOCACHE_EVENT_HIT] = "hit",         [LOCACHE_EVENT_MISS] = "miss",
    [LOCACHE_EVENT_STORE] = "store",     [LOCACHE_EVENT_REMOVE] = "remove",
    [LOCACHE_EVENT_RESET] = "reset",     [LOCACHE_EVENT_INVALIDATE] = "invalidate",
    [LOCACHE_EVENT_RESTORE] = "restore", [LOCACHE_EVENT_EVICT] = "evict",
    [LOCACHE_EVENT_REJECT] = "reject",
};

static void write_line(PyObject *write, const locache_event *event)
{
    size_t kind = (size_t)event->kind;
    const char *name = kind < sizeof event_names / sizeof *event_names ? event_names[kind] : NULL;
    PyObject *path = PyUnicode_DecodeFSDefault(event->path);
    PyObject *line = NULL;
    if (path != NULL) {
        const char *detail = event->detail[0] ? event->detail : NULL;
        line = PyUnicode_FromFormat(detail != NULL ? "%s %s: %U (%s)" : "%s %s: %U",
                                    name != NULL ? name : "event", event->function, path, detail);
    }
    PyObject *done = line != NULL ? PyObject_CallOneArg(write, line) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(line);
    Py_XDECREF(path);
}

/* The function that takes the lines of the interpreter that runs here; NULL: it wants none.
 * Borrowed. */
static PyObject *writer_here(void)
{
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Get());
    return dict != NULL ? PyDict_GetItemString(dict, WRITER) : NULL;
}

static void write_event(const locache_event *event)
{
    PyObject *type;
    PyObject *value;
    PyObject *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *write = writer_here();
    if (write != NULL) {
        Py_INCREF(write);
        write_line(write, event);
    }
    if (PyErr_Occurred() != NULL) {
        if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
            PyErr_Clear();
            /* it was meant for the program, which gets it as soon as the call is back in Python */
            PyErr_SetInterrupt();
        } else {
            PyErr_WriteUnraisable(write);
        }
    }
    Py_XDECREF(write);
    PyErr_Restore(type, value, traceback);
}

/* Called by the core within a call of ours, on the same thread: with the lock of an interpreter, or
 * after lcpy_gil_release(). PyGILState would not do, since it knows the main interpreter alone. */
static void receive_event(void *unused, const locache_event *event)
{
    (void)unused;
    if (!Py_IsInitialized())
        return;
    PyThreadState *thread = lcpy_gil_released;
    if (thread != NULL)
        lcpy_gil_take(thread);
    write_event(event);
    if (thread != NULL)
        (void)lcpy_gil_release();
}

void lcpy_log_set(lcpy_state *state, PyObject *write)
{
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Get());
    bool on = write != Py_None;
    if (on == state->verbose || dict == NULL)
        return;
    state->verbose = on;
    /* For lines of the extension's own; it stays. */
    if (on && state->log_write == NULL)
        state->log_write = Py_NewRef(write);
    if (on && PyDict_SetItemString(dict, WRITER, write) == 0) {
        if (atomic_fetch_add(&listeners, 1) == 0)
            locache_set_log(receive_event, NULL);
        return;
    }
    if (!on && PyDict_GetItemString(dict, WRITER) != NULL) {
        if (atomic_fetch_sub(&listeners, 1) == 1)
            locache_set_log(NULL, NULL);
        (void)PyDict_DelItemString(dict, WRITER);
    }
    PyErr_Clear();
}

void lcpy_log_end(lcpy_state *state)
{
    if (!state->verbose)
        return;
    state->verbose = false;
    if (atomic_fetch_sub(&listeners, 1) == 1)
        locache_set_log(NULL, NULL);
}
