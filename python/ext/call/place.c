#include "call/place.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *copy(const char *text, size_t size)
{
    char *out = PyMem_Malloc(size + 1);
    if (out == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(out, text, size);
    out[size] = '\0';
    return out;
}

static char *join(const char *directory, const char *name)
{
    size_t room = strlen(directory) + strlen(name) + 2;
    char *out = PyMem_Malloc(room);
    if (out == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    PyOS_snprintf(out, room, "%s/%s", directory, name);
    return out;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* A global that is a str, as file system bytes: new reference, NULL without exception where there
 * is none. */
static PyObject *path_global(PyObject *globals, const char *name)
{
    PyObject *value =
        globals != NULL && PyDict_Check(globals) ? PyDict_GetItemString(globals, name) : NULL;
    PyObject *path =
        value != NULL && PyUnicode_Check(value) ? PyUnicode_EncodeFSDefault(value) : NULL;
    PyErr_Clear();
    if (path != NULL && strlen(PyBytes_AS_STRING(path)) != (size_t)PyBytes_GET_SIZE(path))
        Py_CLEAR(path);
    return path;
}

/* IPython in a terminal says "<ipython-input-1-...>"; a kernel says
 * "/tmp/ipykernel_<pid>/<number>.py", which never exists. */
static bool is_notebook(const char *filename)
{
    struct stat status;
    return strncmp(filename, "<ipython-input-", 15) == 0 ||
           (strstr(filename, "/ipykernel_") != NULL && lstat(filename, &status) < 0);
}

/* Where nothing tells the source: the working directory at import. 0 or -1; no directory is no
 * error yet. */
static int in_start_directory(lcpy_state *state, lcpy_place *out, const char *stem)
{
    if (state->start_directory == Py_None)
        return 0;
    out->source = join(PyBytes_AS_STRING(state->start_directory), "unnamed");
    if (out->source != NULL && out->stem == NULL)
        out->stem = copy(stem, strlen(stem));
    return out->source != NULL && out->stem != NULL ? 0 : -1;
}

/* Visual Studio Code tells the notebook's file in a global, Jupyter its session's name in the
 * environment. */
static int in_notebook(lcpy_state *state, lcpy_place *out, PyObject *globals)
{
    PyObject *file = path_global(globals, "__vsc_ipynb_file__");
    if (file != NULL && PyBytes_AS_STRING(file)[0] == '/') {
        out->source = copy(PyBytes_AS_STRING(file), (size_t)PyBytes_GET_SIZE(file));
        Py_DECREF(file);
        return out->source != NULL ? 0 : -1;
    }
    Py_XDECREF(file);
    const char *session = getenv("JPY_SESSION_NAME");
    const char *name = session != NULL ? base_name(session) : "";
    size_t size = strlen(name);
    bool is_file = size > 6 && strcmp(name + size - 6, ".ipynb") == 0;
    if (is_file && out->stem == NULL) {
        out->stem = copy(name, size - 6);
        if (out->stem == NULL)
            return -1;
    }
    return in_start_directory(state, out, "notebook");
}

static int beside_file(lcpy_state *state, lcpy_place *out, const char *filename, PyObject *globals)
{
    if (filename[0] == '/') {
        out->source = copy(filename, strlen(filename));
    } else {
        PyObject *file = path_global(globals, "__file__");
        const char *path = file != NULL ? PyBytes_AS_STRING(file) : "";
        if (path[0] == '/' && strcmp(base_name(path), base_name(filename)) == 0)
            out->source = copy(path, strlen(path));
        else if (state->start_directory != Py_None)
            out->source = join(PyBytes_AS_STRING(state->start_directory), filename);
        Py_XDECREF(file);
    }
    if (out->source == NULL)
        return PyErr_Occurred() != NULL ? -1 : 0;
    struct stat status;
    if (strstr(out->source, "/site-packages/") != NULL ||
        strstr(out->source, "/dist-packages/") != NULL ||
        (stat(out->source, &status) < 0 && errno == ENOTDIR)) /* within a zip file */
        out->flags = LOCACHE_LOCATE_AWAY;
    return 0;
}

static int by_source(lcpy_state *state, lcpy_place *out, PyObject *file, PyObject *globals)
{
    PyObject *path = file != NULL ? PyUnicode_EncodeFSDefault(file) : NULL;
    if (file != NULL && path == NULL)
        return -1;
    const char *filename = path != NULL ? PyBytes_AS_STRING(path) : "";
    int status;
    if (is_notebook(filename))
        status = in_notebook(state, out, globals);
    else if (filename[0] == '\0' || filename[0] == '<')
        status = in_start_directory(state, out, "unnamed");
    else
        status = beside_file(state, out, filename, globals);
    Py_XDECREF(path);
    return status;
}

/* dir= is exact; a relative one starts where the process is now. */
static int in_directory(lcpy_place *out, PyObject *directory)
{
    const char *path = PyBytes_AS_STRING(directory);
    if (path[0] == '/') {
        out->directory = copy(path, strlen(path));
    } else {
        char here[LOCACHE_PATH_MAX];
        if (getcwd(here, sizeof here) == NULL) {
            PyErr_SetFromErrno(PyExc_OSError);
            return -1;
        }
        out->directory = join(here, path);
    }
    return out->directory != NULL ? 0 : -1;
}

static int by_function(lcpy_state *state, lcpy_place *out, PyObject *function)
{
    PyObject *code = NULL;
    PyObject *globals = NULL;
    if (function != NULL) {
        code = Py_NewRef(PyFunction_GET_CODE(function));
        globals = PyFunction_GET_GLOBALS(function);
    } else if (PyEval_GetFrame() != NULL) {
        code = (PyObject *)PyFrame_GetCode(PyEval_GetFrame());
        globals = PyEval_GetGlobals();
    }
    int status =
        by_source(state, out, code != NULL ? ((PyCodeObject *)code)->co_filename : NULL, globals);
    Py_XDECREF(code);
    return status;
}

int lcpy_place_init(lcpy_state *state, lcpy_place *out, PyObject *function, PyObject *name,
                    PyObject *directory)
{
    *out = (lcpy_place){0};
    int status = 0;
    if (name != NULL) {
        Py_ssize_t size = 0;
        const char *text = PyUnicode_AsUTF8AndSize(name, &size);
        out->stem = text != NULL ? copy(text, (size_t)size) : NULL;
        status = out->stem != NULL ? 0 : -1;
    }
    if (status == 0) {
        status =
            directory != NULL ? in_directory(out, directory) : by_function(state, out, function);
    }
    if (status < 0)
        lcpy_place_clear(out);
    return status;
}

void lcpy_place_clear(lcpy_place *place)
{
    PyMem_Free(place->directory);
    PyMem_Free(place->source);
    PyMem_Free(place->stem);
    *place = (lcpy_place){0};
}

locache_status lcpy_place_find(char out[LOCACHE_PATH_MAX], const lcpy_place *place,
                               locache_error *error)
{
    if (place->directory == NULL && place->source != NULL)
        return locache_locate(out, place->source, place->stem, place->flags, error);
    if (place->directory != NULL && strlen(place->directory) < LOCACHE_PATH_MAX) {
        PyOS_snprintf(out, LOCACHE_PATH_MAX, "%s", place->directory);
        return LOCACHE_OK;
    }
    *error = (locache_error){.status = place->directory != NULL ? LOCACHE_ELIMIT : LOCACHE_EIO};
    PyOS_snprintf(
        error->message, sizeof error->message, "%s",
        place->directory != NULL
            ? "dir= is longer than a path can be; give a shorter one"
            : "the working directory is gone, and nothing else says where the cache is; give dir=");
    return error->status;
}
