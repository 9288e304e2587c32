#include "log.h"

static const char *const event_names[] = {
    [LOCACHE_EVENT_HIT] = "hit",         [LOCACHE_EVENT_MISS] = "miss",
    [LOCACHE_EVENT_STORE] = "store",     [LOCACHE_EVENT_REMOVE] = "remove",
    [LOCACHE_EVENT_RESET] = "reset",     [LOCACHE_EVENT_INVALIDATE] = "invalidate",
    [LOCACHE_EVENT_RESTORE] = "restore", [LOCACHE_EVENT_EVICT] = "evict",
    [LOCACHE_EVENT_REJECT] = "reject",
};

static void write_line(PyObject *logger, const locache_event *event)
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
    PyObject *done = line != NULL ? PyObject_CallMethod(logger, "info", "O", line) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(line);
    Py_XDECREF(path);
}

/* Called by the core on any thread, with or without the GIL. */
static void receive(void *logger, const locache_event *event)
{
    if (!Py_IsInitialized())
        return;
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *type;
    PyObject *value;
    PyObject *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    write_line(logger, event);
    if (PyErr_Occurred() != NULL) {
        if (PyErr_ExceptionMatches(PyExc_KeyboardInterrupt)) {
            PyErr_Clear();
            /* it was meant for the program, which gets it as soon as the call is back in Python */
            PyErr_SetInterrupt();
        } else {
            PyErr_WriteUnraisable(logger);
        }
    }
    PyErr_Restore(type, value, traceback);
    PyGILState_Release(gil);
}

/* As locache 4 did, lines show without any configuration; where there is one, it decides alone. */
static int add_handler(lcpy_state *state, PyObject *logging)
{
    PyObject *has = PyObject_CallMethod(state->logger, "hasHandlers", NULL);
    int has_one = has != NULL ? PyObject_IsTrue(has) : -1;
    Py_XDECREF(has);
    if (has_one != 0)
        return has_one < 0 ? -1 : 0;
    PyObject *handler = PyObject_CallMethod(logging, "StreamHandler", NULL);
    PyObject *formatter =
        handler != NULL ? PyObject_CallMethod(logging, "Formatter", "s", "locache: %(message)s")
                        : NULL;
    PyObject *set =
        formatter != NULL ? PyObject_CallMethod(handler, "setFormatter", "O", formatter) : NULL;
    PyObject *added =
        set != NULL ? PyObject_CallMethod(state->logger, "addHandler", "O", handler) : NULL;
    if (added != NULL)
        state->log_handler = Py_NewRef(handler);
    Py_XDECREF(handler);
    Py_XDECREF(formatter);
    Py_XDECREF(set);
    Py_XDECREF(added);
    return added != NULL ? 0 : -1;
}

/* A logger of which nobody said how much it shows would show warnings only. */
static int raise_level(lcpy_state *state)
{
    PyObject *level = PyObject_GetAttrString(state->logger, "level");
    long number = level != NULL ? PyLong_AsLong(level) : -1;
    if (number != 0) {
        Py_XDECREF(level);
        return PyErr_Occurred() != NULL ? -1 : 0;
    }
    PyObject *set = PyObject_CallMethod(state->logger, "setLevel", "s", "INFO");
    if (set == NULL) {
        Py_DECREF(level);
        return -1;
    }
    Py_DECREF(set);
    state->log_level = level;
    return 0;
}

int lcpy_log_start(lcpy_state *state)
{
    PyObject *logging = PyImport_ImportModule("logging");
    if (logging == NULL)
        return -1;
    int status = -1;
    if (state->logger == NULL)
        state->logger = PyObject_CallMethod(logging, "getLogger", "s", "locache");
    if (state->logger != NULL && (state->log_handler != NULL || add_handler(state, logging) == 0) &&
        (state->log_level != NULL || raise_level(state) == 0)) {
        locache_set_log(receive, state->logger);
        status = 0;
    }
    Py_DECREF(logging);
    return status;
}

int lcpy_log_stop(lcpy_state *state)
{
    locache_set_log(NULL, NULL);
    int status = 0;
    if (state->log_handler != NULL) {
        PyObject *removed =
            PyObject_CallMethod(state->logger, "removeHandler", "O", state->log_handler);
        status = removed != NULL ? 0 : -1;
        Py_XDECREF(removed);
        Py_CLEAR(state->log_handler);
    }
    if (state->log_level != NULL && status == 0) {
        PyObject *set = PyObject_CallMethod(state->logger, "setLevel", "O", state->log_level);
        status = set != NULL ? 0 : -1;
        Py_XDECREF(set);
    }
    Py_CLEAR(state->log_level);
    return status;
}
