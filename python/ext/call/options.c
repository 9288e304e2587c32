#include "call/options.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define NANOSECONDS_PER_SECOND 1e9
#define NANOSECONDS_PER_DAY 86400e9

static int wrong_type(const char *option, const char *wanted, PyObject *value)
{
    PyErr_Format(PyExc_TypeError, "persist(): %s must be %s, not %.100s", option, wanted,
                 Py_TYPE(value)->tp_name);
    return -1;
}

static bool is_int(PyObject *value)
{
    return PyLong_Check(value) && !PyBool_Check(value);
}

int lcpy_option_name(PyObject **out, PyObject *value)
{
    *out = NULL;
    if (value == Py_None)
        return 0;
    if (!PyUnicode_Check(value))
        return wrong_type("name", "a str or None", value);
    Py_ssize_t size = 0;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (text == NULL)
        return -1; /* UnicodeEncodeError is a ValueError */
    if (size == 0 || strlen(text) != (size_t)size || strchr(text, '/') != NULL) {
        PyErr_Format(
            PyExc_ValueError,
            "persist(): name=%R cannot be a file's name; for another directory give dir=", value);
        return -1;
    }
    *out = Py_NewRef(value);
    return 0;
}

static int set_directory(lcpy_options *out, PyObject *value)
{
    if (value == Py_None)
        return 0;
    PyObject *path = PyOS_FSPath(value);
    if (path == NULL) {
        PyErr_Clear();
        return wrong_type("dir", "a path (str, bytes or os.PathLike) or None", value);
    }
    int ok = PyUnicode_FSConverter(path, &out->directory);
    Py_DECREF(path);
    if (ok && PyBytes_GET_SIZE(out->directory) == 0) {
        PyErr_SetString(PyExc_ValueError, "persist(): dir='' names no directory");
        ok = 0;
    }
    return ok ? 0 : -1;
}

static int set_flag(lcpy_options *out, const char *option, PyObject *value, unsigned flag, int when)
{
    if (!PyBool_Check(value))
        return wrong_type(option, "True or False", value);
    if ((value == Py_True) == when)
        out->flags |= flag;
    return 0;
}

static int set_max_entries(lcpy_options *out, PyObject *value)
{
    if (value == Py_None)
        return 0;
    if (!is_int(value))
        return wrong_type("max_entries", "an int", value);
    int overflow = 0;
    long long count = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow < 0 || (overflow == 0 && count < 1 && count != -1)) {
        PyErr_Format(PyExc_ValueError,
                     "persist(): max_entries=%R must be positive, or -1 for no limit", value);
        return -1;
    }
    out->max_entries = overflow > 0 ? INT64_MAX : count;
    return 0;
}

static int set_max_age(lcpy_options *out, PyObject *value)
{
    if (value == Py_None)
        return 0;
    if (!is_int(value) && !PyFloat_Check(value))
        return wrong_type("max_age", "a number of days or None", value);
    double days = PyFloat_AsDouble(value);
    if (days == -1.0 && PyErr_Occurred() != NULL) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return -1;
        PyErr_Clear();
        days = INFINITY; /* an int beyond every float */
    }
    if (days == -1.0)
        return 0;
    if (!(days > 0)) {
        PyErr_Format(PyExc_ValueError,
                     "persist(): max_age=%R must be positive (days), or -1 or None for no limit",
                     value);
        return -1;
    }
    double nanoseconds = days * NANOSECONDS_PER_DAY;
    out->max_age = nanoseconds >= (double)INT64_MAX ? 0
                   : nanoseconds < 1                ? 1
                                                    : (int64_t)nanoseconds;
    return 0;
}

/* One of the two limits of memory=, as locache_options has it: there 0 is the default, and none is
 * negative. */
static int set_memory_limit(int64_t *out, PyObject *value, PyObject *whole)
{
    int overflow = 0;
    long long limit = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow < 0 || (overflow == 0 && limit < 0)) {
        PyErr_Format(PyExc_ValueError,
                     "persist(): memory=%R must not be negative; memory=False keeps nothing",
                     whole);
        return -1;
    }
    *out = overflow > 0 ? INT64_MAX : limit > 0 ? limit : -1;
    return 0;
}

static int set_memory(lcpy_options *out, PyObject *value)
{
    if (PyBool_Check(value)) {
        out->memory_entries = value == Py_True ? 0 : -1;
        return 0;
    }
    if (is_int(value))
        return set_memory_limit(&out->memory_entries, value, value);
    if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) != 2 ||
        !is_int(PyTuple_GET_ITEM(value, 0)) || !is_int(PyTuple_GET_ITEM(value, 1))) {
        return wrong_type("memory", "True, False, a number of results, or a tuple (results, bytes)",
                          value);
    }
    int status = set_memory_limit(&out->memory_entries, PyTuple_GET_ITEM(value, 0), value);
    return status < 0 ? -1
                      : set_memory_limit(&out->memory_bytes, PyTuple_GET_ITEM(value, 1), value);
}

