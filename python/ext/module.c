/* persist(), reset_cache(), reset(), verbose(). */
#include "state.h"

#include <unistd.h>

#include "call/persisted.h"
#include "identity.h"
#include "log.h"
#include "plain/types.h"

/* -------------------------------------------------------------------------------------- persist */

static PyObject *decorate(lcpy_state *state, PyObject *object, const lcpy_options *options);

/* A classmethod or staticmethod: the function within is decorated, and wrapped again in the same
 * kind. */
static PyObject *decorate_within(lcpy_state *state, PyObject *method, const lcpy_options *options)
{
    PyObject *function = PyObject_GetAttrString(method, "__func__");
    PyObject *decorated = function != NULL ? decorate(state, function, options) : NULL;
    PyObject *result =
        decorated != NULL ? PyObject_CallOneArg((PyObject *)Py_TYPE(method), decorated) : NULL;
    Py_XDECREF(function);
    Py_XDECREF(decorated);
    return result;
}

static PyObject *decorate(lcpy_state *state, PyObject *object, const lcpy_options *options)
{
    if (PyObject_TypeCheck(object, &PyClassMethod_Type) ||
        PyObject_TypeCheck(object, &PyStaticMethod_Type))
        return decorate_within(state, object, options);
    /* decorated twice: the options given last count */
    if (Py_IS_TYPE(object, state->persisted_type))
        return lcpy_persisted_new(state, ((lcpy_persisted *)object)->target.callable, options);
    if (PyType_Check(object)) {
        PyErr_Format(PyExc_TypeError,
                     "persist() decorates functions, and %.100s is a class: decorate its methods",
                     ((PyTypeObject *)object)->tp_name);
        return NULL;
    }
    if (PyObject_TypeCheck(object, &PyProperty_Type)) {
        PyErr_SetString(PyExc_TypeError,
                        "persist() decorates functions: put @persist below @property");
        return NULL;
    }
    if (!PyCallable_Check(object)) {
        PyErr_Format(PyExc_TypeError,
                     "persist() decorates functions, as @persist or @persist(name=...), not %.100s",
                     Py_TYPE(object)->tp_name);
        return NULL;
    }
    return lcpy_persisted_new(state, object, options);
}

/* What persist(...) with options returns: a decorator. */
typedef struct decorator {
    PyObject_HEAD
    lcpy_state *state;
    lcpy_options options;
} decorator;

static PyObject *decorator_call(PyObject *object, PyObject *args, PyObject *kwargs)
{
    decorator *self = (decorator *)object;
    PyObject *function;
    if ((kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) || PyTuple_GET_SIZE(args) != 1) {
        PyErr_SetString(PyExc_TypeError, "persist(...) is a decorator: it takes one function");
        return NULL;
    }
    function = PyTuple_GET_ITEM(args, 0);
    return decorate(self->state, function, &self->options);
}

static void decorator_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    lcpy_options_clear(&((decorator *)object)->options);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyType_Slot decorator_slots[] = {
    {Py_tp_doc, "The decorator that persist() with options returns."},
    {Py_tp_dealloc, LCPY_SLOT(decorator_dealloc)},
    {Py_tp_call, LCPY_SLOT(decorator_call)},
    {0, NULL},
};

static PyType_Spec decorator_spec = {
    .name = "locache._core.Decorator",
    .basicsize = sizeof(decorator),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = decorator_slots,
};

static PyObject *new_decorator(lcpy_state *state, const lcpy_options *options)
{
    decorator *self = PyObject_New(decorator, state->decorator_type);
    if (self != NULL) {
        self->state = state;
        lcpy_options_copy(&self->options, options);
    }
    return (PyObject *)self;
}

PyDoc_STRVAR(
    persist_doc,
    "persist(func=None, /, *, name=None, auto_invalidate=True, max_entries=-1, max_age=None, "
    "dir=None, ignore=(), "
    "pickle=True, durable=False, version=None, memory=True, recheck=None, mapped=True)\n--\n\n"
    "Keep the results of a function in files, and serve later calls from them.\n\n"
    "Parameters\n----------\n"
    "func : callable\n    the function; left out where options are given: "
    "@persist(name=\"notebook\")\n"
    "name : str, optional\n    keep results in <name>.cache/ in place of <source file>.cache/\n"
    "auto_invalidate : bool\n    when the function's source changes, compute anew\n"
    "max_entries : int\n    keep at most so many results, the most recently used; -1: all\n"
    "max_age : float, optional\n    forget a result that was not used for so many days; -1 or "
    "None: never\n"
    "dir : path, optional\n    exactly this cache directory\n"
    "ignore : str or iterable of str\n    parameters and captured variables that do not tell "
    "results apart\n"
    "pickle : bool\n    store also what only pickle can store\n"
    "durable : bool\n    a result is safe from a power cut before the call returns (slow)\n"
    "version : str, optional\n    results hold for this text in place of the function's source: "
    "change it to compute "
    "anew\n"
    "memory : bool, int or (int, int)\n    keep results in memory, too: True, at most so many, at "
    "most (so many, so "
    "many "
    "bytes);\n    False: read the file at each call\n"
    "recheck : float, optional\n    give a result in memory for so many seconds before its file is "
    "asked again; 0 or "
    "None: ask at each\n    call, so that a deleted file is a forgotten result at once\n"
    "mapped : bool\n    large arrays are loaded from their file as they are touched; False: read "
    "whole\n\n"
    "Returns\n-------\n"
    "the function, or a decorator; it has cache_info(), cache_clear(), and for single calls "
    "cache_path(), "
    "is_cached(),\n"
    "forget() and refresh()\n\n"
    "Raises\n------\n"
    "TypeError\n    for an unknown option, one of the wrong type, or what cannot be decorated\n"
    "ValueError\n    for an option with a value that makes no sense\n\n"
    "Examples\n--------\n"
    ">>> from locache import persist\n"
    ">>> @persist\n"
    "... def double(x):\n"
    "...     return 2 * x\n"
    ">>> double(21)\n"
    "42\n");

