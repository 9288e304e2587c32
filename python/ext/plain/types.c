#include "plain/types.h"

#include <stdlib.h>
#include <string.h>

/* Every class that is found has its place here: some 20 listed below, 25 scalar and 30 dtype
 * classes of NumPy. */
#define SLOTS 256
/* beyond three quarters, probing grows long: later classes are looked up each time */
#define SLOTS_USED_MAX 192

typedef struct slot {
    PyTypeObject *type; /* owned, so that no other class can come to live at its address */
    lcpy_class class_of;
} slot;

struct lcpy_types {
    slot slots[SLOTS];
    size_t used;
};

typedef struct known {
    /* tp_name: qualified with its module for C types, bare for classes made by a class statement */
    const char *name;
    const char *module;
    const char *attribute;
    lcpy_class class_of;
} known;

static const known known_types[] = {
    /* static types of C: nothing else has these names, and the */
    {"datetime.datetime", NULL, NULL, LCPY_DATETIME},
    /* attributes of the module may be replaced by a test's fake clock */
    {"datetime.date", NULL, NULL, LCPY_DATE},
    {"datetime.time", NULL, NULL, LCPY_TIME},
    {"datetime.timedelta", NULL, NULL, LCPY_TIMEDELTA},
    {"decimal.Decimal", "decimal", "Decimal", LCPY_DECIMAL},
    {"Fraction", "fractions", "Fraction", LCPY_FRACTION},
    {"UUID", "uuid", "UUID", LCPY_UUID},
    {"PosixPath", "pathlib", "PosixPath", LCPY_PATH},
    {"PurePosixPath", "pathlib", "PurePosixPath", LCPY_PATH},
    {"PureWindowsPath", "pathlib", "PureWindowsPath", LCPY_PATH},
    {"WindowsPath", "pathlib", "WindowsPath", LCPY_PATH},
    {"PurePath", "pathlib", "PurePath", LCPY_PATH},
    {"Path", "pathlib", "Path", LCPY_PATH},
    {"array.array", "array", "array", LCPY_PYARRAY},
    {"numpy.ndarray", "numpy", "ndarray", LCPY_NDARRAY},
    {"DataFrame", "pandas", "DataFrame", LCPY_PANDAS_FRAME},
    {"Series", "pandas", "Series", LCPY_PANDAS_SERIES},
    {"Index", "pandas", "Index", LCPY_PANDAS_INDEX},
    {"RangeIndex", "pandas", "RangeIndex", LCPY_PANDAS_INDEX},
    {"MultiIndex", "pandas", "MultiIndex", LCPY_PANDAS_INDEX},
    {"DatetimeIndex", "pandas", "DatetimeIndex", LCPY_PANDAS_INDEX},
    {"TimedeltaIndex", "pandas", "TimedeltaIndex", LCPY_PANDAS_INDEX},
    {"PeriodIndex", "pandas", "PeriodIndex", LCPY_PANDAS_INDEX},
    {"IntervalIndex", "pandas", "IntervalIndex", LCPY_PANDAS_INDEX},
    {"CategoricalIndex", "pandas", "CategoricalIndex", LCPY_PANDAS_INDEX},
    {"Int64Index", "pandas", "Int64Index", LCPY_PANDAS_INDEX}, /* these three until pandas 2 */
    {"UInt64Index", "pandas", "UInt64Index", LCPY_PANDAS_INDEX},
    {"Float64Index", "pandas", "Float64Index", LCPY_PANDAS_INDEX},
    {"pyarrow.lib.Table", "pyarrow", "Table", LCPY_ARROW_TABLE},
    {"pyarrow.lib.RecordBatch", "pyarrow", "RecordBatch", LCPY_ARROW_TABLE},
    {"pyarrow.lib.ChunkedArray", "pyarrow", "ChunkedArray", LCPY_ARROW_ARRAY},
    {"DataFrame", "polars", "DataFrame", LCPY_POLARS_FRAME},
    {"Series", "polars", "Series", LCPY_POLARS_SERIES},
};

