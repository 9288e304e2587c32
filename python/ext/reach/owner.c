/* Whose code is it: the user's own, an installed package's, or Python's: told by the path of its
 * file, once for each module and each file. */
#include "reach/owner.h"

#include <string.h>

#include "plain/names.h"

/* ------------------------------------------------------------------------------------ by a path */

/* The directory of the standard library: that of the module os. Borrowed, or NULL. */
static PyObject *standard_directory(lcpy_state *state)
{
    if (state->standard == NULL) {
        PyObject *module = PyImport_ImportModule("os");
        PyObject *file = module != NULL ? PyObject_GetAttrString(module, "__file__") : NULL;
        Py_XDECREF(module);
        if (file == NULL || !PyUnicode_Check(file)) { /* frozen */
            PyErr_Clear();
            Py_XDECREF(file);
            return state->standard = PyUnicode_FromString("");
        }
        Py_ssize_t slash = PyUnicode_FindChar(file, '/', 0, PyUnicode_GET_LENGTH(file), -1);
        state->standard = PyUnicode_Substring(file, 0, slash + 1);
        Py_DECREF(file);
    }
    return state->standard;
}

int lcpy_owner_prepare(lcpy_state *state)
{
    /* Not loaded for this: `python -S` comes without it. */
    bool loaded = PyDict_GetItemString(PyImport_GetModuleDict(), "os") != NULL;
    return !loaded || standard_directory(state) != NULL ? 0 : -1;
}

static const char *installed_part(const char *path)
{
    const char *found = strstr(path, "/site-packages/");
    return found != NULL ? found : strstr(path, "/dist-packages/");
}

static bool is_shared_object(const char *path)
{
    size_t size = strlen(path);
    return size > 3 && strcmp(path + size - 3, ".so") == 0;
}

static int owner_of_path(lcpy_state *state, const char *path)
{
    if (installed_part(path) != NULL)
        return LCPY_OWNER_PACKAGE;
    if (strncmp(path, "<frozen ", 8) == 0)
        return LCPY_OWNER_PYTHON;
    PyObject *standard = standard_directory(state);
    const char *directory = standard != NULL ? PyUnicode_AsUTF8(standard) : NULL;
    if (directory == NULL)
        return -1;
    size_t size = strlen(directory);
    return size > 0 && strncmp(path, directory, size) == 0 ? LCPY_OWNER_PYTHON
           : is_shared_object(path)                        ? LCPY_OWNER_COMPILED
                                                           : LCPY_OWNER_USER;
}

/* ----------------------------------------------------------------------------- by what is known */

/* What is kept of a name or a path: 1 and *owner, 0, or -1 with an exception. */
static int find_owner(lcpy_state *state, int *owner, PyObject *key)
{
    if (state->owners == NULL && (state->owners = PyDict_New()) == NULL)
        return -1;
    PyObject *known = PyDict_GetItemWithError(state->owners, key);
    if (known == NULL)
        return PyErr_Occurred() != NULL ? -1 : 0;
    *owner = (int)PyLong_AsLong(known);
    return 1;
}

static int keep_owner(lcpy_state *state, PyObject *key, int owner)
{
    PyObject *number = owner >= 0 ? PyLong_FromLong(owner) : NULL;
    int status = number != NULL ? PyDict_SetItem(state->owners, key, number) : -1;
    Py_XDECREF(number);
    return status < 0 ? -1 : owner;
}

/* ---------------------------------------------------------------------------------- by a module */

static PyObject *top_name(PyObject *name)
{
    Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1);
    return dot > 0 ? PyUnicode_Substring(name, 0, dot) : Py_NewRef(name);
}

static int is_standard_name(PyObject *top)
{
    PyObject *names = PySys_GetObject("stdlib_module_names");
    return names != NULL ? PySequence_Contains(names, top) : 0;
}

/* A module's file, or the first directory of a package without one: a new str; NULL, perhaps with
 * an exception. */
