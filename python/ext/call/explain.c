/* Whether a call hits, and why not. What is looked up is looked up here, as a call would; what that
 * means, locache._explain says. */
#include "call/explain.h"

#include "call/asked.h"
#include "call/call_key.h"
#include "call/counts.h"
#include "call/open.h"
#include "call/switch.h"

#include <string.h>

/* ------------------------------------------------------------------------------- what was found */

typedef struct finding {
    const char *status; /* a word of locache._explain's, or the name of a status */
    PyObject *message;  /* str */
    char path[LOCACHE_PATH_MAX];
    const char *function;
    int64_t created;
    int64_t duration;
    bool from_base;
    bool stale;
} finding;

static int set_message(finding *out, const char *status, const char *message)
{
    out->status = status;
    Py_XSETREF(out->message, PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "replace"));
    return out->message != NULL ? 0 : -1;
}

/* The exception that is set, unless it is not the cache's to keep back. */
static int take_raised(finding *out, const char *status)
{
    PyObject *type;
    PyObject *value;
    PyObject *traceback;
    if (!PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    out->status = status;
    Py_XSETREF(out->message, value != NULL ? PyObject_Str(value) : PyUnicode_FromString(""));
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return out->message != NULL ? 0 : -1;
}

static void take_stored(finding *out, const locache_value *value)
{
    out->created = locache_value_created(value);
    out->duration = locache_value_compute_time(value);
}

/* Look it up, without a line in the log. */
static int look_quietly(finding *out, lcpy_persisted *self, const lcpy_key *key)
{
    locache_value *value = NULL;
    locache_error error;
    locache_status status;
    const lcpy_sought asked = {self, key, true};
    const lcpy_sought *outer = lcpy_explain_asked;
    lcpy_explain_asked = &asked;
    LCPY_BEGIN_WITHOUT_GIL(self);
    status = locache_get(&value, cache, key->writer.data, key->writer.length, &error);
    lcpy_counts_looked(cache, status, value, &error);
    LCPY_END_WITHOUT_GIL(self);
    lcpy_explain_asked = outer;
    if (status == LOCACHE_OK) {
        take_stored(out, value);
        out->from_base = locache_value_from_base(value);
        out->stale = locache_value_stale(value);
        if (out->from_base && self->cache != NULL)
            (void)!locache_value_path(out->path, value, self->cache, key->writer.data,
                                      key->writer.length, NULL);
        locache_value_free(value);
        return set_message(out, "hit", "");
    }
    if (status == LOCACHE_MISS && error.status == LOCACHE_OK)
        return set_message(out, "miss", error.message);
    return set_message(out, locache_status_name(error.status), error.message);
}

static int open_and_look(finding *out, lcpy_persisted *self, const lcpy_key *key)
{
    locache_error error;
    locache_status status = lcpy_open(self, &error);
    if (status == LOCACHE_ETYPE)
        return take_raised(out, "unusable");
    if (status != LOCACHE_OK)
        return set_message(out, "unusable", error.message);
    out->function = locache_function(self->cache);
    status = locache_path(out->path, self->cache, key->writer.data, key->writer.length, &error);
    return status == LOCACHE_OK ? look_quietly(out, self, key)
                                : set_message(out, "unusable", error.message);
}

/* --------------------------------------------------------------------------------------- asking */

static PyObject *call_explain(lcpy_persisted *self, const lcpy_key *key, const finding *found)
{
    PyObject *module = PyImport_ImportModule("locache._explain");
    PyObject *path = module != NULL ? PyUnicode_DecodeFSDefault(found->path) : NULL;
    PyObject *result = NULL;
    if (path != NULL)
        result = PyObject_CallMethod(
            module, "explain", "Oy#{s:s,s:O,s:O,s:s,s:O,s:L,s:L,s:O,s:O}", self, key->writer.data,
            (Py_ssize_t)key->writer.length, "status", found->status, "message", found->message,
            "path", path, "function", found->function != NULL ? found->function : "", "enabled",
            self->options.enabled != NULL ? self->options.enabled : Py_True, "created",
            (long long)found->created, "duration", (long long)found->duration, "from_base",
            found->from_base ? Py_True : Py_False, "stale", found->stale ? Py_True : Py_False);
    Py_XDECREF(path);
    Py_XDECREF(module);
    return result;
}

/* Why no key could be made of the arguments. */
static int explain_unkeyed(finding *out, lcpy_persisted *self, lcpy_bound bound, PyObject *culprit)
{
    if (bound == LCPY_MISFIT) {
        PyErr_Format(PyExc_TypeError, "these arguments do not fit the signature of %U()",
                     self->target.qualname);
        return -1;
    }
    if (take_raised(out, "unkeyed") < 0)
        return -1;
    if (culprit == NULL)
        return 0;
    PyObject *named = PyUnicode_FromFormat("%R: %U", culprit, out->message);
    if (named != NULL)
        Py_SETREF(out->message, named);
    return named != NULL ? 0 : -1;
}

static int explain_keyed(finding *out, lcpy_persisted *self, const lcpy_key *key)
{
    if (!lcpy_switch_is_plain(self) && lcpy_open_refresh(self) < 0)
        return -1;
    if (self->mode == LCPY_OFF)
        return set_message(out, "off", "");
    if (self->mode == LCPY_REFRESH)
        return set_message(out, "refresh", "LOCACHE=refresh computes each call once more");
    return open_and_look(out, self, key);
}

const char lcpy_explain_doc[] =
    "explain($self, /, *args, **kwargs)\n--\n\n"
    "Whether a call with these arguments would hit, and why not: a named tuple (hit, why, line,\n"
    "parts, path), whose str() is the line. The function is not called.\n\n"
    "Raises TypeError where the arguments do not fit.";

PyObject *lcpy_explain(PyObject *object, PyObject *const *args, Py_ssize_t count, PyObject *kwnames)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_call call = {args, count, kwnames};
    lcpy_key key;
    PyObject *culprit = NULL;
    PyObject *result = NULL;
    finding found = {.path = ""};
    if (lcpy_asked_check(self, &call) < 0)
        return NULL;
    lcpy_bound bound = lcpy_call_key(self, &key, &call, &culprit);
    int status = bound == LCPY_BOUND ? explain_keyed(&found, self, &key)
                                     : explain_unkeyed(&found, self, bound, culprit);
    if (status == 0)
        result = call_explain(self, &key, &found);
    Py_XDECREF(found.message);
    Py_XDECREF(culprit);
    locache_cbor_writer_clear(&key.writer);
    return result;
}

