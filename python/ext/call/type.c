/* The type of decorated functions: made by persist(), looks like the function that it decorates. */
#include "call/type.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

#include "call/asked.h"
#include "call/bound.h"
#include "call/call.h"
#include "call/counts.h"
#include "call/methods.h"
#include "call/open.h"

/* What functools.update_wrapper() does. */
static int copy_attributes(lcpy_persisted *self)
{
    static const char *const names[] = {"__module__", "__name__", "__qualname__", "__doc__"};
    PyObject *like = self->target.named;
    self->attributes = PyDict_New();
    if (self->attributes == NULL)
        return -1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        PyObject *value = PyObject_GetAttrString(like, names[i]);
        if (value == NULL) {
            PyErr_Clear();
            continue;
        }
        int status = PyDict_SetItemString(self->attributes, names[i], value);
        Py_DECREF(value);
        if (status < 0)
            return -1;
    }
    PyObject *own = PyFunction_Check(like) ? ((PyFunctionObject *)like)->func_dict : NULL;
    if (own != NULL && PyDict_Update(self->attributes, own) < 0)
        return -1;
    return PyDict_SetItemString(self->attributes, "__wrapped__", self->target.callable);
}

/* The tuple of settings that locache._options made. */
static int init_options(lcpy_options *out, PyObject *told)
{
    int auto_invalidate = 1;
    int pickle = 1;
    int durable = 0;
    int mapped = 1;
    PyObject *version = NULL;
    PyObject *enabled;
    PyObject *keep;
    PyObject *depends;
    int follow = 1;
    int packages = 1;
    int compress = 0;
    unsigned long long verify = 0;
    long long bounds[3];
    PyObject *ttl_of;
    PyObject *base = Py_None;
    unsigned mode = 0;
    long long numbers[6]; /* long long is int64_t's size, but may be another type */
    *out = (lcpy_options){0};
    if (!PyArg_ParseTuple(told, "ppppOLLLLLLOOOppKi(LLLO)OI;settings", &auto_invalidate, &pickle,
                          &durable, &mapped, &version, &numbers[0], &numbers[1], &numbers[2],
                          &numbers[3], &numbers[4], &numbers[5], &enabled, &keep, &depends, &follow,
                          &packages, &verify, &compress, &bounds[0], &bounds[1], &bounds[2],
                          &ttl_of, &base, &mode))
        return -1;
    *out = (lcpy_options){
        .version = version != Py_None ? Py_NewRef(version) : NULL,
        .flags = (auto_invalidate ? 0U : LOCACHE_OPEN_KEEP) |
                 (pickle ? 0U : LOCACHE_OPEN_NO_PICKLE) | (durable ? LOCACHE_OPEN_DURABLE : 0U) |
                 (mapped ? 0U : LOCACHE_OPEN_UNMAPPED),
        .max_entries = numbers[0],
        .max_age = numbers[1],
        .memory_entries = numbers[2],
        .memory_bytes = numbers[3],
        .recheck = numbers[4],
        .wait = numbers[5],
        .enabled = enabled != Py_True ? Py_NewRef(enabled) : NULL,
        .keep = keep != Py_None ? Py_NewRef(keep) : NULL,
        .depends = depends != Py_None ? Py_NewRef(depends) : NULL,
        .follow = follow != 0,
        .packages = packages != 0,
        .verify = verify,
        .compress = compress,
        .max_bytes = bounds[0],
        .ttl = bounds[1],
        .stale = bounds[2],
        .ttl_of = ttl_of != Py_None ? Py_NewRef(ttl_of) : NULL,
        .base = base != Py_None ? Py_NewRef(base) : NULL,
        .mode = mode,
    };
    return 0;
}