static PyObject *file_of(PyObject *module)
{
    PyObject *file = PyObject_GetAttrString(module, "__file__");
    if (file != NULL && PyUnicode_Check(file))
        return file;
    PyErr_Clear();
    Py_XDECREF(file);
    PyObject *path = PyObject_GetAttrString(module, "__path__");
    PyObject *first = path != NULL ? PySequence_GetItem(path, 0) : NULL;
    PyErr_Clear();
    Py_XDECREF(path);
    if (first != NULL && !PyUnicode_Check(first))
        Py_CLEAR(first);
    return first;
}

static int decide_module(lcpy_state *state, PyObject *name)
{
    PyObject *top = top_name(name);
    if (top == NULL)
        return -1;
    int standard = is_standard_name(top);
    bool ours = PyUnicode_CompareWithASCIIString(top, "locache") == 0;
    Py_DECREF(top);
    if (standard < 0)
        return -1;
    if (ours)
        return LCPY_OWNER_PYTHON;
    PyObject *module = PyImport_GetModule(name);
    PyObject *file = module != NULL ? file_of(module) : NULL;
    const char *path = file != NULL ? PyUnicode_AsUTF8(file) : NULL;
    int owner = standard ? LCPY_OWNER_PYTHON : LCPY_OWNER_USER;
    PyErr_Clear(); /* a path that is no text is nobody's but the user's */
    if (path != NULL)
        owner = owner_of_path(state, path);
    Py_XDECREF(file);
    Py_XDECREF(module);
    return owner;
}

int lcpy_owner_of_module(lcpy_state *state, PyObject *name)
{
    int owner = LCPY_OWNER_USER;
    int known = find_owner(state, &owner, name);
    if (known != 0)
        return known < 0 ? -1 : owner;
    owner = decide_module(state, name);
    /* One that is not loaded may be another than its name says. */
    PyObject *module = PyImport_GetModule(name);
    Py_XDECREF(module);
    return module != NULL && owner >= 0 ? keep_owner(state, name, owner) : owner;
}

/* Of what exec() made, of which many modules share a file's name: whose module it runs in. What
 * cloudpickle brought by value runs in no module that is here: its globals are of its own, and say
 * where it was defined. In joblib's and dask's workers __main__ is theirs. */
static int owner_of_dynamic(lcpy_state *state, PyObject *globals)
{
    PyObject *name = PyDict_GetItemString(globals, "__name__");
    PyObject *file = PyDict_GetItemString(globals, "__file__");
    if (name == NULL || !PyUnicode_Check(name))
        return LCPY_OWNER_USER;
    PyObject *module = PyImport_GetModule(name);
    bool apart = module != NULL && PyModule_Check(module) && PyModule_GetDict(module) != globals;
    Py_XDECREF(module);
    if (!apart)
        return lcpy_owner_of_module(state, name);
    const char *path = file != NULL && PyUnicode_Check(file) ? PyUnicode_AsUTF8(file) : NULL;
    PyErr_Clear();
    return path != NULL ? owner_of_path(state, path) : LCPY_OWNER_USER;
}

int lcpy_owner_of_function(lcpy_state *state, PyObject *function)
{
    PyObject *file = ((PyCodeObject *)PyFunction_GET_CODE(function))->co_filename;
    int owner = LCPY_OWNER_USER;
    int known = find_owner(state, &owner, file);
    if (known != 0)
        return known < 0 ? -1 : owner;
    const char *path = PyUnicode_AsUTF8(file);
    if (path == NULL) {
        PyErr_Clear();
        return LCPY_OWNER_USER;
    }
    if (path[0] == '<' && strncmp(path, "<frozen ", 8) != 0)
        return owner_of_dynamic(state, PyFunction_GET_GLOBALS(function));
    PyObject *name = PyDict_GetItemString(PyFunction_GET_GLOBALS(function), "__name__");
    const char *module = name != NULL && PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
    PyErr_Clear();
    if (module != NULL && strncmp(module, "locache", 7) == 0 &&
        (module[7] == '\0' || module[7] == '.'))
        return LCPY_OWNER_PYTHON;
    return keep_owner(state, file, owner_of_path(state, path));
}

