/* Warnings: what went wrong, what happens instead, and the remedy, in one message. */
#include "call/warn.h"

#include <string.h>

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
};

/* For causes that are exceptions, and say no more than what Python says. */
static const char *const remedies[LCPY_TROUBLE_WRITE + 1] = {
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

/* As bytes, since an exception's text and a path may hold what UTF-8 does not. */
static PyObject *compose_message(lcpy_persisted *self, lcpy_trouble trouble,
                                 const locache_error *error, PyObject *culprit)
{
    PyObject *cause = cause_of(error);
    PyObject *cache = cause == NULL   ? NULL
                      : error != NULL ? PyUnicode_FromString("")
                                      : cache_text(self);
    PyObject *subject = cache == NULL     ? NULL
                        : culprit != NULL ? PyUnicode_FromFormat("%R: ", culprit)
                                          : PyUnicode_FromString("");
    PyObject *message = NULL;
    if (subject != NULL) {
        const char *remedy = error == NULL && remedies[trouble] != NULL ? remedies[trouble] : "";
        message = PyUnicode_FromFormat("%U(): %s: %U%U%s%U", self->target.qualname,
                                       what_happens[trouble], subject, cause, remedy, cache);
    }
    PyObject *bytes =
        message != NULL ? PyUnicode_AsEncodedString(message, "utf-8", "backslashreplace") : NULL;
    Py_XDECREF(cause);
    Py_XDECREF(cache);
    Py_XDECREF(subject);
    Py_XDECREF(message);
    return bytes;
}

/* The frame that runs is the caller's, since C has none; past the call itself, a coroutine runs in
 * locache._async. */
static Py_ssize_t stack_level(const lcpy_persisted *self, lcpy_trouble trouble)
{
    return self->target.is_async && trouble > LCPY_TROUBLE_MISFIT ? 2 : 1;
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
    if (self->said & 1U << trouble)
        return lcpy_warn_count(self);
    if (PyErr_Occurred() != NULL && !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    self->errors++;
    self->said |= 1U << trouble;
    PyObject *message = compose_message(self, trouble, error, culprit);
    int status = -1;
    if (message != NULL) {
        status = PyErr_WarnEx(self->state->cache_warning, PyBytes_AS_STRING(message),
                              stack_level(self, trouble));
    }
    Py_XDECREF(message);
    if (status < 0) {
        if (!PyErr_ExceptionMatches(PyExc_Exception))
            return -1;
        /* a filter made the warning an error: the call goes on all the same */
        PyErr_WriteUnraisable((PyObject *)self);
    }
    return 0;
}