static int set_recheck(lcpy_options *out, PyObject *value)
{
    if (value == Py_None)
        return 0;
    if (!is_int(value) && !PyFloat_Check(value))
        return wrong_type("recheck", "a number of seconds or None", value);
    double seconds = PyFloat_AsDouble(value);
    if (seconds == -1.0 && PyErr_Occurred() != NULL) {
        if (!PyErr_ExceptionMatches(PyExc_OverflowError))
            return -1;
        PyErr_Clear();
        seconds = INFINITY; /* an int beyond every float */
    }
    if (!(seconds >= 0) || isinf(seconds)) {
        PyErr_Format(PyExc_ValueError,
                     "persist(): recheck=%R must be a finite number of seconds, or 0 or None to "
                     "ask at every call",
                     value);
        return -1;
    }
    /* what is not 0 does not become it */
    double nanoseconds = ceil(seconds * NANOSECONDS_PER_SECOND);
    out->recheck = nanoseconds >= (double)INT64_MAX ? INT64_MAX : (int64_t)nanoseconds;
    return 0;
}

/* One name, or several. */
static int set_ignored(lcpy_options *out, PyObject *value)
{
    PyObject *names = PyUnicode_Check(value) ? PySet_New(NULL) : NULL;
    if (names != NULL) {
        out->ignored = names;
        return PySet_Add(names, value);
    }
    PyObject *iterator = PyErr_Occurred() != NULL ? NULL : PyObject_GetIter(value);
    if (iterator == NULL) {
        PyErr_Clear();
        return wrong_type("ignore", "names of parameters", value);
    }
    out->ignored = PySet_New(NULL);
    int status = out->ignored != NULL ? 0 : -1;
    PyObject *name;
    while (status == 0 && (name = PyIter_Next(iterator)) != NULL) {
        status = PyUnicode_Check(name) ? PySet_Add(out->ignored, name)
                                       : wrong_type("ignore", "names of parameters", name);
        Py_DECREF(name);
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() != NULL ? -1 : status;
}

static int set_version(lcpy_options *out, PyObject *value)
{
    if (value == Py_None)
        return 0;
    if (!PyUnicode_Check(value))
        return wrong_type("version", "a str or None", value);
    Py_ssize_t size = 0;
    const char *text = PyUnicode_AsUTF8AndSize(value, &size);
    if (text == NULL)
        return -1;
    if (strlen(text) != (size_t)size) {
        PyErr_Format(PyExc_ValueError, "persist(): version=%R has a NUL in it", value);
        return -1;
    }
    out->version = Py_NewRef(value);
    return 0;
}

static int set_option(lcpy_options *out, const char *option, PyObject *value)
{
    if (strcmp(option, "name") == 0)
        return lcpy_option_name(&out->name, value);
    if (strcmp(option, "auto_invalidate") == 0)
        return set_flag(out, option, value, LOCACHE_KEEP, 0);
    if (strcmp(option, "max_entries") == 0)
        return set_max_entries(out, value);
    if (strcmp(option, "max_age") == 0)
        return set_max_age(out, value);
    if (strcmp(option, "dir") == 0)
        return set_directory(out, value);
    if (strcmp(option, "ignore") == 0)
        return set_ignored(out, value);
    if (strcmp(option, "pickle") == 0)
        return set_flag(out, option, value, LOCACHE_NO_PICKLE, 0);
    if (strcmp(option, "durable") == 0)
        return set_flag(out, option, value, LOCACHE_DURABLE, 1);
    if (strcmp(option, "version") == 0)
        return set_version(out, value);
    if (strcmp(option, "memory") == 0)
        return set_memory(out, value);
    if (strcmp(option, "recheck") == 0)
        return set_recheck(out, value);
    if (strcmp(option, "mapped") == 0)
        return set_flag(out, option, value, LOCACHE_UNMAPPED, 0);
    PyErr_Format(PyExc_TypeError,
                 "persist() has no option '%.100s'; it has name, auto_invalidate, max_entries, "
                 "max_age, dir, ignore, pickle, "
                 "durable, version, memory, recheck, mapped",
                 option);
    return -1;
}

int lcpy_options_init(lcpy_options *out, PyObject *const *values, PyObject *kwnames)
{
    *out = (lcpy_options){.max_entries = -1};
    Py_ssize_t count = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    int status = 0;
    for (Py_ssize_t i = 0; i < count && status == 0; i++) {
        const char *option = PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, i));
        status = option != NULL ? set_option(out, option, values[i]) : -1;
    }
    if (status == 0 && out->name != NULL && out->directory != NULL) {
        PyErr_SetString(PyExc_ValueError,
                        "persist(): name= and dir= both say where; give one of them");
        status = -1;
    }
    if (status == 0 && out->version != NULL && out->flags & LOCACHE_KEEP) {
        PyErr_SetString(PyExc_ValueError,
                        "persist(): with auto_invalidate=False no version= would be looked at");
        status = -1;
    }
    if (status < 0)
        lcpy_options_clear(out);
    return status;
}

void lcpy_options_clear(lcpy_options *options)
{
    Py_CLEAR(options->name);
    Py_CLEAR(options->directory);
    Py_CLEAR(options->ignored);
    Py_CLEAR(options->version);
}

void lcpy_options_copy(lcpy_options *out, const lcpy_options *options)
{
    *out = *options;
    Py_XINCREF(out->name);
    Py_XINCREF(out->directory);
    Py_XINCREF(out->ignored);
    Py_XINCREF(out->version);
}