/* Is the module only where a class was made for somebody, as types.new_class() does, and by it
 * make_dataclass(); and ABCMeta() where it is called? It has no such name then. */
static bool is_made_for_others(PyObject *module, PyObject *class)
{
    if (!PyType_HasFeature((PyTypeObject *)class, Py_TPFLAGS_HEAPTYPE) ||
        (PyUnicode_CompareWithASCIIString(module, "types") != 0 &&
         PyUnicode_CompareWithASCIIString(module, "abc") != 0))
        return false;
    const char *name = PyUnicode_AsUTF8(module);
    return name != NULL && lcpy_names_loaded(name, ((PyTypeObject *)class)->tp_name) != class;
}

/* Is it one of another __main__ than that which runs here, as cloudpickle brings them? */
static bool is_of_other_main(PyObject *module, PyObject *class)
{
    if (PyUnicode_CompareWithASCIIString(module, "__main__") != 0)
        return false;
    PyObject *name = PyObject_GetAttrString(class, "__qualname__");
    int here = name != NULL && PyUnicode_Check(name) ? lcpy_names_has(class, module, name) : 0;
    PyErr_Clear();
    Py_XDECREF(name);
    return here <= 0;
}

int lcpy_owner_of_class(lcpy_state *state, PyObject *class)
{
    PyTypeObject *type = (PyTypeObject *)class;
    if (!PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE) && strchr(type->tp_name, '.') == NULL)
        return LCPY_OWNER_PYTHON;
    PyObject *name = PyObject_GetAttrString(class, "__module__");
    int owner = LCPY_OWNER_USER;
    if (name != NULL && PyUnicode_Check(name) && !is_made_for_others(name, class))
        owner = lcpy_owner_of_module(state, name);
    if (owner != LCPY_OWNER_USER && is_of_other_main(name, class))
        owner = LCPY_OWNER_USER;
    PyErr_Clear();
    Py_XDECREF(name);
    return owner;
}

/* Of what says of itself in which module it is. */
static int owner_of_named(lcpy_state *state, PyObject *object)
{
    PyObject *module = PyObject_GetAttrString(object, "__module__");
    PyErr_Clear();
    int owner = module != NULL && PyUnicode_Check(module) ? lcpy_owner_of_module(state, module)
                                                          : LCPY_OWNER_PYTHON;
    Py_XDECREF(module);
    return owner;
}

static int owner_of_loaded(lcpy_state *state, PyObject *module)
{
    PyObject *name = PyModule_GetNameObject(module);
    PyErr_Clear();
    int owner = name != NULL ? lcpy_owner_of_module(state, name) : LCPY_OWNER_PYTHON;
    Py_XDECREF(name);
    return owner;
}

int lcpy_owner_of(lcpy_state *state, PyObject *object)
{
    return PyType_Check(object)       ? lcpy_owner_of_class(state, object)
           : PyModule_Check(object)   ? owner_of_loaded(state, object)
           : PyFunction_Check(object) ? lcpy_owner_of_function(state, object)
                                      : owner_of_named(state, object);
}

/* Cython's, nanobind's and others' functions have types of their own; what all have is a name. */
int lcpy_owner_is_compiled(lcpy_state *state, PyObject *object)
{
    if (PyFunction_Check(object) || PyType_Check(object) || !PyCallable_Check(object))
        return 0;
    PyObject *name = PyObject_GetAttrString(object, "__name__");
    PyErr_Clear();
    int owner =
        name != NULL && PyUnicode_Check(name) ? owner_of_named(state, object) : LCPY_OWNER_PYTHON;
    Py_XDECREF(name);
    return owner < 0 ? -1 : owner == LCPY_OWNER_COMPILED;
}

/* ------------------------------------------------------------------------------------- versions */

/* As distributions are named in their directories: lower case, and every '-' and '.' a '_'. */
static PyObject *normal_name(const char *name, size_t size)
{
    unsigned char text[256];
    if (size >= sizeof text)
        size = sizeof text - 1;
    for (size_t i = 0; i < size; i++)
        text[i] = name[i] == '-' || name[i] == '.' ? '_' : (unsigned char)Py_TOLOWER(name[i]);
    return PyUnicode_DecodeUTF8((const char *)text, (Py_ssize_t)size, "replace");
}