PyObject *lcpy_type_decorate(PyObject *module, PyObject *args)
{
    PyObject *target;
    PyObject *beside;
    PyObject *where;
    PyObject *counts; /* (ignored, key), of which the target has the second already */
    PyObject *ignored;
    PyObject *key;
    PyObject *settings;
    if (!PyArg_ParseTuple(args, "O!OO!O!O!:decorate", &PyTuple_Type, &target, &beside,
                          &PyTuple_Type, &where, &PyTuple_Type, &counts, &PyTuple_Type,
                          &settings) ||
        !PyArg_ParseTuple(counts, "O!O", &PySet_Type, &ignored, &key))
        return NULL;
    lcpy_state *state = PyModule_GetState(module);
    lcpy_persisted *self = PyObject_GC_New(lcpy_persisted, state->persisted_type);
    if (self == NULL)
        return NULL;
    memset((char *)self + sizeof(PyObject), 0, sizeof *self - sizeof(PyObject));
    self->vectorcall = lcpy_call_vectorcall;
    self->state = state;
    self->beside = Py_NewRef(beside);
    self->made = Py_NewRef(args);
    bool done = init_options(&self->options, settings) == 0 &&
                lcpy_target_init(&self->target, target,
                                 PySet_GET_SIZE(ignored) > 0 ? ignored : NULL) == 0 &&
                lcpy_where_init(&self->where, where) == 0 && copy_attributes(self) == 0;
    const lcpy_options *options = &self->options;
    self->in_memory = options->memory_entries >= 0 && options->memory_bytes >= 0;
    lcpy_counts_enter(self);
    PyObject_GC_Track(self);
    if (!done)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int persisted_traverse(PyObject *object, visitproc visit, void *arg)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->attributes);
    Py_VISIT(self->beside);
    Py_VISIT(self->options.enabled);
    Py_VISIT(self->options.keep);
    Py_VISIT(self->options.ttl_of);
    Py_VISIT(self->options.depends);
    Py_VISIT(self->made);
    Py_VISIT(self->stand_ins);
    int status = lcpy_reach_traverse(self->reach, visit, arg);
    if (status != 0)
        return status;
    return lcpy_target_traverse(&self->target, visit, arg);
}

/* The target stays, so that a finalizer may still call it: every cycle through it has another
 * object that breaks it. */
static int persisted_clear(PyObject *object)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    lcpy_captures_forget(&self->target.captures);
    lcpy_reach *reach = self->reach;
    self->reach = NULL;
    lcpy_reach_free(reach);
    Py_CLEAR(self->attributes);
    Py_CLEAR(self->stand_ins);
    return 0;
}

static void persisted_dealloc(PyObject *object)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    lcpy_counts_leave(self);
    if (self->weak_references != NULL)
        PyObject_ClearWeakRefs(object);
    lcpy_target_clear(&self->target);
    Py_CLEAR(self->attributes);
    Py_CLEAR(self->beside);
    Py_CLEAR(self->made);
    Py_CLEAR(self->stand_ins);
    Py_CLEAR(self->options.version);
    Py_CLEAR(self->options.base);
    lcpy_where_clear(&self->where);
    Py_CLEAR(self->options.enabled);
    Py_CLEAR(self->options.keep);
    Py_CLEAR(self->options.ttl_of);
    Py_CLEAR(self->options.depends);
    lcpy_reach_free(self->reach);
    self->reach = NULL;
    Py_CLEAR(self->refreshed);
    Py_CLEAR(self->told);
    lcpy_open_end(self);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *persisted_descr_get(PyObject *self, PyObject *instance, PyObject *owner)
{
    (void)owner;
    return instance == NULL || instance == Py_None
               ? Py_NewRef(self)
               : lcpy_bound_new(((lcpy_persisted *)self)->state, self, instance);
}

static PyObject *persisted_repr(PyObject *object)
{
    const lcpy_persisted *self = (const lcpy_persisted *)object;
    if (PyTuple_GET_SIZE(self->target.functions) == 0 || self->target.module == Py_None)
        return PyUnicode_FromFormat("<persisted function %U>", self->target.qualname);
    return PyUnicode_FromFormat("<persisted function %U.%U>", self->target.module,
                                self->target.qualname);
}

static PyObject *forward_get(PyObject *self, void *name)
{
    return PyObject_GetAttrString(((lcpy_persisted *)self)->target.named, name);
}

static int forward_set(PyObject *self, PyObject *value, void *name)
{
    return PyObject_SetAttrString(((lcpy_persisted *)self)->target.named, name, value);
}

