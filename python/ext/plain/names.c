/* What Python's objects are called: import names of modules, of the main script too, and of what is
 * found in them.
 *
 * The script that runs is called __main__ whatever it is, so that two scripts' classes would be
 * confused, and the classes of one file be two, depending on whether it runs or is imported. It is
 * called what it would be imported as, therefore, wherever that can be told. */
#include "plain/names.h"

#include <string.h>

#include <stdlib.h>

PyObject *lcpy_names_text(lcpy_state *state, const char *literal)
{
    /* literals lie close to each other */
    size_t at = ((uintptr_t)literal * 0x9e3779b97f4a7c15U) >> 56;
    for (size_t tried = 0; tried < LCPY_TEXTS_MAX; tried++) {
        lcpy_interned *slot = &state->texts[(at + tried) % LCPY_TEXTS_MAX];
        if (slot->literal == literal)
            return slot->text;
        if (slot->literal == NULL) {
            slot->text = PyUnicode_InternFromString(literal);
            slot->literal = slot->text != NULL ? literal : NULL;
            return slot->text;
        }
    }
    PyErr_NoMemory(); /* there are fewer in the source */
    return NULL;
}

void lcpy_names_free(lcpy_state *state)
{
    for (size_t i = 0; i < LCPY_TEXTS_MAX; i++) {
        state->texts[i].literal = NULL;
        Py_CLEAR(state->texts[i].text);
    }
}

PyObject *lcpy_names_loaded_by(PyObject *module, PyObject *name)
{
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *found = module == NULL || name == NULL || !PyDict_Check(modules)
                          ? NULL
                          : PyDict_GetItemWithError(modules, module);
    PyObject *value = found != NULL && PyModule_Check(found)
                          ? PyDict_GetItemWithError(PyModule_GetDict(found), name)
                          : NULL;

    if (value == NULL)
        PyErr_Clear();
    return value;
}

PyObject *lcpy_names_loaded(const char *module, const char *name)
{
    PyObject *key = PyUnicode_FromString(module);
    PyObject *found = key == NULL ? NULL : PyImport_GetModule(key);
    PyObject *value = NULL;

    Py_XDECREF(key);
    if (found != NULL && PyModule_Check(found))
        value = PyDict_GetItemString(PyModule_GetDict(found), name);
    Py_XDECREF(found); /* sys.modules keeps it, and it keeps the value */
    if (value == NULL)
        PyErr_Clear();
    return value;
}

bool lcpy_names_is_of(PyObject *object, const char *module, const char *name)
{
    PyObject *class = lcpy_names_loaded(module, name);

    return class != NULL && PyType_Check(class) &&
           PyType_IsSubtype(Py_TYPE(object), (PyTypeObject *)class);
}

/* An attribute that must be a str: new reference, or NULL without exception where it is missing or
 * something else. */
static PyObject *str_attribute(PyObject *object, const char *name)
{
    PyObject *value = PyObject_GetAttrString(object, name);

    if (value == NULL)
        PyErr_Clear();
    else if (!PyUnicode_Check(value))
        Py_CLEAR(value);
    return value;
}

/* "dir/foo.py" to "foo". */
static PyObject *stem_of(PyObject *path)
{
    Py_ssize_t size = PyUnicode_GET_LENGTH(path);
    /* At the first dot of the name: foo.cpython-311.pyc is foo. */
    Py_ssize_t slash = PyUnicode_FindChar(path, '/', 0, size, -1);
    Py_ssize_t dot = PyUnicode_FindChar(path, '.', slash + 1, size, -1);

    return PyUnicode_Substring(path, slash + 1, dot > slash + 1 ? dot : size);
}

/* Without links; as it is, where nothing is there. */
static PyObject *real_path(PyObject *path)
{
    PyObject *bytes = PyUnicode_EncodeFSDefault(path);
    char *real = bytes == NULL ? NULL : realpath(PyBytes_AS_STRING(bytes), NULL);
    PyObject *result = real == NULL ? Py_NewRef(path) : PyUnicode_DecodeFSDefault(real);

    PyErr_Clear();
    free(real);
    Py_XDECREF(bytes);
    return result;
}

/* What the main module, by either of its names, would be imported as: the name after python -m,
 * else the stem of its file. New reference; NULL without exception where it was started in neither
 * way. */
static PyObject *find_main_name(PyObject *key)
{
    PyObject *module = PyImport_GetModule(key);
    PyObject *spec = module == NULL ? NULL : PyObject_GetAttrString(module, "__spec__");
    PyObject *name = spec == NULL || spec == Py_None ? NULL : str_attribute(spec, "name");
    PyObject *file = NULL;

    PyErr_Clear();
    if (name != NULL && PyUnicode_CompareWithASCIIString(name, "__main__") == 0)
        Py_CLEAR(name); /* a directory or an archive that was run */
    if (name == NULL && module != NULL && (file = str_attribute(module, "__file__")) != NULL) {
        /* A link to a script is the script, as it is where its cache directory is found. */
        PyObject *real = real_path(file);

        name = real == NULL ? NULL : stem_of(real);
        Py_XDECREF(real);
        PyErr_Clear();
    }
    Py_XDECREF(file);
    Py_XDECREF(spec);
    Py_XDECREF(module);
    return name;
}

