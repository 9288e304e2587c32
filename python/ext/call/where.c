/* Where a function's cache is: what Python found out, kept for the core to look it up by. */
#include "call/where.h"

#include <string.h>

/* For PyArg_ParseTuple(): a path as bytes without NUL; NULL for None. */
static int convert_path(PyObject *path, void *out)
{
    if (path != Py_None)
        return PyUnicode_FSConverter(path, out);
    *(PyObject **)out = NULL;
    return 1;
}

int lcpy_where_init(lcpy_where *out, PyObject *told)
{
    PyObject *stem = NULL;
    PyObject *function = NULL;
    int is_away = 0;
    *out = (lcpy_where){0};
    if (!PyArg_ParseTuple(told, "O&O&Op|U;where", convert_path, &out->directory, convert_path,
                          &out->source, &stem, &is_away, &function))
        return -1;
    out->flags = is_away ? LOCACHE_LOCATE_AWAY : 0;
    out->function = function != NULL ? PyUnicode_AsUTF8String(function) : NULL;
    if (function != NULL && out->function == NULL)
        return -1;
    /* UTF-8 in every locale, as all that a name is made of */
    out->stem = stem != Py_None ? PyUnicode_AsUTF8String(stem) : NULL;
    return stem == Py_None || out->stem != NULL ? 0 : -1;
}

void lcpy_where_clear(lcpy_where *where)
{
    Py_CLEAR(where->directory);
    Py_CLEAR(where->source);
    Py_CLEAR(where->stem);
    Py_CLEAR(where->function);
}

static const char *text_of(PyObject *bytes)
{
    return bytes != NULL ? PyBytes_AS_STRING(bytes) : NULL;
}

static locache_status refuse_where(locache_error *error, locache_status status, const char *why)
{
    *error = (locache_error){.status = status};
    PyOS_snprintf(error->message, sizeof error->message, "%s", why);
    return status;
}

locache_status lcpy_where_find(char out[LOCACHE_PATH_MAX], const lcpy_where *where,
                               locache_error *error)
{
    const char *directory = text_of(where->directory);
    if (directory == NULL && where->source != NULL)
        return locache_locate(out, text_of(where->source), text_of(where->stem), where->flags,
                              error);
    if (directory == NULL)
        return refuse_where(
            error, LOCACHE_EIO,
            "the working directory is gone, and nothing else says where the cache is; "
            "give dir=");
    if (directory[0] != '/')
        return refuse_where(
            error, LOCACHE_EIO,
            "the working directory is gone, from which dir= starts; give an absolute "
            "path");
    if (strlen(directory) >= LOCACHE_PATH_MAX)
        return refuse_where(error, LOCACHE_ELIMIT,
                            "dir= is longer than a path can be; give a shorter one");
    PyOS_snprintf(out, LOCACHE_PATH_MAX, "%s", directory);
    return LOCACHE_OK;
}