/* One entry of a directory of packages, "name-version.dist-info" or ".egg-info". */
static int add_distribution(PyObject *versions, const char *entry)
{
    size_t size = strlen(entry);
    size_t ending = size > 10 && strcmp(entry + size - 10, ".dist-info") == 0 ? 10
                    : size > 9 && strcmp(entry + size - 9, ".egg-info") == 0  ? 9
                                                                              : 0;
    const char *dash = strchr(entry, '-');
    if (ending == 0 || dash == NULL || dash > entry + size - ending)
        return 0;
    const char *start = dash + 1;
    const char *end = entry + size - ending;
    PyObject *name = normal_name(entry, (size_t)(dash - entry));
    PyObject *version = PyUnicode_DecodeUTF8(start, end - start, "replace");
    int status = name != NULL && version != NULL ? PyDict_SetItem(versions, name, version) : -1;
    Py_XDECREF(name);
    Py_XDECREF(version);
    return status;
}

/* {name: version} of a directory of packages, listed once. Borrowed, or NULL. */
static PyObject *distributions_in(lcpy_state *state, PyObject *directory)
{
    PyObject *known = PyDict_GetItemWithError(state->distributions, directory);
    if (known != NULL || PyErr_Occurred() != NULL)
        return known;
    PyObject *versions = PyDict_New();
    PyObject *posix = PyImport_ImportModule("posix");
    PyObject *entries =
        posix != NULL ? PyObject_CallMethod(posix, "listdir", "O", directory) : NULL;
    Py_XDECREF(posix);
    if (entries == NULL && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear();
    int status = versions != NULL && PyErr_Occurred() == NULL ? 0 : -1;
    for (Py_ssize_t i = 0; status == 0 && entries != NULL && i < PyList_GET_SIZE(entries); i++) {
        const char *entry = PyUnicode_AsUTF8(PyList_GET_ITEM(entries, i));
        if (entry == NULL)
            PyErr_Clear();
        else
            status = add_distribution(versions, entry);
    }
    if (status == 0)
        status = PyDict_SetItem(state->distributions, directory, versions);
    Py_XDECREF(entries);
    Py_XDECREF(versions);
    return status == 0 ? versions : NULL;
}

/* The version that the directory of packages says of a module: new reference; NULL, perhaps with an
 * exception. */
static PyObject *listed_version(lcpy_state *state, PyObject *module, const char *top)
{
    PyObject *file = file_of(module);
    const char *path = file != NULL ? PyUnicode_AsUTF8(file) : NULL;
    const char *part = path != NULL ? installed_part(path) : NULL;
    PyObject *version = NULL;
    PyErr_Clear();
    if (part != NULL) {
        /* the length of both names */
        PyObject *directory = PyUnicode_DecodeFSDefaultAndSize(
            path, part - path + (Py_ssize_t)strlen("/site-packages"));
        PyObject *versions = directory != NULL ? distributions_in(state, directory) : NULL;
        PyObject *name = versions != NULL ? normal_name(top, strlen(top)) : NULL;
        version = name != NULL ? Py_XNewRef(PyDict_GetItemWithError(versions, name)) : NULL;
        Py_XDECREF(name);
        Py_XDECREF(directory);
    }
    Py_XDECREF(file);
    return version;
}

/* What the module says itself; else what all the distributions say, which is slow. */
static PyObject *told_version(PyObject *module, PyObject *top)
{
    PyObject *version = PyObject_GetAttrString(module, "__version__");
    if (version != NULL && PyUnicode_Check(version))
        return version;
    Py_XDECREF(version);
    PyErr_Clear();
    PyObject *helper = PyImport_ImportModule("locache._packages");
    version = helper != NULL ? PyObject_CallMethod(helper, "version_of", "O", top) : NULL;
    Py_XDECREF(helper);
    return version;
}

/* The version that any of the directories on sys.path says of what is not loaded: new reference;
 * NULL, perhaps with an exception. */
static PyObject *searched_version(lcpy_state *state, const char *top)
{
    PyObject *path = PySys_GetObject("path");
    PyObject *name = normal_name(top, strlen(top));
    PyObject *version = NULL;
    for (Py_ssize_t i = 0; name != NULL && version == NULL && path != NULL && PyList_Check(path) &&
                           i < PyList_GET_SIZE(path);
         i++) {
        PyObject *directory = PyList_GET_ITEM(path, i);
        const char *text = PyUnicode_Check(directory) ? PyUnicode_AsUTF8(directory) : NULL;
        const char *end = text != NULL ? text + strlen(text) : NULL;
        if (text == NULL || end - text < 14 ||
            (strcmp(end - 14, "/site-packages") != 0 && strcmp(end - 14, "/dist-packages") != 0))
            continue;
        PyObject *versions = distributions_in(state, directory);
        if (versions == NULL)
            break;
        version = Py_XNewRef(PyDict_GetItemWithError(versions, name));
    }
    Py_XDECREF(name);
    return version;
}

static PyObject *named_version(PyObject *top, PyObject *version)
{
    return version != NULL ? PyUnicode_FromFormat("%U %S", top, version) : NULL;
}

static PyObject *find_version(lcpy_state *state, PyObject *top)
{
    PyObject *module = PyImport_GetModule(top);
    const char *name = PyUnicode_AsUTF8(top);
    if (module == NULL || name == NULL) {
        PyErr_Clear();
        Py_XDECREF(module);
        return Py_NewRef(top);
    }
    PyObject *version = listed_version(state, module, name);
    if (version == NULL && PyErr_Occurred() == NULL)
        version = told_version(module, top);
    Py_DECREF(module);
    PyObject *text = named_version(top, version);
    Py_XDECREF(version);
    return text;
}

static int begin_versions(lcpy_state *state)
{
    if (state->versions == NULL)
        state->versions = PyDict_New();
    if (state->distributions == NULL)
        state->distributions = PyDict_New();
    return state->versions != NULL && state->distributions != NULL ? 0 : -1;
}

PyObject *lcpy_owner_version(lcpy_state *state, PyObject *name)
{
    PyObject *top = begin_versions(state) == 0 ? top_name(name) : NULL;
    if (top == NULL)
        return NULL;
    PyObject *text = Py_XNewRef(PyDict_GetItemWithError(state->versions, top));
    if (text == NULL && PyErr_Occurred() == NULL) {
        text = find_version(state, top);
        if (text != NULL && PyDict_SetItem(state->versions, top, text) < 0)
            Py_CLEAR(text);
    }
    Py_DECREF(top);
    return text;
}

PyObject *lcpy_owner_build(PyObject *name)
{
    PyObject *module = PyImport_GetModule(name);
    PyObject *file = module != NULL ? file_of(module) : NULL;
    PyErr_Clear();
    PyObject *helper = file != NULL ? PyImport_ImportModule("locache._builds") : NULL;
    PyObject *build = helper != NULL ? PyObject_CallMethod(helper, "build_of", "O", file)
                      : file == NULL ? Py_NewRef(Py_None) /* it left sys.modules */
                                     : NULL;
    Py_XDECREF(helper);
    Py_XDECREF(file);
    Py_XDECREF(module);
    return build;
}

PyObject *lcpy_owner_unloaded(lcpy_state *state, PyObject *name)
{
    PyObject *top = begin_versions(state) == 0 ? top_name(name) : NULL;
    int standard = top != NULL ? is_standard_name(top) : -1;
    const char *text = standard == 0 ? PyUnicode_AsUTF8(top) : NULL;
    PyObject *result = standard > 0 ? Py_NewRef(Py_None) : NULL;
    if (text != NULL) {
        PyObject *version = searched_version(state, text);
        result = named_version(top, version);
        Py_XDECREF(version);
    }
    Py_XDECREF(top);
    return result;
}