/* locache._sending.stand_ins(), made when first asked for: `which` of the two. */
static PyObject *get_stand_in(PyObject *object, void *which)
{
    lcpy_persisted *self = (lcpy_persisted *)object;
    if (self->stand_ins == NULL) {
        PyObject *made = lcpy_methods_delegate("stand_ins", object, NULL);
        if (made == NULL)
            return NULL;
        if (self->stand_ins == NULL)
            self->stand_ins = Py_NewRef(made); /* else another thread was faster */
        Py_DECREF(made);
    }
    return Py_NewRef(PyTuple_GET_ITEM(self->stand_ins, which == NULL ? 0 : 1));
}

/* What reloads modules assigns the attributes of a new function to the old one: what that wraps is
 * called from then on. */
static int set_dict(PyObject *object, PyObject *value, void *unused)
{
    (void)unused;
    PyObject *done = lcpy_methods_delegate("take_attributes", object, value);
    Py_XDECREF(done);
    return done != NULL ? 0 : -1;
}

/* inspect takes what has all of these for a function. */
static PyGetSetDef persisted_getset[] = {
    {"__dict__", PyObject_GenericGetDict, set_dict, NULL, NULL},
    {"_found", get_stand_in, NULL, NULL, NULL},
    {"_parts", get_stand_in, NULL, NULL, "_parts"},
    {"__annotations__", forward_get, forward_set, NULL, "__annotations__"},
    {"__code__", forward_get, NULL, NULL, "__code__"},
    {"__defaults__", forward_get, forward_set, NULL, "__defaults__"},
    {"__kwdefaults__", forward_get, forward_set, NULL, "__kwdefaults__"},
    {"__globals__", forward_get, NULL, NULL, "__globals__"},
    {"__closure__", forward_get, NULL, NULL, "__closure__"},
    {"__type_params__", forward_get, forward_set, NULL, "__type_params__"},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef persisted_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(lcpy_persisted, vectorcall), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(lcpy_persisted, attributes), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(lcpy_persisted, weak_references), READONLY, NULL},
    {"_callable", T_OBJECT, offsetof(lcpy_persisted, target.callable), READONLY, NULL},
    {"_made", T_OBJECT, offsetof(lcpy_persisted, made), READONLY, NULL},
    {"_beside", T_OBJECT, offsetof(lcpy_persisted, beside), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot persisted_slots[] = {
    {Py_tp_doc, "A function whose results are kept in files. Made by persist()."},
    {Py_tp_dealloc, LCPY_SLOT(persisted_dealloc)},
    {Py_tp_traverse, LCPY_SLOT(persisted_traverse)},
    {Py_tp_clear, LCPY_SLOT(persisted_clear)},
    {Py_tp_call, LCPY_SLOT(PyVectorcall_Call)},
    {Py_tp_descr_get, LCPY_SLOT(persisted_descr_get)},
    {Py_tp_getattro, LCPY_SLOT(lcpy_asked_getattro)},
    {Py_tp_repr, LCPY_SLOT(persisted_repr)},
    {Py_tp_methods, lcpy_methods},
    {Py_tp_getset, persisted_getset},
    {Py_tp_members, persisted_members},
    {0, NULL},
};

static PyType_Spec persisted_spec = {
    .name = "locache._core.Persisted",
    .basicsize = sizeof(lcpy_persisted),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_IMMUTABLETYPE |
             Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = persisted_slots,
};

/* Models of pydantic take an object without an annotation for a method where it is a function or
 * where its class is one of functools, as that of lru_cache is. */
static int set_module(PyTypeObject *type)
{
    PyObject *name = PyUnicode_FromString("functools");
    int status = name != NULL ? PyDict_SetItemString(type->tp_dict, "__module__", name) : -1;
    Py_XDECREF(name);
    PyType_Modified(type);
    return status;
}

int lcpy_type_exec(PyObject *module)
{
    lcpy_state *state = PyModule_GetState(module);
    state->persisted_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &persisted_spec, NULL);
    return state->persisted_type != NULL ? set_module(state->persisted_type) : -1;
}