static PyObject *persist(PyObject *module, PyObject *const *args, Py_ssize_t count,
                         PyObject *kwnames)
{
    lcpy_state *state = PyModule_GetState(module);
    if (count > 1) {
        PyErr_Format(
            PyExc_TypeError,
            "persist() takes one function, and options by keyword; %zd positional arguments given",
            count);
        return NULL;
    }
    PyObject *function = count > 0 ? args[0] : NULL;
    lcpy_options options;
    if (lcpy_options_init(&options, args + count, kwnames) < 0)
        return NULL;
    PyObject *result = function == NULL || function == Py_None
                           ? new_decorator(state, &options)
                           : decorate(state, function, &options);
    lcpy_options_clear(&options);
    return result;
}

/* ---------------------------------------------------------------------------------------- reset */

/* One layer further in: a new reference; NULL without exception at the end. */
static PyObject *layer_within(PyObject *object)
{
    static const char *const names[] = {"__func__", "__wrapped__", "func",
                                        "fget"}; /* a method shows its function's __wrapped__ */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        PyObject *inner = PyObject_GetAttrString(object, names[i]);
        if (inner != NULL)
            return inner;
        PyErr_Clear();
    }
    return NULL;
}

#define LAYERS_MAX 100 /* nobody stacks so many decorators, a cycle has more */

/* The decorated function within decorators, partials, methods and properties; new reference, NULL
 * without exception. */
static PyObject *find_persisted(lcpy_state *state, PyObject *object)
{
    PyObject *at = Py_NewRef(object);
    for (int i = 0; at != NULL && i < LAYERS_MAX; i++) {
        if (Py_IS_TYPE(at, state->persisted_type))
            return at;
        PyObject *inner = layer_within(at);
        Py_SETREF(at, inner);
    }
    Py_XDECREF(at);
    return NULL;
}

static PyObject *reset(lcpy_state *state, PyObject *function, PyObject *name_object)
{
    PyObject *name = NULL;
    if (lcpy_option_name(&name, name_object) < 0)
        return NULL;
    PyObject *result = NULL;
    PyObject *persisted = find_persisted(state, function);
    if (persisted != NULL) {
        result = lcpy_persisted_reset((lcpy_persisted *)persisted, name);
    } else {
        PyObject *called = PyObject_GetAttrString(function, "__name__");
        PyErr_Clear();
        PyObject *shown =
            called != NULL && PyUnicode_Check(called) ? Py_NewRef(called) : PyObject_Repr(function);
        if (shown != NULL) {
            PyErr_Format(PyExc_TypeError,
                         "%U was never persisted: give a function decorated with @persist (other "
                         "decorators around it need "
                         "functools.wraps())",
                         shown);
        }
        Py_XDECREF(called);
        Py_XDECREF(shown);
    }
    Py_XDECREF(persisted);
    Py_XDECREF(name);
    return result;
}

PyDoc_STRVAR(reset_cache_doc,
             "reset_cache(func, name=None)\n--\n\n"
             "Forget every result of a persisted function, also of its earlier versions.\n\n"
             "Parameters\n----------\n"
             "func : callable\n    the function, also through functools.wraps() decorators, "
             "partials and bound methods\n"
             "name : str, optional\n    of what is stored under @persist(name=...), where that is "
             "not how func is decorated\n\n"
             "Raises\n------\n"
             "TypeError\n    where func was never persisted\n"
             "OSError\n    where the results cannot be removed\n");

static PyObject *reset_cache(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"func", "name", NULL};
    PyObject *function;
    PyObject *name = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:reset_cache", names, &function, &name))
        return NULL;
    return reset(PyModule_GetState(module), function, name);
}

PyDoc_STRVAR(reset_doc, "reset(func)\n--\n\n"
                        "The same as reset_cache(func), as locache 4 has it.");