/* -------------------------------------------------------------------------------------- the log */

PyObject *lcpy_explain_event(const locache_event *event)
{
    const lcpy_sought *asked = lcpy_explain_asked;
    bool missed = event->kind == LOCACHE_EVENT_MISS && event->detail[0] == '\0' && asked != NULL;
    PyObject *detail = NULL;
    if (!missed && event->kind != LOCACHE_EVENT_INVALIDATE)
        return NULL;
    PyObject *module = PyImport_ImportModule("locache._explain");
    PyObject *path = module != NULL ? PyUnicode_DecodeFSDefault(event->path) : NULL;
    if (path != NULL && missed)
        detail = PyObject_CallMethod(module, "detail_of_miss", "Oy#Os", asked->self,
                                     asked->key->writer.data, (Py_ssize_t)asked->key->writer.length,
                                     path, event->function);
    else if (path != NULL)
        detail = PyObject_CallMethod(module, "detail_of_change", "Os", path, event->function);
    Py_XDECREF(path);
    Py_XDECREF(module);
    if (detail == NULL && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear();
    if (detail != NULL && !PyUnicode_Check(detail))
        Py_CLEAR(detail);
    return detail;
}

/* --------------------------------------------------------------------------------- the versions */

static PyObject *hex_of(const locache_id *id)
{
    char text[2 * LOCACHE_ID_SIZE + 1];
    for (size_t i = 0; i < LOCACHE_ID_SIZE; i++)
        PyOS_snprintf(text + 2 * i, 3, "%02x", id->bytes[i]);
    return PyUnicode_FromString(text);
}

/* Notes are read when all are listed: the core has one open meanwhile. */
static bool add_version(void *list, const locache_version_info *version)
{
    PyObject *before = version->has_before ? hex_of(&version->before) : Py_NewRef(Py_None);
    PyObject *path = PyUnicode_DecodeFSDefault(version->path);
    PyObject *id = hex_of(&version->id);
    PyObject *item = NULL;
    if (before != NULL && path != NULL && id != NULL)
        item = Py_BuildValue("(OOOOLss)", id, path, version->current ? Py_True : Py_False, before,
                             (long long)version->used, version->state, version->kept);
    int status = item != NULL ? PyList_Append(list, item) : -1;
    Py_XDECREF(item);
    Py_XDECREF(id);
    Py_XDECREF(path);
    Py_XDECREF(before);
    return status == 0;
}

/* A version with its note, or None, behind the rest. Consumes `version`. */
static PyObject *with_note(PyObject *version, char *room)
{
    size_t size = 0;
    PyObject *path = NULL;
    bool found = PyUnicode_FSConverter(PyTuple_GET_ITEM(version, 1), &path) != 0 &&
                 locache_version_note(room, &size, PyBytes_AS_STRING(path), NULL) == LOCACHE_OK;
    PyObject *note = PyErr_Occurred() != NULL ? NULL
                     : found                  ? PyBytes_FromStringAndSize(room, (Py_ssize_t)size)
                                              : Py_NewRef(Py_None);
    PyObject *last = note != NULL ? PyTuple_Pack(1, note) : NULL;
    PyObject *whole = last != NULL ? PySequence_Concat(version, last) : NULL;
    Py_XDECREF(last);
    Py_XDECREF(note);
    Py_XDECREF(path);
    return whole;
}

static int add_notes(PyObject *list)
{
    char *room = PyMem_Malloc(LOCACHE_NOTE_MAX);
    int status = 0;
    if (room == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; status == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *whole = with_note(PyList_GET_ITEM(list, i), room);
        status = whole != NULL ? PyList_SetItem(list, i, whole) : -1;
    }
    PyMem_Free(room);
    return status;
}

PyObject *lcpy_explain_versions(PyObject *module, PyObject *args)
{
    PyObject *directory;
    const char *function;
    locache_error error;
    (void)module;
    if (!PyArg_ParseTuple(args, "O&s:versions", PyUnicode_FSConverter, &directory, &function))
        return NULL;
    PyObject *list = PyList_New(0);
    locache_status status = LOCACHE_ENOMEM;
    if (list != NULL)
        status =
            locache_each_version(PyBytes_AS_STRING(directory), function, add_version, list, &error);
    Py_DECREF(directory);
    /* What cannot be looked at is not there, as far as anybody can say; what was listed before it
     * is. */
    if (PyErr_Occurred() != NULL || status == LOCACHE_ENOMEM || add_notes(list) < 0)
        Py_CLEAR(list);
    return list;
}

PyObject *lcpy_explain_key_name(PyObject *module, PyObject *key)
{
    char name[LOCACHE_NAME_MAX + 1];
    (void)module;
    if (!PyBytes_Check(key) || locache_key_filename(name, PyBytes_AS_STRING(key),
                                                    (size_t)PyBytes_GET_SIZE(key)) != LOCACHE_OK) {
        PyErr_SetString(PyExc_ValueError, "that is no key");
        return NULL;
    }
    return PyUnicode_FromString(name);
}
