/* Warnings: what went wrong, what happens instead, and the remedy, in one message. */
#include "call/warn.h"

#include <errno.h>
#include <string.h>

#include "plain/compat.h"

static const char *const what_happens[] = {
    [LCPY_TROUBLE_KEY] = "this call is not cached: an argument cannot be part of a key",
    [LCPY_TROUBLE_MISFIT] =
        "this call is not cached: its arguments do not fit the function's signature",
    [LCPY_TROUBLE_OPEN] = "nothing is cached: the cache directory cannot be used",
    [LCPY_TROUBLE_READ] = "a stored result could not be read and is computed anew",
    [LCPY_TROUBLE_TRUST] = "a stored result is not trusted and is computed anew",
    [LCPY_TROUBLE_FORMAT] = "a stored result is of a newer format, is left alone and computed anew",
    [LCPY_TROUBLE_DECODE] =
        "a stored result could not be turned into an object and is computed anew",
    [LCPY_TROUBLE_ENCODE] = "this result cannot be stored",
    [LCPY_TROUBLE_WRITE] = "this result could not be stored",
    [LCPY_TROUBLE_CHANGED] = "this result is not stored",
    [LCPY_TROUBLE_MISMATCH] =
        "a stored result is not what the call gives when it is computed again",
    [LCPY_TROUBLE_UNREAD] = "its stored results are never used",
    [LCPY_TROUBLE_BOUNDS] = "its bounds are too small for what is asked for",
    [LCPY_TROUBLE_STALE] =
        "a stale result is served on, for as long as stale= says: it could not be computed anew",
};

/* How many different causes of one kind are told of one function: another argument that cannot be
 * keyed is news. Files are many, and what is wrong with one is mostly wrong with all. */
static const unsigned char causes_max[LCPY_TROUBLES] = {
    [LCPY_TROUBLE_KEY] = 8,
    [LCPY_TROUBLE_ENCODE] = 4,
    [LCPY_TROUBLE_MISMATCH] = 8,
};

/* For causes that are exceptions, and say no more than what Python says. */
static const char *const remedies[LCPY_TROUBLES] = {
    [LCPY_TROUBLE_OPEN] = "; say where with dir= or name=",
    [LCPY_TROUBLE_DECODE] = "; forget() removes it",
    [LCPY_TROUBLE_ENCODE] = "; return plain data, or what pickle can store",
};

/* The exception that is set, taken and told as "ValueError: text". New reference; NULL only where
 * even that fails. */
static PyObject *take_exception(void)
{
    PyObject *type = NULL;
    PyObject *value = NULL;
    PyObject *traceback = NULL;
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    const char *name =
        type != NULL && PyType_Check(type) ? ((PyTypeObject *)type)->tp_name : "an error";
    PyObject *text = value != NULL ? PyObject_Str(value) : NULL;
    if (text == NULL)
        PyErr_Clear();
    PyObject *cause = text != NULL && PyUnicode_GET_LENGTH(text) > 0
                          ? PyUnicode_FromFormat("%s: %U", name, text)
                          : PyUnicode_FromString(name);
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(traceback);
    return cause;
}

static PyObject *cause_of(const locache_error *error)
{
    return error != NULL
               ? PyUnicode_DecodeUTF8(error->message, (Py_ssize_t)strlen(error->message), "replace")
               : take_exception();
}

/* Does a variable that the function captures have this name, and no parameter? */
static bool is_captured(lcpy_persisted *self, PyObject *name)
{
    const lcpy_plan *plan = &self->target.plan;
    for (Py_ssize_t i = 0; i < plan->count; i++)
        if (plan->parameters[i].name == name)
            return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self->target.functions); i++) {
        PyObject *code = PyFunction_GET_CODE(PyTuple_GET_ITEM(self->target.functions, i));
        PyObject *names = lcpy_compat_code_free(code);
        int found = names != NULL ? PySequence_Contains(names, name) : -1;
        Py_XDECREF(names);
        PyErr_Clear();
        if (found > 0)
            return true;
    }
    return false;
}

static const char *what_happened(lcpy_persisted *self, lcpy_trouble trouble, PyObject *culprit)
{
    if (trouble == LCPY_TROUBLE_KEY && culprit != NULL && is_captured(self, culprit))
        return "this call is not cached: a variable that the function captures cannot be part of a "
               "key";
    return what_happens[trouble];
}

/* Is this cause of a kind that is told more than once new? It is noted. */
static bool is_new_cause(lcpy_persisted *self, lcpy_trouble trouble, PyObject *cause,
                         PyObject *culprit)
{
    if (self->told == NULL)
        self->told = PySet_New(NULL);
    PyObject *note =
        Py_BuildValue("(iOO)", (int)trouble, culprit != NULL ? culprit : Py_None, cause);
    bool is_new = self->told != NULL && note != NULL && PySet_Contains(self->told, note) == 0;
    if (is_new)
        (void)!PySet_Add(self->told, note);
    Py_XDECREF(note);
    PyErr_Clear();
    return is_new;
}

