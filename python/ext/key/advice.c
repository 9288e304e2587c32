/* What to do about an object that cannot be part of a key. By the name of its class, since the
 * modules that these live in need not be loaded. */
#include "key/advice.h"

#include <stdbool.h>
#include <string.h>

typedef struct piece_of_advice {
    const char *class; /* tp_name, or its beginning where it ends with a dot */
    const char *text;
} piece_of_advice;

static const piece_of_advice pieces[] = {
    {"_io.BytesIO", "pass its bytes (getvalue()) instead"},
    {"_io.StringIO", "pass its text (getvalue()) instead"},
    {"_io.", "pass its path instead, and its time of modification where it may change"},
    {"_TemporaryFileWrapper", "pass its path (name) instead"},
    {"SpooledTemporaryFile", "pass its bytes (read()) instead"},
    {"dict_keys", "pass a list of it instead"},
    {"dict_values", "pass a list of it instead"},
    {"dict_items", "pass a list of it instead"},
    {"odict_keys", "pass a list of it instead"},
    {"odict_values", "pass a list of it instead"},
    {"odict_items", "pass a list of it instead"},
    {"coroutine", "await it, and pass what it gives"},
    {"re.Match", "pass its groups instead"},
};

static bool is_of(const char *name, const char *class)
{
    size_t size = strlen(class);
    return class[size - 1] == '.' ? strncmp(name, class, size) == 0 : strcmp(name, class) == 0;
}

/* Only a class of Python's can get a method: those of C have none to assign to, and the standard
 * library's are not the user's to change. */
static bool can_have_method(PyTypeObject *type)
{
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) ||
        PyType_HasFeature(type, Py_TPFLAGS_IMMUTABLETYPE))
        return false;
    PyObject *names = PySys_GetObject("stdlib_module_names");
    PyObject *module = PyObject_GetAttrString((PyObject *)type, "__module__");
    bool theirs = module != NULL && PyUnicode_Check(module);
    if (theirs && names != NULL) {
        Py_ssize_t dot = PyUnicode_FindChar(module, '.', 0, PyUnicode_GET_LENGTH(module), 1);
        PyObject *top = dot > 0 ? PyUnicode_Substring(module, 0, dot) : Py_NewRef(module);
        theirs = top != NULL && PySequence_Contains(names, top) == 0;
        Py_XDECREF(top);
    }
    Py_XDECREF(module);
    PyErr_Clear();
    return theirs;
}

const char *lcpy_advice_for(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    for (PyTypeObject *of = type; of != NULL; of = of->tp_base)
        for (size_t i = 0; of != &PyBaseObject_Type && i < sizeof pieces / sizeof *pieces; i++)
            if (is_of(of->tp_name, pieces[i].class))
                return pieces[i].text;
    if (type == &PyBaseObject_Type)
        return "use None, a text or an enum's member in its place";
    if (PyIter_Check(object))
        return "pass a list instead";
    return can_have_method(type) ? "give its class a __locache_key__ method"
                                 : "pass what counts of it instead";
}
