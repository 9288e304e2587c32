/* The door from the core's log to Python: one event becomes one line. */
#include "log.h"

static const char *const event_names[] = {
    [LOCACHE_EVENT_HIT] = "hit",         [LOCACHE_EVENT_MISS] = "miss",
    [LOCACHE_EVENT_STORE] = "store",     [LOCACHE_EVENT_REMOVE] = "remove",
    [LOCACHE_EVENT_RESET] = "reset",     [LOCACHE_EVENT_INVALIDATE] = "invalidate",
    [LOCACHE_EVENT_RESTORE] = "restore", [LOCACHE_EVENT_EVICT] = "evict",
    [LOCACHE_EVENT_REJECT] = "reject",   [LOCACHE_EVENT_WAIT] = "wait",
    [LOCACHE_EVENT_KEEP] = "keep",
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

/* Called by the core on any thread, with or without the GIL. */
static void receive_event(void *write, const locache_event *event)
{
    if (!Py_IsInitialized())
        return;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *type;
    PyObject *value;
    PyObject *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    write_line(write, event);
    if (PyErr_Occurred() != NULL) {
        if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
            PyErr_Clear();
            /* it was meant for the program, which gets it as soon as the call is back in Python */
            PyErr_SetInterrupt();
        } else {
            PyErr_WriteUnraisable(write);
        }
    }
    PyErr_Restore(type, value, traceback);
    PyGILState_Release(gil);
}

void lcpy_log_set(lcpy_state *state, PyObject *write)
{
    state->verbose = write != Py_None;
    if (write == Py_None) {
        locache_set_log(NULL, NULL);
        return; /* the function stays: another thread may be about to call it */
    }
    /* One for the life of the module, for the same reason: locache._log has no other. */
    if (state->log_write == NULL)
        state->log_write = Py_NewRef(write);
    locache_set_log(receive_event, state->log_write);
}
