/* The door from the core's log to Python: one event becomes one line. */
#include "log.h"

#include "call/explain.h"
#include "plain/gil.h"

#include <stdatomic.h>
#include <string.h>

/* In the dict of an interpreter: what writes its lines. */
#define WRITER "locache._log.write"

/* Interpreters that want lines. */
static atomic_int listeners;

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
    PyObject *more = lcpy_explain_event(event);
    PyObject *line = NULL;
    if (more == NULL && event->detail[0] != '\0')
        more = PyUnicode_DecodeUTF8(event->detail, (Py_ssize_t)strlen(event->detail), "replace");
    if (path != NULL && PyErr_Occurred() == NULL)
        line = PyUnicode_FromFormat(more != NULL ? "%s %s: %U (%U)" : "%s %s: %U",
                                    name != NULL ? name : "event", event->function, path, more);
    Py_XDECREF(more);
    PyObject *done = line != NULL ? PyObject_CallOneArg(write, line) : NULL;
    Py_XDECREF(done);
    Py_XDECREF(line);
    Py_XDECREF(path);
}

/* What writes the lines of the interpreter that runs here: borrowed; NULL: it wants none. */
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
    PyObject *write = Py_XNewRef(writer_here());
    if (write != NULL)
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
    Py_XDECREF(write);
    PyErr_Restore(type, value, traceback);
}

/* Called by the core within a call of ours, on the same thread: with the lock of an interpreter, or
 * after lcpy_gil_release(). PyGILState would not do: it knows the main interpreter alone, and waits
 * for ever where the caller is another that has the lock. */
static void receive_event(void *unused, const locache_event *event)
{
    (void)unused;
    if (!Py_IsInitialized() || (lcpy_explain_asked != NULL && lcpy_explain_asked->quiet))
        return;
    PyThreadState *thread = lcpy_gil_released;
    if (thread != NULL)
        lcpy_gil_take(thread);
    write_event(event);
    if (thread != NULL)
        (void)lcpy_gil_release();
}

static void listen(int more)
{
    int before = atomic_fetch_add(&listeners, more);
    if (before == 0 && more > 0)
        locache_set_log(receive_event, NULL);
    else if (before + more == 0)
        locache_set_log(NULL, NULL);
}

void lcpy_log_set(lcpy_state *state, PyObject *write)
{
    PyObject *dict = PyInterpreterState_GetDict(PyInterpreterState_Get());
    bool on = write != Py_None;
    if (on == state->verbose || dict == NULL)
        return;
    /* For lines of the extension's own; it stays, since another thread may be about to call it. */
    if (on && state->log_write == NULL)
        state->log_write = Py_NewRef(write);
    if ((on ? PyDict_SetItemString(dict, WRITER, write) : PyDict_DelItemString(dict, WRITER)) < 0)
        PyErr_Clear();
    state->verbose = on;
    listen(on ? 1 : -1);
}

void lcpy_log_end(lcpy_state *state)
{
    if (state->verbose)
        listen(-1);
    state->verbose = false;
}
