/* The extension module locache._core: its functions, its types and its state. */
#include "call/bound.h"
#include "call/counts.h"
#include "call/explain.h"
#include "call/listing.h"
#include "call/switch.h"
#include "call/tasks.h"
#include "call/type.h"
#include "call/weigh.h"
#include "identity.h"
#include "key/class.h"
#include "key/instance.h"
#include "key/known.h"
#include "log.h"
#include "plain/compat.h"
#include "plain/names.h"
#include "plain/types.h"
#include "reach/names.h"
#include "reach/owner.h"
#include "reach/reach.h"
#include "result/arrow_frame.h"
#include "result/layout.h"
#include "result/lost.h"

/* For locache._log. */
static PyObject *set_log(PyObject *module, PyObject *write)
{
    lcpy_log_set(PyModule_GetState(module), write);
    return Py_NewRef(Py_None);
}

/* For configure(): the bound of all results in memory, in bytes; 0: the default; negative: none. */
static PyObject *set_memory(PyObject *module, PyObject *bytes)
{
    long long most = PyLong_AsLongLong(bytes);
    if (most == -1 && PyErr_Occurred() != NULL)
        return NULL;
    locache_set_memory(most, PyModule_GetState(module));
    return Py_NewRef(Py_None);
}

static PyMethodDef functions[] = {
    {"_clear", lcpy_listing_clear, METH_O, NULL}, /* for locache._memory */
    {"_id_of", lcpy_identity_id_of, METH_O, NULL},
    {"_code_id", lcpy_identity_code_id, METH_O, NULL},
    {"_function_id", lcpy_class_function_id_of, METH_O, NULL}, /* for locache._parts */
    /* for locache._known */
    {"_key_for", (PyCFunction)(void (*)(void))lcpy_known_set, METH_FASTCALL, NULL},
    {"_add_counts", lcpy_counts_add, METH_NOARGS, NULL},  /* for locache._children */
    {"_persisted", lcpy_counts_all, METH_NOARGS, NULL},   /* for locache._stats */
    {"_summary", lcpy_counts_summary, METH_NOARGS, NULL}, /* for locache._log */
    {"decorate", lcpy_type_decorate, METH_VARARGS, NULL}, /* for persist() */
    /* for locache._async */
    {"_adopt", lcpy_tasks_adopt, METH_O, NULL},
    {"_end", lcpy_tasks_end, METH_O, NULL},
    {"_hide", lcpy_tasks_hide, METH_O, NULL},
    {"_names_of", lcpy_names_told, METH_O, NULL},       /* for tests */
    {"_key_name", lcpy_explain_key_name, METH_O, NULL}, /* for locache._keys */
    {"_arrow_frame", lcpy_arrow_frame_restore, METH_VARARGS, NULL},
    {"_laid_out", lcpy_layout_restore, METH_VARARGS, NULL},
    {"_read_only", lcpy_lost_read_only, METH_O, NULL},
    {"set_log", set_log, METH_O, NULL},
    {"set_memory", set_memory, METH_O, NULL},                 /* for locache._switch */
    {"set_switch", lcpy_switch_set, METH_O, NULL},            /* for locache._switch */
    {"_versions", lcpy_explain_versions, METH_VARARGS, NULL}, /* for locache._explain */
    {NULL, NULL, 0, NULL},
};

static int exec_warning(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    lcpy_switch_init(state);
    state->cache_warning = PyErr_NewExceptionWithDoc(
        "locache.CacheWarning",
        "Something with a cache did not work; the function's result is right.", PyExc_UserWarning,
        NULL);
    return state->cache_warning != NULL
               ? PyModule_AddObjectRef(module, "CacheWarning", state->cache_warning)
               : -1;
}

static int exec_types(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    if (lcpy_type_exec(module) < 0 || lcpy_bound_exec(module) < 0)
        return -1;
    return PyModule_AddType(module, state->persisted_type) < 0 ||
                   PyModule_AddType(module, state->bound_type) < 0
               ? -1
               : 0;
}

static int exec_reach(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    state->reach_of = lcpy_reach_of;
    return 0;
}

/* What is the interpreter's, and stays: asked for now, and not by the first call. Whatever fails
 * here fails there again, which says so. */
static int exec_lasting(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    if (lcpy_code_tag(state) == NULL || lcpy_owner_prepare(state) < 0)
        PyErr_Clear();
    return 0;
}

static int exec_version(PyObject *module)
{
    return PyModule_AddStringConstant(module, "__version__", locache_version());
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    lcpy_state *state = PyModule_GetState(module);
    Py_VISIT(state->persisted_type);
    Py_VISIT(state->bound_type);
    Py_VISIT(state->query_type);
    Py_VISIT(state->buffer_type);
    Py_VISIT(state->stream_type);
    Py_VISIT(state->unpickler_type);
    Py_VISIT(state->pickler_type);
    Py_VISIT(state->cache_warning);
    Py_VISIT(state->pickle);
    Py_VISIT(state->known);
    Py_VISIT(state->functions);
    Py_VISIT(state->reached);
    Py_VISIT(state->owners);
    Py_VISIT(state->versions);
    Py_VISIT(state->distributions);
    Py_VISIT(state->async_call);
    Py_VISIT(state->datetime);
    Py_VISIT(state->dispatch_table);
    Py_VISIT(state->identity);
    Py_VISIT(state->log_write);
    return lcpy_types_traverse(state->types, visit, arg);
}

static int clear(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    lcpy_log_end(state);
    lcpy_switch_clear(state);
    Py_CLEAR(state->persisted_type);
    Py_CLEAR(state->bound_type);
    Py_CLEAR(state->query_type);
    Py_CLEAR(state->buffer_type);
    Py_CLEAR(state->stream_type);
    Py_CLEAR(state->unpickler_type);
    Py_CLEAR(state->pickler_type);
    Py_CLEAR(state->cache_warning);
    Py_CLEAR(state->pickle);
    Py_CLEAR(state->main_name);
    Py_CLEAR(state->known);
    Py_CLEAR(state->functions);
    Py_CLEAR(state->reached);
    Py_CLEAR(state->owners);
    Py_CLEAR(state->standard);
    Py_CLEAR(state->versions);
    Py_CLEAR(state->distributions);
    Py_CLEAR(state->async_call);
    Py_CLEAR(state->datetime);
    Py_CLEAR(state->dispatch_table);
    lcpy_instance_free(state);
    lcpy_names_free(state);
    Py_CLEAR(state->identity);
    Py_CLEAR(state->tag);
    Py_CLEAR(state->log_write);
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
    {Py_mod_exec, LCPY_SLOT(exec_types)},
    {Py_mod_exec, LCPY_SLOT(exec_reach)},
    {Py_mod_exec, LCPY_SLOT(exec_version)},
    {Py_mod_exec, LCPY_SLOT(lcpy_weigh_exec)},
    {Py_mod_exec, LCPY_SLOT(exec_lasting)},
    LCPY_ANY_INTERPRETER{0, NULL},
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
