/* What a version is made of, as a note for who asks later what changed: a line of JSON for each
 * part (docs/format.md, "Parts"). */
#include "call/note.h"

#include <stdio.h>

/* Longer texts are no versions that anybody reads. */
#define VERSION_MAX 1000

/* Nobody needs a note: what prevents one is not said. -1: it is not the cache's to keep back. */
static int forgive(void)
{
    if (PyErr_Occurred() != NULL && !PyErr_ExceptionMatches(PyExc_Exception))
        return -1;
    PyErr_Clear();
    return 0;
}

PyObject *lcpy_note_of_parts(lcpy_persisted *self)
{
    PyObject *module = PyImport_ImportModule("locache._parts");
    PyObject *note = module != NULL ? PyObject_CallMethod(module, "note", "O", self) : NULL;
    Py_XDECREF(module);
    if (note != NULL && !PyBytes_Check(note))
        Py_CLEAR(note);
    if (note == NULL)
        (void)forgive();
    return note;
}

/* One unit of UTF-16 as JSON has it. */
static char *append_unit(char *at, unsigned unit)
{
    if (unit >= ' ' && unit <= '~' && unit != '"' && unit != '\\') {
        *at = (char)unit;
        return at + 1;
    }
    return at + sprintf(at, "\\u%04x", unit);
}

static char *append_json(char *at, PyObject *text)
{
    for (Py_ssize_t i = 0; i < PyUnicode_GET_LENGTH(text); i++) {
        Py_UCS4 c = PyUnicode_READ_CHAR(text, i);
        if (c > 0xFFFF)
            at = append_unit(at, 0xD800 + ((c - 0x10000) >> 10));
        at = append_unit(at, c > 0xFFFF ? 0xDC00 + ((c - 0x10000) & 0x3FF) : c);
    }
    return at;
}

PyObject *lcpy_note_of_version(lcpy_persisted *self)
{
    char line[12 * VERSION_MAX + 100];
    PyObject *version = self->options.version;
    /* Of a function of C it is not said by hand, but is its build. */
    const char *kind = PyTuple_GET_SIZE(self->target.functions) > 0 ? "version" : "build";
    if (PyUnicode_GET_LENGTH(version) > VERSION_MAX)
        return NULL;
    char *at = line + sprintf(line, "{\"kind\": \"%s\", \"module\": \"\", \"name\": \"", kind);
    at = append_json(at, version);
    at += sprintf(at, "\", \"digest\": \"\", \"text\": \"\"}");
    PyObject *note = PyBytes_FromStringAndSize(line, at - line);
    if (note == NULL)
        (void)forgive();
    return note;
}