PyObject *lcpy_loaded(const char *module, const char *name)
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

static lcpy_class classify_numpy(PyTypeObject *type)
{
    const char *name = type->tp_name + strlen("numpy.");
    PyObject *base = lcpy_loaded("numpy", "dtype");

    if (base != NULL && PyType_Check(base) && PyType_IsSubtype(type, (PyTypeObject *)base))
        return LCPY_NPDTYPE;
    base = lcpy_loaded("numpy", "generic");
    if (base == NULL || !PyType_Check(base) || !PyType_IsSubtype(type, (PyTypeObject *)base) ||
        lcpy_loaded("numpy", name) != (PyObject *)type)
        return LCPY_OTHER;
    return LCPY_NPSCALAR;
}

static lcpy_class classify_arrow(PyTypeObject *type)
{
    const char *name = type->tp_name + strlen("pyarrow.lib.");
    PyObject *base = lcpy_loaded("pyarrow", "Array");

    return base != NULL && PyType_Check(base) && PyType_IsSubtype(type, (PyTypeObject *)base) &&
                   lcpy_loaded("pyarrow.lib", name) == (PyObject *)type
               ? LCPY_ARROW_ARRAY
               : LCPY_OTHER;
}

/* The long way, by name. */
static lcpy_class classify_by_name(PyTypeObject *type)
{
    for (size_t i = 0; i < sizeof known_types / sizeof known_types[0]; i++) {
        const known *entry = &known_types[i];

        if (strcmp(entry->name, type->tp_name) != 0)
            continue;
        if (entry->module == NULL
                ? !PyType_HasFeature(type, Py_TPFLAGS_HEAPTYPE)
                : lcpy_loaded(entry->module, entry->attribute) == (PyObject *)type)
            return entry->class_of;
    }
    if (strncmp(type->tp_name, "pyarrow.lib.", strlen("pyarrow.lib.")) == 0)
        return classify_arrow(type);
    return strncmp(type->tp_name, "numpy.", strlen("numpy.")) == 0 ? classify_numpy(type)
                                                                   : LCPY_OTHER;
}

static size_t slot_of(const lcpy_types *types, const PyTypeObject *type)
{
    size_t i = ((uintptr_t)type >> 5) % SLOTS; /* types are at least 32 bytes apart */

    while (types->slots[i].type != NULL && types->slots[i].type != type)
        i = (i + 1) % SLOTS;
    return i;
}

static void remember(lcpy_state *state, PyTypeObject *type, lcpy_class class_of)
{
    if (state->types == NULL)
        state->types = PyMem_Calloc(1, sizeof *state->types);
    if (state->types != NULL && state->types->used < SLOTS_USED_MAX) {
        slot *free_slot = &state->types->slots[slot_of(state->types, type)];

        Py_INCREF(type);
        free_slot->type = type;
        free_slot->class_of = class_of;
        state->types->used++;
    }
}

static lcpy_class classify_new(lcpy_state *state, PyTypeObject *type)
{
    PyObject *raised, *value, *traceback;

    PyErr_Fetch(&raised, &value, &traceback);
    lcpy_class class_of = classify_by_name(type);
    if (class_of != LCPY_OTHER)
        remember(state, type, class_of);
    PyErr_Restore(raised, value, traceback);
    return class_of;
}

lcpy_class lcpy_classify(lcpy_state *state, PyTypeObject *type)
{
    if (type == &PyFunction_Type)
        return LCPY_FUNCTION;
    if (type == &PyModule_Type)
        return LCPY_MODULE;
    if (type == &PyMemoryView_Type)
        return LCPY_MEMORYVIEW;
    if (type == state->persisted_type)
        return LCPY_PERSISTED;
    if (state->types != NULL) {
        const slot *found = &state->types->slots[slot_of(state->types, type)];

        if (found->type != NULL)
            return found->class_of;
    }
    return classify_new(state, type);
}

void lcpy_types_free(lcpy_types *types)
{
    if (types == NULL)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        Py_XDECREF(types->slots[i].type);
    PyMem_Free(types);
}

