#include "identity.h"

#include <string.h>

static PyObject *ask(lcpy_state *state, const char *name, PyObject *argument)
{
    if (state->identity == NULL &&
        (state->identity = PyImport_ImportModule("locache._identity")) == NULL)
        return NULL;
    return PyObject_CallMethod(state->identity, name, argument != NULL ? "O" : NULL, argument);
}

/* A digest of the module's, taken. 1, 0 for None, or -1 with an exception. */
static int take(locache_id *out, PyObject *digest)
{
    int found = digest != NULL ? digest != Py_None : -1;
    if (found > 0)
        memcpy(out->bytes, PyBytes_AS_STRING(digest), sizeof out->bytes);
    Py_XDECREF(digest);
    return found;
}

int lcpy_code_tag(lcpy_state *state, char out[LCPY_TAG_MAX + 1])
{
    PyObject *tag = ask(state, "tag", NULL);
    const char *text = tag != NULL ? PyUnicode_AsUTF8(tag) : NULL;
    if (text != NULL)
        PyOS_snprintf(out, LCPY_TAG_MAX + 1, "%s", text);
    Py_XDECREF(tag);
    return text != NULL ? 0 : -1;
}

int lcpy_code_id(lcpy_state *state, locache_id *out, PyObject *code)
{
    return take(out, ask(state, "code_id", code)) < 0 ? -1 : 0;
}

int lcpy_source_id(lcpy_state *state, locache_id *out, PyObject *function)
{
    return take(out, ask(state, "source_id", function));
}
