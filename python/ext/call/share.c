/* Whose a function's directory is, where files share a cache directory by name=.
 *
 * Whoever stores first has <name>.cache/my_func/, whose version says of which module it is; a
 * function of that name in another file goes to <name>.cache/foo.my_func/. Without it both would
 * take the directory for theirs with an earlier source, and rename it at each turn. */
#include "call/share.h"

#include <string.h>

#include "plain/names.h"

#define PATTERN "{\"kind\": \"function\", \"module\": \"%U\", \"name\": \"%U\", "

static bool take_current(void *path, const locache_version_info *version)
{
    if (version->current)
        PyOS_snprintf(path, LOCACHE_PATH_MAX, "%s", version->path);
    return false;
}

/* The note of the version that has the directory now: bytes, or NULL. */
static PyObject *note_there(const char *directory, const char *name)
{
    char path[LOCACHE_PATH_MAX] = "";
    size_t size = 0;
    PyObject *note = NULL;
    if (locache_each_version(directory, name, take_current, path, NULL) != LOCACHE_OK ||
        path[0] == '\0')
        return NULL;
    char *room = PyMem_Malloc(LOCACHE_NOTE_MAX);
    if (room != NULL && locache_version_note(room, &size, path, NULL) == LOCACHE_OK)
        note = PyBytes_FromStringAndSize(room, (Py_ssize_t)size);
    PyMem_Free(room);
    return note;
}

/* Does the note begin with this very function? What is written otherwise, as a name that is not
 * ASCII, is left to those who read it. */
static bool is_note_of(PyObject *note, lcpy_persisted *self)
{
    PyObject *module = lcpy_names_module(self->state, self->target.module);
    PyObject *start =
        module != NULL ? PyUnicode_FromFormat(PATTERN, module, self->target.qualname) : NULL;
    const char *text = start != NULL ? PyUnicode_AsUTF8(start) : NULL;
    bool same = text != NULL && strncmp(PyBytes_AS_STRING(note), text, strlen(text)) == 0;
    PyErr_Clear();
    Py_XDECREF(start);
    Py_XDECREF(module);
    return same;
}

static PyObject *ask_python(lcpy_persisted *self, const char *directory, PyObject *note)
{
    PyObject *module = PyImport_ImportModule("locache._sharing");
    PyObject *place = module != NULL ? PyUnicode_DecodeFSDefault(directory) : NULL;
    PyObject *told = place != NULL ? lcpy_names_module(self->state, self->target.module) : NULL;
    PyObject *name = told != NULL ? PyObject_CallMethod(module, "own_name", "OOOOO", self, told,
                                                        self->target.qualname, place, note)
                                  : NULL;
    Py_XDECREF(told);
    Py_XDECREF(place);
    Py_XDECREF(module);
    if (name == NULL && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear(); /* it shares, as before it was asked */
    if (name != NULL && !PyUnicode_Check(name))
        Py_CLEAR(name);
    return name;
}

PyObject *lcpy_share_name(lcpy_persisted *self, const lcpy_where *where, const char *directory,
                          const char *name)
{
    bool by_name =
        where->stem != NULL || (where->function != NULL && PyBytes_GET_SIZE(where->function) == 0);
    if (!by_name || self->options.version != NULL ||
        PyTuple_GET_SIZE(self->target.functions) == 0 || !PyUnicode_Check(self->target.module))
        return NULL;
    PyObject *note = note_there(directory, name);
    PyObject *own =
        note != NULL && !is_note_of(note, self) ? ask_python(self, directory, note) : NULL;
    Py_XDECREF(note);
    return own;
}