/* Where the cache is or would be, for causes that name no file. */
static PyObject *cache_text(lcpy_persisted *self)
{
    char directory[LOCACHE_PATH_MAX];
    locache_error error;
    if (lcpy_where_find(directory, &self->where, &error) != LOCACHE_OK)
        return PyUnicode_FromString("");
    PyObject *path = PyUnicode_DecodeFSDefault(directory);
    PyObject *text = path != NULL ? PyUnicode_FromFormat(" (cache: %U)", path) : NULL;
    Py_XDECREF(path);
    return text;
}

/* As bytes, since an exception's text and a path may hold what UTF-8 does not. `raised`: the cause
 * is an exception. */
static PyObject *compose_message(lcpy_persisted *self, lcpy_trouble trouble, PyObject *cause,
                                 bool raised, PyObject *culprit)
{
    PyObject *cache = raised ? cache_text(self) : PyUnicode_FromString("");
    PyObject *subject = cache == NULL     ? NULL
                        : culprit != NULL ? PyUnicode_FromFormat("%R: ", culprit)
                                          : PyUnicode_FromString("");
    PyObject *message = NULL;
    if (subject != NULL) {
        const char *remedy = raised && remedies[trouble] != NULL ? remedies[trouble] : "";
        message = PyUnicode_FromFormat("%U(): %s: %U%U%s%U", self->target.qualname,
                                       what_happened(self, trouble, culprit), subject, cause,
                                       remedy, cache);
    }
    PyObject *bytes =
        message != NULL ? PyUnicode_AsEncodedString(message, "utf-8", "backslashreplace") : NULL;
    Py_XDECREF(cache);
    Py_XDECREF(subject);
    Py_XDECREF(message);
    return bytes;
}

/* The frame that runs is the caller's, since C has none; past the call itself, a coroutine runs in
 * locache._async, where what is computed again is one function further in. */
static Py_ssize_t stack_level(const lcpy_persisted *self, lcpy_trouble trouble)
{
    if (!self->target.is_async || trouble <= LCPY_TROUBLE_MISFIT)
        return 1;
    return trouble == LCPY_TROUBLE_MISMATCH ? 3 : 2;
}

int lcpy_warn_count(lcpy_persisted *self)
{
    if (PyErr_Occurred() != NULL && !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear();
    self->errors++;
    return 0;
}

int lcpy_warn(lcpy_persisted *self, lcpy_trouble trouble, const locache_error *error,
              PyObject *culprit)
{
    bool is_first = !(self->said & 1U << trouble);
    if (!is_first && self->told_count[trouble] >= causes_max[trouble])
        return lcpy_warn_count(self);
    if (PyErr_Occurred() != NULL && !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    self->errors++;
    self->said |= 1U << trouble;
    PyObject *cause = cause_of(error);
    if (cause != NULL && causes_max[trouble] > 0) {
        if (!is_new_cause(self, trouble, cause, culprit)) {
            Py_DECREF(cause);
            return 0;
        }
        self->told_count[trouble]++;
    }
    PyObject *message =
        cause != NULL ? compose_message(self, trouble, cause, error == NULL, culprit) : NULL;
    int status = -1;
    if (message != NULL) {
        status = PyErr_WarnEx(self->state->cache_warning, PyBytes_AS_STRING(message),
                              stack_level(self, trouble));
    }
    Py_XDECREF(message);
    Py_XDECREF(cause);
    if (status < 0) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        /* a filter made the warning an error: the call goes on all the same */
        PyErr_WriteUnraisable((PyObject *)self);
    }
    return 0;
}

void lcpy_warn_again(lcpy_persisted *self)
{
    self->said = 0;
    memset(self->told_count, 0, sizeof self->told_count);
    Py_CLEAR(self->told);
}

PyObject *lcpy_warn_raise(locache_status status, const locache_error *error)
{
    if (status == LOCACHE_ETYPE)
        return NULL;
    if (status == LOCACHE_ENOMEM)
        return PyErr_NoMemory();
    PyObject *message =
        PyUnicode_DecodeUTF8(error->message, (Py_ssize_t)strlen(error->message), "replace");
    PyObject *arguments =
        message != NULL ? Py_BuildValue("(iN)", error->os_error ? error->os_error : EPERM, message)
                        : NULL;
    if (arguments != NULL) {
        PyErr_SetObject(PyExc_OSError, arguments);
        Py_DECREF(arguments);
    }
    return NULL;
}