int lcpy_types_traverse(lcpy_types *types, visitproc visit, void *arg)
{
    for (size_t i = 0; types != NULL && i < SLOTS; i++)
        Py_VISIT(types->slots[i].type);
    return 0;
}

/* An attribute that must be a str: new reference, or NULL without exception where it is missing or
 * something else. */
static PyObject *text_attribute(PyObject *object, const char *name)
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

/* New reference; NULL without exception where the main module was not started from a file or by its
 * name. */
static PyObject *find_main_name(void)
{
    PyObject *key = PyUnicode_FromString("__main__");
    PyObject *module = key == NULL ? NULL : PyImport_GetModule(key);
    PyObject *spec = module == NULL ? NULL : PyObject_GetAttrString(module, "__spec__");
    PyObject *name = spec == NULL || spec == Py_None ? NULL : text_attribute(spec, "name");
    PyObject *file = NULL;

    PyErr_Clear();
    if (name != NULL && PyUnicode_CompareWithASCIIString(name, "__main__") == 0)
        Py_CLEAR(name); /* a directory or an archive that was run */
    if (name == NULL && module != NULL && (file = text_attribute(module, "__file__")) != NULL) {
        /* As for the cache's place, a link to a script is the script. */
        PyObject *real = real_path(file);

        name = real == NULL ? NULL : stem_of(real);
        Py_XDECREF(real);
        PyErr_Clear();
    }
    Py_XDECREF(file);
    Py_XDECREF(spec);
    Py_XDECREF(module);
    Py_XDECREF(key);
    return name;
}

PyObject *lcpy_module_name(lcpy_state *state, PyObject *name)
{
    /* multiprocessing's children load the main script as __mp_main__. */
    if (PyUnicode_CompareWithASCIIString(name, "__main__") == 0 ||
        PyUnicode_CompareWithASCIIString(name, "__mp_main__") == 0) {
        if (state->main_name == NULL)
            state->main_name = find_main_name();
        return state->main_name != NULL ? Py_NewRef(state->main_name)
                                        : PyUnicode_FromString("__main__");
    }
    /* Where CPython 3.13 keeps what is pathlib's before and after. */
    if (PyUnicode_CompareWithASCIIString(name, "pathlib._local") == 0)
        return PyUnicode_FromString("pathlib");
    return Py_NewRef(name);
}

PyObject *lcpy_global_name(lcpy_state *state, PyObject *object)
{
    PyObject *module = text_attribute(object, "__module__");
    PyObject *name = text_attribute(object, "__qualname__");
    PyObject *shown = NULL;
    PyObject *result = NULL;

    if (name == NULL)
        name = text_attribute(object, "__name__");
    if (module == NULL || name == NULL) {
        PyErr_Format(PyExc_TypeError, "a '%.200s' object without a module and a name",
                     Py_TYPE(object)->tp_name);
        goto done;
    }
    shown = lcpy_module_name(state, module);
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
static PyObject *module_said(PyObject *name)
{
    PyObject *module = PyImport_GetModule(name);
    Py_ssize_t dot = module != NULL || PyErr_Occurred() != NULL
                         ? -1
                         : PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1);
    PyObject *package_name = dot <= 0 ? NULL : PyUnicode_Substring(name, 0, dot);
    PyObject *package = package_name == NULL ? NULL : PyImport_GetModule(package_name);

    if (package != NULL) {
        module = PyImport_Import(name);
        if (module == NULL && PyErr_ExceptionMatches(PyExc_Exception))
            PyErr_Clear();
    }
    Py_XDECREF(package);
    Py_XDECREF(package_name);
    return module;
}

int lcpy_global_is(PyObject *object, PyObject *module, PyObject *name)
{
    PyObject *at = module_said(module);
    PyObject *dot = at == NULL ? NULL : PyUnicode_FromString(".");
    PyObject *parts = dot == NULL ? NULL : PyUnicode_Split(name, dot, -1);
    int result = parts == NULL && PyErr_Occurred() != NULL ? -1 : 0;

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