static PyObject *reset_one(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"func", NULL};
    PyObject *function;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:reset", names, &function))
        return NULL;
    return reset(PyModule_GetState(module), function, Py_None);
}

/* -------------------------------------------------------------------------------------- verbose */

PyDoc_STRVAR(verbose_doc, "verbose(flag=True)\n--\n\n"
                          "Log one line per hit, miss, store, reset and invalidation to the "
                          "standard logger \"locache\", level INFO.\n\n"
                          "Where logging is not configured they go to the standard error output. "
                          "verbose(False) stops it.");

static PyObject *verbose(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"flag", NULL};
    int flag = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p:verbose", names, &flag))
        return NULL;
    lcpy_state *state = PyModule_GetState(module);
    if ((flag ? lcpy_log_start(state) : lcpy_log_stop(state)) < 0)
        return NULL;
    Py_RETURN_NONE;
}

/* --------------------------------------------------------------------------------------- module */

static PyMethodDef functions[] = {
    {"_id_of", lcpy_identity_id_of, METH_O, NULL},
    {"_code_id", lcpy_identity_code_id, METH_O, NULL},
    {"persist", (PyCFunction)(void (*)(void))persist, METH_FASTCALL | METH_KEYWORDS, persist_doc},
    {"reset_cache", (PyCFunction)(void (*)(void))reset_cache, METH_VARARGS | METH_KEYWORDS,
     reset_cache_doc},
    {"reset", (PyCFunction)(void (*)(void))reset_one, METH_VARARGS | METH_KEYWORDS, reset_doc},
    {"verbose", (PyCFunction)(void (*)(void))verbose, METH_VARARGS | METH_KEYWORDS, verbose_doc},
    {NULL, NULL, 0, NULL},
};

static int exec_warning(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    state->cache_warning = PyErr_NewExceptionWithDoc(
        "locache.CacheWarning",
        "Something with a cache did not work; the function's result is right.", PyExc_UserWarning,
        NULL);
    return state->cache_warning != NULL
               ? PyModule_AddObjectRef(module, "CacheWarning", state->cache_warning)
               : -1;
}

static int exec_start_directory(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    char path[LOCACHE_PATH_MAX];
    state->start_directory =
        getcwd(path, sizeof path) != NULL ? PyBytes_FromString(path) : Py_NewRef(Py_None);
    return state->start_directory != NULL ? 0 : -1;
}

static int exec_types(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    state->decorator_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &decorator_spec, NULL);
    if (state->decorator_type == NULL || lcpy_persist_exec(module) < 0)
        return -1;
    return PyModule_AddType(module, state->persisted_type) < 0 ||
                   PyModule_AddType(module, state->cache_info_type) < 0
               ? -1
               : 0;
}

static int exec_version(PyObject *module)
{
    return PyModule_AddStringConstant(module, "__version__", locache_version());
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    lcpy_state *state = PyModule_GetState(module);
    Py_VISIT(state->persisted_type);
    Py_VISIT(state->decorator_type);
    Py_VISIT(state->cache_info_type);
    Py_VISIT(state->buffer_type);
    Py_VISIT(state->unpickler_type);
    Py_VISIT(state->cache_warning);
    Py_VISIT(state->pickle);
    Py_VISIT(state->async_call);
    Py_VISIT(state->identity);
    Py_VISIT(state->logger);
    Py_VISIT(state->log_handler);
    return lcpy_types_traverse(state->types, visit, arg);
}

static int clear(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    if (state->logger != NULL)
        locache_set_log(NULL, NULL);
    Py_CLEAR(state->persisted_type);
    Py_CLEAR(state->decorator_type);
    Py_CLEAR(state->cache_info_type);
    Py_CLEAR(state->buffer_type);
    Py_CLEAR(state->unpickler_type);
    Py_CLEAR(state->cache_warning);
    Py_CLEAR(state->pickle);
    Py_CLEAR(state->main_name);
    Py_CLEAR(state->start_directory);
    Py_CLEAR(state->async_call);
    Py_CLEAR(state->identity);
    Py_CLEAR(state->logger);
    Py_CLEAR(state->log_handler);
    Py_CLEAR(state->log_level);
    lcpy_types *types = state->types;
    state->types = NULL;
    lcpy_types_free(types);
    return 0;
}

static void release(void *module)
{
    clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, LCPY_SLOT(exec_warning)},
    {Py_mod_exec, LCPY_SLOT(exec_start_directory)},
    {Py_mod_exec, LCPY_SLOT(exec_types)},
    {Py_mod_exec, LCPY_SLOT(exec_version)},
#if PY_VERSION_HEX >= 0x030c0000
    /* Log lines come through PyGILState, which only knows the main interpreter. */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,        .m_name = "locache._core", .m_doc = "The machinery of locache.",
    .m_size = sizeof(lcpy_state), .m_methods = functions,    .m_slots = slots,
    .m_traverse = traverse,       .m_clear = clear,          .m_free = release,
};

PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}