bool lcpy_names_is_one_of(PyObject *name, const lcpy_text *texts, size_t count)
{
    Py_ssize_t size = PyUnicode_GET_LENGTH(name);
    if (!PyUnicode_IS_ASCII(name))
        return false;
    const void *data = PyUnicode_DATA(name);
    for (size_t i = 0; i < count; i++)
        if (texts[i].size == size && memcmp(texts[i].text, data, (size_t)size) == 0)
            return true;
    return false;
}

PyObject *lcpy_names_module(lcpy_state *state, PyObject *name)
{
    /* multiprocessing's children load the main script as __mp_main__, which is __main__ only once
     * it has run. */
    if (PyUnicode_CompareWithASCIIString(name, "__main__") == 0 ||
        PyUnicode_CompareWithASCIIString(name, "__mp_main__") == 0) {
        /* kept, since what Python was started with stays; looked for again while it is unknown */
        if (state->main_name == NULL)
            state->main_name = find_main_name(name);
        return state->main_name != NULL ? Py_NewRef(state->main_name)
                                        : PyUnicode_FromString("__main__");
    }
    /* Where CPython 3.13 keeps what is pathlib's before and after. */
    if (PyUnicode_CompareWithASCIIString(name, "pathlib._local") == 0)
        return PyUnicode_FromString("pathlib");
    return Py_NewRef(name);
}

PyObject *lcpy_names_global(lcpy_state *state, PyObject *object)
{
    PyObject *module = str_attribute(object, "__module__");
    PyObject *name = str_attribute(object, "__qualname__");
    PyObject *shown = NULL;
    PyObject *result = NULL;

    /* Builtin objects may lack the qualified name. */
    if (name == NULL)
        name = str_attribute(object, "__name__");
    if (module == NULL || name == NULL) {
        PyErr_Format(PyExc_TypeError, "a '%.200s' object without a module and a name",
                     Py_TYPE(object)->tp_name);
        goto done;
    }
    shown = lcpy_names_module(state, module);
    if (shown != NULL)
        result = PyUnicode_FromFormat("%U:%U", shown, name);
done:
    Py_XDECREF(shown);
    Py_XDECREF(name);
    Py_XDECREF(module);
    return result;
}

/* The module that an object says it is from. It need not be loaded: numpy.recarray says numpy.rec.
 * pickle loads such a one, and what an object is must not depend on whether pickle was here before.
 * Only within a package that is loaded, though: a name that was made up may be that of a script.
 * New reference; NULL without exception where there is none. */
static PyObject *import_said(PyObject *name)
{
    PyObject *module = PyImport_GetModule(name);
    Py_ssize_t dot = module != NULL || PyErr_Occurred() != NULL
                         ? -1
                         : PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1);
    PyObject *package_name = dot <= 0 ? NULL : PyUnicode_Substring(name, 0, dot);
    PyObject *package = package_name == NULL ? NULL : PyImport_GetModule(package_name);

    /* An import may run a module of that package, which is what pickle would do. */
    if (package != NULL) {
        module = PyImport_Import(name);
        if (module == NULL && PyErr_ExceptionMatches(PyExc_Exception))
            PyErr_Clear();
    }
    Py_XDECREF(package);
    Py_XDECREF(package_name);
    return module;
}

int lcpy_names_has(PyObject *object, PyObject *module, PyObject *name)
{
    PyObject *at = import_said(module);
    PyObject *dot = at == NULL ? NULL : PyUnicode_FromString(".");
    PyObject *parts = dot == NULL ? NULL : PyUnicode_Split(name, dot, -1);
    int result = parts == NULL && PyErr_Occurred() != NULL ? -1 : 0;

    /* Each part of the dotted name is an attribute of the one before. */
    for (Py_ssize_t i = 0; parts != NULL && at != NULL && i < PyList_GET_SIZE(parts); i++) {
        PyObject *next = PyObject_GetAttr(at, PyList_GET_ITEM(parts, i));

        Py_SETREF(at, next);
    }
    if (result == 0) {
        result = at == object;
        if (at == NULL)
            PyErr_Clear();
    }
    Py_XDECREF(parts);
    Py_XDECREF(dot);
    Py_XDECREF(at);
    return result;
}

PyObject *lcpy_names_in_module(PyObject *object)
{
    PyObject *module = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__module__");
    PyObject *modules = PySys_GetObject("modules");
    PyObject *found = module != NULL && modules != NULL && PyDict_Check(modules)
                          ? PyDict_GetItemWithError(modules, module)
                          : NULL;
    PyObject *names = found != NULL && PyModule_Check(found) ? PyModule_GetDict(found) : NULL;
    PyObject *result = NULL;
    PyObject *name;
    PyObject *value;
    Py_ssize_t at = 0;
    while (result == NULL && names != NULL && PyDict_Next(names, &at, &name, &value))
        if (value == object && PyUnicode_CheckExact(name))
            result = Py_NewRef(name);
    Py_XDECREF(module);
    PyErr_Clear();
    return result;
}
