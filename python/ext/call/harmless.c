/* That an edit makes no result another is said by a person, whose name is recorded with it: the
 * results of the version before go on being used. */
#include "call/harmless.h"

#include "call/open.h"
#include "call/store.h"
#include "call/warn.h"

const char lcpy_harmless_doc[] =
    "keep_results($self, /, who=None)\n--\n\n"
    "Say that the last edit of the function, or of what it depends on, makes no result another:\n"
    "the results of the version before it go on being used, beside those of this one.\n\n"
    "who: a text that is recorded with the time, for f.explain(); None: user@host.\n\n"
    "Returns True where there was a version before; False where there was none, or where it was\n"
    "said of this edit already.\n\n"
    "Raises OSError where it cannot be recorded.";

/* user@host: new reference. */
static PyObject *user_at_host(void)
{
    PyObject *module = PyImport_ImportModule("locache._who");
    PyObject *text = module != NULL ? PyObject_CallMethod(module, "user_at_host", NULL) : NULL;
    Py_XDECREF(module);
    return text;
}

static PyObject *keep(lcpy_persisted *self, const char *who)
{
    locache_error error;
    locache_status status = lcpy_open(self, &error);
    if (status == LOCACHE_OK) {
        LCPY_BEGIN_WITHOUT_GIL(self);
        status = locache_keep_results(cache, who, &error);
        LCPY_END_WITHOUT_GIL(self);
    }
    if (status == LOCACHE_OK)
        lcpy_store_forget(self); /* where both versions have one, it is the earlier one's */
    return status < 0 ? lcpy_warn_raise(status, &error) : PyBool_FromLong(status == LOCACHE_OK);
}

PyObject *lcpy_harmless_keep(PyObject *object, PyObject *args, PyObject *keywords)
{
    static char *names[] = {"who", NULL};
    const char *who = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, keywords, "|z:keep_results", names, &who))
        return NULL;
    PyObject *text = who == NULL ? user_at_host() : NULL;
    PyObject *result = NULL;
    if (text != NULL)
        who = PyUnicode_AsUTF8(text);
    if (who != NULL)
        result = keep((lcpy_persisted *)object, who);
    Py_XDECREF(text);
    return result;
}
